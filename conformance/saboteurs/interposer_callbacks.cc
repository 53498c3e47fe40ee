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

}  // namespace

void WrapCallbacks(Socket* socket) {
  if (socket->client == nullptr) return;
  if (socket->client->WskReceiveEvent != nullptr) socket->ours.WskReceiveEvent = OnReceive;
  if (socket->client->WskDisconnectEvent != nullptr) socket->ours.WskDisconnectEvent = OnDisconnect;
  if (socket->client->WskSendBacklogEvent != nullptr) socket->ours.WskSendBacklogEvent = OnBacklog;
}

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

}  // namespace wskcert::saboteurs
