// WskAccept and WskAcceptEvent: whom a connection is delivered to, and what each says of the listening
// socket.
#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

bool Queued(const IrpState& irp) {
  return static_cast<Op>(irp.op) == Op::kAccept && irp.returned && irp.returned_status == kStatusPending &&
         !irp.cancelled && !irp.must_fail;
}

}  // namespace

// Could a connection wait to be accepted?
bool Judge::State::MayWait(const SocketState& s) const {
  if (s.listening.lost != 0) return true;
  for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
    const PeerState& peer = peers[i];
    if (peer.delivered) continue;
    if (!peer.conditional || peer.answer == Answer::kOdd) return true;
    const bool pends = peer.answer == Answer::kPend && !peer.resumed_may;
    if (peer.answer != Answer::kReject && !peer.aborted && !peer.dropped && !pends) return true;
  }
  return false;
}

// Who stands ready to take the connection, if it can be taken from now on.
void Judge::State::Taker(const SocketState& s, PeerState& peer) {
  const EventState& accept = s.events[kAccept];
  peer.owed = s.accepts == 0 && accept.MustIndicate();
  peer.owed_function = false;
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) peer.owed_function |= Queued(irps[i]);
}

// A request to connect that has just come.
void Judge::State::NewRequest(SocketState& s, PeerState& peer) {
  peer.conditional = s.conditional_must && s.category == Category::kListen;
  if (s.conditional_may) return;
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) peer.owed_function |= Queued(irps[i]);
}

// A callback of a listening socket came without a socket or id. nc-wsk-pfn_wsk_accept_event.md, AcceptSocket,
// and nc-wsk-pfn_wsk_inspect_event.md, InspectID: the listening socket is no longer functional.
bool Judge::State::NullIndication(SocketState& s, uint32_t event) {
  if (event == kAbort) return !Forbid({RuleId::kAbortIdMatches});
  if (event == kAccept) {
    if (s.listening.null_accept && Forbid({RuleId::kAcceptNullSocketAtMostOnce})) return false;
    s.listening.null_accept = true;
    ExerciseWhenQuiet(RuleId::kAcceptNullSocketAtMostOnce);
  } else {
    s.listening.null_inspect = true;
  }
  s.dead_may = true;
  s.dead_by_local = false;
  return true;
}

bool Judge::State::JudgeAcceptArguments(const Observation& o, const SocketState& s, const PeerState& peer) {
  // nc-wsk-pfn_wsk_accept_event.md, SocketContext: of the socket on which the connection was accepted.
  if (peer.listener != o.socket) return !Forbid({RuleId::kAcceptEventListenerContext});
  Exercise(RuleId::kAcceptEventListenerContext);
  if (s.closing) return true;
  // LocalAddress, RemoteAddress: where it arrived and came from, in the family of the listening socket.
  if (o.code != 0) return Refuse<RuleId::kAcceptEventAddresses>();
  Exercise(RuleId::kAcceptEventAddresses);
  return true;
}

// A connection reaches the client. False: refused.
bool Judge::State::JudgeDelivery(uint16_t listener, uint16_t number, bool by_event) {
  PeerState& peer = peers[number];
  if (peer.begin == kNoIndex || peer.again) return true;
  const SocketState& s = sockets[listener];
  // nc-wsk-pfn_wsk_inspect_event.md, Remarks: by the one or by the other.
  if (peer.delivered) return Refuse<RuleId::kAcceptDeliveredOnce>();
  if (!peer.active || peer.listener != listener) return true;
  if (peer.conditional && !JudgeInspected(peer, s)) return false;
  // nc-wsk-pfn_wsk_accept_event.md, Remarks: a queued WskAccept takes precedence. Crisp only for those that
  // were queued before the last exact quiescence before the connection arrived, and if no other connection
  // can have taken them.
  uint32_t waiting = s.listening.lost;
  for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
    waiting += peers[i].delivered ? 0 : 1;
  }
  uint32_t queued = 0;
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
    queued += Queued(irps[i]) && irps[i].accept.quiet < peer.begin ? 1 : 0;
  }
  if (by_event && waiting <= queued && Works(s)) {
    return Refuse<RuleId::kAcceptQueuedTakesPrecedence>();
  }
  peer.delivered = true;
  sockets[listener].listening.delivered = true;
  if (peer.conditional && (peer.owed || peer.owed_function)) {
    if (peer.answer == Answer::kAccept) ExerciseWhenQuiet(RuleId::kInspectAcceptedDelivered);
    if (peer.resumed) ExerciseWhenQuiet(RuleId::kInspectCompleteAcceptedDelivered);
  }
  return true;
}

