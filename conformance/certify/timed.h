// What a trace says whose silences were only timed: on a machine that cannot know when nothing more will come
// (docs/time.md, Quiescence).
//
// Such a silence retires nothing and proves no absence. But what did come within its bound did come: so the
// trace is judged once more, as if each silence had been exact. If that accepts it, completions, callbacks
// and sights that were owed there and came count for their rules. If it finds something missing, the case is
// played again with ten times the bounds; only if the same is missing then, and a fence shows that its cause
// had arrived, is that a violation.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_TIMED_H_
#define WSKCERT_CONFORMANCE_CERTIFY_TIMED_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/types/span.h"
#include "conformance/executor/format.h"
#include "conformance/model/judge.h"
#include "conformance/model/mutations.h"

namespace wskcert {

// How much longer silence is awaited where something is missing.
inline constexpr uint32_t kLongSettleScale = 10;

inline bool IsTimed(uint64_t capabilities) {
  return (capabilities & static_cast<uint64_t>(Capability::kExactQuiescence)) == 0;
}

// What a timed trace, accepted as it is, says if its silences are taken for exact.
struct InTime {
  // Exercised only then. Each counts if ConfirmInTime confirms it.
  RuleSet exercised;
  // If something is missing: the refusal and its explanation. A refusal of another kind says nothing, for a
  // silence that was only timed may have been none.
  model::Refusal missing;
  std::string explanation;
};
InTime JudgeInTime(model::Judge* judge, absl::Span<const Observation> log, uint64_t capabilities);

// A mutant that lacks one thing that came, and is refused by this rule.
std::optional<model::Mutant> ConfirmInTime(model::Judge* judge, absl::Span<const Observation> log,
                                           uint64_t capabilities, RuleId rule);

// Whether a fence shows that what should have caused the missing thing had arrived: the call itself, for what
// the provider does alone; on a connection, something later on the same socket. Never for what may be
// dropped.
bool IsFenced(absl::Span<const Observation> log, const model::Refusal& missing);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_TIMED_H_
