// Requests that enable and disable callbacks. The decisions are those of decision_table.cc; this file finds
// the row.
#include <algorithm>

#include "conformance/model/decision_table.h"
#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

// WSK_SET_STATIC_EVENT_CALLBACKS.
constexpr uint8_t kSetStatic = 7;
// sizeof(WSK_EVENT_CALLBACK_CONTROL): a pointer and a ULONG, on 64 bits.
constexpr uint32_t kControlSize = 16;

constexpr PhaseSet kSurelyOff = SetOf(Phase::kNew, Phase::kDisabled, Phase::kDisabledByIrp, Phase::kDrained);

}  // namespace

void Judge::State::ControlClientBegin(const Observation& o, OpenCall& call) {
  call.client = o.content;
  if (call.code != kSetStatic) return;
  // The identifier stands in `offset`, as a number of Npi.
  const bool known = o.offset <= static_cast<uint8_t>(Npi::kWskCopy);
  call.malformed = !known || call.with_irp || (o.length != 0 && o.length != kControlSize) || o.mask == 0 ||
                   (o.mask & ~kStandardMask) != 0;
  call.odd = !known;
  call.alone_in_client = !static_asked[call.client] && sockets_of[call.client] == 0;
  if (!call.alone_in_client) breached.Add(RuleId::kApplicationStaticBeforeSockets);
  // Of two at once either may be the second.
  if (static_asked[call.client]) StaticNotAlone(call.client);
  static_asked[call.client] = true;
  if (sockets_of[call.client] != 0) StaticMay(call);
}

// What is under way has, or may have, another one before it.
void Judge::State::StaticNotAlone(uint8_t client) {
  for (OpenCall& call : calls) {
    const bool control = call.begin != kNoIndex && static_cast<Op>(call.op) == Op::kControlClient;
    if (control && call.client == client) call.alone_in_client = false;
  }
}

// A request is under way that may have taken effect already, or not yet.
bool Judge::State::StaticUnderWay(uint8_t client, uint32_t event) const {
  for (const OpenCall& call : calls) {
    if (call.begin == kNoIndex || static_cast<Op>(call.op) != Op::kControlClient) continue;
    if (call.code != kSetStatic || call.client != client) continue;
    if ((call.mask & kMaskOf[event]) != 0 || static_phases[client][event] != SetOf(Phase::kNew)) return true;
  }
  return false;
}

// What the client has already may get what the request names. What is still being created gets that, or what
// was asked for before.
void Judge::State::StaticMay(const OpenCall& call) {
  for (uint16_t slot : used_sockets) {
    SocketState& s = sockets[slot];
    if (s.client != call.client || s.closed) continue;
    for (uint32_t rest = s.own; rest != 0; rest &= rest - 1) {
      const uint32_t event = static_cast<uint32_t>(__builtin_ctz(rest));
      const bool named = (call.mask & kMaskOf[event]) != 0;
      if (named || static_phases[call.client][event] != SetOf(Phase::kNew)) {
        s.events[event].phases |= s.made ? SetOf(Phase::kStatic) : SetOf(Phase::kNew, Phase::kStatic);
      }
    }
  }
}

// wsk-set-static-event-callbacks.md: every socket that the client creates from now on has these enabled. A
// second such call, or one after a socket exists, has an open outcome (ambiguities 14).
void Judge::State::ControlClient(const OpenCall& call, Status status) {
  if (call.code != kSetStatic) return;
  const bool sure = call.alone_in_client && !call.malformed && sockets_of[call.client] == 0;
  if (sure && status != kStatusInsufficientResources && (!starved || IsSuccess(status))) {
    if (status != kStatusSuccess) {
      Refuse<RuleId::kStaticControlSucceeds>();
      return;
    }
    if (!starved) Exercise(RuleId::kStaticControlSucceeds);
  }
  if (!IsSuccess(status)) return;
  static_mask[call.client] = sure ? call.mask : 0;
  for (uint32_t event = 0; event < kEvents; ++event) {
    PhaseSet& phases = static_phases[call.client][event];
    const bool second = phases != SetOf(Phase::kNew);
    if ((call.mask & kMaskOf[event]) == 0 && !second) continue;
    phases = sure ? SetOf(Phase::kStatic) : SetOf(Phase::kNew, Phase::kStatic);
  }
  if (sockets_of[call.client] != 0) StaticMay(call);
}

