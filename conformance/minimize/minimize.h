// Minimising: the smallest sequence that still shows what a long one showed.
//
// What is kept is the finding: the first rule that is blamed, or how the provider died. Beside it a candidate
// must not break an obligation of the client that the original kept, because a breach blinds the judge and
// would be another story; and if there is an honest provider to compare with, and the original is clean on
// it, so must be every candidate: then it is the provider's fault and stays so. If the honest provider puts
// the blamed rule to the test, it goes on to: then the result can be a case of the suite.
//
// The result is a fixed point (reducer.h): minimising it again changes nothing.
#ifndef WSKCERT_CONFORMANCE_MINIMIZE_MINIMIZE_H_
#define WSKCERT_CONFORMANCE_MINIMIZE_MINIMIZE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "conformance/certify/provider.h"
#include "conformance/minimize/finding.h"
#include "conformance/model/judge.h"
#include "proto/sequence.pb.h"

namespace wskcert {

struct MinimizeOptions {
  model::Profile profile = model::Profile::kDocumented;
  // The rule that must stay among those blamed; empty: the first one of the original stays the first.
  std::string rule;
  // Played beside `provider`, and to stay clean; null: nobody.
  Provider* honest = nullptr;
  // Candidates that are played at most.
  uint64_t limit = 50000;
  // Called for every candidate that was taken.
  std::function<void(uint64_t played, const Sequence& best)> progress;
};

struct Minimized {
  Sequence sequence;
  // As it was found at the end: `finding.what` is the original's, unless a rule was asked for.
  Finding finding;
  // The honest provider was asked, and is clean. False beside an honest provider: it was not clean on the
  // original.
  bool clean_elsewhere = false;
  // What the honest provider put to the test.
  RuleSet exercised_elsewhere;
  uint64_t played = 0;
  // False: the limit was met; a second run would go on.
  bool finished = true;
};

// An error if the sequence cannot be played, or shows nothing (or not the rule asked for).
absl::StatusOr<Minimized> Minimize(Provider* provider, const Sequence& sequence,
                                   const MinimizeOptions& options);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_MINIMIZE_MINIMIZE_H_
