// How connections end: WskDisconnect, sends after an end, what the peer sees of it all, and what a close does
// to a connection (nc-wsk-pfn_wsk_disconnect.md, nc-wsk-pfn_wsk_close_socket.md).
//
// What a peer sees is ordered for itself only: its sights are compared with each other, with what was given
// to sends before the disconnect was called, and with exact quiescence, never with returns.
#include <algorithm>

#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

bool Takes(Status status) { return IsSuccess(status); }

RuleId RuleOf(Barred barred) {
  switch (barred) {
    case Barred::kByRemoteAbort:
      return RuleId::kDisconnectAbortiveNoSendingAfter;
    case Barred::kByOwnAbort:
      return RuleId::kDisconnectLocalAbortNoDataAfter;
    default:
      return RuleId::kDisconnectGracefulNoSendingAfter;
  }
}

// Something else than the client's own disconnects may have ended the connection.
bool OtherEnd(const SocketState& s) {
  const Parting& p = s.parting;
  return s.reset_may || s.told_abortive || (s.dead_may && !s.dead_by_local) || p.garbled;
}

// Or maybe so, where a disconnect began before the connection was asked for: it may have met it.
bool DisconnectedBothWays(const SocketState& s) {
  return s.fin_may && (s.parting.graceful || s.parting.early != 0);
}

}  // namespace

// A peer of which something is known from now on.
PeerState& Judge::State::UsedPeer(uint16_t number) {
  PeerState& peer = peers[number];
  if (peer.begin == kNoIndex) {
    used_peers.push_back(number);
    peer.begin = now;
  }
  return peer;
}

// From now on the peer's sights are about this socket.
void Judge::State::LinkConnection(uint16_t slot, uint16_t number) {
  PartPeer(number);
  PeerState& peer = UsedPeer(number);
  peer.connection = slot;
  sockets[slot].parting.peer = number;
  sockets[slot].parting.reports = peer.established;
  sockets[slot].slow_peer |= peer.slow;
  sockets[slot].parting.half_open_unsure |= peer.no_half_open;
  if (PeerIsActing(number)) {
    SocketState& s = sockets[slot];
    s.stream.unknown = s.fin_may = s.reset_may = s.dead_may = true;
  }
}

// What the peer sees is no longer about the socket that it was connected with.
void Judge::State::PartPeer(uint16_t number) {
  if (peers[number].connection == kNoSocketEntry) return;
  Parting& p = sockets[peers[number].connection].parting;
  if (p.peer == number) p.peer = kNone;
  peers[number].connection = kNoSocketEntry;
}

// Calls that carry bytes to the peer: WskSend, WskConnectEx, WskDisconnect.
void Judge::State::SendBegin(const Observation& o, const OpenCall& call, SocketState& s) {
  if (o.length == 0) return;
  Parting& p = s.parting;
  IrpState& irp = irps[call.irp];
  irp.offset = o.offset;
  p.unacknowledged |= p.acks_quiet;
  // nc-wsk-pfn_wsk_send.md, Flags: it may fail for a flag that is unknown, or that the transport does not
  // support; and, while the connection is being made, because it came too early.
  irp.doubtful = static_cast<Op>(o.op) == Op::kSend && (o.flags != 0 || !s.connected_must);
  p.doubtful += irp.doubtful ? 1 : 0;
  if (static_cast<Op>(o.op) != Op::kSend || !s.connected_must) return;
  if (p.abort_done) {
    irp.barred = Barred::kByOwnAbort;
  } else if (p.reset_quiet || (s.told_abortive && s.abortive_quiet)) {
    irp.barred = Barred::kByRemoteAbort;
  } else if (p.graceful_done) {
    irp.barred = Barred::kByOwnDisconnect;
  }
}

// A send returned, or its IRP completed. False: refused.
bool Judge::State::SendOutcome(IrpState& irp, SocketState& s, Status status, Moment moment) {
  if (moment == Moment::kReturn && Takes(status) && irp.offset + irp.length > s.parting.given) {
    s.parting.given = irp.offset + irp.length;
  }
  if (!Takes(status)) s.parting.garbled = true;
  if (moment != Moment::kReturn && irp.doubtful) Lower(s.parting.doubtful);
  if (moment == Moment::kReturn && status == kStatusPending) return true;
  if (irp.barred == Barred::kNo || Hampered(s)) return true;
  if (Takes(status)) return !Forbid({RuleOf(irp.barred)});
  Exercise(RuleOf(irp.barred));
  return true;
}

