// Pool and lookaside lists over the ledger.
#include <wdm.h>

#include <cstring>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/ledger.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {

void* Allocate(size_t size, uint32_t tag, bool paged, bool zero) {
  RequireIrqlAtMost(paged ? APC_LEVEL : DISPATCH_LEVEL,
                    paged ? "allocation of paged pool" : "allocation of pool");
  void* block = LedgerAllocate(LedgerKind::kPool, size, tag);
  if (block == nullptr) return nullptr;
  HeaderOf(block)->paged = paged;
  if (zero) {
    std::memset(block, 0, size);
  } else {
    std::memset(block, 0xA5, size < 64 ? size : 64);  // Not zero by chance.
  }
  return block;
}

void Free(void* block, uint32_t tag) {
  const uint64_t address = reinterpret_cast<uintptr_t>(block);
  if (block == nullptr || address % alignof(LedgerHeader) != 0) {
    BugCheckNow(kBadPoolCaller, 0x46, address, 0, 0, "pool release of an address that is no pool block");
  }
  const LedgerHeader* header = HeaderOf(block);
  if (header->magic == FreedMagic(block)) {
    BugCheckNow(kBadPoolCaller, 0x07, address, header->tag, 0,
                "pool block of %llu bytes released twice, first at step %llu",
                static_cast<unsigned long long>(header->size), static_cast<unsigned long long>(header->step));
  }
  if (header->magic != LiveMagic(block) || header->kind != LedgerKind::kPool) {
    BugCheckNow(kBadPoolCaller, 0x46, address, 0, 0, "pool release of an address that is no pool block");
  }
  RequireIrqlAtMost(header->paged ? APC_LEVEL : DISPATCH_LEVEL, "release of pool");
  if (tag != 0 && tag != header->tag) {
    BugCheckNow(kBadPoolCaller, 0x0A, address, header->tag, tag,
                "pool block released with tag '%.4s', allocated with '%.4s' at step %llu",
                reinterpret_cast<const char*>(&tag), reinterpret_cast<const char*>(&header->tag),
                static_cast<unsigned long long>(header->step));
  }
  if (!GuardIntact(block)) {
    BugCheckNow(
        kSpecialPoolCorruption, address, header->size, 0, 0x24,
        "bytes behind a pool block of %llu bytes (tag '%.4s', allocated at step %llu) were overwritten",
        static_cast<unsigned long long>(header->size), reinterpret_cast<const char*>(&header->tag),
        static_cast<unsigned long long>(header->step));
  }
  LedgerFree(block);
}

bool IsPaged(POOL_TYPE type) { return (type & 1) != 0; }

// The three kinds of lookaside list share their first structure.
template <typename List>
void InitializeLookaside(List* list, POOL_TYPE type, SIZE_T size, ULONG tag) {
  *list = List{};
  list->L.Type = type;
  list->L.Size = static_cast<ULONG>(size);
  list->L.Tag = tag;
}

template <typename List>
void* AllocateFromLookaside(List* list) {
  __atomic_fetch_add(&list->L.TotalAllocates, 1, __ATOMIC_RELAXED);
  if (list->L.Allocate != nullptr) return list->L.Allocate(list->L.Type, list->L.Size, list->L.Tag);
  return Allocate(list->L.Size, list->L.Tag, IsPaged(list->L.Type), false);
}

template <typename List>
void FreeToLookaside(List* list, void* entry) {
  __atomic_fetch_add(&list->L.TotalFrees, 1, __ATOMIC_RELAXED);
  if (list->L.Free != nullptr) return list->L.Free(entry);
  Free(entry, list->L.Tag);
}

}  // namespace
}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

PVOID ExAllocatePool2(POOL_FLAGS flags, SIZE_T size, ULONG tag) {
  if (size == 0 || tag == 0 ||
      !(flags & (POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED))) {
    return nullptr;
  }
  return Allocate(size, tag, (flags & POOL_FLAG_PAGED) != 0, !(flags & POOL_FLAG_UNINITIALIZED));
}
PVOID ExAllocatePoolZero(POOL_TYPE type, SIZE_T size, ULONG tag) {
  return Allocate(size, tag, IsPaged(type), true);
}
PVOID ExAllocatePoolQuotaZero(POOL_TYPE type, SIZE_T size, ULONG tag) {
  return Allocate(size, tag, IsPaged(type), true);
}
PVOID ExAllocatePoolUninitialized(POOL_TYPE type, SIZE_T size, ULONG tag) {
  return Allocate(size, tag, IsPaged(type), false);
}
PVOID ExAllocatePoolWithTag(POOL_TYPE type, SIZE_T size, ULONG tag) {
  return Allocate(size, tag, IsPaged(type), false);
}
PVOID ExAllocatePoolWithTagPriority(POOL_TYPE type, SIZE_T size, ULONG tag, EX_POOL_PRIORITY) {
  return Allocate(size, tag, IsPaged(type), false);
}
PVOID ExAllocatePool(POOL_TYPE type, SIZE_T size) { return Allocate(size, 0x656e6f4e, IsPaged(type), false); }
VOID ExFreePool(PVOID block) { Free(block, 0); }
VOID ExFreePoolWithTag(PVOID block, ULONG tag) { Free(block, tag); }

VOID ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST list, PALLOCATE_FUNCTION allocate,
                                     PFREE_FUNCTION free, ULONG, SIZE_T size, ULONG tag, USHORT) {
  InitializeLookaside(list, NonPagedPoolNx, size, tag);
  list->L.Allocate = allocate;
  list->L.Free = free;
}
VOID ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST) {}
PVOID ExAllocateFromNPagedLookasideList(PNPAGED_LOOKASIDE_LIST list) { return AllocateFromLookaside(list); }
VOID ExFreeToNPagedLookasideList(PNPAGED_LOOKASIDE_LIST list, PVOID entry) { FreeToLookaside(list, entry); }

VOID ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST list, PALLOCATE_FUNCTION allocate,
                                    PFREE_FUNCTION free, ULONG, SIZE_T size, ULONG tag, USHORT) {
  InitializeLookaside(list, PagedPool, size, tag);
  list->L.Allocate = allocate;
  list->L.Free = free;
}
VOID ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST) {}
PVOID ExAllocateFromPagedLookasideList(PPAGED_LOOKASIDE_LIST list) { return AllocateFromLookaside(list); }
VOID ExFreeToPagedLookasideList(PPAGED_LOOKASIDE_LIST list, PVOID entry) { FreeToLookaside(list, entry); }

NTSTATUS ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX list, PALLOCATE_FUNCTION_EX allocate,
                                     PFREE_FUNCTION_EX free, POOL_TYPE type, ULONG, SIZE_T size, ULONG tag,
                                     USHORT) {
  InitializeLookaside(list, type, size, tag);
  list->L.AllocateEx = allocate;
  list->L.FreeEx = free;
  return STATUS_SUCCESS;
}
VOID ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX) {}
PVOID ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX list) {
  if (list->L.AllocateEx == nullptr) return AllocateFromLookaside(list);
  __atomic_fetch_add(&list->L.TotalAllocates, 1, __ATOMIC_RELAXED);
  return list->L.AllocateEx(list->L.Type, list->L.Size, list->L.Tag, list);
}
VOID ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX list, PVOID entry) {
  if (list->L.FreeEx == nullptr) return FreeToLookaside(list, entry);
  __atomic_fetch_add(&list->L.TotalFrees, 1, __ATOMIC_RELAXED);
  list->L.FreeEx(entry, list);
}

}  // extern "C"
