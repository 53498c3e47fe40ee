// Completions of IRPs, and their agreement with what the call returned.
#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

constexpr uint8_t kTransportListChange = 3;  // WSK_TRANSPORT_LIST_CHANGE

}  // namespace

// The status that completes an IRP must be what the return announced: success after STATUS_SUCCESS, failure
// after an error, anything final after STATUS_PENDING (nc-wsk-pfn_wsk_control_socket.md and its siblings,
// Return value).
bool Judge::State::Agree(const IrpState& irp, Status returned, Status completed) {
  const bool closes = static_cast<Op>(irp.op) == Op::kClose;
  // nc-wsk-pfn_wsk_socket.md, Remarks: the new socket stands in IoStatus.Information.
  if (irp.creates && IsSuccess(returned) && IsSuccess(completed)) {
    if (irp.no_socket) return Refuse<RuleId::kCategorySocketInInformation>();
    Exercise(RuleId::kCategorySocketInInformation);
  }
  if (returned == kStatusPending || returned == kStatusEventPending) {
    // A request that pended on a dead socket (ambiguities, definition of an error) still fails.
    if (irp.dead) {
      if (IsSuccess(completed)) return Refuse<RuleId::kEnableDeadSocketIrpFails>();
      Exercise(RuleId::kEnableDeadSocketIrpFails);
    }
    Exercise(closes ? RuleId::kCloseStatusAgreesWithIrp : RuleId::kIrpPendingCompletes);
    if (static_cast<Op>(irp.op) == Op::kInspectComplete && irp.accept.sound) {
      Exercise(RuleId::kInspectCompletePending);
    }
    if (irp.pended_row && completed == kStatusSuccess)
      Exercise(RuleId::kDisableInProgressIrpCarriesFinalStatus);
    return true;
  }
  if (IsSuccess(returned)) {
    const bool resumes = static_cast<Op>(irp.op) == Op::kInspectComplete;
    const RuleId rule = irp.disables ? RuleId::kDisableIdleCompletesIrp
                        : closes     ? RuleId::kCloseStatusAgreesWithIrp
                        : resumes    ? RuleId::kInspectCompleteSuccess
                                     : RuleId::kIrpSuccessCompletesWithSuccess;
    if (!IsSuccess(completed)) return !Forbid({rule});
    Exercise(rule);
    return true;
  }
  const RuleId rule = irp.control && returned == kStatusFileForcedClosed ? RuleId::kEnableDeadSocketIrpFails
                      : irp.disables                                     ? RuleId::kDisableFailedIrpFails
                      : closes                                           ? RuleId::kCloseStatusAgreesWithIrp
                               : RuleId::kIrpErrorCompletesWithFailure;
  // A disable of a dead socket is both.
  const RuleId both[2] = {rule, RuleId::kDisableFailedIrpFails};
  const size_t count = irp.disables && rule != both[1] ? 2 : 1;
  if (IsSuccess(completed)) return !Forbid(both, count);
  for (size_t i = 0; i < count; ++i) Exercise(both[i]);
  return true;
}