void Judge::State::DisconnectBegin(const Observation& o, OpenCall& call, SocketState& s) {
  Parting& p = s.parting;
  const bool abortive = (o.flags & kFlagAbortive) != 0;
  if (abortive && o.length != 0) {
    // nc-wsk-pfn_wsk_disconnect.md, Parameters, Buffer.
    Breach(RuleId::kApplicationDisconnectAbortiveWithoutBuffer, kNone);
    call.judged = false;
    irps[call.irp].silent = false;
    p.garbled = true;
  }
  if (call.judged) irps[call.irp].dead_disconnect = s.dead_must && !s.local_disconnect;
  s.local_disconnect = s.ended = true;
  s.local_quiet = false;
  if (!s.connected_may) {
    // nc-wsk-pfn_wsk_disconnect.md, Remarks: it is for sockets that were connected. What it does to another,
    // and to a connection that this one makes later, is not said.
    irps[call.irp].unconnected = s.stream.lossy = p.garbled = true;
    p.early += abortive ? 0 : 1;
    if (abortive && !s.dead_may) s.dead_may = s.dead_by_local = true;
    return;
  }
  if (abortive) {
    s.stream.lossy = true;
    if (p.abort_begin == kNoIndex) p.abort_begin = now;
    if (!s.dead_may) s.dead_may = s.dead_by_local = true;
    return;
  }
  if (p.no_half_open || p.half_open_unsure) s.stream.lossy = true;
  if (p.graceful) {
    // Of two at once either may be the first, and the buffer of the other does not go.
    for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
      const bool other = i != call.irp && static_cast<Op>(irps[i].op) == Op::kDisconnect;
      if (other && !irps[i].returned) p.with = p.before;
    }
    return;
  }
  p.held_back = p.acks_quiet && (p.unacknowledged || o.length != 0);
  p.graceful = true;
  p.before = p.given;
  p.with = o.length != 0 ? o.offset + o.length : p.given;
  p.behind = p.seen < p.before;
}

// A disconnect returned, or its IRP completed. False: refused.
bool Judge::State::DisconnectOutcome(IrpState& irp, SocketState& s, Status status, Moment moment) {
  Parting& p = s.parting;
  if (moment == Moment::kReturn && status == kStatusPending) return true;
  const bool success = IsSuccess(status);
  if (irp.dead_disconnect && !Hampered(s)) {
    // nc-wsk-pfn_wsk_disconnect.md, Return value. After STATUS_PENDING, or within an error, the IRP fails.
    const bool wrong = moment == Moment::kReturn ? status != kStatusFileForcedClosed : success;
    if (wrong) return Refuse<RuleId::kDisconnectDeadSocketForcedClosed>();
    Exercise(RuleId::kDisconnectDeadSocketForcedClosed);
  }
  const bool abortive = (irp.flags & kFlagAbortive) != 0;
  if (irp.unconnected) {
    if (!success && !abortive && moment != Moment::kReturn) Lower(p.early);
    return true;
  }
  if (!success) {
    if (!abortive) s.stream.lossy = p.garbled = true;
    return true;
  }
  if (abortive) {
    p.abort_done = true;
    return true;
  }
  const bool sure = p.acks_quiet && p.unacknowledged && p.abort_begin == kNoIndex && !Hampered(s);
  if (sure && !OtherEnd(s)) return Refuse<RuleId::kDisconnectGracefulIrpWaitsForTransport>();
  p.graceful_done = true;
  return true;
}

// The outcome of any call that carries bytes or ends the connection. False: refused.
bool Judge::State::Parts(IrpState& irp, SocketState& s, Status status, Moment moment) {
  switch (static_cast<Op>(irp.op)) {
    case Op::kConnectEx:
    case Op::kSend:
      return SendOutcome(irp, s, status, moment);
    case Op::kDisconnect:
      SendOutcome(irp, s, status, moment);
      return DisconnectOutcome(irp, s, status, moment);
    default:
      return true;
  }
}