// A disable of it may be waiting, even if it was off already: what a further request does is open then
// (ambiguities 7 and 11).
bool Judge::State::DisableWaits(const SocketState& s, uint32_t event) const {
  bool waits = s.events[event].off_pends;
  for (uint16_t i = s.first_irp; i != kNone && !waits; i = irps[i].next) {
    waits = irps[i].disables && irps[i].event == event && irps[i].returned &&
            irps[i].returned_status == kStatusPending;
  }
  return waits;
}

// One event that the request names.
void Judge::State::NamedBegin(SocketState& s, OpenCall& call, uint32_t event) {
  EventState& e = s.events[event];
  if (!HasFunction(s.dispatch, event)) call.odd = true;  // ambiguities 5: a callback that is not there
  if (e.open_calls != 0) call.alone = false;
  call.before[event] = e.phases;
  call.version[event] = e.version;
  call.in_progress |= e.PossiblyInProgress();
  call.running_at_begin |= e.running != 0;
  const bool waits = DisableWaits(s, event);
  call.all_off &= (e.phases & ~kSurelyOff) == 0 && e.open_calls == 0 && !waits;
  // What WskAccept passes on is only inferred.
  call.all_off &= s.origin != Origin::kByFunction || (s.inherit_may & Bit(event)) == 0;
  call.must_enabled &= e.phases == SetOf(Phase::kEnabled) && e.open_calls == 0 && !waits;
  call.was_static |= (e.phases & SetOf(Phase::kStatic)) != 0;
  e.last_call = now;
  ++e.open_calls;
  if (call.disables) {
    if (call.was_static) e.static_tried = true;
    e.phases |= Next(e.phases, LifeInput::kDisableSucceeded);
    return;
  }
  ++e.open_enables;
  e.last_enable = now;
  e.phases |= Next(e.phases, LifeInput::kEnableSucceeded);
  // What is buffered may come in as many calls as there were datagrams.
  if (event == kReceiveFrom) e.triggers = static_cast<uint8_t>(std::min<uint32_t>(s.datagrams, UINT8_MAX));
  // ambiguities 13 and 30: what happened before may be indicated now, and a suspension may be lifted.
  if (e.suspension != kFlowing) e.suspension |= kFlowing;
  e.trigger |= event == kBacklog || s.fin_may || s.reset_may || s.dead_may ||
               (event == kReceive && s.stream.sent_may > s.stream.delivered) ||
               (event == kAccept && s.first_peer != kNone) || (event == kReceiveFrom && s.datagrams != 0);
}

// Sockets that are perhaps still being accepted, for a callback may be in progress for the provider after it
// has returned: the new set may apply to them (N184).
void Judge::State::MayInherit(uint16_t listener, EventSet events) {
  const bool recent = sockets[listener].events[kAccept].recent;
  if (!recent && sockets[listener].accepts == 0) return;
  for (uint16_t slot : used_sockets) {
    SocketState& s = sockets[slot];
    // The WskAccept for it is still queued.
    if (s.listener == listener && s.origin == Origin::kByFunction && !s.connected_must)
      s.inherit_may |= events;
    if (!recent || s.listener != listener || s.origin != Origin::kByEvent || s.settled) continue;
    s.inherit_may |= events;
    for (uint32_t rest = events; rest != 0; rest &= rest - 1) {
      EventState& e = s.events[__builtin_ctz(rest)];
      if (e.phases != SetOf(Phase::kClosed)) e.phases |= SetOf(Phase::kEnabled);
    }
  }
}

