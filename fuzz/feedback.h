// Feedback beside edges: which rules were exercised, and which abstract states the event callbacks were in.
//
// libFuzzer treats a byte of the section `__libfuzzer_extra_counters` like a counter of an edge: one that is
// set for the first time makes the input a part of the corpus. It clears them before each execution. Without
// libFuzzer they are memory that nobody reads.
#ifndef WSKCERT_FUZZ_FEEDBACK_H_
#define WSKCERT_FUZZ_FEEDBACK_H_

#include <cstddef>
#include <cstdint>

#include "conformance/executor/format.h"
#include "conformance/model/judge.h"
#include "conformance/rules/rule_set.h"

namespace wskcert::fuzz {

// The counters: a byte per rule, then a byte per pair of an event and what the judge knows of its callback,
// folded by a hash. At most 4 KiB: libFuzzer reads and clears all of it for each execution.
inline constexpr size_t kRuleCounters = (kRuleCount + 7) / 8 * 8;
inline constexpr size_t kStateCounters = 3584;
inline constexpr size_t kCounters = kRuleCounters + kStateCounters;
static_assert(kCounters <= 4096);

// For tests.
const uint8_t* Counters();
void ClearCounters();

void NoteRules(const RuleSet& exercised);
// After the judge has seen `observation`: notes the states of the callbacks that it was about.
void NoteStates(const model::Judge& judge, const Observation& observation);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_FEEDBACK_H_
