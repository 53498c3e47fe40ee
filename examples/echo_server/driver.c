// Loading, unloading, and the listening socket.
#include "echo.h"

DRIVER_INITIALIZE DriverEntry;
DRIVER_UNLOAD EchoUnload;

static NTSTATUS WSKAPI EchoAcceptEvent(
    _In_opt_ PVOID SocketContext, _In_ ULONG Flags, _In_ PSOCKADDR LocalAddress, _In_ PSOCKADDR RemoteAddress,
    _In_opt_ PWSK_SOCKET AcceptSocket, _Outptr_result_maybenull_ PVOID *AcceptSocketContext,
    _Outptr_result_maybenull_ const WSK_CLIENT_CONNECTION_DISPATCH **AcceptSocketDispatch);
static NTSTATUS EchoListen(_Inout_ PECHO_SERVER Server, _In_ USHORT Port);
static VOID EchoCloseListener(_Inout_ PECHO_SERVER Server);
static USHORT EchoReadPort(_In_ PUNICODE_STRING RegistryPath);

#ifdef ALLOC_PRAGMA
#pragma alloc_text(INIT, DriverEntry)
#pragma alloc_text(INIT, EchoReadPort)
#pragma alloc_text(INIT, EchoListen)
#pragma alloc_text(PAGE, EchoUnload)
#pragma alloc_text(PAGE, EchoCloseListener)
#endif

#define ECHO_DEFAULT_PORT 7
#define ECHO_START_TIMEOUT_MS 5000

static ECHO_SERVER EchoServer;

static const WSK_CLIENT_DISPATCH EchoClientDispatch = {MAKE_WSK_VERSION(1, 0), 0, NULL};
static const WSK_CLIENT_LISTEN_DISPATCH EchoListenDispatch = {EchoAcceptEvent, NULL, NULL};

_Use_decl_annotations_ NTSTATUS EchoSetEvent(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context) {
  UNREFERENCED_PARAMETER(DeviceObject);
  UNREFERENCED_PARAMETER(Irp);
  _Analysis_assume_(Context != NULL);
  KeSetEvent((PKEVENT)Context, IO_NETWORK_INCREMENT, FALSE);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

_Use_decl_annotations_ VOID EchoPrepareIrp(PIRP Irp, PIO_COMPLETION_ROUTINE Routine, PVOID Context) {
  IoReuseIrp(Irp, STATUS_UNSUCCESSFUL);
  IoSetCompletionRoutine(Irp, Routine, Context, TRUE, TRUE, TRUE);
}

// Waits for a request that was just made with EchoSetEvent. What the call itself returned does not matter:
// every request completes its IRP.
static NTSTATUS EchoWait(_In_ PIRP Irp, _In_ PKEVENT Event) {
  KeWaitForSingleObject(Event, Executive, KernelMode, FALSE, NULL);
  return Irp->IoStatus.Status;
}

// A connection arrived. Without memory for it, it is refused.
_Use_decl_annotations_ static NTSTATUS WSKAPI
EchoAcceptEvent(PVOID SocketContext, ULONG Flags, PSOCKADDR LocalAddress, PSOCKADDR RemoteAddress,
                PWSK_SOCKET AcceptSocket, PVOID *AcceptSocketContext,
                const WSK_CLIENT_CONNECTION_DISPATCH **AcceptSocketDispatch) {
  PECHO_SERVER server = (PECHO_SERVER)SocketContext;
  PECHO_CONNECTION connection;

  UNREFERENCED_PARAMETER(Flags);
  UNREFERENCED_PARAMETER(LocalAddress);
  UNREFERENCED_PARAMETER(RemoteAddress);

  if (AcceptSocket == NULL) {
    // The listening socket works no longer. It stays until the driver is unloaded, like its connections.
    return STATUS_REQUEST_NOT_ACCEPTED;
  }
  connection = EchoOpenConnection(server, AcceptSocket);
  if (connection == NULL) {
    return STATUS_REQUEST_NOT_ACCEPTED;
  }
  *AcceptSocketContext = connection;
  *AcceptSocketDispatch = &EchoConnectionDispatch;
  return STATUS_SUCCESS;
}

// One option or binding after the other, each waited for.
_Use_decl_annotations_ static NTSTATUS EchoListen(PECHO_SERVER Server, USHORT Port) {
  const WSK_PROVIDER_LISTEN_DISPATCH *dispatch;
  WSK_EVENT_CALLBACK_CONTROL events;
  SOCKADDR_IN6 address = {0};
  ULONG only_ipv6 = FALSE;
  NTSTATUS status;
  KEVENT event;
  PIRP irp;

  PAGED_CODE();

  // Every socket that is created from here on starts with its callbacks enabled, and so do accepted ones.
  events.NpiId = &NPI_WSK_INTERFACE_ID;
  events.EventMask = WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT;
  status = Server->Provider.Dispatch->WskControlClient(
      Server->Provider.Client, WSK_SET_STATIC_EVENT_CALLBACKS, sizeof(events), &events, 0, NULL, NULL, NULL);
  if (!NT_SUCCESS(status)) {
    return status;
  }

  irp = IoAllocateIrp(1, FALSE);
  if (irp == NULL) {
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  KeInitializeEvent(&event, SynchronizationEvent, FALSE);

  EchoPrepareIrp(irp, EchoSetEvent, &event);
  Server->Provider.Dispatch->WskSocket(Server->Provider.Client, AF_INET6, SOCK_STREAM, IPPROTO_TCP,
                                       WSK_FLAG_LISTEN_SOCKET, Server, &EchoListenDispatch, NULL, NULL, NULL,
                                       irp);
  status = EchoWait(irp, &event);
  if (!NT_SUCCESS(status)) {
    goto Exit;
  }
  Server->Listener = (PWSK_SOCKET)irp->IoStatus.Information;
  dispatch = (const WSK_PROVIDER_LISTEN_DISPATCH *)Server->Listener->Dispatch;

  // IPv4 as well.
  EchoPrepareIrp(irp, EchoSetEvent, &event);
  dispatch->WskControlSocket(Server->Listener, WskSetOption, IPV6_V6ONLY, IPPROTO_IPV6, sizeof(only_ipv6),
                             &only_ipv6, 0, NULL, NULL, irp);
  status = EchoWait(irp, &event);
  if (NT_SUCCESS(status)) {
    // Connections may arrive as soon as the socket is bound.
    address.sin6_family = AF_INET6;
    address.sin6_port = RtlUshortByteSwap(Port);
    EchoPrepareIrp(irp, EchoSetEvent, &event);
    dispatch->WskBind(Server->Listener, (PSOCKADDR)&address, 0, irp);
    status = EchoWait(irp, &event);
  }

Exit:
  IoFreeIrp(irp);
  return status;
}

// Closing must not fail for want of memory, so the IRP is built on the stack: one stack location is enough,
// and the request is waited for.
_Use_decl_annotations_ static VOID EchoCloseListener(PECHO_SERVER Server) {
  const WSK_PROVIDER_LISTEN_DISPATCH *dispatch;
  union {
    IRP Irp;
    UCHAR Space[sizeof(IRP) + sizeof(IO_STACK_LOCATION)];
  } irp;
  KEVENT event;

  PAGED_CODE();

  if (Server->Listener == NULL) {
    return;
  }
  dispatch = (const WSK_PROVIDER_LISTEN_DISPATCH *)Server->Listener->Dispatch;
  KeInitializeEvent(&event, SynchronizationEvent, FALSE);
  IoInitializeIrp(&irp.Irp, sizeof(irp), 1);
  IoSetCompletionRoutine(&irp.Irp, EchoSetEvent, &event, TRUE, TRUE, TRUE);
  dispatch->WskCloseSocket(Server->Listener, &irp.Irp);
  (void)EchoWait(&irp.Irp, &event);
  Server->Listener = NULL;
}

_Use_decl_annotations_ static USHORT EchoReadPort(PUNICODE_STRING RegistryPath) {
  RTL_QUERY_REGISTRY_TABLE query[3];
  ULONG port = ECHO_DEFAULT_PORT;
  NTSTATUS status;

  PAGED_CODE();

  RtlZeroMemory(query, sizeof(query));
  query[0].Flags = RTL_QUERY_REGISTRY_SUBKEY;
  query[0].Name = L"Parameters";
  query[1].Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK;
  query[1].Name = L"Port";
  query[1].EntryContext = &port;
  query[1].DefaultType = (REG_DWORD << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT) | REG_NONE;
  status = RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, RegistryPath->Buffer, query, NULL, NULL);
  if (!NT_SUCCESS(status) || port == 0 || port > MAXUSHORT) {
    port = ECHO_DEFAULT_PORT;
  }
  return (USHORT)port;
}

// Undoes, in the opposite order, what DriverEntry did as far as it came.
_Use_decl_annotations_ VOID EchoUnload(PDRIVER_OBJECT DriverObject) {
  PECHO_SERVER server = &EchoServer;

  PAGED_CODE();
  UNREFERENCED_PARAMETER(DriverObject);

  // After this no connection arrives any more, for closing waits for the callbacks in progress.
  EchoCloseListener(server);
  EchoAbortConnections(server);
  ExWaitForRundownProtectionRelease(&server->Open);

  WskReleaseProviderNPI(&server->Registration);
  WskDeregister(&server->Registration);
  IoDeleteDevice(server->Device);
  DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, "echo: unloaded\n");
}

