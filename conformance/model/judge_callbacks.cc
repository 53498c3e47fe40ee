// Event callbacks: may this one start, with these arguments; and what its return means.
#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

constexpr RuleId kIrqlRule[kExtension] = {
    RuleId::kIrqlReceiveAtMostDispatch,     RuleId::kIrqlDisconnectAtMostDispatch,
    RuleId::kIrqlBacklogAtMostDispatch,     RuleId::kIrqlAcceptAtMostDispatch,
    RuleId::kIrqlReceiveFromAtMostDispatch, RuleId::kIrqlInspectAtMostDispatch,
    RuleId::kIrqlAbortAtMostDispatch};
// Events whose callbacks have a Flags argument.
constexpr EventSet kWithFlags = Bit(kReceive) | Bit(kDisconnect) | Bit(kAccept) | Bit(kReceiveFrom);

// What the client owes when its callback returns.
constexpr RuleId kReturnRule[kExtension] = {
    RuleId::kApplicationReceiveReturnsKnownStatus, RuleId::kApplicationDisconnectReturnsSuccess,
    RuleId::kApplicationBacklogReturnsSuccess,     RuleId::kApplicationAcceptEventStatus,
    RuleId::kApplicationReceiveFromEventStatus,    RuleId::kApplicationInspectEventAction,
    RuleId::kApplicationAbortReturnsSuccess};

// Whether the callback's page lists this return value. An extension's says nothing.
bool Listed(uint32_t event, Status status) {
  switch (event) {
    case kReceive:
    case kReceiveFrom:
      return status == kStatusSuccess || status == kStatusPending || status == kStatusDataNotAccepted;
    case kAccept:
      return status == kStatusSuccess || status == kStatusRequestNotAccepted;
    case kInspect:
      return status <= kActionPend;
    case kExtension:
      return true;
    default:
      return status == kStatusSuccess;
  }
}

}  // namespace

// Nothing was indicated: the socket is no longer functional.
void Judge::State::WorksNoMore(SocketState& s) {
  s.dead_may = s.receiving.told_null = true;
  s.dead_by_local = false;
}

bool Judge::State::JudgeStart(const Observation& o, SocketState& s, uint32_t event) {
  EventState& e = s.events[event];
  if (s.refused) {
    return (s.inherit_may & Bit(event)) != 0 ? Refuse<RuleId::kInheritRefusedNotCalled>()
                                             : Refuse<RuleId::kEnableCallbackOnlyWhenEnabled>();
  }
  if (!JudgeRole(o, s, event)) return false;
  // A call that was committed before an IRP completed may start after it (ambiguities 1); not one for a
  // connection that was asked for later.
  const bool too_new = event == kAccept && peers[o.peer].active && peers[o.peer].begin > e.late_since;
  const bool late = e.late_start && !too_new;
  if (!e.MayStart()) {
    // A further disable that has not returned yet changes nothing.
    const PhaseSet others = e.phases & static_cast<PhaseSet>(~SetOf(Phase::kDisabledByIrp, Phase::kDisabled));
    if (late && others == 0) {
      e.late_at = now;
      // For these events perhaps not the only one.
      e.late_start = event == kAccept || event == kReceiveFrom;
    } else {
      RuleId rules[kPhaseCount + 4];
      const size_t count = WhyOff(s, event, rules);
      if (Forbid(rules, count)) return false;
      e.unjudged = true;  // an inference was broken: what follows from that is not said
      if (event == kReceive) s.stream.unknown = true;
      if ((o.seen_flags & kSeenNullIndication) != 0) WorksNoMore(s);
      return true;
    }
  } else if (s.accepting && !s.enable_requested && (e.phases & SetOf(Phase::kStatic)) == 0) {
    // nc-wsk-pfn_wsk_accept_event.md, Parameters: context and table are not known yet.
    return Refuse<RuleId::kInheritAcceptedNotBeforeReturn>();
  } else if (!e.loose && !late) {
    // What WskAccept gives may be called for what its listening socket passes on, too.
    const bool passed_on = s.origin == Origin::kByFunction && (s.inherit_may & Bit(event)) != 0 &&
                           (e.phases & SetOf(Phase::kNew)) != 0;
    e.phases &= kStartable;
    if (passed_on) e.phases |= SetOf(Phase::kEnabled);
  }
  if (!JudgeSilent(o, s, event)) return false;
  return event == kReceive      ? JudgeReceiveStart(o, s)
         : event == kDisconnect ? JudgeDisconnectStart(o, s)
         : event == kBacklog    ? JudgeBacklog(o, s)
                                : true;
}

