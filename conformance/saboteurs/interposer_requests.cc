// Requests on their way down to the provider, and their IRPs' way back up.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

// What the interposer keeps in its stack location of an IRP.
struct Passing {
  Socket* socket;
  PVOID detail;          // kAccept: Socket*. kRegisterExtension: the output. Otherwise PWSK_BUF
  PVOID volatile phase;  // PassHeld only
  ULONG flags;
  Function function;
  UCHAR tag;
};
static_assert(sizeof(Passing) <= 4 * sizeof(PVOID));
Passing* PassingOf(PIRP irp) {
  return reinterpret_cast<Passing*>(&IoGetCurrentIrpStackLocation(irp)->Parameters.Others);
}

// Phases of PassHeld: the function runs, the IRP completed meanwhile and is held, the function has returned.
const PVOID kInside = reinterpret_cast<PVOID>(1);
const PVOID kHeld = reinterpret_cast<PVOID>(2);
const PVOID kReturned = reinterpret_cast<PVOID>(3);

// ---- The way back

// Puts the wrapped socket in the place of the provider's.
void AdoptFrom(PIRP irp, Socket* socket) {
  Adopt(socket, reinterpret_cast<WSK_SOCKET*>(irp->IoStatus.Information));
  if (socket->real != nullptr) irp->IoStatus.Information = reinterpret_cast<ULONG_PTR>(&socket->wsk);
}

void NoteSuccess(const Passing& passing, PIRP irp) {
  Socket* socket = passing.socket;
  switch (passing.function) {
    case Function::kSocket:
      return AdoptFrom(irp, socket);
    case Function::kSocketConnect:
      AdoptFrom(irp, socket);
      InterlockedExchange(&socket->bound, 1);
      [[fallthrough]];
    case Function::kConnect:
    case Function::kConnectEx:
      InterlockedExchange(&socket->connected, 1);
      return;
    case Function::kBind:
      InterlockedExchange(&socket->bound, 1);
      return;
    case Function::kAccept:
      if (passing.detail == nullptr) return;
      AdoptFrom(irp, static_cast<Socket*>(passing.detail));
      InterlockedExchange(&static_cast<Socket*>(passing.detail)->bound, 1);
      InterlockedExchange(&static_cast<Socket*>(passing.detail)->connected, 1);
      return;
    case Function::kRegisterExtension:
      return AdoptExtension(socket, static_cast<WSK_EXTENSION_CONTROL_OUT*>(passing.detail));
    default:
      return;
  }
}

NTSTATUS OnComplete(PDEVICE_OBJECT, PIRP irp, PVOID) {
  Passing* passing = PassingOf(irp);
  if (irp->PendingReturned) IoMarkIrpPending(irp);
  const Function function = passing->function;
  if (NT_SUCCESS(irp->IoStatus.Status)) NoteSuccess(*passing, irp);
  if (function == Function::kReceive) InterlockedDecrement(&passing->socket->receives_outstanding);
  bool after_return = false;
  if (passing->phase != nullptr) {
    if (InterlockedCompareExchangePointer(&passing->phase, kHeld, kInside) == kInside) {
      return STATUS_MORE_PROCESSING_REQUIRED;
    }
    after_return = true;
  }
  if (state.saboteur->completing == nullptr) return STATUS_SUCCESS;
  const bool accept = function == Function::kAccept, extension = function == Function::kRegisterExtension;
  PVOID detail = passing->detail;
  Completion completion = {passing->socket,
                           function,
                           passing->tag,
                           passing->flags,
                           after_return,
                           accept || extension ? nullptr : static_cast<PWSK_BUF>(detail),
                           accept ? static_cast<Socket*>(detail) : nullptr,
                           irp};
  return state.saboteur->completing(&completion);
}

// Prepares the provider's location below the interposer's.
void PrepareNext(PIRP irp) {
  IoCopyCurrentIrpStackLocationToNext(irp);
  IoSetCompletionRoutine(irp, OnComplete, nullptr, TRUE, TRUE, TRUE);
}

PVOID DetailOf(const Request& request) {
  switch (request.function) {
    case Function::kAccept:
      return request.accepting->made;
    case Function::kRegisterExtension:
      return request.control->output;
    default:
      return request.buffer;
  }
}

