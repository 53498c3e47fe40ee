// The life of a socket: made, bound, connected or listening, its callbacks enabled and disabled, closed.
#include "small.h"

static const ULONG SmallMasks[SmallEventCount] = {WSK_EVENT_RECEIVE, WSK_EVENT_DISCONNECT, WSK_EVENT_ACCEPT};

ULONG SmallCallbackFlags(VOID) {
  return KeGetCurrentIrql() >= DISPATCH_LEVEL ? WSK_FLAG_AT_DISPATCH_LEVEL : 0;
}

// ---- What the transport tells

static VOID SmallConnected(PVOID Context, NTSTATUS Status);
static VOID SmallClosed(PVOID Context);
static PVOID SmallIncoming(PVOID Context, WSKCERT_ENDPOINT* Connection);

static VOID SmallDisconnectDone(PVOID Context, NTSTATUS Status) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Context;
  PIRP irp = (PIRP)InterlockedExchangePointer((PVOID*)&socket->DisconnectIrp, NULL);
  if (irp != NULL) SmallComplete(irp, Status, 0);
}

static VOID SmallBacklogChanged(PVOID Context, SIZE_T Bytes) {}

static VOID SmallBroken(PVOID Context) { SmallDisconnected(Context, true); }

static const WSKCERT_TRANSPORT_CLIENT SmallTransportClient = {
    SmallConnected,      SmallReceived, SmallDisconnected, SmallSent,    SmallDisconnectDone,
    SmallBacklogChanged, SmallBroken,   SmallClosed,       SmallIncoming};

// ---- Requests on sockets

static NTSTATUS WSKAPI SmallControlSocket(PWSK_SOCKET Socket, WSK_CONTROL_SOCKET_TYPE RequestType,
                                          ULONG ControlCode, ULONG Level, SIZE_T InputSize, PVOID InputBuffer,
                                          SIZE_T OutputSize, PVOID OutputBuffer, SIZE_T* OutputSizeReturned,
                                          PIRP Irp);
static NTSTATUS WSKAPI SmallClose(PWSK_SOCKET Socket, PIRP Irp);

static NTSTATUS WSKAPI SmallBind(PWSK_SOCKET Socket, PSOCKADDR LocalAddress, ULONG Flags, PIRP Irp) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Socket;
  NTSTATUS status;
  SmallBegin(Irp);
  status = WskcertTransport()->Bind(socket->Endpoint, LocalAddress);
  return SmallComplete(Irp, status, 0);
}

static NTSTATUS WSKAPI SmallBindListener(PWSK_SOCKET Socket, PSOCKADDR LocalAddress, ULONG Flags, PIRP Irp) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Socket;
  NTSTATUS status;
  SmallBegin(Irp);
  status = WskcertTransport()->Bind(socket->Endpoint, LocalAddress);
  if (NT_SUCCESS(status)) status = WskcertTransport()->Listen(socket->Endpoint, true);
  return SmallComplete(Irp, status, 0);
}

static NTSTATUS WSKAPI SmallConnect(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, ULONG Flags, PIRP Irp) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Socket;
  SmallBegin(Irp);
  IoMarkIrpPending(Irp);
  Irp->Tail.Overlay.DriverContext[0] = NULL;
  socket->ConnectIrp = Irp;
  WskcertTransport()->Connect(socket->Endpoint, RemoteAddress);
  return STATUS_PENDING;
}

static ULONG SmallAddressLength(const SOCKADDR_INET* Address) {
  return Address->si_family == AF_INET6 ? sizeof(SOCKADDR_IN6) : sizeof(SOCKADDR_IN);
}

