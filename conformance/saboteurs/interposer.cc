// The interposer's exports, and what it hands out as the provider's NPI.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {

State state;

namespace {

Client* ClientOf(PWSK_REGISTRATION registration) {
  for (LONG i = 0; i < state.clients_used; ++i) {
    if (state.clients[i].registration == registration) return &state.clients[i];
  }
  return nullptr;
}

// Null for a handle that is not the interposer's: the provider shall judge that itself.
Client* ClientOf(PWSK_CLIENT handle) {
  const ULONG_PTR offset = reinterpret_cast<ULONG_PTR>(handle) - reinterpret_cast<ULONG_PTR>(state.clients);
  if (offset >= sizeof(state.clients) || offset % sizeof(Client) != 0) return nullptr;
  return reinterpret_cast<Client*>(handle);
}

PWSK_CLIENT RealHandle(PWSK_CLIENT handle) {
  const Client* client = ClientOf(handle);
  return client != nullptr ? client->real.Client : handle;
}
const WSK_PROVIDER_DISPATCH* RealDispatch(PWSK_CLIENT handle) {
  const Client* client = ClientOf(handle);
  return client != nullptr ? client->real.Dispatch : state.dispatch;
}

// ---- The client's functions

// Without an IRP there is nothing that could deliver a socket; other flags are the provider's to judge.
bool IsOneCategory(ULONG flags) {
  switch (flags) {
    case WSK_FLAG_BASIC_SOCKET:
    case WSK_FLAG_LISTEN_SOCKET:
    case WSK_FLAG_CONNECTION_SOCKET:
    case WSK_FLAG_DATAGRAM_SOCKET:
    case WSK_FLAG_STREAM_SOCKET:
      return true;
    default:
      return false;
  }
}

// A call of the provider's table, while it lives.
class CallOfClient {
 public:
  explicit CallOfClient(Client* client) : client_(client) {
    if (client_ != nullptr) InterlockedIncrement(&client_->calls);
  }
  ~CallOfClient() {
    if (client_ != nullptr) InterlockedDecrement(&client_->calls);
  }
  CallOfClient(const CallOfClient&) = delete;

