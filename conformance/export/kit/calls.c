// Slots, and the calls to the provider.
#include <ntstrsafe.h>

#include "conformance/export/kit/kit.h"

const NPIID ForeignNpi = {0x7D3A0C51, 0x51E4, 0x4C0B, {0x9B, 0x0E, 0x44, 0x13, 0x72, 0x9A, 0x60, 0x1D}};
const NPIID WskNpiCopy = {0x2227E803, 0x8D8B, 0x11D4, {0xAB, 0xAD, 0x00, 0x90, 0x27, 0x71, 0x9E, 0x09}};
const char NoFunction[] = "the provider's table has no such function";

static const char EmptySlot[] = "its slot is empty";
static const char FullSlot[] = "its slot is in use";
static const char NotSetUp[] = "the client is not registered or has no provider";
static const char Limit[] = "a limit of the executor is reached";

VOID InitialiseSlots(VOID) {
  for (ULONG i = 0; i < SocketCount; ++i) Sockets[i].Peer = Sockets[i].Listener = NO_SLOT;
  for (ULONG i = 0; i < PeerCount; ++i) Peers[i].Socket = NO_SLOT;
  for (ULONG i = 0; i < HoldCount; ++i) KeInitializeEvent(&Holds[i].Released, NotificationEvent, FALSE);
}

static BOOLEAN MakeBytes(CALL* call, ULONG length) {
  CLIENT_IRP* slot = call->Slot;
  slot->Buffer.Mdl = NULL;
  slot->Buffer.Offset = 0;
  slot->Buffer.Length = length;
  slot->Length = length;
  if (length == 0) return TRUE;
  slot->Bytes = TakeBytes(length);
  if (slot->Bytes == NULL) {
    SkipCall(call, Limit);
    return FALSE;
  }
  RtlZeroMemory(slot->Bytes, length);
  MmInitializeMdl(&slot->Memory.Mdl, slot->Bytes, length);
  MmBuildMdlForNonPagedPool(&slot->Memory.Mdl);
  slot->Buffer.Mdl = &slot->Memory.Mdl;
  return TRUE;
}

BOOLEAN MakeBuffer(CALL* call, ULONG length, BOOLEAN fills) {
  if (call->Slot == NULL) {
    SkipCall(call, EmptySlot);
    return FALSE;
  }
  if (!MakeBytes(call, length)) return FALSE;
  CLIENT_SOCKET* socket = call->Socket;
  if (!fills || length == 0 || socket->Peer == NO_SLOT) return TRUE;
  FillPattern(StreamId(socket->Peer, Peers[socket->Peer].Generation, TRUE), socket->Sent, call->Slot->Bytes,
              length);
  socket->Sent += length;
  return TRUE;
}

BOOLEAN MakeDatagram(CALL* call, ULONG length, USHORT peer) {
  if (call->Slot == NULL) {
    SkipCall(call, EmptySlot);
    return FALSE;
  }
  if (!MakeBytes(call, length)) return FALSE;
  FillPattern(StreamId(peer, 0, TRUE), Peers[peer].DatagramsToIt, call->Slot->Bytes, length);
  Peers[peer].DatagramsToIt += length;
  return TRUE;
}

// ---------------------------------------------------------------------------------------------------------------------
// Calls.

// What closing a socket requires: nothing else in its functions, nothing of it retained, and only once.
static BOOLEAN MayClose(CALL* call) {
  CLIENT_SOCKET* socket = call->Socket;
  const char* reason = "the socket is closed or closing";
  if ((call->Flags & UNGUARDED) != 0) return TRUE;
  if (InterlockedCompareExchange(&socket->State, SOCKET_CLOSING, SOCKET_OPEN) == SOCKET_OPEN) {
    if (socket->References != 1) {
      reason = "other calls on the socket have not returned";
    } else if (socket->Retained != 0) {
      reason = "retained lists of the socket are not released";
    } else {
      return TRUE;
    }
    InterlockedExchange(&socket->State, SOCKET_OPEN);
  }
  SkipStep(call->Operation, reason);
  return FALSE;
}

static VOID LeaveSocket(CALL* call) {
  if (call->Socket == NULL || (call->Flags & CREATES) != 0) return;
  if ((call->Flags & (CLOSES | UNGUARDED)) == CLOSES) InterlockedExchange(&call->Socket->State, SOCKET_OPEN);
  InterlockedDecrement(&call->Socket->References);
}

