// Quiescence: what was owed and did not come, and which prohibitions were put to the test.
#include <algorithm>
#include <iterator>

#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

// The last two are never owed.
constexpr RuleId kOwes[kEvents] = {RuleId::kReceiveEnabledIndicates,     RuleId::kDisconnectRemoteIndicated,
                                   RuleId::kBacklogChangeIndicated,      RuleId::kAcceptEnabledIndicates,
                                   RuleId::kReceiveFromEnabledIndicates, RuleId::kInspectConditionalIndicates,
                                   RuleId::kInspectConditionalIndicates, RuleId::kAcceptEnabledIndicates};

}  // namespace

// WskAcceptEvent was, or is, to be called for a connection after it has refused another.
bool Judge::State::AfterRefusal(const SocketState& s) const {
  if (s.listening.met_after_refusal) return true;
  for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
    if (s.listening.refused && peers[i].owed) return true;
  }
  return false;
}

// Why the callback had to be called: the event itself, and what must not have turned it off. Most particular
// first.
size_t Judge::State::ReasonsToIndicate(const SocketState& s, uint32_t event, RuleId* rules) const {
  const EventState& e = s.events[event];
  size_t count = 0;
  if (event == kAccept && AfterRefusal(s)) rules[count++] = RuleId::kAcceptRefusedStaysEnabled;
  if (event == kInspect) {
    if (s.disable_tried) rules[count++] = RuleId::kDisableConditionalInspectStaysEnabled;
  } else if (e.phases == SetOf(Phase::kStatic)) {
    if (e.static_tried) rules[count++] = RuleId::kDisableStaticStaysEnabled;
    if (e.static_refused) rules[count++] = RuleId::kStaticReceiveFromRefusalKeepsEnabled;
    if (event == kAccept) rules[count++] = RuleId::kStaticAcceptStartsWhenBound;
    rules[count++] = RuleId::kStaticEnabledAutomatically;
  } else {
    if (e.inherited) {
      if ((e.inherit_tags & kInheritTried) != 0) rules[count++] = RuleId::kDisableInheritedFlagStaysEnabled;
      if ((e.inherit_tags & kInheritCycled) != 0) rules[count++] = RuleId::kInheritSurvivesAcceptDisable;
      if ((e.inherit_tags & kInheritAdds) != 0) rules[count++] = RuleId::kInheritAddsUp;
      rules[count++] = RuleId::kInheritAcceptEventEnabledAutomatically;
    }
    if ((s.extension_disabled & kMaskOf[event]) != 0 && s.extension_must) {
      rules[count++] = RuleId::kCategoryExtensionOwnMask;
    }
    if (e.sibling_disabled) rules[count++] = RuleId::kDisableOneLeavesOthers;
    if (e.disables_before != disables[event]) rules[count++] = RuleId::kDisableSocketLeavesOtherSockets;
    if (e.multi) rules[count++] = RuleId::kEnableSeveralEachTakesEffect;
  }
  if (event == kReceive && e.resumed) rules[count++] = RuleId::kReceiveResumes;
  if (event == kReceive && s.parting.graceful_done) rules[count++] = RuleId::kDisconnectGracefulStillReceives;
  if (event == kReceiveFrom) {
    if (e.resumed) rules[count++] = RuleId::kReceiveFromReEnabledResumes;
    if (s.receiving.stranger_owed) rules[count++] = RuleId::kReceiveFromFixedDestinationDoesNotFilter;
  }
  rules[count++] = kOwes[event];
  return count;
}

// What stands beside the event itself for an indication to be owed at this quiescence.
bool Judge::State::OwedConditions(const SocketState& s, uint32_t event) const {
  const EventState& e = s.events[event];
  if (!e.MustIndicate() || Hampered(s) || !HasFunction(s.dispatch, event)) return false;
  if (s.receiving.silent_may) return false;
  if (event >= kConnectionEvents) {
    // listening-for-and-accepting-incoming-connections.md, nc-wsk-pfn_wsk_receive_from_event.md: enabled, and
    // no WskAccept or WskReceiveFrom queued.
    if (!s.bound_must || s.dead_may) return false;
    if (event == kReceiveFrom) {
      return s.receive_froms == 0 && (!s.remote_filter || s.receiving.remote_peer != kNobody);
    }
    if (event == kInspect) return s.conditional_must;
    return event == kAccept && s.accepts == 0 && !s.conditional_may;
  }
  if (!s.connected_must) return false;
  const Stream& stream = s.stream;
  // What ends a connection whose peer acknowledges nothing leaves nothing but that to tell of.
  if (event != kDisconnect && HasGivenUp(s)) return false;
  if (event == kReceive) {
    // nc-wsk-pfn_wsk_receive_event.md, Remarks: enabled, and no WskReceive queued.
    return s.receives == 0 && !stream.unknown && !stream.lossy && !s.dead_may && !s.fin_may &&
           stream.island_count == 0;
  }
  if (event == kBacklog) {
    // Whether backlogs are told of on a connection that has ended is open (N412).
    return !s.dead_may && !s.fin_may && !s.local_disconnect;
  }
  // Where it ended in another way as well, that one may have come first.
  if (s.breaking || s.local_disconnect) return false;
  // Buffered data may stand before a disconnect (ambiguities 35).
  return stream.delivered >= stream.sent_may && s.receives == 0;
}

