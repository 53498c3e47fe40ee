// What the environment does to a connection, and the bytes that travel over it.
#include <algorithm>
#include <iterator>

#include "conformance/model/judge_state.h"

namespace wskcert::model {

// Something that would start the callback, if nothing stood against it.
void Judge::State::Trigger(SocketState& s, uint32_t event) {
  EventState& e = s.events[event];
  // WskAccept may have passed it on.
  const bool passed_on = s.origin == Origin::kByFunction && (s.inherit_may & Bit(event)) != 0;
  if (e.MayStart() || (passed_on && (e.phases & SetOf(Phase::kNew)) != 0)) e.trigger = true;
  e.tempted = true;
}

// Whether something that the peer does, and that was not begun for the connection that is being made, may
// still come to concern it.
bool Judge::State::PeerIsActing(uint16_t number) const {
  return std::any_of(std::begin(stimuli), std::end(stimuli), [number](const Pending& pending) {
    return pending.begin != kNoIndex && pending.peer == number && !pending.to_peer;
  });
}

// Of more at a time than there is room for, the end says nothing.
void Judge::State::NotePending(const Pending& begun) {
  for (Pending& pending : stimuli) {
    if (pending.begin != kNoIndex) continue;
    pending = begun;
    return;
  }
}

void Judge::State::StimulusBegin(const Observation& o) {
  const Op op = static_cast<Op>(o.op);
  if (op == Op::kFailAllocations) starved = true;
  if (op == Op::kSetReady) return SetReadyBegin(o);
  if (op == Op::kScribble && irps[o.irp].listed && irps[o.irp].control) {
    // nc-wsk-pfn_wsk_control_socket.md, Remarks: the buffer is the provider's until the IRP completes.
    Breach(RuleId::kApplicationControlInputStaysValid, irps[o.irp].socket);
  }
  if (op == Op::kPeerConnect) return PeerConnects(o);
  if (op == Op::kPeerHoldAcks) {
    // It holds for the connections that the peer will have as well.
    UsedPeer(o.peer).slow = true;
  }
  if (op == Op::kNoHalfOpen && !sockets[o.socket].created) UsedPeer(o.peer).no_half_open = true;
  const bool of_peer = op == Op::kPeerSend || op == Op::kPeerDisconnect || op == Op::kPeerReset ||
                       op == Op::kPeerAbandon || op == Op::kBreakSocket;
  if (of_peer && op != Op::kPeerSend) {
    // What its listening socket had to tell of it, it need not tell any more.
    EventState* events = sockets[peers[o.peer].listener].events;
    events[kAccept].met = events[kInspect].met = false;
  }
  if ((of_peer || op == Op::kPeerHoldAcks) && peers[o.peer].end_owed) {
    peers[o.peer].end_owed = false;  // which end it sees is no longer clear
    --requests.ends_owed;
  }
  if (of_peer && peers[o.peer].active) return PeerStimulus(o);
  if (!sockets[o.socket].created) {
    const bool of_socket = op == Op::kPeerSendDatagram || op == Op::kBreakBound;
    if (of_peer) NotePending({now, kNoSocketEntry, o.peer, false, o.length});
    if (of_socket) NotePending({now, kNoSocketEntry, kNone, false, o.length, o.socket});
    return;
  }
  Touch(o.socket);
  SocketState& s = sockets[o.socket];
  NotePending({now, o.socket, o.peer, false, o.length});
  s.tempted_after_close |= s.closing;
  if (s.listening.inspected && s.listening.id != 0 && (op == Op::kPeerDisconnect || op == Op::kPeerReset)) {
    ExerciseWhenQuiet(RuleId::kAbortOnlyBeforeEstablished);
  }
  if (s.listener < kMaxSockets) {
    Touch(s.listener);
    sockets[s.listener].accepted_data = true;
  }
  switch (op) {
    case Op::kPeerSend:
      s.own_stimulus = true;
      PeerSends(o, s);
      s.stream.sent_may += o.length;
      if (o.length != 0) Trigger(s, kReceive);
      break;
    case Op::kPeerSendDatagram:
      s.receiving.any_datagram = true;
      if ((s.own & Bit(kReceiveFrom)) != 0) DatagramSent(o, s);
      break;
    case Op::kPeerDisconnect:
    case Op::kPeerReset:
    case Op::kBreakSocket:
    case Op::kBreakBound:
      Breaks(o, s);
      break;
    case Op::kNoHalfOpen:
      PartingStimulus(o, s);
      break;
    case Op::kPeerHoldAcks:
      PartingStimulus(o, s);
      s.slow_peer = true;
      Trigger(s, kBacklog);
      break;
    case Op::kSetIdealBacklog: {
      Trigger(s, kBacklog);
      BacklogSet(o.length, s);
      EventState& e = s.events[kBacklog];
      if (s.backlog != 0 && s.backlog != o.length && e.MustIndicate() && s.connected_must && !s.closing &&
          !s.dead_may && !s.fin_may && !s.local_disconnect) {
        if (!e.owed) s.backlog_before = s.backlog;
        // Back to what it was before it was told of: nothing has changed.
        e.owed = s.backlog_before != o.length;
      }
      s.backlog = o.length;
      break;
    }
    default:
      break;
  }
}

// The connection, or the socket, comes to an end.
void Judge::State::Breaks(const Observation& o, SocketState& s) {
  const bool graceful = static_cast<Op>(o.op) == Op::kPeerDisconnect;
  const bool first = !s.fin_may && !s.reset_may && !s.dead_may;
  (graceful ? s.fin_may : s.reset_may) = true;
  s.ended |= static_cast<Op>(o.op) == Op::kPeerReset;
  if (!graceful) {
    s.dead_may = s.stream.lossy = true;
    s.dead_by_local = false;
  }
  // It may show as a NULL indication.
  for (uint32_t rest = s.own & ~(Bit(kInspect) | Bit(kAbort) | Bit(kExtension)); rest != 0;
       rest &= rest - 1) {
    Trigger(s, static_cast<uint32_t>(__builtin_ctz(rest)));
  }
  // ... beside the datagrams that are on their way.
  uint8_t& triggers = s.events[kReceiveFrom].triggers;
  triggers = static_cast<uint8_t>(std::min(triggers + 1, int{UINT8_MAX}));
  EventState& e = s.events[kDisconnect];
  // Owed only for what is surely a first disconnect by the remote application of a connection that works.
  if (static_cast<Op>(o.op) != Op::kBreakSocket && first && s.connected_must && !s.closing &&
      !s.local_disconnect && e.MustIndicate() && !(s.slow_peer && s.parting.reset_seen)) {
    e.owed = true;
  }
}

void Judge::State::StimulusEnd(const Observation& o) {
  // The end names the peer only; the socket was noted at the begin.
  const Op op = static_cast<Op>(o.op);
  if (op == Op::kSetReady) return SetReadyEnd(o);
  if (op == Op::kPeerConnect && o.status != kStatusSuccess) {
    UnlinkPeer(o.peer);
    peers[o.peer].active = false;
    return;
  }
  for (Pending& pending : stimuli) {
    if (pending.begin != o.begin) continue;
    pending.begin = kNoIndex;
    if (!pending.to_peer && pending.socket == kNoSocketEntry) return;
    const bool done = o.status == kStatusSuccess;
    if (pending.to_peer) {
      PeerState& peer = peers[pending.peer];
      const bool drops = op == Op::kPeerAbandon || op == Op::kPeerReset;
      if (done && drops && peer.active && !peer.established && peer.begin < o.begin) peer.abandoned = true;
      if (op != Op::kPeerSend) return;
      if (!done) {
        uint64_t& sent = peer.active ? peer.sent_may : sockets[peer.socket].stream.sent_may;
        sent -= std::min<uint64_t>(pending.length, sent);
        return;
      }
      if (peer.active) peer.sent_must += pending.length;
      if (!peer.active) sockets[peer.socket].stream.sent_must += pending.length;
      return;
    }
    SocketState& s = sockets[pending.socket];
    if (op == Op::kPeerSend) {
      if (done) {
        s.stream.sent_must += pending.length;
      } else {
        s.stream.sent_may -= std::min<uint64_t>(pending.length, s.stream.sent_may);
        s.stream.sent_may = std::max(s.stream.sent_may, s.stream.sent_must);
        s.receiving.pushed_count = 0;
        s.receiving.push_known = false;
      }
    } else if (op == Op::kPeerReset && done) {
      s.parting.reset_done = s.connected_must;
    } else if (op == Op::kNoHalfOpen && done) {
      NoHalfOpen(s);
    } else if ((op == Op::kBreakSocket || op == Op::kBreakBound) && done) {
      s.breaking = true;
    } else if (!done) {
      if (op == Op::kPeerSendDatagram) Lower(s.datagrams);
      s.receiving.stranger = s.receiving.stranger_answers = s.receiving.stranger_owed = false;
      s.receiving.sizes_unknown = true;
      s.events[kDisconnect].owed = s.events[kBacklog].owed = s.events[kReceiveFrom].owed = false;
    }
    return;
  }
}

// One or two bytes are found in several places of a stream, and where they were not expected mean little.
bool Judge::State::InSeveralPlaces(const Observation& o, const Stream& stream) {
  return o.length <= kAmbiguous && o.offset != stream.delivered;
}

// What is there in one buffer may lie before and behind bytes that were taken before: were seen to be taken,
// or are a request's that nobody has seen completed.
bool Judge::State::MayLieAround(const SocketState& s) {
  return s.stream.island_count != 0 || s.receives != 0;
}

// Bytes that are another connection's, or nobody's, were not sent here.
bool Judge::State::JudgeContent(const Observation& o, SocketState& s) {
  if (s.stream.unknown) return true;
  const Content content = static_cast<Content>(o.content);
  // A WskReceive may also get what follows the bytes that a call in progress has been given.
  const bool beside = static_cast<Seen>(o.kind) == Seen::kCompletion && s.events[kReceive].running != 0 &&
                      s.stream.indicated > s.stream.delivered && o.length <= kAmbiguous;
  if (content == Content::kExact && (beside || InSeveralPlaces(o, s.stream))) {
    s.stream.unknown = true;
    return true;
  }
  if (content == Content::kCorrupt && MayLieAround(s)) {
    s.stream.unknown = true;
    return true;
  }
  if (content == Content::kForeign || content == Content::kCorrupt)
    return Refuse<RuleId::kReceiveBytesNoneLost>();
  return true;
}

// Bytes [offset, offset + length) are being given to the client: they were sent, and not yet accepted.
bool Judge::State::JudgeBytes(SocketState& s, uint64_t offset, uint32_t length) {
  Stream& stream = s.stream;
  if (stream.unknown || length == 0) return true;
  const uint64_t end = offset + length;
  if (end > stream.sent_may || end < offset) return Refuse<RuleId::kReceiveBytesNoneLost>();
  bool again = offset < stream.delivered;
  for (uint32_t i = 0; i < stream.island_count; ++i) {
    again |= offset < stream.islands[i].end && end > stream.islands[i].begin;
  }
  if (again) return Refuse<RuleId::kReceiveBytesAtMostOnce>();
  if (stream.delivered != 0) Exercise(RuleId::kReceiveBytesAtMostOnce);
  Exercise(RuleId::kReceiveBytesNoneLost);
  return true;
}

// Whether all of these bytes have been given to the client.
bool Judge::State::Taken(const Stream& stream, uint64_t begin, uint64_t end) {
  uint64_t taken = std::max(begin, stream.delivered);
  for (uint32_t i = 0; i < stream.island_count && taken < end;) {
    const Island& island = stream.islands[i++];
    if (island.begin > taken || island.end <= taken) continue;
    taken = island.end;
    i = 0;
  }
  return taken >= end;
}

void Judge::State::Deliver(SocketState& s, uint64_t begin, uint64_t end) {
  Stream& stream = s.stream;
  if (stream.unknown || begin >= end) return;
  if (begin > stream.delivered) {
    if (stream.island_count == kMaxIslands) {
      stream.unknown = true;
      inconclusive = true;
      return;
    }
    stream.islands[stream.island_count++] = {begin, end};
    return;
  }
  stream.delivered = std::max(stream.delivered, end);
  for (uint32_t i = 0; i < stream.island_count;) {
    if (stream.islands[i].begin > stream.delivered) {
      ++i;
      continue;
    }
    stream.delivered = std::max(stream.delivered, stream.islands[i].end);
    stream.islands[i] = stream.islands[--stream.island_count];
    i = 0;
  }
}

}  // namespace wskcert::model