bool Judge::State::JudgeReceiveStart(const Observation& o, SocketState& s) {
  EventState& e = s.events[kReceive];
  // The note on the receive-event page: called serially. The provider's own interval contains the visible
  // one, so two visible ones that overlap are a breach on any number of threads.
  if (e.running != 0) return Refuse<RuleId::kReceiveSerial>();
  if ((o.seen_flags & kSeenNullIndication) != 0) {
    WorksNoMore(s);
    return true;
  }
  if (!JudgeDrained(o, s, o.length) || !JudgeAlive(o, s, o.length) || !JudgePush(o, s)) return false;
  // Return value of the receive-event page: not again until WskReceive is called.
  if ((e.suspension & kFlowing) == 0) {
    if ((e.suspension & kPartially) != 0) return Refuse<RuleId::kReceivePartialSuspends>();
    return e.phases == SetOf(Phase::kStatic) ? Refuse<RuleId::kStaticReceiveRefusalSuspends>()
                                             : Refuse<RuleId::kReceiveRefusedSuspends>();
  }
  // Remarks, second paragraph: a queued WskReceive takes precedence. Crisp only if it was queued before the
  // last exact quiescence, takes bytes, and the indication carries the first byte that nobody has got yet.
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
    const IrpState& irp = irps[i];
    if (static_cast<Op>(irp.op) != Op::kReceive || !irp.settled || irp.cancelled || irp.length == 0) continue;
    if (irp.resumes || irp.race || o.offset < irp.settled_sent) continue;
    if (s.closing || s.stream.unknown || s.dead_may) continue;
    if (o.length != 0 && o.offset <= s.stream.delivered && !InSeveralPlaces(o, s.stream))
      return Refuse<RuleId::kReceiveQueuedTakesPrecedence>();
  }
  if (!JudgeParted(o, s, o.length)) return false;
  if (s.told_abortive && s.abortive_quiet) return Refuse<RuleId::kDisconnectAbortiveNoDataAfter>();
  // Only what can surely not have been buffered: never shown before, the callback enabled all the time, all
  // settled.
  const bool enabled_before = e.last_enable_end == kNoIndex || e.last_enable_end < s.told_at;
  if (s.told_graceful && s.graceful_quiet && enabled_before && e.MustIndicate() && e.suspension == kFlowing &&
      !e.resumed && o.offset >= s.stream.indicated && !InSeveralPlaces(o, s.stream)) {
    Forbid({RuleId::kDisconnectGracefulNoDataAfter});
  }
  e.suspension = kFlowing;
  return true;
}

bool Judge::State::JudgeDisconnectStart(const Observation& o, SocketState& s) {
  if (starved) return true;
  const bool remote = s.fin_may || s.reset_may || (s.dead_may && !s.dead_by_local) || s.slow_peer;
  // Description of the disconnect-event page: disconnected by the remote application. Without a local
  // disconnect a time-out may have come (ambiguities 42), with one too unless nothing but the client has
  // moved.
  if (!remote && s.local_disconnect && Exact()) return Refuse<RuleId::kDisconnectLocalNotIndicated>();
  const bool told_abortive = (o.flags & kFlagAbortive) != 0;
  // Flags on the same page: only the remote application disconnects gracefully. What was accepted is known by
  // its peer once all has come to rest.
  const bool known = s.connected_must && s.settled && !s.stream.unknown && s.parting.peer != kNone;
  if (!remote && !s.local_disconnect && !s.closing && known && !told_abortive) {
    return Refuse<RuleId::kDisconnectAbortiveFlagTellsKind>();
  }
  // Abortive or graceful, where only one of them happened.
  const bool only_graceful = s.fin_may && !s.reset_may && !s.dead_may && !s.slow_peer && !s.local_disconnect;
  const bool only_abortive = s.reset_may && !s.fin_may && !s.slow_peer && !s.local_disconnect && !s.breaking;
  if (only_graceful || only_abortive) {
    if (told_abortive != only_abortive) return Refuse<RuleId::kDisconnectAbortiveFlagTellsKind>();
    Exercise(RuleId::kDisconnectAbortiveFlagTellsKind);
  }
  return true;
}

