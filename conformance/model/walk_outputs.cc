// What a provider could show next in a walk, sensible or not: the judge says which of it is allowed.
#include <algorithm>

#include "conformance/model/trace_text.h"
#include "conformance/model/walk.h"

namespace wskcert::model {
namespace {

constexpr Status kOutcomes[] = {kStatusSuccess, kStatusUnsuccessful};

}  // namespace

std::vector<Walker::Candidate> Walker::Outputs() {
  std::vector<Candidate> all;
  Returns(&all);
  Completions(&all);
  Callbacks(&all);
  Sights(&all);
  Silence(&all);
  return all;
}

void Walker::Returns(std::vector<Candidate>* all) const {
  for (const OpenCall& call : calls_) {
    Observation o = BlankObservation(Seen::kCallEnd);
    const Observation& begin = log_[call.begin];
    o.op = begin.op;
    o.socket = begin.socket;
    o.irp = begin.irp;
    o.thread = begin.thread;
    o.begin = call.begin;
    o.enclosing = begin.enclosing;
    for (Status status : {kStatusSuccess, kStatusPending, kStatusEventPending, kStatusUnsuccessful}) {
      if (status == kStatusEventPending && call.op != Op::kEventCallback) continue;
      // IoCancelIrp tells whether there was something to cancel, and that is all.
      if (status != kStatusSuccess && call.op == Op::kCancelIrp) continue;
      o.status = status;
      all->push_back({o});
    }
  }
}

void Walker::Completions(std::vector<Candidate>* all) const {
  for (const Outstanding& irp : irps_) {
    for (Status status : kOutcomes) {
      Observation o = BlankObservation(Seen::kCompletion);
      o.op = static_cast<uint16_t>(irp.op);
      o.socket = irp.socket;
      o.irp = irp.irp;
      o.begin = irp.begin;
      o.thread = FreeThread();
      o.status = status;
      if (status != kStatusSuccess) {
        all->push_back({o});
        continue;
      }
      const bool receives = irp.op == Op::kReceive || irp.op == Op::kReceiveFrom;
      const uint64_t there = std::min<uint64_t>(irp.length, sent_ - std::min(sent_, taken_));
      if (irp.op == Op::kSend || irp.op == Op::kSendTo) o.information = irp.length;
      if (receives && there != 0) {
        o.information = o.length = static_cast<uint32_t>(there);
        o.offset = taken_;
        o.content = static_cast<uint8_t>(Content::kExact);
        o.peer = irp.op == Op::kReceiveFrom ? 0 : kNoSlot;
      }
      if (irp.op != Op::kAccept) {
        all->push_back({o});
        continue;
      }
      o.information = 1;
      o.seen_flags = kSeenInformational;
      o.target = log_[irp.begin].target;
      for (uint16_t peer = 0; peer < 4; ++peer) {
        if (!peers_[peer].asked || peers_[peer].taken) continue;
        o.peer = peer;
        all->push_back({o});
      }
    }
  }
}

Observation Walker::CallbackOf(Event event, uint16_t socket) const {
  Observation o = BlankObservation(Seen::kCallbackBegin);
  o.op = static_cast<uint16_t>(event);
  o.socket = socket;
  o.thread = FreeThread();
  return o;
}

void Walker::Callbacks(std::vector<Candidate>* all) const {
  const uint32_t there = static_cast<uint32_t>(sent_ - std::min(sent_, taken_));
  if (universe_ == Universe::kConnection) {
    Observation receive = CallbackOf(Event::kReceive, 0);
    if (there != 0) {
      receive.length = there;
      receive.offset = taken_;
      receive.information = there;
      receive.mask = 1;
      receive.content = static_cast<uint8_t>(Content::kExact);
      all->push_back({receive});
    }
    receive = CallbackOf(Event::kReceive, 0);
    receive.seen_flags = kSeenNullIndication;
    all->push_back({receive});
    for (uint32_t flags : {0u, kFlagAbortive}) {
      Observation disconnect = CallbackOf(Event::kDisconnect, 0);
      disconnect.flags = flags;
      all->push_back({disconnect});
    }
    Observation backlog = CallbackOf(Event::kSendBacklog, 0);
    backlog.information = backlog_;
    all->push_back({backlog});
  } else if (universe_ == Universe::kDatagram) {
    Observation receive = CallbackOf(Event::kReceiveFrom, 0);
    if (there != 0) {
      receive.mask = 1;
      Observation node = BlankObservation(Seen::kCallbackNode);
      node.op = receive.op;
      node.socket = 0;
      node.thread = receive.thread;
      node.peer = 0;
      node.begin = static_cast<uint32_t>(log_.size());
      node.length = 10;
      node.offset = taken_;
      node.content = static_cast<uint8_t>(Content::kExact);
      all->push_back({receive, node});
    }
    receive.mask = 0;
    receive.seen_flags = kSeenNullIndication;
    all->push_back({receive});
  } else {
    for (Event event : {Event::kAccept, Event::kInspect, Event::kAbort}) {
      Observation o = CallbackOf(event, 0);
      for (uint16_t peer = 0; peer < 4; ++peer) {
        if (!peers_[peer].asked || (event == Event::kAccept && peers_[peer].taken)) continue;
        o.peer = event == Event::kAbort ? kNoSlot : peer;
        if (event == Event::kInspect && inspects_ < 4) o.target = inspects_;
        if (event == Event::kAbort) {
          for (o.target = 0; o.target < inspects_ && inspected_[o.target] != peer; ++o.target) {
          }
          if (o.target == inspects_) continue;
        }
        all->push_back({o});
      }
      if (event == Event::kAbort) continue;
      o = CallbackOf(event, 0);
      o.seen_flags = kSeenNullIndication;
      all->push_back({o});
    }
  }
}

void Walker::Sights(std::vector<Candidate>* all) const {
  const auto sees = [all](PeerSight sight, uint16_t peer, uint16_t socket) {
    Observation o = BlankObservation(Seen::kPeerSaw);
    o.code = static_cast<uint8_t>(sight);
    o.peer = peer;
    o.socket = socket;
    all->push_back({o});
  };
  if (universe_ == Universe::kConnection) {
    sees(PeerSight::kFin, 0, 0);
    sees(PeerSight::kReset, 0, 0);
    if (given_ > seen_) {
      sees(PeerSight::kData, 0, 0);
      Observation& o = all->back()[0];
      o.offset = seen_;
      o.length = static_cast<uint32_t>(given_ - seen_);
      o.content = static_cast<uint8_t>(Content::kExact);
    }
  } else if (universe_ != Universe::kDatagram) {
    for (uint16_t peer = 0; peer < 4; ++peer) {
      if (!peers_[peer].asked) continue;
      sees(PeerSight::kConnected, peer, kNoSlot);
      sees(PeerSight::kRefused, peer, kNoSlot);
      sees(PeerSight::kReset, peer, kNoSlot);
    }
  }
}

// Nothing more happens: everybody has returned, or is held.
void Walker::Silence(std::vector<Candidate>* all) const {
  if (!calls_.empty()) return;
  Candidate candidate;
  for (const RunningCall& call : running_) {
    if (call.held) continue;
    Observation held = BlankObservation(Seen::kHeld);
    held.begin = call.begin;
    held.op = static_cast<uint16_t>(call.event);
    held.socket = call.socket;
    held.thread = call.thread;
    held.target = static_cast<uint16_t>(call.begin % kMaxHolds);
    candidate.push_back(held);
  }
  candidate.push_back(BlankObservation(Seen::kQuiescence));
  all->push_back(candidate);
}

// The lowest number of a provider's thread on which no callback runs.
uint8_t Walker::FreeThread() const {
  uint8_t thread = 64;
  while (std::any_of(running_.begin(), running_.end(),
                     [thread](const RunningCall& call) { return call.thread == thread; })) {
    ++thread;
  }
  return thread;
}

}  // namespace wskcert::model
