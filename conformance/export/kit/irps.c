// IRPs: three stack locations of the client's own, whose upper two tell of a second completion, and one for
// the provider.
#include <ntstrsafe.h>

#include "conformance/export/kit/kit.h"

volatile LONG Outstanding;

static VOID SayCompletion(CLIENT_IRP* slot, PIRP irp, BOOLEAN again) {
  char bytes[80];
  char information[40] = "";
  const ULONG_PTR count = irp->IoStatus.Information;
  const BOOLEAN receives = slot->Completes == COMPLETES_RECEIVE || slot->Completes == COMPLETES_RECEIVE_FROM;
  const BOOLEAN pointer = slot->Completes == COMPLETES_SOCKET || slot->Completes == COMPLETES_ACCEPT;
  DECODED decoded = {CONTENT_NONE, NO_SLOT, 0};
  ULONG length = 0;
  ULONG flags = 0;
  if (slot->Completes == COMPLETES_RECEIVE && slot->Bytes != NULL && count != 0 && count <= slot->Length) {
    length = (ULONG)count;
    decoded = Decode(slot->Socket, slot->Bytes, length);
    if (decoded.Content == CONTENT_EXACT) slot->Socket->Received = decoded.Offset + length;
  }
  if (slot->Completes == COMPLETES_RECEIVE_FROM && NT_SUCCESS(irp->IoStatus.Status) &&
      count <= slot->Length) {
    const ULONG peer = ScenePeerOfAddress(&slot->Remote);
    length = (ULONG)count;
    decoded = DecodeDatagram(peer, FALSE, slot->Bytes, length);
    if (decoded.Content == CONTENT_EXACT) Peers[peer].DatagramsSeen = decoded.Offset + length;
    flags = slot->ControlFlags;
  }
  if (!pointer && count != length)
    RtlStringCbPrintfA(information, sizeof(information), ", Information %llu", (ULONGLONG)count);
  Say("IRP %u of %s completed%s: %s%s%s%s%s%s%s", (ULONG)(slot - Irps), slot->Operation,
      again ? " AGAIN" : "", StatusName(irp->IoStatus.Status),
      receives && NT_SUCCESS(irp->IoStatus.Status) ? ", " : "",
      receives && NT_SUCCESS(irp->IoStatus.Status) ? BytesText(decoded, length, bytes) : "",
      (flags & MSG_BCAST) != 0 ? ", MSG_BCAST" : "", (flags & MSG_MCAST) != 0 ? ", MSG_MCAST" : "",
      (flags & MSG_TRUNC) != 0 ? ", MSG_TRUNC" : "", information);
}

static VOID BindAccepted(CLIENT_SOCKET* socket, ULONG peer) {
  if (peer >= PeerCount) return;
  socket->Peer = (USHORT)peer;
  Peers[peer].Socket = (USHORT)(socket - Sockets);
}

// The socket that a call made, or that it could not be made.
static VOID TakeSocket(CLIENT_IRP* slot, PIRP irp) {
  CLIENT_SOCKET* made = slot->Socket;
  if (!NT_SUCCESS(irp->IoStatus.Status) || irp->IoStatus.Information == 0) {
    if (NT_SUCCESS(irp->IoStatus.Status)) Say("FAULT: success without a socket");
    InterlockedExchange(&made->State, SOCKET_FAILED);
    if (made->Peer != NO_SLOT) FreePeer(made->Peer);
    return;
  }
  made->Socket = (PWSK_SOCKET)irp->IoStatus.Information;
  if (slot->Completes == COMPLETES_ACCEPT) BindAccepted(made, ScenePeerOfAddress(&slot->Remote));
  InterlockedExchange(&made->State, SOCKET_OPEN);
}

static VOID TakeResult(CLIENT_IRP* slot, PIRP irp) {
  CLIENT_SOCKET* socket = slot->Socket;
  switch (slot->Completes) {
    case COMPLETES_SOCKET:
    case COMPLETES_ACCEPT:
      TakeSocket(slot, irp);
      break;
    case COMPLETES_CLOSE:
      InterlockedExchange(&socket->State, SOCKET_CLOSED);
      if (socket->Peer != NO_SLOT && Peers[socket->Peer].Socket == socket - Sockets) FreePeer(socket->Peer);
      break;
    case COMPLETES_CONNECT:
      if (NT_SUCCESS(irp->IoStatus.Status) || socket->Peer == NO_SLOT) break;
      FreePeer(socket->Peer);
      socket->Peer = NO_SLOT;
      break;
    default:
      break;
  }
}