bool Judge::State::JudgeArguments(const Observation& o, const SocketState& s, uint32_t event) {
  if ((capabilities & static_cast<uint64_t>(Capability::kIrqlVisible)) != 0) {
    // What an extension's callbacks owe is not judged.
    if (o.irql > kDispatchLevel) return !Forbid({kIrqlRule[event]});
    // There is one for each event. NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage)
    Exercise(kIrqlRule[event]);
    if ((kWithFlags & Bit(event)) != 0 && (o.flags & kFlagAtDispatchLevel) != 0) {
      if (o.irql != kDispatchLevel) return Refuse<RuleId::kIrqlDispatchFlagTellsLevel>();
      Exercise(RuleId::kIrqlDispatchFlagTellsLevel);
    }
  }
  if ((o.seen_flags & kSeenNullIndication) != 0) return true;
  if (event == kReceiveFrom && o.mask > 1) Exercise(RuleId::kReceiveFromListSeveral);
  if (event != kReceive) return true;
  Exercise(RuleId::kReceiveIndicationWellFormed);
  if (o.information != o.length) return Refuse<RuleId::kReceiveBytesIndicatedIsListLength>();
  Exercise(RuleId::kReceiveBytesIndicatedIsListLength);
  return true;
}

void Judge::State::CallbackBegin(const Observation& o) {
  const uint32_t event = LocalEvent(o.op);
  if (event >= kEvents) {
    // winsock-kernel-events.md: there are no events that do not belong to a socket.
    Forbid({RuleId::kClientEventNeverCalled});
    return;
  }
  if (o.socket == kNoSocketEntry) {
    // The executor knows no socket by the context that it was given.
    Forbid({RuleId::kCallbackContextIsTheSockets});
    return;
  }
  SocketState& s = sockets[o.socket];
  Touch(o.socket);
  if (s.closed && clients[s.client].deregister_end != kNoIndex && !BadClient()) {
    Forbid({RuleId::kRegisterDeregisterNoCallbackAfter});
    return;
  }
  if (!s.created && !Unknown(o, event)) return;
  if (s.judged && (s.own & Bit(event)) == 0) return Foreign(s, event);
  uint16_t id;
  if (!Entry(running, free_running, &id)) return;
  references.back().kind = Reference::kCallback;
  references.back().id = id;
  Running& call = running[id];
  call.begin = now;
  call.socket = o.socket;
  call.event = static_cast<uint8_t>(event);
  call.thread = o.thread;
  call.flags = o.flags;
  call.length = o.length;
  call.offset = o.offset;
  call.nothing = (o.seen_flags & kSeenNullIndication) != 0;
  call.peer = o.peer;
  if (event == kReceiveFrom) call.datagrams = o.mask;
  ++running_total;
  EventState& e = s.events[event];
  if (s.judged && event == kExtension) Exercise(RuleId::kExtensionContextPassed);
  if (s.judged && !e.unjudged) {
    bool had_to = e.MustIndicate() && (event == kReceive ? e.suspension == kFlowing : e.owed);
    if (!JudgeStart(o, s, event) || !JudgeArguments(o, s, event)) return;
    const bool by_function = s.origin == Origin::kByFunction && s.connected_must && e.MayStart();
    Exercise(e.inherited   ? RuleId::kInheritAcceptedOwnContext
             : by_function ? RuleId::kAcceptFunctionContextAndDispatch
                           : RuleId::kCallbackContextIsTheSockets);
    if ((kOfListener & Bit(event)) != 0) {
      AcceptStarts(o, s, event, &had_to);
      if (refusal.refused) return;
    } else if (event == kReceiveFrom && call.nothing) {
      s.dead_may = true;  // the socket is no longer functional
      s.receiving.told_null = true;
    }
    // A connection whose WskAccept has not completed yet: whose bytes these are is not known.
    if (event == kReceive && s.origin == Origin::kByFunction && !s.connected_must) s.stream.unknown = true;
    if (event == kReceive && !call.nothing) {
      const bool split = static_cast<Content>(o.content) == Content::kNone && o.length != 0;
      if (split) {
        call.readable = false;
        call.nodes_left = o.mask;
      } else if (!JudgeContent(o, s) || !JudgeBytes(s, o.offset, o.length)) {
        return;
      }
      if (o.offset + o.length > s.stream.indicated) s.stream.indicated = o.offset + o.length;
    }
    // Something that had to be indicated was; whether its absence would have been noticed is seen on
    // quiescence.
    if (had_to && !call.nothing) {
      e.met = true;
      if (o.offset + o.length > e.met_end) e.met_end = o.offset + o.length;
    }
    e.owed = false;
  } else if (s.judged && call.nothing) {
    WorksNoMore(s);
  }
  if (event != kReceive || s.stream.indicated >= s.stream.sent_may) e.trigger = false;
  e.recent = true;
  e.last_begin = now;
  if (s.receives != 0) call.receive_near = true;
  call.next = e.first_running;
  if (call.next != kNone) running[call.next].previous = id;
  e.first_running = id;
  ++e.running;
  ++s.running;
  ++running_now[event];
}