static BOOLEAN EnterSocket(CALL* call) {
  CLIENT_SOCKET* socket = call->Socket;
  InterlockedIncrement(&socket->References);
  const LONG state = ReadAcquire(&socket->State);
  const BOOLEAN usable = state == SOCKET_OPEN || ((call->Flags & UNGUARDED) != 0 && socket->Socket != NULL);
  if (usable && ((call->Flags & CLOSES) == 0 || MayClose(call))) return TRUE;
  InterlockedDecrement(&socket->References);
  if (!usable) {
    const BOOLEAN never_was = state == SOCKET_EMPTY || state == SOCKET_CREATING || state == SOCKET_FAILED;
    SkipStep(call->Operation, never_was ? EmptySlot : "the socket is closed or closing");
  }
  return FALSE;
}

BOOLEAN OpenCall(CALL* call, CLIENT_SOCKET* socket, CLIENT_IRP* irp, const char* operation, ULONG flags) {
  RtlZeroMemory(call, sizeof(*call));
  call->Socket = socket;
  call->Operation = operation;
  call->Flags = flags;
  call->Level = (flags & AT_DISPATCH) != 0 ? DISPATCH_LEVEL : KeGetCurrentIrql();
  if (!MayNest()) {
    SkipStep(operation, Limit);
    return FALSE;
  }
  if (socket != NULL && (flags & CREATES) == 0 && !EnterSocket(call)) return FALSE;
  if (irp == NULL) return TRUE;
  if (!PrepareIrp(irp, (flags & PASSED_DOWN) != 0)) {
    LeaveSocket(call);
    SkipStep(operation, FullSlot);
    return FALSE;
  }
  irp->Operation = operation;
  irp->Socket = socket;
  irp->Completes = (flags & CREATES) != 0  ? COMPLETES_SOCKET
                   : (flags & CLOSES) != 0 ? COMPLETES_CLOSE
                                           : COMPLETES_NOTHING_MORE;
  irp->Endless = (flags & ENDLESS) != 0;
  InterlockedExchange(&irp->State, IRP_OWNED);
  call->Slot = irp;
  call->Irp = irp->Irp;
  return TRUE;
}

VOID SkipCall(CALL* call, const char* reason) {
  SkipStep(call->Operation, reason);
  if (call->Slot != NULL) InterlockedExchange(&call->Slot->State, IRP_FREE);
  LeaveSocket(call);
}

VOID BeginCall(CALL* call) {
  const ULONG thread = SceneThread();
  call->OldLevel = call->Level;
  if (call->Level != KeGetCurrentIrql()) KeRaiseIrql(call->Level, &call->OldLevel);
  if (call->Slot != NULL && !call->Slot->Endless) InterlockedIncrement(&Outstanding);
  call->Depth = thread < 256;
  if (call->Depth) ++Depth[thread];
}

VOID EndCall(CALL* call, NTSTATUS status, const char* what) {
  const KIRQL level = KeGetCurrentIrql();
  if (call->Depth) --Depth[SceneThread()];
  Say("%s returned %s", what, StatusName(status));
  if (level != call->Level) {
    Say("FAULT: the call returned at another IRQL");
    if (level > call->Level) KeLowerIrql(call->Level);
  }
  if (call->OldLevel != call->Level && KeGetCurrentIrql() > call->OldLevel) KeLowerIrql(call->OldLevel);
  if ((call->Flags & CLOSES) != 0 && call->Slot == NULL && NT_SUCCESS(status)) {
    InterlockedExchange(&call->Socket->State, SOCKET_CLOSED);
  }
  if (call->Socket != NULL && (call->Flags & CREATES) == 0) InterlockedDecrement(&call->Socket->References);
}

BOOLEAN HasProvider(const CLIENT* client, const char* operation) {
  if (client->Captured > 0) return TRUE;
  SkipStep(operation, NotSetUp);
  return FALSE;
}

BOOLEAN TakeSlot(CALL* call, UCHAR client, ULONG category, USHORT peer) {
  CLIENT_SOCKET* socket = call->Socket;
  if (peer != NO_SLOT && !TakePeer(call, peer)) return FALSE;
  if (InterlockedCompareExchange(&socket->State, SOCKET_CREATING, SOCKET_EMPTY) != SOCKET_EMPTY) {
    if (peer != NO_SLOT) FreePeer(peer);
    SkipCall(call, FullSlot);
    return FALSE;
  }
  socket->Client = client;
  socket->Category = category;
  return TRUE;
}