static NTSTATUS WSKAPI SmallGetLocalAddress(PWSK_SOCKET Socket, PSOCKADDR LocalAddress, PIRP Irp) {
  SOCKADDR_INET address;
  SmallBegin(Irp);
  WskcertTransport()->LocalAddress(((PSMALL_SOCKET)Socket)->Endpoint, &address);
  RtlCopyMemory(LocalAddress, &address, SmallAddressLength(&address));
  return SmallComplete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS WSKAPI SmallGetRemoteAddress(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, PIRP Irp) {
  return SmallDecline(Irp);
}

static NTSTATUS WSKAPI SmallDisconnect(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Socket;
  if (Buffer != NULL) return SmallDecline(Irp);
  SmallBegin(Irp);
  if ((Flags & WSK_FLAG_ABORTIVE) != 0) {
    WskcertTransport()->Disconnect(socket->Endpoint, true);
    SmallDisconnectDone(socket, STATUS_CONNECTION_ABORTED);
    return SmallComplete(Irp, STATUS_SUCCESS, 0);
  }
  IoMarkIrpPending(Irp);
  socket->DisconnectIrp = Irp;
  WskcertTransport()->Disconnect(socket->Endpoint, false);
  return STATUS_PENDING;
}

static NTSTATUS WSKAPI SmallAcceptIrp(PWSK_SOCKET ListenSocket, ULONG Flags, PVOID Context,
                                      const WSK_CLIENT_CONNECTION_DISPATCH* Dispatch, PSOCKADDR LocalAddress,
                                      PSOCKADDR RemoteAddress, PIRP Irp) {
  return SmallDecline(Irp);
}

static NTSTATUS WSKAPI SmallInspectComplete(PWSK_SOCKET ListenSocket, PWSK_INSPECT_ID InspectID,
                                            WSK_INSPECT_ACTION Action, PIRP Irp) {
  return SmallDecline(Irp);
}

static NTSTATUS WSKAPI SmallConnectEx(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, PWSK_BUF Buffer,
                                      ULONG Flags, PIRP Irp) {
  return SmallDecline(Irp);
}

static const WSK_PROVIDER_CONNECTION_DISPATCH SmallConnectionDispatch = {{{SmallControlSocket, SmallClose}},
                                                                         SmallBind,
                                                                         SmallConnect,
                                                                         SmallGetLocalAddress,
                                                                         SmallGetRemoteAddress,
                                                                         SmallSend,
                                                                         SmallReceiveIrp,
                                                                         SmallDisconnect,
                                                                         SmallRelease,
                                                                         SmallConnectEx,
                                                                         NULL,
                                                                         NULL};

static const WSK_PROVIDER_LISTEN_DISPATCH SmallListenDispatch = {{{SmallControlSocket, SmallClose}},
                                                                 SmallBindListener,
                                                                 SmallAcceptIrp,
                                                                 SmallInspectComplete,
                                                                 SmallGetLocalAddress};

// ---- Making sockets

static PSMALL_SOCKET SmallNew(PSMALL_CLIENT Client, PVOID Context, const VOID* Dispatch, BOOLEAN Listens) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*socket), SMALL_TAG);
  if (socket == NULL) return NULL;
  socket->Public.Dispatch =
      Listens ? (const VOID*)&SmallListenDispatch : (const VOID*)&SmallConnectionDispatch;
  socket->Client = Client;
  socket->Context = Context;
  socket->Dispatch = Dispatch;
  KeInitializeSpinLock(&socket->Lock);
  InitializeListHead(&socket->Receives);
  socket->DataEnd = &socket->Data;
  SmallReferenceClient(Client);
  return socket;
}

static VOID SmallFree(PSMALL_SOCKET Socket) {
  PSMALL_CLIENT client = Socket->Client;
  ExFreePoolWithTag(Socket, SMALL_TAG);
  SmallReleaseClient(client);
}

NTSTATUS WSKAPI SmallSocket(PWSK_CLIENT Client, ADDRESS_FAMILY Family, USHORT Type, ULONG Protocol,
                            ULONG Flags, PVOID Context, const VOID* Dispatch, PEPROCESS Process,
                            PETHREAD Thread, PSECURITY_DESCRIPTOR Descriptor, PIRP Irp) {
  const BOOLEAN listens = Flags == WSK_FLAG_LISTEN_SOCKET;
  PSMALL_SOCKET socket;
  NTSTATUS status;
  if (Irp == NULL) return STATUS_INVALID_PARAMETER;
  if (!listens && Flags != WSK_FLAG_CONNECTION_SOCKET) return SmallDecline(Irp);
  SmallBegin(Irp);
  socket = SmallNew((PSMALL_CLIENT)Client, Context, Dispatch, listens);
  if (socket == NULL) return SmallComplete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
  status = WskcertTransport()->Open(&SmallTransportClient, socket, Family, &socket->Endpoint);
  if (!NT_SUCCESS(status)) {
    SmallFree(socket);
    return SmallComplete(Irp, status, 0);
  }
  return SmallComplete(Irp, STATUS_SUCCESS, (ULONG_PTR)&socket->Public);
}

