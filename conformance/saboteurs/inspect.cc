// Saboteurs of conditional accept.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

bool IsComplete(const Request& request) {
  return request.function == Function::kInspectComplete && request.irp != nullptr;
}

// The request with this id as the client has answered it so far; null if it is not known.
Inspected* FindRequest(Socket* socket, const WSK_INSPECT_ID* id) {
  const LONG count = socket->inspected_count < static_cast<LONG>(kInspected) ? socket->inspected_count
                                                                             : static_cast<LONG>(kInspected);
  for (LONG i = count; i-- > 0;) {
    Inspected* one = &socket->inspected[i];
    if (one->id.Key == id->Key && one->id.SerialNumber == id->SerialNumber) return one;
  }
  return nullptr;
}

// Aborts of requests with this answer do not reach the client.
NTSTATUS HideAbort(Socket* socket, PWSK_INSPECT_ID id, WSK_INSPECT_ACTION answer) {
  const Inspected* request = FindRequest(socket, id);
  return request != nullptr && request->action == answer ? STATUS_SUCCESS : CallAbort(socket, id);
}

// ---- Answers that count for something else

// A connection whose request WskInspectEvent accepted is refused without asking.
NTSTATUS RefuseInspected(AcceptCall* call) {
  Socket* made = call->made;
  WSK_INSPECT_ID id;
  if (made == nullptr || !IdOf(made, &id)) return CallAccept(call);
  const Inspected* request = FindRequest(call->socket, &id);
  if (request == nullptr || request->pended) return CallAccept(call);
  made->accepting_context = nullptr;
  made->accepting_dispatch = nullptr;
  InterlockedExchange(&made->closing, 1);
  return STATUS_REQUEST_NOT_ACCEPTED;
}
WSK_INSPECT_ACTION RejectedIsAccepted(const InspectCall* call) {
  const WSK_INSPECT_ACTION action = CallInspect(*call);
  return action == WskInspectReject ? WskInspectAccept : action;
}
NTSTATUS HideAbortOfRejected(Socket* socket, PWSK_INSPECT_ID id) {
  return HideAbort(socket, id, WskInspectReject);
}
WSK_INSPECT_ACTION PendedIsAccepted(const InspectCall* call) {
  const WSK_INSPECT_ACTION action = CallInspect(*call);
  return action == WskInspectPend ? WskInspectAccept : action;
}
NTSTATUS CompleteOtherwise(Request* request, WSK_INSPECT_ACTION from, WSK_INSPECT_ACTION to) {
  if (IsComplete(*request) && request->action == from) request->action = to;
  return Pass(request);
}
NTSTATUS CompletedIsRejected(Request* request) {
  return CompleteOtherwise(request, WskInspectAccept, WskInspectReject);
}
NTSTATUS CompletedIsAccepted(Request* request) {
  return CompleteOtherwise(request, WskInspectReject, WskInspectAccept);
}

// The client is asked beside, and the provider goes on without an answer that takes long.
void AskBeside(Socket* socket) {
  Inspecting& asked = socket->inspecting;
  asked.action = CallInspect({socket, reinterpret_cast<PSOCKADDR>(&asked.local),
                              reinterpret_cast<PSOCKADDR>(&asked.remote), &asked.id});
  KeSetEvent(&asked.done, IO_NO_INCREMENT, FALSE);
}
WSK_INSPECT_ACTION DoNotWait(const InspectCall* call) {
  Socket* socket = call->socket;
  if (call->id == nullptr || KeGetCurrentIrql() != PASSIVE_LEVEL || Running(socket, kInspectEvent)) {
    return CallInspect(*call);
  }
  Inspecting& asked = socket->inspecting;
  const SIZE_T size = call->local->sa_family == AF_INET6 ? sizeof(SOCKADDR_IN6) : sizeof(SOCKADDR_IN);
  RtlCopyMemory(&asked.local, call->local, size);
  RtlCopyMemory(&asked.remote, call->remote, size);
  asked.id = *call->id;
  KeInitializeEvent(&asked.done, NotificationEvent, FALSE);
  if (!Later(socket, AskBeside)) return CallInspect(*call);
  LARGE_INTEGER soon;
  soon.QuadPart = -10000;
  do {
    if (KeWaitForSingleObject(&asked.done, Executive, KernelMode, FALSE, &soon) == STATUS_SUCCESS) {
      return asked.action;
    }
  } while (!Running(socket, kInspectEvent));
  return WskInspectAccept;
}

