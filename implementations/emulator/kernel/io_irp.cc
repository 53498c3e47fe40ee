// IRPs: allocation, completion, cancellation.
#include <wdm.h>

#include <cstring>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/io.h"
#include "implementations/emulator/kernel/ledger.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {

constexpr UCHAR kFromAllocate = 0x04;  // IRP::AllocationFlags: memory of IoAllocateIrp's.
constexpr ULONG kIrpTag = 0x20707249;  // "Irp "
constexpr CCHAR kMaximumStackSize = 100;

KSPIN_LOCK g_cancel_lock;

unsigned long long Step(const IRP* irp) {
  return (irp->AllocationFlags & kFromAllocate) ? HeaderOf(irp)->step : 0;
}

void Initialize(IRP* irp, USHORT size, CCHAR stack_size) {
  std::memset(static_cast<void*>(irp), 0, size);
  irp->Type = IO_TYPE_IRP;
  irp->Size = size;
  irp->StackCount = stack_size;
  irp->CurrentLocation = static_cast<CHAR>(stack_size + 1);
  irp->Tail.Overlay.CurrentStackLocation = reinterpret_cast<IO_STACK_LOCATION*>(irp + 1) + stack_size;
  InitializeListHead(&irp->ThreadListEntry);
}

void RequireIrp(const IRP* irp, const char* function) {
  if (irp != nullptr && irp->Type == IO_TYPE_IRP) return;
  BugCheckNow(irp == nullptr ? kDriverVerifierIoManagerViolation : kMultipleIrpCompleteRequests,
              reinterpret_cast<uintptr_t>(irp), 0x1232, 0, 0, "%s on %s", function,
              irp == nullptr ? "no IRP" : "memory that is no IRP, or an IRP that was freed");
}

// A callee marked its location pending and did not complete it yet. A callee that answers without pending
// owns the IRP only until it returns, so nobody can free it meanwhile by rights.
bool InUse(const IRP* irp) {
  return irp->CurrentLocation <= irp->StackCount &&
         (irp->Tail.Overlay.CurrentStackLocation->Control & SL_PENDING_RETURNED) != 0;
}

void RequireUnused(const IRP* irp, const char* function) {
  if (!InUse(irp)) return;
  BugCheckNow(
      kDriverVerifierIoManagerViolation, 0x02, reinterpret_cast<uintptr_t>(irp), irp->CurrentLocation, 0,
      "%s on an IRP (allocated at step %llu) that a callee still has pending, at stack location %d of %d",
      function, Step(irp), irp->CurrentLocation, irp->StackCount);
}

void CheckCompletion(const IRP* irp) {
  RequireIrp(irp, "IoCompleteRequest");
  const uint64_t address = reinterpret_cast<uintptr_t>(irp);
  if (irp->CurrentLocation > irp->StackCount) {
    BugCheckNow(
        kMultipleIrpCompleteRequests, address, irp->CurrentLocation, irp->StackCount, 0,
        "IoCompleteRequest on an IRP (allocated at step %llu) that no callee has: it was completed before, "
        "or never sent",
        Step(irp));
  }
  // Whoever cancels the IRP may look at it at the same time.
  const PDRIVER_CANCEL cancel_routine = __atomic_load_n(&irp->CancelRoutine, __ATOMIC_RELAXED);
  if (cancel_routine != nullptr) {
    BugCheckNow(kDriverVerifierIoManagerViolation, 0x07, reinterpret_cast<uintptr_t>(cancel_routine), address,
                0, "IoCompleteRequest on an IRP whose cancel routine is still set");
  }
  if (irp->IoStatus.Status == STATUS_PENDING || irp->IoStatus.Status == -1) {
    BugCheckNow(kDriverVerifierIoManagerViolation, 0x06, static_cast<uint64_t>(irp->IoStatus.Status), address,
                0, "IoCompleteRequest with the status 0x%08X", static_cast<ULONG>(irp->IoStatus.Status));
  }
  if (CurrentThread()->locks != 0) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0xDF, address, CurrentThread()->locks, 0,
                "IoCompleteRequest while a spin lock is held");
  }
  RequireIrqlAtMost(DISPATCH_LEVEL, "IoCompleteRequest");
}

