// Calls and their returns.
#include "conformance/model/judge_state.h"

namespace wskcert::model {
namespace {

// By WskControlSocket, beside requests about events.
bool IsOtherControl(Op op) {
  return op == Op::kGetEventCallback || op == Op::kQuerySendBacklog || op == Op::kRegisterExtension;
}

// Calls that carry bytes to the peer.
bool HasBytes(const IrpState& irp) {
  const Op op = static_cast<Op>(irp.op);
  return op == Op::kSend || op == Op::kConnectEx || op == Op::kDisconnect;
}

// The peer's number is going to stand for another connection. A request of its own that has ended may still
// be told of, for no page says when one that waits is forgotten; so of a later one nobody can tell which it
// is.
void StillWaits(PeerState& peer, SocketState& listener) {
  if (peer.delivered) return;
  peer.again = true;
  ++listener.listening.lost;
}

}  // namespace

// Obligations of the client that this call may break, whatever is known of the socket otherwise.
void Judge::State::ClientKeepsObligations(const Observation& o, uint16_t slot) {
  SocketState& s = sockets[slot];
  // closing-a-socket.md: after WskCloseSocket no function of the socket is called.
  if (s.closing) {
    Breach(RuleId::kApplicationCloseEndsUse, slot);
    return;
  }
  // nc-wsk-pfn_wsk_accept_event.md, Return value: what was refused is the provider's to close.
  if (s.refused) return Breach(RuleId::kApplicationAcceptRefusedNotUsed, slot);
  if (static_cast<Op>(o.op) == Op::kClose) {
    // closing-a-socket.md: no function call in progress in the application's other threads.
    for (const OpenCall& other : calls) {
      if (other.begin != kNoIndex && other.socket == slot && other.thread != o.thread) {
        Breach(RuleId::kApplicationCloseNoCallInProgress, slot);
        return;
      }
    }
    if (s.retained != 0) {
      Breach(RuleId::kApplicationCloseListsReleased, slot);
    }
  }
}

void Judge::State::Creates(const Observation& o) {
  const bool connects = static_cast<Op>(o.op) == Op::kSocketConnect;
  NewSocket(o.socket, connects ? Category::kConnection : static_cast<Category>(o.code),
            connects ? Origin::kBySocketConnect : Origin::kCreated, o.content, o.mask);
  MayFind(o.socket);
}

void Judge::State::CallBegin(const Observation& o) {
  const Op op = static_cast<Op>(o.op);
  const bool creates = op == Op::kSocket || op == Op::kSocketConnect;
  const uint16_t slot = o.socket;
  if (creates) Creates(o);
  if (!creates && slot < kMaxSockets && !sockets[slot].created && !Provisional(slot, o.enclosing)) {
    sockets[slot].created = sockets[slot].stray = true;
  }
  Touch(slot);
  uint16_t id;
  if (!Entry(calls, free_calls, &id)) return;
  OpenCall& call = calls[id];
  call.begin = now;
  call.op = o.op;
  call.socket = slot;
  call.thread = o.thread;
  call.mask = o.mask;
  call.length = o.length;
  call.code = o.code;
  call.flags = o.flags;
  call.with_irp = (o.seen_flags & kSeenIrp) != 0;
  references.back().kind = Reference::kCall;
  references.back().id = id;
  ++open_calls;
  SocketState& s = sockets[slot];
  ++s.open_calls;
  if (slot < kMaxSockets && !creates) ClientKeepsObligations(o, slot);
  if (s.judged && !creates) SilentBegin(o, slot);
  call.judged = s.judged;
  if (call.with_irp) {
    call.irp = o.irp;
    IrpState& irp = irps[o.irp];
    if (irp.listed) {
      // using-irps-with-winsock-kernel-functions.md: an IRP in use belongs to the provider.
      Breach(RuleId::kApplicationIrpNotInUse, irp.socket);
      Breach(RuleId::kApplicationIrpNotInUse, slot);
      call.judged = false;
      UnlinkIrp(o.irp);
    }
    if (irp.call == kNoIndex) used_irps.push_back(o.irp);
    irp = IrpState();
    irp.call = now;
    irp.op = o.op;
    irp.socket = slot;
    irp.length = o.length;
    irp.flags = o.flags;
    irp.peer = o.peer;
    irp.mask = o.mask;
    irp.offset = o.offset;
    irp.silent = s.receiving.silent_must;
    irp.early = !s.connected_must;
    irp.code = o.code;
    irp.creates = creates || op == Op::kAccept;
    irp.client = op < Op::kBind ? o.content : 0;
    LinkIrp(o.irp);
  }
  RoleBegin(o, call);
  if (op < Op::kBind) RegistrationBegin(o, call);
  Special(o, call, s, op);
}

// What the call means at once, by operation.
void Judge::State::Special(const Observation& o, OpenCall& call, SocketState& s, Op op) {
  const uint16_t slot = call.socket;
  switch (op) {
    case Op::kControlClient:
      ControlClientBegin(o, call);
      break;
    case Op::kSocketConnect:
      if (peers[o.peer].active) StillWaits(peers[o.peer], sockets[peers[o.peer].listener]);
      LeavePeer(o.peer);
      LinkConnection(slot, o.peer);
      break;
    case Op::kConnect:
    case Op::kConnectEx:
      if (peers[o.peer].active) StillWaits(peers[o.peer], sockets[peers[o.peer].listener]);
      LeavePeer(o.peer);
      LinkConnection(slot, o.peer);
      SendBegin(o, call, s);
      irps[call.irp].could_connect = s.bound_must && !s.connected_may && !s.listening_may && !s.dead_may;
      s.connected_may = true;
      break;
    case Op::kEventCallback:
      ControlBegin(o, call);
      break;
    case Op::kReceive:
      ++s.receives;
      irps[call.irp].resumes = s.events[kReceive].suspension != kFlowing;
      // The provider may still be returning from the callback that refused, so the call may come before or
      // after the refusal for it.
      irps[call.irp].race = irps[call.irp].resumes && s.events[kReceive].recent;
      // nc-wsk-pfn_wsk_receive_event.md: after the WskReceive call indications resume; whether at the call,
      // its queueing or its completion is open.
      if (s.events[kReceive].suspension != kFlowing) {
        s.events[kReceive].suspension |= kFlowing;
        Trigger(s, kReceive);
      }
      for (uint16_t i = s.events[kReceive].first_running; i != kNone; i = running[i].next) {
        running[i].receive_near = true;
      }
      ReceiveBegin(o, s);
      break;
    case Op::kAccept:
      AcceptBegin(call, o, s);
      ++s.accepts;
      // What is waiting may go to it from now on.
      for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) peers[i].owed = false;
      irps[call.irp].target = o.target;
      Accepted(o.target, slot, Origin::kByFunction, kNoPeerEntry, o.mask);
      break;
    case Op::kReceiveFrom:
      ++s.receive_froms;
      s.events[kReceiveFrom].owed = false;
      s.events[kReceiveFrom].function_called = true;
      break;
    case Op::kConditionalAccept:
      irps[call.irp].overlaps = s.open_calls > 1 || irps[call.irp].next != kNone;
      s.last_conditional = now;
      // In which mode the waiting requests came is no longer known.
      for (uint16_t i = s.first_peer; i != kNone; i = peers[i].next) {
        peers[i].owed = peers[i].expects = peers[i].inspect_owed = false;
      }
      irps[call.irp].first_conditional = !s.conditional_may;
      s.conditional_may = true;
      for (uint32_t event : {kInspect, kAbort}) {
        s.events[event].phases = SetOf(Phase::kNew, Phase::kStatic);
        s.events[event].trigger |= s.first_peer != kNone;
      }
      s.conditional_must = false;
      break;
    case Op::kInspectComplete:
      InspectCompleteBegin(call, o, s);
      break;
    case Op::kSetRemoteAddress:
      s.remote_filter = true;
      ++s.receiving.remote_requests;
      s.receiving.last_remote = now;
      irps[call.irp].overlaps = s.receiving.remote_requests > 1;
      s.receiving.remote_peer = kNobody;
      s.events[kReceiveFrom].owed = false;
      break;
    case Op::kSetSendToAddress:
      ++s.receiving.destination_requests;
      s.receiving.last_destination = now;
      irps[call.irp].overlaps = s.open_calls > 1 || s.receiving.destination_requests > 1;
      s.receiving.destination = kNobody;
      break;
    case Op::kSendTo:
      if (o.peer < kMaxPeers) {
        DatagramPeer& peer = datagram_peers[o.peer];
        if (peer.last == kNoIndex && peer.sent_to_by == kNobody) used_datagram_peers.push_back(o.peer);
        peer.sent_to_by = slot;
      }
      break;
    case Op::kRegisterExtension:
      s.extension_may = true;
      s.own |= Bit(kExtension);
      break;
    case Op::kSend:
      SendBegin(o, call, s);
      // What is outstanding may move the ideal backlog.
      if (s.events[kBacklog].MayStart()) s.events[kBacklog].trigger = true;
      s.receiving.sizes_unknown = true;
      break;
    case Op::kRelease:
      ReleaseBegin(o, call);
      break;
    case Op::kDisconnect:
      DisconnectBegin(o, call, s);
      SendBegin(o, call, s);
      if (call.length != 0) s.receiving.sizes_unknown = true;
      break;
    case Op::kSetSilentMode:
      irps[call.irp].overlaps = s.open_calls > 1;
      break;
    case Op::kCancelIrp:
      irps[o.irp].cancelled = true;
      DrainCancelled(irps[o.irp]);
      if (HasBytes(irps[o.irp])) sockets[irps[o.irp].socket].parting.garbled = true;
      // Which of the waiting connections it was to have is not known.
      if (static_cast<Op>(irps[o.irp].op) == Op::kAccept) {
        uint16_t i = sockets[irps[o.irp].socket].first_peer;
        for (; i != kNone; i = peers[i].next) peers[i].owed_function = false;
      }
      break;
    case Op::kClose:
      CloseBegin(o, call);
      break;
    default:
      break;
  }
}

