// Sends, receives and indications.
#include "small.h"

// ---- Sending

static WSKCERT_SEND* SmallSendOf(PIRP Irp) { return (WSKCERT_SEND*)Irp->Tail.Overlay.DriverContext; }

NTSTATUS WSKAPI SmallSend(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Socket;
  WSKCERT_SEND* send = SmallSendOf(Irp);
  SmallBegin(Irp);
  IoMarkIrpPending(Irp);
  RtlZeroMemory(send, sizeof(*send));
  send->Mdl = Buffer->Mdl;
  send->Offset = Buffer->Offset;
  send->Length = Buffer->Length;
  send->NoDelay = (Flags & WSK_FLAG_NODELAY) != 0;
  WskcertTransport()->Send(socket->Endpoint, send);
  return STATUS_PENDING;
}

VOID SmallSent(PVOID Context, WSKCERT_SEND* Send, NTSTATUS Status) {
  PIRP irp = CONTAINING_RECORD(Send, IRP, Tail.Overlay.DriverContext);
  SmallComplete(irp, Status, NT_SUCCESS(Status) ? Send->Length : 0);
}

// ---- Receiving

// The buffer that a WskReceive waits with is kept in its IRP.
static PWSK_BUF SmallBufferOf(PIRP Irp) { return (PWSK_BUF)Irp->Tail.Overlay.DriverContext; }

NTSTATUS WSKAPI SmallReceiveIrp(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Socket;
  KIRQL irql;
  if (Flags != 0 || Buffer == NULL || Buffer->Length == 0) return SmallDecline(Irp);
  SmallBegin(Irp);
  IoMarkIrpPending(Irp);
  *SmallBufferOf(Irp) = *Buffer;
  KeAcquireSpinLock(&socket->Lock, &irql);
  InsertTailList(&socket->Receives, &Irp->Tail.Overlay.ListEntry);
  KeReleaseSpinLock(&socket->Lock, irql);
  SmallPump(socket);
  return STATUS_PENDING;
}

// Copies into a chain of MDLs.
static VOID SmallCopyOut(PWSK_BUF Buffer, SIZE_T Done, const UCHAR* Bytes, SIZE_T Length) {
  PMDL mdl = Buffer->Mdl;
  SIZE_T at = Buffer->Offset + Done;
  while (Length > 0) {
    SIZE_T here;
    while (at >= MmGetMdlByteCount(mdl)) {
      at -= MmGetMdlByteCount(mdl);
      mdl = mdl->Next;
    }
    here = MmGetMdlByteCount(mdl) - at;
    if (here > Length) here = Length;
    RtlCopyMemory((PUCHAR)MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) + at, Bytes, here);
    Bytes += here;
    Length -= here;
    at += here;
  }
}

// With the lock: takes up to `Length` bytes off what nobody took yet; buffers that are used up go to `Used`.
static SIZE_T SmallConsume(PSMALL_SOCKET Socket, PWSK_BUF Into, SIZE_T Length, WSKCERT_BUFFER** Used) {
  SIZE_T done = 0;
  while (Socket->Data != NULL && done < Length) {
    WSKCERT_BUFFER* buffer = Socket->Data;
    const ULONG here = buffer->Length < Length - done ? buffer->Length : (ULONG)(Length - done);
    if (Into != NULL) SmallCopyOut(Into, done, buffer->Base + buffer->Offset, here);
    buffer->Offset += here;
    buffer->Length -= here;
    done += here;
    if (buffer->Length > 0) break;
    Socket->Data = buffer->Next;
    if (Socket->Data == NULL) Socket->DataEnd = &Socket->Data;
    buffer->Next = *Used;
    *Used = buffer;
  }
  return done;
}