void Judge::State::ControlBegin(const Observation& o, OpenCall& call) {
  SocketState& s = sockets[call.socket];
  call.disables = (o.mask & kEventDisable) != 0;
  const bool extension = static_cast<Npi>(o.code) == Npi::kExtension && s.extension_may;
  const bool listens = s.category == Category::kListen;
  if (extension) {
    // An extension's mask bits are its own (N508): the standard callbacks stay as they are. Whether its
    // events follow the rules of the standard ones is left open (N509), so a call of one may always be in
    // progress.
    (call.disables ? s.extension_disabled : s.extension_enabled) |= o.mask & ~kEventDisable;
    call.in_progress = true;
  } else if (o.code > static_cast<uint8_t>(Npi::kWskCopy)) {
    // ambiguities 3: an error, or a success that does nothing.
    call.powerless = true;
  } else {
    call.named = NamedBy(o.mask) & s.own;
    if (listens) call.inherits = NamedBy(o.mask & kConnectionMask);
  }
  uint32_t valid = listens ? kConnectionMask : 0;
  for (uint32_t event = 0; event < kEvents; ++event) {
    if ((s.own & Bit(event)) != 0) valid |= kMaskOf[event];
  }
  const uint32_t named = static_cast<uint32_t>(__builtin_popcount(call.named | call.inherits));
  call.several = call.disables && named > 1;
  const bool known =
      o.code <= static_cast<uint8_t>(Npi::kWskCopy) && (o.length == 0 || o.length == kControlSize);
  const uint32_t foreign = o.mask & ~(valid | kEventDisable);
  call.malformed = !known || named == 0 || foreign != 0 || call.several;
  // The option pages do not speak of stream sockets (ambiguities 28); inside WskAcceptEvent it is open, too.
  call.odd = call.malformed || s.category == Category::kStream || s.accepting ||
             (call.disables && call.inherits != 0);
  if (!extension) {
    s.foreign_named |= s.category == Category::kStream ? o.mask : foreign & kStandardMask;
    s.enable_requested |= !call.disables;
    s.disable_tried |= call.disables && s.conditional_may;
  }
  const bool connects = (s.own & kOfConnection) != 0;
  const bool in_role = s.category == Category::kBasic || s.listening_must;
  if (!in_role && !(connects ? s.connected_must : s.bound_must)) {
    call.odd = true;
    breached.Add(connects ? RuleId::kApplicationEnableAfterConnect : RuleId::kApplicationEnableAfterBind);
  }
  if (s.dead_may || s.closing || GivenUp(s)) call.odd = true;
  // Events of the role that a stream socket has not taken may be invalid, as a wrong mask is.
  const bool other_role =
      s.category == Category::kStream && (((o.mask & kEventAccept) != 0 && s.connected_may) ||
                                          ((o.mask & kConnectionMask) != 0 && s.listening_may));
  call.dead = s.dead_must && !call.malformed && !other_role;
  if (s.dead_must && !call.dead) call.judged = false;  // open: any error
  call.all_off = (call.inherits & s.inherit_may) == 0;
  // What is static for the client's connections may count as enabled on its listening socket, too (N091,
  // N102).
  for (uint32_t rest = call.inherits; rest != 0; rest &= rest - 1) {
    call.all_off &= (static_phases[s.client][__builtin_ctz(rest)] & SetOf(Phase::kStatic)) == 0;
  }
  call.must_enabled = call.inherits == 0;
  for (uint32_t rest = call.named; rest != 0; rest &= rest - 1) {
    NamedBegin(s, call, static_cast<uint32_t>(__builtin_ctz(rest)));
  }
  // A listening stream socket may pass on what is enabled on it, by its role (ambiguities 28).
  const bool stream = s.category == Category::kStream;
  const EventSet passed_on = stream ? static_cast<EventSet>(call.named & kOfConnection) : call.inherits;
  if (call.disables) {
    s.inherit_tried |= call.inherits & s.inherit_may;
  } else if (passed_on != 0) {
    s.inherit_may |= passed_on;
    MayInherit(call.socket, passed_on);
  }
  IrpState& irp = irps[call.irp];
  irp.control = true;
  irp.disables = call.disables;
  irp.event = call.named != 0 && named == 1 ? static_cast<uint8_t>(__builtin_ctz(call.named)) : kEvents;
  if (!call.disables || named != 1 || call.named == 0) return;
  const uint32_t event = static_cast<uint32_t>(__builtin_ctz(call.named));
  const EventState& e = s.events[event];
  ForEachAround(o.enclosing, [&call, event](uint32_t begin, const Running& outer) {
    if (outer.socket == call.socket && outer.event == event) call.inside = begin;
  });
  irp.inside = call.inside;
  if (event == kReceive && (e.suspension & kFlowing) == 0) call.tags |= kTagSuspended;
  if (s.running > e.running) call.tags |= kTagOtherCallbackRuns;
  if (running_now[event] > e.running) call.tags |= kTagOtherSocketRuns;
  if ((event == kReceive || event == kReceiveFrom) && s.retained != 0) call.tags |= kTagRetained;
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) irps[i].disable_since = true;
}