// A close does wait for the client.
NTSTATUS CloseWaits(Request* request) {
  Socket* socket = request->socket;
  if (request->function != Function::kClose || request->irp == nullptr || !Running(socket, kInspectEvent) ||
      !ForwardAlone(*request)) {
    return Pass(request);
  }
  InterlockedExchangePointer(&socket->kept[kInspectEvent], Keep(request));
  return STATUS_PENDING;
}

// ---- Arguments

// A request gets the id of one that pends.
WSK_INSPECT_ACTION SameId(const InspectCall* call) {
  InspectCall changed = *call;
  Socket* socket = call->socket;
  const LONG last = socket->inspected_count - 1;
  if (call->id != nullptr && last >= 0 && last < static_cast<LONG>(kInspected) &&
      socket->inspects_pended != 0 && socket->inspected[last].action == WskInspectPend) {
    changed.id = &socket->inspected[last].id;
  }
  return CallInspect(changed);
}

WSK_INSPECT_ACTION OtherFamily(const InspectCall* call) {
  SOCKADDR_INET address = {};
  address.si_family = call->local != nullptr && call->local->sa_family == AF_INET6 ? AF_INET : AF_INET6;
  InspectCall changed = *call;
  if (call->id != nullptr) changed.local = reinterpret_cast<PSOCKADDR>(&address);
  return CallInspect(changed);
}

WSK_INSPECT_ACTION TellDead(const InspectCall* call) {
  const WSK_INSPECT_ACTION action = CallInspect(*call);
  if (call->id != nullptr) CallInspect({call->socket, nullptr, nullptr, nullptr});
  return action;
}

// ---- WskInspectComplete

NTSTATUS FailWithSuccess(Request* request) {
  if (!IsComplete(*request)) return Pass(request);
  PIRP irp = request->irp;
  bool held = false;
  const NTSTATUS status = PassHeld(request, &held);
  if (!held) return status;
  if (status == STATUS_SUCCESS) irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status;
}

// Where the request is one that waits for it.
NTSTATUS NeverComplete(Request* request) {
  if (!IsComplete(*request) || Broken(request->socket)) return Pass(request);
  const Inspected* inspected = FindRequest(request->socket, request->inspect);
  const bool waits = inspected != nullptr && inspected->pended;
  if (!waits || request->action == WskInspectPend || !ForwardAlone(*request)) return Pass(request);
  Keep(request);
  return STATUS_PENDING;
}

// ---- Aborts

// A request is aborted and goes on.
WSK_INSPECT_ACTION AbortAnswered(const InspectCall* call, WSK_INSPECT_ACTION answer) {
  const WSK_INSPECT_ACTION action = CallInspect(*call);
  if (action == answer && call->id != nullptr && Has(call->socket, kAbortEvent)) {
    WSK_INSPECT_ID id = *call->id;
    CallAbort(call->socket, &id);
  }
  return action;
}
WSK_INSPECT_ACTION AbortPended(const InspectCall* call) {
  InterlockedExchange(&call->socket->mark, 0);
  const WSK_INSPECT_ACTION action = CallInspect(*call);
  if (action == WskInspectPend && call->socket->mark == 0 && Has(call->socket, kAbortEvent)) {
    WSK_INSPECT_ID id = *call->id;
    CallAbort(call->socket, &id);
  }
  return action;
}
// Inspections that the client completes from inside are left alone.
NTSTATUS NoteComplete(Request* request) {
  if (request->function == Function::kInspectComplete) InterlockedExchange(&request->socket->mark, 1);
  return Pass(request);
}
WSK_INSPECT_ACTION AbortAccepted(const InspectCall* call) { return AbortAnswered(call, WskInspectAccept); }
WSK_INSPECT_ACTION AbortRejected(const InspectCall* call) { return AbortAnswered(call, WskInspectReject); }

NTSTATUS AbortWithoutMode(AcceptCall* call) {
  Socket* socket = call->socket;
  if (call->made != nullptr && socket->owner->static_events == 0 && socket->conditional == 0 &&
      socket->mark == 0 && Has(socket, kAbortEvent)) {
    WSK_INSPECT_ID id = {1, 1};
    CallAbort(socket, &id);
  }
  return CallAccept(call);
}