// Takes the interposer's location and prepares the provider's.
Passing* Push(Request* request, PVOID phase) {
  PIRP irp = request->irp;
  IoSetNextIrpStackLocation(irp);
  Passing* passing = PassingOf(irp);
  passing->socket = request->socket;
  passing->detail = DetailOf(*request);
  passing->phase = phase;
  passing->flags = request->flags;
  passing->function = request->function;
  passing->tag = request->tag;
  if (request->function == Function::kReceive) InterlockedIncrement(&request->socket->receives_outstanding);
  PrepareNext(irp);
  return passing;
}

NTSTATUS OnCompleteAlone(PDEVICE_OBJECT, PIRP irp, PVOID) {
  IoFreeIrp(irp);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

void Worker(PVOID parameter) {
  Socket* socket = static_cast<Socket*>(parameter);
  void (*routine)(Socket*) = socket->later;
  InterlockedExchange(&socket->later_queued, 0);
  routine(socket);
}

NTSTATUS ForwardCreation(const Request& r, PIRP irp) {
  const Creation& c = *r.creation;
  const WSK_PROVIDER_DISPATCH* real = r.socket->owner->real.Dispatch;
  if (r.function == Function::kSocket) {
    return real->WskSocket(c.client, c.family, c.type, c.protocol, c.flags, c.context, c.dispatch, c.process,
                           c.thread, c.security, irp);
  }
  return real->WskSocketConnect(c.client, c.type, c.protocol, c.local, c.remote, c.flags, c.context,
                                static_cast<const WSK_CLIENT_CONNECTION_DISPATCH*>(c.dispatch), c.process,
                                c.thread, c.security, irp);
}

void NoteEnabled(Socket* socket, ULONG mask) {
  if (socket->category == WSK_FLAG_LISTEN_SOCKET ||
      (socket->category == WSK_FLAG_STREAM_SOCKET && socket->connected == 0)) {
    if ((mask & kAllEvents) != 0) InterlockedIncrement(&socket->inherit_requests);
    InterlockedOr(&socket->inherit, static_cast<LONG>(mask & kAllEvents));
    mask &= ~kAllEvents;
  }
  InterlockedOr(&socket->enabled, static_cast<LONG>(mask));
  for (UCHAR i = 0; i < kEventCount; ++i) {
    if ((mask & kEventBits[i]) == 0) continue;
    socket->disables[i] = state.disables;
    if (mask == kEventBits[i]) {
      InterlockedOr(&socket->alone, static_cast<LONG>(mask));
    } else {
      InterlockedAnd(&socket->alone, ~static_cast<LONG>(kEventBits[i]));
    }
  }
}

bool IsSilentMode(const Request& request) {
  return request.function == Function::kControl && request.control->type == WskIoctl &&
         request.control->code == SIO_WSK_SET_TCP_SILENT_MODE;
}

bool IsConditionalAccept(const Request& request) {
  const Control* control = request.control;
  return request.function == Function::kControl && control->type == WskSetOption &&
         control->code == SO_CONDITIONAL_ACCEPT && control->level == SOL_SOCKET &&
         control->input != nullptr && control->input_size >= sizeof(ULONG);
}

}  // namespace

Socket* NewSocket(Client* owner, Function created, ULONG category, PVOID context) {
  const LONG index = InterlockedIncrement(&state.sockets_used) - 1;
  if (static_cast<ULONG>(index) >= kSockets) {
    InterlockedDecrement(&state.sockets_used);
    return nullptr;
  }
  Socket* socket = &state.sockets[index];
  socket->owner = owner;
  socket->category = category;
  socket->context = context;
  socket->created = created;
  KeInitializeEvent(&socket->done, NotificationEvent, FALSE);
  return socket;
}