Premise Judge::State::EnablePremise(const OpenCall& call) const {
  const SocketState& s = sockets[call.socket];
  if (call.dead) return call.with_irp ? Premise::kDeadIrp : Premise::kDead;
  bool changed = false;
  for (uint32_t rest = call.named; rest != 0; rest &= rest - 1) {
    changed |= s.events[__builtin_ctz(rest)].last_call != call.begin;
  }
  if (call.odd || changed || !call.all_off || s.dead_may || s.closing) {
    return call.with_irp ? Premise::kEnableOpenIrp : Premise::kEnableOpen;
  }
  if (call.with_irp) return Premise::kEnableIrp;
  return (s.own & kOfConnection) != 0 ? Premise::kEnable : Premise::kEnableBound;
}

bool Judge::State::JudgeEnable(const OpenCall& call, Status status) {
  const SocketState& s = sockets[call.socket];
  const Premise premise = EnablePremise(call);
  // Completed inside the call, it may be in use again.
  if (premise == Premise::kDeadIrp && irps[call.irp].call == call.begin) irps[call.irp].dead = true;
  const Row& row = RowOf(premise);
  // A lack of resources is nobody's breach, and shows nothing either.
  if (status == kStatusInsufficientResources || (starved && !IsSuccess(status))) return true;
  // How the socket came to be connected.
  RuleId rules[3];
  size_t why = 0;
  const bool accepted = s.origin == Origin::kByFunction || s.origin == Origin::kByEvent;
  if (premise == Premise::kEnable && accepted) rules[why++] = RuleId::kCategoryAcceptedConnectionOriented;
  if (premise == Premise::kEnable && s.origin == Origin::kBySocketConnect) {
    rules[why++] = RuleId::kCategorySocketConnectConnected;
  }
  const Cell& cell = row.cells[static_cast<size_t>(OutputOf(status))];
  if (cell.count != 0) {
    size_t count = cell.rules[0] == RuleId::kEnableConnectedSucceeds ? why : 0;
    for (size_t i = 0; i < cell.count; ++i) rules[count++] = cell.rules[i];
    if (Forbid(rules, count)) return false;
  }
  if (starved) return true;
  for (const Cell& other : row.cells) {
    if (other.count == 1) Exercise(other.rules[0]);
  }
  for (size_t i = 0; i < why; ++i) Exercise(rules[i]);
  return true;
}