// An IRP completed that had been waiting at an exact quiescence: what let it go?
void Judge::State::ExerciseParting(const IrpState& irp, const SocketState& s, Status status) {
  if (!irp.stuck) return;
  const Parting& p = s.parting;
  const bool aborted = p.abort_begin != kNoIndex && irp.call < p.abort_begin;
  if (static_cast<Op>(irp.op) == Op::kSend) {
    if (aborted && !irp.closing) ExerciseWhenQuiet(RuleId::kDisconnectLocalAbortEndsSends);
    return;
  }
  if ((irp.flags & kFlagAbortive) != 0) return;
  if (aborted || irp.closing) {
    ExerciseWhenQuiet(RuleId::kDisconnectStuckAbortCompletes);
  } else if (p.held_back && IsSuccess(status)) {
    Exercise(RuleId::kDisconnectGracefulIrpWaitsForTransport);
  }
}

// Data is being given to the client: may any come yet? False: refused.
bool Judge::State::JudgeParted(const Observation& o, const SocketState& s, uint32_t length) {
  const Parting& p = s.parting;
  if (length == 0 || s.stream.unknown) return true;
  // Bytes of nobody have not been there before either.
  const Content content = static_cast<Content>(o.content);
  const bool known = content == Content::kExact;
  if (content == Content::kCorrupt && MayLieAround(s)) return true;
  if (content == Content::kNone || (known && (o.offset < p.sent_then || InSeveralPlaces(o, s.stream))))
    return true;
  if (p.abort_quiet) return Refuse<RuleId::kDisconnectLocalAbortNoDataAfter>();
  if (p.graceful_quiet && p.no_half_open) return Refuse<RuleId::kDisconnectGracefulNotHalfOpen>();
  return true;
}

// Stimuli that concern what a disconnect does.
void Judge::State::PartingStimulus(const Observation& o, SocketState& s) {
  Parting& p = s.parting;
  if (static_cast<Op>(o.op) == Op::kPeerHoldAcks) {
    p.acks_held = o.code != 0;
    p.acks_quiet = p.unacknowledged = false;
  } else if (s.local_disconnect) {
    s.stream.lossy = true;  // what it means for a disconnect that was made before is not said
  }
}

// No half-open connections from now on: the transport could do it, so the end says.
void Judge::State::NoHalfOpen(SocketState& s) {
  if (s.local_disconnect) {
    s.stream.lossy = true;
  } else {
    s.parting.no_half_open = true;
  }
}

// What the peer of a connection saw.
void Judge::State::ConnectionSight(const Observation& o) {
  if (peers[o.peer].connection == kNoSocketEntry) return;
  const uint16_t slot = peers[o.peer].connection;
  SocketState& s = sockets[slot];
  Parting& p = s.parting;
  if (p.peer != o.peer) return;
  // Until it has seen that this connection stands it may still see the end of the one before.
  if (!p.reports && !s.connected_must && static_cast<PeerSight>(o.code) != PeerSight::kConnected) return;
  switch (static_cast<PeerSight>(o.code)) {
    case PeerSight::kConnected:
      p.reports = true;
      p.reset_seen = p.fin_seen = false;
      p.seen = 0;
      return;
    case PeerSight::kData:
      // nc-wsk-pfn_wsk_disconnect.md, Remarks: after an abortive disconnect nothing can be sent.
      if (s.judged && p.abort_quiet && o.length != 0 && !starved) {
        Forbid({RuleId::kDisconnectLocalAbortNoDataAfter});
      }
      if (static_cast<Content>(o.content) == Content::kExact && o.offset <= p.seen) {
        p.seen = std::max<uint64_t>(p.seen, o.offset + o.length);
      } else if (o.length != 0) {
        p.garbled = true;
      }
      return;
    case PeerSight::kFin:
      p.fin_seen = true;
      break;
    case PeerSight::kReset:
      p.reset_seen = true;
      // Given up for missing acknowledgements, maybe before the peer disconnected: then there was no longer
      // anything to disconnect.
      if (s.slow_peer) {
        s.events[kDisconnect].owed = false;
        s.stream.lossy = true;  // what the provider had not told of yet
      }
      Touch(slot);
      if (p.fin_seen || s.slow_peer) return;
      break;
    default:
      return;
  }
  if (!s.judged || !p.graceful || p.abort_begin != kNoIndex || Hampered(s) || OtherEnd(s)) return;
  if (p.doubtful != 0) return;
  if (p.reset_seen) {
    // Parameters, Flags: without WSK_FLAG_ABORTIVE it is graceful.
    Forbid({RuleId::kDisconnectGracefulWaitsForSends});
    return;
  }
  // nc-wsk-pfn_wsk_disconnect.md, Remarks: what was given to sends, and the buffer of the disconnect, come
  // first.
  if (p.seen < p.before) {
    Forbid({RuleId::kDisconnectGracefulWaitsForSends});
    return;
  }
  if (p.seen < p.with) {
    Forbid({RuleId::kDisconnectGracefulSendsBufferFirst});
    return;
  }
  if (p.behind) Exercise(RuleId::kDisconnectGracefulWaitsForSends);
  if (p.with > p.before) Exercise(RuleId::kDisconnectGracefulSendsBufferFirst);
}