// Sockets whose mode the client has touched are left alone.
NTSTATUS NoteMode(Request* request) {
  if (request->function == Function::kControl && request->control->code == SO_CONDITIONAL_ACCEPT) {
    InterlockedExchange(&request->socket->mark, 1);
  }
  return Pass(request);
}

WSK_INSPECT_ACTION AbortUnasked(const InspectCall* call) {
  if (call->id != nullptr && Has(call->socket, kAbortEvent)) {
    WSK_INSPECT_ID id = {call->id->Key + 7777, call->id->SerialNumber + 7777};
    CallAbort(call->socket, &id);
  }
  return CallInspect(*call);
}

NTSTATUS AbortDelivered(AcceptCall* call) {
  WSK_INSPECT_ID id;
  const bool known = call->made != nullptr && IdOf(call->made, &id);
  const NTSTATUS status = CallAccept(call);
  if (known && NT_SUCCESS(status) && Has(call->socket, kAbortEvent)) CallAbort(call->socket, &id);
  return status;
}

NTSTATUS HideAbortOfPended(Socket* socket, PWSK_INSPECT_ID id) {
  return HideAbort(socket, id, WskInspectPend);
}
NTSTATUS HideAbortOfAccepted(Socket* socket, PWSK_INSPECT_ID id) {
  return HideAbort(socket, id, WskInspectAccept);
}

NTSTATUS AbortWithOtherId(Socket* socket, PWSK_INSPECT_ID id) {
  const Inspected* request = FindRequest(socket, id);
  WSK_INSPECT_ID other = *id;
  if (request != nullptr && request->action != WskInspectReject && socket->closing == 0 && !Broken(socket))
    other.SerialNumber += 7777;
  return CallAbort(socket, &other);
}

// ---- What can be asked

// What reading the option gives, where the mode is on or off.
NTSTATUS ReadOtherwise(Request* request, bool on) {
  const Control* control = request->control;
  const bool reads = request->function == Function::kControl && control->type == WskGetOption &&
                     control->code == SO_CONDITIONAL_ACCEPT && request->irp != nullptr;
  if (reads && (request->socket->conditional != 0) == on) {
    request->socket->output = control->output;
    request->tag = 1;
  }
  return Pass(request);
}
NTSTATUS ReadOnAsOff(Request* request) { return ReadOtherwise(request, true); }
NTSTATUS ReadOffAsOn(Request* request) { return ReadOtherwise(request, false); }
NTSTATUS TurnOutput(Completion* completion) {
  if (completion->function == Function::kControl && completion->tag == 1 &&
      NT_SUCCESS(completion->irp->IoStatus.Status)) {
    *static_cast<ULONG*>(completion->socket->output) ^= 1;
  }
  return STATUS_SUCCESS;
}

bool AsksId(const Request& request) {
  return request.function == Function::kControl && request.control->type == WskIoctl &&
         request.control->code == SIO_WSK_QUERY_INSPECT_ID && request.irp == nullptr;
}
NTSTATUS TellOtherId(Request* request) {
  const NTSTATUS status = Pass(request);
  if (AsksId(*request) && NT_SUCCESS(status)) {
    static_cast<WSK_INSPECT_ID*>(request->control->output)->SerialNumber += 7777;
  }
  return status;
}
NTSTATUS RefuseIdDifferently(Request* request) {
  const NTSTATUS status = Pass(request);
  return AsksId(*request) && status == STATUS_INVALID_DEVICE_REQUEST ? STATUS_NOT_SUPPORTED : status;
}

