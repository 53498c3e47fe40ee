// Handing connections to the client: WskAccept and the accept event.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

constexpr ULONG kBits[] = {WSK_EVENT_RECEIVE, WSK_EVENT_DISCONNECT, WSK_EVENT_SEND_BACKLOG};

// What WskAccept was given, in the IRP's driver words.
struct AcceptArguments {
  PVOID context;
  const WSK_CLIENT_CONNECTION_DISPATCH* dispatch;
  PSOCKADDR local, remote;
};
static_assert(sizeof(AcceptArguments) <= 4 * sizeof(PVOID));

AcceptArguments* ArgumentsOf(PIRP irp) {
  return reinterpret_cast<AcceptArguments*>(irp->Tail.Overlay.DriverContext);
}

void WriteAddress(PSOCKADDR to, const SOCKADDR_INET* from) {
  if (to == nullptr) return;
  RtlCopyMemory(to, from, from->si_family == AF_INET ? sizeof(SOCKADDR_IN) : sizeof(SOCKADDR_IN6));
}

// With the listener's lock: enables on an accepted socket what the listening one enables for it; `late`: when
// WskAcceptEvent, which this thread is about to call, has returned.
void Inherit(const Socket* listener, Socket* request, bool late) {
  SocketLock lock(request);
  request->request.accepting = PsGetCurrentThreadId();
  for (UCHAR index = 0; index <= kBacklogEvent; ++index) {
    Event& event = request->events[index];
    if (listener->listen.inherited & kBits[index]) (late ? event.inherits : event.enabled) = TRUE;
  }
}

// With the lock: gives a waiting connection to a WskAccept, and sets the IRP's outcome. The new socket is
// referenced until the IRP is completed.
void HandOver(Socket* listener, Socket* request, PIRP irp) {
  AcceptArguments* arguments = ArgumentsOf(irp);
  WriteAddress(arguments->local, &request->request.local);
  WriteAddress(arguments->remote, &request->remote);
  DetachRequest(listener, request);
  Reference(request);
  {
    SocketLock lock(request);
    request->context = arguments->context;
    request->dispatch = arguments->dispatch;
    bool fixed = WspChoose(emulator::kChoiceStaticOnAccepted, 2) == 0;
    for (ULONG index = 0; index <= kBacklogEvent && !fixed; ++index) {
      request->events[index].fixed = request->events[index].enabled = FALSE;
    }
  }
  if (listener->listen.inherited != 0 && WspChoose(emulator::kChoiceInheritByFunction, 2) == 1) {
    Inherit(listener, request, /*late=*/false);
  }
  irp->IoStatus.Status = STATUS_SUCCESS;
  irp->IoStatus.Information = reinterpret_cast<ULONG_PTR>(request);
}

// With the lock: whether the event is still to be called that won a race with a WskAccept.
bool EventFirst(Socket* listener) {
  if (!CanBeCalled(listener, kAcceptEvent)) listener->event_first = FALSE;
  return listener->event_first;
}

// With the lock: as Start of a receive.
NTSTATUS StartAccept(Socket* socket, PIRP irp, ULONG flags) {
  if (socket->broken) return STATUS_FILE_FORCED_CLOSED;
  if (flags != 0) return STATUS_INVALID_PARAMETER;
  if (!socket->listen.listening) return STATUS_INVALID_DEVICE_STATE;
  Socket* request = FindRequest(socket, RequestState::kWaiting);
  bool first = request != nullptr && IsListEmpty(&socket->receives);
  socket->event_first =
      first && LosesRace(socket, kAcceptEvent, emulator::kChoiceAcceptRace) ? TRUE : socket->event_first;
  if (!first || socket->event_first) {
    return Pend(socket, &socket->receives, irp) ? STATUS_PENDING : STATUS_CANCELLED;
  }
  HandOver(socket, request, irp);
  return STATUS_SUCCESS;
}

}  // namespace

void FillAccepts(Socket* listener, PLIST_ENTRY done) {
  while (!listener->broken && !IsListEmpty(&listener->receives)) {
    Socket* request = FindRequest(listener, RequestState::kWaiting);
    if (request == nullptr || EventFirst(listener)) return;
    PIRP irp = IrpOf(listener->receives.Flink);
    if (!Unpend(irp)) continue;
    HandOver(listener, request, irp);
    InsertTailList(done, &irp->Tail.Overlay.ListEntry);
  }
}

NTSTATUS WSKAPI WspAccept(PWSK_SOCKET wsk, ULONG flags, PVOID context,
                          CONST WSK_CLIENT_CONNECTION_DISPATCH* dispatch, PSOCKADDR local, PSOCKADDR remote,
                          PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_accept.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  TakeIrp(irp, socket, RequestKind::kAccept);
  *ArgumentsOf(irp) = {context, dispatch, local, remote};
  NTSTATUS status;
  {
    SocketLock lock(socket);
    status = StartAccept(socket, irp, flags);
  }
  call.Leave();
  if (status == STATUS_PENDING) return status;
  if (status == STATUS_CANCELLED) {
    AnswerNow(socket, irp, status, 0);
    return STATUS_PENDING;
  }
  // The page promises success at once when a connection waits.
  return NT_SUCCESS(status) ? AnswerNow(socket, irp, status, irp->IoStatus.Information)
                            : Answer(socket, irp, status, 0);
}

