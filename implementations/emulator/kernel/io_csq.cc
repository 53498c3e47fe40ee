// Cancel-safe queues. DriverContext[3] of a queued IRP points to the queue, or to the context that the driver
// gave, which names the queue.
#include <wdm.h>

namespace {

enum CsqType : ULONG { kCsq = 1, kCsqContext = 2, kCsqEx = 3 };

PVOID& LinkOf(PIRP irp) { return irp->Tail.Overlay.DriverContext[3]; }

IO_CSQ* CsqOf(PIRP irp) {
  auto* csq = static_cast<IO_CSQ*>(LinkOf(irp));
  if (csq->Type == kCsqContext) return static_cast<IO_CSQ_IRP_CONTEXT*>(LinkOf(irp))->Csq;
  return csq;
}

// The IRP has left the queue.
void Forget(PIRP irp) {
  auto* link = static_cast<IO_CSQ*>(LinkOf(irp));
  if (link->Type == kCsqContext) static_cast<IO_CSQ_IRP_CONTEXT*>(LinkOf(irp))->Irp = nullptr;
  LinkOf(irp) = nullptr;
}

void CancelQueued(PDEVICE_OBJECT, PIRP irp) {
  IoReleaseCancelSpinLock(irp->CancelIrql);
  IO_CSQ* csq = CsqOf(irp);
  KIRQL irql;
  csq->CsqAcquireLock(csq, &irql);
  csq->CsqRemoveIrp(csq, irp);
  Forget(irp);
  csq->CsqReleaseLock(csq, irql);
  csq->CsqCompleteCanceledIrp(csq, irp);
}

NTSTATUS Initialize(IO_CSQ* csq, ULONG type, PIO_CSQ_INSERT_IRP insert, PIO_CSQ_REMOVE_IRP remove,
                    PIO_CSQ_PEEK_NEXT_IRP peek, PIO_CSQ_ACQUIRE_LOCK acquire, PIO_CSQ_RELEASE_LOCK release,
                    PIO_CSQ_COMPLETE_CANCELED_IRP complete) {
  *csq = IO_CSQ{type, insert, remove, peek, acquire, release, complete, nullptr};
  return STATUS_SUCCESS;
}

// With the lock: takes the IRP out unless its cancellation has begun; then the cancel routine does.
bool TakeOut(IO_CSQ* csq, PIRP irp) {
  if (IoSetCancelRoutine(irp, nullptr) == nullptr) return false;
  csq->CsqRemoveIrp(csq, irp);
  Forget(irp);
  return true;
}

}  // namespace

extern "C" {

NTSTATUS IoCsqInitialize(PIO_CSQ csq, PIO_CSQ_INSERT_IRP insert, PIO_CSQ_REMOVE_IRP remove,
                         PIO_CSQ_PEEK_NEXT_IRP peek, PIO_CSQ_ACQUIRE_LOCK acquire,
                         PIO_CSQ_RELEASE_LOCK release, PIO_CSQ_COMPLETE_CANCELED_IRP complete) {
  return Initialize(csq, kCsq, insert, remove, peek, acquire, release, complete);
}

NTSTATUS IoCsqInitializeEx(PIO_CSQ csq, PIO_CSQ_INSERT_IRP_EX insert, PIO_CSQ_REMOVE_IRP remove,
                           PIO_CSQ_PEEK_NEXT_IRP peek, PIO_CSQ_ACQUIRE_LOCK acquire,
                           PIO_CSQ_RELEASE_LOCK release, PIO_CSQ_COMPLETE_CANCELED_IRP complete) {
  return Initialize(csq, kCsqEx, reinterpret_cast<PIO_CSQ_INSERT_IRP>(reinterpret_cast<PVOID>(insert)),
                    remove, peek, acquire, release, complete);
}

NTSTATUS IoCsqInsertIrpEx(PIO_CSQ csq, PIRP irp, PIO_CSQ_IRP_CONTEXT context, PVOID insert_context) {
  if (context != nullptr) {
    *context = IO_CSQ_IRP_CONTEXT{kCsqContext, irp, csq};
    LinkOf(irp) = context;
  } else {
    LinkOf(irp) = csq;
  }
  KIRQL irql;
  csq->CsqAcquireLock(csq, &irql);
  NTSTATUS status = STATUS_SUCCESS;
  if (csq->Type == kCsqEx) {
    status = reinterpret_cast<PIO_CSQ_INSERT_IRP_EX>(reinterpret_cast<PVOID>(csq->CsqInsertIrp))(
        csq, irp, insert_context);
    if (!NT_SUCCESS(status)) {
      Forget(irp);
      csq->CsqReleaseLock(csq, irql);
      return status;
    }
    IoMarkIrpPending(irp);
  } else {
    IoMarkIrpPending(irp);
    csq->CsqInsertIrp(csq, irp);
  }
  IoSetCancelRoutine(irp, &CancelQueued);
  // Cancelled before it was queued: whoever takes the routine away completes the IRP.
  if (__atomic_load_n(&irp->Cancel, __ATOMIC_SEQ_CST) && IoSetCancelRoutine(irp, nullptr) != nullptr) {
    csq->CsqRemoveIrp(csq, irp);
    Forget(irp);
    csq->CsqReleaseLock(csq, irql);
    csq->CsqCompleteCanceledIrp(csq, irp);
    return status;
  }
  csq->CsqReleaseLock(csq, irql);
  return status;
}

VOID IoCsqInsertIrp(PIO_CSQ csq, PIRP irp, PIO_CSQ_IRP_CONTEXT context) {
  IoCsqInsertIrpEx(csq, irp, context, nullptr);
}

PIRP IoCsqRemoveIrp(PIO_CSQ csq, PIO_CSQ_IRP_CONTEXT context) {
  KIRQL irql;
  csq->CsqAcquireLock(csq, &irql);
  PIRP irp = context->Irp;
  if (irp != nullptr && !TakeOut(csq, irp)) irp = nullptr;
  csq->CsqReleaseLock(csq, irql);
  return irp;
}

PIRP IoCsqRemoveNextIrp(PIO_CSQ csq, PVOID peek_context) {
  KIRQL irql;
  csq->CsqAcquireLock(csq, &irql);
  PIRP irp = csq->CsqPeekNextIrp(csq, nullptr, peek_context);
  while (irp != nullptr && !TakeOut(csq, irp)) irp = csq->CsqPeekNextIrp(csq, irp, peek_context);
  csq->CsqReleaseLock(csq, irql);
  return irp;
}

}  // extern "C"
