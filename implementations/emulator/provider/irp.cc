// IRPs: taking a stack location, pending with a cancel routine, completing exactly once.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

// Whether a worker may complete an IRP at DISPATCH_LEVEL this time.
void CompleteOnWorker(PIRP irp) {
  if (WspChoose(emulator::kChoiceCompletionIrql, 2) == 0) {
    Complete(irp, irp->IoStatus.Status, irp->IoStatus.Information);
    return;
  }
  KIRQL irql;
  KeRaiseIrql(DISPATCH_LEVEL, &irql);
  Complete(irp, irp->IoStatus.Status, irp->IoStatus.Information);
  KeLowerIrql(irql);
}

// A send is the transport's while it pends: it must be taken back before the IRP may be completed.
void CancelSend(PIRP irp) {
  Request* request = RequestOf(irp);
  Socket* socket = request->socket;
  SocketLock lock(socket);
  request->uncancellable = TRUE;
  if (request->listed) RemoveEntryList(&irp->Tail.Overlay.ListEntry);
  request->listed = FALSE;
  if (!request->over) {
    if (TakeBackSend(&lock, socket, irp)) {
      irp->IoStatus.Status = STATUS_CANCELLED;
      irp->IoStatus.Information = 0;
    } else if (!request->over) {
      return;  // Sent is still to come and completes it.
    }
  }
  lock.Leave();
  if (request->connects && irp->IoStatus.Status == STATUS_CANCELLED) AbortConnection(socket);
  Complete(irp, irp->IoStatus.Status, irp->IoStatus.Information);
}

void CancelConnect(Socket* socket, PIRP irp, RequestKind kind) {
  bool early;
  {
    SocketLock lock(socket);
    early = socket->starting_connect;
    socket->connect_given_up = early;
    socket->connect = nullptr;
    socket->connecting = FALSE;
    socket->connected = FALSE;
  }
  if (!early && kind == RequestKind::kConnect) WspTransport()->Disconnect(socket->endpoint, true);
  Reference(socket);
  Complete(irp, STATUS_CANCELLED, 0);
  if (!early && kind == RequestKind::kSocketConnect) CloseSocket(socket);
  Release(socket);
}

// With the lock: what has come for a receive that is cancelled before there was enough.
void CancelReceive(Socket* socket, PIRP irp) {
  bool first = socket->receives.Flink == &irp->Tail.Overlay.ListEntry;
  if (!first || (RequestOf(irp)->flags & WSK_FLAG_WAITALL) == 0) return;
  ULONG how = WspChoose(emulator::kChoiceCancelledReceive, 3);
  if (how == 0 || !GiveWhatCame(socket, irp) || how == 1) return;
  RequestOf(irp)->carries = TRUE;
  irp->IoStatus.Status = STATUS_CANCELLED;
}

void CancelRequest(PDEVICE_OBJECT, PIRP irp) {
  IoReleaseCancelSpinLock(irp->CancelIrql);
  Request* request = RequestOf(irp);
  Socket* socket = request->socket;
  switch (request->kind) {
    case RequestKind::kSend:
      CancelSend(irp);
      return;
    case RequestKind::kConnect:
    case RequestKind::kSocketConnect:
      CancelConnect(socket, irp, request->kind);
      return;
    default:
      break;
  }
  irp->IoStatus.Status = STATUS_CANCELLED;
  irp->IoStatus.Information = 0;
  {
    SocketLock lock(socket);
    if (request->kind == RequestKind::kReceive && socket->received_bytes > 0) CancelReceive(socket, irp);
    if (request->listed) RemoveEntryList(&irp->Tail.Overlay.ListEntry);
    request->listed = FALSE;
    if (socket->disconnect == irp) socket->disconnect = nullptr;
  }
  ReturnSpent(socket);
  Reference(socket);
  Complete(irp, irp->IoStatus.Status, irp->IoStatus.Information);
  // A cancelled receive may have stood before the receive event.
  Advance(socket, Place::kWorker);
  Release(socket);
}

}  // namespace

void TakeIrp(PIRP irp, Socket* socket, RequestKind kind) {
  constexpr CSHORT kType = 6;  // IO_TYPE_IRP
  if (irp->Type != kType) {
    WspMisuse("a call with memory that is no IRP, or with an IRP that was freed",
              "using-irps-with-winsock-kernel-functions.md", socket);
  }
  IoSetNextIrpStackLocation(irp);
  PIO_STACK_LOCATION location = IoGetCurrentIrpStackLocation(irp);
  location->DeviceObject = nullptr;
  Request* request = RequestOf(irp);
  *request = Request{};
  request->socket = socket;
  request->kind = kind;
}

