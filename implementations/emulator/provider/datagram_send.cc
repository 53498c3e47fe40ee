// WskSendTo and WskSendMessages. Nothing is buffered: a send pends, and its memory is used, until the network
// has taken all of it.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

using transport::DatagramSend;
using transport::Message;

const transport::DatagramTransport* Below() { return WspTransport()->datagrams; }

// What goes out in one IRP fits into the length of a DatagramSend.
constexpr SIZE_T kMaximumTotal = 0x40000000;

Message* TakeMessage() {
  KIRQL irql;
  KeAcquireSpinLock(&provider.lock, &irql);
  Message* message = provider.free_messages;
  if (message != nullptr) {
    provider.free_messages = message->next;
  } else if (provider.messages_used < kMessages) {
    message = &provider.messages[provider.messages_used++];
  }
  KeReleaseSpinLock(&provider.lock, irql);
  return message;
}

// Copies the list, since the client's need not stay valid: only its buffers do.
NTSTATUS CopyMessages(Socket* socket, const WSK_BUF_LIST* list, DatagramSend* span) {
  Message** link = &span->messages;
  span->several = true;
  if (list != nullptr && WspAllocationFails()) return STATUS_INSUFFICIENT_RESOURCES;
  SIZE_T total = 0;
  for (; list != nullptr; list = list->Next) {
    CheckBuffer(socket, &list->Buffer);
    total += list->Buffer.Length;
    if (list->Buffer.Length > transport::kMaximumDatagram || total > kMaximumTotal) {
      return STATUS_INVALID_BUFFER_SIZE;
    }
    Message* message = TakeMessage();
    if (message == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    *message = {nullptr, list->Buffer.Mdl, list->Buffer.Offset, static_cast<ULONG>(list->Buffer.Length)};
    *link = message;
    link = &message->next;
  }
  span->length = static_cast<ULONG>(total);
  return STATUS_SUCCESS;
}

// With the lock: where to send to.
NTSTATUS Destination(const Socket* socket, const SOCKADDR* given, SOCKADDR_INET* to) {
  const DatagramPart& part = socket->datagram;
  if (socket->broken) return STATUS_FILE_FORCED_CLOSED;
  if (!socket->bound) return STATUS_INVALID_DEVICE_STATE;
  if (given != nullptr) {
    if (given->sa_family != socket->family) return STATUS_INVALID_PARAMETER;
    RtlCopyMemory(to, given, socket->family == AF_INET ? sizeof(SOCKADDR_IN) : sizeof(SOCKADDR_IN6));
    return STATUS_SUCCESS;
  }
  if (!part.has_remote && !part.has_send_to) return STATUS_INVALID_PARAMETER;
  bool remote = part.has_remote;
  if (remote && part.has_send_to) remote = WspChoose(emulator::kChoiceTwoFixedAddresses, 2) == 0;
  *to = remote ? part.remote : part.send_to;
  return STATUS_SUCCESS;
}

// The second half of both functions; `status` is the first half's outcome.
NTSTATUS SendTo(Call* call, PIRP irp, NTSTATUS status, const SOCKADDR* remote) {
  Socket* socket = call->socket();
  SOCKADDR_INET to = {};
  if (NT_SUCCESS(status)) {
    SocketLock lock(socket);
    status = Destination(socket, remote, &to);
    if (NT_SUCCESS(status)) {
      status = Pend(socket, &socket->sends, irp) ? STATUS_PENDING : STATUS_CANCELLED;
    }
  }
  if (status == STATUS_PENDING) {
    Below()->Send(socket->datagram.endpoint, DatagramSpanOf(irp), reinterpret_cast<const SOCKADDR*>(&to));
    return status;
  }
  ReleaseMessages(irp);
  call->Leave();
  if (status != STATUS_CANCELLED) return Answer(socket, irp, status, 0);
  AnswerNow(socket, irp, status, 0);
  return STATUS_PENDING;
}

// What the pages ask of the parameters that both functions have.
NTSTATUS CheckParameters(ULONG flags, ULONG control_length, const CMSGHDR* control) {
  // Control information changes nothing in the network below, so it is accepted as it is.
  return flags != 0 || (control_length != 0 && control == nullptr) ? STATUS_INVALID_PARAMETER
                                                                   : STATUS_SUCCESS;
}

}  // namespace

