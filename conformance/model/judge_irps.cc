// Completions of IRPs, and their agreement with what the call returned.
#include "conformance/model/judge_state.h"

namespace wskcert::model {

// The status that completes an IRP must be what the return announced: success after STATUS_SUCCESS, failure
// after an error, anything final after STATUS_PENDING (nc-wsk-pfn_wsk_control_socket.md and its siblings,
// Return value).
bool Judge::State::Agree(const IrpState& irp, Status returned, Status completed) {
  if (returned == kStatusPending || returned == kStatusEventPending) {
    Exercise(RuleId::kIrpPendingCompletes);
    if (irp.pended_row && completed == kStatusSuccess)
      Exercise(RuleId::kDisableInProgressIrpCarriesFinalStatus);
    return true;
  }
  if (IsSuccess(returned)) {
    const RuleId rule =
        irp.disables ? RuleId::kDisableIdleCompletesIrp : RuleId::kIrpSuccessCompletesWithSuccess;
    if (!IsSuccess(completed) && Forbid({rule})) return false;
    Exercise(rule);
    return true;
  }
  const RuleId rule = irp.control && returned == kStatusFileForcedClosed ? RuleId::kEnableDeadSocketIrpFails
                      : irp.disables                                     ? RuleId::kDisableFailedIrpFails
                                     : RuleId::kIrpErrorCompletesWithFailure;
  // A disable of a dead socket is both.
  const RuleId both[2] = {rule, RuleId::kDisableFailedIrpFails};
  const size_t count = irp.disables && rule != both[1] ? 2 : 1;
  if (IsSuccess(completed) && Forbid(both, count)) return false;
  for (size_t i = 0; i < count; ++i) Exercise(both[i]);
  return true;
}

void Judge::State::Completion(const Observation& o) {
  if (o.irp >= kIrpSlots) return;
  IrpState& irp = irps[o.irp];
  const bool poisoned =
      irp.socket < kMaxSockets && !sockets[irp.socket].judged && !sockets[irp.socket].closed;
  if ((o.seen_flags & kSeenSecondCompletion) != 0 || irp.call == kNoIndex || irp.call != o.begin ||
      irp.completed) {
    // An IRP that the client passed again while it was in use has lost its owner; who completes it is not
    // said.
    if (breached.Has(RuleId::kApplicationIrpNotInUse) || poisoned) return;
    Forbid({RuleId::kIrpCompletesOnce});
    return;
  }
  irp.completed = true;
  irp.status = o.status;
  UnlinkIrp(o.irp);
  Touch(irp.socket);
  SocketState& s = sockets[irp.socket];
  const Op op = static_cast<Op>(irp.op);
  if (op == Op::kReceive && s.receives != 0) --s.receives;
  const bool judged = irp.socket == kNoSocketEntry || s.judged;
  if (judged) {
    // Neither of the two pending statuses is a final one.
    if (o.status == kStatusPending || o.status == kStatusEventPending) {
      if (irp.disables) {
        Forbid({RuleId::kDisableInProgressIrpCarriesFinalStatus, RuleId::kIrpPendingCompletes});
      } else {
        Forbid({RuleId::kIrpPendingCompletes});
      }
      return;
    }
    Exercise(RuleId::kIrpCompletesOnce);
    if (irp.returned) Agree(irp, irp.returned_status, o.status);
    if (!refusal.refused && irp.disables) DisableIrpCompleted(irp, o.status);
    if (refusal.refused) return;
    if (irp.closing) ExerciseWhenQuiet(RuleId::kCloseCompletesPendingIrps);
  }
  if (irp.control && !irp.disables && !IsSuccess(o.status)) {
    // An enable that was accepted and then failed: what it named may be off.
    for (EventState& e : s.events) {
      if ((e.phases & SetOf(Phase::kEnabled)) != 0) e.phases |= SetOf(Phase::kDisabled);
      ++e.version;
    }
  }
  switch (op) {
    case Op::kSocketConnect:
    case Op::kConnect:
    case Op::kConnectEx:
      if (IsSuccess(o.status)) {
        s.connected_must = true;
      } else {
        s.dead_may = true;
      }
      break;
    case Op::kReceive:
      ReceiveCompleted(o, irp);
      break;
    case Op::kClose:
      if (!judged) {
        s.closed = true;
        break;
      }
      if (!IsSuccess(o.status)) {
        s.close_failed = true;
        s.judged = false;
        break;
      }
      // closing-a-socket.md: callbacks in progress have returned before the close is completed.
      for (const EventState& e : s.events) {
        for (uint16_t i = e.first_running; i != kNone; i = running[i].next) {
          // One that began after the call may have been committed before it, so it counts as well.
          Forbid({irp.inside == running[i].begin ? RuleId::kCloseFromInsideWaits
                                                 : RuleId::kCloseWaitsForCallbacks});
          return;
        }
      }
      if (irp.waited_outer) {
        Exercise(irp.inside != kNoIndex ? RuleId::kCloseFromInsideWaits : RuleId::kCloseWaitsForCallbacks);
      }
      for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
        if (irps[i].closing && Forbid({RuleId::kCloseIrpsBeforeClose})) return;
      }
      if (irp.returned || irp.call != kNoIndex) CloseCompleted(irp.socket);
      break;
    default:
      break;
  }
}