BOOLEAN TakeAcceptSlot(CALL* call, CLIENT_SOCKET* accepted) {
  if (InterlockedCompareExchange(&accepted->State, SOCKET_CREATING, SOCKET_EMPTY) != SOCKET_EMPTY) {
    SkipCall(call, FullSlot);
    return FALSE;
  }
  accepted->Category = WSK_FLAG_CONNECTION_SOCKET;
  accepted->Client = call->Socket->Client;
  accepted->Listener = (USHORT)(call->Socket - Sockets);
  if (call->Slot == NULL) return TRUE;
  call->Slot->Completes = COMPLETES_ACCEPT;
  call->Slot->Socket = accepted;
  RtlZeroMemory(&call->Slot->Remote, sizeof(call->Slot->Remote));
  return TRUE;
}

// Without an IRP nothing has to outlive the call.
static SOCKADDR_STORAGE ShortLived[2];

PSOCKADDR RoomForRemote(CALL* call) {
  return (PSOCKADDR)(call->Slot != NULL ? &call->Slot->Remote : &ShortLived[0]);
}
PSOCKADDR RoomForLocal(CALL* call) {
  return (PSOCKADDR)(call->Slot != NULL ? &call->Slot->Local : &ShortLived[1]);
}

PSOCKADDR PeerAddress(CALL* call, USHORT peer) {
  PSOCKADDR address = RoomForRemote(call);
  ScenePeerAddress(peer, Ipv6, address);
  return address;
}

PSOCKADDR WildcardAddress(CALL* call, BOOLEAN port) {
  SOCKADDR_STORAGE* address = (SOCKADDR_STORAGE*)RoomForLocal(call);
  LocalAddressOf((ULONG)(call->Socket - Sockets), address);
  // A socket that will connect takes any port.
  if (!port) ((SOCKADDR_IN*)address)->sin_port = 0;
  return (PSOCKADDR)address;
}

PFN_WSK_BIND BindOf(const CLIENT_SOCKET* s) {
  if (s->Category == WSK_FLAG_DATAGRAM_SOCKET) return DATAGRAM(s)->WskBind;
  if (s->Category == WSK_FLAG_LISTEN_SOCKET) return LISTENING(s)->WskBind;
  return OF_CONNECTION(s, WskBind);
}

PFN_WSK_GET_LOCAL_ADDRESS GetLocalAddressOf(const CLIENT_SOCKET* s) {
  if (s->Category == WSK_FLAG_DATAGRAM_SOCKET) return DATAGRAM(s)->WskGetLocalAddress;
  if (s->Category == WSK_FLAG_LISTEN_SOCKET) return LISTENING(s)->WskGetLocalAddress;
  return OF_CONNECTION(s, WskGetLocalAddress);
}

VOID ReleaseList(CLIENT_SOCKET* socket, RETAINED* list, ULONG flags, const char* what) {
  CALL call;
  PVOID chain = NULL;
  NTSTATUS status;
  if (!OpenCall(&call, socket, NULL, "release", flags)) return;
  if (list != NULL) {
    if (ReadAcquire(&list->State) != SLOT_FULL || list->Socket != socket ||
        InterlockedCompareExchange(&list->State, SLOT_RELEASED, SLOT_FULL) != SLOT_FULL) {
      SkipCall(&call, EmptySlot);
      return;
    }
    InterlockedDecrement(&socket->Retained);
    chain = list->List;
  }
  if (socket->Category == WSK_FLAG_DATAGRAM_SOCKET) {
    BeginCall(&call);
    status = DATAGRAM(socket)->WskRelease(socket->Socket, (PWSK_DATAGRAM_INDICATION)chain);
  } else if (OF_CONNECTION(socket, WskRelease) != NULL) {
    BeginCall(&call);
    status = OF_CONNECTION(socket, WskRelease)(socket->Socket, (PWSK_DATA_INDICATION)chain);
  } else {
    SkipCall(&call, NoFunction);
    return;
  }
  EndCall(&call, status, what);
}

