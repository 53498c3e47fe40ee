// IRPs of the executor: made with spare stack locations, whose upper ones have guard completion routines, so
// that a provider that completes an IRP twice is recorded instead of followed into freed memory.
#include "conformance/executor/session.h"

namespace wskcert {
namespace {

void RecordCompletion(IrpSlot* slot, IRP* irp, uint8_t seen_flags, uint32_t* stamp) {
  Session* session = slot->session;
  Observation* o = Reserve(session, Seen::kCompletion, stamp);
  if (o == nullptr) return;
  o->op = slot->op;
  o->socket = slot->socket;
  o->irp = slot->index;
  o->target = slot->target;
  o->begin = slot->begin;
  o->step = slot->step;
  o->seen_flags = seen_flags | (slot->teardown != 0 ? kSeenTeardown : 0) |
                  (irp->PendingReturned ? kSeenPendingReturned : 0);
  o->status = static_cast<Status>(irp->IoStatus.Status);
  o->information = irp->IoStatus.Information;
  const Op op = static_cast<Op>(slot->op);
  if (op == Op::kSocket || op == Op::kSocketConnect || op == Op::kAccept) {
    // A pointer would differ from run to run.
    o->information = irp->IoStatus.Information != 0 ? 1 : 0;
    o->seen_flags |= kSeenInformational;
  } else if (op == Op::kReceive && slot->bytes != nullptr && slot->socket != kNoSlot &&
             irp->IoStatus.Information != 0 && irp->IoStatus.Information <= slot->length) {
    SocketSlot* socket = &session->sockets[slot->socket];
    const uint32_t length = static_cast<uint32_t>(irp->IoStatus.Information);
    const Decoded decoded = Decode(session, socket, slot->bytes, length);
    o->length = length;
    o->offset = decoded.offset;
    o->content = static_cast<uint8_t>(decoded.content);
    o->peer = decoded.peer;
    if (decoded.content == Content::kExact) socket->received = decoded.offset + length;
  }
  Publish(o);
}

// What a completed call means for the slots that it named.
void TakeResult(IrpSlot* slot, IRP* irp) {
  Session* session = slot->session;
  const Op op = static_cast<Op>(slot->op);
  const bool success = NT_SUCCESS(irp->IoStatus.Status);
  if (op == Op::kSocket || op == Op::kSocketConnect || op == Op::kAccept) {
    SocketSlot* made = &session->sockets[op == Op::kAccept ? slot->target : slot->socket];
    WSK_SOCKET* socket = reinterpret_cast<WSK_SOCKET*>(irp->IoStatus.Information);
    if (success && socket != nullptr) {
      made->socket = socket;
      InterlockedExchange(&made->state, kSocketOpen);
    } else {
      if (success) Fault(session, FaultKind::kNullSocket, made->index, slot->index, slot->begin, 0);
      InterlockedExchange(&made->state, kSocketFailed);
      if (made->peer != kNoSlot) session->peers[made->peer].socket = kNoSlot;
    }
  } else if (op == Op::kClose) {
    SocketSlot* socket = &session->sockets[slot->socket];
    InterlockedExchange(&socket->state, kSocketClosed);
    if (socket->peer != kNoSlot && session->peers[socket->peer].socket == socket->index) {
      session->peers[socket->peer].socket = kNoSlot;
    }
  } else if ((op == Op::kConnect || op == Op::kConnectEx) && !success) {
    SocketSlot* socket = &session->sockets[slot->socket];
    if (socket->peer != kNoSlot) session->peers[socket->peer].socket = kNoSlot;
    socket->peer = kNoSlot;
  }
}

void SecondCompletion(IrpSlot* slot, IRP* irp) {
  uint32_t stamp;
  RecordCompletion(slot, irp, kSeenSecondCompletion, &stamp);
}

NTSTATUS OnComplete(PDEVICE_OBJECT, PIRP irp, PVOID context) {
  IrpSlot* slot = static_cast<IrpSlot*>(context);
  Session* session = slot->session;
  if (irp != slot->irp) {
    Fault(session, FaultKind::kBadIrp, slot->socket, slot->index, slot->begin, 0);
    return STATUS_MORE_PROCESSING_REQUIRED;
  }
  if (InterlockedCompareExchange(&slot->state, kIrpCompleted, kIrpOwned) != kIrpOwned) {
    SecondCompletion(slot, irp);
    return STATUS_MORE_PROCESSING_REQUIRED;
  }
  const bool passed_down = slot->style == static_cast<uint8_t>(IrpStyle::kPassedDown);
  uint32_t stamp;
  RecordCompletion(slot, irp, 0, &stamp);
  TakeResult(slot, irp);
  InterlockedDecrement(&session->outstanding);
  if (session->first_completion_script != kNoSlot) {
    Nested nested(session, stamp);
    RunCompletionScript(session, slot);
    uint32_t end_stamp;
    Observation* o = Reserve(session, Seen::kCompletionEnd, &end_stamp);
    if (o != nullptr) {
      o->irp = slot->index;
      o->begin = stamp;
      Publish(o);
    }
  }
  if (passed_down) {
    if (irp->PendingReturned) IoMarkIrpPending(irp);
    return STATUS_SUCCESS;
  }
  return STATUS_MORE_PROCESSING_REQUIRED;
}

// The locations above: reached once by a passed-down IRP, and otherwise only by a second completion.
NTSTATUS OnCompleteAbove(PDEVICE_OBJECT, PIRP irp, PVOID context) {
  IrpSlot* slot = static_cast<IrpSlot*>(context);
  if (slot->style == static_cast<uint8_t>(IrpStyle::kPassedDown) && slot->above_seen == 0) {
    slot->above_seen = 1;
  } else {
    SecondCompletion(slot, irp);
  }
  return STATUS_MORE_PROCESSING_REQUIRED;
}

void SetRoutine(IRP* irp, PIO_COMPLETION_ROUTINE routine, IrpSlot* slot) {
  IoSetCompletionRoutine(irp, routine, slot, TRUE, TRUE, TRUE);
}

}  // namespace

bool PrepareIrp(Session* session, IrpSlot* slot, IrpStyle style) {
  if (slot->state == kIrpOwned) return false;
  if (slot->irp == nullptr) {
    slot->irp = IoAllocateIrp(static_cast<CCHAR>(kIrpStackLocations), FALSE);
    if (slot->irp == nullptr) return false;
  } else {
    IoReuseIrp(slot->irp, STATUS_SUCCESS);
  }
  // From the top: two guards, then ours; one location below it is left to the provider, another to whoever
  // stands between.
  SetRoutine(slot->irp, OnCompleteAbove, slot);
  IoSetNextIrpStackLocation(slot->irp);
  SetRoutine(slot->irp, OnCompleteAbove, slot);
  IoSetNextIrpStackLocation(slot->irp);
  SetRoutine(slot->irp, OnComplete, slot);
  slot->style = static_cast<uint8_t>(style);
  slot->above_seen = 0;
  slot->bytes = nullptr;
  slot->length = 0;
  return true;
}

uint8_t* ArenaBytes(Session* session, uint32_t length) {
  const uint32_t rounded = (length + 15u) & ~15u;
  const LONG end = InterlockedAdd(&session->arena_used, static_cast<LONG>(rounded));
  if (static_cast<uint32_t>(end) > session->arena_size) {
    InterlockedAdd(&session->arena_used, -static_cast<LONG>(rounded));
    return nullptr;
  }
  return session->arena + static_cast<uint32_t>(end) - rounded;
}

bool PrepareBuffer(Session* session, IrpSlot* slot, uint32_t length) {
  slot->buffer.Mdl = nullptr;
  slot->buffer.Offset = 0;
  slot->buffer.Length = length;
  slot->length = length;
  if (length == 0) return true;
  slot->bytes = ArenaBytes(session, length);
  if (slot->bytes == nullptr) return false;
  MmInitializeMdl(&slot->memory.mdl, slot->bytes, length);
  MmBuildMdlForNonPagedPool(&slot->memory.mdl);
  slot->buffer.Mdl = &slot->memory.mdl;
  return true;
}

void FreeIrps(Session* session) {
  for (uint32_t i = 0; i < session->IrpCount(); ++i) {
    IrpSlot* slot = &session->irps[i];
    // One that the provider still owns is left alone: it may complete at any time, or never.
    if (slot->irp == nullptr || slot->state == kIrpOwned) continue;
    IoFreeIrp(slot->irp);
    slot->irp = nullptr;
  }
}

}  // namespace wskcert
