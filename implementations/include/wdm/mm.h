// Memory descriptor lists.
#ifndef WSKCERT_INCLUDE_WDM_MM_H_
#define WSKCERT_INCLUDE_WDM_MM_H_

#include <ntdef.h>
#include <wdm/io.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PAGE_SIZE 0x1000
#define PAGE_SHIFT 12
#define BYTE_OFFSET(va) ((ULONG)((ULONG_PTR)(va) & (PAGE_SIZE - 1)))
#define PAGE_ALIGN(va) ((PVOID)((ULONG_PTR)(va) & ~(ULONG_PTR)(PAGE_SIZE - 1)))
#define BYTES_TO_PAGES(n) (((n) >> PAGE_SHIFT) + (((n) & (PAGE_SIZE - 1)) != 0))
#define ROUND_TO_PAGES(n) (((ULONG_PTR)(n) + PAGE_SIZE - 1) & ~(ULONG_PTR)(PAGE_SIZE - 1))
#define ADDRESS_AND_SIZE_TO_SPAN_PAGES(va, n) \
  ((ULONG)((((ULONG_PTR)(va) & (PAGE_SIZE - 1)) + (SIZE_T)(n) + (PAGE_SIZE - 1)) >> PAGE_SHIFT))

#define MDL_MAPPED_TO_SYSTEM_VA 0x0001
#define MDL_PAGES_LOCKED 0x0002
#define MDL_SOURCE_IS_NONPAGED_POOL 0x0004
#define MDL_ALLOCATED_FIXED_SIZE 0x0008
#define MDL_PARTIAL 0x0010
#define MDL_PARTIAL_HAS_BEEN_MAPPED 0x0020
#define MDL_IO_PAGE_READ 0x0040
#define MDL_WRITE_OPERATION 0x0080
#define MDL_LOCKED_PAGE_TABLES 0x0100
#define MDL_FREE_EXTRA_PTES 0x0200
#define MDL_IO_SPACE 0x0800
#define MDL_NETWORK_HEADER 0x1000
#define MDL_MAPPING_CAN_FAIL 0x2000
#define MDL_ALLOCATED_MUST_SUCCEED 0x4000

typedef struct _MDL {
  struct _MDL* Next;
  CSHORT Size;
  CSHORT MdlFlags;
  struct _EPROCESS* Process;
  PVOID MappedSystemVa;
  PVOID StartVa;  // Page-aligned.
  ULONG ByteCount;
  ULONG ByteOffset;  // Into the first page.
} MDL, *PMDL, *PMDLX;
typedef ULONG_PTR PFN_NUMBER, *PPFN_NUMBER;

typedef enum _LOCK_OPERATION { IoReadAccess, IoWriteAccess, IoModifyAccess } LOCK_OPERATION;
typedef enum _MEMORY_CACHING_TYPE { MmNonCached = 0, MmCached = 1, MmWriteCombined = 2 } MEMORY_CACHING_TYPE;
typedef enum _MM_PAGE_PRIORITY {
  LowPagePriority,
  NormalPagePriority = 16,
  HighPagePriority = 32
} MM_PAGE_PRIORITY;
#define MdlMappingNoWrite 0x80000000
#define MdlMappingNoExecute 0x40000000

#define MmGetMdlByteCount(m) ((m)->ByteCount)
#define MmGetMdlByteOffset(m) ((m)->ByteOffset)
#define MmGetMdlVirtualAddress(m) ((PVOID)((PCHAR)((m)->StartVa) + (m)->ByteOffset))
#define MmGetMdlPfnArray(m) ((PPFN_NUMBER)((m) + 1))
#define MmInitializeMdl(m, va, n)                                                                      \
  ((m)->Next = NULL,                                                                                   \
   (m)->Size = (CSHORT)(sizeof(MDL) + sizeof(PFN_NUMBER) * ADDRESS_AND_SIZE_TO_SPAN_PAGES((va), (n))), \
   (m)->MdlFlags = 0, (m)->Process = NULL, (m)->MappedSystemVa = NULL, (m)->StartVa = PAGE_ALIGN(va),  \
   (m)->ByteOffset = BYTE_OFFSET(va), (m)->ByteCount = (ULONG)(n))
#define MmPrepareMdlForReuse(m) ((void)((m)->MdlFlags &= ~MDL_PARTIAL_HAS_BEEN_MAPPED))

// MDLs live in the runtime's ledger and are reported when leaked. Up to DISPATCH_LEVEL. The page numbers
// behind an MDL do not exist here.
PMDL IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota,
                   struct _IRP* Irp);
VOID IoFreeMdl(PMDL Mdl);
VOID IoBuildPartialMdl(PMDL SourceMdl, PMDL TargetMdl, PVOID VirtualAddress, ULONG Length);
VOID MmBuildMdlForNonPagedPool(PMDL Mdl);
VOID MmProbeAndLockPages(PMDL Mdl, KPROCESSOR_MODE AccessMode, LOCK_OPERATION Operation);
VOID MmUnlockPages(PMDL Mdl);
PVOID MmMapLockedPagesSpecifyCache(PMDL Mdl, KPROCESSOR_MODE AccessMode, MEMORY_CACHING_TYPE CacheType,
                                   PVOID RequestedAddress, ULONG BugCheckOnFailure, ULONG Priority);
VOID MmUnmapLockedPages(PVOID BaseAddress, PMDL Mdl);
SIZE_T MmSizeOfMdl(PVOID Base, SIZE_T Length);
PVOID MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName);  // NULL: what is offered is declared.

FORCEINLINE PVOID MmGetSystemAddressForMdlSafe(PMDL Mdl, ULONG Priority) {
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): as on Windows, the caller's MDL is taken for one
  if (Mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) return Mdl->MappedSystemVa;
  return MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MmCached, NULL, FALSE, Priority);
}
#define MmMapLockedPages(m, mode) \
  MmMapLockedPagesSpecifyCache((m), (mode), MmCached, NULL, TRUE, NormalPagePriority)
#define MmGetMdlBaseVa(m) ((m)->StartVa)
#define MmGetSystemAddressForMdl(m) MmGetSystemAddressForMdlSafe((m), NormalPagePriority)

#ifdef __cplusplus
}
#endif

#endif  // WSKCERT_INCLUDE_WDM_MM_H_
