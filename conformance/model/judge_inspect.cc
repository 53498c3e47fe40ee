// Conditional accept: inspections of requests to connect, what becomes of the requests, and what tells of
// them.
#include <algorithm>

#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

// Surely not decided yet, and surely still there.
bool Undecided(const PeerState& peer) {
  const bool asked = peer.answer == Answer::kAsked || peer.answer == Answer::kPend;
  return asked && !peer.resumed_may && !peer.dropped_may && !peer.aborted && !peer.over;
}

}  // namespace

// The request that an inspect id stands for, while its peer has not made another.
PeerState* Judge::State::RequestOf(const IdState& id) {
  PeerState& peer = peers[id.peer];
  return id.peer == kNoPeerEntry || peer.begin != id.begin ? nullptr : &peer;
}

bool Judge::State::InspectStarts(const Observation& o, SocketState& s) {
  PeerState& peer = peers[o.peer];
  if (peer.active && peer.listener != o.socket) return !Forbid({RuleId::kCallbackContextIsTheSockets});
  // nc-wsk-pfn_wsk_inspect_event.md, LocalAddress and RemoteAddress.
  if (peer.active && o.code != 0) return Refuse<RuleId::kInspectEventAddresses>();
  if (peer.active) Exercise(RuleId::kInspectEventAddresses);
  const uint32_t number = static_cast<uint32_t>(std::min<uint64_t>(o.information, kMaxIds));
  if (s.listening.strange_abort != kNoIndex && s.listening.strange_id == number) {
    s.listening.strange_abort = kNoIndex;
    peer.aborted = true;
  }
  if (peer.again || !peer.active) {
    // An inspected request all the same, but whether it is the peer's latest is not known.
    NumberUsed(number, {kNoPeerEntry, now});
    return true;
  }
  const IdState mine = {o.peer, peer.begin};
  if (number != 0) {
    // ns-wsk-_wsk_inspect_id.md, Remarks: the contents identify the request uniquely.
    for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
      if (i == o.peer || peers[i].id == 0 || !Undecided(peers[i])) continue;
      if (peers[i].id == number) return Refuse<RuleId::kInspectIdUnique>();
      Exercise(RuleId::kInspectIdUnique);
    }
  }
  NumberUsed(number, mine);
  if (o.target < kMaxInspects) {
    requests.by_slot[o.target] = mine;
    if (o.target >= requests.slots) requests.slots = o.target + 1u;
  }
  peer.id = number;
  // What a second inspection of a request means, no page says.
  peer.answer = peer.answer == Answer::kNone ? Answer::kAsked : Answer::kOdd;
  return true;
}

// From now on the number of an inspect id, if it has one, stands for this request.
void Judge::State::NumberUsed(uint32_t number, const IdState& request) {
  if (number == 0) return;
  requests.by_number[number] = request;
  requests.numbers = std::max(requests.numbers, number + 1);
}

void Judge::State::InspectEnded(const Observation& o, const Running& call, SocketState& s) {
  if (o.status == kActionPend) ++s.inspections;
  if (o.status == kActionAccept) s.events[kAccept].trigger |= s.events[kAccept].MayStart();
  PeerState& peer = peers[call.peer];
  if (peer.begin == kNoIndex || peer.begin > call.begin || peer.answer != Answer::kAsked) return;
  peer.quiet_after = false;
  // WskInspectComplete was called already, which is for requests that pend.
  const bool early = peer.resumed_may || peer.dropped_may;
  switch (o.status) {
    case kActionAccept:
      peer.answer = early ? Answer::kOdd : Answer::kAccept;
      Taker(s, peer);
      break;
    case kActionReject:
      peer.answer = early ? Answer::kOdd : Answer::kReject;
      break;
    case kActionPend:
      peer.answer = Answer::kPend;
      break;
    default:
      peer.answer = Answer::kOdd;
      break;
  }
}

