// The end of a socket: what it was doing is ended, then nothing of it is left, and the close completes
// (closing-a-socket.md).
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

// Nothing of the socket is left.
void EndSocket(Socket* socket) {
  PIRP close = socket->close;
  Registration* client = socket->client;
  FreeSocket(socket);
  if (close != nullptr) {
    RequestOf(close)->socket = nullptr;
    Complete(close, STATUS_SUCCESS, 0);
  }
  SocketGone(client);
}

}  // namespace

void Release(Socket* socket) {
  if (InterlockedDecrement(&socket->references) == 0) EndSocket(socket);
}

void EndSends(Socket* socket, NTSTATUS status) {
  SocketLock lock(socket);
  while (!IsListEmpty(&socket->sends)) {
    PIRP irp = IrpOf(socket->sends.Flink);
    Request* request = RequestOf(irp);
    if (!Unpend(irp)) continue;
    if (TakeBackSend(&lock, socket, irp)) {
      CompleteLater(socket, irp, status, 0);
    } else if (request->over) {
      CompleteLater(socket, irp, irp->IoStatus.Status, irp->IoStatus.Information);
    }
  }
}

namespace {

// With the lock.
void EndReceive(Socket* socket, PIRP irp, NTSTATUS status) {
  bool abortive = status == STATUS_CONNECTION_RESET || status == STATUS_CONNECTION_ABORTED;
  bool waits = (RequestOf(irp)->flags & (WSK_FLAG_WAITALL | WSK_FLAG_DRAIN)) != 0;
  if (abortive && waits && WspChoose(emulator::kChoiceAbortiveReceive, 2) == 1 && GiveWhatCame(socket, irp)) {
    if (Unpend(irp)) CompleteLater(socket, irp, irp->IoStatus.Status, irp->IoStatus.Information);
  } else if (Unpend(irp)) {
    CompleteLater(socket, irp, status, 0);
  }
}

}  // namespace

void EndRequests(Socket* socket, NTSTATUS status, bool with_disables) {
  {
    SocketLock lock(socket);
    while (!IsListEmpty(&socket->receives)) {
      EndReceive(socket, IrpOf(socket->receives.Flink), status);
    }
    if (PIRP irp = socket->connect; irp != nullptr) {
      socket->connect = nullptr;
      socket->connecting = FALSE;
      if (Unpend(irp)) CompleteLater(socket, irp, status, 0);
    }
    if (PIRP irp = socket->disconnect; irp != nullptr) {
      socket->disconnect = nullptr;
      if (Unpend(irp)) CompleteLater(socket, irp, status, 0);
    }
    // The IRPs that are left wait for their calls, and the close waits for them.
    bool left = !IsListEmpty(&socket->disables) &&
                (!with_disables || WspChoose(emulator::kChoiceClosePendedDisable, 2) == 1);
    while (!left && !IsListEmpty(&socket->disables)) {
      PIRP irp = IrpOf(socket->disables.Flink);
      if (Unpend(irp)) CompleteLater(socket, irp, status, 0);
    }
  }
  EndSends(socket, status);
}

namespace {

// Has a worker give up the handle of a socket that has nothing below whose end it would wait for.
void ReleaseLater(Socket* socket) {
  bool queue;
  {
    SocketLock lock(socket);
    queue = !socket->completions_queued;
    socket->completions_queued = TRUE;
    if (queue) Reference(socket);
  }
  if (queue) ExQueueWorkItem(&socket->completion_work, DelayedWorkQueue);
  Release(socket);
}

}  // namespace

void CloseSocket(Socket* socket, bool at_once) {
  bool later, retained;
  {
    SocketLock lock(socket);
    // What a call of the client's retains up to here counts; later ones find the socket closed.
    retained = socket->retained != 0;
    socket->state = SocketState::kClosing;
    socket->closed_at = WspNow();
    socket->request.close_due = later = socket->request.admitting;
    if (later) Reference(socket);
    bool tells = socket->listen.listening && socket->listen.inspects && !socket->broken &&
                 WspChoose(emulator::kChoiceAbortOnClose, 2) == 1;
    socket->listen.ends = tells ? TRUE : FALSE;
  }
  if (retained) {
    WspMisuse("WskCloseSocket before all retained indications were released",
              socket->category == WSK_FLAG_DATAGRAM_SOCKET
                  ? "nc-wsk-pfn_wsk_release_datagram_indication_list.md"
                  : "nc-wsk-pfn_wsk_release_data_indication_list.md",
              &socket->wsk, socket->retained_at);
  }
  EndRequests(socket, STATUS_CANCELLED, true);
  if (socket->listen.listening) DropRequests(socket, socket->listen.ends != 0);
  if (socket->listen.ends) Advance(socket, Place::kWorker);
  DropReceived(socket);
  if (socket->category == WSK_FLAG_BASIC_SOCKET) return at_once ? Release(socket) : ReleaseLater(socket);
  if (socket->category == WSK_FLAG_DATAGRAM_SOCKET) {
    CloseDatagrams(socket, at_once);
  } else if (at_once && !later && WspTransport()->CloseAtOnce(socket->endpoint)) {
    Release(socket);
  } else if (!later) {
    WspTransport()->Close(socket->endpoint);
  }
  Release(socket);
}

namespace {

// Closes on behalf of an IRP that was taken; as Answer, if nothing of the socket is left by then.
NTSTATUS CloseWith(Socket* socket, PIRP irp) {
  ULONG how = WspChoose(emulator::kChoiceCompletion, 4);
  bool at_once = how == 1 || how == 3;
  socket->close = irp;
  if (!at_once) {
    IoMarkIrpPending(irp);
    CloseSocket(socket);
    if (how == 2) WspYield(emulator::kChoiceCompletionEdge);
    return STATUS_PENDING;
  }
  Reference(socket);
  CloseSocket(socket, true);
  if (InterlockedCompareExchange(&socket->references, 0, 1) == 1) {
    if (how == 3) IoMarkIrpPending(irp);
    EndSocket(socket);
    return how == 3 ? STATUS_PENDING : STATUS_SUCCESS;
  }
  // The reference keeps the IRP until here.
  IoMarkIrpPending(irp);
  Release(socket);
  return STATUS_PENDING;
}

}  // namespace

NTSTATUS WSKAPI WspCloseSocket(PWSK_SOCKET wsk, PIRP irp) {
  const char* page = "nc-wsk-pfn_wsk_close_socket.md";
  Socket* socket = CheckSocket(wsk, page);
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  if (ReadAcquire(&socket->calls) != 0) {
    WspMisuse("WskCloseSocket while another call on the socket is in progress", page, wsk,
              static_cast<ULONG>(ReadAcquire(&socket->called_at)));
  }
  TakeIrp(irp, nullptr, RequestKind::kOther);
  return CloseWith(socket, irp);
}

}  // namespace wskcert::provider
