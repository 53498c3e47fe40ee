// Writing traces as text.
#include <cstdio>

#include "conformance/model/trace_names.h"
#include "conformance/model/trace_text.h"

namespace wskcert::model {

using namespace trace_names;  // NOLINT: a table of names, internal to these two files

std::string StatusText(Status status) {
  for (const Named& entry : kStatuses) {
    if (entry.value == status) return entry.name;
  }
  char text[16];
  std::snprintf(text, sizeof(text), "0x%08X", status);
  return text;
}

std::string ObservationText(const Observation& o, uint32_t index) {
  const Seen kind = static_cast<Seen>(o.kind);
  std::string text = o.kind >= 1 && o.kind <= 18 ? NameIn(kLines, o.kind) : "nothing";
  const auto add = [&text](const char* key, uint64_t value) {
    text.append(" ").append(key).append("=").append(std::to_string(value));
  };
  const auto label = [](uint32_t at) { return std::string(" @").append(std::to_string(at)); };
  const bool ends = kind == Seen::kCallEnd || kind == Seen::kCompletion || kind == Seen::kCompletionEnd ||
                    kind == Seen::kCallbackNode || kind == Seen::kCallbackEnd || kind == Seen::kStimulusEnd ||
                    kind == Seen::kHeld || kind == Seen::kUnheld || kind == Seen::kHoldRefused ||
                    kind == Seen::kRetainedRead;
  if (ends) text += label(o.begin);
  const bool call = kind == Seen::kCallBegin || kind == Seen::kStimulusBegin || kind == Seen::kSkip;
  if (call) text.append(" ").append(NameIn(kOps, o.op));
  if (kind == Seen::kCallbackBegin) text.append(" ").append(NameIn(kEventNames, o.op));
  if (kind == Seen::kPeerSaw) text.append(" ").append(NameIn(kSights, o.code));
  if (kind == Seen::kFault) {
    text.append(" ").append(NameIn(kFaults, o.code));
    if (static_cast<FaultKind>(o.code) == FaultKind::kBadContext) {
      text.append(" ").append(NameIn(kEventNames, o.op));
    }
  }
  if (kind == Seen::kEnd) text.append(" ").append(NameIn(kEndings, o.code));
  if (kind == Seen::kQuiescence && o.code == static_cast<uint8_t>(Quiet::kTimed)) text += " timed";
  if (kind == Seen::kCallEnd || kind == Seen::kCompletion || kind == Seen::kCallbackEnd) {
    text.append(" ").append(StatusText(o.status));
  } else if (o.status != 0) {
    text.append(" ").append(StatusText(o.status));
  }
  if (o.socket != kNoSlot && !ends) add("socket", o.socket);
  if (o.irp != kNoSlot && !ends) add("irp", o.irp);
  if (o.peer != kNoSlot && !ends) add("peer", o.peer);
  if (o.target != kNoSlot) add("target", o.target);
  const bool bytes = kind == Seen::kCallbackBegin || kind == Seen::kCallbackNode ||
                     kind == Seen::kRetainedRead || kind == Seen::kPeerSaw ||
                     (kind == Seen::kCompletion && o.length != 0) ||
                     (kind == Seen::kStimulusBegin && o.length != 0);
  if (bytes && (o.length != 0 || o.offset != 0)) {
    text.append(" bytes=").append(std::to_string(o.offset)).append("+").append(std::to_string(o.length));
    const Content usual = o.length != 0 && kind != Seen::kStimulusBegin ? Content::kExact : Content::kNone;
    if (static_cast<Content>(o.content) != usual)
      text.append(" content=").append(NameIn(kContents, o.content));
  } else if (!bytes && o.length != 0 && !(kind == Seen::kCallbackEnd && o.length == kNoIndex)) {
    add(kind == Seen::kCallbackEnd ? "accepted" : "length", o.length);
  }
  if (kind == Seen::kCallbackEnd && o.length == 0 && o.op == static_cast<uint16_t>(Event::kReceive)) {
    add("accepted", 0);
  }
  if (kind == Seen::kCallbackBegin) {
    if (o.mask > 1) add("nodes", o.mask);
    if (o.information != o.length) add("information", o.information);
  } else if (o.mask != 0) {
    const Op op = static_cast<Op>(o.op);
    const bool subset = (call && (op == Op::kSocket || op == Op::kSocketConnect || op == Op::kAccept)) ||
                        kind == Seen::kCallbackEnd || kind == Seen::kCallEnd;
    if (subset) {
      add("subset", o.mask);
    } else {
      text += " mask=" + CombinationText(kMasks, o.mask);
    }
  }
  if (kind == Seen::kCompletion && o.information != o.length) add("information", o.information);
  if ((kind == Seen::kCallEnd || kind == Seen::kCallbackNode) && o.information != 0) {
    add("information", o.information);
  }
  const bool result = kind == Seen::kCompletion || kind == Seen::kCallEnd;
  if (result && o.length == 0 && o.offset != 0) add("value", o.offset);
  if (o.flags != 0) text.append(" flags=").append(CombinationText(kFlagNames, o.flags));
  const bool creates = kind == Seen::kCallBegin &&
                       (static_cast<Op>(o.op) == Op::kSocket || static_cast<Op>(o.op) == Op::kSocketConnect);
  const uint8_t usual_code = creates ? static_cast<uint8_t>(Category::kConnection) : 0;
  const bool coded =
      call || kind == Seen::kCompletion || kind == Seen::kCallbackNode || kind == Seen::kCallbackBegin;
  if (o.code != usual_code && coded) add("code", o.code);
  if (kind == Seen::kCallBegin && o.content != 0) add("client", o.content);
  if ((o.seen_flags & kSeenNullIndication) != 0) text += " null";
  if ((o.seen_flags & kSeenSecondCompletion) != 0) text += " second";
  if ((o.seen_flags & kSeenTeardown) != 0) text += " teardown";
  if ((o.seen_flags & kSeenUnguarded) != 0) text += " unguarded";
  if ((o.seen_flags & kSeenPendingReturned) != 0) text += " pending-returned";
  if ((o.seen_flags & kSeenInformational) != 0) text += " informational";
  if (o.irql != 0) add("irql", o.irql);
  if (o.thread != 0) add("thread", o.thread);
  if (o.step != kNoIndex) add("step", o.step);
  if (o.enclosing != kNoIndex) text.append(" inside=@").append(std::to_string(o.enclosing));
  const bool begins = kind == Seen::kCallBegin || kind == Seen::kCallbackBegin ||
                      kind == Seen::kStimulusBegin || kind == Seen::kCompletion;
  if (begins) text += label(index);
  return text;
}

std::string TraceText(const Observation* log, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    size_t depth = 0;
    for (uint32_t at = log[i].enclosing; at < i && depth < 16; at = log[at].enclosing) ++depth;
    text += std::string(depth * 2, ' ') + ObservationText(log[i], static_cast<uint32_t>(i)) + "\n";
  }
  return text;
}

}  // namespace wskcert::model
