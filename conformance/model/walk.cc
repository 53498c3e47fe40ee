#include "conformance/model/walk.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "conformance/model/trace_text.h"

namespace wskcert::model {
namespace {

// Of the steps, those that let the provider show something.
constexpr uint32_t kPercentOutputs = 60;
// Of the sights that could come next, those that do.
constexpr uint32_t kPercentSights = 15;

const char* Opening(Universe universe) {
  switch (universe) {
    case Universe::kConnection:
      return "connected socket=0 peer=0\n";
    case Universe::kListener:
      return "listening socket=0\n";
    case Universe::kConditional:
      return "call socket socket=0 irp=1000 subset=511 code=1 @s\nreturn @s PENDING\n"
             "complete @s SUCCESS information=1 informational\n"
             "call conditional_accept socket=0 irp=1000 code=1 @o\nreturn @o SUCCESS\ncomplete @o SUCCESS\n"
             "call bind socket=0 irp=1000 @b\nreturn @b PENDING\ncomplete @b SUCCESS\nquiet\n";
    case Universe::kDatagram:
      return "datagrams socket=0\n";
  }
  return "";
}

}  // namespace

Walker::Walker(Universe universe, uint32_t seed)
    : universe_(universe), seed_(seed), random_(seed), judge_(Profile::kDocumented) {}

void Walker::Begin() {
  std::string error;
  std::optional<TraceFile> opening = ParseTrace(Opening(universe_), &error);
  random_.seed(seed_);
  log_ = std::move(opening->log);
  calls_.clear();
  irps_.clear();
  running_.clear();
  for (Peer& peer : peers_) peer = Peer();
  next_irp_ = inspects_ = retained_ = 0;
  next_socket_ = 1;
  sent_ = taken_ = given_ = seen_ = backlog_ = 0;
  closing_ = false;
  connected_ = true;
}

// Whether the judge, having seen the log, accepts the candidate, too; and what its output is called. Judging
// from the beginning costs microseconds, a copy of the judge's state more.
bool Walker::Accepted(const Candidate& candidate, std::string* name) {
  judge_.Start(~uint64_t{0});
  for (const Observation& o : log_) judge_.Observe(o);
  for (const Observation& o : candidate) {
    if (name->empty()) *name = OutputName(judge_, log_, o);
    if (!judge_.Observe(o)) return false;
  }
  return true;
}

// From there on the judge is blind for what the breach touches.
bool Walker::Breached() {
  judge_.Start(~uint64_t{0});
  for (const Observation& o : log_) judge_.Observe(o);
  return !judge_.breached().empty();
}

void Walker::Append(const Candidate& candidate) {
  for (const Observation& o : candidate) Do(o);
}

void Walker::Do(Observation o) {
  const uint32_t index = static_cast<uint32_t>(log_.size());
  log_.push_back(o);
  Follow(o, index);
}

// What the walker must remember of an observation to propose sensible ones after it.
void Walker::Follow(const Observation& o, uint32_t index) {
  const Op op = static_cast<Op>(o.op);
  const auto remove = [&o](auto* list) {
    list->erase(
        std::remove_if(list->begin(), list->end(), [&o](const auto& e) { return e.begin == o.begin; }),
        list->end());
  };
  switch (static_cast<Seen>(o.kind)) {
    case Seen::kCallBegin:
      calls_.push_back({index, op, o.irp, o.thread});
      if ((o.seen_flags & kSeenIrp) != 0) irps_.push_back({index, op, o.irp, o.socket, o.length, o.thread});
      if (op == Op::kSend) given_ += o.length;
      if (op == Op::kClose) closing_ = true;
      break;
    case Seen::kCallEnd:
      remove(&calls_);
      break;
    case Seen::kCompletion:
      remove(&irps_);
      if (op == Op::kReceive || op == Op::kReceiveFrom) taken_ += o.length;
      if (op == Op::kAccept && o.peer < 4) peers_[o.peer].taken = true;
      break;
    case Seen::kCallbackBegin:
      running_.push_back({index, static_cast<Event>(o.op), o.socket, o.peer, o.thread, o.length, false,
                          (o.seen_flags & kSeenNullIndication) != 0});
      if (static_cast<Event>(o.op) == Event::kAccept && o.peer < 4) peers_[o.peer].taken = true;
      if (static_cast<Event>(o.op) == Event::kInspect && o.target < 4) {
        inspected_[o.target] = o.peer;
        inspects_ = std::max<uint16_t>(inspects_, static_cast<uint16_t>(o.target + 1));
      }
      break;
    case Seen::kCallbackNode:
      for (RunningCall& call : running_) {
        if (call.begin == o.begin) call.length += o.length;
      }
      break;
    case Seen::kCallbackEnd:
      remove(&running_);
      break;
    case Seen::kHeld:
      for (RunningCall& call : running_) {
        if (call.begin == o.begin) call.held = true;
      }
      break;
    case Seen::kPeerSaw:
      if (static_cast<PeerSight>(o.code) == PeerSight::kData) seen_ = o.offset + o.length;
      break;
    default:
      break;
  }
}

void Walker::Walk(size_t steps, const std::function<void(const std::string&)>& allowed) {
  Begin();
  for (size_t step = 0; step < steps; ++step) {
    if (!Chance(kPercentOutputs)) {
      Input();
      continue;
    }
    std::vector<Candidate> accepted;
    if (Breached()) return;
    for (Candidate& candidate : Outputs()) {
      std::string name;
      if (!Accepted(candidate, &name)) continue;
      allowed(name);
      accepted.push_back(std::move(candidate));
    }
    if (accepted.empty()) continue;
    const Candidate& next = accepted[Below(static_cast<uint32_t>(accepted.size()))];
    // Most of what a peer could see would be strange, and much of it is not judged.
    if (static_cast<Seen>(next.back().kind) != Seen::kPeerSaw || Chance(kPercentSights)) Append(next);
  }
}

}  // namespace wskcert::model