void Judge::State::CallbackNode(const Observation& o) {
  Running* call = &running[references[o.begin].id];
  SocketState& s = sockets[call->socket];
  if (call->event == kReceiveFrom && s.judged && !s.events[kReceiveFrom].unjudged)
    return DatagramNode(o, s, *call);
  if (call->event != kReceive) return;
  if (!s.judged || s.events[kReceive].unjudged || call->nodes_left == 0) return;
  --call->nodes_left;
  if (!JudgeContent(o, s) || !JudgeBytes(s, o.offset, o.length)) return;
  if (o.length == 0) return;
  // One list is one run of the stream, in its order, but for bytes that the client has taken already.
  if (call->nodes_length == 0) {
    call->offset = o.offset;
    call->readable = true;
  } else if (o.offset != call->nodes_end && !s.stream.unknown) {
    if (!Taken(s.stream, call->nodes_end, o.offset)) {
      Refuse<RuleId::kReceiveBytesNoneLost>();
      return;
    }
    call->readable = false;
  }
  call->nodes_end = o.offset + o.length;
  call->nodes_length += o.length;
}

void Judge::State::ReceiveEnded(const Observation& o, SocketState& s, const Running& call) {
  EventState& e = s.events[kReceive];
  if (call.nothing) return;
  if (!call.readable || (call.nodes_length != 0 && call.nodes_length != call.length)) s.stream.unknown = true;
  const uint64_t end = call.offset + call.length;
  SuspensionSet suspended = kFlowing;
  if (o.status == kStatusPending) {
    Deliver(s, call.offset, end);
  } else if (o.status == kStatusDataNotAccepted) {
    suspended = kRefused;
  } else if (o.status != kStatusSuccess) {
    s.stream.unknown = true;
    return;
  } else if (o.length == kNoIndex || o.length == call.length) {
    Deliver(s, call.offset, end);
  } else if (o.length == 0 || o.length > call.length) {
    s.stream.unknown = true;  // refusal, or full acceptance (ambiguities 31)
    e.suspension |= kRefused | kPartially;
    return;
  } else {
    suspended = kPartially;
    Deliver(s, call.offset, call.offset + o.length);
  }
  if (suspended == kFlowing) return;
  e.resumed = false;
  // A WskReceive that was queued already, or called inside the refusing callback, may count as the one that
  // resumes (ambiguities 30); so may a re-enable.
  const bool enabled_inside = e.last_enable_end != kNoIndex && e.last_enable_end > call.begin;
  e.suspension =
      call.receive_near || enabled_inside || e.open_enables != 0 ? suspended | kFlowing : suspended;
  if (call.receive_near) {
    for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) irps[i].race = true;
  }
  if (e.suspension == suspended) {
    e.trigger = false;
  } else {
    e.trigger = true;
  }
}

