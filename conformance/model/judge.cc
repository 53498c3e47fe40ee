#include "conformance/model/judge.h"

#include <algorithm>

#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

// What an observation of this kind ends, or is part of.
Reference::Kind SubjectOf(Seen kind) {
  switch (kind) {
    case Seen::kCallEnd:
      return Reference::kCall;
    case Seen::kCallbackNode:
    case Seen::kCallbackEnd:
      return Reference::kCallback;
    default:
      return Reference::kNothing;
  }
}

}  // namespace

uint32_t LocalEvent(uint16_t event) {
  switch (static_cast<Event>(event)) {
    case Event::kReceive:
      return kReceive;
    case Event::kDisconnect:
      return kDisconnect;
    case Event::kSendBacklog:
      return kBacklog;
    case Event::kAccept:
      return kAccept;
    case Event::kReceiveFrom:
      return kReceiveFrom;
    case Event::kInspect:
      return kInspect;
    case Event::kAbort:
      return kAbort;
    case Event::kExtension:
      return kExtension;
    default:
      return kEvents;
  }
}

bool HasFunction(uint32_t dispatch, uint32_t event) {
  constexpr Event kNames[kEvents] = {Event::kReceive, Event::kDisconnect,  Event::kSendBacklog,
                                     Event::kAccept,  Event::kReceiveFrom, Event::kInspect,
                                     Event::kAbort,   Event::kExtension};
  return (dispatch & kNoDispatch) == 0 && (dispatch & DispatchBit(kNames[event])) != 0;
}

Judge::State::State(Profile p)
    : profile(p),
      sockets(kSocketEntries),
      irps(kIrpSlots + 1),
      peers(kMaxPeers + 1),
      datagram_peers(kMaxPeers + 1) {
  used_sockets.reserve(kSocketEntries);
  dirty.reserve(kSocketEntries);
}

void Judge::State::Start(uint64_t new_capabilities) {
  for (uint16_t slot : used_sockets) sockets[slot] = SocketState();
  for (uint16_t slot : used_irps) irps[slot] = IrpState();
  used_sockets.clear();
  for (uint16_t slot : used_peers) peers[slot] = PeerState();
  used_irps.clear();
  used_peers.clear();
  dirty.clear();
  requests.Clear();
  running.clear();
  calls.clear();
  free_running.clear();
  free_calls.clear();
  references.clear();
  for (uint16_t peer : used_datagram_peers) datagram_peers[peer] = DatagramPeer();
  for (uint16_t slot : used_retained) retained[slot] = RetainedList();
  used_datagram_peers.clear();
  used_retained.clear();
  datagrams.clear();
  last_exact = 0;
  capabilities = new_capabilities;
  now = 0;
  refusal = Refusal();
  exercised.Clear();
  deviated.Clear();
  breached.Clear();
  when_quiet.Clear();
  inconclusive = over = ended = starved = false;
  for (uint32_t client = 0; client < kMaxClients; ++client) {
    for (PhaseSet& phases : static_phases[client]) phases = SetOf(Phase::kNew);
    static_mask[client] = 0;
    static_asked[client] = false;
    sockets_of[client] = 0;
  }
  for (uint32_t event = 0; event < kEvents; ++event) disables[event] = running_now[event] = 0;
  running_total = open_calls = waiting_calls = 0;
  for (ClientState& client : clients) client = ClientState();
  client_event_given = false;
  ready = ready_next = Ready::kUnknown;
  ready_stimulus = kNoIndex;
  ready_open = 0;
  ready_beside = false;
  for (Pending& pending : stimuli) pending = Pending();
  last = {};
}

bool Judge::State::InForce(RuleId rule) const {
  return !InfoOf(rule).windows || profile == Profile::kWindows;
}

bool Judge::State::Forbid(const RuleId* rules, size_t count) {
  const auto blame = [this](RuleId rule) {
    for (size_t i = 0; i < refusal.blamed_count; ++i) {
      if (refusal.blamed[i] == rule) return;
    }
    if (refusal.blamed_count < 8) refusal.blamed[refusal.blamed_count++] = rule;
  };
  if (refusal.refused) return true;
  for (size_t i = 0; i < count; ++i) {
    if (!InForce(rules[i])) continue;
    if (InfoOf(rules[i]).inferred) {
      deviated.Add(rules[i]);
      continue;
    }
    blame(rules[i]);
  }
  for (size_t i = 0; i < count; ++i) {
    const RuleInfo& info = InfoOf(rules[i]);
    if (!InForce(rules[i]) || info.inferred) continue;
    for (size_t j = 0; j < info.general_count; ++j) blame(info.general[j]);
  }
  refusal.refused = refusal.blamed_count != 0 || count == 0;
  if (refusal.refused) {
    refusal.index = now;
    over = true;
  }
  return refusal.refused;
}

void Judge::State::Exercise(RuleId rule) {
  if (!InForce(rule)) return;
  exercised.Add(rule);
  const RuleInfo& info = InfoOf(rule);
  for (size_t i = 0; i < info.general_count; ++i) exercised.Add(info.general[i]);
}

void Judge::State::Breach(RuleId rule, uint16_t slot) {
  breached.Add(rule);
  if (slot < kMaxSockets) sockets[slot].judged = false;
  // What was still to be confirmed may have concerned this socket.
  when_quiet.Clear();
}