// WskAcceptEvent has refused a connection.
void Judge::State::Refused(PeerState& peer, const SocketState& s, const Observation& o) {
  peer.refused = true;
  if (peer.conditional && peer.id != 0 && HasFunction(s.dispatch, kAbort)) {
    ExerciseWhenQuiet(RuleId::kAcceptRefusedNoAbort);
  }
  // nc-wsk-pfn_wsk_accept_event.md, Return value: the provider closes the socket. What was begun on it
  // meanwhile has an open outcome (N214).
  if (sockets[o.target].created || !peer.established || peer.fin || peer.reset || peer.over) return;
  peer.end_owed = true;
  ++requests.ends_owed;
}

// ---- WskAccept

// Is the socket such that the call must fail with STATUS_FILE_FORCED_CLOSED?
void Judge::State::GoneBegin(OpenCall& call, const SocketState& s) {
  AcceptCall& accept = call.accept;
  accept.broken = s.dead_must;
  accept.told_accept = s.listening.null_accept;
  accept.told_inspect = s.listening.null_inspect;
  accept.gone = call.judged && call.with_irp && !Hampered(s) &&
                (accept.broken || accept.told_accept || accept.told_inspect);
}

// What such a call returned, or completed its IRP with. False: refused.
bool Judge::State::JudgeGone(const AcceptCall& accept, RuleId broken, Status status, Moment moment) {
  if (!accept.gone || status == kStatusInsufficientResources) return true;
  RuleId rules[3];
  size_t count = 0;
  if (accept.broken) rules[count++] = broken;
  if (accept.told_accept) rules[count++] = RuleId::kAcceptNullSocketMeansDead;
  if (accept.told_inspect) rules[count++] = RuleId::kInspectNullIdMeansDead;
  const bool pends = moment == Moment::kReturn && status == kStatusPending;
  const bool wrong =
      moment == Moment::kReturn ? status != kStatusFileForcedClosed && !pends : IsSuccess(status);
  if (wrong) return !Forbid(rules, count);
  for (size_t i = 0; i < count && !pends; ++i) Exercise(rules[i]);
  return true;
}

void Judge::State::AcceptBegin(OpenCall& call, const Observation& o, SocketState& s) {
  const bool listens = s.category == Category::kStream ? s.listening_must : s.bound_must;
  AcceptCall& accept = call.accept;
  accept.vacant = !MayWait(s);
  const EventState& event = s.events[kAccept];
  accept.claimed = HasFunction(s.dispatch, kAccept) && (event.MayStart() || event.running != 0);
  accept.sound = call.judged && call.with_irp && listens && !s.dead_may && !starved;
  // Connections may follow the word that it is dead (N202).
  if (listens && accept.vacant) GoneBegin(call, s);
  irps[call.irp].accept = accept;
}

void Judge::State::AcceptReturned(const OpenCall& call, SocketState& s, Status status) {
  if (irps[call.irp].call != call.begin) return;
  IrpState& irp = irps[call.irp];
  if (!JudgeGone(irp.accept, RuleId::kAcceptDeadSocketForcedClosed, status, Moment::kReturn)) return;
  if (!irp.accept.sound || !Works(s) || irp.cancelled) return;
  const bool vacant = irp.accept.vacant && s.listening.last_arrival < call.begin;
  if (status == kStatusPending) {
    // nc-wsk-pfn_wsk_accept.md, Remarks, first bullet.
    if (irp.accept.waited) Forbid({RuleId::kAcceptWaitingSucceeds});
    if (vacant) Exercise(RuleId::kAcceptNoneWaitingPends);
    return;
  }
  if (irp.accept.waited && IsSuccess(status)) Exercise(RuleId::kAcceptWaitingSucceeds);
  // Second bullet. A lack of resources is nobody's breach.
  if (vacant && status != kStatusInsufficientResources) Forbid({RuleId::kAcceptNoneWaitingPends});
}

