// Callbacks on their way from the provider to the client.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

void Enter(Socket* socket, EventIndex event) {
  InterlockedIncrement(&socket->running[event]);
  socket->runner[event] = KeGetCurrentThread();
}

void Leave(Socket* socket, EventIndex event) {
  if (InterlockedDecrement(&socket->running[event]) != 0) return;
  socket->runner[event] = nullptr;
  CompleteKept(InterlockedExchangePointer(&socket->kept[event], nullptr), STATUS_SUCCESS);
}

// ---- What the provider calls

NTSTATUS WSKAPI OnReceive(PVOID context, ULONG flags, PWSK_DATA_INDICATION list, SIZE_T bytes,
                          SIZE_T* accepted) {
  ReceiveCall call = {static_cast<Socket*>(context), flags, list, bytes, accepted};
  return state.saboteur->receive != nullptr ? state.saboteur->receive(&call) : CallReceive(call);
}

NTSTATUS WSKAPI OnDisconnect(PVOID context, ULONG flags) {
  Socket* socket = static_cast<Socket*>(context);
  return state.saboteur->disconnect != nullptr ? state.saboteur->disconnect(socket, flags)
                                               : CallDisconnect(socket, flags);
}

NTSTATUS WSKAPI OnBacklog(PVOID context, SIZE_T ideal) {
  Socket* socket = static_cast<Socket*>(context);
  return state.saboteur->backlog != nullptr ? state.saboteur->backlog(socket, ideal)
                                            : CallBacklog(socket, ideal);
}

// The accepted socket is the client's from here on; what its callbacks need is known on return.
NTSTATUS WSKAPI OnAccept(PVOID context, ULONG flags, PSOCKADDR local, PSOCKADDR remote, PWSK_SOCKET accepted,
                         PVOID* made_context, CONST WSK_CLIENT_CONNECTION_DISPATCH** made_dispatch) {
  Socket* socket = static_cast<Socket*>(context);
  AcceptCall call = {socket, flags, local, remote, nullptr, accepted, nullptr, nullptr};
  if (made_context != nullptr) call.context = *made_context;
  if (made_dispatch != nullptr) call.dispatch = *made_dispatch;
  if (accepted != nullptr)
    call.made = NewSocket(socket->owner, Function::kAccept, WSK_FLAG_CONNECTION_SOCKET, nullptr);
  if (Socket* made = call.made) {
    made->listener = socket;
    made->by_event = true;
    made->accepting_context = &call.context;
    made->accepting_dispatch = &call.dispatch;
    made->published_context = made_context;
    made->published_dispatch = made_dispatch;
    InterlockedExchange(&made->enabled, socket->inherit);
    Adopt(made, accepted);
    InterlockedExchange(&made->bound, 1);
    InterlockedExchange(&made->connected, 1);
    call.accepted = &made->wsk;
  }
  const NTSTATUS status =
      state.saboteur->accept != nullptr ? state.saboteur->accept(&call) : CallAccept(&call);
  if (call.made == nullptr) {
    if (made_context != nullptr) *made_context = call.context;
    if (made_dispatch != nullptr) *made_dispatch = call.dispatch;
  }
  return status;
}

WSK_INSPECT_ACTION WSKAPI OnInspect(PVOID context, PSOCKADDR local, PSOCKADDR remote, PWSK_INSPECT_ID id) {
  const InspectCall call = {static_cast<Socket*>(context), local, remote, id};
  return state.saboteur->inspect != nullptr ? state.saboteur->inspect(&call) : CallInspect(call);
}

NTSTATUS WSKAPI OnAbort(PVOID context, PWSK_INSPECT_ID id) {
  Socket* socket = static_cast<Socket*>(context);
  return state.saboteur->abort != nullptr ? state.saboteur->abort(socket, id) : CallAbort(socket, id);
}

NTSTATUS WSKAPI OnReceiveFrom(PVOID context, ULONG flags, PWSK_DATAGRAM_INDICATION list) {
  ReceiveFromCall call = {static_cast<Socket*>(context), flags, list};
  return state.saboteur->receive_from != nullptr ? state.saboteur->receive_from(&call)
                                                 : CallReceiveFrom(call);
}

NTSTATUS WSKAPI OnPingEvent(PVOID context, ULONG value) {
  Socket* socket = static_cast<Socket*>(context);
  return state.saboteur->ping != nullptr ? state.saboteur->ping(socket, value) : CallPing(socket, value);
}

