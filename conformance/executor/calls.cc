// Calls to the provider: the guards before them and the stamps around them.
#include "conformance/executor/session.h"

namespace wskcert {
namespace {

bool Guarded(const Session* session, const ProgramStep* step) {
  return session->environment.always_guarded || (step->step_flags & kStepUnguarded) == 0;
}

// The guards of closing-a-socket: nothing else in the socket's functions, nothing of it retained, and only
// once. The state is changed first and the counter read then, while other calls count first and read the
// state then: one of two that meet sees the other.
bool MayClose(Session* session, const ProgramStep* step, uint32_t step_index, SocketSlot* socket) {
  if (!Guarded(session, step)) return true;
  SkipReason reason = SkipReason::kClosing;
  if (InterlockedCompareExchange(&socket->state, kSocketClosing, kSocketOpen) == kSocketOpen) {
    if (CountOf(&socket->references) != 1) {
      reason = SkipReason::kCallsInProgress;
    } else if (CountOf(&socket->retained) != 0) {
      reason = SkipReason::kRetainedLists;
    } else {
      return true;
    }
    InterlockedExchange(&socket->state, kSocketOpen);
  }
  Skip(session, step, step_index, reason);
  return false;
}

// Gives back what OpenCall took of the socket, for a call that is not made after all.
void LeaveSocket(const Session* session, const ProgramStep* step, SocketSlot* socket) {
  const Op op = static_cast<Op>(step->op);
  if (socket == nullptr || op == Op::kSocket || op == Op::kSocketConnect) return;
  if (op == Op::kClose && Guarded(session, step)) InterlockedExchange(&socket->state, kSocketOpen);
  CountDown(&socket->references);
}

// Whether the function takes an IRP at all. A step may name one all the same; nobody would ever complete it.
bool TakesIrp(Op op) {
  switch (op) {
    case Op::kRegister:
    case Op::kCapture:
    case Op::kQueryCharacteristics:
    case Op::kReleaseNpi:
    case Op::kDeregister:
    case Op::kRelease:
    case Op::kPing:
      return false;
    default:
      return true;
  }
}

// The IRP that a step works with.
uint32_t IrpOf(const ProgramStep* step) { return TakesIrp(static_cast<Op>(step->op)) ? step->irp : kNoSlot; }

}  // namespace

bool OpenCall(Session* session, const ProgramStep* step, uint32_t step_index, SocketSlot* socket,
              Call* call) {
  *call = {session, step, socket, nullptr, step_index, kNoIndex, 0, kNoIndex, KeGetCurrentIrql(), 0, 0};
  // Where levels cannot be seen, raising to one changes nothing.
  const bool levels =
      (session->environment.capabilities & static_cast<uint64_t>(Capability::kIrqlVisible)) != 0;
  if (step->irql == kDispatchLevel && levels) call->level = DISPATCH_LEVEL;
  if (!MayNest(session)) {
    Skip(session, step, step_index, SkipReason::kLimit);
    return false;
  }
  const bool creates =
      static_cast<Op>(step->op) == Op::kSocket || static_cast<Op>(step->op) == Op::kSocketConnect;
  if (socket != nullptr && !creates) {
    CountUp(&socket->references);
    const LONG state = ReadAcquire(&socket->state);
    const bool usable = state == kSocketOpen || (!Guarded(session, step) && socket->socket != nullptr);
    if (!usable) {
      CountDown(&socket->references);
      const bool never_was = state == kSocketEmpty || state == kSocketCreating || state == kSocketFailed;
      Skip(session, step, step_index, never_was ? SkipReason::kEmptySlot : SkipReason::kClosing);
      return false;
    }
    if (static_cast<Op>(step->op) == Op::kClose && !MayClose(session, step, step_index, socket)) {
      CountDown(&socket->references);
      return false;
    }
  }
  if (IrpOf(step) != kNoSlot) {
    IrpSlot* irp = &session->irps[step->irp];
    if (!PrepareIrp(session, irp, static_cast<IrpStyle>(step->irp_style))) {
      LeaveSocket(session, step, socket);
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

void AbandonCall(Call* call, SkipReason reason) {
  Skip(call->session, call->step, call->step_index, reason);
  if (call->irp != nullptr) InterlockedExchange(&call->irp->state, kIrpFree);
  LeaveSocket(call->session, call->step, call->socket);
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
    if (call->irp->endless == 0) CountUp(&session->outstanding);
    call->irp->teardown = call->teardown;
  }
  Observation* o = Reserve(session, Seen::kCallBegin, &call->begin);
  if (call->irp != nullptr) call->irp->begin = call->begin;
  if (o != nullptr) {
    o->op = step->op;
    o->socket = call->socket != nullptr ? call->socket->index : kNoSlot;
    o->step = call->step_index;
    o->irp = IrpOf(step);
    o->peer = step->peer;
    o->target = step->target;
    o->flags = step->flags;
    o->mask = step->mask;
    o->length = length;
    o->offset = offset;
    o->code = code;
    o->content = static_cast<uint8_t>(static_cast<Op>(step->op) < Op::kBind ? step->client : 0);
    o->seen_flags = (call->irp != nullptr ? kSeenIrp : 0) | (call->teardown != 0 ? kSeenTeardown : 0) |
                    (Guarded(session, step) ? 0 : kSeenUnguarded);
    Publish(o);
  }
  // From here on this call is the innermost on its thread; EndCall undoes it.
  call->thread = session->environment.ThreadNumber(session->environment.context);
  if (call->thread < kTrackedThreads) {
    call->outer = session->innermost[call->thread];
    session->innermost[call->thread] = call->begin;
    ++session->depth[call->thread];
  }
  Dally(session, Edge::kEntry);
}

void EndCall(Call* call, NTSTATUS status, uint64_t information, uint64_t value, uint32_t id) {
  Session* session = call->session;
  const KIRQL level = KeGetCurrentIrql();
  Dally(session, Edge::kReturn);
  if (call->thread < kTrackedThreads) {
    session->innermost[call->thread] = call->outer;
    --session->depth[call->thread];
  }
  uint32_t stamp;
  Observation* o = Reserve(session, Seen::kCallEnd, &stamp);
  if (o != nullptr) {
    o->op = call->step->op;
    o->socket = call->socket != nullptr ? call->socket->index : kNoSlot;
    o->irp = IrpOf(call->step);
    o->begin = call->begin;
    o->step = call->step_index;
    o->status = static_cast<Status>(status);
    o->information = information;
    o->offset = value;
    if (id != 0) {
      o->mask = id;
      o->target = InspectSlotOf(session, id);
    }
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
    CountDown(&call->socket->references);
  }
}

}  // namespace wskcert