static IO_COMPLETION_ROUTINE OnComplete, OnCompleteAbove;

static NTSTATUS OnComplete(PDEVICE_OBJECT device, PIRP irp, PVOID context) {
  UNREFERENCED_PARAMETER(device);
  CLIENT_IRP* slot = (CLIENT_IRP*)context;
  if (irp != slot->Irp) {
    Say("FAULT: a completion routine was given an IRP that is not its own");
    return STATUS_MORE_PROCESSING_REQUIRED;
  }
  if (InterlockedCompareExchange(&slot->State, IRP_COMPLETING, IRP_OWNED) != IRP_OWNED) {
    SayCompletion(slot, irp, TRUE);
    return STATUS_MORE_PROCESSING_REQUIRED;
  }
  SayCompletion(slot, irp, FALSE);
  TakeResult(slot, irp);
  if (!slot->Endless) InterlockedDecrement(&Outstanding);
  // From here on the slot may be used again, unless the IRP goes on to the driver above.
  const BOOLEAN passed_down = slot->PassedDown;
  if (!passed_down) InterlockedExchange(&slot->State, IRP_COMPLETED);
  if (HasCompletionSteps) {
    EnterSteps();
    CompletionSteps(slot, InterlockedIncrement(&slot->Completions) - 1);
    Say("the completion routine of IRP %u returned", (ULONG)(slot - Irps));
    LeaveSteps();
  }
  if (!passed_down) return STATUS_MORE_PROCESSING_REQUIRED;
  if (irp->PendingReturned) IoMarkIrpPending(irp);
  return STATUS_SUCCESS;
}

// The locations above: reached once by a passed-down IRP, and otherwise only by a second completion.
static NTSTATUS OnCompleteAbove(PDEVICE_OBJECT device, PIRP irp, PVOID context) {
  UNREFERENCED_PARAMETER(device);
  CLIENT_IRP* slot = (CLIENT_IRP*)context;
  if (slot->PassedDown && !slot->SeenAbove) {
    slot->SeenAbove = TRUE;
    InterlockedExchange(&slot->State, IRP_COMPLETED);
  } else {
    SayCompletion(slot, irp, TRUE);
  }
  return STATUS_MORE_PROCESSING_REQUIRED;
}

BOOLEAN PrepareIrp(CLIENT_IRP* slot, BOOLEAN passed_down) {
  const LONG before = ReadAcquire(&slot->State);
  if ((before != IRP_FREE && before != IRP_COMPLETED) ||
      InterlockedCompareExchange(&slot->State, IRP_PREPARING, before) != before) {
    return FALSE;
  }
  PIRP irp = slot->Irp;
  if (irp == NULL) {
    slot->Irp = irp = IoAllocateIrp(4, FALSE);
  } else if (slot->Cancels != 0) {
    irp = NULL;
  } else {
    IoReuseIrp(irp, STATUS_SUCCESS);
  }
  if (irp == NULL) {
    InterlockedExchange(&slot->State, before);
    return FALSE;
  }
  IoSetCompletionRoutine(irp, OnCompleteAbove, slot, TRUE, TRUE, TRUE);
  IoSetNextIrpStackLocation(irp);
  IoSetCompletionRoutine(irp, OnCompleteAbove, slot, TRUE, TRUE, TRUE);
  IoSetNextIrpStackLocation(irp);
  IoSetCompletionRoutine(irp, OnComplete, slot, TRUE, TRUE, TRUE);
  slot->Bytes = NULL;
  slot->Length = 0;
  slot->PassedDown = passed_down;
  slot->SeenAbove = FALSE;
  slot->Endless = FALSE;
  return TRUE;
}

VOID FreeIrps(VOID) {
  for (ULONG i = 0; i < StepIrps + SocketCount; ++i) {
    CLIENT_IRP* slot = &Irps[i];
    // One that the provider still owns is left alone: it may complete at any time, or never.
    if (slot->Irp == NULL || ReadAcquire(&slot->State) == IRP_OWNED) continue;
    IoFreeIrp(slot->Irp);
    slot->Irp = NULL;
  }
}