// ---- The accept event

namespace {

bool Listening(const Socket* socket) { return socket->listen.listening; }

bool HasFunction(const Socket* socket, UCHAR event) {
  const WSK_CLIENT_LISTEN_DISPATCH* functions = socket->listen.dispatch;
  if (functions == nullptr) return false;
  switch (event) {
    case kAcceptEvent:
      return functions->WskAcceptEvent != nullptr;
    case kInspectEvent:
      return functions->WskInspectEvent != nullptr;
    case kAbortEvent:
      return functions->WskAbortEvent != nullptr;
    default:
      return false;
  }
}

bool Wanted(const Socket* socket, UCHAR event) {
  switch (event) {
    case kAcceptEvent:
      if (socket->broken) return socket->null_due != 0;
      return (IsListEmpty(&socket->receives) || socket->event_first) &&
             FindRequest(socket, RequestState::kWaiting) != nullptr;
    case kInspectEvent:
      if (socket->broken) return socket->listen.inspect_null_due != 0;
      return FindRequest(socket, RequestState::kInspectDue) != nullptr;
    case kAbortEvent:
      return FindRequest(socket, RequestState::kAbortDue) != nullptr;
    default:
      return false;
  }
}

void Prepare(Socket* socket, UCHAR event, Delivery* delivery) {
  if (event == kInspectEvent) return PrepareInspect(socket, delivery);
  if (event == kAbortEvent) return PrepareAbort(socket, delivery);
  if (socket->broken || socket->breaking) {
    --socket->null_due;
    return;
  }
  socket->event_first = FALSE;
  Socket* request = FindRequest(socket, RequestState::kWaiting);
  DetachRequest(socket, request);
  Reference(request);
  delivery->request = request;
  if (socket->listen.inherited == 0) return;
  Inherit(socket, request, WspChoose(emulator::kChoiceInheritMoment, 2) == 1);
}

NTSTATUS CallAccept(Socket* socket, const Delivery* delivery) {
  SOCKADDR_INET local = {};
  SOCKADDR_INET remote = {};
  local.si_family = remote.si_family = socket->family;
  PVOID no_context = nullptr;
  const WSK_CLIENT_CONNECTION_DISPATCH* no_dispatch = nullptr;
  Socket* request = delivery->request;
  if (request != nullptr) {
    local = request->request.local;
    remote = request->remote;
  }
  // What the client stores counts at once: it may enable events before it returns.
  NTSTATUS status = socket->listen.dispatch->WskAcceptEvent(
      socket->context, delivery->flags, reinterpret_cast<PSOCKADDR>(&local),
      reinterpret_cast<PSOCKADDR>(&remote), request != nullptr ? &request->wsk : nullptr,
      request != nullptr ? &request->context : &no_context,
      request != nullptr ? &request->dispatch : &no_dispatch);
  // The addresses are valid during the call only.
  RtlFillMemory(&local, sizeof local, 0xDD);
  RtlFillMemory(&remote, sizeof remote, 0xDD);
  return status;
}

NTSTATUS CallClient(Socket* socket, UCHAR event, Delivery* delivery) {
  if (event == kInspectEvent) return CallInspect(socket, delivery);
  return event == kAbortEvent ? CallAbort(socket, delivery) : CallAccept(socket, delivery);
}

void FinishAccept(Socket* socket, const Delivery* delivery, NTSTATUS status) {
  const char* page = "nc-wsk-pfn_wsk_accept_event.md";
  Socket* request = delivery->request;
  // The listening socket is dead: nothing was offered that a status could accept or refuse.
  if (request == nullptr) return;
  if (status != STATUS_SUCCESS && status != STATUS_REQUEST_NOT_ACCEPTED) {
    WspMisuse("an accept event callback that returned a status that the page does not list", page, socket);
  }
  if (status == STATUS_SUCCESS) {
    StartEvents(request);
  } else if (request->state != SocketState::kOpen) {
    WspMisuse("an accept event callback that closed the accepted socket and then refused it", page, socket);
  } else {
    CloseSocket(request);
  }
  Release(request);
}

void Finish(Socket* socket, UCHAR event, Delivery* delivery, NTSTATUS status) {
  if (event == kInspectEvent) return FinishInspect(socket, delivery, status);
  if (event == kAbortEvent) return FinishAbort(socket, delivery, status);
  FinishAccept(socket, delivery, status);
}

}  // namespace

const EventRules kListenRules = {
    {WSK_EVENT_ACCEPT}, kConnectionEvents, Listening, HasFunction, Wanted, Prepare, CallClient, Finish};

}  // namespace wskcert::provider