// ---- Tables

// Only a function that the client gave gets a wrapper.
template <typename F>
void Wrap(F client, F wrapper, F* ours) {
  if (client != nullptr) *ours = wrapper;
}

const WSK_CLIENT_CONNECTION_DISPATCH* WrapConnection(Socket* socket,
                                                     const WSK_CLIENT_CONNECTION_DISPATCH* client) {
  socket->client = client;
  if (client == nullptr) return nullptr;
  Wrap(client->WskReceiveEvent, OnReceive, &socket->ours.WskReceiveEvent);
  Wrap(client->WskDisconnectEvent, OnDisconnect, &socket->ours.WskDisconnectEvent);
  Wrap(client->WskSendBacklogEvent, OnBacklog, &socket->ours.WskSendBacklogEvent);
  return &socket->ours;
}

const WSK_CLIENT_LISTEN_DISPATCH* WrapListen(Socket* socket, const WSK_CLIENT_LISTEN_DISPATCH* client) {
  socket->client_listen = client;
  if (client == nullptr) return nullptr;
  Wrap(client->WskAcceptEvent, OnAccept, &socket->ours_listen.WskAcceptEvent);
  Wrap(client->WskInspectEvent, OnInspect, &socket->ours_listen.WskInspectEvent);
  Wrap(client->WskAbortEvent, OnAbort, &socket->ours_listen.WskAbortEvent);
  return &socket->ours_listen;
}

const WSK_CLIENT_DATAGRAM_DISPATCH* WrapDatagram(Socket* socket, const WSK_CLIENT_DATAGRAM_DISPATCH* client) {
  socket->client_datagram = client;
  Wrap(client->WskReceiveFromEvent, OnReceiveFrom, &socket->ours_datagram.WskReceiveFromEvent);
  return &socket->ours_datagram;
}

const WSK_CLIENT_STREAM_DISPATCH* WrapStream(Socket* socket, const WSK_CLIENT_STREAM_DISPATCH* client) {
  socket->ours_stream.Listen = WrapListen(socket, client->Listen);
  socket->ours_stream.Connect = WrapConnection(socket, client->Connect);
  return &socket->ours_stream;
}

const WSKEMU_CLIENT_PING_DISPATCH kPingCallbacks = {OnPingEvent};

}  // namespace

const VOID* WrapCallbacks(Socket* socket, const VOID* dispatch) {
  if (dispatch == nullptr) return nullptr;
  switch (socket->category) {
    case WSK_FLAG_LISTEN_SOCKET:
      return WrapListen(socket, static_cast<const WSK_CLIENT_LISTEN_DISPATCH*>(dispatch));
    case WSK_FLAG_CONNECTION_SOCKET:
      return WrapConnection(socket, static_cast<const WSK_CLIENT_CONNECTION_DISPATCH*>(dispatch));
    case WSK_FLAG_DATAGRAM_SOCKET:
      return WrapDatagram(socket, static_cast<const WSK_CLIENT_DATAGRAM_DISPATCH*>(dispatch));
    case WSK_FLAG_STREAM_SOCKET:
      return WrapStream(socket, static_cast<const WSK_CLIENT_STREAM_DISPATCH*>(dispatch));
    default:
      return dispatch;
  }
}

void PublishAccepted(Socket* made) {
  made->context = *made->accepting_context;
  const WSK_CLIENT_CONNECTION_DISPATCH* ours = WrapConnection(made, *made->accepting_dispatch);
  if (made->published_context != nullptr) *made->published_context = made;
  if (made->published_dispatch != nullptr) *made->published_dispatch = ours;
}

const VOID* PingCallbacks() { return &kPingCallbacks; }

// ---- Calls of the client

NTSTATUS CallReceive(const ReceiveCall& call) {
  Socket* socket = call.socket;
  const SIZE_T before = call.accepted != nullptr ? *call.accepted : 0;
  Enter(socket, kReceiveEvent);
  const NTSTATUS status =
      socket->client->WskReceiveEvent(socket->context, call.flags, call.list, call.bytes, call.accepted);
  const bool part = status == STATUS_SUCCESS && call.accepted != nullptr && *call.accepted != before &&
                    *call.accepted < call.bytes;
  if (call.list != nullptr && (part || status == STATUS_DATA_NOT_ACCEPTED)) {
    InterlockedExchange(&socket->suspended, 1);
    InterlockedIncrement(&socket->refusals);
  }
  if (call.list != nullptr && status == STATUS_PENDING) InterlockedIncrement(&socket->retained);
  Leave(socket, kReceiveEvent);
  return status;
}