// A request is delivered: it must have been accepted before. False: refused.
bool Judge::State::JudgeInspected(const PeerState& peer, const SocketState& s) {
  if (peer.answer == Answer::kOdd || !HasFunction(s.dispatch, kInspect)) return true;
  if (peer.aborted) {
    // nc-wsk-pfn_wsk_abort_event.md, Remarks: dropped, and not established even if it is accepted afterwards.
    return !Forbid(
        {peer.resumed_late ? RuleId::kInspectCompleteAbortedNotEstablished : RuleId::kAbortNotDeliveredToo});
  }
  switch (peer.answer) {
    case Answer::kNone:
      // listening-for-and-accepting-incoming-connections.md: inspected first of all.
      if (!peer.inspect_owed || s.closing || s.dead_may) return true;
      return !Forbid({RuleId::kInspectConditionalIndicates, RuleId::kAcceptConditionalAfterInspection});
    case Answer::kAsked:
      if (peer.resumed_may) return true;
      return Refuse<RuleId::kAcceptConditionalAfterInspection>();
    case Answer::kPend:
      if (peer.resumed_may) return true;
      return !Forbid(
          {peer.dropped_may ? RuleId::kInspectCompleteRejectedDropped : RuleId::kInspectPendedWaits});
    case Answer::kReject:
      return !Forbid({RuleId::kInspectRejectedDropped});
    default:
      return true;
  }
}

bool Judge::State::AbortStarts(const Observation& o, SocketState& s) {
  Lower(s.inspections);
  const uint32_t number = static_cast<uint32_t>(std::min<uint64_t>(o.information, kMaxIds));
  const IdState id =
      number != 0 ? requests.by_number[number] : requests.by_slot[std::min<uint32_t>(o.target, kMaxInspects)];
  if (number != 0 && id.begin == kNoIndex) {
    // nc-wsk-pfn_wsk_abort_event.md, Remarks, second condition. The call of WskInspectEvent may have been
    // committed and not yet be seen, where a request is there that it can be about.
    bool dropped = false;
    for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
      const PeerState& peer = peers[i];
      dropped |=
          peer.abandoned && !peer.aborted && (peer.answer == Answer::kPend || peer.answer == Answer::kAccept);
      if (peer.answer != Answer::kNone) continue;
      s.listening.strange_abort = now;
      s.listening.strange_id = number;
      return true;
    }
    return !Forbid({dropped ? RuleId::kAbortIdMatches : RuleId::kAbortOnlyAfterInspection});
  }
  PeerState* found = RequestOf(id);
  if (number == 0 && found == nullptr) {
    // There are more ids than are told apart: it may be about any request that has none.
    for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
      if (peers[i].id == 0 && peers[i].answer != Answer::kNone) peers[i].answer = Answer::kOdd;
    }
  }
  if (found == nullptr || !found->conditional || found->listener != o.socket) return true;
  PeerState& peer = *found;
  // The same, third and fourth condition. Whether a request that is dropped while the client is asked may be
  // aborted at once is open (N276); such a call may show after the answer.
  const bool early = peer.reset && !peer.quiet_after;
  if (peer.answer == Answer::kReject && !early) return Refuse<RuleId::kAbortRejectedNone>();
  if (peer.delivered) {
    return !Forbid({peer.refused ? RuleId::kAcceptRefusedNoAbort : RuleId::kAbortOnlyBeforeEstablished});
  }
  if (peer.aborted) Forbid({RuleId::kAbortAtMostOnce});
  peer.aborted = true;
  peer.quiet_after = false;
  if (!peer.abandoned) return true;
  if (number != 0 && peer.answer != Answer::kReject) Exercise(RuleId::kAbortIdMatches);
  if (!Works(s) || peer.dropped_may) return true;
  if (peer.answer == Answer::kPend && !peer.resumed_may) {
    ExerciseWhenQuiet(RuleId::kAbortPendedDroppedIndicated);
  } else if (peer.answer == Answer::kAccept || peer.answer == Answer::kPend) {
    ExerciseWhenQuiet(RuleId::kAbortAcceptedDroppedIndicated);
  }
  return true;
}

// ---- WskInspectComplete