NTSTATUS WSKAPI SmallSocketConnect(PWSK_CLIENT Client, USHORT Type, ULONG Protocol, PSOCKADDR Local,
                                   PSOCKADDR Remote, ULONG Flags, PVOID Context,
                                   const WSK_CLIENT_CONNECTION_DISPATCH* Dispatch, PEPROCESS Process,
                                   PETHREAD Thread, PSECURITY_DESCRIPTOR Descriptor, PIRP Irp) {
  const WSKCERT_TRANSPORT* transport = WskcertTransport();
  PSMALL_SOCKET socket;
  NTSTATUS status;
  if (Irp == NULL) return STATUS_INVALID_PARAMETER;
  SmallBegin(Irp);
  socket = SmallNew((PSMALL_CLIENT)Client, Context, Dispatch, FALSE);
  if (socket == NULL) return SmallComplete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
  status = transport->Open(&SmallTransportClient, socket, Local->sa_family, &socket->Endpoint);
  if (!NT_SUCCESS(status)) {
    SmallFree(socket);
    return SmallComplete(Irp, status, 0);
  }
  status = transport->Bind(socket->Endpoint, Local);
  if (!NT_SUCCESS(status)) {
    socket->CloseIrp = NULL;
    socket->Closing = TRUE;
    transport->Close(socket->Endpoint);
    return SmallComplete(Irp, status, 0);
  }
  IoMarkIrpPending(Irp);
  socket->ConnectIrp = Irp;
  // The outcome is the new socket: kept until then in the IRP.
  Irp->Tail.Overlay.DriverContext[0] = socket;
  transport->Connect(socket->Endpoint, Remote);
  return STATUS_PENDING;
}

// ---- Connections

// Offers a connection that came in to the client. Nobody there to take it, or refused: it is closed.
static VOID SmallOffer(PSMALL_SOCKET Socket) {
  PSMALL_SOCKET listener = Socket->Listener;
  const WSK_CLIENT_LISTEN_DISPATCH* dispatch = (const WSK_CLIENT_LISTEN_DISPATCH*)listener->Dispatch;
  NTSTATUS status = STATUS_REQUEST_NOT_ACCEPTED;
  PIRP disabled = NULL;
  BOOLEAN call;
  KIRQL irql;

  KeAcquireSpinLock(&listener->Lock, &irql);
  call = (listener->Enabled & WSK_EVENT_ACCEPT) != 0 && !listener->Closing;
  if (call) SmallCallBegins(listener, SmallAcceptEvent);
  KeReleaseSpinLock(&listener->Lock, irql);
  if (call) {
    SOCKADDR_INET local, remote;
    PVOID context = NULL;
    const WSK_CLIENT_CONNECTION_DISPATCH* connection = NULL;
    WskcertTransport()->LocalAddress(Socket->Endpoint, &local);
    WskcertTransport()->RemoteAddress(Socket->Endpoint, &remote);
    status = dispatch->WskAcceptEvent(listener->Context, SmallCallbackFlags(), (PSOCKADDR)&local,
                                      (PSOCKADDR)&remote, &Socket->Public, &context, &connection);
    KeAcquireSpinLock(&listener->Lock, &irql);
    if (status == STATUS_SUCCESS) {
      // In force before the call has counted down: a close or disable inside it has found nothing.
      Socket->Context = context;
      Socket->Dispatch = connection;
      if (connection != NULL)
        Socket->Enabled |= listener->Enabled & (WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
    }
    disabled = SmallCallEnds(listener, SmallAcceptEvent);
    KeReleaseSpinLock(&listener->Lock, irql);
    if (disabled != NULL) SmallComplete(disabled, STATUS_SUCCESS, 0);
    SmallCloseIfIdle(listener);
  }
  Socket->Listener = NULL;
  if (status == STATUS_SUCCESS) {
    SmallPump(Socket);
    return;
  }
  Socket->Closing = TRUE;
  WskcertTransport()->Close(Socket->Endpoint);
}

static VOID SmallConnected(PVOID Context, NTSTATUS Status) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Context;
  PIRP irp = (PIRP)InterlockedExchangePointer((PVOID*)&socket->ConnectIrp, NULL);
  if (socket->Listener != NULL) {
    if (NT_SUCCESS(Status)) {
      SmallOffer(socket);
    } else {
      socket->Closing = TRUE;
      WskcertTransport()->Close(socket->Endpoint);
    }
    return;
  }
  if (irp == NULL) return;
  if (irp->Tail.Overlay.DriverContext[0] != socket) {
    SmallComplete(irp, Status, 0);
    return;
  }
  irp->Tail.Overlay.DriverContext[0] = NULL;
  if (NT_SUCCESS(Status)) {
    SmallComplete(irp, Status, (ULONG_PTR)&socket->Public);
    return;
  }
  // There is no socket: the client never sees it.
  socket->Closing = TRUE;
  WskcertTransport()->Close(socket->Endpoint);
  SmallComplete(irp, Status, 0);
}

