#include "conformance/model/promela/alphabet.h"

#include <cstdio>
#include <cstdlib>

#include "conformance/model/trace_text.h"

namespace wskcert::model::promela {

namespace {

constexpr Status kStatuses[] = {kStatusSuccess, kStatusPending, kStatusEventPending, kStatusUnsuccessful};

// What the observations of a trace refer to, and how much of the alphabet it has used.
struct Standing {
  uint32_t call[kThreads];    // begin of the open call on the thread, or kNoIndex
  uint32_t running[kEvents];  // begin of the running call for the event
  uint32_t irp[kIrps];        // begin of the call that passed the IRP
  bool begun[kEvents] = {};   // the call for the event has begun
  int plains = 0, irps = 0, events = 0;
};

Standing StandingOf(const std::vector<Observation>& log, size_t from) {
  Standing standing;
  for (uint32_t& call : standing.call) call = kNoIndex;
  for (uint32_t& running : standing.running) running = kNoIndex;
  for (uint32_t& irp : standing.irp) irp = kNoIndex;
  for (size_t i = from; i < log.size(); ++i) {
    const Observation& o = log[i];
    const uint32_t index = static_cast<uint32_t>(i);
    switch (static_cast<Seen>(o.kind)) {
      case Seen::kCallBegin:
        standing.call[o.thread] = index;
        if (o.irp != kNoSlot) {
          standing.irp[standing.irps++] = index;
        } else if ((o.mask & kEventDisable) != 0) {
          ++standing.plains;
        }
        break;
      case Seen::kCallEnd:
        standing.call[o.thread] = kNoIndex;
        break;
      case Seen::kStimulusBegin:
        ++standing.events;
        break;
      case Seen::kCallbackBegin:
        standing.running[o.peer] = index;
        standing.begun[o.peer] = true;
        break;
      case Seen::kCallbackEnd:
        standing.running[o.thread - 1] = kNoIndex;
        break;
      default:
        break;
    }
  }
  return standing;
}

}  // namespace

Label LabelOf(int number) {
  if (number < 4) return {Kind::kEnable, number - 1};
  if (number < 7) return {Kind::kDisable, number - 4};
  if (number < 10) return {Kind::kDisableIrp, number - 7};
  if (number < 22) return {Kind::kReturn, (number - 10) / 4, 0, (number - 10) % 4};
  if (number == 22) return {Kind::kEvent};
  if (number < 25) return {Kind::kBegin, 0, number - 22};
  if (number < 27) return {Kind::kEnd, 0, number - 24};
  if (number < 31) return {Kind::kComplete, 0, (number - 27) / 2 + 1, (number - 27) % 2};
  return {Kind::kQuiet};
}

Trace::Trace() {
  std::string error;
  const auto file = ParseTrace("listening socket=0\n", &error);
  if (!file.has_value()) {
    std::fprintf(stderr, "%s\n", error.c_str());
    std::abort();
  }
  log_ = file->log;
  preparation_ = log_.size();
}

bool Trace::Fits(int number) const {
  const Label label = LabelOf(number);
  const Standing now = StandingOf(log_, preparation_);
  // After exact quiescence nothing comes by itself.
  const bool output = label.kind == Kind::kReturn || label.kind == Kind::kBegin ||
                      label.kind == Kind::kComplete || label.kind == Kind::kQuiet;
  if (output && static_cast<Seen>(log_.back().kind) == Seen::kQuiescence) return false;
  const bool is_call =
      label.kind == Kind::kEnable || label.kind == Kind::kDisable || label.kind == Kind::kDisableIrp;
  if (is_call) {
    if (now.call[label.thread] != kNoIndex) return false;
    if (label.thread != 0 && now.running[label.thread - 1] == kNoIndex) return false;
  }
  switch (label.kind) {
    case Kind::kEnable:
      return true;
    case Kind::kQuiet:
      return now.call[0] == kNoIndex && now.call[1] == kNoIndex && now.call[2] == kNoIndex;
    case Kind::kDisable:
      return now.plains < kPlains;
    case Kind::kDisableIrp:
      return now.irps < kIrps;
    case Kind::kReturn:
      return now.call[label.thread] != kNoIndex;
    case Kind::kEvent:
      return now.events < kEvents;
    case Kind::kBegin:
      return label.number <= now.events && !now.begun[label.number - 1];
    case Kind::kEnd:
      return now.running[label.number - 1] != kNoIndex && now.call[label.number] == kNoIndex;
    case Kind::kComplete:
      return now.irp[label.number - 1] != kNoIndex;
  }
  return false;
}

Observation Trace::Blank(Seen kind, int thread) const {
  Observation o = BlankObservation(kind);
  o.thread = static_cast<uint8_t>(thread);
  return o;
}

void Trace::Push(int number) {
  const Label label = LabelOf(number);
  const Standing now = StandingOf(log_, preparation_);
  steps_.push_back({static_cast<int>(log_.size()), number});
  text_ += static_cast<char>('@' + number);
  const int thread = label.kind == Kind::kBegin || label.kind == Kind::kEnd ? label.number : label.thread;
  switch (label.kind) {
    case Kind::kEnable:
    case Kind::kDisable:
    case Kind::kDisableIrp: {
      Observation o = Blank(Seen::kCallBegin, thread);
      o.op = static_cast<uint16_t>(Op::kEventCallback);
      o.socket = 0;
      o.mask = label.kind == Kind::kEnable ? kEventAccept : kEventAccept | kEventDisable;
      if (thread != 0) o.enclosing = now.running[thread - 1];
      if (label.kind == Kind::kDisableIrp) {
        o.irp = static_cast<uint16_t>(now.irps + 1);
        o.seen_flags = kSeenIrp;
      }
      log_.push_back(o);
      break;
    }
    case Kind::kReturn:
    case Kind::kComplete: {
      const bool returns = label.kind == Kind::kReturn;
      const uint32_t begin = returns ? now.call[thread] : now.irp[label.number - 1];
      Observation o = Blank(returns ? Seen::kCallEnd : Seen::kCompletion, thread);
      o.op = log_[begin].op;
      o.socket = 0;
      o.irp = log_[begin].irp;
      o.begin = begin;
      o.enclosing = log_[begin].enclosing;
      o.status = kStatuses[returns || label.status == 0 ? label.status : 3];
      if (!returns) o.enclosing = kNoIndex;
      log_.push_back(o);
      break;
    }
    case Kind::kEvent: {
      Observation o = Blank(Seen::kStimulusBegin, 0);
      o.op = static_cast<uint16_t>(Op::kPeerConnect);
      o.socket = 0;
      o.peer = static_cast<uint16_t>(now.events);
      log_.push_back(o);
      Observation end = Blank(Seen::kStimulusEnd, 0);
      end.begin = static_cast<uint32_t>(log_.size() - 1);
      end.op = o.op;
      end.peer = o.peer;
      log_.push_back(end);
      Observation saw = Blank(Seen::kPeerSaw, 0);
      saw.code = static_cast<uint8_t>(PeerSight::kConnected);
      saw.peer = o.peer;
      log_.push_back(saw);
      break;
    }
    case Kind::kBegin: {
      Observation o = Blank(Seen::kCallbackBegin, thread);
      o.op = static_cast<uint16_t>(Event::kAccept);
      o.socket = 0;
      o.peer = static_cast<uint16_t>(label.number - 1);
      log_.push_back(o);
      break;
    }
    case Kind::kEnd: {
      Observation o = Blank(Seen::kCallbackEnd, thread);
      o.begin = now.running[label.number - 1];
      o.op = static_cast<uint16_t>(Event::kAccept);
      o.socket = 0;
      o.status = kStatusRequestNotAccepted;
      log_.push_back(o);
      // The provider closes what was refused (nc-wsk-pfn_wsk_accept_event.md), which is no matter of these
      // two pages.
      Observation saw = Blank(Seen::kPeerSaw, 0);
      saw.code = static_cast<uint8_t>(PeerSight::kReset);
      saw.peer = static_cast<uint16_t>(label.number - 1);
      log_.push_back(saw);
      break;
    }
    case Kind::kQuiet:
      log_.push_back(Blank(Seen::kQuiescence, 0));
      break;
  }
}

void Trace::Pop() {
  log_.resize(static_cast<size_t>(steps_.back().log_size));
  steps_.pop_back();
  text_.pop_back();
}

}  // namespace wskcert::model::promela