void Complete(PIRP irp, NTSTATUS status, ULONG_PTR information) {
  Socket* socket = RequestOf(irp)->socket;
  RequestKind kind = RequestOf(irp)->kind;
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = NT_ERROR(status) && !RequestOf(irp)->carries ? 0 : information;
  WspYield(emulator::kChoiceCompletionEdge);
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  WspYield(emulator::kChoiceCompletionEdge);
  // What was accepted can have its calls now, and so can what was bound.
  if (kind == RequestKind::kAccept && NT_SUCCESS(status)) {
    auto* accepted = reinterpret_cast<Socket*>(information);
    StartEvents(accepted);
    Release(accepted);
  } else if (kind == RequestKind::kBind && NT_SUCCESS(status) && socket->listen.listening) {
    StartEvents(socket);
  }
  if (socket != nullptr) Release(socket);
}

NTSTATUS AnswerNow(Socket* socket, PIRP irp, NTSTATUS status, ULONG_PTR information) {
  if (irp == nullptr) return status;
  if (socket != nullptr) Reference(socket);
  RequestOf(irp)->socket = socket;
  Complete(irp, status, information);
  return status;
}

NTSTATUS Answer(Socket* socket, PIRP irp, NTSTATUS status, ULONG_PTR information) {
  if (irp == nullptr) return status;
  if (socket == nullptr) return AnswerNow(socket, irp, status, information);
  ULONG how = NT_ERROR(status) ? (WspChoose(emulator::kChoiceFailure, 2) == 0 ? 1 : 0)
                               : WspChoose(emulator::kChoiceCompletion, 4);
  if (how == 1) return AnswerNow(socket, irp, status, information);
  IoMarkIrpPending(irp);
  if (how == 3) {
    AnswerNow(socket, irp, status, information);
    return STATUS_PENDING;
  }
  Reference(socket);
  RequestOf(irp)->socket = socket;
  {
    SocketLock lock(socket);
    CompleteLater(socket, irp, status, information);
  }
  if (how == 2) WspYield(emulator::kChoiceCompletionEdge);
  return STATUS_PENDING;
}

bool Pend(Socket* socket, PLIST_ENTRY list, PIRP irp) {
  Request* request = RequestOf(irp);
  request->socket = socket;
  IoMarkIrpPending(irp);
  IoSetCancelRoutine(irp, CancelRequest);
  if (ReadBooleanAcquire(&irp->Cancel) && IoSetCancelRoutine(irp, nullptr) != nullptr) return false;
  // From here the cancel routine may be waiting for the lock; it finds the IRP in the list.
  Reference(socket);
  if (list != nullptr) {
    InsertTailList(list, &irp->Tail.Overlay.ListEntry);
    request->listed = TRUE;
  }
  return true;
}

void PendUncancellable(Socket* socket, PLIST_ENTRY list, PIRP irp) {
  Request* request = RequestOf(irp);
  IoMarkIrpPending(irp);
  Reference(socket);
  request->uncancellable = TRUE;
  request->listed = list != nullptr;
  if (list != nullptr) InsertTailList(list, &irp->Tail.Overlay.ListEntry);
}

bool Unpend(PIRP irp) {
  Request* request = RequestOf(irp);
  if (request->listed) RemoveEntryList(&irp->Tail.Overlay.ListEntry);
  request->listed = FALSE;
  if (request->uncancellable) return true;
  // Until a cancel routine that is on its way has begun, the IRP is its alone, however often others ask.
  if (IoSetCancelRoutine(irp, nullptr) == nullptr) return false;
  request->uncancellable = TRUE;
  return true;
}

void CompleteLater(Socket* socket, PIRP irp, NTSTATUS status, ULONG_PTR information) {
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = NT_ERROR(status) ? 0 : information;
  InsertTailList(&socket->completions, &irp->Tail.Overlay.ListEntry);
  if (RequestOf(irp)->kind == RequestKind::kReceive) ++socket->receive_completions;
  if (socket->completions_queued) return;
  socket->completions_queued = TRUE;
  Reference(socket);
  ExQueueWorkItem(&socket->completion_work, DelayedWorkQueue);
}

void CompletionWork(PVOID context) {
  auto* socket = static_cast<Socket*>(context);
  while (true) {
    bool receive;
    {
      SocketLock lock(socket);
      if (IsListEmpty(&socket->completions)) {
        socket->completions_queued = FALSE;
        break;
      }
      PIRP irp = IrpOf(RemoveHeadList(&socket->completions));
      receive = RequestOf(irp)->kind == RequestKind::kReceive;
      lock.Leave();
      CompleteOnWorker(irp);
    }
    if (!receive) continue;
    SocketLock lock(socket);
    --socket->receive_completions;
  }
  Advance(socket, Place::kWorker);
  Release(socket);
}

void CompleteAll(Socket* socket, PLIST_ENTRY list) {
  while (!IsListEmpty(list)) {
    PIRP irp = IrpOf(RemoveHeadList(list));
    {
      SocketLock lock(socket);
      if (socket->completions_queued) {
        CompleteLater(socket, irp, irp->IoStatus.Status, irp->IoStatus.Information);
        continue;
      }
    }
    Complete(irp, irp->IoStatus.Status, irp->IoStatus.Information);
  }
}

}  // namespace wskcert::provider
