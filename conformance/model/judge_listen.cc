// Listening sockets: requests to connect, inspection, and the sockets that are accepted.
#include <algorithm>
#include <iterator>

#include "conformance/model/judge_state.h"

namespace wskcert::model {

void Judge::State::UnlinkPeer(uint16_t slot) {
  PeerState& peer = peers[slot];
  if (!peer.listed) return;
  if (peer.previous != kNone) {
    peers[peer.previous].next = peer.next;
  } else {
    sockets[peer.listener].first_peer = peer.next;
  }
  if (peer.next != kNone) peers[peer.next].previous = peer.previous;
  peer.listed = false;
}

void Judge::State::ListPeer(uint16_t slot) {
  PeerState& peer = peers[slot];
  SocketState& s = sockets[peer.listener];
  peer.next = s.first_peer;
  if (peer.next != kNone) peers[peer.next].previous = slot;
  s.first_peer = slot;
  peer.listed = true;
}

// A socket is being created that requests may find which were made before, as they take their time. Of what
// else may find it is not known whether it has.
void Judge::State::MayFind(uint16_t slot) {
  for (uint16_t number : used_peers) {
    PeerState& peer = peers[number];
    if (!peer.active || peer.listed || peer.listener != slot) continue;
    ListPeer(number);
    sockets[slot].events[kAccept].trigger = true;
  }
  for (const Pending& pending : stimuli) {
    if (pending.begin != kNoIndex && pending.early == slot) sockets[slot].judged = false;
  }
}

// The peer's own attempt to connect is over: from now on its number stands for another connection.
void Judge::State::LeavePeer(uint16_t number) {
  if (!peers[number].active) return;
  UnlinkPeer(number);
  peers[number].active = false;
}

// A peer asks to connect to a listening socket.
void Judge::State::PeerConnects(const Observation& o) {
  UnlinkPeer(o.peer);
  PartPeer(o.peer);
  PeerState& peer = peers[o.peer];
  if (peer.begin == kNoIndex) used_peers.push_back(o.peer);
  const bool acting = PeerIsActing(o.peer);
  const bool again = peer.again || peer.active || acting;
  if (peer.active) ++sockets[peer.listener].listening.lost;
  if (peer.end_owed) --requests.ends_owed;
  const bool slow = peer.slow, no_half_open = peer.no_half_open;
  peer = PeerState();
  peer.slow = slow;
  peer.no_half_open = no_half_open;
  peer.active = true;
  peer.again = again;
  peer.begin = now;
  peer.listener = o.socket;
  if (!sockets[o.socket].created) {
    peer.again = true;  // it may find what is created meanwhile, see MayFind()
    return;
  }
  SocketState& s = sockets[o.socket];
  Touch(o.socket);
  s.own_stimulus = true;
  s.tempted_after_close |= s.closing;
  ListPeer(o.peer);
  s.listening.last_arrival = now;
  if (s.conditional_may) Trigger(s, kInspect);
  EventState& accept = s.events[kAccept];
  if (s.conditional_must) {
    accept.trigger |= accept.MayStart();
  } else {
    Trigger(s, kAccept);
  }
  const bool listens = s.category == Category::kStream ? s.listening_must : s.bound_must;
  // What the peer does already may end it at once.
  if (!s.judged || !listens || !Works(s) || acting) return;
  peer.inspect_owed = s.conditional_must;
  peer.owed = !s.conditional_may && s.accepts == 0 && accept.MustIndicate();
  // Of several at once some may be dropped, also of those that came first (N224).
  bool alone = s.listening.lost == 0;
  for (uint16_t i = peer.next; i != kNone; i = peers[i].next) {
    alone &= peers[i].delivered;
    peers[i].expects = false;
  }
  peer.expects = alone && !s.conditional_may && (peer.owed || s.accepts != 0);
  NewRequest(s, peer);
}

// What a peer does on a connection that has no socket yet.
void Judge::State::PeerStimulus(const Observation& o) {
  PeerState& peer = peers[o.peer];
  peer.owed_function &= static_cast<Op>(o.op) == Op::kPeerSend;
  NotePending({now, peer.listener, o.peer, true, o.length});
  switch (static_cast<Op>(o.op)) {
    case Op::kPeerSend:
      peer.sent_may += o.length;
      break;
    case Op::kPeerDisconnect:
      peer.fin = true;
      peer.owed = peer.inspect_owed = false;
      break;
    default:
      peer.reset = peer.over = true;
      peer.owed = peer.expects = peer.inspect_owed = false;
      Touch(peer.listener);
      Trigger(sockets[peer.listener], kAbort);
      break;
  }
}

void Judge::State::PeerSaw(const Observation& o) {
  PeerState& peer = peers[o.peer];
  const PeerSight sight = static_cast<PeerSight>(o.code);
  const bool ends = sight == PeerSight::kFin || sight == PeerSight::kReset || sight == PeerSight::kRefused;
  if (peer.end_owed && ends) {
    peer.end_owed = false;
    --requests.ends_owed;
    Exercise(RuleId::kAcceptRefusedClosedByProvider);
  }
  if (!peer.active) return;
  bool listens = peer.expects;
  if (listens) {
    const SocketState& s = sockets[peer.listener];
    listens = s.judged && Works(s);
  }
  if (sight == PeerSight::kConnected) {
    peer.established = true;
    peer.abandoned = false;
    if (listens) Exercise(RuleId::kBindOrderBoundListens);
    // nc-wsk-pfn_wsk_inspect_event.md, Remarks: a rejected request is not established.
    if (peer.conditional && peer.quiet_after && peer.answer == Answer::kReject) {
      Forbid({RuleId::kInspectRejectedDropped});
    }
  } else if (sight == PeerSight::kRefused || sight == PeerSight::kReset) {
    peer.over = true;
    // listening-for-and-accepting-incoming-connections.md: bound, it listens.
    if (listens && sight == PeerSight::kRefused) {
      Forbid({RuleId::kBindOrderBoundListens});
    }
  }
}

// The start of an accept, inspect or abort callback.
void Judge::State::AcceptStarts(const Observation& o, SocketState& s, uint32_t event, bool* had_to) {
  if ((o.seen_flags & kSeenNullIndication) != 0) {
    NullIndication(s, event);
    return;
  }
  if (event == kAbort) {
    AbortStarts(o, s);
    return;
  }
  PeerState& peer = peers[o.peer];
  if (event == kAccept) {
    if (peer.active && !peer.again && !JudgeAcceptArguments(o, s, peer)) return;
    if (!JudgeDelivery(o.socket, o.peer, true)) return;
  }
  if (event == kInspect && !InspectStarts(o, s)) return;
  if (!peer.active) return;
  if (event == kAccept && peer.owed && s.listening.refused) s.listening.met_after_refusal = true;
  bool& owed = event == kAccept ? peer.owed : peer.inspect_owed;
  *had_to = owed && s.events[event].MustIndicate();
  owed = false;
  if (event == kInspect) s.events[kAccept].trigger |= s.events[kAccept].MayStart();
}

// Must the callback have been called for a request that is still waiting?
bool Judge::State::ConnectionOwed(const SocketState& s, uint32_t event) const {
  for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
    const PeerState& peer = peers[i];
    if (peer.over) continue;
    if (event == kAccept ? peer.owed && peer.established : peer.inspect_owed) return true;
  }
  return false;
}