// IRPs that had to wait for this call.
void Judge::State::NoteWaiters(SocketState& s, uint32_t event, uint32_t begin) {
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
    IrpState& irp = irps[i];
    const bool disable = irp.disables && irp.event == event && begin < irp.call;
    const bool close = static_cast<Op>(irp.op) == Op::kClose;
    if (!disable && !close) continue;
    // A request made inside a callback is exercised by the end of that very call.
    if (irp.inside == kNoIndex || irp.inside == begin) irp.waited_outer = true;
  }
}

// What the client owes when it returns, whatever is known of the socket otherwise. False: the status is none
// that the page lists.
bool Judge::State::ReturnKeepsObligations(const Observation& o, const Running& call) {
  if (call.nothing) return true;  // with nothing indicated nothing is answered
  SocketState& s = sockets[call.socket];
  if ((call.event == kReceive || call.event == kReceiveFrom) && o.status == kStatusPending) {
    ++s.retained;
    RetainedBy(o, call);
    // Nothing can be released on a closed socket, so nothing may be retained any more.
    if (s.closing) Breach(RuleId::kApplicationCloseListsReleased, call.socket);
  }
  // nc-wsk-pfn_wsk_accept_event.md, Return value: what it refuses the provider closes itself.
  if (call.event == kAccept && o.status != kStatusSuccess && o.target < kMaxSockets) {
    sockets[o.target].refused = true;
    if (sockets[o.target].closing) Breach(RuleId::kApplicationAcceptRefusedNotUsed, o.target);
  }
  if (Listed(call.event, o.status)) return true;
  Breach(kReturnRule[call.event], call.event == kInspect ? call.socket : kNone);
  s.events[call.event].unjudged = true;
  return false;
}

void Judge::State::CallbackEnd(const Observation& o) {
  const uint16_t id = references[o.begin].id;
  Running& call = running[id];
  --running_total;
  SocketState& s = sockets[call.socket];
  Touch(call.socket);
  EventState& e = s.events[call.event];
  if (call.previous != kNone) {
    running[call.previous].next = call.next;
  } else {
    e.first_running = call.next;
  }
  if (call.next != kNone) running[call.next].previous = call.previous;
  --e.running;
  --s.running;
  --running_now[call.event];
  for (EventState& other : s.events) other.trigger |= other.kept_back && other.MayStart();
  const bool judged = s.judged && !e.unjudged;
  const bool listed = ReturnKeepsObligations(o, call);
  if (judged) {
    NoteWaiters(s, call.event, call.begin);
    if (call.event == kReceive) {
      ReceiveEnded(o, s, call);
    } else if (call.event == kAccept) {
      AcceptEnded(o, call);
    } else if (call.event == kInspect) {
      InspectEnded(o, call, s);
    } else if (call.event == kReceiveFrom) {
      DatagramsEnded(o, s, call);
    } else if (call.event == kDisconnect && listed) {
      ((call.flags & kFlagAbortive) != 0 ? s.told_abortive : s.told_graceful) = true;
      if (s.told_at == kNoIndex) s.told_at = now;
    }
  } else if (call.event == kAccept) {
    AcceptEndedUnjudged(o, call);
  }
  references[o.begin].kind = Reference::kNothing;
  call.begin = kNoIndex;
  free_running.push_back(id);
}

}  // namespace wskcert::model