void Judge::State::DisableIrpCompleted(IrpState& irp, Status status) {
  SocketState& s = sockets[irp.socket];
  if (irp.event >= kEvents) {
    if (irp.code > static_cast<uint8_t>(Npi::kWskCopy)) return;
    // Several at once (ambiguities 2): each may be off now.
    for (uint32_t rest = NamedBy(irp.mask) & s.own; rest != 0; rest &= rest - 1) {
      EventState& e = s.events[__builtin_ctz(rest)];
      e.phases |= SetOf(Phase::kDisabledByIrp);
      ++e.version;
    }
    return;
  }
  EventState& e = s.events[irp.event];
  if (status == kStatusSuccess) {
    // so-wsk-event-callback.md, second bullet: completed after all calls in progress have returned.
    for (uint16_t i = e.first_running; i != kNone; i = running[i].next) {
      if (running[i].begin > irp.call) continue;
      if ((e.phases & SetOf(Phase::kStatic)) != 0) break;
      if (irp.inside == running[i].begin) {
        Forbid({RuleId::kDisableFromInsideIrpWaits});
      } else {
        Forbid({RuleId::kDisableInProgressIrpWaitsForEveryCall});
      }
      return;
    }
    irp.overtook = e.running != 0;
    // All calls that were seen had begun before the request, so they were waited for.
    if (e.running == 0 && e.last_begin != kNoIndex && e.last_begin < irp.call) e.recent = false;
    if (irp.returned && irp.returned_status == kStatusPending) {
      if (irp.waited_outer) {
        Exercise(irp.inside != kNoIndex ? RuleId::kDisableFromInsideIrpWaits
                                        : RuleId::kDisableInProgressIrpWaitsForEveryCall);
      }
      ExerciseWhenQuiet(RuleId::kDisableInProgressIrpCompletes);
    }
    // Disabled when the request returned; what was enabled since stays so.
    if (irp.returned && irp.returned_status == kStatusSuccess) return;
    const bool enabled_since = e.last_enable_end != kNoIndex && e.last_enable_end > irp.call;
    // Further disables change nothing; an enable may have had the last word.
    const bool enables = e.last_enable != kNoIndex && e.last_enable > irp.call;
    const bool overlapped = enables || e.open_enables != 0 || enabled_since;
    const PhaseSet done = SetOf(Phase::kDisabledByIrp);
    const bool might_start = e.MayStart();
    if (e.phases == SetOf(Phase::kStatic)) return;
    if ((e.phases & SetOf(Phase::kStatic)) != 0) {
      e.phases |= done;
    } else {
      if (!DisableWaits(s, irp.event)) e.phases &= static_cast<PhaseSet>(~SetOf(Phase::kPendingIrp));
      e.phases = overlapped ? static_cast<PhaseSet>(e.phases | done) : done;
    }
    // A call committed before this moment may show its beginning after it (ambiguities 1).
    const bool more = (irp.event == kAccept && s.first_peer != kNone) ||
                      (irp.event == kReceiveFrom && s.datagrams > e.running);
    // ... or before an earlier completion, if this request was made before that.
    const bool still_late = e.late_start && irp.call < e.late_since;
    e.late_start = might_start ? e.trigger || more : still_late;
    if (!still_late) e.late_since = now;
    e.tempted = false;
    ++e.version;
    return;
  }
  if (e.phases == SetOf(Phase::kStatic)) return;
  // A failure: the callback is as it was, or disabled (ambiguities 12).
  const bool excused =
      irp.cancelled || !Works(s) || e.last_call != irp.call || status == kStatusInsufficientResources;
  if (irp.returned && irp.pended_row && !excused) {
    Forbid({RuleId::kDisableInProgressIrpCarriesFinalStatus});
    return;
  }
  if (irp.returned && irp.returned_status == kStatusPending) {
    // A call that was committed before may still begin, and does not tell which.
    e.loose |= e.PossiblyInProgress();
    if ((e.phases & kStartable) != 0) e.phases |= SetOf(Phase::kEnabled, Phase::kDisabledByIrp);
    if (!DisableWaits(s, irp.event)) e.phases &= static_cast<PhaseSet>(~SetOf(Phase::kPendingIrp));
    ++e.version;
  }
}

// An enable that pended has succeeded. What it named is enabled, if nothing has changed it since.
void Judge::State::EnableCompleted(SocketState& s, const IrpState& irp) {
  for (uint32_t rest = s.own; rest != 0; rest &= rest - 1) {
    EventState& e = s.events[__builtin_ctz(rest)];
    if (e.pended_enable != irp.call || e.last_call != irp.call || e.version != e.pended_version) continue;
    e.phases = Next(e.phases, LifeInput::kEnableSucceeded);
  }
}

