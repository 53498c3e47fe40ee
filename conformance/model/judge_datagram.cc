// Datagram sockets: what peers sent to them, and what may be told of it, by WskReceiveFromEvent and by
// WskReceiveFrom.
#include <algorithm>

#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

constexpr uint32_t kCastFlags = kMessageBroadcast | kMessageMulticast;

// nc-wsk-pfn_wsk_receive_from_event.md, Flags: a multicast may have come as a link-layer broadcast too.
bool TellsCast(Cast cast, uint32_t flags) {
  switch (cast) {
    case Cast::kBroadcast:
      return (flags & kCastFlags) == kMessageBroadcast;
    case Cast::kMulticast:
      return (flags & kMessageMulticast) != 0;
    default:
      return (flags & kCastFlags) == 0;
  }
}

}  // namespace

void Judge::State::DatagramSent(const Observation& o, SocketState& s) {
  EventState& e = s.events[kReceiveFrom];
  if (s.datagrams == 0) s.datagram_bytes = 0;
  ++s.datagrams;
  s.datagram_bytes += o.length;
  uint32_t& first = s.receiving.first_datagram;
  // A call that is in progress may keep back what the provider has committed itself to.
  if (first == kNoIndex || (first < last_exact && s.running == 0)) first = now;
  s.own_stimulus = true;
  Trigger(s, kReceiveFrom);
  // Those that wait from before may come now, too.
  e.triggers = static_cast<uint8_t>(std::min<uint32_t>(s.datagrams, UINT8_MAX));
  // While a request about the remote address is under way, everybody may be one.
  const bool stranger = s.remote_filter && o.peer != s.receiving.remote_peer;
  // While the provider may still be taking in a refusal, what comes may share its fate.
  const bool beside_refusal = RefusedLately(e);
  const bool room =
      s.datagrams <= kDatagramsSurelyBuffered && s.datagram_bytes <= kDatagramBytesSurelyBuffered;
  if (OwedConditions(s, kReceiveFrom) && !stranger && !beside_refusal && room) e.owed = true;
  DatagramPeer& peer = datagram_peers[o.peer];
  if (peer.last == kNoIndex && peer.sent_to_by == kNobody) used_datagram_peers.push_back(o.peer);
  Datagram sent;
  sent.begin = now;
  sent.before = peer.last;
  sent.offset = o.offset;
  sent.length = o.length;
  sent.socket = o.socket;
  sent.peer = o.peer;
  sent.cast = static_cast<Cast>(o.code);
  sent.answers = peer.sent_to_by == o.socket;
  peer.last = static_cast<uint32_t>(datagrams.size());
  datagrams.push_back(sent);
  Receiving& r = s.receiving;
  const bool others_told = e.MustIndicate() || s.receive_froms != 0;
  if (stranger && r.remote_peer != kNobody && others_told) {
    r.stranger = true;
    r.stranger_answers |= sent.answers;
  }
  r.stranger_owed |= e.owed && r.destination != kNobody && o.peer != r.destination;
}

void Judge::State::DatagramsEnded(const Observation& o, SocketState& s, const Running& call) {
  EventState& e = s.events[kReceiveFrom];
  if (call.nothing) return;
  if (o.status == kStatusSuccess || o.status == kStatusPending) {
    s.datagrams -= call.datagrams < s.datagrams ? call.datagrams : s.datagrams;
  }
  if (o.status == kStatusDataNotAccepted) {
    if (e.phases == SetOf(Phase::kStatic)) e.static_refused = true;
    e.refused_at = now;
    e.function_called = false;
    const PhaseSet after = Next(e.phases, LifeInput::kRefused);
    // nc-wsk-pfn_wsk_receive_from_event.md, first item. With other calls on their way, or an enable at the
    // same time, it may go either way (ambiguities 32).
    // The provider may have committed the call as early as the first datagram came.
    const uint32_t first = s.receiving.first_datagram;
    const uint32_t committed = std::min(first, call.begin);
    const bool enabled_since = e.last_enable_end != kNoIndex && e.last_enable_end > committed;
    const bool others = e.running != 0 || e.triggers > 1 || e.open_calls != 0 || enabled_since;
    e.phases = others ? static_cast<PhaseSet>(e.phases | after) : after;
    e.loose = others;
    e.owed = false;
    e.tempted = false;
    if (!others) e.trigger = e.late_start = false;
    ++e.version;
  }
}

