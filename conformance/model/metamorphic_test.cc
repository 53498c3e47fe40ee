// Changes that take knowledge away from the observer: what was accepted must stay accepted. A call's interval
// lies around the provider's own and may be wider; a callback's lies inside it and may be narrower; a socket
// that has nothing to do with the others changes nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "conformance/model/judge.h"
#include "conformance/model/trace_test_util.h"
#include "conformance/model/trace_text.h"

namespace wskcert::model {
namespace {

using Log = std::vector<Observation>;

Seen KindOf(const Observation& o) { return static_cast<Seen>(o.kind); }

// Observations `at` and `at + 1` exchanged, references following.
Log Swapped(Log log, size_t at) {
  std::swap(log[at], log[at + 1]);
  const uint32_t first = static_cast<uint32_t>(at);
  for (Observation& o : log) {
    for (uint32_t* reference : {&o.begin, &o.enclosing}) {
      if (*reference == first) {
        *reference = first + 1;
      } else if (*reference == first + 1) {
        *reference = first;
      }
    }
  }
  return log;
}

bool Related(const Observation& earlier, size_t at, const Observation& later) {
  if (later.begin == at || later.enclosing == at) return true;
  // Nothing moves over a moment at which everything had settled.
  const auto barrier = [](const Observation& o) {
    return KindOf(o) == Seen::kQuiescence || KindOf(o) == Seen::kEnd;
  };
  if (barrier(earlier) || barrier(later)) return true;
  // What belongs to one call of a callback keeps its order.
  const bool same = earlier.begin != kNoIndex && earlier.begin == later.begin;
  if (same && KindOf(earlier) != Seen::kCompletion && KindOf(later) != Seen::kCompletion) return true;
  // Callbacks that the client keeps apart by calling from inside them.
  return KindOf(later) == Seen::kCallbackEnd && earlier.enclosing == later.begin;
}

bool Accepted(const TraceFile& file, const Log& log, std::string* why) {
  Judge judge(file.windows ? Profile::kWindows : Profile::kDocumented);
  judge.Start(file.capabilities);
  const bool accepted = judge.ObserveAll(log.data(), log.size());
  if (!accepted) *why = judge.Explain() + TraceText(log.data(), log.size());
  return accepted;
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

TEST(MetamorphicTest, WiderCallsAndNarrowerCallbacksStayAccepted) {
  size_t checked = 0;
  for (const std::string& name : TraceNames()) {
    const TraceFile file = LoadTrace(name);
    if (!file.accept) continue;
    // One step and two, so that an exchange can follow another.
    std::vector<Log> generation = {file.log};
    for (int step = 0; step < 2; ++step) {
      std::vector<Log> next;
      for (const Log& log : generation) {
        for (size_t i = 0; i + 1 < log.size(); ++i) {
          if (!TakesKnowledgeAway(log[i], log[i + 1]) || Related(log[i], i, log[i + 1])) continue;
          Log changed = Swapped(log, i);
          std::string why;
          EXPECT_TRUE(Accepted(file, changed, &why)) << name << ", exchanged at " << i << "\n" << why;
          next.push_back(std::move(changed));
          ++checked;
        }
      }
      generation = std::move(next);
    }
  }
  EXPECT_GT(checked, 100u);
}

TEST(MetamorphicTest, AnUnrelatedSocketChangesNothing) {
  const TraceFile extra = [] {
    std::string error;
    return *ParseTrace(
        "connected socket=9 peer=9\n"
        "call event_callback socket=9 mask=SEND_BACKLOG @e\n"
        "return @e SUCCESS\n"
        "quiet\n",
        &error);
  }();
  for (const std::string& name : TraceNames()) {
    const TraceFile file = LoadTrace(name);
    const bool client_control = std::any_of(file.log.begin(), file.log.end(), [](const Observation& o) {
      return KindOf(o) == Seen::kCallBegin && static_cast<Op>(o.op) == Op::kControlClient;
    });
    if (!file.accept || client_control) continue;
    Log log = extra.log;
    const uint32_t shift = static_cast<uint32_t>(log.size());
    for (Observation o : file.log) {
      if (o.begin != kNoIndex) o.begin += shift;
      if (o.enclosing != kNoIndex) o.enclosing += shift;
      log.push_back(o);
    }
    Judge alone(file.windows ? Profile::kWindows : Profile::kDocumented);
    alone.Start(file.capabilities);
    alone.ObserveAll(file.log.data(), file.log.size());
    Judge beside(file.windows ? Profile::kWindows : Profile::kDocumented);
    beside.Start(file.capabilities);
    EXPECT_TRUE(beside.ObserveAll(log.data(), log.size())) << name << "\n" << beside.Explain();
    alone.exercised().ForEach(
        [&](RuleId rule) { EXPECT_TRUE(beside.exercised().Has(rule)) << name << ": " << InfoOf(rule).name; });
  }
}

}  // namespace
}  // namespace wskcert::model