void Judge::State::InspectCompleteBegin(OpenCall& call, const Observation& o, SocketState& s) {
  Lower(s.inspections);
  s.events[kAccept].trigger |= s.events[kAccept].MayStart();
  const uint32_t slot = std::min<uint32_t>(o.target, kMaxInspects);
  PeerState* peer = RequestOf(requests.by_slot[slot]);
  if (peer != nullptr && peer->listener != call.socket) peer = nullptr;
  // nc-wsk-pfn_wsk_inspect_complete.md, Action and Remarks. The breach concerns the IRP, and the request.
  const bool answered =
      peer != nullptr && (peer->answer == Answer::kAccept || peer->answer == Answer::kReject);
  const bool odd = o.code > kActionAccept;
  if (odd) breached.Add(RuleId::kApplicationInspectCompleteAction);
  if (!s.conditional_may) breached.Add(RuleId::kApplicationInspectCompleteWhereConditional);
  if (answered) breached.Add(RuleId::kApplicationInspectCompleteWherePended);
  if (odd || answered || !s.conditional_may) {
    if (peer != nullptr) peer->answer = Answer::kOdd;
    call.judged = false;
    return;
  }
  AcceptCall& accept = call.accept;
  accept.accepts = o.code == kActionAccept;
  accept.sound = call.judged && call.with_irp;
  if (peer != nullptr) {
    accept.pended =
        peer->answer == Answer::kPend && !peer->resumed_may && !peer->dropped_may && !peer->aborted;
    accept.peer = requests.by_slot[slot].peer;
    accept.peer_begin = peer->begin;
    if (peer->aborted) {
      peer->resumed_late |= accept.accepts;
    } else if (peer->resumed_may || peer->dropped_may) {
      peer->answer = Answer::kOdd;  // which of two counts is open
    } else {
      (accept.accepts ? peer->resumed_may : peer->dropped_may) = true;
      if (accept.accepts && peer->answer == Answer::kPend) Taker(s, *peer);
    }
    peer->quiet_after = false;
  }
  if (accept.pended) GoneBegin(call, s);
  irps[call.irp].accept = accept;
}

void Judge::State::InspectCompleted(const IrpState& irp, Status status) {
  if (!IsSuccess(status) || irp.accept.peer == kNoPeerEntry) return;
  PeerState& peer = peers[irp.accept.peer];
  if (peer.begin != irp.accept.peer_begin || peer.aborted) return;
  (irp.accept.accepts ? peer.resumed : peer.dropped) = true;
  peer.quiet_after = false;
}

// ---- Quiescence

// A request when everything has come to rest. `by_event`, `queued`: who would take it. False: refused.
bool Judge::State::QuietInspection(const SocketState& s, PeerState& peer, bool by_event, bool queued) {
  if (peer.answer == Answer::kOdd || s.events[kAbort].unjudged) return true;
  const bool accepted = peer.answer == Answer::kAccept || peer.resumed;
  const bool aborts = HasFunction(s.dispatch, kAbort);
  // nc-wsk-pfn_wsk_inspect_complete.md and nc-wsk-pfn_wsk_inspect_event.md, Remarks: dropped before it was
  // established.
  if (peer.abandoned && !peer.aborted && aborts && !peer.dropped_may) {
    const bool resumed = peer.answer == Answer::kAccept || (peer.answer == Answer::kPend && peer.resumed_may);
    if (resumed) return Refuse<RuleId::kAbortAcceptedDroppedIndicated>();
    if (peer.answer == Answer::kPend) return Refuse<RuleId::kAbortPendedDroppedIndicated>();
  }
  // The same: established, and returned to the application by one of the two; or else aborted.
  const bool takes = (peer.owed && by_event) || (peer.owed_function && queued);
  // Without WskAbortEvent nothing tells of a request that was dropped, but what its peer sees.
  const bool untold = peer.over && !aborts;
  if (accepted && takes && !untold && !peer.aborted && !peer.delivered) {
    return peer.answer == Answer::kPend ? Refuse<RuleId::kInspectCompleteAcceptedDelivered>()
                                        : Refuse<RuleId::kInspectAcceptedDelivered>();
  }
  if (peer.abandoned && peer.answer == Answer::kNone) Exercise(RuleId::kAbortOnlyAfterInspection);
  if (peer.answer == Answer::kReject && aborts && peer.id != 0 && !peer.aborted)
    Exercise(RuleId::kAbortRejectedNone);
  // Prohibitions, put to the test where somebody would have taken the connection.
  if (!by_event && !queued) return true;
  if (peer.answer == Answer::kReject) Exercise(RuleId::kInspectRejectedDropped);
  if (peer.aborted) {
    Exercise(peer.resumed_late ? RuleId::kInspectCompleteAbortedNotEstablished
                               : RuleId::kAbortNotDeliveredToo);
  } else if (peer.answer == Answer::kPend && !peer.resumed_may) {
    Exercise(peer.dropped ? RuleId::kInspectCompleteRejectedDropped : RuleId::kInspectPendedWaits);
  }
  return true;
}