// The socket is being closed. nc-wsk-pfn_wsk_close_socket.md, last paragraph: an abortive disconnect, unless
// it is disconnected in both directions.
void Judge::State::CloseParts(SocketState& s) const {
  Parting& p = s.parting;
  const bool both = DisconnectedBothWays(s);
  p.reset_due = s.connected_must && p.reports && p.peer != kNone && !both && p.abort_begin == kNoIndex &&
                !p.reset_seen && !s.slow_peer && !s.dead_may && !s.told_abortive && !starved &&
                !s.receiving.silent_may;
}

// Exact quiescence, with nothing of the provider's held up.
void Judge::State::QuietParting(SocketState& s) {
  Parting& p = s.parting;
  if (s.closed && p.reset_due) {
    const bool both = DisconnectedBothWays(s);
    if (p.peer != kNone && !both && !s.reset_may && !s.dead_may && !starved) {
      if (!p.reset_seen) {
        Forbid({RuleId::kCloseConnectedAborts});
        return;
      }
      Exercise(RuleId::kCloseConnectedAborts);
    }
    p.reset_due = false;
  }
  if (p.graceful_quiet && p.no_half_open && s.stream.sent_must > p.sent_then && !s.closing &&
      s.events[kReceive].MustIndicate() && s.events[kReceive].suspension == kFlowing && s.receives == 0 &&
      !OtherEnd(s) && !s.fin_may && HasFunction(s.dispatch, kReceive)) {
    Exercise(RuleId::kDisconnectGracefulNotHalfOpen);
  }
  p.reset_quiet |= p.reset_done;
  p.acks_quiet = p.acks_held;
  const bool over = p.abort_done || (p.graceful_done && p.no_half_open);
  if (over && !p.abort_quiet && !(p.graceful_quiet && !p.abort_done)) p.sent_then = s.stream.sent_may;
  p.abort_quiet |= p.abort_done;
  p.graceful_quiet |= p.graceful_done;
}

// An abortive disconnect came after it, and does not wait (nc-wsk-pfn_wsk_disconnect.md, Remarks).
bool Judge::State::Aborted(const IrpState& irp) const {
  const Parting& p = sockets[irp.socket].parting;
  return p.abort_done && irp.call < p.abort_begin;
}

// A send or a disconnect that is still outstanding then.
void Judge::State::OwedParting(const IrpState& irp) {
  const bool aborted = Aborted(irp);
  if (static_cast<Op>(irp.op) == Op::kSend) {
    if (aborted) Forbid({RuleId::kDisconnectLocalAbortEndsSends});
  } else if ((irp.flags & kFlagAbortive) != 0) {
    if (irp.length == 0) Forbid({RuleId::kIrpPendingCompletes});
  } else if (aborted) {
    Forbid({RuleId::kDisconnectStuckAbortCompletes});
  }
}

}  // namespace wskcert::model