void Judge::State::ReceiveCompleted(const Observation& o, IrpState& irp) {
  if (irp.socket >= kMaxSockets) return;
  SocketState& s = sockets[irp.socket];
  EventState& e = s.events[kReceive];
  // The indications that a refusal suspended may come at the latest now (ambiguities 29), and must if nothing
  // else stands against it.
  if ((e.suspension & (kRefused | kPartially)) != 0) {
    if (irp.race) {
      e.suspension |= kFlowing;
    } else {
      e.suspension = kFlowing;
      e.resumed = true;
      s.stream.owed_from = 0;
    }
    Trigger(s, kReceive);
  }
  if (!s.judged) return;
  const bool excused =
      irp.cancelled || s.closing || s.fin_may || s.reset_may || s.dead_may || s.local_disconnect;
  const bool ended = !IsSuccess(o.status) || (o.information == 0 && irp.length != 0);
  if (ended && irp.disable_since && !excused && o.status != kStatusInsufficientResources) {
    // so-wsk-event-callback.md: disabling concerns the callback; nothing else ended this receive.
    if (irp.returned && irp.returned_status == kStatusPending) {
      Forbid({RuleId::kDisableLeavesQueuedReceives});
      return;
    }
  }
  if (o.information == 0 || !IsSuccess(o.status)) return;
  if (!JudgeContent(o, s)) return;
  const uint32_t length = static_cast<uint32_t>(o.information);
  if (!JudgeBytes(s, o.offset, length)) return;
  Deliver(s, o.offset, o.offset + length);
  // What arrived beside the bytes that it took may wait for it or be indicated.
  if (!e.resumed) s.stream.owed_from = s.stream.sent_may;
  if (irp.settled && !irp.resumes && !irp.race && !excused && e.MustIndicate() && !e.unjudged &&
      o.offset >= irp.settled_sent) {
    Exercise(RuleId::kReceiveQueuedTakesPrecedence);
  }
  if (irp.disable_since && !excused && irp.returned && irp.returned_status == kStatusPending) {
    Exercise(RuleId::kDisableLeavesQueuedReceives);
  }
}

// An IRP that is outstanding at an exact quiescence at which nothing runs: must it have been completed?
void Judge::State::Owed(const IrpState& irp) {
  if (!irp.returned) return;  // the call itself has not come back
  if (irp.returned_status != kStatusPending) {
    // Whatever a function returns, it completes the IRP.
    if (irp.disables && irp.returned_status == kStatusSuccess) {
      Forbid({RuleId::kDisableIdleCompletesIrp, RuleId::kIrpCompletesOnce});
    } else {
      Forbid({RuleId::kIrpCompletesOnce});
    }
    return;
  }
  const Op op = static_cast<Op>(irp.op);
  if (irp.closing) {
    if (irp.disables) {
      Forbid({RuleId::kDisableInProgressIrpCompletes, RuleId::kCloseCompletesPendingIrps});
    } else {
      Forbid({RuleId::kCloseCompletesPendingIrps});
    }
    return;
  }
  switch (op) {
    case Op::kEventCallback:
      if (irp.disables) {
        Forbid({RuleId::kDisableInProgressIrpCompletes});
      } else {
        Forbid({RuleId::kIrpPendingCompletes});
      }
      return;
    case Op::kSocket:
    case Op::kBind:
    case Op::kClose:
    case Op::kGetEventCallback:
    case Op::kQuerySendBacklog:
    case Op::kGetLocalAddress:
    case Op::kGetRemoteAddress:
    case Op::kControlClient:
      Forbid({RuleId::kIrpPendingCompletes});
      return;
    default:
      return;  // connects, sends, receives and disconnects may wait for the peer as long as they like
  }
}

}  // namespace wskcert::model