// The datagram that these bytes are; null if none is known. `*all`: every one of the peer's was looked at.
Datagram* Judge::State::FindDatagram(const Observation& o, bool* all) {
  *all = false;
  uint32_t looked_at = 0;
  for (uint32_t i = datagram_peers[o.peer].last; i != kNoIndex; i = datagrams[i].before) {
    if (++looked_at > kDatagramsLookedAt) return nullptr;
    Datagram& sent = datagrams[i];
    if (o.offset >= sent.offset && o.offset < sent.offset + sent.length) return &sent;
  }
  *all = o.peer != kNoPeerEntry;
  return nullptr;
}

// Fixed addresses: was this one to be discarded? (sio-wsk-set-remote-address.md)
bool Judge::State::JudgeSender(const Datagram& sent, const SocketState& s) {
  const Receiving& r = s.receiving;
  if (r.remote_peer == kNobody || sent.peer == r.remote_peer) return true;
  if (sent.begin < r.remote_since) return true;  // what came before may still be received
  return sent.answers ? Refuse<RuleId::kReceiveFromFixedRemoteOverrideNotAnswered>()
                      : Refuse<RuleId::kReceiveFromFixedRemoteFilters>();
}

// Remarks: a queued WskReceiveFrom takes precedence. Crisp where every datagram that was sent since the last
// exact quiescence before it has a request of its own waiting.
bool Judge::State::JudgePrecedence(const Datagram& sent, const SocketState& s) {
  uint32_t queued = 0;
  uint32_t since = 0;
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
    const IrpState& irp = irps[i];
    if (static_cast<Op>(irp.op) != Op::kReceiveFrom) continue;
    if (!irp.settled || irp.cancelled || irp.settled_at > sent.begin) continue;
    ++queued;
    if (queued == 1 || irp.settled_at < since) since = irp.settled_at;
  }
  if (queued == 0 || !Works(s)) return true;
  uint32_t waiting = 0;
  uint32_t looked_at = 0;
  for (size_t i = datagrams.size(); i-- > 0 && datagrams[i].begin > since;) {
    if (++looked_at > kDatagramsLookedAt) return true;
    const Datagram& other = datagrams[i];
    waiting += other.socket == sent.socket && !other.delivered ? 1 : 0;
  }
  if (waiting > queued || sent.delivered) return true;
  return Refuse<RuleId::kReceiveFromQueuedTakesPrecedence>();
}

// One node of an indication.
void Judge::State::DatagramNode(const Observation& o, SocketState& s, const Running& call) {
  // ns-wsk-_wsk_datagram_indication.md, RemoteAddress: of the sender, of the socket's family.
  const bool foreign = static_cast<Content>(o.content) == Content::kForeign;
  if (o.code != 0 || foreign) {
    Refuse<RuleId::kReceiveFromIndicationRemoteAddress>();
    return;
  }
  // ControlInfo and ControlInfoLength: both, or neither.
  const bool given = (o.information & kControlInfoGiven) != 0;
  const bool sized = static_cast<uint32_t>(o.information) != 0;
  if (given != sized) {
    Refuse<RuleId::kReceiveFromIndicationControlInfo>();
    return;
  }
  if (!given) Exercise(RuleId::kReceiveFromIndicationControlInfo);
  if (static_cast<Content>(o.content) == Content::kCorrupt) {
    Refuse<RuleId::kReceiveFromIndicationCarriesDatagram>();
    return;
  }
  if (o.length < kDatagramTellable) return;
  bool all;
  Datagram* sent = FindDatagram(o, &all);
  // Buffer: a datagram that has been received, neither a part of it nor several.
  const bool as_sent = sent != nullptr && sent->offset == o.offset && sent->length == o.length;
  if ((sent != nullptr && (!as_sent || sent->socket != call.socket)) || (sent == nullptr && all)) {
    Refuse<RuleId::kReceiveFromIndicationCarriesDatagram>();
    return;
  }
  if (sent == nullptr) return;
  if (s.receiving.null_at != kNoIndex && sent->begin > s.receiving.null_at) {
    Refuse<RuleId::kReceiveFromNullIndicationMeansDead>();
    return;
  }
  if (!TellsCast(sent->cast, call.flags)) {
    Refuse<RuleId::kReceiveFromFlagsBroadcastAndMulticast>();
    return;
  }
  if (!JudgeSender(*sent, s) || !JudgePrecedence(*sent, s)) return;
  sent->delivered = true;
  Exercise(RuleId::kReceiveFromIndicationCarriesDatagram);
  Exercise(RuleId::kReceiveFromIndicationRemoteAddress);
  if (sent->cast != Cast::kUnicast) Exercise(RuleId::kReceiveFromFlagsBroadcastAndMulticast);
  if (s.receiving.enabled_quiet && sent->begin > s.receiving.quiet_at) {
    Exercise(RuleId::kReceiveFromNullIndicationMeansDead);
  }
}