// A WskAccept brings a connection. False: refused.
bool Judge::State::AcceptCompleted(const Observation& o, IrpState& irp, SocketState& s) {
  const Moment moment =
      irp.returned && irp.returned_status == kStatusPending ? Moment::kLater : Moment::kInline;
  if (!JudgeGone(irp.accept, RuleId::kAcceptDeadSocketForcedClosed, o.status, moment)) return false;
  const bool fit = irp.accept.sound && Works(s) && !irp.cancelled;
  if (o.peer == kNoPeerEntry) {
    // A connection that nobody asked for.
    const bool vacant = irp.accept.vacant && s.listening.last_arrival < irp.call;
    if (!fit || !vacant) return true;
    return Refuse<RuleId::kAcceptNoneWaitingPends>();
  }
  const PeerState& peer = peers[o.peer];
  const bool known = peer.active && !peer.again && peer.listener == irp.socket;
  const bool owed = known && peer.owed_function;
  uint32_t waiting = s.listening.lost, queued = 1;
  for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
    waiting += peers[i].delivered ? 0 : 1;
  }
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
    queued += Queued(irps[i]) && irps[i].accept.quiet < peer.begin ? 1 : 0;
  }
  const bool before = known && !peer.over && !peer.fin && peer.waits_since < irp.call && !irp.accept.claimed;
  if (!JudgeDelivery(irp.socket, o.peer, false)) return false;
  if (!fit || !known) return true;
  if (before) {
    irp.accept.waited = true;
    if (moment == Moment::kLater) return Refuse<RuleId::kAcceptWaitingSucceeds>();
    if (irp.returned) Exercise(RuleId::kAcceptWaitingSucceeds);
    return true;
  }
  if (owed && !peer.conditional && moment == Moment::kLater) {
    ExerciseWhenQuiet(RuleId::kAcceptQueuedCompletesOnArrival);
  }
  const EventState& accept = s.events[kAccept];
  if (accept.MustIndicate() && irp.accept.quiet < peer.begin && waiting <= queued &&
      HasFunction(s.dispatch, kAccept)) {
    Exercise(RuleId::kAcceptQueuedTakesPrecedence);
  }
  return true;
}

// A WskAccept fails. nc-wsk-pfn_wsk_accept.md, Remarks, second bullet: it stays queued until a connection
// comes.
void Judge::State::AcceptFailed(const IrpState& irp, SocketState& s, Status status) {
  const bool later = irp.returned && irp.returned_status == kStatusPending;
  JudgeGone(irp.accept, RuleId::kAcceptDeadSocketForcedClosed, status,
            later ? Moment::kLater : Moment::kInline);
  if (!later || !irp.accept.sound || !Works(s) || irp.cancelled || status == kStatusInsufficientResources) {
    return;
  }
  // Return value, other status codes. Of a connection that ended before anybody took it no page speaks: each
  // may be the error of one WskAccept.
  uint32_t ended = s.listening.lost;
  for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
    ended += !peers[i].delivered && (peers[i].over || peers[i].fin) ? 1 : 0;
  }
  if (s.listening.spoiled < ended) {
    ++s.listening.spoiled;
    return;
  }
  if (MayWait(s) && !s.conditional_may) {
    Forbid({RuleId::kAcceptQueuedCompletesOnArrival, RuleId::kAcceptNoneWaitingPends});
  } else {
    Forbid({RuleId::kAcceptNoneWaitingPends});
  }
}

// ---- Quiescence

// A listening socket when everything has come to rest and nothing runs.
void Judge::State::QuietListener(SocketState& s) {
  const bool listens = s.category == Category::kStream ? s.listening_must : s.bound_must;
  const bool fit = listens && Works(s);
  bool queued = false;
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
    IrpState& irp = irps[i];
    if (!Queued(irp)) continue;
    queued = true;
    if (irp.accept.quiet == kNoIndex) irp.accept.quiet = now;
  }
  const EventState& accept = s.events[kAccept];
  const bool callable = accept.MayStart() && !accept.unjudged && HasFunction(s.dispatch, kAccept);
  if (s.listening.delivered && callable) Exercise(RuleId::kAcceptDeliveredOnce);
  s.listening.delivered = false;
  const bool by_event = accept.MustIndicate() && s.accepts == 0 && HasFunction(s.dispatch, kAccept);
  for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
    PeerState& peer = peers[i];
    if (peer.again) continue;
    if (fit && peer.conditional) {
      if (!QuietInspection(s, peer, by_event, queued)) return;
    } else if (fit && !s.conditional_may && peer.owed_function && queued && peer.established && !peer.over) {
      Forbid({RuleId::kAcceptQueuedCompletesOnArrival});
      return;
    }
    peer.owed_function = false;
    peer.quiet_after = true;
    const bool deliverable =
        peer.conditional ? peer.answer == Answer::kAccept || peer.resumed : !s.conditional_may;
    if (deliverable && peer.established && peer.waits_since == kNoIndex) peer.waits_since = now;
  }
  const uint32_t strange = s.listening.strange_abort;
  if (strange != kNoIndex && fit) Forbid({RuleId::kAbortOnlyAfterInspection});
  s.listening.strange_abort = kNoIndex;
}

}  // namespace wskcert::model