bool Judge::State::JudgeDisable(const OpenCall& call, Status status, bool never_returned) {
  const SocketState& s = sockets[call.socket];
  bool in_progress = call.in_progress;
  bool busy = false;
  bool changed = false;
  for (uint32_t rest = call.powerless ? NamedBy(call.mask) & s.own : call.named; rest != 0;
       rest &= rest - 1) {
    const uint32_t event = static_cast<uint32_t>(__builtin_ctz(rest));
    const EventState& e = s.events[event];
    in_progress |= e.PossiblyInProgress();
    changed |= e.last_call != call.begin;
    // A refusal at the same time may have disabled it first.
    changed |= e.refused_at != kNoIndex && e.refused_at > call.begin;
    for (uint16_t i = e.first_running; i != kNone; i = running[i].next) busy |= running[i].begin < call.begin;
  }
  const bool open = call.odd || changed || !call.must_enabled || s.dead_may || s.closing;
  // Without exact quiescence a call may always be on its way (ambiguities 42).
  const size_t degree = busy ? 2 : (in_progress || !Exact() ? 1 : 0);
  Premise premise = static_cast<Premise>((open ? 6 : 0) + degree * 2 + (call.with_irp ? 1 : 0));
  if (call.dead && degree == 0) premise = call.with_irp ? Premise::kDeadIrp : Premise::kDead;
  if (call.with_irp && !never_returned && irps[call.irp].call == call.begin) {
    irps[call.irp].dead = premise == Premise::kDeadIrp;
    // Where the outcome is open, an error may also come with the IRP.
    irps[call.irp].pended_row = status == kStatusPending && !open;
  }
  const Row& row = RowOf(premise);
  if (!never_returned && (status == kStatusInsufficientResources || (starved && !IsSuccess(status)))) {
    return true;
  }

  // Rules that make the row what it is, beside the one in the cell.
  RuleId why[6];
  size_t count = 0;
  const bool sure = !open;
  if (sure && degree == 2 && call.inside != kNoIndex) why[count++] = RuleId::kDisableFromInsidePends;
  if (sure && degree == 0) {
    if ((call.tags & kTagSuspended) != 0) why[count++] = RuleId::kDisableSuspendedReturnsSuccess;
    if ((call.tags & kTagRetained) != 0) why[count++] = RuleId::kDisableRetainedListsDoNotCount;
    if ((call.tags & kTagOtherCallbackRuns) != 0)
      why[count++] = RuleId::kDisableInProgressCountsOnlyThatCallback;
    if ((call.tags & kTagOtherSocketRuns) != 0) why[count++] = RuleId::kDisableInProgressCountsOnlyThatSocket;
  }
  // ambiguities 2: several events at once fail on Windows.
  const Output output = OutputOf(status);
  if (call.several && IsSuccess(status) && output != Output::kPending &&
      Forbid({RuleId::kDisableSeveralFails})) {
    return false;
  }
  const Cell& cell =
      row.cells[never_returned ? static_cast<size_t>(Output::kOther) : static_cast<size_t>(output)];
  if (cell.count != 0) {
    RuleId rules[8];
    size_t blamed = 0;
    // The answers that treat an idle callback as busy, or a busy one as idle, are what those rules forbid.
    const bool shape = cell.rules[0] == RuleId::kDisableWithoutIrpNeverPending ||
                       cell.rules[0] == RuleId::kDisableWithIrpNeverEventPending;
    for (size_t i = 0; i < count && !shape; ++i) rules[blamed++] = why[i];
    for (size_t i = 0; i < cell.count; ++i) rules[blamed++] = cell.rules[i];
    return !Forbid(rules, blamed);
  }
  if (starved) return true;
  for (const Cell& other : row.cells) {
    if (other.count == 1) Exercise(other.rules[0]);
  }
  for (size_t i = 0; i < count; ++i) Exercise(why[i]);
  if (call.several) Exercise(RuleId::kDisableSeveralFails);
  return true;
}

