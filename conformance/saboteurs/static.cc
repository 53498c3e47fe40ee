// Saboteurs of static event callbacks.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

bool IsStaticRequest(const ClientRequest& request) {
  return request.code == WSK_SET_STATIC_EVENT_CALLBACKS && request.input != nullptr &&
         request.input_size >= sizeof(WSK_EVENT_CALLBACK_CONTROL);
}
ULONG MaskOf(const ClientRequest& request) {
  return static_cast<const WSK_EVENT_CALLBACK_CONTROL*>(request.input)->EventMask & kEveryEvent;
}

// Does as it is told, and denies it.
NTSTATUS SetAndFail(ClientRequest* request) {
  const NTSTATUS status = PassClient(request);
  return IsStaticRequest(*request) && status == STATUS_SUCCESS ? STATUS_INVALID_PARAMETER : status;
}

NTSTATUS SetForAll(ClientRequest* request) {
  const NTSTATUS status = PassClient(request);
  if (IsStaticRequest(*request) && status == STATUS_SUCCESS) {
    ForEachOther(
        request->client, [](Client* other, ULONG mask) { SetStatic(other, mask); }, MaskOf(*request));
  }
  return status;
}

// ---- Not applied

NTSTATUS NotReceive(ReceiveCall* call) {
  return call->bytes != 0 && CountsOnStatic(call->socket, kReceiveEvent) ? STATUS_DATA_NOT_ACCEPTED
                                                                         : CallReceive(*call);
}
NTSTATUS NotDisconnect(Socket* socket, ULONG flags) {
  return CountsOnStatic(socket, kDisconnectEvent) ? STATUS_SUCCESS : CallDisconnect(socket, flags);
}
NTSTATUS NotBacklog(Socket* socket, SIZE_T ideal) {
  return CountsOnStatic(socket, kBacklogEvent) ? STATUS_SUCCESS : CallBacklog(socket, ideal);
}
NTSTATUS NotReceiveFrom(ReceiveFromCall* call) {
  return CountsOnStatic(call->socket, kReceiveFromEvent) ? STATUS_SUCCESS : CallReceiveFrom(*call);
}
// The provider never learns of that event, so connections wait.
NTSTATUS SetAllButAccept(ClientRequest* request) {
  if (!IsStaticRequest(*request) || (MaskOf(*request) & WSK_EVENT_ACCEPT) == 0) return PassClient(request);
  WSK_EVENT_CALLBACK_CONTROL control = *static_cast<const WSK_EVENT_CALLBACK_CONTROL*>(request->input);
  control.EventMask &= ~WSK_EVENT_ACCEPT;
  ClientRequest less = *request;
  less.input = &control;
  return control.EventMask != 0 ? PassClient(&less) : STATUS_SUCCESS;
}

// ---- Other categories

ULONG EventsOfCategory(ULONG category) {
  switch (category) {
    case WSK_FLAG_LISTEN_SOCKET:
      return kAllEvents | WSK_EVENT_ACCEPT;
    case WSK_FLAG_CONNECTION_SOCKET:
      return kAllEvents;
    case WSK_FLAG_DATAGRAM_SOCKET:
      return WSK_EVENT_RECEIVE_FROM;
    default:
      return kEveryEvent;
  }
}
NTSTATUS FailCreation(Request* request) {
  const Socket* socket = request->socket;
  const bool creation =
      request->function == Function::kSocket || request->function == Function::kSocketConnect;
  if (!creation || (socket->owner->static_events & ~EventsOfCategory(socket->category)) == 0) {
    return Pass(request);
  }
  return Answer(request, STATUS_INVALID_PARAMETER, STATUS_INVALID_PARAMETER);
}

// A datagram is told to the client's connections, too.
void TellConnection(Socket* other, ReceiveFromCall* call) {
  if (other->category != WSK_FLAG_CONNECTION_SOCKET || other->owner != call->socket->owner) return;
  call->socket->client_datagram->WskReceiveFromEvent(other->context, call->flags, nullptr);
}
NTSTATUS TellConnections(ReceiveFromCall* call) {
  if (call->list != nullptr && IsStatic(call->socket, kReceiveFromEvent)) {
    ForEachOpen(
        [](Socket* other, PVOID argument) { TellConnection(other, static_cast<ReceiveFromCall*>(argument)); },
        call);
  }
  return CallReceiveFrom(*call);
}

// Every connection is inspected first, whatever the answer.
NTSTATUS InspectFirst(AcceptCall* call) {
  const Socket* socket = call->socket;
  if (call->made != nullptr && IsStatic(socket, kAcceptEvent) && socket->conditional == 0 &&
      Has(socket, kInspectEvent)) {
    WSK_INSPECT_ID id = {1, 1};
    CallInspect({call->socket, call->local, call->remote, &id});
  }
  return CallAccept(call);
}

// ---- Refused datagrams

// Which has ended for good lies in the socket's mark.
NTSTATUS EndAfterRefusal(ReceiveFromCall* call) {
  Socket* socket = call->socket;
  if (!IsStatic(socket, kReceiveFromEvent)) return CallReceiveFrom(*call);
  if (socket->mark != 0) return STATUS_SUCCESS;
  const NTSTATUS status = CallReceiveFrom(*call);
  if (status == STATUS_DATA_NOT_ACCEPTED) InterlockedExchange(&socket->mark, 1);
  return status;
}

const Saboteur kSaboteurs[] = {
    {.info = {"static-request-fails", "static.control.succeeds",
              "WSK_SET_STATIC_EVENT_CALLBACKS takes effect and returns STATUS_INVALID_PARAMETER.", "npi",
              false},
     .control_client = SetAndFail},
    {.info = {"static-for-all-clients", "static.other-client.unaffected",
              "What one client enables statically is enabled for all clients.", "npi", false},
     .control_client = SetForAll},
    {.info = {"static-not-applied", "static.enabled.automatically",
              "Static callbacks other than WskAcceptEvent are never called.", "npi", false},
     .receive = NotReceive,
     .disconnect = NotDisconnect,
     .backlog = NotBacklog,
     .receive_from = NotReceiveFrom},
    {.info = {"static-accept-not-applied", "static.accept.starts-when-bound",
              "A statically enabled WskAcceptEvent is never called; connections wait.", "npi", false},
     .control_client = SetAllButAccept},
    {.info = {"static-mixed-mask-fails-creation", "static.mixed-mask.creation-succeeds",
              "No socket can be created whose category lacks one of the static events.", "npi", false},
     .request = FailCreation},
    {.info = {"static-receive-from-on-connections", "static.other-category.not-applied",
              "A static WskReceiveFromEvent is called for connections, too.", "npi", false},
     .receive_from = TellConnections},
    {.info = {"static-accept-inspects", "static.conditional.not-enabled",
              "A static WskAcceptEvent comes with WskInspectEvent, without conditional-accept mode.", "npi",
              false},
     .accept = InspectFirst},
    {.info = {"static-receive-from-ends-by-refusal", "static.receive-from.refusal-keeps-enabled",
              "A static WskReceiveFromEvent that refused datagrams is not called any more.", "npi", false},
     .receive_from = EndAfterRefusal},
};

}  // namespace

const Topic kStaticTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
