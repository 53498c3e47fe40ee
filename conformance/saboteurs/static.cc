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

NTSTATUS FailRequest(ClientRequest* request) {
  return IsStaticRequest(*request) && request->irp == nullptr ? STATUS_INVALID_PARAMETER
                                                              : PassClient(request);
}

// What another client has static is enabled as soon as the socket can produce it, until its own client speaks
// of events. Which are lies in the mark.
NTSTATUS EnableOfOthers(Completion* completion) {
  Socket* socket = completion->socket;
  const Function function = completion->function;
  const bool connects = function == Function::kConnect || function == Function::kSocketConnect;
  const bool connection = socket->category == WSK_FLAG_CONNECTION_SOCKET;
  const bool ready = connection ? connects : function == Function::kBind;
  if (!ready || !NT_SUCCESS(completion->irp->IoStatus.Status) || socket->owner->static_events != 0) {
    return STATUS_SUCCESS;
  }
  ULONG mask = 0;
  for (LONG i = 0; i < state.clients_used; ++i) mask |= state.clients[i].static_events;
  for (UCHAR i = 0; i < kEventCount; ++i) {
    if (!Has(socket, static_cast<EventIndex>(i)) || kEventBits[i] == 0) mask &= ~kEventBits[i];
  }
  mask &= connection ? kAllEvents : WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE_FROM;
  if (mask != 0 && NT_SUCCESS(SetEvents(socket, mask))) {
    InterlockedExchange(&socket->mark, static_cast<LONG>(mask));
  }
  return STATUS_SUCCESS;
}
NTSTATUS ForgetOthers(Request* request) {
  if (request->function != Function::kEnable && request->function != Function::kDisable) return Pass(request);
  const ULONG mask = static_cast<ULONG>(InterlockedExchange(&request->socket->mark, 0));
  for (ULONG bit : kEventBits) {
    if ((mask & bit) != 0) SetEvents(request->socket, bit | WSK_EVENT_DISABLE);
  }
  return Pass(request);
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

// Until somebody tries to disable it: that is another matter.
NTSTATUS EnableOnDisable(Request* request) {
  if (!IsDisableOf(*request, kAcceptEvent) || !IsStatic(request->socket, kAcceptEvent)) return Pass(request);
  const NTSTATUS status = SetEvents(request->socket, WSK_EVENT_ACCEPT);
  return Answer(request, status, status);
}

// In conditional-accept mode, too.
NTSTATUS EnableOnConditionalBind(Completion* completion) {
  Socket* socket = completion->socket;
  if (completion->function == Function::kBind && NT_SUCCESS(completion->irp->IoStatus.Status) &&
      socket->conditional != 0 && IsStatic(socket, kAcceptEvent)) {
    SetEvents(socket, WSK_EVENT_ACCEPT);
  }
  return STATUS_SUCCESS;
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
              "WSK_SET_STATIC_EVENT_CALLBACKS returns STATUS_INVALID_PARAMETER, and nothing is static.",
              "npi", false},
     .control_client = FailRequest},
    {.info = {"static-for-all-clients", "static.other-client.unaffected",
              "What one client enables statically is enabled for all clients.", "npi", false},
     .request = ForgetOthers,
     .completing = EnableOfOthers},
    {.info = {"static-not-applied", "static.enabled.automatically",
              "Static callbacks other than WskAcceptEvent are never called.", "npi", false},
     .receive = NotReceive,
     .disconnect = NotDisconnect,
     .backlog = NotBacklog,
     .receive_from = NotReceiveFrom},
    {.info = {"static-accept-not-applied", "static.accept.starts-when-bound",
              "A statically enabled WskAcceptEvent is never called; connections wait.", "npi", false},
     .request = EnableOnDisable,
     .completing = EnableOnConditionalBind,
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
