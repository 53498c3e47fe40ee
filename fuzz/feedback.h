// What the hunt (hunt.h) keeps sequences by: which rules were exercised, and which abstract states the event
// callbacks were in. Beside libFuzzer's edges it was worth nothing (docs/fuzzing.md, Feedback).
#ifndef WSKCERT_FUZZ_FEEDBACK_H_
#define WSKCERT_FUZZ_FEEDBACK_H_

#include <cstddef>
#include <cstdint>

#include "conformance/executor/format.h"
#include "conformance/model/judge.h"
#include "conformance/rules/rule_set.h"

namespace wskcert::fuzz {

// The counters: a byte per rule, then a byte per pair of an event and what the judge knows of its callback,
// folded by a hash.
inline constexpr size_t kRuleCounters = (kRuleCount + 7) / 8 * 8;
inline constexpr size_t kStateCounters = 3584;
inline constexpr size_t kCounters = kRuleCounters + kStateCounters;

// Set to 1 by the functions below.
const uint8_t* Counters();
void ClearCounters();

void NoteRules(const RuleSet& exercised);
// After the judge has seen `observation`: notes the states of the callbacks that it was about.
void NoteStates(const model::Judge& judge, const Observation& observation);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_FEEDBACK_H_