NTSTATUS Run(Request* request) {
  Socket* socket = request->socket;
  const Function function = request->function;
  // From inside WskAcceptEvent.
  if (socket->accepting_context != nullptr) PublishAccepted(socket);
  if (function == Function::kReceive || function == Function::kReceiveEx) {
    InterlockedIncrement(&socket->receives);
    InterlockedExchange(&socket->suspended, 0);
  }
  if (function == Function::kDisable) InterlockedIncrement(&state.disables);
  if (function == Function::kInspectComplete && socket->inspects_pended > 0) {
    InterlockedDecrement(&socket->inspects_pended);
  }
  for (ULONG i = 0; i < kInspected && function == Function::kInspectComplete; ++i) {
    Inspected* one = &socket->inspected[i];
    const bool same =
        one->id.Key == request->inspect->Key && one->id.SerialNumber == request->inspect->SerialNumber;
    if (same) one->action = request->action;
  }
  if (function == Function::kClose) InterlockedExchange(&socket->closing, 1);
  const NTSTATUS status =
      state.saboteur->request != nullptr ? state.saboteur->request(request) : Pass(request);
  if (NT_SUCCESS(status) && function == Function::kEnable) {
    NoteEnabled(socket, request->events);
  } else if (NT_SUCCESS(status) && function == Function::kDisable) {
    InterlockedAnd(&socket->enabled, ~static_cast<LONG>(request->events));
  } else if (NT_SUCCESS(status) && IsSilentMode(*request)) {
    InterlockedExchange(&socket->silent, 1);
  } else if (NT_SUCCESS(status) && IsConditionalAccept(*request)) {
    InterlockedExchange(&socket->conditional, *static_cast<const ULONG*>(request->control->input) != 0);
  } else if (NT_SUCCESS(status) && function == Function::kRegisterExtension && request->irp == nullptr) {
    AdoptExtension(socket, static_cast<WSK_EXTENSION_CONTROL_OUT*>(request->control->output));
  }
  return status;
}

NTSTATUS Forward(const Request& r, PIRP irp) {
  if (r.creation != nullptr) return ForwardCreation(r, irp);
  WSK_SOCKET* socket = r.socket->real;
  const Functions& real = r.socket->functions;
  switch (r.function) {
    case Function::kBind:
      return real.bind(socket, r.address, r.flags, irp);
    case Function::kListen:
      return real.listen(socket, irp);
    case Function::kAccept:
      return real.accept(socket, r.flags, r.accepting->context, r.accepting->dispatch, r.accepting->local,
                         r.accepting->remote, irp);
    case Function::kInspectComplete:
      return real.inspect_complete(socket, r.inspect, r.action, irp);
    case Function::kConnect:
      return real.connect(socket, r.address, r.flags, irp);
    case Function::kConnectEx:
      return real.connect_ex(socket, r.address, r.buffer, r.flags, irp);
    case Function::kGetLocalAddress:
      return real.get_local_address(socket, r.address, irp);
    case Function::kGetRemoteAddress:
      return real.get_remote_address(socket, r.address, irp);
    case Function::kSend:
      return real.send(socket, r.buffer, r.flags, irp);
    case Function::kSendEx:
      return real.send_ex(socket, r.buffer, r.flags, r.control_info_length, r.control_info, irp);
    case Function::kReceive:
      return real.receive(socket, r.buffer, r.flags, irp);
    case Function::kReceiveEx:
      return real.receive_ex(socket, r.buffer, r.flags, r.control_length, r.control_info, r.control_flags,
                             irp);
    case Function::kDisconnect:
      return real.disconnect(socket, r.buffer, r.flags, irp);
    case Function::kSendTo:
      return real.send_to(socket, r.buffer, r.flags, r.address, r.control_info_length, r.control_info, irp);
    case Function::kSendMessages:
      return real.send_messages(socket, r.buffers, r.flags, r.address, r.control_info_length, r.control_info,
                                irp);
    case Function::kReceiveFrom:
      return real.receive_from(socket, r.buffer, r.flags, r.address, r.control_length, r.control_info,
                               r.control_flags, irp);
    case Function::kClose:
      return real.close(socket, irp);
    default: {
      const Control& c = *r.control;
      return real.control(socket, c.type, c.code, c.level, c.input_size, c.input, c.output_size, c.output,
                          c.returned, irp);
    }
  }
}

NTSTATUS Pass(Request* request) {
  if (request->irp == nullptr) return Forward(*request, nullptr);
  Push(request, nullptr);
  return Forward(*request, request->irp);
}

NTSTATUS PassHeld(Request* request, bool* held) {
  Passing* passing = Push(request, kInside);
  const NTSTATUS status = Forward(*request, request->irp);
  // Until this exchange the IRP cannot have gone back to the client, so the location is still ours.
  *held = InterlockedCompareExchangePointer(&passing->phase, kReturned, kInside) == kHeld;
  return status;
}

NTSTATUS PassWatched(Request* request, Function function) {
  if (request->function != function || request->irp == nullptr) return Pass(request);
  PIRP irp = request->irp;
  bool held;
  const NTSTATUS status = PassHeld(request, &held);
  if (held) IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status;
}

bool BringsWhatTheEventTells(const Completion& completion, Function function, EventIndex event) {
  const IO_STATUS_BLOCK& outcome = completion.irp->IoStatus;
  return completion.function == function && completion.after_return && outcome.Information != 0 &&
         NT_SUCCESS(outcome.Status) && Enabled(completion.socket, event) && Has(completion.socket, event);
}