bool WantsCall(UCHAR control, const IRP* irp) {
  if (__atomic_load_n(&irp->Cancel, __ATOMIC_RELAXED) && (control & SL_INVOKE_ON_CANCEL)) return true;
  return (control & (NT_SUCCESS(irp->IoStatus.Status) ? SL_INVOKE_ON_SUCCESS : SL_INVOKE_ON_ERROR)) != 0;
}

// No routine kept the IRP: it has reached whoever the I/O manager sent it for.
void FinishAtTop(IRP* irp) {
  if (irp->UserIosb == nullptr && irp->UserEvent == nullptr) {
    BugCheckNow(kDriverVerifierIoManagerViolation, 0x0D, reinterpret_cast<uintptr_t>(irp), 0, 0,
                "an IRP of a driver's own (allocated at step %llu) was completed up to the I/O manager: its "
                "completion "
                "routine must be set for every outcome and return STATUS_MORE_PROCESSING_REQUIRED",
                Step(irp));
  }
  if (irp->UserIosb != nullptr) *irp->UserIosb = irp->IoStatus;
  if (irp->UserEvent != nullptr) KeSetEvent(irp->UserEvent, IO_NO_INCREMENT, FALSE);
}

}  // namespace

void ResetIo() { g_cancel_lock = 0; }

}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

PIRP IoAllocateIrp(CCHAR stack_size, BOOLEAN) {
  RequireIrqlAtMost(DISPATCH_LEVEL, "IoAllocateIrp");
  if (stack_size < 0 || stack_size > kMaximumStackSize) return nullptr;
  const USHORT size = IoSizeOfIrp(static_cast<USHORT>(stack_size));
  IRP* irp = static_cast<IRP*>(LedgerAllocate(LedgerKind::kIrp, size, kIrpTag));
  if (irp == nullptr) return nullptr;
  Initialize(irp, size, stack_size);
  irp->AllocationFlags = kFromAllocate;
  return irp;
}

PIRP IoAllocateIrpEx(PDEVICE_OBJECT, CCHAR stack_size, BOOLEAN quota) {
  return IoAllocateIrp(stack_size, quota);
}

VOID IoInitializeIrp(PIRP irp, USHORT size, CCHAR stack_size) {
  if (size < IoSizeOfIrp(static_cast<USHORT>(stack_size))) {
    BugCheckNow(kInconsistentIrp, reinterpret_cast<uintptr_t>(irp), size, 0, 0,
                "IoInitializeIrp: %u bytes are too few for %d stack locations", size, stack_size);
  }
  Initialize(irp, size, stack_size);
}

VOID IoReuseIrp(PIRP irp, NTSTATUS status) {
  RequireIrp(irp, "IoReuseIrp");
  RequireUnused(irp, "IoReuseIrp");
  const UCHAR flags = irp->AllocationFlags;
  Initialize(irp, irp->Size, irp->StackCount);
  irp->AllocationFlags = flags;
  irp->IoStatus.Status = status;
}

VOID IoFreeIrp(PIRP irp) {
  RequireIrp(irp, "IoFreeIrp");
  RequireIrqlAtMost(DISPATCH_LEVEL, "IoFreeIrp");
  if (!(irp->AllocationFlags & kFromAllocate) || HeaderOf(irp)->magic != LiveMagic(irp)) {
    BugCheckNow(kDriverVerifierIoManagerViolation, 0x01, reinterpret_cast<uintptr_t>(irp), 0, 0,
                "IoFreeIrp on an IRP that is not from IoAllocateIrp");
  }
  RequireUnused(irp, "IoFreeIrp");
  if (!GuardIntact(irp)) {
    BugCheckNow(kSpecialPoolCorruption, reinterpret_cast<uintptr_t>(irp), irp->Size, 0, 0x24,
                "bytes behind an IRP were overwritten");
  }
  irp->Type = 0;
  LedgerFree(irp);
}

VOID WskcertNoMoreStackLocations(PIRP irp) {
  RequireIrp(irp, "use of a stack location");
  BugCheckNow(kNoMoreIrpStackLocations, reinterpret_cast<uintptr_t>(irp), irp->StackCount, 0, 0,
              "an IRP (allocated at step %llu) has no stack location left of its %d", Step(irp),
              irp->StackCount);
}

