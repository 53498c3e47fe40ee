// WskReceive: IRPs queue for data, first come, first served, and go before the receive event.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

constexpr char kPage[] = "nc-wsk-pfn_wsk_receive.md";

// Whether a receive can be completed with what there is.
bool CanComplete(const Socket* socket, ULONG flags, SIZE_T length) {
  if (flags & WSK_FLAG_DRAIN) return socket->peer_closed;
  if (socket->peer_closed) return true;
  if (length == 0) return socket->received_bytes > 0;
  return socket->received_bytes >= ((flags & WSK_FLAG_WAITALL) ? length : 1);
}

// With the lock: gives data to a receive that can be completed, and sets its outcome.
void Fill(Socket* socket, PIRP irp) {
  const transport::Send* span = SpanOf(irp);
  SIZE_T bytes = span->length < socket->received_bytes ? span->length : socket->received_bytes;
  irp->IoStatus.Status = STATUS_SUCCESS;
  irp->IoStatus.Information = bytes;
  if (bytes == 0) return;
  if (CopyToMdls(socket->received, span->mdl, span->offset, bytes)) {
    ConsumeReceived(socket, bytes);
  } else {
    irp->IoStatus.Status = STATUS_INSUFFICIENT_RESOURCES;
    irp->IoStatus.Information = 0;
  }
}

// With the lock: whether the event is still to be called that won a race with a receive.
bool EventFirst(Socket* socket) {
  bool still = socket->received_bytes > 0 && !socket->suspended && CanBeCalled(socket, kReceiveEvent);
  if (!still) socket->event_first = FALSE;
  return socket->event_first;
}

NTSTATUS CheckFlags(ULONG flags, const WSK_BUF* buffer) {
  constexpr ULONG kBoth = WSK_FLAG_WAITALL | WSK_FLAG_DRAIN;
  if ((flags & ~kBoth) != 0) return STATUS_NOT_SUPPORTED;
  if ((flags & kBoth) != 0 && WspChoose(emulator::kChoiceTransportFlags, 2) == 1) return STATUS_NOT_SUPPORTED;
  if (buffer == nullptr || (flags & kBoth) == kBoth) return STATUS_INVALID_PARAMETER;
  if ((flags & WSK_FLAG_DRAIN) && buffer->Length != 0) return STATUS_INVALID_PARAMETER;
  return STATUS_SUCCESS;
}

// With the lock: the outcome if it is known, STATUS_PENDING if the IRP was queued, STATUS_CANCELLED if it was
// cancelled already.
NTSTATUS Start(Socket* socket, PIRP irp, ULONG flags, SIZE_T length, bool suspended) {
  NTSTATUS status = ConnectionStatus(socket);
  if (!NT_SUCCESS(status)) return status;
  bool ready = socket->received_bytes > 0 && !suspended && IsListEmpty(&socket->receives);
  if (ready && !(flags & WSK_FLAG_DRAIN) && LosesRace(socket, kReceiveEvent, emulator::kChoiceReceiveRace)) {
    socket->event_first = Pend(socket, &socket->receives, irp) ? TRUE : FALSE;
    return socket->event_first ? STATUS_PENDING : STATUS_CANCELLED;
  }
  if (flags & WSK_FLAG_DRAIN) {
    if (IsListEmpty(&socket->receives)) ConsumeReceived(socket, socket->received_bytes);
  } else if (length == 0 && IsListEmpty(&socket->receives) &&
             WspChoose(emulator::kChoiceZeroReceive, 2) == 0) {
    irp->IoStatus.Information = 0;
    return STATUS_SUCCESS;
  }
  if (IsListEmpty(&socket->receives) && CanComplete(socket, flags, length)) {
    Fill(socket, irp);
    return irp->IoStatus.Status;
  }
  return Pend(socket, &socket->receives, irp) ? STATUS_PENDING : STATUS_CANCELLED;
}

}  // namespace