// Of a refusal that was just made, if one was.
void Judge::State::Missing(Refusal::Missing kind, uint32_t what) {
  if (!refusal.refused) return;
  refusal.missing = kind;
  refusal.missing_what = static_cast<uint16_t>(what);
}

void Judge::State::OwedIndications(SocketState& s) {
  for (uint32_t rest = s.own; rest != 0; rest &= rest - 1) {
    const uint32_t event = static_cast<uint32_t>(__builtin_ctz(rest));
    EventState& e = s.events[event];
    if (!OwedConditions(s, event)) {
      e.met = false;
      e.met_count = 0;
      continue;
    }
    bool owed = e.owed;
    if (event == kReceive) {
      const Stream& stream = s.stream;
      const uint64_t taken = stream.delivered > stream.owed_from ? stream.delivered : stream.owed_from;
      owed = e.suspension == kFlowing && stream.sent_must > taken;
      if (e.met_end <= stream.owed_from) e.met = false;
    } else if (event == kAccept || event == kInspect) {
      owed = ConnectionOwed(s, event);
    }
    RuleId rules[kMaxReasons];
    const size_t count = ReasonsToIndicate(s, event, rules);
    if (owed) {
      Forbid(rules, count);
      constexpr Event kEventOf[kEvents] = {Event::kReceive, Event::kDisconnect,  Event::kSendBacklog,
                                           Event::kAccept,  Event::kReceiveFrom, Event::kInspect,
                                           Event::kAbort,   Event::kExtension};
      Missing(Refusal::Missing::kEvent, static_cast<uint32_t>(kEventOf[event]));
      return;
    }
    for (size_t i = 0; i < e.met_count && e.met; ++i) Exercise(e.met_rules[i]);
    e.met = false;
    e.met_count = 0;
    if (event == kReceive) e.resumed = false;
    if (event == kAccept) s.listening.met_after_refusal = false;
  }
}

// Had the callback surely something to tell, was it surely off, and was nothing else there to take it?
bool Judge::State::OffTested(const SocketState& s, uint32_t event) const {
  const EventState& e = s.events[event];
  if ((e.phases & kStartable) != 0 || s.closing || s.refused) return false;
  if (event < kConnectionEvents) return s.connected_must && s.receives == 0;
  if (!s.bound_must || s.dead_may) return false;
  if (event == kAccept) return s.accepts == 0 && !s.conditional_may;
  // Inspection and abort are tested with the category.
  return event == kReceiveFrom && s.receive_froms == 0 && !s.remote_filter;
}