const Saboteur kSaboteurs[] = {
    {.info = {"inspect-does-not-wait", "accept.conditional.after-inspection",
              "A connection is delivered while its inspection runs.", "npi", false},
     .request = CloseWaits,
     .inspect = DoNotWait},
    {.info = {"inspect-accepted-not-delivered", "inspect.accepted.delivered",
              "A request that WskInspectEvent accepts is not delivered.", "npi", false},
     .accept = RefuseInspected},
    {.info = {"inspect-rejected-accepted", "inspect.rejected.dropped",
              "A request that WskInspectEvent rejects is accepted.", "npi", false},
     .inspect = RejectedIsAccepted,
     .abort = HideAbortOfRejected},
    {.info = {"inspect-pended-accepted", "inspect.pended.waits", "A request that pends is accepted at once.",
              "npi", false},
     .inspect = PendedIsAccepted},
    {.info = {"inspect-complete-rejects", "inspect.complete.accepted.delivered",
              "A request that WskInspectComplete accepts is rejected.", "npi", false},
     .request = CompletedIsRejected},
    {.info = {"inspect-complete-accepts", "inspect.complete.rejected.dropped",
              "A request that WskInspectComplete rejects is accepted.", "npi", false},
     .request = CompletedIsAccepted},
    {.info = {"inspect-id-of-another", "inspect.id.unique", "A request gets the id of one that pends.", "npi",
              false},
     .inspect = SameId},
    {.info = {"inspect-event-other-family", "inspect.event.addresses",
              "WskInspectEvent gets a local address of another family.", "npi", false},
     .inspect = OtherFamily},
    {.info = {"inspect-told-dead", "inspect.null-id.means-dead",
              "WskInspectEvent comes without an id although the listening socket functions.", "npi", false},
     .inspect = TellDead},
    {.info = {"inspect-complete-success-fails", "inspect.complete.success",
              "The IRP of a WskInspectComplete that returned STATUS_SUCCESS fails.", "npi", false},
     .request = FailWithSuccess},
    {.info = {"inspect-complete-never-completes", "inspect.complete.pending",
              "The IRP of WskInspectComplete never completes.", "npi", false},
     .request = NeverComplete},
    {.info = {"inspect-complete-revives", "inspect.complete.aborted.not-established",
              "A request that was aborted is established when it is accepted.", "npi", false},
     .request = NoteComplete,
     .inspect = AbortPended},
    {.info = {"abort-and-deliver", "abort.not-delivered-too",
              "WskAbortEvent is called for a request that is then delivered.", "npi", false},
     .inspect = AbortAccepted},
    {.info = {"abort-rejected", "abort.rejected.none",
              "WskAbortEvent is called for a request that WskInspectEvent rejected.", "npi", false},
     .inspect = AbortRejected},
    {.info = {"abort-without-conditional-accept", "abort.only-conditional",
              "WskAbortEvent is called on a listening socket that is not in conditional-accept mode.", "npi",
              false},
     .request = NoteMode,
     .accept = AbortWithoutMode},
    {.info = {"abort-before-inspection", "abort.only-after-inspection",
              "WskAbortEvent is called for a request that was never inspected.", "npi", false},
     .inspect = AbortUnasked},
    {.info = {"abort-after-delivery", "abort.only-before-established",
              "WskAbortEvent is called for a connection that was delivered.", "npi", false},
     .accept = AbortDelivered},
    {.info = {"abort-of-pended-missing", "abort.pended.dropped.indicated",
              "WskAbortEvent is not called for a request that is dropped while it pends.", "npi", false},
     .abort = HideAbortOfPended},
    {.info = {"abort-of-accepted-missing", "abort.accepted.dropped.indicated",
              "WskAbortEvent is not called for an accepted request that is dropped.", "npi", false},
     .abort = HideAbortOfAccepted},
    {.info = {"abort-other-id", "abort.id.matches", "WskAbortEvent gets an id that no request had.", "npi",
              false},
     .abort = AbortWithOtherId},
    {.info = {"conditional-accept-reads-off", "inspect.option.reads-back",
              "SO_CONDITIONAL_ACCEPT reads 0 where it is on.", "npi", false},
     .request = ReadOnAsOff,
     .completing = TurnOutput},
    {.info = {"conditional-accept-reads-on", "inspect.default-off",
              "SO_CONDITIONAL_ACCEPT reads 1 on a new socket.", "npi", false},
     .request = ReadOffAsOn,
     .completing = TurnOutput},
    {.info = {"inspect-id-changes", "inspect.query-id.matches", "SIO_WSK_QUERY_INSPECT_ID gives another id.",
              "npi", false},
     .request = TellOtherId},
    {.info = {"inspect-id-not-supported", "inspect.query-id.elsewhere-refused",
              "SIO_WSK_QUERY_INSPECT_ID elsewhere returns STATUS_NOT_SUPPORTED.", "npi", false},
     .request = RefuseIdDifferently},
};

}  // namespace

const Topic kInspectTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
