// The life of a socket: made, bound, connected, closed.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {}  // namespace

NTSTATUS WSKAPI WspSendEx(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, ULONG, PCMSGHDR, PIRP irp) {
  return WspSend(socket, buffer, flags, irp);
}

NTSTATUS WSKAPI WspReceiveEx(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PULONG control_length,
                             PCMSGHDR, PULONG control_flags, PIRP irp) {
  if (control_length != nullptr) *control_length = 0;
  if (control_flags != nullptr) *control_flags = 0;
  return WspReceive(socket, buffer, flags, irp);
}

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

// The socket behind the client's pointer; bug checks if it is none, or closed.
Socket* Check(PWSK_SOCKET wsk, const char* page) {
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

// Starts connecting on behalf of an IRP. `data` is what to send afterwards, or null. `started` tells whether
// the outcome is still to come; otherwise the IRP has been answered.
NTSTATUS StartConnect(Call* call, PIRP irp, PSOCKADDR address, const WSK_BUF* data, bool* started) {
  Socket* socket = call->socket();
  NTSTATUS status = STATUS_SUCCESS;
  {
    SocketLock lock(socket);
    if (socket->broken) {
      status = STATUS_FILE_FORCED_CLOSED;
    } else if (!socket->bound || socket->connecting || socket->connected || socket->listen.listening) {
      status = STATUS_INVALID_DEVICE_STATE;
    } else if (address == nullptr || address->sa_family != socket->family) {
      status = STATUS_INVALID_PARAMETER;
    }
    if (NT_SUCCESS(status)) {
      transport::Send* span = SpanOf(irp);
      *span = transport::Send{};
      if (data != nullptr) {
        span->mdl = data->Mdl;
        span->offset = data->Offset;
        span->length = data->Length;
      }
      RtlCopyMemory(&socket->remote, address,
                    socket->family == AF_INET ? sizeof(SOCKADDR_IN) : sizeof(SOCKADDR_IN6));
      WriteBooleanRelease(&socket->connecting, TRUE);
      socket->connect = irp;
      if (socket->category == WSK_FLAG_STREAM_SOCKET) {
        socket->dispatch = socket->listen.connect_dispatch;
        SetEventRules(socket, &kConnectionRules);
        if (WspChoose(emulator::kChoiceStreamCommit, 2) == 1) socket->listen.committed = TRUE;
      }
      if (!Pend(socket, nullptr, irp)) {
        WriteBooleanRelease(&socket->connecting, FALSE);
        socket->connect = nullptr;
        status = STATUS_CANCELLED;
      }
    }
  }
  *started = NT_SUCCESS(status);
  if (*started) {
    WspTransport()->Connect(socket->endpoint, address);
    return STATUS_PENDING;
  }
  call->Leave();
  if (status == STATUS_CANCELLED) {
    AnswerNow(socket, irp, status, 0);
    return STATUS_PENDING;
  }
  return Answer(socket, irp, status, 0);
}

}  // namespace

NTSTATUS WSKAPI WspBind(PWSK_SOCKET wsk, PSOCKADDR address, ULONG flags, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_bind.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  TakeIrp(irp, socket, RequestKind::kBind);
  NTSTATUS status = STATUS_INVALID_PARAMETER;
  if (socket->broken) {
    status = STATUS_FILE_FORCED_CLOSED;
  } else if (socket->listen.datagram) {
    status = STATUS_NOT_IMPLEMENTED;
  } else if (socket->bound) {
    status = STATUS_INVALID_DEVICE_STATE;
  } else if (address != nullptr && address->sa_family == socket->family && flags == 0) {
    status = socket->category == WSK_FLAG_DATAGRAM_SOCKET
                 ? WspTransport()->datagrams->Bind(socket->datagram.endpoint, address)
                 : WspTransport()->Bind(socket->endpoint, address);
  }
  if (NT_SUCCESS(status) && socket->category == WSK_FLAG_LISTEN_SOCKET) status = StartListening(socket);
  if (NT_SUCCESS(status)) {
    SocketLock lock(socket);
    socket->bound = TRUE;
    if (socket->category == WSK_FLAG_DATAGRAM_SOCKET) EnableEarlyEvents(socket);
  }
  call.Leave();
  return Answer(socket, irp, status, 0);
}