void Judge::State::CloseBegin(const Observation& o, OpenCall& call) {
  SocketState& s = sockets[call.socket];
  s.closing = true;
  s.close_begin = now;
  CloseParts(s);
  s.stream.lossy = true;
  call.running_at_begin = s.running != 0;
  if (!call.with_irp) {
    s.judged = call.judged = false;  // the page gives no close without an IRP
    return;
  }
  IrpState& irp = irps[call.irp];
  ForEachAround(o.enclosing, [&irp, &call](uint32_t begin, const Running& outer) {
    if (outer.socket == call.socket) irp.inside = begin;
  });
  irp.inspections = s.inspections != 0;
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
    if (i != call.irp) irps[i].closing = true;
  }
}

void Judge::State::CallEnd(const Observation& o) {
  const uint16_t id = references[o.begin].id;
  OpenCall& call = calls[id];
  const Op op = static_cast<Op>(call.op);
  SocketState& s = sockets[call.socket];
  Touch(call.socket);
  --open_calls;
  --s.open_calls;
  // A close whose IRP failed has left nothing to judge but its own return.
  const bool failed = op == Op::kClose && s.close_failed;
  call.judged = call.judged && (s.judged || failed);
  if (op < Op::kBind) RegistrationEnd(o, call);
  if (op == Op::kEventCallback) {
    ControlReturned(call, o.status);
  } else if (op == Op::kClose) {
    CloseReturned(call, o.status);
  } else if (op == Op::kControlClient) {
    ControlClient(call, o.status);
  } else if (call.judged && !Unfit(call.must_fail, call.unaddressed, s, o.status, Moment::kReturn)) {
    return;
  } else if (call.judged && IsOtherControl(op) && o.status == kStatusEventPending) {
    // nc-wsk-pfn_wsk_control_socket.md: this status belongs to disables alone.
    Forbid({RuleId::kDisableEventPendingOnlyInProgress});
  } else if (!IsSuccess(o.status) &&
             (op == Op::kConnect || op == Op::kConnectEx || op == Op::kSocketConnect)) {
    s.dead_may = true;
  } else if (op == Op::kRegisterExtension && IsSuccess(o.status)) {
    s.extension_must = true;
  }
  if (!refusal.refused && call.judged && !JudgeReturn(o, call, s)) return;
  if (!refusal.refused) AcceptingReturned(call, s, o);
  if (!refusal.refused && call.with_irp) {
    IrpState& irp = irps[call.irp];
    // Completed inside the call, it may be in use again.
    if (irp.call == call.begin) {
      irp.returned = true;
      irp.returned_status = o.status;
      const bool final = o.status != kStatusPending;
      if (call.judged && (final || irp.completed) && !JudgeFinal(irp, s, final ? o.status : irp.status))
        return;
      if (call.judged && !Parts(irp, s, o.status, Moment::kReturn)) return;
      if (irp.completed && call.judged) Agree(irp, o.status, irp.status);
    }
  }
  references[o.begin].kind = Reference::kNothing;
  call.begin = kNoIndex;
  free_calls.push_back(id);
}

