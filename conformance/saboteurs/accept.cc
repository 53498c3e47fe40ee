// Saboteurs of WskAccept and WskAcceptEvent.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

bool IsAccept(const Request& request) {
  return request.function == Function::kAccept && request.irp != nullptr;
}

bool HasStatics(const Socket* socket) { return socket->owner->static_events != 0; }

// ---- Who takes a connection

// WskAcceptEvent gets what a queued WskAccept was given. If it accepts, the WskAccept is queued again.
NTSTATUS EventFirst(Completion* completion) {
  Socket* listener = completion->socket;
  Socket* made = completion->made;
  if (completion->function != Function::kAccept || !NT_SUCCESS(completion->irp->IoStatus.Status) ||
      made == nullptr || !completion->after_return || listener->inherit != 0 ||
      !Enabled(listener, kAcceptEvent) || !Has(listener, kAcceptEvent)) {
    return STATUS_SUCCESS;
  }
  const PVOID context = made->context;
  const WSK_CLIENT_CONNECTION_DISPATCH* dispatch = made->client;
  AcceptCall call = {listener, 0, made->local, made->remote, made, &made->wsk, nullptr, nullptr};
  made->accepting_context = &call.context;
  made->accepting_dispatch = &call.dispatch;
  if (NT_SUCCESS(CallAccept(&call))) {
    made->by_event = true;
    AcceptAgain(completion, context, dispatch);
    return STATUS_MORE_PROCESSING_REQUIRED;
  }
  made->context = context;
  WrapCallbacks(made, dispatch);
  InterlockedExchange(&made->closing, 0);
  return STATUS_SUCCESS;
}
NTSTATUS Held(Request* request) { return PassWatched(request, Function::kAccept); }

// A connection that the client refused is offered once more.
NTSTATUS OfferAgain(AcceptCall* call) {
  const NTSTATUS status = CallAccept(call);
  Socket* made = call->made;
  if (made == nullptr || status != STATUS_REQUEST_NOT_ACCEPTED) return status;
  InterlockedExchange(&made->closing, 0);
  made->accepting_context = &call->context;
  made->accepting_dispatch = &call->dispatch;
  return CallAccept(call);
}

// ---- WskAccept

NTSTATUS PendThoughWaiting(Request* request) {
  if (!IsAccept(*request)) return Pass(request);
  PIRP irp = request->irp;
  bool held = false;
  const NTSTATUS status = PassHeld(request, &held);
  if (!held) return status;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status == STATUS_SUCCESS ? STATUS_PENDING : status;
}

NTSTATUS FailIfNoneWaits(Request* request) {
  return IsAccept(*request) && !Broken(request->socket)
             ? Answer(request, STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_DEVICE_STATE)
             : Pass(request);
}

void CloseBehind(Socket* socket, ULONG) {
  Request request = {};
  request.socket = socket;
  request.function = Function::kClose;
  InterlockedExchange(&socket->closing, 1);
  ForwardAlone(request);
}

// The connection that a queued WskAccept waited for makes it fail.
NTSTATUS FailOnArrival(Completion* completion) {
  if (completion->function != Function::kAccept || !NT_SUCCESS(completion->irp->IoStatus.Status) ||
      completion->made == nullptr || !completion->after_return || completion->socket->conditional != 0) {
    return STATUS_SUCCESS;
  }
  CloseBehind(completion->made, 0);
  completion->irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
  completion->irp->IoStatus.Information = 0;
  return STATUS_SUCCESS;
}

// What fails because the listening socket is dead fails with another status.
NTSTATUS FailDifferently(Request* request, Function function) {
  if (request->function != function || request->irp == nullptr) return Pass(request);
  PIRP irp = request->irp;
  bool held = false;
  NTSTATUS status = PassHeld(request, &held);
  if (!held) return status;
  if (status == STATUS_FILE_FORCED_CLOSED) status = irp->IoStatus.Status = STATUS_INVALID_DEVICE_STATE;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status;
}
NTSTATUS DeadAcceptFailsDifferently(Request* request) { return FailDifferently(request, Function::kAccept); }
NTSTATUS DeadInspectFailsDifferently(Request* request) {
  return FailDifferently(request, Function::kInspectComplete);
}

// ---- Sockets of WskAccept

// The receive event is enabled on them. Which lies in the socket's mark, until the client enables something.
NTSTATUS EnableReceive(Completion* completion) {
  Socket* made = completion->made;
  if (completion->function == Function::kAccept && NT_SUCCESS(completion->irp->IoStatus.Status) &&
      made != nullptr && completion->socket->inherit == 0 && !HasStatics(made) && Has(made, kReceiveEvent)) {
    InterlockedExchange(&made->mark, 1);
    SetEvents(made, WSK_EVENT_RECEIVE);
  }
  return STATUS_SUCCESS;
}
NTSTATUS DisableReceiveFirst(Request* request) {
  Socket* socket = request->socket;
  if (request->function == Function::kEnable && InterlockedExchange(&socket->mark, 0) != 0) {
    SetEvents(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE);
  }
  return Pass(request);
}

NTSTATUS LoseContext(Completion* completion) {
  if (completion->function == Function::kAccept && completion->made != nullptr &&
      completion->socket->inherit == 0) {
    completion->made->context = &completion->made->inspecting;
  }
  return STATUS_SUCCESS;
}

// ---- Arguments

NTSTATUS OtherFamily(AcceptCall* call) {
  SOCKADDR_INET address = {};
  address.si_family = call->local != nullptr && call->local->sa_family == AF_INET6 ? AF_INET : AF_INET6;
  if (call->accepted != nullptr) call->local = reinterpret_cast<PSOCKADDR>(&address);
  return CallAccept(call);
}