// A connection gets its socket.
void Judge::State::Accepted(uint16_t slot, uint16_t listener, Origin origin, uint16_t peer,
                            uint32_t dispatch) {
  const SocketState& l = sockets[listener];
  NewSocket(slot, Category::kConnection, origin, l.client, dispatch);
  SocketState& s = sockets[slot];
  s.judged = l.judged;
  s.listener = listener;
  s.inherit_may = l.inherit_may;
  if (origin != Origin::kByEvent) return;
  IdOf(s, peer);
  s.connected_must = true;
  for (uint32_t event = 0; event < kConnectionEvents; ++event) {
    EventState& e = s.events[event];
    // While a connection is being accepted, the old or the new set may apply (N184).
    const bool sure = (l.inherit_must & Bit(event)) != 0 && peers[peer].active &&
                      peers[peer].begin > l.inherit_since[event];
    if (sure) {
      s.inherit_must |= Bit(event);
      e.phases = static_cast<PhaseSet>(SetOf(Phase::kEnabled) | (e.phases & SetOf(Phase::kStatic)));
      e.inherited = true;
      if ((l.inherit_tried & Bit(event)) != 0) e.inherit_tags |= kInheritTried;
      if (l.accept_disabled_at != kNoIndex && l.accept_disabled_at > l.inherit_since[event]) {
        e.inherit_tags |= kInheritCycled;
      }
      for (uint32_t other = 0; other < kConnectionEvents; ++other) {
        if ((l.inherit_must & Bit(other)) != 0 && l.inherit_request[other] != l.inherit_request[event]) {
          e.inherit_tags |= kInheritAdds;
        }
      }
    } else if ((l.inherit_may & Bit(event)) != 0) {
      e.phases |= SetOf(Phase::kEnabled);
    }
  }
  TakePeer(s, slot, peer);
}