static PVOID SmallIncoming(PVOID Context, WSKCERT_ENDPOINT* Connection) {
  PSMALL_SOCKET listener = (PSMALL_SOCKET)Context;
  PSMALL_SOCKET socket;
  if (listener->Closing) return NULL;
  socket = SmallNew(listener->Client, NULL, NULL, FALSE);
  if (socket == NULL) return NULL;
  socket->Endpoint = Connection;
  socket->Listener = listener;
  WskcertTransport()->Admit(Connection);
  return socket;
}

// ---- Callbacks enabled and disabled

VOID SmallCallBegins(PSMALL_SOCKET Socket, SMALL_EVENT Event) { ++Socket->Calls[Event]; }

PIRP SmallCallEnds(PSMALL_SOCKET Socket, SMALL_EVENT Event) {
  PIRP irp = NULL;
  if (--Socket->Calls[Event] == 0) {
    irp = Socket->Disabling[Event];
    Socket->Disabling[Event] = NULL;
  }
  return irp;
}

// Whether the client has a function for each of these events. A listening socket's connection events are for
// the sockets that it accepts.
static BOOLEAN SmallHasFunctions(PSMALL_SOCKET Socket, ULONG Events) {
  if (Socket->Dispatch == NULL) return Events == 0;
  if (Socket->Public.Dispatch == &SmallListenDispatch) {
    const WSK_CLIENT_LISTEN_DISPATCH* listen = (const WSK_CLIENT_LISTEN_DISPATCH*)Socket->Dispatch;
    return (Events & WSK_EVENT_ACCEPT) == 0 || listen->WskAcceptEvent != NULL;
  } else {
    const WSK_CLIENT_CONNECTION_DISPATCH* connection =
        (const WSK_CLIENT_CONNECTION_DISPATCH*)Socket->Dispatch;
    return ((Events & WSK_EVENT_RECEIVE) == 0 || connection->WskReceiveEvent != NULL) &&
           ((Events & WSK_EVENT_DISCONNECT) == 0 || connection->WskDisconnectEvent != NULL);
  }
}

