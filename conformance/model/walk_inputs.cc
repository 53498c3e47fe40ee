// What the client and the network do in a walk. Everything here is allowed by the pages: a breach would only
// blind the judge.
#include "conformance/model/trace_text.h"
#include "conformance/model/walk.h"

namespace wskcert::model {
namespace {

constexpr uint32_t kPercentNested = 35;  // ... of client calls made inside a callback, where one runs

}  // namespace

bool Walker::ThreadBusy(uint8_t thread) const {
  for (const OpenCall& call : calls_) {
    if (call.thread == thread) return true;
  }
  return false;
}

void Walker::Input() {
  const uint32_t what = Below(100);
  if (what < 30 && !running_.empty()) return EndCallback(Below(static_cast<uint32_t>(running_.size())));
  if (what < 65) {
    uint8_t thread = 0;
    uint32_t enclosing = kNoIndex;
    if (!running_.empty() && Chance(kPercentNested)) {
      const RunningCall& call = running_[Below(static_cast<uint32_t>(running_.size()))];
      if (!call.held) {
        thread = call.thread;
        enclosing = call.begin;
      }
    }
    if (!ThreadBusy(thread)) Call(thread, enclosing);
    return;
  }
  if (!ThreadBusy(0)) Stimulus();
}

// A call of the client on socket 0, from a thread of its own or from inside a callback.
void Walker::Call(uint8_t thread, uint32_t enclosing) {
  if (closing_) return;
  Observation o = BlankObservation(Seen::kCallBegin);
  o.socket = 0;
  o.thread = thread;
  o.enclosing = enclosing;
  if (Chance(50)) {
    EventCall(&o);
  } else if (Chance(8) && calls_.empty() && retained_ == 0) {
    o.op = static_cast<uint16_t>(Op::kClose);
    o.irp = next_irp_++;
  } else if (universe_ == Universe::kConnection) {
    ConnectionCall(&o);
  } else if (universe_ == Universe::kDatagram) {
    DatagramCall(&o);
  } else {
    ListenerCall(&o);
  }
  if (o.op == 0) return;
  if (o.irp != kNoSlot && static_cast<Op>(o.op) != Op::kCancelIrp) o.seen_flags |= kSeenIrp;
  Do(o);
}

void Walker::EventCall(Observation* o) {
  constexpr uint32_t kConnectionMasks[] = {kEventReceive, kEventReceive, kEventDisconnect, kEventSendBacklog};
  o->op = static_cast<uint16_t>(Op::kEventCallback);
  switch (universe_) {
    case Universe::kConnection:
      o->mask = kConnectionMasks[Below(4)];
      break;
    case Universe::kDatagram:
      o->mask = kEventReceiveFrom;
      break;
    default:
      o->mask = kEventAccept;
  }
  if (Chance(50)) o->mask |= kEventDisable;
  // An IRP on an enable is not foreseen, but common.
  if (Chance((o->mask & kEventDisable) != 0 ? 50 : 10)) o->irp = next_irp_++;
}

void Walker::ConnectionCall(Observation* o) {
  const uint32_t what = Below(100);
  if (what < 45) {
    o->op = static_cast<uint16_t>(Op::kReceive);
    o->length = Chance(20) ? 0 : 10;
  } else if (what < 65) {
    o->op = static_cast<uint16_t>(Op::kSend);
    o->length = 10;
    o->offset = given_;
  } else if (what < 75) {
    o->op = static_cast<uint16_t>(Op::kDisconnect);
    o->flags = Chance(50) ? kFlagAbortive : 0;
  } else if (what < 90 && retained_ != 0) {
    o->op = static_cast<uint16_t>(Op::kRelease);
    o->target = static_cast<uint16_t>(--retained_);
    return;
  } else if (!irps_.empty()) {
    o->op = static_cast<uint16_t>(Op::kCancelIrp);
    o->irp = irps_[Below(static_cast<uint32_t>(irps_.size()))].irp;
    return;
  } else {
    return;
  }
  o->irp = next_irp_++;
}

void Walker::ListenerCall(Observation* o) {
  if (next_socket_ >= 8) return;
  if (inspects_ != 0 && Chance(40)) {
    o->op = static_cast<uint16_t>(Op::kInspectComplete);
    o->target = static_cast<uint16_t>(inspects_ - 1);
    o->code = static_cast<uint8_t>(Below(2));
  } else {
    o->op = static_cast<uint16_t>(Op::kAccept);
    o->target = next_socket_++;
    o->mask = kAllDispatch;
  }
  o->irp = next_irp_++;
}

void Walker::DatagramCall(Observation* o) {
  if (retained_ != 0 && Chance(40)) {
    o->op = static_cast<uint16_t>(Op::kRelease);
    o->target = static_cast<uint16_t>(--retained_);
    return;
  }
  o->op = static_cast<uint16_t>(Chance(70) ? Op::kReceiveFrom : Op::kSendTo);
  o->length = 10;
  o->peer = static_cast<Op>(o->op) == Op::kSendTo ? 0 : kNoSlot;
  o->irp = next_irp_++;
}

// Something that the network does, from beginning to end.
void Walker::Stimulus() {
  Observation o = BlankObservation(Seen::kStimulusBegin);
  o.socket = o.peer = 0;
  const uint32_t what = Below(100);
  if (universe_ == Universe::kConnection) {
    if (!connected_ || closing_) return;
    if (what < 55) {
      o.op = static_cast<uint16_t>(Op::kPeerSend);
      o.length = 10;
      o.offset = sent_;
    } else if (what < 80) {
      o.op = static_cast<uint16_t>(Op::kSetIdealBacklog);
      o.length = backlog_ = 1000 + Below(4) * 1000;
    } else {
      constexpr Op kEnds[] = {Op::kPeerDisconnect, Op::kPeerReset, Op::kBreakSocket};
      o.op = static_cast<uint16_t>(kEnds[Below(3)]);
      connected_ = false;
    }
  } else if (universe_ == Universe::kDatagram) {
    o.op = static_cast<uint16_t>(what < 95 ? Op::kPeerSendDatagram : Op::kBreakBound);
    o.length = static_cast<Op>(o.op) == Op::kPeerSendDatagram ? 10 : 0;
    o.offset = sent_;
  } else {
    o.peer = static_cast<uint16_t>(Below(4));
    Peer& peer = peers_[o.peer];
    if (what < 5) {
      o.op = static_cast<uint16_t>(Op::kBreakBound);
      o.peer = kNoSlot;
    } else if (!peer.asked) {
      o.op = static_cast<uint16_t>(Op::kPeerConnect);
      peer.asked = true;
    } else if (universe_ == Universe::kConditional && !peer.taken && what < 40) {
      o.op = static_cast<uint16_t>(Op::kPeerAbandon);
      peer.taken = true;
    } else {
      return;
    }
  }
  const uint32_t begin = static_cast<uint32_t>(log_.size());
  Do(o);
  if (static_cast<Op>(o.op) != Op::kSetIdealBacklog) sent_ += o.length;
  Observation end = BlankObservation(Seen::kStimulusEnd);
  end.op = o.op;
  end.peer = o.peer;
  end.begin = begin;
  Do(end);
}

// The client returns from a call of a callback.
void Walker::EndCallback(size_t which) {
  const RunningCall call = running_[which];
  if (ThreadBusy(call.thread)) return;
  if (call.held) {
    Observation unheld = BlankObservation(Seen::kUnheld);
    unheld.begin = call.begin;
    unheld.thread = call.thread;
    unheld.op = static_cast<uint16_t>(call.event);
    unheld.socket = call.socket;
    unheld.target = static_cast<uint16_t>(call.begin % kMaxHolds);
    Do(unheld);
  }
  Observation o = BlankObservation(Seen::kCallbackEnd);
  o.op = static_cast<uint16_t>(call.event);
  o.socket = call.socket;
  o.thread = call.thread;
  o.begin = call.begin;
  o.length = call.event == Event::kReceive ? kNoIndex : 0;
  const uint32_t answer = Below(100);
  if (call.event == Event::kAccept && !call.nothing) {
    if (answer < 30 || next_socket_ >= 8) {
      o.status = kStatusRequestNotAccepted;
    } else {
      o.target = next_socket_++;
      o.mask = kAllDispatch;
    }
  } else if (call.event == Event::kInspect && !call.nothing) {
    o.status = answer % 3;
  } else if ((call.event == Event::kReceive || call.event == Event::kReceiveFrom) && call.length != 0) {
    if (answer < 20) {
      o.status = kStatusDataNotAccepted;
    } else if (answer < 35) {
      o.status = kStatusPending;
      o.target = retained_++;
      taken_ += call.length;
    } else if (answer < 50 && call.event == Event::kReceive) {
      o.length = call.length / 2;
      taken_ += o.length;
    } else {
      taken_ += call.length;
    }
  }
  Do(o);
}

}  // namespace wskcert::model