// What the peer did before the connection had a socket concerns the socket from now on.
void Judge::State::TakePeer(SocketState& s, uint16_t slot, uint16_t number) {
  PeerState& peer = peers[number];
  // Which of its requests this is, and what became of the connection since, may not be known.
  const bool unknown = !peer.active || peer.again;
  if (unknown) s.stream.unknown = s.fin_may = s.reset_may = s.dead_may = true;
  if (!peer.active) return;
  UnlinkPeer(number);
  peer.active = false;
  LinkConnection(slot, number);
  peer.socket = slot;
  s.stream.sent_may = peer.sent_may;
  s.stream.sent_must = peer.sent_must;
  s.stream.owed_from = peer.sent_may;  // what came before may be indicated or not (ambiguities 13)
  s.fin_may |= peer.fin;
  s.reset_may |= peer.reset;
  s.dead_may |= peer.reset;
  s.ended = s.stream.lossy = peer.reset;
  if (peer.sent_may != 0) Trigger(s, kReceive);
  if (peer.fin || peer.reset) {
    Trigger(s, kReceive);
    Trigger(s, kDisconnect);
  }
}

// A call on a slot that is not known as a socket: one that is just being accepted. Which, is clear only where
// no other is.
bool Judge::State::Provisional(uint16_t slot, uint32_t enclosing) {
  const auto accepts = [](const Running& call) { return call.begin != kNoIndex && call.event == kAccept; };
  if (std::count_if(std::begin(running), std::end(running), accepts) != 1) return false;
  const Running* accept = nullptr;
  ForEachAround(enclosing, [&accept](uint32_t, const Running& outer) {
    if (outer.event == kAccept) accept = &outer;
  });
  if (accept == nullptr) return false;
  Accepted(slot, accept->socket, Origin::kByEvent, accept->peer, kAllDispatch);
  sockets[slot].accepting = true;
  return true;
}

// A callback with the context of a slot that is not known as a socket.
bool Judge::State::Unknown(const Observation& o, uint32_t event) {
  if (event >= kConnectionEvents) return true;
  for (const Running& call : running) {
    if (call.begin == kNoIndex || call.event != kAccept) continue;
    const SocketState& l = sockets[call.socket];
    if (!l.judged) continue;
    if ((l.inherit_may & Bit(event)) != 0) return !Forbid({RuleId::kInheritAcceptedNotBeforeReturn});
    if ((static_phases[l.client][event] & SetOf(Phase::kStatic)) != 0) {
      Accepted(o.socket, call.socket, Origin::kByEvent, call.peer, kAllDispatch);
      sockets[o.socket].accepting = true;
      return true;
    }
    return !Forbid(
        {l.inherit_may != 0 ? RuleId::kInheritAcceptEventOnlyThose : RuleId::kInheritNoneAllDisabled});
  }
  return true;
}

// A slot that was used before anything told where it comes from turns out to be a socket of this client.
void Judge::State::Adopt(uint16_t slot, uint8_t client) {
  SocketState& s = sockets[slot];
  if (!s.stray) return;
  s.stray = false;
  s.client = client;
  ++sockets_of[client];
}

// Nothing is judged of the listening socket, nor of what it gives; but that is a socket all the same.
void Judge::State::AcceptEndedUnjudged(const Observation& o, const Running& call) {
  if (call.nothing || o.target == kNoSocketEntry) return;
  if (!sockets[o.target].created) Accepted(o.target, call.socket, Origin::kByEvent, call.peer, o.mask);
  SocketState& s = sockets[o.target];
  Adopt(o.target, sockets[call.socket].client);
  s.judged = s.accepting = false;
  (o.status == kStatusSuccess ? s.made : s.refused) = true;
}

void Judge::State::AcceptEnded(const Observation& o, const Running& call) {
  if (call.nothing) return;
  const uint16_t slot = o.target;
  if (o.status == kStatusRequestNotAccepted) {
    sockets[call.socket].listening.refused = true;
    if (peers[call.peer].delivered && !starved) Refused(peers[call.peer], sockets[call.socket], o);
  }
  if (slot == kNoSocketEntry) {
    LeavePeer(call.peer);
    return;
  }
  if (!sockets[slot].created) {
    Accepted(slot, call.socket, Origin::kByEvent, call.peer, o.mask);
  } else if (!sockets[slot].accepting) {
    // Another thread used it while its callback was still running. It is not judged; the connection has its
    // socket all the same, and WskDeregister waits for it.
    Adopt(slot, sockets[call.socket].client);
    LeavePeer(call.peer);
    return;
  }
  SocketState& s = sockets[slot];
  Touch(slot);
  s.accepting = false;
  s.dispatch = o.mask;
  if (o.status != kStatusSuccess) {
    s.refused = true;
    s.connected_must = false;
    // What was begun on it meanwhile has an open outcome (N214).
    if (s.enable_requested || s.first_irp != kNone) s.judged = false;
    return;
  }
  s.made = true;
  const bool receives = (s.inherit_must & Bit(kReceive)) != 0 && HasFunction(s.dispatch, kReceive);
  if (s.judged && call.quiet_with_data && receives) Exercise(RuleId::kInheritAcceptedNotBeforeReturn);
}

}  // namespace wskcert::model
