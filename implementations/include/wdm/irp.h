// Functions on IRPs. An IRP has StackCount stack locations; each callee consumes one, counting down, and
// completion counts up again. CurrentLocation is StackCount + 1 while nobody owns the IRP but who allocated
// it.
#ifndef WSKCERT_INCLUDE_WDM_IRP_H_
#define WSKCERT_INCLUDE_WDM_IRP_H_

#include <wdm/io.h>

EXTERN_C_START

#define IoSizeOfIrp(n) ((USHORT)(sizeof(IRP) + (n) * sizeof(IO_STACK_LOCATION)))

// Up to DISPATCH_LEVEL, all of them except as noted.
PIRP IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota);  // NULL when out of resources.
PIRP IoAllocateIrpEx(PDEVICE_OBJECT DeviceObject, CCHAR StackSize, BOOLEAN ChargeQuota);
VOID IoInitializeIrp(PIRP Irp, USHORT PacketSize, CCHAR StackSize);  // For memory of the caller's own.
VOID IoReuseIrp(PIRP Irp, NTSTATUS Iostatus);
// Bug check while a callee still has the IRP pending, or for an IRP that was freed before.
VOID IoFreeIrp(PIRP Irp);
// Runs completion routines upwards until one returns STATUS_MORE_PROCESSING_REQUIRED. The caller holds no
// lock. Bug check when no callee has the IRP, when a cancel routine is still set or when the status is
// STATUS_PENDING.
VOID IofCompleteRequest(PIRP Irp, CCHAR PriorityBoost);
// For IRPs in memory of the caller's own, when they are used no more.
FORCEINLINE VOID IoCleanupIrp(PIRP Irp) { UNREFERENCED_PARAMETER(Irp); }
#define IoCompleteRequest(i, p) IofCompleteRequest(i, p)
NTSTATUS IofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp);
#define IoCallDriver(d, i) IofCallDriver(d, i)
// Sets Irp->Cancel and calls the cancel routine, if there is one, with the cancel spin lock held, which the
// routine releases to Irp->CancelIrql. TRUE if there was one.
BOOLEAN IoCancelIrp(PIRP Irp);
VOID IoAcquireCancelSpinLock(PKIRQL Irql);
VOID IoReleaseCancelSpinLock(KIRQL Irql);
// STATUS_NOT_SUPPORTED never happens here: as IoSetCompletionRoutine; the device keeps its driver loaded.
NTSTATUS IoSetCompletionRoutineEx(PDEVICE_OBJECT DeviceObject, PIRP Irp,
                                  PIO_COMPLETION_ROUTINE CompletionRoutine, PVOID Context,
                                  BOOLEAN InvokeOnSuccess, BOOLEAN InvokeOnError, BOOLEAN InvokeOnCancel);
// The bug check for IoSetNextIrpStackLocation on an IRP without free locations.
DECLSPEC_NORETURN VOID WskcertNoMoreStackLocations(PIRP Irp);

FORCEINLINE PIO_STACK_LOCATION IoGetCurrentIrpStackLocation(PIRP Irp) {
  return Irp->Tail.Overlay.CurrentStackLocation;
}
FORCEINLINE PIO_STACK_LOCATION IoGetNextIrpStackLocation(PIRP Irp) {
  if (__builtin_expect(Irp->CurrentLocation <= 1, 0)) WskcertNoMoreStackLocations(Irp);
  return Irp->Tail.Overlay.CurrentStackLocation - 1;
}
FORCEINLINE VOID IoSetNextIrpStackLocation(PIRP Irp) {
  if (__builtin_expect(Irp->CurrentLocation <= 1, 0)) WskcertNoMoreStackLocations(Irp);
  Irp->CurrentLocation--;
  Irp->Tail.Overlay.CurrentStackLocation--;
}
FORCEINLINE VOID IoSkipCurrentIrpStackLocation(PIRP Irp) {
  Irp->CurrentLocation++;
  Irp->Tail.Overlay.CurrentStackLocation++;
}
FORCEINLINE VOID IoCopyCurrentIrpStackLocationToNext(PIRP Irp) {
  PIO_STACK_LOCATION current = IoGetCurrentIrpStackLocation(Irp);
  PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(Irp);
  __builtin_memcpy(next, current, offsetof(IO_STACK_LOCATION, CompletionRoutine));
  next->Control = 0;
}
FORCEINLINE VOID IoSetCompletionRoutine(PIRP Irp, PIO_COMPLETION_ROUTINE CompletionRoutine, PVOID Context,
                                        BOOLEAN InvokeOnSuccess, BOOLEAN InvokeOnError,
                                        BOOLEAN InvokeOnCancel) {
  PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(Irp);
  next->CompletionRoutine = CompletionRoutine;
  next->Context = Context;
  next->Control =
      (UCHAR)((InvokeOnSuccess ? SL_INVOKE_ON_SUCCESS : 0) | (InvokeOnError ? SL_INVOKE_ON_ERROR : 0) |
              (InvokeOnCancel ? SL_INVOKE_ON_CANCEL : 0));
}
FORCEINLINE VOID IoMarkIrpPending(PIRP Irp) {
  IoGetCurrentIrpStackLocation(Irp)->Control |= SL_PENDING_RETURNED;
}
FORCEINLINE PDRIVER_CANCEL IoSetCancelRoutine(PIRP Irp, PDRIVER_CANCEL CancelRoutine) {
  return __atomic_exchange_n(&Irp->CancelRoutine, CancelRoutine, __ATOMIC_SEQ_CST);
}
FORCEINLINE PDEVICE_OBJECT IoGetRelatedDeviceObject(PFILE_OBJECT FileObject) {
  return FileObject->DeviceObject;
}

EXTERN_C_END

#endif  // WSKCERT_INCLUDE_WDM_IRP_H_