// The calls of judge_accept.cc and judge_inspect.cc.
void Judge::State::AcceptingReturned(const OpenCall& call, SocketState& s, const Observation& o) {
  const Op op = static_cast<Op>(call.op);
  if (!call.judged) return;
  if (op == Op::kAccept) {
    AcceptReturned(call, s, o.status);
  } else if (op == Op::kInspectComplete && !s.closing) {
    JudgeGone(call.accept, RuleId::kInspectCompleteDeadSocket, o.status, Moment::kReturn);
  } else if (op == Op::kQueryInspectId) {
    QueryIdReturned(call, s, o);
  }
}

void Judge::State::CloseReturned(const OpenCall& call, Status status) {
  SocketState& s = sockets[call.socket];
  if (!call.judged || s.close_failed) return;
  if (status == kStatusPending) {
    if (call.running_at_begin && s.running != 0) Exercise(RuleId::kCloseInProgressNotSuccess);
    return;
  }
  if (!IsSuccess(status)) {
    if (Forbid({RuleId::kCloseNeverFails})) return;
    s.close_failed = true;
    s.judged = false;  // what remains of the socket is not said
    return;
  }
  // closing-a-socket.md: callbacks in progress return before the close is completed. Whatever began before
  // this return and still runs was in progress, or started after the close.
  if (s.running != 0) {
    Refuse<RuleId::kCloseInProgressNotSuccess>();
    return;
  }
  CloseCompleted(call.socket);
}

void Judge::State::CloseCompleted(uint16_t slot) {
  SocketState& s = sockets[slot];
  s.closed = true;
  s.tempted_after_close |= s.events[kReceive].MayStart() && s.stream.sent_must > s.stream.delivered;
  for (uint32_t rest = s.own; rest != 0; rest &= rest - 1) {
    EventState& e = s.events[__builtin_ctz(rest)];
    e.phases = Next(e.phases, LifeInput::kCloseCompleted);
    e.tempted = false;
    e.owed = false;
    ++e.version;
  }
}

}  // namespace wskcert::model