void PassAgain(Completion* completion) {
  Request request = {};
  request.socket = completion->socket;
  request.function = completion->function;
  request.buffer = completion->buffer;
  request.flags = completion->flags;
  InterlockedIncrement(&request.socket->receives_outstanding);
  PrepareNext(completion->irp);
  Forward(request, completion->irp);
}

void AcceptAgain(Completion* completion, PVOID context, const WSK_CLIENT_CONNECTION_DISPATCH* dispatch) {
  Socket* before = completion->made;
  Socket* made = NewSocket(before->owner, Function::kAccept, WSK_FLAG_CONNECTION_SOCKET, context);
  if (made == nullptr) return CompleteKept(completion->irp, STATUS_INSUFFICIENT_RESOURCES);
  made->listener = completion->socket;
  made->local = before->local;
  made->remote = before->remote;
  const Accepting accepting = {
      made, made, static_cast<const WSK_CLIENT_CONNECTION_DISPATCH*>(WrapCallbacks(made, dispatch)),
      made->local, made->remote};
  Request request = {};
  request.socket = completion->socket;
  request.function = Function::kAccept;
  request.flags = completion->flags;
  request.accepting = &accepting;
  PassingOf(completion->irp)->detail = made;
  PrepareNext(completion->irp);
  Forward(request, completion->irp);
}

bool ForwardAlone(const Request& request) {
  PIRP irp = IoAllocateIrp(1, FALSE);
  if (irp == nullptr) return false;
  IoSetCompletionRoutine(irp, OnCompleteAlone, nullptr, TRUE, TRUE, TRUE);
  Forward(request, irp);
  return true;
}

NTSTATUS Answer(Request* request, NTSTATUS status, NTSTATUS irp_status) {
  PIRP irp = request->irp;
  if (irp == nullptr) return status;
  IoSetNextIrpStackLocation(irp);
  if (status == STATUS_PENDING) IoMarkIrpPending(irp);
  irp->IoStatus.Status = irp_status;
  irp->IoStatus.Information = 0;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status;
}

PIRP Keep(Request* request) {
  PIRP irp = request->irp;
  IoSetNextIrpStackLocation(irp);
  IoMarkIrpPending(irp);
  return irp;
}

void CompleteKept(PVOID kept, NTSTATUS status) {
  if (kept == nullptr) return;
  PIRP irp = static_cast<PIRP>(kept);
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = 0;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
}

NTSTATUS PassRelease(Socket* socket, PVOID list) {
  // An indication that the interposer made up, which the provider knows nothing of.
  if (list == &socket->made) return STATUS_SUCCESS;
  if (socket->category == WSK_FLAG_DATAGRAM_SOCKET) {
    return socket->functions.release_datagrams(socket->real, static_cast<PWSK_DATAGRAM_INDICATION>(list));
  }
  return socket->functions.release(socket->real, static_cast<PWSK_DATA_INDICATION>(list));
}

NTSTATUS SetEvents(Socket* socket, ULONG mask) {
  WSK_EVENT_CALLBACK_CONTROL control = {const_cast<PNPIID>(&NPI_WSK_INTERFACE_ID), mask};
  return socket->functions.control(socket->real, WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET,
                                   sizeof(control), &control, 0, nullptr, nullptr, nullptr);
}

bool Broken(Socket* socket) {
  SIZE_T backlog = 0, returned = 0;
  return socket->functions.control(socket->real, WskIoctl, SIO_WSK_QUERY_IDEAL_SEND_BACKLOG, 0, 0, nullptr,
                                   sizeof(backlog), &backlog, &returned,
                                   nullptr) == STATUS_FILE_FORCED_CLOSED;
}

bool IdOf(Socket* made, WSK_INSPECT_ID* id) {
  SIZE_T returned = 0;
  return made->functions.control(made->real, WskIoctl, SIO_WSK_QUERY_INSPECT_ID, 0, 0, nullptr, sizeof(*id),
                                 id, &returned, nullptr) == STATUS_SUCCESS;
}

bool Later(Socket* socket, void (*routine)(Socket* socket)) {
  if (InterlockedExchange(&socket->later_queued, 1) != 0) return false;
  socket->later = routine;
  ExInitializeWorkItem(&socket->work, Worker, socket);
  ExQueueWorkItem(&socket->work, DelayedWorkQueue);
  return true;
}

}  // namespace wskcert::saboteurs