NTSTATUS CallDisconnect(Socket* socket, ULONG flags) {
  Enter(socket, kDisconnectEvent);
  const NTSTATUS status = socket->client->WskDisconnectEvent(socket->context, flags);
  Leave(socket, kDisconnectEvent);
  return status;
}

NTSTATUS CallBacklog(Socket* socket, SIZE_T ideal) {
  Enter(socket, kBacklogEvent);
  const NTSTATUS status = socket->client->WskSendBacklogEvent(socket->context, ideal);
  Leave(socket, kBacklogEvent);
  return status;
}

NTSTATUS CallAccept(AcceptCall* call) {
  Socket* socket = call->socket;
  Enter(socket, kAcceptEvent);
  const NTSTATUS status =
      socket->client_listen->WskAcceptEvent(socket->context, call->flags, call->local, call->remote,
                                            call->accepted, &call->context, &call->dispatch);
  if (Socket* made = call->made) {
    PublishAccepted(made);
    // A refused socket is the provider's again.
    if (!NT_SUCCESS(status)) InterlockedExchange(&made->closing, 1);
    made->accepting_context = nullptr;
    made->accepting_dispatch = nullptr;
  }
  Leave(socket, kAcceptEvent);
  return status;
}

WSK_INSPECT_ACTION CallInspect(const InspectCall& call) {
  Socket* socket = call.socket;
  Enter(socket, kInspectEvent);
  const WSK_INSPECT_ACTION action =
      socket->client_listen->WskInspectEvent(socket->context, call.local, call.remote, call.id);
  if (call.id != nullptr) {
    const LONG index = InterlockedIncrement(&socket->inspected_count) - 1;
    if (index < static_cast<LONG>(kInspected))
      socket->inspected[index] = {*call.id, action, action == WskInspectPend};
  }
  if (action == WskInspectPend) InterlockedIncrement(&socket->inspects_pended);
  Leave(socket, kInspectEvent);
  return action;
}

NTSTATUS CallAbort(Socket* socket, PWSK_INSPECT_ID id) {
  Enter(socket, kAbortEvent);
  const NTSTATUS status = socket->client_listen->WskAbortEvent(socket->context, id);
  if (socket->inspects_pended > 0) InterlockedDecrement(&socket->inspects_pended);
  Leave(socket, kAbortEvent);
  return status;
}

NTSTATUS CallReceiveFrom(const ReceiveFromCall& call) {
  Socket* socket = call.socket;
  Enter(socket, kReceiveFromEvent);
  const NTSTATUS status =
      socket->client_datagram->WskReceiveFromEvent(socket->context, call.flags, call.list);
  if (call.list != nullptr && status == STATUS_PENDING) InterlockedIncrement(&socket->retained);
  if (call.list != nullptr && status == STATUS_DATA_NOT_ACCEPTED) InterlockedIncrement(&socket->refusals);
  Leave(socket, kReceiveFromEvent);
  return status;
}

NTSTATUS CallPing(Socket* socket, ULONG value) {
  Enter(socket, kPingEvent);
  const NTSTATUS status = socket->extension.client->PingEvent(socket->extension.client_context, value);
  Leave(socket, kPingEvent);
  return status;
}

// ---- Events that do not reach the client

NTSTATUS UnlessMutedReceive(ReceiveCall* call) {
  return (call->socket->mark & WSK_EVENT_RECEIVE) != 0 ? STATUS_DATA_NOT_ACCEPTED : CallReceive(*call);
}
NTSTATUS UnlessMutedDisconnect(Socket* socket, ULONG flags) {
  return (socket->mark & WSK_EVENT_DISCONNECT) != 0 ? STATUS_SUCCESS : CallDisconnect(socket, flags);
}
NTSTATUS UnlessMutedBacklog(Socket* socket, SIZE_T ideal) {
  return (socket->mark & WSK_EVENT_SEND_BACKLOG) != 0 ? STATUS_SUCCESS : CallBacklog(socket, ideal);
}

}  // namespace wskcert::saboteurs
