// WskSend and WskDisconnect. Nothing is buffered: a send pends, and its memory is used, until the peer has
// acknowledged it.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

void SetSpan(PIRP irp, const WSK_BUF* buffer, bool no_delay) {
  transport::Send* span = SpanOf(irp);
  *span = transport::Send{};
  if (buffer == nullptr) return;
  span->mdl = buffer->Mdl;
  span->offset = buffer->Offset;
  span->length = buffer->Length;
  span->no_delay = no_delay;
}

// With the lock: whether our direction is open.
NTSTATUS SendStatus(const Socket* socket) {
  NTSTATUS status = ConnectionStatus(socket);
  return NT_SUCCESS(status) && socket->send_closed ? STATUS_INVALID_DEVICE_STATE : status;
}

// Ends an open connection. The status of one that is not.
NTSTATUS TryAbort(Socket* socket) {
  {
    SocketLock lock(socket);
    if (NTSTATUS status = ConnectionStatus(socket); !NT_SUCCESS(status)) return status;
    socket->aborted = TRUE;
  }
  EndSends(socket, STATUS_CANCELLED);
  EndRequests(socket, STATUS_CONNECTION_ABORTED, false);
  DropReceived(socket);
  WspTransport()->Disconnect(socket->endpoint, true);
  return STATUS_SUCCESS;
}

NTSTATUS Abort(Call* call, PIRP irp) {
  NTSTATUS status = TryAbort(call->socket());
  if (status == STATUS_CONNECTION_RESET || status == STATUS_CONNECTION_ABORTED) status = STATUS_SUCCESS;
  call->Leave();
  return Answer(call->socket(), irp, status, 0);
}

// A graceful disconnect pends without a cancel routine, since a client that gives up on it aborts or closes;
// unless the schedule says so. STATUS_CANCELLED: it was cancelled before.
NTSTATUS PendDisconnect(Socket* socket, PIRP irp, bool data) {
  if (!data && WspChoose(emulator::kChoiceCancelDisconnect, 2) == 1) {
    return Pend(socket, nullptr, irp) ? STATUS_PENDING : STATUS_CANCELLED;
  }
  PendUncancellable(socket, data ? &socket->sends : nullptr, irp);
  return STATUS_PENDING;
}

NTSTATUS DisconnectGracefully(Call* call, const WSK_BUF* buffer, PIRP irp) {
  Socket* socket = call->socket();
  NTSTATUS status;
  bool data = buffer != nullptr && buffer->Length > 0;
  {
    SocketLock lock(socket);
    status = SendStatus(socket);
    if (NT_SUCCESS(status)) {
      SetSpan(irp, buffer, false);
      status = PendDisconnect(socket, irp, data);
      socket->send_closed = status == STATUS_PENDING;
      if (status == STATUS_PENDING && !data) socket->disconnect = irp;
    }
  }
  if (!NT_SUCCESS(status)) {
    call->Leave();
    if (status != STATUS_CANCELLED) return Answer(socket, irp, status, 0);
    AnswerNow(socket, irp, status, 0);
    return STATUS_PENDING;
  }
  if (data) {
    WspTransport()->Send(socket->endpoint, SpanOf(irp));
  } else {
    WspTransport()->Disconnect(socket->endpoint, false);
  }
  return STATUS_PENDING;
}

}  // namespace

void AbortConnection(Socket* socket) { TryAbort(socket); }

NTSTATUS WSKAPI WspSend(PWSK_SOCKET wsk, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_send.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  TakeIrp(irp, socket, RequestKind::kSend);
  NTSTATUS status = STATUS_SUCCESS;
  if (buffer == nullptr) status = STATUS_INVALID_PARAMETER;
  bool unsupported = (flags & WSK_FLAG_NODELAY) != 0 && WspChoose(emulator::kChoiceTransportFlags, 2) == 1;
  if ((flags & ~WSK_FLAG_NODELAY) != 0 || unsupported) status = STATUS_NOT_SUPPORTED;
  if (NT_SUCCESS(status)) {
    CheckBuffer(socket, buffer);
    SetSpan(irp, buffer, (flags & WSK_FLAG_NODELAY) != 0);
    SocketLock lock(socket);
    status = SendStatus(socket);
    if (NT_SUCCESS(status) && buffer->Length > 0) {
      status = Pend(socket, &socket->sends, irp) ? STATUS_PENDING : STATUS_CANCELLED;
    }
  }
  if (status == STATUS_PENDING) {
    WspTransport()->Send(socket->endpoint, SpanOf(irp));
    return status;
  }
  call.Leave();
  if (status != STATUS_CANCELLED) return Answer(socket, irp, status, 0);
  AnswerNow(socket, irp, status, 0);
  return STATUS_PENDING;
}

NTSTATUS WSKAPI WspDisconnect(PWSK_SOCKET wsk, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_disconnect.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  TakeIrp(irp, call.socket(), RequestKind::kDisconnect);
  if (buffer != nullptr) CheckBuffer(call.socket(), buffer);
  if ((flags & ~WSK_FLAG_ABORTIVE) != 0 || (flags != 0 && buffer != nullptr)) {
    call.Leave();
    return Answer(call.socket(), irp, STATUS_INVALID_PARAMETER, 0);
  }
  return flags != 0 ? Abort(&call, irp) : DisconnectGracefully(&call, buffer, irp);
}

NTSTATUS WSKAPI WspSendEx(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, ULONG, PCMSGHDR, PIRP irp) {
  return WspSend(socket, buffer, flags, irp);
}

}  // namespace wskcert::provider