// With the lock, which is released and taken again: completes the first WskReceive, if it can be. Whether it
// did.
static BOOLEAN SmallServeReceive(PSMALL_SOCKET Socket, KIRQL* Irql) {
  WSKCERT_BUFFER* used = NULL;
  NTSTATUS status = STATUS_SUCCESS;
  SIZE_T length = 0;
  PIRP irp;

  if (IsListEmpty(&Socket->Receives) || (Socket->Data == NULL && !Socket->Ended)) return FALSE;
  irp = CONTAINING_RECORD(RemoveHeadList(&Socket->Receives), IRP, Tail.Overlay.ListEntry);
  if (Socket->Data != NULL) {
    length = SmallConsume(Socket, SmallBufferOf(irp), SmallBufferOf(irp)->Length, &used);
    if (Socket->Data == NULL) Socket->Suspended = FALSE;
  } else if (Socket->Abortive) {
    status = STATUS_CONNECTION_RESET;
  }
  KeReleaseSpinLock(&Socket->Lock, *Irql);
  if (used != NULL) WskcertTransport()->ReturnBuffers(used);
  SmallComplete(irp, status, length);
  KeAcquireSpinLock(&Socket->Lock, Irql);
  return TRUE;
}

// A list of indications over what nobody took yet. Each lies in its buffer.
static PWSK_DATA_INDICATION SmallDescribe(WSKCERT_BUFFER* Buffers, SIZE_T* Bytes) {
  PWSK_DATA_INDICATION first = NULL;
  PWSK_DATA_INDICATION* link = &first;
  *Bytes = 0;
  for (; Buffers != NULL; Buffers = Buffers->Next) {
    PWSK_DATA_INDICATION indication = (PWSK_DATA_INDICATION)Buffers->ClientArea;
    PMDL mdl = (PMDL)Buffers->Mdl;
    MmInitializeMdl(mdl, Buffers->Base, Buffers->Offset + Buffers->Length);
    MmBuildMdlForNonPagedPool(mdl);
    indication->Next = NULL;
    indication->Buffer.Mdl = mdl;
    indication->Buffer.Offset = Buffers->Offset;
    indication->Buffer.Length = Buffers->Length;
    *Bytes += Buffers->Length;
    *link = indication;
    link = &indication->Next;
  }
  return first;
}

static WSKCERT_BUFFER* SmallBufferOfIndication(PWSK_DATA_INDICATION Indication) {
  return CONTAINING_RECORD(Indication, WSKCERT_BUFFER, ClientArea);
}

// With the lock, which is released and taken again: calls WskReceiveEvent, if it is due. Whether it did.
static BOOLEAN SmallIndicate(PSMALL_SOCKET Socket, KIRQL* Irql) {
  const WSK_CLIENT_CONNECTION_DISPATCH* dispatch = (const WSK_CLIENT_CONNECTION_DISPATCH*)Socket->Dispatch;
  WSKCERT_BUFFER* used = NULL;
  WSKCERT_BUFFER* data = Socket->Data;
  SIZE_T bytes, accepted;
  PIRP disabled;
  NTSTATUS status;

  if (data == NULL || (Socket->Enabled & WSK_EVENT_RECEIVE) == 0 || Socket->Suspended || Socket->Abortive)
    return FALSE;
  // Meanwhile nobody else takes of it: what comes is put behind.
  Socket->Data = NULL;
  Socket->DataEnd = &Socket->Data;
  SmallCallBegins(Socket, SmallReceiveEvent);
  KeReleaseSpinLock(&Socket->Lock, *Irql);
  accepted = 0;
  {
    PWSK_DATA_INDICATION list = SmallDescribe(data, &bytes);
    accepted = bytes;
    status = dispatch->WskReceiveEvent(Socket->Context, SmallCallbackFlags(), list, bytes, &accepted);
  }
  KeAcquireSpinLock(&Socket->Lock, Irql);
  if (status != STATUS_PENDING) {
    WSKCERT_BUFFER** end = &data;
    while (*end != NULL) end = &(*end)->Next;
    *end = Socket->Data;
    if (Socket->Data == NULL) Socket->DataEnd = end;
    Socket->Data = data;
    if (status == STATUS_SUCCESS) SmallConsume(Socket, NULL, accepted, &used);
    if (status != STATUS_SUCCESS || accepted < bytes) Socket->Suspended = TRUE;
  }
  disabled = SmallCallEnds(Socket, SmallReceiveEvent);
  KeReleaseSpinLock(&Socket->Lock, *Irql);
  if (used != NULL) WskcertTransport()->ReturnBuffers(used);
  if (disabled != NULL) SmallComplete(disabled, STATUS_SUCCESS, 0);
  KeAcquireSpinLock(&Socket->Lock, Irql);
  return TRUE;
}