bool CopyToMdls(const transport::Buffer* buffer, PMDL mdl, SIZE_T offset, SIZE_T bytes) {
  PUCHAR to = nullptr;
  for (; bytes > 0; buffer = buffer->next) {
    SIZE_T left = buffer->length < bytes ? buffer->length : bytes;
    const UCHAR* from = buffer->base + buffer->offset;
    bytes -= left;
    while (left > 0) {
      SIZE_T room = MmGetMdlByteCount(mdl) - offset;
      if (room == 0) {
        mdl = mdl->Next;
        offset = 0;
        to = nullptr;
        continue;
      }
      if (to == nullptr) to = static_cast<PUCHAR>(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority));
      if (to == nullptr) return false;
      SIZE_T count = room < left ? room : left;
      RtlCopyMemory(to + offset, from, count);
      from += count;
      offset += count;
      left -= count;
    }
  }
  return true;
}

void CheckBuffer(Socket* socket, const WSK_BUF* buffer) {
  const char* page = "ns-wsk-_wsk_buf.md";
  if (buffer->Length == 0) return;
  if (buffer->Mdl == nullptr) WspMisuse("a WSK_BUF with a length but no MDL", page, socket);
  if (buffer->Offset > MmGetMdlByteCount(buffer->Mdl)) {
    WspMisuse("a WSK_BUF whose offset is beyond its first MDL", page, socket);
  }
  SIZE_T room = 0;
  for (PMDL mdl = buffer->Mdl; mdl != nullptr && room < buffer->Length + buffer->Offset; mdl = mdl->Next) {
    room += MmGetMdlByteCount(mdl);
  }
  if (room < buffer->Length + buffer->Offset) {
    WspMisuse("a WSK_BUF that is longer than its MDLs", page, socket);
  }
}

void FillReceives(Socket* socket, PLIST_ENTRY done) {
  if (socket->category == WSK_FLAG_DATAGRAM_SOCKET) return FillDatagramReceives(socket, done);
  while (!socket->broken && !IsListEmpty(&socket->receives)) {
    PIRP irp = IrpOf(socket->receives.Flink);
    Request* request = RequestOf(irp);
    if ((request->flags & WSK_FLAG_DRAIN) && socket->received_bytes > 0) {
      ConsumeReceived(socket, socket->received_bytes);
    }
    if (!CanComplete(socket, request->flags, SpanOf(irp)->length) || EventFirst(socket)) return;
    if (!Unpend(irp)) continue;
    Fill(socket, irp);
    InsertTailList(done, &irp->Tail.Overlay.ListEntry);
  }
}

bool GiveWhatCame(Socket* socket, PIRP irp) {
  const Request* request = RequestOf(irp);
  if (request->kind != RequestKind::kReceive || (request->flags & (WSK_FLAG_WAITALL | WSK_FLAG_DRAIN)) == 0) {
    return false;
  }
  if (socket->receives.Flink == &irp->Tail.Overlay.ListEntry && !(request->flags & WSK_FLAG_DRAIN)) {
    Fill(socket, irp);
  } else {
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
  }
  return true;
}

NTSTATUS WSKAPI WspReceive(PWSK_SOCKET wsk, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  Call call(wsk, kPage);
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  TakeIrp(irp, socket, RequestKind::kReceive);
  NTSTATUS status = CheckFlags(flags, buffer);
  bool suspended;
  bool spent = false;
  {
    // Whatever becomes of the call.
    SocketLock lock(socket);
    suspended = socket->suspended;
    socket->suspended = FALSE;
  }
  if (NT_SUCCESS(status)) {
    CheckBuffer(socket, buffer);
    RequestOf(irp)->flags = flags;
    transport::Send* span = SpanOf(irp);
    *span = transport::Send{};
    span->mdl = buffer->Mdl;
    span->offset = buffer->Offset;
    span->length = buffer->Length;
    SocketLock lock(socket);
    status = Start(socket, irp, flags, buffer->Length, suspended);
    spent = socket->spent != nullptr;
  }
  call.Leave();
  if (spent) ReturnSpent(socket);
  if (status == STATUS_CANCELLED) {
    AnswerNow(socket, irp, status, 0);
    status = STATUS_PENDING;
  } else if (status != STATUS_PENDING) {
    status = Answer(socket, irp, status, irp->IoStatus.Information);
  }
  Advance(socket, Place::kClientCall);
  return status;
}

NTSTATUS WSKAPI WspReceiveEx(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PULONG control_length,
                             PCMSGHDR, PULONG control_flags, PIRP irp) {
  if (control_length != nullptr) *control_length = 0;
  if (control_flags != nullptr) *control_flags = 0;
  return WspReceive(socket, buffer, flags, irp);
}

}  // namespace wskcert::provider
