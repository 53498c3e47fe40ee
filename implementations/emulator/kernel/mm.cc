// MDLs. Memory here is always resident and mapped, so locking and mapping only keep the flags that clients
// and checks look at.
#include <wdm.h>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/ledger.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {

constexpr ULONG kMdlTag = 0x206c644d;  // "Mdl "

void Attach(IRP* irp, MDL* mdl, bool secondary) {
  if (!secondary || irp->MdlAddress == nullptr) {
    irp->MdlAddress = mdl;
    return;
  }
  MDL* last = irp->MdlAddress;
  while (last->Next != nullptr) last = last->Next;
  last->Next = mdl;
}

}  // namespace
}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

PMDL IoAllocateMdl(PVOID address, ULONG length, BOOLEAN secondary, BOOLEAN, PIRP irp) {
  RequireIrqlAtMost(DISPATCH_LEVEL, "IoAllocateMdl");
  if (length >= 0x80000000u) return nullptr;
  MDL* mdl = static_cast<MDL*>(LedgerAllocate(LedgerKind::kMdl, sizeof(MDL), kMdlTag));
  if (mdl == nullptr) return nullptr;
  MmInitializeMdl(mdl, address, length);
  if (irp != nullptr) Attach(irp, mdl, secondary);
  return mdl;
}

VOID IoFreeMdl(PMDL mdl) {
  const uint64_t address = reinterpret_cast<uintptr_t>(mdl);
  const LedgerHeader* header = HeaderOf(mdl);
  if (mdl == nullptr || address % alignof(LedgerHeader) != 0 || header->magic != LiveMagic(mdl) ||
      header->kind != LedgerKind::kMdl) {
    const bool freed =
        mdl != nullptr && address % alignof(LedgerHeader) == 0 && header->magic == FreedMagic(mdl);
    BugCheckNow(kBadPoolCaller, freed ? 0x07 : 0x46, address, 0, 0, "IoFreeMdl on %s",
                freed ? "an MDL that was freed before" : "something that is not from IoAllocateMdl");
  }
  if (mdl->MdlFlags & MDL_PAGES_LOCKED) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0xB8, address, 0, 0,
                "IoFreeMdl on an MDL whose pages are locked");
  }
  if (!GuardIntact(mdl)) {
    BugCheckNow(kSpecialPoolCorruption, address, sizeof(MDL), 0, 0x24,
                "bytes behind an MDL were overwritten");
  }
  LedgerFree(mdl);
}

VOID MmBuildMdlForNonPagedPool(PMDL mdl) {
  if (mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL)) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0xB8, reinterpret_cast<uintptr_t>(mdl),
                static_cast<uint64_t>(mdl->MdlFlags), 0,
                "MmBuildMdlForNonPagedPool on an MDL that is locked, mapped or partial");
  }
  mdl->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
  mdl->MappedSystemVa = MmGetMdlVirtualAddress(mdl);
}

VOID IoBuildPartialMdl(PMDL source, PMDL target, PVOID address, ULONG length) {
  const ULONG_PTR begin = reinterpret_cast<ULONG_PTR>(MmGetMdlVirtualAddress(source));
  const ULONG_PTR offset = reinterpret_cast<ULONG_PTR>(address) - begin;
  if (length == 0 && offset <= source->ByteCount) length = static_cast<ULONG>(source->ByteCount - offset);
  if (offset > source->ByteCount || length > source->ByteCount - offset) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0xB8, reinterpret_cast<uintptr_t>(source), offset, length,
                "IoBuildPartialMdl: %u bytes at offset %llu of an MDL of %u", length, offset,
                source->ByteCount);
  }
  MDL* next = target->Next;
  MmInitializeMdl(target, address, length);
  target->Next = next;
  target->MdlFlags = static_cast<CSHORT>(
      MDL_PARTIAL |
      (source->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA | MDL_IO_SPACE)));
  target->Process = source->Process;
  if (source->MappedSystemVa != nullptr)
    target->MappedSystemVa = static_cast<PCHAR>(source->MappedSystemVa) + offset;
}

VOID MmProbeAndLockPages(PMDL mdl, KPROCESSOR_MODE, LOCK_OPERATION operation) {
  if (mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL)) {
    BugCheckNow(0x76, 0, reinterpret_cast<uintptr_t>(mdl), 0, 0,
                "MmProbeAndLockPages on an MDL that is locked already");
  }
  mdl->MdlFlags |= MDL_PAGES_LOCKED;
  if (operation != IoReadAccess) mdl->MdlFlags |= MDL_WRITE_OPERATION;
}

VOID MmUnlockPages(PMDL mdl) {
  if (!(mdl->MdlFlags & MDL_PAGES_LOCKED)) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0x7C, reinterpret_cast<uintptr_t>(mdl),
                static_cast<uint64_t>(mdl->MdlFlags), 0,
                "MmUnlockPages on an MDL whose pages are not locked");
  }
  mdl->MdlFlags &= static_cast<CSHORT>(~(MDL_PAGES_LOCKED | MDL_WRITE_OPERATION | MDL_MAPPED_TO_SYSTEM_VA));
  mdl->MappedSystemVa = nullptr;
}

PVOID MmMapLockedPagesSpecifyCache(PMDL mdl, KPROCESSOR_MODE, MEMORY_CACHING_TYPE, PVOID, ULONG, ULONG) {
  RequireIrqlAtMost(DISPATCH_LEVEL, "mapping of an MDL");
  if (!(mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_PARTIAL | MDL_SOURCE_IS_NONPAGED_POOL))) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0x7D, reinterpret_cast<uintptr_t>(mdl),
                static_cast<uint64_t>(mdl->MdlFlags), 0,
                "an MDL was mapped that is neither built for nonpaged pool nor locked");
  }
  mdl->MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA;
  mdl->MappedSystemVa = MmGetMdlVirtualAddress(mdl);
  return mdl->MappedSystemVa;
}

VOID MmUnmapLockedPages(PVOID, PMDL mdl) {
  mdl->MdlFlags &= static_cast<CSHORT>(~MDL_MAPPED_TO_SYSTEM_VA);
  mdl->MappedSystemVa = nullptr;
}

SIZE_T MmSizeOfMdl(PVOID base, SIZE_T length) {
  return sizeof(MDL) + sizeof(PFN_NUMBER) * ADDRESS_AND_SIZE_TO_SPAN_PAGES(base, length);
}

PVOID MmGetSystemRoutineAddress(PUNICODE_STRING) { return nullptr; }

}  // extern "C"