AcceptCall WithoutSocket(Socket* listener) {
  return {listener, 0, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
}

// A connection is followed by the word that the listening socket no longer functions, which is not so.
NTSTATUS TellDead(AcceptCall* call) {
  const NTSTATUS status = CallAccept(call);
  if (call->made != nullptr && NT_SUCCESS(status)) {
    AcceptCall nothing = WithoutSocket(call->socket);
    CallAccept(&nothing);
  }
  return status;
}
NTSTATUS TellTwice(AcceptCall* call) {
  const NTSTATUS status = CallAccept(call);
  if (call->accepted == nullptr) {
    AcceptCall again = WithoutSocket(call->socket);
    CallAccept(&again);
  }
  return status;
}

// ---- Refusals

// The provider believes that the client accepted. Such sockets are closed with the listening one.
NTSTATUS KeepRefused(AcceptCall* call) {
  const NTSTATUS status = CallAccept(call);
  Socket* made = call->made;
  if (status != STATUS_REQUEST_NOT_ACCEPTED || made == nullptr || call->socket->inherit != 0 ||
      HasStatics(made)) {
    return status;
  }
  InterlockedExchange(&made->closing, 0);
  InterlockedExchange(&made->mark, 1);
  return STATUS_SUCCESS;
}
NTSTATUS CloseWithListener(Request* request) {
  if (request->function == Function::kClose) {
    ForEachAccepted(
        request->socket,
        [](Socket* made, ULONG argument) {
          if (InterlockedExchange(&made->mark, 0) != 0) CloseBehind(made, argument);
        },
        0);
  }
  return Pass(request);
}

// A refusal disables the event.
NTSTATUS DisableOnRefusal(AcceptCall* call) {
  const NTSTATUS status = CallAccept(call);
  if (status == STATUS_REQUEST_NOT_ACCEPTED && call->made != nullptr &&
      (call->socket->enabled & WSK_EVENT_ACCEPT) != 0 && !IsStatic(call->socket, kAcceptEvent)) {
    SetEvents(call->socket, WSK_EVENT_ACCEPT | WSK_EVENT_DISABLE);
  }
  return status;
}

NTSTATUS AbortRefused(AcceptCall* call) {
  WSK_INSPECT_ID id;
  const bool known = call->made != nullptr && IdOf(call->made, &id);
  const NTSTATUS status = CallAccept(call);
  if (known && status == STATUS_REQUEST_NOT_ACCEPTED && Has(call->socket, kAbortEvent)) {
    CallAbort(call->socket, &id);
  }
  return status;
}

const Saboteur kSaboteurs[] = {
    {.info = {"accept-event-before-function", "accept.queued.takes-precedence",
              "WskAcceptEvent is called although a WskAccept is queued.", "npi", false},
     .request = Held,
     .completing = EventFirst},
    {.info = {"accept-refused-offered-again", "accept.delivered-once",
              "A connection that was refused is indicated once more.", "npi", false},
     .accept = OfferAgain},
    {.info = {"accept-pends-though-waiting", "accept.waiting.succeeds",
              "WskAccept returns STATUS_PENDING although a connection waits.", "npi", false},
     .request = PendThoughWaiting},
    {.info = {"accept-fails-when-none-waits", "accept.none-waiting.pends",
              "WskAccept fails instead of waiting.", "npi", false},
     .request = FailIfNoneWaits},
    {.info = {"accept-fails-on-arrival", "accept.queued.completes-on-arrival",
              "A connection that arrives makes the queued WskAccept fail.", "npi", false},
     .request = Held,
     .completing = FailOnArrival},
    {.info = {"accept-function-enables-receive", "accept.function.callbacks-disabled",
              "WskReceiveEvent is enabled on what WskAccept gives.", "npi", false},
     .request = DisableReceiveFirst,
     .completing = EnableReceive},
    {.info = {"accept-function-loses-context", "accept.function.context-and-dispatch",
              "Callbacks of what WskAccept gives get a context that the client never gave.", "npi", false},
     .completing = LoseContext},
    {.info = {"accept-event-other-family", "accept.event.addresses",
              "WskAcceptEvent gets a local address of another family.", "npi", false},
     .accept = OtherFamily},
    {.info = {"accept-told-dead", "accept.null-socket.means-dead",
              "WskAcceptEvent comes without a socket although the listening socket functions.", "npi", false},
     .accept = TellDead},
    {.info = {"accept-told-dead-twice", "accept.null-socket.at-most-once",
              "WskAcceptEvent comes twice without a socket.", "npi", false},
     .accept = TellTwice},
    {.info = {"accept-refused-stays-open", "accept.refused.closed-by-provider",
              "A refused connection is not closed.", "npi", false},
     .request = CloseWithListener,
     .accept = KeepRefused},
    {.info = {"accept-refused-disables", "accept.refused.stays-enabled", "A refusal disables WskAcceptEvent.",
              "npi", false},
     .accept = DisableOnRefusal},
    {.info = {"accept-refused-aborts", "accept.refused.no-abort",
              "WskAbortEvent is called for a connection that WskAcceptEvent refused.", "npi", false},
     .accept = AbortRefused},
    {.info = {"accept-dead-other-status", "accept.dead-socket.forced-closed",
              "WskAccept on a dead listening socket returns STATUS_INVALID_DEVICE_STATE.", "npi", false},
     .request = DeadAcceptFailsDifferently},
    {.info = {"inspect-complete-dead-other-status", "inspect.complete.dead-socket",
              "WskInspectComplete on a dead listening socket returns STATUS_INVALID_DEVICE_STATE.", "npi",
              false},
     .request = DeadInspectFailsDifferently},
};

}  // namespace

const Topic kAcceptTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