// Something tempted the provider to call, it had until now to do so, and it did not.
void Judge::State::TestedProhibitions(SocketState& s, bool clear) {
  for (uint32_t rest = s.own; rest != 0; rest &= rest - 1) {
    const uint32_t event = static_cast<uint32_t>(__builtin_ctz(rest));
    EventState& e = s.events[event];
    if (e.unjudged || !HasFunction(s.dispatch, event)) continue;
    const bool data = event != kReceive || s.stream.sent_must > s.stream.delivered;
    if (e.tempted && data && e.open_calls == 0 && (e.phases & (e.phases - 1)) == 0) {
      if (clear && OffTested(s, event)) {
        RuleId rules[kPhaseCount + 4];
        const size_t count = WhyOff(s, event, rules);
        for (size_t i = 0; i < count; ++i) {
          if (!InfoOf(rules[i]).inferred) Exercise(rules[i]);
        }
      } else if (event == kReceive && e.MustIndicate() && e.running != 0 && !s.closing && s.connected_must) {
        // Data came while a call was held. What the held call was given has not been accepted yet.
        if (s.stream.sent_must > s.stream.indicated) Exercise(RuleId::kReceiveSerial);
      }
    }
    if (event == kReceive && clear && data && e.MustIndicate() && !s.closing && s.receives == 0) {
      const bool is_static = e.phases == SetOf(Phase::kStatic);
      if (e.suspension == kRefused) {
        Exercise(is_static ? RuleId::kStaticReceiveRefusalSuspends : RuleId::kReceiveRefusedSuspends);
      }
      if (e.suspension == kPartially) Exercise(RuleId::kReceivePartialSuspends);
    }
  }
  if (clear) TestedCategory(s);
  for (uint32_t rest = s.own; rest != 0; rest &= rest - 1) {
    EventState& e = s.events[__builtin_ctz(rest)];
    const bool data = s.stream.sent_must > s.stream.delivered;
    e.tempted = e.tempted && &e == &s.events[kReceive] && (e.running != 0 || data);
  }
  if (clear && s.refused && (s.inherit_must & Bit(kReceive)) != 0 && s.stream.sent_may != 0 &&
      HasFunction(s.dispatch, kReceive)) {
    Exercise(RuleId::kInheritRefusedNotCalled);
  }
  const EventState& disconnect = s.events[kDisconnect];
  if (s.local_disconnect && disconnect.MustIndicate() && !s.closing && !s.fin_may && !s.reset_may &&
      (!s.dead_may || s.dead_by_local) && !s.slow_peer && s.connected_must && !starved) {
    Exercise(RuleId::kDisconnectLocalNotIndicated);
  }
  if (s.closed && s.tempted_after_close) Exercise(RuleId::kCloseCompletedNoCallback);
}

// What the other files judge when all has come to rest. False: refused.
bool Judge::State::QuietSubjects(SocketState& s) {
  QuietReceiving(s);
  QuietDatagrams(s);
  QuietBacklog(s);
  QuietSilent(s);
  return QuietSends(s);
}

void Judge::State::QuietSocket(uint16_t slot, bool clear) {
  SocketState& s = sockets[slot];
  const bool is_socket = slot < kMaxSockets;
  if (is_socket && s.judged) {
    for (uint32_t rest = s.own; rest != 0; rest &= rest - 1) {
      const uint32_t event = static_cast<uint32_t>(__builtin_ctz(rest));
      EventState& e = s.events[event];
      if (e.met && e.met_count == 0)
        e.met_count = static_cast<uint8_t>(ReasonsToIndicate(s, event, e.met_rules));
    }
    const bool accepts = (s.own & Bit(kAccept)) != 0;
    if (accepts && !clear) RunningInspections(s);
    if (clear) {
      OwedIndications(s);
      if (accepts && !refusal.refused) QuietListener(s);
      // A gap below bytes that were delivered: nothing can fill it any more. A socket that may have died may
      // have lost what was to come.
      // What was refused waits for a WskReceive, or to be indicated again.
      const EventState& e = s.events[kReceive];
      const bool waits = e.suspension != kFlowing || (e.resumed && !e.MustIndicate());
      if (!refusal.refused && s.stream.island_count != 0 && !s.stream.unknown && !s.stream.lossy &&
          !starved && !s.dead_may && s.receives == 0 && !waits) {
        Forbid({RuleId::kReceiveBytesNoneLost});
      }
    }
    if (refusal.refused) return;
    TestedProhibitions(s, clear);
    if (clear) QuietParting(s);
    if (clear && !QuietSubjects(s)) return;
  }
  if (clear && (s.judged || !is_socket)) {
    for (uint16_t i = s.first_irp; i != kNone && !refusal.refused; i = irps[i].next) {
      Owed(irps[i]);
      Missing(Refusal::Missing::kCompletion, irps[i].op);
    }
  }
  if (refusal.refused) return;
  EventSet disable_pending = 0;
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
    IrpState& irp = irps[i];
    if (irp.disables) disable_pending |= irp.event < kEvents ? Bit(irp.event) : 0xFF;
    const Op op = static_cast<Op>(irp.op);
    const bool ends = op == Op::kSend || op == Op::kDisconnect;
    irp.stuck |= ends && clear;
    const bool queues = op == Op::kReceive || op == Op::kAccept || op == Op::kReceiveFrom;
    if (!queues || !irp.returned || irp.returned_status != kStatusPending) continue;
    // While a call is held the provider may keep back one that WskReceiveFromEvent is to get for datagrams
    // from before the request, and show what comes later with them (ambiguities 19).
    if (op != Op::kReceiveFrom || clear) {
      if (!irp.settled) irp.settled_sent = s.stream.sent_may;
      if (!irp.settled) irp.settled_at = now;
      irp.settled = true;
    }
    const bool excused = irp.cancelled || s.closing || s.fin_may || s.reset_may || s.dead_may ||
                         s.local_disconnect || (op == Op::kReceive && !s.connected_must);
    if (irp.disable_since && !excused && s.judged) Exercise(RuleId::kDisableLeavesQueuedReceives);
  }
  for (uint32_t rest = is_socket ? s.own : 0; rest != 0; rest &= rest - 1) {
    const uint32_t event = static_cast<uint32_t>(__builtin_ctz(rest));
    EventState& e = s.events[event];
    if (e.running != 0) continue;
    // A held call may keep back those of the socket's other callbacks: they come, each in a call of its own,
    // when it has returned.
    e.kept_back = s.running != 0 && (e.kept_back || e.trigger);
    if (s.running == 0) e.triggers = 0;
    e.loose = false;
    e.recent = e.trigger = e.late_start = false;
    if ((e.phases & SetOf(Phase::kDraining)) != 0) {
      e.phases = Next(e.phases, LifeInput::kQuiet);
      e.tempted = false;
      ++e.version;
    }
    if (e.open_calls == 0) e.off_pends = false;
    if ((disable_pending & Bit(event)) == 0 && e.open_calls == 0 && e.phases != SetOf(Phase::kPendingIrp)) {
      e.phases &= static_cast<PhaseSet>(~SetOf(Phase::kPendingIrp));
    }
  }
  s.settled = !s.accepting;
  // ... if it had not ended already, for want of acknowledgements.
  if (clear && s.breaking && !s.ended && !GivenUp(s)) s.dead_must = true;
  if (s.told_abortive) s.abortive_quiet = true;
  // A held call may keep back data from before the disconnect (ambiguities 35).
  if (s.told_graceful && s.running == 0) s.graceful_quiet = true;
  if (s.local_disconnect) s.local_quiet = true;
}

