// What the transport tells: each report changes the socket, then Advance does what has become possible.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

// WskConnectEx: the connection stands, its data is still to be sent; the IRP goes on as a send, and can be
// cancelled as one.
void SendAfterConnect(Socket* socket, PIRP irp) {
  bool pended;
  {
    SocketLock lock(socket);
    Request* request = RequestOf(irp);
    request->kind = RequestKind::kSend;
    request->connects = TRUE;
    request->uncancellable = FALSE;
    pended = Pend(socket, &socket->sends, irp);
  }
  // Pending took a reference beside the one that the IRP has.
  if (pended) {
    WspTransport()->Send(socket->endpoint, SpanOf(irp));
    Release(socket);
  } else {
    AbortConnection(socket);
    Complete(irp, STATUS_CANCELLED, 0);
  }
}

void OnConnected(void* context, NTSTATUS status) {
  auto* socket = static_cast<Socket*>(context);
  if (OnRequestConnected(socket, status)) return;
  PIRP irp;
  {
    SocketLock lock(socket);
    irp = socket->connect;
    socket->connect = nullptr;
    socket->connecting = FALSE;
    if (irp != nullptr && !Unpend(irp)) irp = nullptr;
    // Without the IRP, the attempt was cancelled or the socket closed: whoever did that ends the connection.
    if (irp == nullptr) return;
    socket->connected = NT_SUCCESS(status);
    if (socket->connected) EnableEarlyEvents(socket);
  }
  bool create = RequestOf(irp)->kind == RequestKind::kSocketConnect;
  if (NT_SUCCESS(status) && SpanOf(irp)->length > 0) {
    SendAfterConnect(socket, irp);
  } else {
    Reference(socket);
    Complete(irp, status, create ? reinterpret_cast<ULONG_PTR>(socket) : 0);
    if (create && !NT_SUCCESS(status)) CloseSocket(socket);
    Release(socket);
  }
}

void OnReceived(void* context, transport::Buffer* buffers) {
  auto* socket = static_cast<Socket*>(context);
  {
    SocketLock lock(socket);
    if (socket->state == SocketState::kOpen && !socket->aborted && !socket->silent) {
      *socket->received_end = buffers;
      for (transport::Buffer* buffer = buffers; buffer != nullptr; buffer = buffer->next) {
        socket->received_bytes += buffer->length;
        socket->received_end = &buffer->next;
      }
      buffers = nullptr;
      socket->events[kReceiveEvent].awaits_arrival = FALSE;
    }
  }
  if (buffers != nullptr) {
    WspTransport()->ReturnBuffers(buffers);
  } else {
    Advance(socket, Place::kTransport);
  }
}

void OnDisconnected(void* context, bool abortive) {
  auto* socket = static_cast<Socket*>(context);
  {
    SocketLock lock(socket);
    if (socket->aborted || socket->silent) return;
    (abortive ? socket->peer_reset : socket->peer_closed) = TRUE;
    // Nothing more will come that the data could be told with.
    socket->events[kReceiveEvent].awaits_arrival = FALSE;
    socket->disconnect_due =
        SeemsEnabled(socket, kDisconnectEvent) || WspChoose(emulator::kChoiceLateDisconnect, 2) == 0;
  }
  if (abortive) {
    EndRequests(socket, STATUS_CONNECTION_RESET, false);
    if (WspChoose(emulator::kChoiceDataBeforeReset, 2) == 0) DropReceived(socket);
    OnRequestReset(socket);
  }
  Advance(socket, Place::kTransport);
}

void OnSent(void* context, transport::Send* send, NTSTATUS status) {
  auto* socket = static_cast<Socket*>(context);
  PIRP irp = CONTAINING_RECORD(send, IRP, Tail.Overlay.DriverContext);
  Request* request = RequestOf(irp);
  bool disconnect = false;
  {
    SocketLock lock(socket);
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = NT_SUCCESS(status) ? send->length : 0;
    request->over = TRUE;
    // The data of a disconnect is through; its second half, unless the connection was ended meanwhile.
    if (request->kind == RequestKind::kDisconnect && NT_SUCCESS(status)) {
      irp->IoStatus.Information = 0;
      disconnect = socket->state == SocketState::kOpen && NT_SUCCESS(ConnectionStatus(socket));
      if (!disconnect) irp->IoStatus.Status = STATUS_CONNECTION_ABORTED;
    }
    // Whoever holds it, or is about to cancel it, completes it.
    if (request->held || !Unpend(irp)) return;
    if (disconnect) socket->disconnect = irp;
  }
  if (request->connects && irp->IoStatus.Status == STATUS_CANCELLED) AbortConnection(socket);
  if (disconnect) {
    WspTransport()->Disconnect(socket->endpoint, false);
  } else {
    Complete(irp, irp->IoStatus.Status, irp->IoStatus.Information);
  }
}

void OnDisconnectDone(void* context, NTSTATUS status) {
  auto* socket = static_cast<Socket*>(context);
  PIRP irp;
  {
    SocketLock lock(socket);
    irp = socket->disconnect;
    socket->disconnect = nullptr;
    if (irp != nullptr && !Unpend(irp)) irp = nullptr;
  }
  if (irp != nullptr) Complete(irp, status, 0);
}

void OnBacklogChanged(void* context, SIZE_T bytes) {
  auto* socket = static_cast<Socket*>(context);
  {
    SocketLock lock(socket);
    socket->backlog = bytes;
    // A change that nobody listens to need not be told later: the size can be queried.
    socket->backlog_due =
        SeemsEnabled(socket, kBacklogEvent) || WspChoose(emulator::kChoiceLateBacklog, 2) == 1;
  }
  Advance(socket, Place::kTransport);
}

void OnBroken(void* context) {
  auto* socket = static_cast<Socket*>(context);
  {
    SocketLock lock(socket);
    if (socket->broken) return;  // whoever did that does the rest
    socket->broken = TRUE;
    socket->null_due = NullIndications();
    socket->disconnect_due = socket->backlog_due = FALSE;
  }
  EndBroken(socket);
  Advance(socket, Place::kTransport);
}

void OnClosed(void* context) { Release(static_cast<Socket*>(context)); }

}  // namespace

void EndBroken(Socket* socket) {
  EndRequests(socket, STATUS_FILE_FORCED_CLOSED, false);
  DropReceived(socket);
  if (socket->category == WSK_FLAG_DATAGRAM_SOCKET) DropDatagrams(socket);
  if (socket->listen.listening) OnListenerBroken(socket);
}

const transport::Client kTransportClient = {OnConnected, OnReceived,       OnDisconnected,
                                            OnSent,      OnDisconnectDone, OnBacklogChanged,
                                            OnBroken,    OnClosed,         OnIncoming};

}  // namespace wskcert::provider
