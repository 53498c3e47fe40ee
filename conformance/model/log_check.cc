#include "conformance/model/log_check.h"

#include <cstdarg>
#include <cstdio>
#include <vector>

namespace wskcert {
namespace {

// Slots that the executor adds for its own tear-down come after those of the program.
constexpr uint32_t kIrpLimit = kMaxIrps + kMaxSockets;

class Checker {
 public:
  Checker(const Observation* log, size_t count, char* error, size_t error_size)
      : log_(log), count_(count), error_(error), error_size_(error_size) {}

  bool Run() {
    if (count_ >= kNoIndex) return Fail(0, "the log is too long");
    ended_.assign(count_, false);
    for (size_t i = 0; i < count_; ++i) {
      if (!One(i)) return false;
    }
    return true;
  }

 private:
  bool Fail(size_t index, const char* format, ...) __attribute__((format(printf, 3, 4))) {
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (error_ != nullptr && error_size_ > 0) {
      std::snprintf(error_, error_size_, "observation %zu: %s", index, text);
    }
    return false;
  }

  bool Slot(size_t i, const char* what, uint16_t slot, uint32_t limit) {
    if (slot == kNoSlot || slot < limit) return true;
    return Fail(i, "%s slot %u is beyond the limit of %u", what, slot, limit);
  }

  bool RefersTo(size_t i, Seen kind, bool ends) {
    const uint32_t begin = log_[i].begin;
    if (begin >= i) return Fail(i, "refers to observation %u, which is not an earlier one", begin);
    if (static_cast<Seen>(log_[begin].kind) != kind) {
      return Fail(i, "refers to observation %u, which is of kind %u instead of %u", begin, log_[begin].kind,
                  static_cast<unsigned>(kind));
    }
    if (ends) {
      if (ended_[begin]) return Fail(i, "ends observation %u, which has ended", begin);
      ended_[begin] = true;
    }
    return true;
  }

  static bool IsOp(uint16_t op) {
    return (op >= 1 && op <= 6) || (op >= 16 && op <= 44) || (op >= 64 && op <= 78) ||
           (op >= 96 && op <= 102);
  }

  bool One(size_t i) {
    const Observation& o = log_[i];
    if (o.kind > static_cast<uint8_t>(Seen::kEnd)) return Fail(i, "unknown kind %u", o.kind);
    if (!Slot(i, "socket", o.socket, kMaxSockets) || !Slot(i, "irp", o.irp, kIrpLimit) ||
        !Slot(i, "peer", o.peer, kMaxPeers) || !Slot(i, "target", o.target, kMaxSockets)) {
      return false;
    }
    if (o.content > static_cast<uint8_t>(Content::kCorrupt)) return Fail(i, "unknown content %u", o.content);
    if (o.enclosing != kNoIndex) {
      if (o.enclosing >= i) return Fail(i, "is enclosed by observation %u, a later one", o.enclosing);
      const Seen kind = static_cast<Seen>(log_[o.enclosing].kind);
      if (kind != Seen::kCallBegin && kind != Seen::kCallbackBegin && kind != Seen::kCompletion) {
        return Fail(i, "is enclosed by observation %u, which encloses nothing", o.enclosing);
      }
    }
    return OfKind(i, static_cast<Seen>(o.kind));
  }

  bool OfKind(size_t i, Seen kind) {
    const Observation& o = log_[i];
    switch (kind) {
      case Seen::kCallBegin:
      case Seen::kStimulusBegin:
      case Seen::kSkip:
        return IsOp(o.op) || Fail(i, "unknown operation %u", o.op);
      case Seen::kCallEnd:
        return RefersTo(i, Seen::kCallBegin, true);
      case Seen::kCompletion:
        if (o.irp == kNoSlot) return Fail(i, "a completion without an IRP");
        return RefersTo(i, Seen::kCallBegin, false);
      case Seen::kCompletionEnd:
        return RefersTo(i, Seen::kCompletion, true);
      case Seen::kCallbackBegin:
        return o.op < kEventCount || Fail(i, "unknown event %u", o.op);
      case Seen::kCallbackNode:
        return RefersTo(i, Seen::kCallbackBegin, false);
      case Seen::kCallbackEnd:
        return RefersTo(i, Seen::kCallbackBegin, true);
      case Seen::kStimulusEnd:
        return RefersTo(i, Seen::kStimulusBegin, true);
      case Seen::kPeerSaw:
        return (o.code >= 1 && o.code <= static_cast<uint8_t>(PeerSight::kDatagram)) ||
               Fail(i, "unknown sight %u", o.code);
      case Seen::kQuiescence:
        return o.code <= static_cast<uint8_t>(Quiet::kTimed) || Fail(i, "unknown quiescence %u", o.code);
      case Seen::kFault:
        return (o.code >= 1 && o.code <= static_cast<uint8_t>(FaultKind::kBadIrp)) ||
               Fail(i, "unknown fault %u", o.code);
      case Seen::kHeld:
      case Seen::kUnheld:
      case Seen::kHoldRefused:
      case Seen::kRetainedRead:
        return RefersTo(i, Seen::kCallbackBegin, false);
      case Seen::kEnd:
        if (o.code > static_cast<uint8_t>(Ending::kTimedOut)) return Fail(i, "unknown ending %u", o.code);
        return i + 1 == count_ || Fail(i, "the end is not the last observation");
      case Seen::kNothing:
        return true;
    }
    return true;
  }

  const Observation* log_;
  size_t count_;
  char* error_;
  size_t error_size_;
  std::vector<bool> ended_;
};

}  // namespace

bool ValidateLog(const Observation* log, size_t count, char* error, size_t error_size) {
  return Checker(log, count, error, error_size).Run();
}

}  // namespace wskcert