void Judge::State::Quiescence(bool exact) {
  // Silence for a while proves nothing by itself: nothing is judged, nor exercised.
  if (!exact) return;
  last_exact = now;
  // With nothing else left to run, whatever was ready to come has come.
  for (size_t i = 0; i < running.size() && running_total != 0; ++i) {
    Running& call = running[i];
    if (call.begin == kNoIndex || call.event != kAccept) continue;
    const PeerState& peer = peers[call.peer];
    const uint64_t sent = peer.active ? peer.sent_must : sockets[peer.socket].stream.sent_must;
    call.quiet_with_data |= sent != 0;
  }
  // While a callback is held, or a call is stuck behind one, the provider may be unable to go on elsewhere
  // too.
  const bool clear = running_total == 0 && open_calls == waiting_calls;
  QuietRegistration();
  if (refusal.refused) return;
  size_t kept = 0;
  for (size_t i = 0; i < dirty.size(); ++i) {
    QuietSocket(dirty[i], clear);
    if (refusal.refused) {
      refusal.missing_socket = dirty[i] < kMaxSockets ? dirty[i] : kNoSlot;
      return;
    }
    if (clear) {
      sockets[dirty[i]].dirty = false;
    } else {
      dirty[kept++] = dirty[i];
    }
  }
  dirty.resize(kept);
  if (!clear) return;
  // nc-wsk-pfn_wsk_accept_event.md, Return value: a refused connection is closed by the provider.
  for (size_t i = 0; requests.ends_owed != 0 && i < used_peers.size(); ++i) {
    if (!peers[used_peers[i]].end_owed || starved) continue;
    Forbid({RuleId::kAcceptRefusedClosedByProvider});
    return;
  }
  when_quiet.ForEach([this](RuleId rule) { Exercise(rule); });
  when_quiet.Clear();
}