SocketState* Judge::State::Socket(uint16_t slot) {
  SocketState& s = sockets[std::min(slot, kNoSocketEntry)];
  return s.judged ? &s : nullptr;
}

void Judge::State::Touch(uint16_t slot) {
  SocketState& s = sockets[slot];
  if (!s.used) {
    s.used = true;
    used_sockets.push_back(slot);
  }
  if (!s.dirty) {
    s.dirty = true;
    dirty.push_back(slot);
  }
}

Running* Judge::State::RunningOf(uint32_t begin) {
  if (references[begin].kind != Reference::kCallback) return nullptr;
  return &running[references[begin].id];
}

OpenCall* Judge::State::CallOf(uint32_t begin) {
  if (begin >= references.size() || references[begin].kind != Reference::kCall) return nullptr;
  return &calls[references[begin].id];
}

void Judge::State::LinkIrp(uint16_t slot) {
  IrpState& irp = irps[slot];
  SocketState& s = sockets[irp.socket];
  irp.next = s.first_irp;
  irp.previous = kNone;
  if (irp.next != kNone) irps[irp.next].previous = slot;
  s.first_irp = slot;
  irp.listed = true;
}

void Judge::State::UnlinkIrp(uint16_t slot) {
  IrpState& irp = irps[slot];
  if (irp.previous != kNone) {
    irps[irp.previous].next = irp.next;
  } else {
    sockets[irp.socket].first_irp = irp.next;
  }
  if (irp.next != kNone) irps[irp.next].previous = irp.previous;
  irp.listed = false;
}

// Numbers beyond the limits mean none, and so do references to what has not happened yet. Everything below
// uses the numbers of an observation as they stand.
void Judge::State::Bound(Observation& o) const {
  o.socket = std::min(o.socket, kNoSocketEntry);
  o.target = std::min(o.target, kNoSocketEntry);
  o.peer = std::min(o.peer, kNoPeerEntry);
  o.irp = std::min(o.irp, kNoIrpEntry);
  o.begin = std::min(o.begin, now);
  if (o.enclosing >= now) o.enclosing = kNoIndex;
  // Of calls this is the client.
  o.content = std::min(o.content, uint8_t{kMaxClients - 1});
}

void Judge::State::Observe(const Observation& observation) {
  if (over) return;
  last = observation;
  Bound(last);
  const Observation& o = last;
  // References are 16 bits wide per kind; a log can be longer, but not have more things open at once.
  references.push_back(Reference{Reference::kNothing, kNone, o.enclosing});
  const Reference::Kind subject = SubjectOf(static_cast<Seen>(o.kind));
  // What has not begun, or has ended already, cannot end.
  Seen kind = static_cast<Seen>(o.kind);
  if (references[subject == Reference::kNothing ? now : o.begin].kind != subject) kind = Seen::kNothing;
  switch (kind) {
    case Seen::kCallBegin:
      CallBegin(o);
      break;
    case Seen::kCallEnd:
      CallEnd(o);
      break;
    case Seen::kCompletion:
      Completion(o);
      break;
    case Seen::kCompletionEnd:
      NestedCompletionEnded(o);
      break;
    case Seen::kCallbackBegin:
      CallbackBegin(o);
      break;
    case Seen::kCallbackNode:
      CallbackNode(o);
      break;
    case Seen::kCallbackEnd:
      CallbackEnd(o);
      break;
    case Seen::kStimulusBegin:
      StimulusBegin(o);
      break;
    case Seen::kStimulusEnd:
      StimulusEnd(o);
      break;
    case Seen::kPeerSaw:
      ConnectionSight(o);
      PeerSaw(o);
      break;
    case Seen::kSkip:
      NoFunction(o);
      break;
    case Seen::kQuiescence:
      Quiescence(static_cast<Quiet>(o.code) == Quiet::kExact && Exact());
      break;
    case Seen::kRetainedRead:
      RetainedRead(o);
      break;
    case Seen::kFault:
    case Seen::kEnd:
      Ended(o);
      break;
    default:
      break;
  }
  ++now;
}

Judge::Judge(Profile profile) : state_(std::make_unique<State>(profile)) { state_->Start(0); }
Judge::~Judge() = default;

void Judge::Start(uint64_t capabilities) { state_->Start(capabilities); }

bool Judge::Observe(const Observation& observation) {
  state_->Observe(observation);
  return !state_->refusal.refused;
}

bool Judge::ObserveAll(const Observation* log, size_t count) {
  for (size_t i = 0; i < count; ++i) state_->Observe(log[i]);
  Finish();
  return !state_->refusal.refused;
}

void Judge::Finish() { state_->Finish(); }
const Refusal& Judge::refusal() const { return state_->refusal; }
const RuleSet& Judge::exercised() const { return state_->exercised; }
const RuleSet& Judge::deviated() const { return state_->deviated; }
const RuleSet& Judge::breached() const { return state_->breached; }
CallbackView Judge::View(uint16_t socket, Event event) const {
  const uint32_t local = LocalEvent(static_cast<uint16_t>(event));
  const SocketState* s = state_->Socket(socket);
  if (s == nullptr || local == kEvents) return {};
  const EventState& e = s->events[local];
  return {e.phases, e.PossiblyInProgress(), (e.suspension & kFlowing) == 0};
}
bool Judge::inconclusive() const { return state_->inconclusive; }

}  // namespace wskcert::model