NTSTATUS WSKAPI WspConnect(PWSK_SOCKET wsk, PSOCKADDR address, ULONG flags, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_connect.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  TakeIrp(irp, call.socket(), RequestKind::kConnect);
  bool started;
  if (flags == 0) return StartConnect(&call, irp, address, nullptr, &started);
  call.Leave();
  return Answer(call.socket(), irp, STATUS_INVALID_PARAMETER, 0);
}

NTSTATUS WSKAPI WspConnectEx(PWSK_SOCKET wsk, PSOCKADDR address, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  constexpr SIZE_T kMaximum = 65535;
  Call call(wsk, "nc-wsk-pfn_wsk_connect_ex.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  TakeIrp(irp, call.socket(), RequestKind::kConnect);
  if (buffer != nullptr) CheckBuffer(call.socket(), buffer);
  NTSTATUS status = STATUS_SUCCESS;
  if (flags != 0) status = STATUS_INVALID_PARAMETER;
  if (buffer != nullptr && buffer->Length > kMaximum) status = STATUS_BUFFER_OVERFLOW;
  bool started;
  if (NT_SUCCESS(status)) return StartConnect(&call, irp, address, buffer, &started);
  call.Leave();
  return AnswerNow(call.socket(), irp, status, 0);
}

namespace {

NTSTATUS GetAddress(PWSK_SOCKET wsk, PSOCKADDR address, PIRP irp, bool remote) {
  Call call(wsk, remote ? "nc-wsk-pfn_wsk_get_remote_address.md" : "nc-wsk-pfn_wsk_get_local_address.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  TakeIrp(irp, socket, RequestKind::kOther);
  NTSTATUS status = STATUS_SUCCESS;
  if (socket->broken) {
    status = STATUS_FILE_FORCED_CLOSED;
  } else if (address == nullptr) {
    status = STATUS_INVALID_PARAMETER;
  } else if (remote ? !socket->connected : !socket->bound) {
    status = STATUS_INVALID_DEVICE_STATE;
  } else {
    SOCKADDR_INET found;
    if (remote) {
      found = socket->remote;
    } else if (socket->category == WSK_FLAG_DATAGRAM_SOCKET) {
      WspTransport()->datagrams->LocalAddress(socket->datagram.endpoint, &found);
    } else {
      WspTransport()->LocalAddress(socket->endpoint, &found);
    }
    RtlCopyMemory(address, &found, socket->family == AF_INET ? sizeof(SOCKADDR_IN) : sizeof(SOCKADDR_IN6));
  }
  call.Leave();
  return Answer(socket, irp, status, 0);
}

}  // namespace

NTSTATUS WSKAPI WspGetLocalAddress(PWSK_SOCKET wsk, PSOCKADDR address, PIRP irp) {
  return GetAddress(wsk, address, irp, false);
}

NTSTATUS WSKAPI WspGetRemoteAddress(PWSK_SOCKET wsk, PSOCKADDR address, PIRP irp) {
  return GetAddress(wsk, address, irp, true);
}

namespace {

// Whether the parameters name a category, and a protocol that fits it, over an address family that there is.
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

// Has a worker give up the handle of a socket that has nothing below whose end it would wait for.
void ReleaseLater(Socket* socket) {
  bool queue;
  {
    SocketLock lock(socket);
    queue = !socket->completions_queued;
    socket->completions_queued = TRUE;
    if (queue) Reference(socket);
  }
  if (queue) ExQueueWorkItem(&socket->completion_work, DelayedWorkQueue);
  Release(socket);
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

namespace {

// Nothing of the socket is left.
void EndSocket(Socket* socket) {
  PIRP close = socket->close;
  Registration* client = socket->client;
  FreeSocket(socket);
  if (close != nullptr) {
    RequestOf(close)->socket = nullptr;
    Complete(close, STATUS_SUCCESS, 0);
  }
  SocketGone(client);
}

}  // namespace

void Release(Socket* socket) {
  if (InterlockedDecrement(&socket->references) == 0) EndSocket(socket);
}

Call::Call(PWSK_SOCKET wsk, const char* page) : socket_(Check(wsk, page)) {
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

void EndSends(Socket* socket, NTSTATUS status) {
  SocketLock lock(socket);
  while (!IsListEmpty(&socket->sends)) {
    PIRP irp = IrpOf(socket->sends.Flink);
    Request* request = RequestOf(irp);
    if (!Unpend(irp)) continue;
    request->held = TRUE;
    lock.Leave();
    bool taken = TakeBackSend(socket, irp);
    lock.Take();
    request->held = FALSE;
    if (taken) {
      CompleteLater(socket, irp, status, 0);
    } else if (request->over) {
      CompleteLater(socket, irp, irp->IoStatus.Status, irp->IoStatus.Information);
    }
  }
}

namespace {

// With the lock.
void EndReceive(Socket* socket, PIRP irp, NTSTATUS status) {
  bool abortive = status == STATUS_CONNECTION_RESET || status == STATUS_CONNECTION_ABORTED;
  bool waits = (RequestOf(irp)->flags & (WSK_FLAG_WAITALL | WSK_FLAG_DRAIN)) != 0;
  if (abortive && waits && WspChoose(emulator::kChoiceAbortiveReceive, 2) == 1 && GiveWhatCame(socket, irp)) {
    if (Unpend(irp)) CompleteLater(socket, irp, irp->IoStatus.Status, irp->IoStatus.Information);
  } else if (Unpend(irp)) {
    CompleteLater(socket, irp, status, 0);
  }
}

}  // namespace

void EndRequests(Socket* socket, NTSTATUS status, bool with_disables) {
  {
    SocketLock lock(socket);
    while (!IsListEmpty(&socket->receives)) {
      EndReceive(socket, IrpOf(socket->receives.Flink), status);
    }
    if (PIRP irp = socket->connect; irp != nullptr) {
      socket->connect = nullptr;
      WriteBooleanRelease(&socket->connecting, FALSE);
      if (Unpend(irp)) CompleteLater(socket, irp, status, 0);
    }
    if (PIRP irp = socket->disconnect; irp != nullptr) {
      socket->disconnect = nullptr;
      if (Unpend(irp)) CompleteLater(socket, irp, status, 0);
    }
    // The IRPs that are left wait for their calls, and the close waits for them.
    bool left = !IsListEmpty(&socket->disables) &&
                (!with_disables || WspChoose(emulator::kChoiceClosePendedDisable, 2) == 1);
    while (!left && !IsListEmpty(&socket->disables)) {
      PIRP irp = IrpOf(socket->disables.Flink);
      if (Unpend(irp)) CompleteLater(socket, irp, status, 0);
    }
  }
  EndSends(socket, status);
}

void CloseSocket(Socket* socket, bool at_once) {
  bool later;
  {
    SocketLock lock(socket);
    socket->state = SocketState::kClosing;
    socket->closed_at = WspNow();
    socket->request.close_due = later = socket->request.admitting;
    if (later) Reference(socket);
    bool tells = socket->listen.listening && socket->listen.inspects && !socket->broken &&
                 WspChoose(emulator::kChoiceAbortOnClose, 2) == 1;
    socket->listen.ends = tells ? TRUE : FALSE;
  }
  EndRequests(socket, STATUS_CANCELLED, true);
  if (socket->listen.listening) DropRequests(socket, socket->listen.ends != 0);
  if (socket->listen.ends) Advance(socket, Place::kWorker);
  DropReceived(socket);
  if (socket->category == WSK_FLAG_BASIC_SOCKET) return at_once ? Release(socket) : ReleaseLater(socket);
  if (socket->category == WSK_FLAG_DATAGRAM_SOCKET) {
    CloseDatagrams(socket, at_once);
  } else if (at_once && !later && WspTransport()->CloseAtOnce(socket->endpoint)) {
    Release(socket);
  } else if (!later) {
    WspTransport()->Close(socket->endpoint);
  }
  Release(socket);
}

namespace {

// Closes on behalf of an IRP that was taken; as Answer, if nothing of the socket is left by then.
NTSTATUS CloseWith(Socket* socket, PIRP irp) {
  ULONG how = WspChoose(emulator::kChoiceCompletion, 4);
  bool at_once = how == 1 || how == 3;
  socket->close = irp;
  if (!at_once) {
    IoMarkIrpPending(irp);
    CloseSocket(socket);
    if (how == 2) WspYield(emulator::kChoiceCompletionEdge);
    return STATUS_PENDING;
  }
  Reference(socket);
  CloseSocket(socket, true);
  if (InterlockedCompareExchange(&socket->references, 0, 1) == 1) {
    if (how == 3) IoMarkIrpPending(irp);
    EndSocket(socket);
    return how == 3 ? STATUS_PENDING : STATUS_SUCCESS;
  }
  // The reference keeps the IRP until here.
  IoMarkIrpPending(irp);
  Release(socket);
  return STATUS_PENDING;
}

}  // namespace

NTSTATUS WSKAPI WspCloseSocket(PWSK_SOCKET wsk, PIRP irp) {
  const char* page = "nc-wsk-pfn_wsk_close_socket.md";
  Socket* socket = Check(wsk, page);
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  if (ReadAcquire(&socket->calls) != 0) {
    WspMisuse("WskCloseSocket while another call on the socket is in progress", page, wsk,
              static_cast<ULONG>(ReadAcquire(&socket->called_at)));
  }
  if (socket->retained != 0) {
    WspMisuse("WskCloseSocket before all retained indications were released",
              socket->category == WSK_FLAG_DATAGRAM_SOCKET
                  ? "nc-wsk-pfn_wsk_release_datagram_indication_list.md"
                  : "nc-wsk-pfn_wsk_release_data_indication_list.md",
              wsk, socket->retained_at);
  }
  TakeIrp(irp, nullptr, RequestKind::kOther);
  return CloseWith(socket, irp);
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

NTSTATUS WSKAPI WspSocketConnect(PWSK_CLIENT handle, USHORT type, ULONG protocol, PSOCKADDR local,
                                 PSOCKADDR remote, ULONG flags, PVOID context,
                                 CONST WSK_CLIENT_CONNECTION_DISPATCH* dispatch, PEPROCESS, PETHREAD,
                                 PSECURITY_DESCRIPTOR, PIRP irp) {
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  TakeIrp(irp, nullptr, RequestKind::kSocketConnect);
  Registration* client = EnterClient(handle);
  if (client == nullptr) return AnswerNow(nullptr, irp, STATUS_INVALID_HANDLE, 0);
  NTSTATUS status = STATUS_INVALID_PARAMETER;
  Socket* socket = nullptr;
  if (local != nullptr && remote != nullptr && flags == 0 && local->sa_family == remote->sa_family) {
    status = CheckKind(local->sa_family, type, protocol, WSK_FLAG_CONNECTION_SOCKET);
    if (NT_SUCCESS(status)) {
      socket = MakeSocket(client, WSK_FLAG_CONNECTION_SOCKET, local->sa_family, context, dispatch, &status);
    }
  }
  if (socket == nullptr) {
    NTSTATUS result = AnswerNow(nullptr, irp, status, 0);
    LeaveClient(client);
    return result;
  }
  NTSTATUS result;
  bool started = false;
  status = WspTransport()->Bind(socket->endpoint, local);
  {
    Call call(&socket->wsk, "nc-wsk-pfn_wsk_socket_connect.md");
    socket->bound = NT_SUCCESS(status);
    result = socket->bound ? StartConnect(&call, irp, remote, nullptr, &started)
                           : AnswerNow(socket, irp, status, 0);
  }
  // What was not even started is undone here; what fails later, where it fails.
  if (!started) CloseSocket(socket);
  LeaveClient(client);
  return result;
}

}  // namespace wskcert::provider