// A request that never comes back treats the callback it names neither as idle nor as busy. It may hold up
// the calls around it.
void Judge::State::NeverReturned() {
  const auto stuck = [this](const OpenCall& call) {
    if (call.begin == kNoIndex || refusal.refused) return false;
    if (call.socket == kNoSocketEntry) return !MayWait(call);
    return call.judged && sockets[call.socket].judged;
  };
  for (const OpenCall& call : calls) {
    if (!call.disables || !stuck(call)) continue;
    if (!call.odd) JudgeDisable(call, kStatusUnsuccessful, true);
    if (call.inside != kNoIndex) Forbid({RuleId::kDisableFromInsidePends, RuleId::kRunCallsReturn});
  }
  for (const OpenCall& call : calls) {
    if (stuck(call)) Forbid({RuleId::kRunCallsReturn});
  }
}

bool IsFault(const RuleSet& breached) {
  size_t harmless = 0;
  for (RuleId rule : {RuleId::kApplicationEnableAfterConnect, RuleId::kApplicationEnableAfterBind,
                      RuleId::kApplicationStaticBeforeSockets}) {
    harmless += breached.Has(rule) ? 1 : 0;
  }
  return breached.size() > harmless;
}

// A call of the provider's table goes on beside which its client released the NPI: of two calls that overlap
// nobody can tell that the one was not made after the other.
bool Judge::State::MayFollowRelease() const {
  return std::any_of(std::begin(clients), std::end(clients),
                     [](const ClientState& c) { return c.released_beside && c.calls != 0; });
}

bool Judge::State::BadClient() const { return IsFault(breached); }

// A callback came with a context that no socket has.
void Judge::State::StrangeContext(const Observation& o) {
  const uint32_t event = LocalEvent(o.op);
  if (event == kAccept) {
    Forbid({RuleId::kAcceptEventListenerContext});
    return;
  }
  bool inherited = false, by_function = false;
  for (uint16_t slot : used_sockets) {
    if (event >= kConnectionEvents) continue;
    const SocketState& s = sockets[slot];
    // A stream socket passes on what it may.
    const bool from_stream = s.listener < kMaxSockets && s.origin == Origin::kByEvent &&
                             sockets[s.listener].category == Category::kStream;
    inherited |= s.events[event].inherited || (from_stream && (s.inherit_may & Bit(event)) != 0);
    by_function |= s.origin == Origin::kByFunction && s.connected_must && s.events[event].MayStart();
  }
  if (event == kExtension) {
    Refuse<RuleId::kExtensionContextPassed>();
    return;
  }
  Forbid({inherited     ? RuleId::kInheritAcceptedOwnContext
          : by_function ? RuleId::kAcceptFunctionContextAndDispatch
                        : RuleId::kCallbackContextIsTheSockets});
}

void Judge::State::Ended(const Observation& o) {
  if (static_cast<Seen>(o.kind) == Seen::kFault) {
    const bool ours = !BadClient();
    switch (static_cast<FaultKind>(o.code)) {
      case FaultKind::kBadContext:
        if (ours) StrangeContext(o);
        break;
      case FaultKind::kBadIndication:
        if (Socket(o.socket) == nullptr) break;
        Forbid({sockets[o.socket].category == Category::kDatagram ? RuleId::kReceiveFromListSeveral
                                                                  : RuleId::kReceiveIndicationWellFormed});
        break;
      case FaultKind::kSecondCompletion:
      case FaultKind::kBadIrp:
        if (ours) Forbid({RuleId::kIrpCompletesOnce});
        break;
      case FaultKind::kIrqlChanged:
        Forbid({RuleId::kRunIrqlKept});
        break;
      default:
        break;
    }
    return;
  }
  over = ended = true;
  bool bad_client = BadClient();
  switch (static_cast<Ending>(o.code)) {
    case Ending::kBugCheck:
    case Ending::kCrashed:
      if (MayFollowRelease()) {
        breached.Add(RuleId::kApplicationRegisterNoUseAfterRelease);
        bad_client = true;
      }
      if (bad_client) {
        inconclusive = true;
      } else {
        Forbid({RuleId::kRunSurvives});
      }
      break;
    case Ending::kDeadlock:
      if (Exact() && !bad_client) NeverReturned();
      break;
    case Ending::kFinished:
      if (Exact() && open_calls == 0) Quiescence(true);
      break;
    default:
      inconclusive = true;
      break;
  }
  if (!refusal.refused && !bad_client) {
    Exercise(RuleId::kRunSurvives);
    if (client_event_given) Exercise(RuleId::kClientEventNeverCalled);
  }
}

void Judge::State::Finish() {
  // A log without its end was cut: what it owes is not known.
  if (!refusal.refused && !ended) inconclusive = true;
}

}  // namespace wskcert::model