 private:
  Client* client_;
};

NTSTATUS Create(Function function, Socket* socket, Creation* creation, PIRP irp) {
  creation->client = socket->owner->real.Client;
  creation->dispatch = WrapCallbacks(socket, creation->dispatch);
  // A basic socket has no callbacks of its own, so its context goes nowhere.
  if (socket->category != WSK_FLAG_BASIC_SOCKET) creation->context = socket;
  Request request = {};
  request.socket = socket;
  request.function = function;
  request.creation = creation;
  request.irp = irp;
  return Run(&request);
}

NTSTATUS WSKAPI OnSocket(PWSK_CLIENT handle, ADDRESS_FAMILY family, USHORT type, ULONG protocol, ULONG flags,
                         PVOID context, CONST VOID* dispatch, PEPROCESS process, PETHREAD thread,
                         PSECURITY_DESCRIPTOR security, PIRP irp) {
  Client* client = ClientOf(handle);
  const CallOfClient inside(client);
  Socket* socket = client != nullptr && IsOneCategory(flags) && irp != nullptr
                       ? NewSocket(client, Function::kSocket, flags, context)
                       : nullptr;
  if (socket == nullptr) {
    return RealDispatch(handle)->WskSocket(RealHandle(handle), family, type, protocol, flags, context,
                                           dispatch, process, thread, security, irp);
  }
  Creation creation = {nullptr, family,  type,     protocol, nullptr, nullptr,
                       flags,   context, dispatch, process,  thread,  security};
  return Create(Function::kSocket, socket, &creation, irp);
}

NTSTATUS WSKAPI OnSocketConnect(PWSK_CLIENT handle, USHORT type, ULONG protocol, PSOCKADDR local,
                                PSOCKADDR remote, ULONG flags, PVOID context,
                                CONST WSK_CLIENT_CONNECTION_DISPATCH* dispatch, PEPROCESS process,
                                PETHREAD thread, PSECURITY_DESCRIPTOR security, PIRP irp) {
  Client* client = ClientOf(handle);
  const CallOfClient inside(client);
  Socket* socket = client != nullptr && irp != nullptr
                       ? NewSocket(client, Function::kSocketConnect, WSK_FLAG_CONNECTION_SOCKET, context)
                       : nullptr;
  if (socket == nullptr) {
    return RealDispatch(handle)->WskSocketConnect(RealHandle(handle), type, protocol, local, remote, flags,
                                                  context, dispatch, process, thread, security, irp);
  }
  Creation creation = {nullptr, 0,       type,     protocol, local,  remote,
                       flags,   context, dispatch, process,  thread, security};
  return Create(Function::kSocketConnect, socket, &creation, irp);
}

NTSTATUS WSKAPI OnControlClient(PWSK_CLIENT handle, ULONG code, SIZE_T input_size, PVOID input,
                                SIZE_T output_size, PVOID output, SIZE_T* returned, PIRP irp) {
  Client* client = ClientOf(handle);
  const CallOfClient inside(client);
  if (client == nullptr) {
    return RealDispatch(handle)->WskControlClient(RealHandle(handle), code, input_size, input, output_size,
                                                  output, returned, irp);
  }
  ClientRequest request = {client, code, input_size, input, output_size, output, returned, irp};
  const NTSTATUS status = state.saboteur->control_client != nullptr ? state.saboteur->control_client(&request)
                                                                    : PassClient(&request);
  if (NT_SUCCESS(status) && code == WSK_SET_STATIC_EVENT_CALLBACKS && input != nullptr &&
      input_size >= sizeof(WSK_EVENT_CALLBACK_CONTROL)) {
    client->static_events |= static_cast<WSK_EVENT_CALLBACK_CONTROL*>(input)->EventMask & kEveryEvent;
  }
  return status;
}

NTSTATUS WSKAPI OnGetAddressInfo(PWSK_CLIENT handle, PUNICODE_STRING node, PUNICODE_STRING service,
                                 ULONG name_space, GUID* provider, PADDRINFOEXW hints, PADDRINFOEXW* result,
                                 PEPROCESS process, PETHREAD thread, PIRP irp) {
  return RealDispatch(handle)->WskGetAddressInfo(RealHandle(handle), node, service, name_space, provider,
                                                 hints, result, process, thread, irp);
}

VOID WSKAPI OnFreeAddressInfo(PWSK_CLIENT handle, PADDRINFOEXW info) {
  RealDispatch(handle)->WskFreeAddressInfo(RealHandle(handle), info);
}

NTSTATUS WSKAPI OnGetNameInfo(PWSK_CLIENT handle, PSOCKADDR address, ULONG length, PUNICODE_STRING node,
                              PUNICODE_STRING service, ULONG flags, PEPROCESS process, PETHREAD thread,
                              PIRP irp) {
  return RealDispatch(handle)->WskGetNameInfo(RealHandle(handle), address, length, node, service, flags,
                                              process, thread, irp);
}

NTSTATUS WSKAPI OnClientEvent(PVOID context, ULONG type, PVOID information, SIZE_T length) {
  const Client* client = static_cast<const Client*>(context);
  return client->npi.Dispatch->WskClientEvent(client->npi.ClientContext, type, information, length);
}

// ---- The exports

NTSTATUS WSKAPI OnRegister(PWSK_CLIENT_NPI npi, PWSK_REGISTRATION registration) {
  if (npi == nullptr || npi->Dispatch == nullptr || registration == nullptr) {
    return state.real->Register(npi, registration);
  }
  const LONG index = InterlockedIncrement(&state.clients_used) - 1;
  if (static_cast<ULONG>(index) >= kClients) {
    InterlockedDecrement(&state.clients_used);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  Client* client = &state.clients[index];
  client->npi = *npi;
  client->ours = *npi->Dispatch;
  if (client->ours.WskClientEvent != nullptr) client->ours.WskClientEvent = OnClientEvent;
  WSK_CLIENT_NPI ours = {client, &client->ours};
  const NTSTATUS status = state.real->Register(&ours, registration);
  if (!NT_SUCCESS(status)) return status;
  if (Client* last = ClientOf(registration)) last->registration = nullptr;
  KeInitializeEvent(&client->never, NotificationEvent, FALSE);
  KeInitializeEvent(&client->released, NotificationEvent, FALSE);
  KeInitializeEvent(&client->gone, NotificationEvent, FALSE);
  client->registration = registration;
  return status;
}

VOID WSKAPI OnDeregister(PWSK_REGISTRATION registration) {
  Client* client = ClientOf(registration);
  if (client == nullptr) return state.real->Deregister(registration);
  InterlockedExchange(&client->leaving, 1);
  if (state.saboteur->deregister != nullptr) return state.saboteur->deregister(client);
  PassDeregister(client);
}

NTSTATUS WSKAPI OnCaptureProviderNpi(PWSK_REGISTRATION registration, ULONG timeout, PWSK_PROVIDER_NPI npi) {
  Client* client = ClientOf(registration);
  if (client == nullptr) return state.real->CaptureProviderNPI(registration, timeout, npi);
  const NTSTATUS status = state.saboteur->capture != nullptr ? state.saboteur->capture(client, timeout, npi)
                                                             : PassCapture(client, timeout, npi);
  if (!NT_SUCCESS(status)) return status;
  InterlockedIncrement(&client->captures);
  client->real = *npi;
  state.dispatch = npi->Dispatch;
  WSK_PROVIDER_DISPATCH* ours = &client->dispatch;
  *ours = {};
  ours->Version = npi->Dispatch->Version;
  ours->Reserved = npi->Dispatch->Reserved;
  if (npi->Dispatch->WskSocket != nullptr) ours->WskSocket = OnSocket;
  if (npi->Dispatch->WskSocketConnect != nullptr) ours->WskSocketConnect = OnSocketConnect;
  if (npi->Dispatch->WskControlClient != nullptr) ours->WskControlClient = OnControlClient;
  if (npi->Dispatch->WskGetAddressInfo != nullptr) ours->WskGetAddressInfo = OnGetAddressInfo;
  if (npi->Dispatch->WskFreeAddressInfo != nullptr) ours->WskFreeAddressInfo = OnFreeAddressInfo;
  if (npi->Dispatch->WskGetNameInfo != nullptr) ours->WskGetNameInfo = OnGetNameInfo;
  npi->Client = reinterpret_cast<PWSK_CLIENT>(client);
  npi->Dispatch = ours;
  return status;
}

VOID WSKAPI OnReleaseProviderNpi(PWSK_REGISTRATION registration) {
  Client* client = ClientOf(registration);
  if (client != nullptr && InterlockedDecrement(&client->captures) == 0 && client->awaited != 0) {
    KeSetEvent(&client->released, IO_NO_INCREMENT, FALSE);
  }
  state.real->ReleaseProviderNPI(registration);
}

NTSTATUS WSKAPI OnQueryProviderCharacteristics(PWSK_REGISTRATION registration,
                                               PWSK_PROVIDER_CHARACTERISTICS characteristics) {
  return state.real->QueryProviderCharacteristics(registration, characteristics);
}

const WSK_EXPORTS kExports = {OnRegister, OnDeregister, OnCaptureProviderNpi, OnReleaseProviderNpi,
                              OnQueryProviderCharacteristics};

LONG Used(LONG count, ULONG capacity) {
  return count < static_cast<LONG>(capacity) ? count : static_cast<LONG>(capacity);
}

}  // namespace

const WSK_EXPORTS* Interpose(const WSK_EXPORTS* real, const Saboteur* saboteur) {
  // What an abandoned run left is forgotten, not given back: its memory went with the run.
  RtlZeroMemory(state.clients, Used(state.clients_used, kClients) * sizeof(Client));
  RtlZeroMemory(state.sockets, Used(state.sockets_used, kSockets) * sizeof(Socket));
  state.clients_used = 0;
  state.sockets_used = 0;
  state.disables = 0;
  state.dispatch = nullptr;
  state.real = real;
  state.saboteur = saboteur;
  return &kExports;
}

// ---- Behind the client's back

NTSTATUS PassClient(ClientRequest* r) {
  return r->client->real.Dispatch->WskControlClient(r->client->real.Client, r->code, r->input_size, r->input,
                                                    r->output_size, r->output, r->returned, r->irp);
}

NTSTATUS PassCapture(Client* client, ULONG timeout, PWSK_PROVIDER_NPI npi) {
  return state.real->CaptureProviderNPI(client->registration, timeout, npi);
}

void PassDeregister(Client* client) { state.real->Deregister(client->registration); }

// ---- Questions

ULONG OpenSockets(const Client* client) {
  ULONG open = 0;
  for (LONG i = 0; i < Used(state.sockets_used, kSockets); ++i) {
    const Socket& socket = state.sockets[i];
    open += socket.owner == client && socket.real != nullptr && socket.closing == 0 ? 1 : 0;
  }
  return open;
}

bool IsEnable(const Request& request) { return request.function == Function::kEnable && request.mask != 0; }

bool IsDisable(const Request& request, EventIndex* event) {
  if (request.function != Function::kDisable || request.mask == 0) return false;
  for (UCHAR i = 0; i < kEventCount; ++i) {
    if (request.mask != kEventBits[i]) continue;
    *event = static_cast<EventIndex>(i);
    return true;
  }
  return false;
}

bool Running(const Socket* socket) {
  for (LONG running : socket->running) {
    if (running != 0) return true;
  }
  return false;
}

bool Inside(const Socket* socket) {
  for (UCHAR i = 0; i < kEventCount; ++i) {
    if (Inside(socket, static_cast<EventIndex>(i))) return true;
  }
  return false;
}

bool RunningElsewhere(const Socket* socket, EventIndex event) {
  for (LONG i = 0; i < Used(state.sockets_used, kSockets); ++i) {
    if (&state.sockets[i] != socket && Running(&state.sockets[i], event)) return true;
  }
  return false;
}

bool Idle(const Socket* socket) {
  for (LONG i = 0; i < Used(state.sockets_used, kSockets); ++i) {
    if (Running(&state.sockets[i])) return false;
  }
  return socket->suspended == 0 && socket->retained == 0;
}

bool CountsOn(const Socket* socket, EventIndex event) {
  if (socket->refusals != 0 || IsStatic(socket, event)) return false;
  return (static_cast<ULONG>(socket->alone & socket->enabled) & kEventBits[event]) != 0 &&
         socket->disables[event] == state.disables;
}

bool CountsOnStatic(const Socket* socket, EventIndex event) {
  return socket->refusals == 0 && state.disables == 0 && socket->listener == nullptr &&
         IsStatic(socket, event);
}

bool Has(const Socket* socket, EventIndex event) {
  switch (event) {
    case kReceiveEvent:
      return socket->ours.WskReceiveEvent != nullptr;
    case kDisconnectEvent:
      return socket->ours.WskDisconnectEvent != nullptr;
    case kBacklogEvent:
      return socket->ours.WskSendBacklogEvent != nullptr;
    case kAcceptEvent:
      return socket->ours_listen.WskAcceptEvent != nullptr;
    case kInspectEvent:
      return socket->ours_listen.WskInspectEvent != nullptr;
    case kAbortEvent:
      return socket->ours_listen.WskAbortEvent != nullptr;
    case kReceiveFromEvent:
      return socket->ours_datagram.WskReceiveFromEvent != nullptr;
    default:
      return socket->extension.client != nullptr;
  }
}

void ForEachOther(const Socket* socket, void (*visit)(Socket* other, ULONG argument), ULONG argument) {
  for (LONG i = 0; i < Used(state.sockets_used, kSockets); ++i) {
    Socket* other = &state.sockets[i];
    if (other != socket && other->real != nullptr && other->connected != 0 && other->closing == 0) {
      visit(other, argument);
    }
  }
}

void ForEachOpen(void (*visit)(Socket* socket, PVOID argument), PVOID argument) {
  for (LONG i = 0; i < Used(state.sockets_used, kSockets); ++i) {
    Socket* socket = &state.sockets[i];
    if (socket->real != nullptr && socket->closing == 0) visit(socket, argument);
  }
}

void ForEachAccepted(const Socket* listener, void (*visit)(Socket* other, ULONG argument), ULONG argument) {
  for (LONG i = 0; i < Used(state.sockets_used, kSockets); ++i) {
    Socket* other = &state.sockets[i];
    if (other->listener == listener && other->real != nullptr && other->connected != 0 &&
        other->closing == 0) {
      visit(other, argument);
    }
  }
}

}  // namespace wskcert::saboteurs