// ... and WskDisconnectEvent, after all data was taken.
static BOOLEAN SmallTellEnd(PSMALL_SOCKET Socket, KIRQL* Irql) {
  const WSK_CLIENT_CONNECTION_DISPATCH* dispatch = (const WSK_CLIENT_CONNECTION_DISPATCH*)Socket->Dispatch;
  ULONG flags;
  PIRP disabled;

  if (!Socket->Ended || Socket->Told || (Socket->Enabled & WSK_EVENT_DISCONNECT) == 0) return FALSE;
  if (Socket->Data != NULL && !Socket->Abortive) return FALSE;
  Socket->Told = TRUE;
  flags = Socket->Abortive ? WSK_FLAG_ABORTIVE : 0;
  SmallCallBegins(Socket, SmallDisconnectEvent);
  KeReleaseSpinLock(&Socket->Lock, *Irql);
  dispatch->WskDisconnectEvent(Socket->Context, flags | SmallCallbackFlags());
  KeAcquireSpinLock(&Socket->Lock, Irql);
  disabled = SmallCallEnds(Socket, SmallDisconnectEvent);
  KeReleaseSpinLock(&Socket->Lock, *Irql);
  if (disabled != NULL) SmallComplete(disabled, STATUS_SUCCESS, 0);
  KeAcquireSpinLock(&Socket->Lock, Irql);
  return TRUE;
}

// Delivers whatever can be: first to WskReceive, then to the callbacks. One at a time on a socket; whoever
// comes meanwhile has left what it brought for the one that is at it. The socket may be gone afterwards.
VOID SmallPump(PSMALL_SOCKET Socket) {
  KIRQL irql;
  KeAcquireSpinLock(&Socket->Lock, &irql);
  if (Socket->Pumping || Socket->Closing || Socket->Listener != NULL) {
    KeReleaseSpinLock(&Socket->Lock, irql);
    return;
  }
  Socket->Pumping = TRUE;
  while (SmallServeReceive(Socket, &irql) || SmallIndicate(Socket, &irql) || SmallTellEnd(Socket, &irql)) {
  }
  Socket->Pumping = FALSE;
  KeReleaseSpinLock(&Socket->Lock, irql);
  SmallCloseIfIdle(Socket);
}

NTSTATUS WSKAPI SmallRelease(PWSK_SOCKET Socket, PWSK_DATA_INDICATION Indication) {
  if (Indication != NULL) WskcertTransport()->ReturnBuffers(SmallBufferOfIndication(Indication));
  return STATUS_SUCCESS;
}

// ---- What the transport tells

VOID SmallReceived(PVOID Context, WSKCERT_BUFFER* Buffers) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Context;
  KIRQL irql;
  KeAcquireSpinLock(&socket->Lock, &irql);
  if (socket->Closing) {
    KeReleaseSpinLock(&socket->Lock, irql);
    WskcertTransport()->ReturnBuffers(Buffers);
    return;
  }
  *socket->DataEnd = Buffers;
  while (*socket->DataEnd != NULL) socket->DataEnd = &(*socket->DataEnd)->Next;
  KeReleaseSpinLock(&socket->Lock, irql);
  SmallPump(socket);
}

VOID SmallDisconnected(PVOID Context, bool Abortive) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Context;
  KIRQL irql;
  KeAcquireSpinLock(&socket->Lock, &irql);
  socket->Ended = TRUE;
  socket->Abortive |= Abortive;
  KeReleaseSpinLock(&socket->Lock, irql);
  SmallPump(socket);
}