// The same while calls of callbacks run: a request must wait for its inspection.
void Judge::State::RunningInspections(const SocketState& s) {
  const EventState& accept = s.events[kAccept];
  const bool taker = accept.MustIndicate() || s.accepts != 0;
  if (!taker || !Works(s)) return;
  for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
    const PeerState& peer = peers[i];
    if (peer.conditional && peer.answer == Answer::kAsked && !peer.resumed_may && !peer.aborted) {
      Exercise(RuleId::kAcceptConditionalAfterInspection);
    }
  }
}

// ---- What can be asked

// so-conditional-accept.md: off at first; reading it tells how it is.
void Judge::State::OptionRead(const Observation& o, const IrpState& irp, const SocketState& s) {
  if (!IsSuccess(o.status) || s.category != Category::kListen || s.closing || s.dead_may) return;
  if (!s.conditional_may) {
    if (o.offset != 0) {
      Refuse<RuleId::kInspectDefaultOff, RuleId::kInspectOptionReadsBack>();
      return;
    }
    Exercise(RuleId::kInspectDefaultOff);
    Exercise(RuleId::kInspectOptionReadsBack);
  } else if (s.conditional_must && s.listening.mode_since < irp.call) {
    if (o.offset != 1) {
      Refuse<RuleId::kInspectOptionReadsBack>();
      return;
    }
    Exercise(RuleId::kInspectOptionReadsBack);
  }
}

// A socket that was accepted: by the mode of its listening socket, and by its request.
void Judge::State::IdOf(SocketState& s, uint16_t number) {
  s.listening.not_inspected = !sockets[s.listener].conditional_may;
  const PeerState& peer = peers[number];
  if (!peer.active || !peer.conditional) return;
  s.listening.inspected = peer.answer == Answer::kAccept || peer.resumed_may;
  s.listening.id = peer.id;
}

// sio-wsk-query-inspect-id.md: on a connection that a listening socket in that mode accepted, its id; on any
// other socket an error.
void Judge::State::QueryIdReturned(const OpenCall& call, const SocketState& s, const Observation& o) {
  if (call.with_irp || !Works(s) || s.accepting || s.refused) return;
  if (o.status == kStatusInsufficientResources) return;
  const bool accepted = s.origin == Origin::kByFunction || s.origin == Origin::kByEvent;
  if (!accepted || s.listening.not_inspected) {
    if (o.status != kStatusInvalidDeviceRequest) {
      Refuse<RuleId::kInspectQueryIdElsewhereRefused>();
      return;
    }
    Exercise(RuleId::kInspectQueryIdElsewhereRefused);
    return;
  }
  if (!s.listening.inspected || s.fin_may || s.local_disconnect) return;
  const bool size = o.information == call.length;
  const bool same = o.mask == 0 || s.listening.id == 0 || o.mask == s.listening.id;
  if (o.status != kStatusSuccess || !size || !same) {
    Refuse<RuleId::kInspectQueryIdMatches>();
    return;
  }
  Exercise(RuleId::kInspectQueryIdMatches);
}

}  // namespace wskcert::model
