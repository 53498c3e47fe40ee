// IRPs of the executor: made with spare stack locations, whose upper ones have guard completion routines, so
// that a provider that completes an IRP twice is recorded instead of followed into freed memory.
#include "conformance/executor/session.h"

namespace wskcert {
namespace {

// The bytes that a WskReceive brought.
void DescribeBytes(const IrpSlot* slot, const IRP* irp, Observation* o) {
  Session* session = slot->session;
  const uint64_t received = irp->IoStatus.Information;
  if (slot->bytes == nullptr || slot->socket == kNoSlot || received == 0 || received > slot->length) return;
  SocketSlot* socket = &session->sockets[slot->socket];
  const uint32_t length = static_cast<uint32_t>(received);
  const Decoded decoded = Decode(session, socket, slot->bytes, length);
  Received(socket, decoded, length);
  if (decoded.content == Content::kCorrupt) o->mask = LeadingBytes(session, socket, slot->bytes, length);
  o->length = length;
  o->offset = decoded.offset;
  o->content = static_cast<uint8_t>(decoded.content);
  o->peer = decoded.peer;
}

// ... or the datagram that a WskReceiveFrom did.
void DescribeDatagram(const IrpSlot* slot, const IRP* irp, Observation* o) {
  Session* session = slot->session;
  const uint64_t received = irp->IoStatus.Information;
  if (!NT_SUCCESS(irp->IoStatus.Status) || received > slot->length) return;
  const uint32_t peer =
      session->environment.PeerOfAddress(session->environment.context, slot->data.address[0]);
  const uint32_t length = static_cast<uint32_t>(received);
  const Decoded decoded = DecodeDatagram(session, peer, false, slot->bytes, length);
  if (decoded.content == Content::kExact) session->peers[peer].datagrams_seen = decoded.offset + length;
  o->flags = slot->control_flags;
  o->length = length;
  o->offset = decoded.offset;
  o->content = static_cast<uint8_t>(decoded.content);
  o->peer = decoded.peer;
}

// What a completion says beyond its status, by operation.
void DescribeResult(const IrpSlot* slot, const IRP* irp, Observation* o) {
  Session* session = slot->session;
  switch (static_cast<Op>(slot->op)) {
    case Op::kSocket:
    case Op::kSocketConnect:
    case Op::kAccept:
      // A pointer would differ from run to run.
      o->information = irp->IoStatus.Information != 0 ? 1 : 0;
      o->seen_flags |= kSeenInformational;
      if (static_cast<Op>(slot->op) == Op::kAccept && NT_SUCCESS(irp->IoStatus.Status)) {
        const uint32_t peer =
            session->environment.PeerOfAddress(session->environment.context, slot->data.address[0]);
        o->peer = peer < session->header->peers ? static_cast<uint16_t>(peer) : kNoSlot;
      }
      break;
    case Op::kReceive:
      DescribeBytes(slot, irp, o);
      break;
    case Op::kReceiveFrom:
      DescribeDatagram(slot, irp, o);
      break;
    case Op::kGetConditionalAccept:
    case Op::kGetEventCallback:
    case Op::kQuerySendBacklog:
      o->offset = slot->data.value;
      break;
    case Op::kQueryInspectId:
      o->target = InspectSlotOf(session, NumberOfId(session, session->sockets[slot->socket].listener,
                                                    slot->data.inspect_id, false));
      break;
    default:
      break;
  }
}

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
  DescribeResult(slot, irp, o);
  Publish(o);
}

// The socket that a call made, or that it could not be made.
void TakeSocket(IrpSlot* slot, const IRP* irp) {
  Session* session = slot->session;
  const bool accept = static_cast<Op>(slot->op) == Op::kAccept;
  SocketSlot* made = &session->sockets[accept ? slot->target : slot->socket];
  WSK_SOCKET* socket = reinterpret_cast<WSK_SOCKET*>(irp->IoStatus.Information);
  // A socket without functions is none either.
  const bool usable = socket != nullptr && socket->Dispatch != nullptr;
  if (!NT_SUCCESS(irp->IoStatus.Status) || !usable) {
    if (NT_SUCCESS(irp->IoStatus.Status)) {
      Fault(session, FaultKind::kNullSocket, made->index, slot->index, slot->begin, 0);
    }
    InterlockedExchange(&made->state, kSocketFailed);
    if (made->peer != kNoSlot) FreePeer(session, made->peer);
    return;
  }
  made->socket = socket;
  if (accept) {
    const uint32_t peer =
        session->environment.PeerOfAddress(session->environment.context, slot->data.address[0]);
    BindAccepted(session, made, peer);
  }
  InterlockedExchange(&made->state, kSocketOpen);
}

// What a completed call means for the slots that it named.
void TakeResult(IrpSlot* slot, const IRP* irp) {
  Session* session = slot->session;
  switch (static_cast<Op>(slot->op)) {
    case Op::kSocket:
    case Op::kSocketConnect:
    case Op::kAccept:
      return TakeSocket(slot, irp);
    case Op::kClose: {
      SocketSlot* socket = &session->sockets[slot->socket];
      InterlockedExchange(&socket->state, kSocketClosed);
      if (socket->peer != kNoSlot && session->peers[socket->peer].socket == socket->index) {
        FreePeer(session, socket->peer);
      }
      return;
    }
    case Op::kConnect:
    case Op::kConnectEx: {
      SocketSlot* socket = &session->sockets[slot->socket];
      if (NT_SUCCESS(irp->IoStatus.Status) || socket->peer == kNoSlot) return;
      FreePeer(session, socket->peer);
      socket->peer = kNoSlot;
      return;
    }
    default:
      return;
  }
}

void SecondCompletion(IrpSlot* slot, IRP* irp) {
  uint32_t stamp;
  RecordCompletion(slot, irp, kSeenSecondCompletion, &stamp);
}

NTSTATUS OnComplete(PDEVICE_OBJECT, PIRP irp, PVOID context) {
  IrpSlot* slot = static_cast<IrpSlot*>(context);
  Session* session = slot->session;
  Inside inside(session);
  if (irp != slot->irp) {
    Fault(session, FaultKind::kBadIrp, slot->socket, slot->index, slot->begin, 0);
    return STATUS_MORE_PROCESSING_REQUIRED;
  }
  if (InterlockedCompareExchange(&slot->state, kIrpCompleting, kIrpOwned) != kIrpOwned) {
    SecondCompletion(slot, irp);
    return STATUS_MORE_PROCESSING_REQUIRED;
  }
  Dally(session, Edge::kCompletion);
  const bool passed_down = slot->style == static_cast<uint8_t>(IrpStyle::kPassedDown);
  uint32_t stamp;
  RecordCompletion(slot, irp, 0, &stamp);
  TakeResult(slot, irp);
  if (slot->endless == 0) CountDown(&session->outstanding);
  // From here on the slot may be used again, unless the IRP goes on to the driver above.
  if (!passed_down) InterlockedExchange(&slot->state, kIrpCompleted);
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
  Dally(session, Edge::kCompletionEnd);
  if (passed_down) {
    if (irp->PendingReturned) IoMarkIrpPending(irp);
    return STATUS_SUCCESS;
  }
  return STATUS_MORE_PROCESSING_REQUIRED;
}

// The locations above: reached once by a passed-down IRP, and otherwise only by a second completion.
NTSTATUS OnCompleteAbove(PDEVICE_OBJECT, PIRP irp, PVOID context) {
  IrpSlot* slot = static_cast<IrpSlot*>(context);
  Inside inside(slot->session);
  if (slot->style == static_cast<uint8_t>(IrpStyle::kPassedDown) && slot->above_seen == 0) {
    slot->above_seen = 1;
    InterlockedExchange(&slot->state, kIrpCompleted);
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
  const LONG before = ReadAcquire(&slot->state);
  if ((before != kIrpFree && before != kIrpCompleted) ||
      InterlockedCompareExchange(&slot->state, kIrpPreparing, before) != before) {
    return false;
  }
  IRP* irp = slot->irp;
  if (irp == nullptr) {
    slot->irp = irp = IoAllocateIrp(static_cast<CCHAR>(kIrpStackLocations), FALSE);
  } else if (CountOf(&slot->cancels) != 0) {
    irp = nullptr;
  } else {
    IoReuseIrp(irp, STATUS_SUCCESS);
  }
  if (irp == nullptr) {
    InterlockedExchange(&slot->state, before);
    return false;
  }
  // From the top: two guards, then ours; one location below it is left to the provider, another to whoever
  // stands between.
  SetRoutine(irp, OnCompleteAbove, slot);
  IoSetNextIrpStackLocation(irp);
  SetRoutine(irp, OnCompleteAbove, slot);
  IoSetNextIrpStackLocation(irp);
  SetRoutine(irp, OnComplete, slot);
  slot->style = static_cast<uint8_t>(style);
  slot->above_seen = 0;
  slot->endless = 0;
  slot->bytes = nullptr;
  slot->length = 0;
  return true;
}

uint8_t* ArenaBytes(Session* session, uint32_t length) {
  const uint32_t rounded = (length + 15u) & ~15u;
  const auto begin = static_cast<uint32_t>(CountBy(&session->arena_used, static_cast<LONG>(rounded)));
  if (begin + rounded > session->arena_size) {
    CountBy(&session->arena_used, -static_cast<LONG>(rounded));
    return nullptr;
  }
  return session->arena + begin;
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

void BindAccepted(Session* session, SocketSlot* socket, uint32_t peer) {
  if (peer >= session->header->peers) return;
  socket->peer = static_cast<uint16_t>(peer);
  session->peers[peer].socket = socket->index;
}

void FreeIrps(Session* session) {
  for (uint32_t i = 0; i < session->IrpCount(); ++i) {
    IrpSlot* slot = &session->irps[i];
    // One that the provider still owns, or is just completing, is left alone.
    const LONG state = ReadAcquire(&slot->state);
    if (slot->irp == nullptr || state == kIrpOwned || state == kIrpCompleting) continue;
    IoFreeIrp(slot->irp);
    slot->irp = nullptr;
  }
}

}  // namespace wskcert