// What the return makes of the phases. Alone, the request is a step of the automaton; with others at the same
// time only what all orders have in common is kept.
void Judge::State::ApplyReturn(const OpenCall& call, Status status) {
  SocketState& s = sockets[call.socket];
  const bool irp_done = call.with_irp && irps[call.irp].call == call.begin && irps[call.irp].completed;
  for (uint32_t rest = call.named; rest != 0; rest &= rest - 1) {
    const uint32_t event = static_cast<uint32_t>(__builtin_ctz(rest));
    EventState& e = s.events[event];
    const bool enabled_since =
        e.open_enables != 0 || (e.last_enable_end != kNoIndex && e.last_enable_end > call.begin);
    const bool alone = call.alone && e.last_call == call.begin && e.version == call.version[event] &&
                       !(call.disables && enabled_since);
    const PhaseSet before = call.before[event];
    PhaseSet after = before;
    if (status == kStatusPending && irp_done) {
      after = e.phases;
    } else if (status == kStatusPending) {
      // An enable that pends may fail yet.
      after = call.disables ? Next(before, LifeInput::kDisablePended)
                            : static_cast<PhaseSet>(before | Next(before, LifeInput::kEnableSucceeded));
    } else if (status == kStatusEventPending) {
      after = Next(before, LifeInput::kDisableEventPended);
    } else if (IsSuccess(status)) {
      after = Next(before, call.disables ? LifeInput::kDisableSucceeded : LifeInput::kEnableSucceeded);
    } else if (!call.disables && call.odd && ((call.named & (call.named - 1)) != 0 || call.malformed)) {
      after |= Next(before, LifeInput::kEnableSucceeded);  // ambiguities 4: part of the mask may be enabled
    }
    // A disable that waits may still have the last word (ambiguities 11).
    if (!call.disables && IsSuccess(status) && DisableWaits(s, event)) {
      after |= SetOf(e.off_pends ? Phase::kDraining : Phase::kPendingIrp);
    }
    if (call.odd) after |= before;
    // The provider may still be returning from the call that refused: the refusal may count after the
    // request.
    if (!call.disables && e.recent && RefusedLately(e) && before != SetOf(Phase::kStatic)) {
      after |= SetOf(Phase::kRefusedOff);
    }
    const bool failed = !IsSuccess(status);
    const bool pended = status == kStatusPending;
    if (alone && pended && !irp_done && !call.disables && !call.odd) {
      e.pended_enable = call.begin;
      e.pended_version = e.version;
    }
    e.off_pends |= status == kStatusEventPending && ((before | e.phases) & kSurelyOff) != 0;
    // One that waits for a call that still runs does so although it was disabled meanwhile.
    e.off_pends |= call.disables && ((before | e.phases) & SetOf(Phase::kDraining)) != 0 && e.running != 0;
    if (!call.disables && !failed) {
      e.last_enable_end = now;
      e.multi = (call.named & (call.named - 1)) != 0;
      e.sibling_disabled = false;
      e.disables_before = disables[event];
      s.stream.owed_from = event == kReceive ? s.stream.sent_may : s.stream.owed_from;
      e.owed = e.met = false;
      e.met_count = 0;
      e.inherited = false;
      if (event == kReceiveFrom) e.resumed = (before & SetOf(Phase::kRefusedOff)) != 0;
      if (event == kAccept) s.listening.refused = false;
    }
    if (call.disables && event == kAccept) {
      if (!failed) s.accept_disabled_at = now;
      for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) peers[i].owed = false;
    }
    if (alone) {
      e.phases = after;
    } else if (call.disables && status == kStatusSuccess && !call.odd) {
      // design: only an enable that overlapped the request, or came later, explains a start from now on. What
      // that has enabled may be waited for again, by another disable since.
      const uint32_t since =
          SetOf(Phase::kEnabled) | (e.phases & SetOf(Phase::kPendingIrp, Phase::kDraining));
      e.phases = static_cast<PhaseSet>(SetOf(Phase::kDisabled) | (before & SetOf(Phase::kStatic)) |
                                       (enabled_since ? since : 0));
    } else if (call.disables && !call.odd && e.open_enables == 0 &&
               (e.last_enable == kNoIndex || e.last_enable < call.begin) &&
               (e.last_enable_end == kNoIndex || e.last_enable_end < call.begin)) {
      // Only disables overlapped it: what they have come to counts, not what was before.
      if (!failed)
        e.phases = Next(e.phases, pended ? LifeInput::kDisablePended : LifeInput::kDisableEventPended);
    } else {
      e.phases |= after;
    }
    if (call.disables && status == kStatusSuccess && !call.odd && (e.phases & kStartable) == 0) {
      // For the requests that are still under way a call may have been in progress.
      if (e.open_calls != 0 && e.PossiblyInProgress()) {
        for (OpenCall& other : calls) {
          const bool same = other.begin != kNoIndex && other.socket == call.socket;
          other.in_progress |= same && (other.named & Bit(event)) != 0;
        }
      }
      e.trigger = e.late_start = false;
      // Where its outcome was open, success does not say that none was in progress.
      const bool sure = call.must_enabled && e.last_call == call.begin;
      e.recent = e.running != 0 || (e.recent && !sure);
      e.tempted = false;
      e.owed = e.met = false;
      e.met_count = 0;
    }
    if (call.disables && !failed && (before & SetOf(Phase::kStatic)) == 0) {
      ++disables[event];
      for (uint32_t other = 0; other < kEvents; ++other) {
        if (other != event) s.events[other].sibling_disabled = true;
      }
    }
  }
}