void Judge::State::Completion(const Observation& o) {
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
  irp.captured = clients[irp.client].captures != 0;
  irp.status = o.status;
  irp.information = o.information;
  irp.no_socket = o.information == 0;
  UnlinkIrp(o.irp);
  Touch(irp.socket);
  SocketState& s = sockets[irp.socket];
  const Op op = static_cast<Op>(irp.op);
  if (op == Op::kReceive) Lower(s.receives);
  if (op == Op::kAccept) Lower(s.accepts);
  if (op == Op::kReceiveFrom) Lower(s.receive_froms);
  if (op == Op::kReceiveFrom && IsSuccess(o.status)) Lower(s.datagrams);
  for (uint32_t rest = irp.enables; rest != 0; rest &= rest - 1) {
    EventState& e = s.events[__builtin_ctz(rest)];
    Lower(e.open_enables);
    e.last_enable_end = now;
  }
  // A close that has returned an error leaves nothing of the socket to judge but its own IRP.
  const bool judged =
      irp.socket == kNoSocketEntry || s.judged || (op == Op::kClose && s.close_failed && irp.returned);
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
    const bool later = irp.returned && irp.returned_status == kStatusPending;
    const Moment moment = later ? Moment::kLater : Moment::kInline;
    if (!Parts(irp, s, o.status, moment)) return;
    if (!Unfit(irp.must_fail, irp.unaddressed, s, o.status, moment)) return;
    if (later && !JudgeFinal(irp, s, o.status)) return;
    if (!JudgeOutcome(o, irp, s)) return;
    if (irp.closing) ExerciseWhenQuiet(RuleId::kCloseCompletesPendingIrps);
    ExerciseParting(irp, s, o.status);
  }
  if (irp.control && !irp.disables && IsSuccess(o.status)) EnableCompleted(s, irp);
  if (irp.control && !irp.disables && !IsSuccess(o.status)) {
    // An enable that was accepted and then failed: what it named may be off.
    for (uint32_t rest = s.own; rest != 0; rest &= rest - 1) {
      EventState& e = s.events[__builtin_ctz(rest)];
      if ((e.phases & SetOf(Phase::kEnabled)) != 0) e.phases |= SetOf(Phase::kDisabled);
      ++e.version;
    }
  }
  if (!Succeeded(o, irp)) return;
  switch (op) {
    case Op::kAccept:
    case Op::kReceiveFrom:
      if (judged) QueuedEnded(o, irp, s);
      if (judged && !refusal.refused && op == Op::kAccept && !IsSuccess(o.status))
        AcceptFailed(irp, s, o.status);
      break;
    case Op::kInspectComplete:
      if (!judged) break;
      if (!s.closing) {
        JudgeGone(irp.accept, RuleId::kInspectCompleteDeadSocket, o.status,
                  irp.returned && irp.returned_status == kStatusPending ? Moment::kLater : Moment::kInline);
      }
      InspectCompleted(irp, o.status);
      break;
    case Op::kGetConditionalAccept:
      if (judged) OptionRead(o, irp, s);
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
        if (Forbid({RuleId::kCloseNeverFails})) return;
        s.close_failed = true;
        s.judged = false;
        break;
      }
      // closing-a-socket.md: callbacks in progress have returned before the close is completed.
      for (uint32_t rest = s.own; rest != 0; rest &= rest - 1) {
        const EventState& e = s.events[__builtin_ctz(rest)];
        for (uint16_t i = e.first_running; i != kNone; i = running[i].next) {
          // One that began after the call may have been committed before it, so it counts as well.
          Forbid({irp.inside == running[i].begin ? RuleId::kCloseFromInsideWaits
                                                 : RuleId::kCloseWaitsForCallbacks});
          return;
        }
      }
      Exercise(RuleId::kCloseNeverFails);
      if (irp.waited_outer) {
        Exercise(irp.inside != kNoIndex ? RuleId::kCloseFromInsideWaits : RuleId::kCloseWaitsForCallbacks);
      }
      if (s.first_irp != kNone && Forbid({RuleId::kCloseIrpsBeforeClose})) return;
      if (irp.inspections) ExerciseWhenQuiet(RuleId::kClosePendedInspectionDoesNotCount);
      CloseCompleted(irp.socket);
      break;
    default:
      break;
  }
}