VOID IofCompleteRequest(PIRP irp, CCHAR) {
  CheckCompletion(irp);
  ChoicePoint(kChoiceComplete);
  while (irp->CurrentLocation <= irp->StackCount) {
    IO_STACK_LOCATION* location = irp->Tail.Overlay.CurrentStackLocation;
    const UCHAR control = location->Control;
    const PIO_COMPLETION_ROUTINE routine = location->CompletionRoutine;
    void* context = location->Context;
    irp->PendingReturned = (control & SL_PENDING_RETURNED) != 0;
    ++irp->CurrentLocation;
    ++irp->Tail.Overlay.CurrentStackLocation;
    const bool at_top = irp->CurrentLocation > irp->StackCount;
    PDEVICE_OBJECT device = at_top ? nullptr : irp->Tail.Overlay.CurrentStackLocation->DeviceObject;
    std::memset(static_cast<void*>(location), 0, offsetof(IO_STACK_LOCATION, DeviceObject));
    location->CompletionRoutine = nullptr;
    if (routine != nullptr && WantsCall(control, irp)) {
      // Afterwards the IRP belongs to the routine, if that says so: no look at it any more.
      if (routine(device, irp, context) == STATUS_MORE_PROCESSING_REQUIRED) return;
    } else if (irp->PendingReturned && !at_top) {
      IoMarkIrpPending(irp);
    }
  }
  FinishAtTop(irp);
}

NTSTATUS IofCallDriver(PDEVICE_OBJECT device, PIRP irp) {
  RequireIrp(irp, "IoCallDriver");
  IoSetNextIrpStackLocation(irp);
  IO_STACK_LOCATION* location = IoGetCurrentIrpStackLocation(irp);
  location->DeviceObject = device;
  return device->DriverObject->MajorFunction[location->MajorFunction](device, irp);
}

VOID IoAcquireCancelSpinLock(PKIRQL irql) { *irql = KeAcquireSpinLockRaiseToDpc(&g_cancel_lock); }
VOID IoReleaseCancelSpinLock(KIRQL irql) { KeReleaseSpinLock(&g_cancel_lock, irql); }

BOOLEAN IoCancelIrp(PIRP irp) {
  RequireIrp(irp, "IoCancelIrp");
  KIRQL irql;
  IoAcquireCancelSpinLock(&irql);
  RequireIrp(irp, "IoCancelIrp");
  __atomic_store_n(&irp->Cancel, TRUE, __ATOMIC_SEQ_CST);  // Read without the lock.
  const PDRIVER_CANCEL routine = IoSetCancelRoutine(irp, nullptr);
  if (routine == nullptr) {
    IoReleaseCancelSpinLock(irql);
    return FALSE;
  }
  if (irp->CurrentLocation > irp->StackCount + 1) {
    BugCheckNow(0x48, reinterpret_cast<uintptr_t>(irp), 0, 0, 0, "IoCancelIrp on an IRP that was completed");
  }
  irp->CancelIrql = irql;
  PDEVICE_OBJECT device =
      irp->CurrentLocation <= irp->StackCount ? IoGetCurrentIrpStackLocation(irp)->DeviceObject : nullptr;
  routine(device, irp);
  // The routine releases the lock; the IRP may be gone.
  if ((__atomic_load_n(&g_cancel_lock, __ATOMIC_RELAXED) & ~ULONG_PTR{1}) ==
      reinterpret_cast<ULONG_PTR>(CurrentThread())) {
    BugCheckNow(0x11B, reinterpret_cast<uintptr_t>(routine), reinterpret_cast<uintptr_t>(irp), 0, 0,
                "a cancel routine returned without releasing the cancel spin lock");
  }
  return TRUE;
}

NTSTATUS IoSetCompletionRoutineEx(PDEVICE_OBJECT, PIRP irp, PIO_COMPLETION_ROUTINE routine, PVOID context,
                                  BOOLEAN on_success, BOOLEAN on_error, BOOLEAN on_cancel) {
  IoSetCompletionRoutine(irp, routine, context, on_success, on_error, on_cancel);
  return STATUS_SUCCESS;
}

}  // extern "C"