void Judge::State::ControlReturned(OpenCall& call, Status status) {
  SocketState& s = sockets[call.socket];
  // ambiguities 10: one that pends takes effect at any time until its IRP completes.
  const bool pends = !call.disables && status == kStatusPending && call.with_irp &&
                     irps[call.irp].call == call.begin && !irps[call.irp].completed;
  if (pends) irps[call.irp].enables = call.named;
  for (uint32_t rest = call.named; rest != 0; rest &= rest - 1) {
    const uint32_t event = static_cast<uint32_t>(__builtin_ctz(rest));
    EventState& e = s.events[event];
    Lower(e.open_calls);
    if (!call.disables && !pends) Lower(e.open_enables);
  }
  if (call.judged) {
    if (!(call.disables ? JudgeDisable(call, status, false) : JudgeEnable(call, status))) return;
    // A call that began during the request and still runs was in progress, or started after the callback was
    // disabled.
    if (call.disables && status == kStatusSuccess && call.must_enabled && !call.odd) {
      const EventState& e = s.events[__builtin_ctz(call.named)];
      const bool enabled_since = e.last_call != call.begin;
      if (e.running != 0 && !enabled_since) {
        Refuse<RuleId::kDisableSuccessStopsCallback>();
        return;
      }
      // So was one that ran when the IRP completed, or started later.
      const bool late = e.late_at != kNoIndex && e.late_at > call.begin;
      const bool overtook = call.with_irp && irps[call.irp].call == call.begin && irps[call.irp].overtook;
      if ((overtook || late) && !enabled_since) {
        Refuse<RuleId::kDisableInProgressWithIrpReturnsPending>();
        return;
      }
    }
  }
  ApplyReturn(call, status);
  if (!call.disables && (IsSuccess(status) || status == kStatusPending)) {
    s.inherit_taken |= static_cast<EventSet>(call.inherits | (call.named & kOfConnection));
  }
  if (call.disables || call.inherits == 0) return;
  // so-wsk-event-callback.md: from now on for every socket that WskAcceptEvent accepts.
  for (uint32_t rest = call.inherits & ~s.inherit_must; rest != 0; rest &= rest - 1) {
    const uint32_t event = static_cast<uint32_t>(__builtin_ctz(rest));
    if (status != kStatusSuccess || call.odd) continue;
    s.inherit_must |= Bit(event);
    s.inherit_since[event] = now;
    s.inherit_request[event] = call.begin;
  }
  if (!IsSuccess(status) && !call.odd && call.all_off && s.open_calls == 0) {
    s.inherit_may = s.inherit_must | s.inherit_taken;
  }
}

}  // namespace wskcert::model
