// Names of outputs: what makes two of them the same to a reader of the documentation.
#include <string_view>

#include "conformance/model/callback_life.h"
#include "conformance/model/trace_names.h"
#include "conformance/model/walk.h"

namespace wskcert::model {
namespace {

using namespace trace_names;  // NOLINT: a table of names

// Phases in which the callback is surely off, surely on, ...
std::string_view PhaseWord(PhaseSet phases) {
  constexpr PhaseSet kOff =
      SetOf(Phase::kNew, Phase::kDisabled, Phase::kDisabledByIrp, Phase::kDrained, Phase::kRefusedOff);
  constexpr PhaseSet kEnding = SetOf(Phase::kPendingIrp, Phase::kDraining);
  const auto within = [phases](PhaseSet set) { return (phases & ~set) == 0; };
  if (phases == 0) return "unjudged";
  if (within(kOff)) return "off";
  if (within(SetOf(Phase::kEnabled))) return "on";
  if (within(SetOf(Phase::kStatic))) return "static";
  if (within(kEnding)) return "ending";
  if (within(SetOf(Phase::kClosed))) return "closed";
  if (within(kOff | kEnding)) return "off or ending";
  return "on or off";
}

std::string ViewText(const CallbackView& view, std::string_view event) {
  std::string text = std::string(event).append(" ").append(PhaseWord(view.phases));
  if (view.possibly_in_progress) text.append(", perhaps in progress");
  if (view.suspended) text.append(", suspended");
  return text;
}

// Which error it is, is open almost everywhere.
std::string_view StatusWord(Status status) {
  switch (status) {
    case kStatusSuccess:
      return "success";
    case kStatusPending:
      return "STATUS_PENDING";
    case kStatusEventPending:
      return "STATUS_EVENT_PENDING";
    default:
      return IsSuccess(status) ? "another success" : "an error";
  }
}

// What the request was: the operation, and for event callbacks what is known of the one it names.
std::string RequestText(const Judge& judge, const Observation& begin) {
  std::string text = NameIn(kOps, begin.op);
  const bool with_irp = (begin.seen_flags & kSeenIrp) != 0;
  const uint32_t named = begin.mask & ~kEventDisable;
  if (static_cast<Op>(begin.op) == Op::kEventCallback && (named & (named - 1)) == 0 && named != 0) {
    text = (begin.mask & kEventDisable) != 0 ? "disable" : "enable";
    for (uint32_t i = 0; i < kEventCount; ++i) {
      const Event event = static_cast<Event>(i);
      if (EventFlag(event) != named) continue;
      text.append(" (").append(ViewText(judge.View(begin.socket, event), "event")).append(")");
    }
  } else if (static_cast<Op>(begin.op) == Op::kReceive && begin.length == 0) {
    text.append(" of nothing");
  } else if (static_cast<Op>(begin.op) == Op::kDisconnect) {
    text = (begin.flags & kFlagAbortive) != 0 ? "abortive disconnect" : "graceful disconnect";
  }
  return text.append(with_irp ? ", irp" : "");
}

// Whether the socket of a request about events is judged at all.
bool Judged(const Judge& judge, const Observation& begin) {
  return static_cast<Op>(begin.op) != Op::kEventCallback ||
         judge.View(begin.socket, Event::kReceive).phases != 0;
}

// Whether the call that passed an IRP has returned, and how.
std::string_view MomentWord(const std::vector<Observation>& log, uint32_t begin) {
  for (size_t i = log.size(); i > begin + 1;) {
    const Observation& o = log[--i];
    if (static_cast<Seen>(o.kind) == Seen::kCallEnd && o.begin == begin) {
      return o.status == kStatusPending ? "after STATUS_PENDING" : "after another return";
    }
  }
  return "before the return";
}

std::string CallbackText(const Judge& judge, const Observation& o) {
  const std::string event = NameIn(kEventNames, o.op);
  std::string text = event + " event";
  if ((o.seen_flags & kSeenNullIndication) != 0) text.append(" with nothing");
  if (static_cast<Event>(o.op) == Event::kDisconnect) {
    text.append((o.flags & kFlagAbortive) != 0 ? ", abortive" : ", graceful");
  }
  return text.append(": ").append(ViewText(judge.View(o.socket, static_cast<Event>(o.op)), "event"));
}

}  // namespace

const char* NameOf(Universe universe) {
  constexpr const char* kNames[] = {"connection", "listener", "conditional", "datagram"};
  return kNames[static_cast<size_t>(universe)];
}

std::string OutputName(const Judge& judge, const std::vector<Observation>& log, const Observation& o) {
  const auto begin = [&]() -> const Observation& { return log[o.begin]; };
  switch (static_cast<Seen>(o.kind)) {
    case Seen::kCallEnd:
      if (o.begin >= log.size() || !Judged(judge, begin())) return "";
      return RequestText(judge, begin()).append(" returns ").append(StatusWord(o.status));
    case Seen::kCompletion:
      if (o.begin >= log.size() || !Judged(judge, begin())) return "";
      return RequestText(judge, begin())
          .append(" completes ")
          .append(MomentWord(log, o.begin))
          .append(": ")
          .append(StatusWord(o.status));
    case Seen::kCallbackBegin:
      if (judge.View(o.socket, static_cast<Event>(o.op)).phases == 0) return "";
      return CallbackText(judge, o);
    case Seen::kPeerSaw:
      return "a peer sees: " + NameIn(kSights, o.code);
    case Seen::kQuiescence:
      return "silence";
    default:
      return "";
  }
}

}  // namespace wskcert::model
