// Sockets are made, counted and called.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

const WSK_PROVIDER_CONNECTION_DISPATCH kConnectionDispatch = {{WspControlSocket, WspCloseSocket},
                                                              WspBind,
                                                              WspConnect,
                                                              WspGetLocalAddress,
                                                              WspGetRemoteAddress,
                                                              WspSend,
                                                              WspReceive,
                                                              WspDisconnect,
                                                              WspRelease,
                                                              WspConnectEx,
                                                              WspSendEx,
                                                              WspReceiveEx};

const WSK_PROVIDER_DATAGRAM_DISPATCH kDatagramDispatch = {{WspControlSocket, WspCloseSocket},
                                                          WspBind,
                                                          WspSendTo,
                                                          WspReceiveFrom,
                                                          WspReleaseDatagrams,
                                                          WspGetLocalAddress,
                                                          WspSendMessages};

const WSK_PROVIDER_BASIC_DISPATCH kBasicDispatch = {WspControlSocket, WspCloseSocket};

Socket* TakeSocket() {
  KIRQL irql;
  KeAcquireSpinLock(&provider.lock, &irql);
  Socket* socket = nullptr;
  // Closed sockets are reused as late as possible, so that a late use of one is noticed.
  if (provider.sockets_used < kSockets) {
    socket = &provider.sockets[provider.sockets_used++];
  } else if (provider.free_sockets != nullptr) {
    socket = provider.free_sockets;
    provider.free_sockets = socket->next_free;
    if (provider.free_sockets == nullptr) provider.free_sockets_end = nullptr;
  }
  KeReleaseSpinLock(&provider.lock, irql);
  return socket;
}

}  // namespace

void FreeSocket(Socket* socket) {
  KIRQL irql;
  KeAcquireSpinLock(&provider.lock, &irql);
  socket->state = SocketState::kFree;
  socket->next_free = nullptr;
  if (provider.free_sockets_end != nullptr) {
    provider.free_sockets_end->next_free = socket;
  } else {
    provider.free_sockets = socket;
  }
  provider.free_sockets_end = socket;
  KeReleaseSpinLock(&provider.lock, irql);
}

Socket* CheckSocket(PWSK_SOCKET wsk, const char* page) {
  auto* socket = reinterpret_cast<Socket*>(wsk);
  auto offset =
      static_cast<ULONG_PTR>(reinterpret_cast<PUCHAR>(wsk) - reinterpret_cast<PUCHAR>(provider.sockets));
  if (offset >= sizeof provider.sockets || offset % sizeof(Socket) != 0) {
    WspMisuse("a call with a pointer that is no socket", page, wsk);
  }
  if (socket->state != SocketState::kOpen) {
    WspMisuse("a call on a socket after WskCloseSocket was called", "closing-a-socket.md", wsk,
              socket->closed_at);
  }
  if (KeGetCurrentIrql() > DISPATCH_LEVEL) WspMisuse("a call above DISPATCH_LEVEL", page, wsk);
  return socket;
}

NTSTATUS CheckKind(ADDRESS_FAMILY family, USHORT type, ULONG protocol, ULONG flags) {
  switch (flags) {
    case WSK_FLAG_CONNECTION_SOCKET:
    case WSK_FLAG_STREAM_SOCKET:
      break;
    case WSK_FLAG_LISTEN_SOCKET:
      // Observed: the socket is made, and cannot be bound.
      if (type == SOCK_DGRAM && protocol == IPPROTO_UDP && (family == AF_INET || family == AF_INET6)) {
        return STATUS_SUCCESS;
      }
      break;
    case WSK_FLAG_BASIC_SOCKET:
    case WSK_FLAG_DATAGRAM_SOCKET:
      break;
    default:
      return STATUS_INVALID_PARAMETER;
  }
  if (family != AF_INET && family != AF_INET6) return STATUS_NOT_SUPPORTED;
  bool udp = type == SOCK_DGRAM && protocol == IPPROTO_UDP;
  bool tcp = type == SOCK_STREAM && protocol == IPPROTO_TCP;
  bool fits = flags == WSK_FLAG_BASIC_SOCKET ? udp || tcp : flags == WSK_FLAG_DATAGRAM_SOCKET ? udp : tcp;
  if (!fits) return STATUS_NOT_SUPPORTED;
  return STATUS_SUCCESS;
}

