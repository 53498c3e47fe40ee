#include "conformance/model/metamorphic.h"

#include <algorithm>
#include <utility>

namespace wskcert::model {
namespace {

using Log = std::vector<Observation>;
using Visit = std::function<void(const Log&, size_t)>;

Seen KindOf(const Observation& o) { return static_cast<Seen>(o.kind); }

// The log in a new order, references following. `order[i]` is the old place of what comes to stand at i; what
// is there twice is referred to by its first place.
Log Reordered(const Log& log, const std::vector<size_t>& order) {
  std::vector<uint32_t> renamed(log.size(), kNoIndex);
  for (size_t i = order.size(); i-- > 0;) renamed[order[i]] = static_cast<uint32_t>(i);
  Log result;
  result.reserve(order.size());
  for (size_t from : order) {
    Observation o = log[from];
    for (uint32_t* reference : {&o.begin, &o.enclosing}) {
      if (*reference != kNoIndex && *reference < log.size()) *reference = renamed[*reference];
    }
    result.push_back(o);
  }
  return result;
}

std::vector<size_t> SameOrder(const Log& log) {
  std::vector<size_t> order(log.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  return order;
}

// ---- Wider calls, narrower callbacks

// Nothing moves over a moment at which everything had settled.
bool IsBarrier(const Observation& o) { return KindOf(o) == Seen::kQuiescence || KindOf(o) == Seen::kEnd; }

bool Related(const Observation& earlier, size_t at, const Observation& later) {
  if (later.begin == at || later.enclosing == at) return true;
  if (IsBarrier(earlier) || IsBarrier(later)) return true;
  // What belongs to one call of a callback keeps its order.
  const bool same = earlier.begin != kNoIndex && earlier.begin == later.begin;
  if (same && KindOf(earlier) != Seen::kCompletion && KindOf(later) != Seen::kCompletion) return true;
  // Callbacks that the client keeps apart by calling from inside them.
  return KindOf(later) == Seen::kCallbackEnd && earlier.enclosing == later.begin;
}

// Whether exchanging the two only widens a call or only narrows a callback.
bool TakesKnowledgeAway(const Observation& earlier, const Observation& later) {
  const auto unordered = [](const Observation& o) {
    return KindOf(o) == Seen::kStimulusBegin || KindOf(o) == Seen::kStimulusEnd ||
           KindOf(o) == Seen::kPeerSaw || KindOf(o) == Seen::kHeld || KindOf(o) == Seen::kUnheld;
  };
  const bool call_ends_later = KindOf(earlier) == Seen::kCallEnd &&
                               (unordered(later) || KindOf(later) == Seen::kCallbackBegin ||
                                KindOf(later) == Seen::kCallbackEnd || KindOf(later) == Seen::kCompletion);
  const bool call_begins_earlier = KindOf(later) == Seen::kCallBegin && KindOf(earlier) == Seen::kCallbackEnd;
  const bool callback_ends_earlier =
      KindOf(later) == Seen::kCallbackEnd &&
      (unordered(earlier) || KindOf(earlier) == Seen::kCallBegin || KindOf(earlier) == Seen::kCallEnd);
  const bool callback_begins_later =
      KindOf(earlier) == Seen::kCallbackBegin && (unordered(later) || KindOf(later) == Seen::kCallEnd);
  return call_ends_later || call_begins_earlier || callback_ends_earlier || callback_begins_later;
}

void Exchange(const Log& log, const Visit& visit) {
  for (size_t i = 0; i + 1 < log.size(); ++i) {
    if (!TakesKnowledgeAway(log[i], log[i + 1]) || Related(log[i], i, log[i + 1])) continue;
    std::vector<size_t> order = SameOrder(log);
    std::swap(order[i], order[i + 1]);
    visit(Reordered(log, order), i);
  }
}

// ---- Two indications instead of one

// The end of a call of WskReceiveEvent that took all of one run of bytes and during which nothing else
// happened on its thread; 0 if it was another.
size_t PlainIndication(const Log& log, size_t at) {
  const Observation& begin = log[at];
  if (KindOf(begin) != Seen::kCallbackBegin || static_cast<Event>(begin.op) != Event::kReceive) return 0;
  if (begin.length < 2 || begin.content != static_cast<uint8_t>(Content::kExact)) return 0;
  const size_t end = at + 1;
  if (end >= log.size() || KindOf(log[end]) != Seen::kCallbackEnd || log[end].begin != at) return 0;
  const bool all =
      log[end].status == kStatusSuccess && (log[end].length == kNoIndex || log[end].length == begin.length);
  return all ? end : 0;
}

void SplitIndication(const Log& log, const Visit& visit) {
  for (size_t i = 0; i < log.size(); ++i) {
    const size_t end = PlainIndication(log, i);
    if (end == 0) continue;
    std::vector<size_t> order = SameOrder(log);
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(end) + 1, {i, end});
    Log changed = Reordered(log, order);
    const uint32_t first = log[i].length / 2;
    changed[i].length = first;
    changed[i].information = first;
    changed[i].mask = 1;
    // The flag stands for the end of a message, which is in the second half.
    changed[i].flags &= ~kFlagEntireMessage;
    Observation& rest = changed[i + 2];
    rest.offset += first;
    rest.length -= first;
    rest.information = rest.length;
    rest.mask = 1;
    changed[i + 3].begin = static_cast<uint32_t>(i + 2);
    for (size_t at : {i + 1, i + 3}) {
      if (changed[at].length != kNoIndex) changed[at].length = changed[at - 1].length;
    }
    visit(changed, i);
  }
}

// ---- A completion that comes later

// Operations whose completion decides about nothing but itself.
bool IsLight(Op op) {
  return op == Op::kSend || op == Op::kSendTo || op == Op::kBind || op == Op::kDisconnect ||
         op == Op::kQuerySendBacklog || op == Op::kGetLocalAddress || op == Op::kGetRemoteAddress ||
         op == Op::kInspectComplete;
}

// What a completion must not be moved over: rest, its own end, a use of its IRP. Where it tells of a socket,
// of bytes or of an event callback, also what happens to the socket then.
bool DependsOn(const Observation& completion, size_t at, const Observation& later) {
  if (IsBarrier(later) || later.begin == at || later.enclosing == at) return true;
  const bool call = KindOf(later) == Seen::kCallBegin || KindOf(later) == Seen::kSkip;
  if (call && later.irp == completion.irp && later.irp != kNoSlot) return true;
  if (call && static_cast<Op>(later.op) == Op::kClose && later.socket == completion.socket) return true;
  if (KindOf(later) == Seen::kCompletion && later.socket == completion.socket) return true;
  if (IsLight(static_cast<Op>(completion.op))) return false;
  return (call && later.socket == completion.socket) || KindOf(later) == Seen::kCallbackBegin ||
         KindOf(later) == Seen::kStimulusBegin || KindOf(later) == Seen::kPeerSaw;
}

void DelayCompletion(const Log& log, const Visit& visit) {
  for (size_t i = 0; i < log.size(); ++i) {
    if (KindOf(log[i]) != Seen::kCompletion) continue;
    // The end of the completion routine moves along with it.
    const bool with_end =
        i + 1 < log.size() && KindOf(log[i + 1]) == Seen::kCompletionEnd && log[i + 1].begin == i;
    const size_t width = with_end ? 2 : 1;
    size_t to = i + width;
    while (to < log.size() && !DependsOn(log[i], i, log[to])) ++to;
    if (to == i + width) continue;
    std::vector<size_t> order = SameOrder(log);
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(i);
    std::rotate(first, first + static_cast<std::ptrdiff_t>(width),
                order.begin() + static_cast<std::ptrdiff_t>(to));
    visit(Reordered(log, order), i);
  }
}

// ---- Several requests instead of one

void SplitEnable(const Log& log, const Visit& visit) {
  for (size_t i = 0; i + 1 < log.size(); ++i) {
    const Observation& begin = log[i];
    const bool enables = KindOf(begin) == Seen::kCallBegin &&
                         static_cast<Op>(begin.op) == Op::kEventCallback &&
                         (begin.mask & kEventDisable) == 0 && (begin.seen_flags & kSeenIrp) == 0;
    if (!enables || (begin.mask & (begin.mask - 1)) == 0) continue;
    const Observation& end = log[i + 1];
    if (KindOf(end) != Seen::kCallEnd || end.begin != i || end.status != kStatusSuccess) continue;
    std::vector<size_t> order = SameOrder(log);
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(i) + 2, {i, i + 1});
    Log changed = Reordered(log, order);
    changed[i].mask = begin.mask & (begin.mask - 1);
    changed[i + 2].mask = begin.mask & ~changed[i].mask;
    changed[i + 3].begin = static_cast<uint32_t>(i + 2);
    visit(changed, i);
  }
}

}  // namespace

const char* NameOf(Relation relation) {
  constexpr const char* kNames[] = {"a wider call or narrower callback", "two indications instead of one",
                                    "a completion that comes later", "a request for each event"};
  return kNames[static_cast<size_t>(relation)];
}

void ForEachVariant(const Log& log, Relation relation, const Visit& visit) {
  switch (relation) {
    case Relation::kExchange:
      return Exchange(log, visit);
    case Relation::kSplitIndication:
      return SplitIndication(log, visit);
    case Relation::kDelayCompletion:
      return DelayCompletion(log, visit);
    case Relation::kSplitEnable:
      return SplitEnable(log, visit);
  }
}

}  // namespace wskcert::model