VOID CancelIrp(CLIENT_IRP* irp) {
  InterlockedIncrement(&irp->Cancels);
  if (ReadAcquire(&irp->State) != IRP_OWNED) {
    InterlockedDecrement(&irp->Cancels);
    SkipStep("cancel_irp", EmptySlot);
    return;
  }
  CALL call = {0};
  call.Level = KeGetCurrentIrql();
  BeginCall(&call);
  const BOOLEAN cancelled = IoCancelIrp(irp->Irp);
  InterlockedDecrement(&irp->Cancels);
  if (call.Depth) --Depth[SceneThread()];
  Say("IoCancelIrp(IRP %u) returned %s", (ULONG)(irp - Irps),
      StatusName(cancelled ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL));
}

VOID CloseSocket(CLIENT_SOCKET* socket, CLIENT_IRP* irp, ULONG flags, const char* what) {
  CALL call;
  if (!OpenCall(&call, socket, irp, "close", flags | CLOSES)) return;
  if (BASIC(socket)->WskCloseSocket == NULL) {
    SkipCall(&call, NoFunction);
    return;
  }
  InterlockedExchange(&socket->State, SOCKET_CLOSING);
  BeginCall(&call);
  EndCall(&call, BASIC(socket)->WskCloseSocket(socket->Socket, call.Irp), what);
}

VOID Ping(CLIENT_SOCKET* socket, ULONG value, ULONG flags, const char* what) {
  CALL call;
  if (!OpenCall(&call, socket, NULL, "ping", flags)) return;
  const WSKEMU_PROVIDER_PING_DISPATCH* table =
      (const WSKEMU_PROVIDER_PING_DISPATCH*)socket->Extension.ProviderDispatch;
  if (table == NULL || table->Ping == NULL) {
    SkipCall(&call, NoFunction);
    return;
  }
  BeginCall(&call);
  EndCall(&call, table->Ping(socket->Extension.ProviderContext, value), what);
}

// ---------------------------------------------------------------------------------------------------------------------
// The client's registration.

static NTSTATUS WSKAPI ClientEvent(PVOID context, ULONG type, PVOID information, SIZE_T length) {
  UNREFERENCED_PARAMETER(context);
  UNREFERENCED_PARAMETER(type);
  UNREFERENCED_PARAMETER(information);
  UNREFERENCED_PARAMETER(length);
  SayClientEvent();
  return STATUS_NOT_IMPLEMENTED;
}

VOID Register(CLIENT* client, USHORT version, BOOLEAN event, ULONG flags) {
  CALL call;
  WSK_CLIENT_NPI npi;
  if (!OpenCall(&call, NULL, NULL, "register", flags)) return;
  if (client->State == CLIENT_REGISTERED || client->Inside != 0 || client->Captured > 0) {
    SkipCall(&call, FullSlot);
    return;
  }
  client->Dispatch.Version = version;
  client->Dispatch.Reserved = 0;
  client->Dispatch.WskClientEvent = event ? ClientEvent : NULL;
  npi.ClientContext = client;
  npi.Dispatch = &client->Dispatch;
  InterlockedIncrement(&client->Inside);
  client->HasNpi = FALSE;
  BeginCall(&call);
  const NTSTATUS status = WskRegister(&npi, &client->Registration);
  if (NT_SUCCESS(status)) InterlockedExchange(&client->State, CLIENT_REGISTERED);
  EndCall(&call, status, "WskRegister()");
  InterlockedDecrement(&client->Inside);
}

VOID Capture(CLIENT* client, ULONG milliseconds, ULONG flags) {
  CALL call;
  WSK_PROVIDER_NPI npi = {0};
  if (!OpenCall(&call, NULL, NULL, "capture", flags)) return;
  if (client->State == CLIENT_NEVER_REGISTERED) {
    SkipCall(&call, NotSetUp);
    return;
  }
  InterlockedIncrement(&client->Inside);
  BeginCall(&call);
  const NTSTATUS status = WskCaptureProviderNPI(&client->Registration, milliseconds, &npi);
  if (NT_SUCCESS(status)) {
    if (!client->HasNpi) client->Npi = npi;
    client->HasNpi = TRUE;
    InterlockedIncrement(&client->Captured);
  }
  EndCall(&call, status, "WskCaptureProviderNPI()");
  InterlockedDecrement(&client->Inside);
}