void ReleaseMessages(PIRP irp) {
  DatagramSend* span = DatagramSpanOf(irp);
  if (!span->several) return;
  Message* message = span->messages;
  span->messages = nullptr;
  KIRQL irql;
  KeAcquireSpinLock(&provider.lock, &irql);
  while (message != nullptr) {
    Message* next = message->next;
    message->next = provider.free_messages;
    provider.free_messages = message;
    message = next;
  }
  KeReleaseSpinLock(&provider.lock, irql);
}

static bool CancelSendBelow(Socket* socket, PIRP irp) {
  if (socket->category != WSK_FLAG_DATAGRAM_SOCKET) {
    return WspTransport()->CancelSend(socket->endpoint, SpanOf(irp));
  }
  if (!Below()->CancelSend(socket->datagram.endpoint, DatagramSpanOf(irp))) return false;
  ReleaseMessages(irp);
  return true;
}

bool TakeBackSend(SocketLock* lock, Socket* socket, PIRP irp) {
  Request* request = RequestOf(irp);
  request->held = TRUE;
  lock->Leave();
  bool taken = CancelSendBelow(socket, irp);
  lock->Take();
  request->held = FALSE;
  return taken;
}

void OnDatagramSent(void* context, DatagramSend* send, NTSTATUS status) {
  auto* socket = static_cast<Socket*>(context);
  PIRP irp = CONTAINING_RECORD(send, IRP, Tail.Overlay.DriverContext);
  Request* request = RequestOf(irp);
  ReleaseMessages(irp);
  {
    SocketLock lock(socket);
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = NT_SUCCESS(status) ? send->length : 0;
    request->over = TRUE;
    // Whoever holds it, or is about to cancel it, completes it.
    if (request->held || !Unpend(irp)) return;
  }
  Complete(irp, irp->IoStatus.Status, irp->IoStatus.Information);
}

NTSTATUS WSKAPI WspSendTo(PWSK_SOCKET wsk, PWSK_BUF buffer, ULONG flags, PSOCKADDR remote,
                          ULONG control_length, PCMSGHDR control, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_send_to.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  TakeIrp(irp, socket, RequestKind::kSend);
  DatagramSend* span = DatagramSpanOf(irp);
  *span = DatagramSend{};
  NTSTATUS status = CheckParameters(flags, control_length, control);
  if (buffer == nullptr) status = STATUS_INVALID_PARAMETER;
  if (NT_SUCCESS(status)) {
    CheckBuffer(socket, buffer);
    span->mdl = buffer->Mdl;
    span->offset = buffer->Offset;
    span->length = static_cast<ULONG>(buffer->Length);
    if (buffer->Length > transport::kMaximumDatagram) status = STATUS_INVALID_BUFFER_SIZE;
  }
  return SendTo(&call, irp, status, remote);
}

NTSTATUS WSKAPI WspSendMessages(PWSK_SOCKET wsk, PWSK_BUF_LIST list, ULONG flags, PSOCKADDR remote,
                                ULONG control_length, PCMSGHDR control, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_send_messages.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  TakeIrp(irp, call.socket(), RequestKind::kSend);
  DatagramSend* span = DatagramSpanOf(irp);
  *span = DatagramSend{};
  NTSTATUS status = CheckParameters(flags, control_length, control);
  if (list == nullptr) status = STATUS_INVALID_PARAMETER;
  if (NT_SUCCESS(status)) status = CopyMessages(call.socket(), list, span);
  return SendTo(&call, irp, status, remote);
}

}  // namespace wskcert::provider