// What a completion means for the socket, beside bytes and callbacks. False: refused.
bool Judge::State::Succeeded(const Observation& o, IrpState& irp) {
  SocketState& s = sockets[irp.socket];
  const bool success = IsSuccess(o.status);
  switch (static_cast<Op>(irp.op)) {
    case Op::kSocket:
      Created(o, irp);
      break;
    case Op::kSocketConnect:
    case Op::kConnect:
    case Op::kConnectEx:
      if (success) {
        s.connected_must = s.connected_may = true;
      } else {
        s.dead_may = true;
        // nc-wsk-pfn_wsk_connect_ex.md does not say what becomes of a connection that was made, where the
        // data did not go: whose bytes come on it then is not known.
        s.stream.unknown |= static_cast<Op>(irp.op) == Op::kConnectEx && irp.length != 0;
      }
      if (static_cast<Op>(irp.op) == Op::kSocketConnect) Created(o, irp);
      break;
    case Op::kBind:
      if (success) s.bound_must = true;
      break;
    case Op::kListen:
      if (success) s.listening_must = true;
      break;
    case Op::kConditionalAccept:
      // Switching it off again is contradictory on the pages (ambiguities 24).
      // Of two requests at the same time, either may come last.
      if ((o.status == kStatusNotSupported || o.status == kStatusNotImplemented) && irp.first_conditional &&
          !irp.overlaps && s.last_conditional == irp.call) {
        // It was declined: the mode is off, as before.
        s.conditional_may = false;
        s.events[kInspect].phases = s.events[kAbort].phases = SetOf(Phase::kNew);
      }
      if (success && irp.code == 1 && !irp.overlaps && s.last_conditional == irp.call) {
        s.conditional_must = true;
        s.listening.mode_since = now;
        s.events[kInspect].phases = s.events[kAbort].phases = SetOf(Phase::kStatic);
      }
      break;
    case Op::kAccept:
      Created(o, irp);
      if (success && s.judged && !AcceptCompleted(o, irp, s)) return false;
      if (success) {
        Touch(irp.target);
        SocketState& made = sockets[irp.target];
        IdOf(made, o.peer);
        made.connected_must = made.connected_may = true;
        if (!made.stream.unknown) TakePeer(made, irp.target, o.peer);
      }
      break;
    default:
      break;
  }
  return !refusal.refused;
}

// A queued WskAccept or WskReceiveFrom that a disable must have left alone.
void Judge::State::QueuedEnded(const Observation& o, const IrpState& irp, const SocketState& s) {
  if (!irp.disable_since || !irp.returned || irp.returned_status != kStatusPending) return;
  if (irp.cancelled || !Works(s)) return;
  if (o.status == kStatusCancelled) {
    Forbid({RuleId::kDisableLeavesQueuedReceives});
  } else if (IsSuccess(o.status)) {
    Exercise(RuleId::kDisableLeavesQueuedReceives);
  }
}

void Judge::State::ReceiveCompleted(const Observation& o, IrpState& irp) {
  SocketState& s = sockets[irp.socket];
  EventState& e = s.events[kReceive];
  // The indications that a refusal suspended may come at the latest now (ambiguities 29), and must if nothing
  // else stands against it. A request that was declined, as flags may be, may have changed nothing.
  if ((e.suspension & (kRefused | kPartially)) != 0) {
    const bool declined =
        irp.flags != 0 && !IsSuccess(o.status) && o.status != kStatusCancelled && !irp.settled;
    if (irp.race || declined) {
      e.suspension |= kFlowing;
      e.flowing_since = now;
    } else {
      // Where it may have ended before, and the callback was enabled since, it is open whether it tells of
      // what came before that (ambiguities 13).
      const bool enabled_since = (e.suspension & kFlowing) != 0 && e.flowing_since != kNoIndex &&
                                 e.last_enable_end != kNoIndex && e.last_enable_end > e.flowing_since;
      if (!enabled_since) s.stream.owed_from = 0;
      e.suspension = kFlowing;
      e.resumed = true;
    }
    Trigger(s, kReceive);
  }
  if (!s.judged) return;
  const bool excused = irp.cancelled || s.closing || s.fin_may || s.reset_may || s.dead_may ||
                       s.local_disconnect || starved || !s.connected_must || GivenUp(s);
  // Before all has come to rest nobody knows that it was queued: it may fail for a reason of its own.
  const bool queued = irp.settled || o.status == kStatusCancelled;
  const bool ended = queued && (!IsSuccess(o.status) || (o.information == 0 && irp.length != 0));
  if (ended && irp.disable_since && !excused && o.status != kStatusInsufficientResources) {
    // so-wsk-event-callback.md: disabling concerns the callback; nothing else ended this receive.
    if (irp.returned && irp.returned_status == kStatusPending) {
      Forbid({RuleId::kDisableLeavesQueuedReceives});
      return;
    }
  }
  // What a cancelled request carries may count as received or not (ambiguities 37).
  if (!IsSuccess(o.status) && o.information != 0) s.stream.unknown = true;
  if (o.information == 0 || !IsSuccess(o.status)) return;
  if (!JudgeContent(o, s)) return;
  const uint32_t length = static_cast<uint32_t>(o.information);
  if (!JudgeParted(o, s, length)) return;
  if (!JudgeBytes(s, o.offset, length)) return;
  Deliver(s, o.offset, o.offset + length);
  // What arrived beside the bytes that it took may wait for it or be indicated.
  if (!e.resumed) s.stream.owed_from = s.stream.sent_may;
  if (irp.settled && !irp.resumes && !irp.race && !excused && e.MustIndicate() &&
      o.offset >= irp.settled_sent) {
    Exercise(RuleId::kReceiveQueuedTakesPrecedence);
  }
  if (irp.disable_since && !excused && irp.returned && irp.returned_status == kStatusPending) {
    Exercise(RuleId::kDisableLeavesQueuedReceives);
  }
}

