// Calls to the provider: the guards before them, the stamps around them, and one function for each WSK
// function.
#include "conformance/executor/pattern.h"
#include "conformance/executor/session.h"

namespace wskcert {
namespace {

const NPIID kForeignNpi = {0x7D3A0C51, 0x51E4, 0x4C0B, {0x9B, 0x0E, 0x44, 0x13, 0x72, 0x9A, 0x60, 0x1D}};
const NPIID kWskNpiCopy = {0x2227E803, 0x8D8B, 0x11D4, {0xAB, 0xAD, 0x00, 0x90, 0x27, 0x71, 0x9E, 0x09}};

const NPIID* NpiPointer(uint8_t npi) {
  switch (static_cast<Npi>(npi)) {
    case Npi::kWsk:
      return &NPI_WSK_INTERFACE_ID;
    case Npi::kWskCopy:
      return &kWskNpiCopy;
    case Npi::kNull:
      return nullptr;
    default:
      return &kForeignNpi;
  }
}

bool InThisTable(const SocketSlot* socket, Op op) {
  const Category category = static_cast<Category>(socket->category);
  switch (op) {
    case Op::kClose:
    case Op::kEventCallback:
    case Op::kGetEventCallback:
    case Op::kQuerySendBacklog:
    case Op::kRegisterExtension:
      return true;
    default:
      return category == Category::kConnection;
  }
}

const WSK_PROVIDER_BASIC_DISPATCH* Basic(const SocketSlot* socket) {
  return static_cast<const WSK_PROVIDER_BASIC_DISPATCH*>(socket->socket->Dispatch);
}
const WSK_PROVIDER_CONNECTION_DISPATCH* Connection(const SocketSlot* socket) {
  return static_cast<const WSK_PROVIDER_CONNECTION_DISPATCH*>(socket->socket->Dispatch);
}

// Makes the call, between its stamps, if the provider's table has the function; else records a skip.
#define WSKCERT_CALL(call, length, offset, function, ...) \
  do {                                                    \
    auto* const function_ = (function);                   \
    if (function_ == nullptr) {                           \
      AbandonCall((call), SkipReason::kNoFunction);       \
    } else {                                              \
      BeginCall((call), (length), (offset), 0);           \
      EndCall((call), function_(__VA_ARGS__));            \
    }                                                     \
  } while (false)

// Gives back what OpenCall took, for a call that is not made after all. Only before BeginCall.
void GiveBack(Call* call) {
  if (call->irp != nullptr) {
    InterlockedExchange(&call->irp->state, kIrpFree);
  }
  if (call->socket != nullptr) InterlockedDecrement(&call->socket->references);
}

void AbandonCall(Call* call, SkipReason reason) {
  Skip(call->session, call->step, call->step_index, reason);
  GiveBack(call);
}

bool FillControl(const ProgramStep* step, WSK_EVENT_CALLBACK_CONTROL* control) {
  control->NpiId = const_cast<NPIID*>(NpiPointer(step->npi));
  control->EventMask = step->mask;
  return true;
}

void EventCallback(Call* call) {
  const ProgramStep* step = call->step;
  SocketSlot* socket = call->socket;
  auto* function = Basic(socket)->WskControlSocket;
  if (function == nullptr) return AbandonCall(call, SkipReason::kNoFunction);
  // The buffer of a pended disable stays valid until the IRP completes; without one it need not outlive the
  // call.
  WSK_EVENT_CALLBACK_CONTROL on_stack;
  WSK_EVENT_CALLBACK_CONTROL* control = call->irp != nullptr ? &call->irp->control : &on_stack;
  FillControl(step, control);
  const SIZE_T size = step->size != 0 ? step->size : sizeof(*control);
  BeginCall(call, static_cast<uint32_t>(size), 0, step->npi);
  EndCall(call, function(socket->socket, WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET, size, control, 0,
                         nullptr, nullptr, IrpOf(*call)));
}

void QueryControl(Call* call, WSK_CONTROL_SOCKET_TYPE type, ULONG code, ULONG level) {
  SocketSlot* socket = call->socket;
  auto* function = Basic(socket)->WskControlSocket;
  if (function == nullptr) return AbandonCall(call, SkipReason::kNoFunction);
  ULONG on_stack = 0;
  ULONG* output = call->irp != nullptr ? &call->irp->data.value : &on_stack;
  SIZE_T returned = 0;
  BeginCall(call, sizeof(*output), 0, 0);
  EndCall(call, function(socket->socket, type, code, level, 0, nullptr, sizeof(*output), output,
                         call->irp != nullptr ? nullptr : &returned, IrpOf(*call)));
}

void Transfer(Call* call) {
  Session* session = call->session;
  const ProgramStep* step = call->step;
  SocketSlot* socket = call->socket;
  const Op op = static_cast<Op>(step->op);
  // The pages require an IRP here; without one there is also no buffer that could outlive the call.
  if (call->irp == nullptr) return AbandonCall(call, SkipReason::kEmptySlot);
  if (!PrepareBuffer(session, call->irp, step->length)) return AbandonCall(call, SkipReason::kLimit);
  WSK_BUF* buffer = &call->irp->buffer;
  if (op == Op::kReceive) {
    WSKCERT_CALL(call, step->length, 0, Connection(socket)->WskReceive, socket->socket, buffer, step->flags,
                 IrpOf(*call));
    return;
  }
  const uint64_t offset = socket->sent;
  if (step->length != 0 && socket->peer != kNoSlot) {
    FillPattern(StreamId(socket->peer, session->peers[socket->peer].generation, true), offset,
                call->irp->bytes, step->length);
    socket->sent = offset + step->length;
  }
  if (op == Op::kDisconnect) {
    WSKCERT_CALL(call, step->length, offset, Connection(socket)->WskDisconnect, socket->socket,
                 step->length != 0 ? buffer : nullptr, step->flags, IrpOf(*call));
  } else {
    WSKCERT_CALL(call, step->length, offset, Connection(socket)->WskSend, socket->socket, buffer, step->flags,
                 IrpOf(*call));
  }
}

void Wildcard(const Session* session, uint8_t* address) {
  for (uint32_t i = 0; i < sizeof(SOCKADDR_IN6); ++i) address[i] = 0;
  reinterpret_cast<SOCKADDR*>(address)->sa_family = session->header->ipv6 ? AF_INET6 : AF_INET;
}

void Connect(Call* call) {
  Session* session = call->session;
  const ProgramStep* step = call->step;
  SocketSlot* socket = call->socket;
  alignas(8) uint8_t on_stack[32];
  uint8_t* address = call->irp != nullptr ? call->irp->data.address : on_stack;
  if (session->environment.PeerAddress(session->environment.context, step->peer, session->header->ipv6 != 0,
                                       address) == 0) {
    return AbandonCall(call, SkipReason::kNotHere);
  }
  PeerSlot* peer = &session->peers[step->peer];
  if (peer->socket != kNoSlot || socket->peer != kNoSlot) return AbandonCall(call, SkipReason::kFullSlot);
  peer->socket = socket->index;
  ++peer->generation;
  peer->sent = 0;
  peer->received = 0;
  socket->peer = step->peer;
  WSKCERT_CALL(call, 0, 0, Connection(socket)->WskConnect, socket->socket,
               reinterpret_cast<PSOCKADDR>(address), 0, IrpOf(*call));
}

void Release(Call* call) {
  Session* session = call->session;
  RetainedSlot* slot = &session->retained[call->step->target];
  if (call->step->target == kNoSlot || slot->state != 1 || slot->socket != call->socket->index) {
    return AbandonCall(call, SkipReason::kEmptySlot);
  }
  InterlockedExchange(&slot->state, 2);
  InterlockedDecrement(&call->socket->retained);
  WSKCERT_CALL(call, 0, 0, Connection(call->socket)->WskRelease, call->socket->socket, slot->list);
}

void Close(Call* call) {
  SocketSlot* socket = call->socket;
  auto* function = Basic(socket)->WskCloseSocket;
  if (function == nullptr) return AbandonCall(call, SkipReason::kNoFunction);
  InterlockedExchange(&socket->state, kSocketClosing);
  BeginCall(call, 0, 0, 0);
  EndCall(call, function(socket->socket, IrpOf(*call)));
}

// The guards of closing-a-socket: nothing else in the socket's functions, nothing of it retained, and only
// once.
bool MayClose(Session* session, const ProgramStep* step, uint32_t step_index, SocketSlot* socket) {
  if ((step->step_flags & kStepUnguarded) != 0) return true;
  if (socket->references != 1) {
    Skip(session, step, step_index, SkipReason::kCallsInProgress);
  } else if (socket->retained != 0) {
    Skip(session, step, step_index, SkipReason::kRetainedLists);
  } else {
    return true;
  }
  return false;
}

}  // namespace

bool OpenCall(Session* session, const ProgramStep* step, uint32_t step_index, SocketSlot* socket,
              Call* call) {
  *call = {session, step, socket, nullptr, step_index, kNoIndex, 0, kNoIndex, KeGetCurrentIrql(), 0, 0};
  if (step->irql == kDispatchLevel) call->level = DISPATCH_LEVEL;
  if (!MayNest(session)) {
    Skip(session, step, step_index, SkipReason::kLimit);
    return false;
  }
  const bool creates =
      static_cast<Op>(step->op) == Op::kSocket || static_cast<Op>(step->op) == Op::kSocketConnect;
  if (socket != nullptr && !creates) {
    InterlockedIncrement(&socket->references);
    const LONG state = socket->state;
    const bool usable =
        state == kSocketOpen || ((step->step_flags & kStepUnguarded) != 0 && socket->socket != nullptr);
    if (!usable || !InThisTable(socket, static_cast<Op>(step->op))) {
      InterlockedDecrement(&socket->references);
      Skip(session, step, step_index,
           usable ? SkipReason::kNoFunction
           : state == kSocketEmpty || state == kSocketCreating || state == kSocketFailed
               ? SkipReason::kEmptySlot
               : SkipReason::kClosing);
      return false;
    }
    if (static_cast<Op>(step->op) == Op::kClose && !MayClose(session, step, step_index, socket)) {
      InterlockedDecrement(&socket->references);
      return false;
    }
  }
  if (step->irp != kNoSlot) {
    IrpSlot* irp = &session->irps[step->irp];
    if (!PrepareIrp(session, irp, static_cast<IrpStyle>(step->irp_style))) {
      if (socket != nullptr && !creates) InterlockedDecrement(&socket->references);
      Skip(session, step, step_index, SkipReason::kFullSlot);
      return false;
    }
    irp->op = step->op;
    irp->socket = socket != nullptr ? socket->index : kNoSlot;
    irp->target = step->target;
    irp->step = step_index;
    irp->teardown = 0;
    InterlockedExchange(&irp->state, kIrpOwned);
    call->irp = irp;
  }
  if (creates) call->socket = socket;
  return true;
}

void BeginCall(Call* call, uint32_t length, uint64_t offset, uint8_t code) {
  Session* session = call->session;
  const ProgramStep* step = call->step;
  call->teardown = call->step_index == kNoIndex ? 1 : 0;
  if (call->level != KeGetCurrentIrql()) {
    KeRaiseIrql(call->level, &call->old_level);
  } else {
    call->old_level = call->level;
  }
  if (call->irp != nullptr) {
    InterlockedIncrement(&session->outstanding);
    call->irp->teardown = call->teardown;
  }
  Observation* o = Reserve(session, Seen::kCallBegin, &call->begin);
  if (call->irp != nullptr) call->irp->begin = call->begin;
  if (o != nullptr) {
    o->op = step->op;
    o->socket = call->socket != nullptr ? call->socket->index : kNoSlot;
    o->step = call->step_index;
    o->irp = step->irp;
    o->peer = step->peer;
    o->target = step->target;
    o->flags = step->flags;
    o->mask = step->mask;
    o->length = length;
    o->offset = offset;
    o->code = code;
    o->seen_flags = (call->irp != nullptr ? kSeenIrp : 0) | (call->teardown != 0 ? kSeenTeardown : 0) |
                    ((step->step_flags & kStepUnguarded) != 0 ? kSeenUnguarded : 0);
    Publish(o);
  }
  // From here on this call is the innermost on its thread; EndCall undoes it.
  call->thread = session->environment.ThreadNumber(session->environment.context);
  if (call->thread < kTrackedThreads) {
    call->outer = session->innermost[call->thread];
    session->innermost[call->thread] = call->begin;
    ++session->depth[call->thread];
  }
}

void EndCall(Call* call, NTSTATUS status) {
  Session* session = call->session;
  const KIRQL level = KeGetCurrentIrql();
  if (call->thread < kTrackedThreads) {
    session->innermost[call->thread] = call->outer;
    --session->depth[call->thread];
  }
  uint32_t stamp;
  Observation* o = Reserve(session, Seen::kCallEnd, &stamp);
  if (o != nullptr) {
    o->op = call->step->op;
    o->socket = call->socket != nullptr ? call->socket->index : kNoSlot;
    o->irp = call->step->irp;
    o->begin = call->begin;
    o->step = call->step_index;
    o->status = static_cast<Status>(status);
    Publish(o);
  }
  if (level != call->level) {
    Fault(session, FaultKind::kIrqlChanged, call->socket != nullptr ? call->socket->index : kNoSlot, kNoSlot,
          call->begin, level);
    if (level > call->level) KeLowerIrql(call->level);
  }
  if (call->old_level != call->level && KeGetCurrentIrql() > call->old_level) KeLowerIrql(call->old_level);
  const Op op = static_cast<Op>(call->step->op);
  if (op == Op::kClose && call->irp == nullptr && NT_SUCCESS(status)) {
    InterlockedExchange(&call->socket->state, kSocketClosed);
  }
  if (call->socket != nullptr && op != Op::kSocket && op != Op::kSocketConnect) {
    InterlockedDecrement(&call->socket->references);
  }
}

void RunSocketCall(Session* session, const ProgramStep* step, uint32_t step_index) {
  const Op op = static_cast<Op>(step->op);
  SocketSlot* socket = &session->sockets[step->socket];
  Call call;
  if (!OpenCall(session, step, step_index, socket, &call)) return;
  switch (op) {
    case Op::kBind: {
      alignas(8) uint8_t on_stack[32];
      uint8_t* address = call.irp != nullptr ? call.irp->data.address : on_stack;
      Wildcard(session, address);
      WSKCERT_CALL(&call, 0, 0, Connection(socket)->WskBind, socket->socket,
                   reinterpret_cast<PSOCKADDR>(address), 0, IrpOf(call));
      return;
    }
    case Op::kConnect:
      return Connect(&call);
    case Op::kEventCallback:
      return EventCallback(&call);
    case Op::kGetEventCallback:
      return QueryControl(&call, WskGetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET);
    case Op::kQuerySendBacklog:
      return QueryControl(&call, WskIoctl, SIO_WSK_QUERY_IDEAL_SEND_BACKLOG, 0);
    case Op::kSend:
    case Op::kReceive:
    case Op::kDisconnect:
      return Transfer(&call);
    case Op::kRelease:
      return Release(&call);
    case Op::kGetLocalAddress:
    case Op::kGetRemoteAddress: {
      alignas(8) uint8_t on_stack[32];
      uint8_t* address = call.irp != nullptr ? call.irp->data.address : on_stack;
      WSKCERT_CALL(&call, 0, 0,
                   op == Op::kGetLocalAddress ? Connection(socket)->WskGetLocalAddress
                                              : Connection(socket)->WskGetRemoteAddress,
                   socket->socket, reinterpret_cast<PSOCKADDR>(address), IrpOf(call));
      return;
    }
    case Op::kClose:
      return Close(&call);
    default:
      return AbandonCall(&call, SkipReason::kNotHere);
  }
}

}  // namespace wskcert