VOID QueryCharacteristics(CLIENT* client, ULONG flags) {
  CALL call;
  WSK_PROVIDER_CHARACTERISTICS versions = {0};
  if (!OpenCall(&call, NULL, NULL, "query_characteristics", flags)) return;
  if (client->State != CLIENT_REGISTERED) {
    SkipCall(&call, NotSetUp);
    return;
  }
  InterlockedIncrement(&client->Inside);
  BeginCall(&call);
  EndCall(&call, WskQueryProviderCharacteristics(&client->Registration, &versions),
          "query_characteristics(no IRP)");
  InterlockedDecrement(&client->Inside);
}

VOID ReleaseNpi(CLIENT* client, ULONG flags) {
  CALL call;
  if (!OpenCall(&call, NULL, NULL, "release_npi", flags)) return;
  // Taken at once, so that of two threads only one leaves.
  if (InterlockedDecrement(&client->Captured) < 0) {
    InterlockedIncrement(&client->Captured);
    SkipCall(&call, NotSetUp);
    return;
  }
  InterlockedIncrement(&client->Inside);
  BeginCall(&call);
  WskReleaseProviderNPI(&client->Registration);
  EndCall(&call, STATUS_SUCCESS, "WskReleaseProviderNPI()");
  InterlockedDecrement(&client->Inside);
}

VOID Deregister(CLIENT* client, ULONG flags) {
  CALL call;
  if (!OpenCall(&call, NULL, NULL, "deregister", flags)) return;
  if (InterlockedCompareExchange(&client->State, CLIENT_LEFT, CLIENT_REGISTERED) != CLIENT_REGISTERED) {
    SkipCall(&call, NotSetUp);
    return;
  }
  InterlockedIncrement(&client->Inside);
  BeginCall(&call);
  WskDeregister(&client->Registration);
  EndCall(&call, STATUS_SUCCESS, "WskDeregister()");
  InterlockedDecrement(&client->Inside);
}

// ---------------------------------------------------------------------------------------------------------------------
// Threads and tear-down.

static KSTART_ROUTINE ThreadMain;
static VOID ThreadMain(PVOID context) {
  ((THREAD_STEPS*)context)();
  PsTerminateSystemThread(STATUS_SUCCESS);
}

PVOID StartThread(THREAD_STEPS* steps) {
  HANDLE handle;
  PVOID thread = NULL;
  if (!NT_SUCCESS(
          PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, ThreadMain, (PVOID)steps)))
    return NULL;
  if (!NT_SUCCESS(ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, NULL, KernelMode, &thread, NULL)))
    thread = NULL;
  ZwClose(handle);
  return thread;
}

VOID JoinThread(PVOID thread) {
  if (thread == NULL) return;
  SceneNote("waiting for another client thread to finish its steps");
  KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
  ObDereferenceObject(thread);
}

VOID ReleaseHolds(VOID) {
  Settle();
  for (ULONG i = 0; i < HoldCount; ++i) ReleaseHold(&Holds[i]);
  if (HoldCount != 0) Settle();
}

static VOID ReleaseEverything(VOID) {
  char what[64];
  BOOLEAN released = FALSE;
  for (ULONG i = 0; i < RetainedCount; ++i) {
    if (ReadAcquire(&Retained[i].State) != SLOT_FULL) continue;
    RtlStringCbPrintfA(what, sizeof(what), "WskRelease(socket %u, list %u)",
                       (ULONG)(Retained[i].Socket - Sockets), i);
    ReleaseList(Retained[i].Socket, &Retained[i], 0, what);
    released = TRUE;
  }
  if (released) Settle();
  for (ULONG i = 0; i < SocketCount; ++i) {
    // Further tries, for there may be no memory for its IRP.
    for (int tries = 0; tries < 8 && ReadAcquire(&Sockets[i].State) == SOCKET_OPEN; ++tries) {
      RtlStringCbPrintfA(what, sizeof(what), "WskCloseSocket(socket %u, IRP %u)", i, StepIrps + i);
      CloseSocket(&Sockets[i], &Irps[StepIrps + i], 0, what);
    }
  }
}

VOID TearDown(VOID) {
  ReleaseEverything();
  Settle();
  // An IRP that did not come back would make WskDeregister wait for ever.
  if (Outstanding != 0) return;
  for (ULONG i = 0; i < ClientCount; ++i) {
    while (Clients[i].Captured > 0) ReleaseNpi(&Clients[i], 0);
    if (Clients[i].State == CLIENT_REGISTERED) Deregister(&Clients[i], 0);
  }
}