namespace {

// What the categories differ in: tables, events, what lies below.
NTSTATUS SetUpCategory(Socket* socket, const VOID* dispatch) {
  socket->references = 2;  // the client's handle and the endpoint
  switch (socket->category) {
    case WSK_FLAG_BASIC_SOCKET:
      socket->references = 1;
      socket->wsk.Dispatch = &kBasicDispatch;
      InitializeEvents(socket, &kBasicRules);
      return STATUS_SUCCESS;
    case WSK_FLAG_DATAGRAM_SOCKET:
      socket->wsk.Dispatch = &kDatagramDispatch;
      InitializeEvents(socket, &kDatagramRules);
      return OpenDatagrams(socket, dispatch);
    case WSK_FLAG_LISTEN_SOCKET:
      socket->wsk.Dispatch = &kListenDispatch;
      socket->listen.dispatch = static_cast<const WSK_CLIENT_LISTEN_DISPATCH*>(dispatch);
      InitializeEvents(socket, &kListenRules);
      // Static events too begin when the bind completes.
      HoldEvents(socket);
      break;
    case WSK_FLAG_STREAM_SOCKET: {
      auto* both = static_cast<const WSK_CLIENT_STREAM_DISPATCH*>(dispatch);
      socket->wsk.Dispatch = &kStreamDispatch;
      socket->listen.dispatch = both != nullptr ? both->Listen : nullptr;
      socket->listen.connect_dispatch = both != nullptr ? both->Connect : nullptr;
      InitializeEvents(socket, &kStreamRules);
      break;
    }
    default:
      socket->wsk.Dispatch = &kConnectionDispatch;
      socket->dispatch = static_cast<const WSK_CLIENT_CONNECTION_DISPATCH*>(dispatch);
      InitializeEvents(socket, &kConnectionRules);
  }
  // A connection that comes in has its endpoint.
  if (socket->endpoint != nullptr) return STATUS_SUCCESS;
  return WspTransport()->Open(&kTransportClient, socket, socket->family, &socket->endpoint);
}

// Takes and prepares a socket that belongs to no category yet.
Socket* NewSocket(Registration* client, UCHAR category, ADDRESS_FAMILY family, PVOID context) {
  if (WspAllocationFails()) return nullptr;
  Socket* socket = TakeSocket();
  if (socket == nullptr) return nullptr;
  RtlZeroMemory(socket, sizeof *socket);
  socket->state = SocketState::kOpen;
  socket->category = category;
  socket->family = family;
  socket->client = client;
  socket->context = context;
  socket->received_end = &socket->received;
  KeInitializeSpinLock(&socket->lock);
  socket->listen.requests_end = &socket->listen.requests;
  InitializeListHead(&socket->receives);
  InitializeListHead(&socket->sends);
  InitializeListHead(&socket->disables);
  InitializeListHead(&socket->completions);
  ExInitializeWorkItem(&socket->completion_work, CompletionWork, socket);
  return socket;
}

void CountSocket(Registration* client) {
  KIRQL irql;
  KeAcquireSpinLock(&provider.lock, &irql);
  ++client->sockets;
  client->sockets_made = TRUE;
  KeReleaseSpinLock(&provider.lock, irql);
}

}  // namespace

Socket* MakeSocket(Registration* client, UCHAR category, ADDRESS_FAMILY family, PVOID context,
                   const VOID* dispatch, NTSTATUS* status) {
  *status = STATUS_INSUFFICIENT_RESOURCES;
  Socket* socket = NewSocket(client, category, family, context);
  if (socket == nullptr) return nullptr;
  *status = SetUpCategory(socket, dispatch);
  if (!NT_SUCCESS(*status)) {
    FreeSocket(socket);
    return nullptr;
  }
  CountSocket(client);
  return socket;
}

Socket* MakeRequest(Socket* listener, transport::Endpoint* connection) {
  Socket* socket = NewSocket(listener->client, WSK_FLAG_CONNECTION_SOCKET, listener->family, nullptr);
  if (socket == nullptr) return nullptr;
  socket->endpoint = connection;
  SetUpCategory(socket, nullptr);
  socket->bound = TRUE;
  socket->request.decision = WskInspectMax;
  HoldEvents(socket);
  WspTransport()->RemoteAddress(connection, &socket->remote);
  WspTransport()->LocalAddress(connection, &socket->request.local);
  CountSocket(socket->client);
  return socket;
}

void UnmakeRequest(Socket* request) {
  Registration* client = request->client;
  FreeSocket(request);
  SocketGone(client);
}

void Reference(Socket* socket) { InterlockedIncrement(&socket->references); }

Call::Call(PWSK_SOCKET wsk, const char* page) : socket_(CheckSocket(wsk, page)) {
  Reference(socket_);
  InterlockedIncrement(&socket_->calls);
  InterlockedExchange(&socket_->called_at, static_cast<LONG>(WspNow()));
}

void Call::Leave() {
  if (inside_) InterlockedDecrement(&socket_->calls);
  inside_ = false;
}

Call::~Call() {
  Leave();
  Release(socket_);
}

NTSTATUS ConnectionStatus(const Socket* socket) {
  if (socket->broken) return STATUS_FILE_FORCED_CLOSED;
  if (!socket->connected || socket->silent) return STATUS_INVALID_DEVICE_STATE;
  if (socket->aborted) return STATUS_CONNECTION_ABORTED;
  return socket->peer_reset ? STATUS_CONNECTION_RESET : STATUS_SUCCESS;
}

NTSTATUS WSKAPI WspSocket(PWSK_CLIENT handle, ADDRESS_FAMILY family, USHORT type, ULONG protocol, ULONG flags,
                          PVOID context, CONST VOID* dispatch, PEPROCESS, PETHREAD, PSECURITY_DESCRIPTOR,
                          PIRP irp) {
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  TakeIrp(irp, nullptr, RequestKind::kOther);
  Registration* client = EnterClient(handle);
  if (client == nullptr) return AnswerNow(nullptr, irp, STATUS_INVALID_HANDLE, 0);
  NTSTATUS status = CheckKind(family, type, protocol, flags);
  Socket* socket = nullptr;
  if (NT_SUCCESS(status)) {
    socket = MakeSocket(client, static_cast<UCHAR>(flags), family, context, dispatch, &status);
    if (socket != nullptr) socket->listen.datagram = flags == WSK_FLAG_LISTEN_SOCKET && type == SOCK_DGRAM;
  }
  NTSTATUS result = Answer(socket, irp, status, reinterpret_cast<ULONG_PTR>(socket));
  LeaveClient(client);
  return result;
}

}  // namespace wskcert::provider