_Use_decl_annotations_ NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath) {
  PECHO_SERVER server = &EchoServer;
  WSK_CLIENT_NPI client;
  NTSTATUS status;
  USHORT port;

  PAGED_CODE();
  ExInitializeDriverRuntime(DrvRtPoolNxOptIn);

  RtlZeroMemory(server, sizeof(*server));
  KeInitializeSpinLock(&server->Lock);
  InitializeListHead(&server->Connections);
  ExInitializeRundownProtection(&server->Open);
  port = EchoReadPort(RegistryPath);

  status = IoCreateDevice(DriverObject, 0, NULL, FILE_DEVICE_NETWORK, FILE_DEVICE_SECURE_OPEN, FALSE,
                          &server->Device);
  if (!NT_SUCCESS(status)) {
    return status;
  }

  client.ClientContext = NULL;
  client.Dispatch = &EchoClientDispatch;
  status = WskRegister(&client, &server->Registration);
  if (!NT_SUCCESS(status)) {
    goto DeleteDevice;
  }
  status = WskCaptureProviderNPI(&server->Registration, ECHO_START_TIMEOUT_MS, &server->Provider);
  if (!NT_SUCCESS(status)) {
    goto Deregister;
  }
  status = EchoListen(server, port);
  if (!NT_SUCCESS(status)) {
    goto Release;
  }
  DriverObject->DriverUnload = EchoUnload;
  DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, "echo: %wZ listens on port %hu\n",
             &DriverObject->DriverName, port);
  return STATUS_SUCCESS;

Release:
  // The socket may have been bound before something failed, so there may be connections.
  EchoCloseListener(server);
  EchoAbortConnections(server);
  ExWaitForRundownProtectionRelease(&server->Open);
  WskReleaseProviderNPI(&server->Registration);
Deregister:
  WskDeregister(&server->Registration);
DeleteDevice:
  IoDeleteDevice(server->Device);
  return status;
}