// Of one socket's events: those that it can have.
static NTSTATUS SmallCheckMask(PSMALL_SOCKET Socket, ULONG Mask) {
  const BOOLEAN listens = Socket->Public.Dispatch == &SmallListenDispatch;
  const ULONG possible = WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT | (listens ? WSK_EVENT_ACCEPT : 0);
  if ((Mask & ~possible) != 0) return STATUS_NOT_SUPPORTED;
  return SmallHasFunctions(Socket, Mask) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static NTSTATUS SmallSetEvents(PSMALL_SOCKET Socket, ULONG Mask, PIRP Irp) {
  const ULONG events = Mask & ~WSK_EVENT_DISABLE;
  NTSTATUS status = SmallCheckMask(Socket, events);
  ULONG i;
  KIRQL irql;

  if (NT_SUCCESS(status)) {
    KeAcquireSpinLock(&Socket->Lock, &irql);
    if ((Mask & WSK_EVENT_DISABLE) == 0) {
      Socket->Enabled |= events;
      if ((events & WSK_EVENT_RECEIVE) != 0) Socket->Suspended = FALSE;
    } else {
      Socket->Enabled &= ~events;
      for (i = 0; i < SmallEventCount; ++i) {
        if ((events & SmallMasks[i]) == 0 || Socket->Calls[i] == 0) continue;
        status = Irp == NULL ? STATUS_EVENT_PENDING : STATUS_PENDING;
        if (Irp != NULL) {
          IoMarkIrpPending(Irp);
          Socket->Disabling[i] = Irp;
          break;
        }
      }
    }
    KeReleaseSpinLock(&Socket->Lock, irql);
  }
  if (status == STATUS_PENDING) return status;
  if (Irp != NULL) SmallComplete(Irp, status, 0);
  SmallPump(Socket);
  return status;
}

static NTSTATUS WSKAPI SmallControlSocket(PWSK_SOCKET Socket, WSK_CONTROL_SOCKET_TYPE RequestType,
                                          ULONG ControlCode, ULONG Level, SIZE_T InputSize, PVOID InputBuffer,
                                          SIZE_T OutputSize, PVOID OutputBuffer, SIZE_T* OutputSizeReturned,
                                          PIRP Irp) {
  const WSK_EVENT_CALLBACK_CONTROL* control = (const WSK_EVENT_CALLBACK_CONTROL*)InputBuffer;
  if (RequestType != WskSetOption || ControlCode != SO_WSK_EVENT_CALLBACK || Level != SOL_SOCKET)
    return SmallDecline(Irp);
  if (Irp != NULL) SmallBegin(Irp);
  if (InputSize < sizeof(*control) || !RtlEqualMemory(control->NpiId, &NPI_WSK_INTERFACE_ID, sizeof(NPIID))) {
    if (Irp != NULL) SmallComplete(Irp, STATUS_INVALID_PARAMETER, 0);
    return STATUS_INVALID_PARAMETER;
  }
  return SmallSetEvents((PSMALL_SOCKET)Socket, control->EventMask, Irp);
}

// ---- Closing

// Everything that waits on a socket ends with it.
static VOID SmallCancelAll(PSMALL_SOCKET Socket) {
  LIST_ENTRY receives;
  WSKCERT_BUFFER* data;
  PIRP irp;
  KIRQL irql;

  InitializeListHead(&receives);
  KeAcquireSpinLock(&Socket->Lock, &irql);
  while (!IsListEmpty(&Socket->Receives)) InsertTailList(&receives, RemoveHeadList(&Socket->Receives));
  data = Socket->Data;
  Socket->Data = NULL;
  Socket->DataEnd = &Socket->Data;
  KeReleaseSpinLock(&Socket->Lock, irql);
  while (!IsListEmpty(&receives)) {
    irp = CONTAINING_RECORD(RemoveHeadList(&receives), IRP, Tail.Overlay.ListEntry);
    SmallComplete(irp, STATUS_CANCELLED, 0);
  }
  if (data != NULL) WskcertTransport()->ReturnBuffers(data);
  SmallDisconnectDone(Socket, STATUS_CANCELLED);
  irp = (PIRP)InterlockedExchangePointer((PVOID*)&Socket->ConnectIrp, NULL);
  if (irp != NULL) SmallComplete(irp, STATUS_CANCELLED, 0);
}

VOID SmallCloseIfIdle(PSMALL_SOCKET Socket) {
  BOOLEAN close = FALSE;
  ULONG calls = 0;
  ULONG i;
  KIRQL irql;

  KeAcquireSpinLock(&Socket->Lock, &irql);
  for (i = 0; i < SmallEventCount; ++i) calls += Socket->Calls[i];
  if (Socket->CloseIrp != NULL && calls == 0 && !Socket->Pumping && !Socket->Closing)
    close = Socket->Closing = TRUE;
  KeReleaseSpinLock(&Socket->Lock, irql);
  if (!close) return;
  SmallCancelAll(Socket);
  WskcertTransport()->Close(Socket->Endpoint);
}

static NTSTATUS WSKAPI SmallClose(PWSK_SOCKET Socket, PIRP Irp) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Socket;
  KIRQL irql;
  SmallBegin(Irp);
  IoMarkIrpPending(Irp);
  KeAcquireSpinLock(&socket->Lock, &irql);
  socket->CloseIrp = Irp;
  socket->Enabled = 0;
  KeReleaseSpinLock(&socket->Lock, irql);
  SmallCloseIfIdle(socket);
  return STATUS_PENDING;
}

static VOID SmallClosed(PVOID Context) {
  PSMALL_SOCKET socket = (PSMALL_SOCKET)Context;
  PIRP irp = socket->CloseIrp;
  SmallCancelAll(socket);
  SmallFree(socket);
  if (irp != NULL) SmallComplete(irp, STATUS_SUCCESS, 0);
}