// An IRP that is outstanding at an exact quiescence at which nothing runs: must it have been completed?
void Judge::State::Owed(const IrpState& irp) {
  if (irp.returned_status != kStatusPending) {
    // Whatever a function returns, it completes the IRP.
    if (irp.disables && irp.returned_status == kStatusSuccess) {
      Forbid({RuleId::kDisableIdleCompletesIrp, RuleId::kIrpCompletesOnce});
    } else if (static_cast<Op>(irp.op) == Op::kClose) {
      Forbid({RuleId::kCloseStatusAgreesWithIrp, RuleId::kIrpCompletesOnce});
    } else {
      Forbid({RuleId::kIrpCompletesOnce});
    }
    return;
  }
  const Op op = static_cast<Op>(irp.op);
  if (irp.closing) {
    if (irp.disables) {
      Forbid({RuleId::kDisableInProgressIrpCompletes, RuleId::kCloseCompletesPendingIrps});
    } else if (op == Op::kDisconnect && (irp.flags & kFlagAbortive) == 0) {
      Forbid({RuleId::kDisconnectStuckAbortCompletes, RuleId::kCloseCompletesPendingIrps});
    } else if (op == Op::kSend && Aborted(irp)) {
      Forbid({RuleId::kDisconnectLocalAbortEndsSends, RuleId::kCloseCompletesPendingIrps});
    } else if (op == Op::kInspectComplete && irp.accept.sound) {
      Forbid({RuleId::kInspectCompletePending, RuleId::kCloseCompletesPendingIrps});
    } else {
      Forbid({RuleId::kCloseCompletesPendingIrps});
    }
    return;
  }
  switch (op) {
    case Op::kSend:
    case Op::kDisconnect:
      OwedParting(irp);
      return;
    case Op::kClose:
      if (irp.inspections) {
        Forbid({RuleId::kClosePendedInspectionDoesNotCount});
      } else {
        Forbid({RuleId::kCloseStatusAgreesWithIrp});
      }
      return;
    case Op::kEventCallback:
      if (irp.disables) {
        Forbid({RuleId::kDisableInProgressIrpCompletes});
      } else {
        Forbid({RuleId::kIrpPendingCompletes});
      }
      return;
    case Op::kAccept:
      if (irp.accept.gone) {
        JudgeGone(irp.accept, RuleId::kAcceptDeadSocketForcedClosed, kStatusSuccess, Moment::kLater);
      }
      return;
    case Op::kInspectComplete:
      if (irp.accept.sound) Forbid({RuleId::kInspectCompletePending});
      return;
    case Op::kSocket:
    case Op::kBind:
    case Op::kGetConditionalAccept:
    case Op::kConditionalAccept:
    case Op::kGetEventCallback:
    case Op::kQuerySendBacklog:
    case Op::kGetLocalAddress:
    case Op::kGetRemoteAddress:
      Forbid({RuleId::kIrpPendingCompletes});
      return;
    case Op::kControlClient:
      // wsk-transport-list-change.md: this one waits for a change; QuietDeregister has the rest.
      if (irp.code != kTransportListChange) Forbid({RuleId::kIrpPendingCompletes});
      return;
    default:
      return;  // connects, receives and what is left may wait for the peer as long as they like
  }
}

}  // namespace wskcert::model