// nc-wsk-pfn_wsk_receive_from.md, Return value: it succeeds, or is completed, when a datagram has been
// received. With which status a cancelled one ends is open, and inside the call it is the return that says
// more.
bool Judge::State::JudgeAnyDatagram(const IrpState& irp, const SocketState& s) {
  if (s.receiving.any_datagram || irp.cancelled || s.closing || s.dead_may) return true;
  return Refuse<RuleId::kReceiveFromIndicationCarriesDatagram>();
}

// A WskReceiveFrom has got a datagram.
void Judge::State::DatagramReceived(const Observation& o, IrpState& irp, SocketState& s) {
  if (irp.returned && !JudgeAnyDatagram(irp, s)) return;
  if (o.length < kDatagramTellable || static_cast<Content>(o.content) != Content::kExact) return;
  bool all;
  Datagram* sent = FindDatagram(o, &all);
  if (sent == nullptr || sent->offset != o.offset || sent->socket != irp.socket) return;
  // nc-wsk-pfn_wsk_receive_from.md, ControlFlags.
  const bool cut = sent->length > irp.length;
  const uint32_t held = cut ? irp.length : sent->length;
  if (((o.flags & kMessageTruncated) != 0) != cut || o.length != held) {
    Refuse<RuleId::kReceiveFromFunctionTruncationFlagged>();
    return;
  }
  if (cut) Exercise(RuleId::kReceiveFromFunctionTruncationFlagged);
  if (!TellsCast(sent->cast, o.flags)) {
    Refuse<RuleId::kReceiveFromFlagsBroadcastAndMulticast>();
    return;
  }
  if (sent->cast != Cast::kUnicast) Exercise(RuleId::kReceiveFromFlagsBroadcastAndMulticast);
  if (!JudgeSender(*sent, s)) return;
  sent->delivered = true;
  const EventState& e = s.events[kReceiveFrom];
  const bool newest = sent == &datagrams.back();
  if (newest && irp.settled && irp.settled_at < sent->begin && e.MustIndicate() && !irp.cancelled &&
      HasFunction(s.dispatch, kReceiveFrom)) {
    Exercise(RuleId::kReceiveFromQueuedTakesPrecedence);
  }
}

// SIO_WSK_SET_REMOTE_ADDRESS and SIO_WSK_SET_SENDTO_ADDRESS: in force once they have succeeded, as long as no
// other request could have changed them since.
void Judge::State::AddressFixed(const Observation& o, const IrpState& irp, SocketState& s) {
  Receiving& r = s.receiving;
  // Of two at the same time nobody knows which one lasts, whichever completes last.
  const bool to = static_cast<Op>(irp.op) == Op::kSetSendToAddress;
  const bool last = irp.call == (to ? r.last_destination : r.last_remote);
  const bool success = IsSuccess(o.status) && !irp.overlaps && last;
  if (to) {
    Lower(r.destination_requests);
    r.destination = success ? irp.peer : kNobody;
    return;
  }
  Lower(r.remote_requests);
  r.remote_peer = success ? irp.peer : kNobody;
  r.remote_since = now;
}

// At exact quiescence with nothing left to run.
void Judge::State::QuietDatagrams(SocketState& s) {
  Receiving& r = s.receiving;
  if (r.stranger && Works(s)) {
    Exercise(r.stranger_answers ? RuleId::kReceiveFromFixedRemoteOverrideNotAnswered
                                : RuleId::kReceiveFromFixedRemoteFilters);
  }
  r.stranger = r.stranger_answers = r.stranger_owed = false;
}

}  // namespace wskcert::model
