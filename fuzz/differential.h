// The differential target: plays one sequence on the emulator and has the model judge it, in this process.
//
//   Differential differential({});
//   if (const Finding* finding = differential.Run(sequence)) Report(*finding, sequence);   // report.h
//
// What counts as a finding is what `certify` would not accept of a provider, and besides what only shows
// where emulator and model are both at hand: misuse that one of them saw and the other did not, runs that
// differ when repeated, a log that is none, state that outlives a run. docs/fuzzing.md lists them all.
//
// After the first few runs nothing is allocated unless there is a finding. One per process, for one thread.
#ifndef WSKCERT_FUZZ_DIFFERENTIAL_H_
#define WSKCERT_FUZZ_DIFFERENTIAL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "conformance/certify/run_case.h"
#include "conformance/certify/testbed.h"
#include "conformance/rules/rule_set.h"
#include "proto/sequence.pb.h"

namespace wskcert::fuzz {

struct Finding {
  // What findings are told apart by: the rule that was broken, or one of kinds below with what it is about.
  std::string rule;
  // For people: what was seen, what was allowed there and why.
  std::string story;
};

// Findings that no rule of the catalogue names.
inline constexpr char kUnattributed[] = "unattributed";         // the model refuses and knows no rule for it
inline constexpr char kInvalidLog[] = "invalid-log";            // ValidateLog refuses what the executor wrote
inline constexpr char kBugCheckUnasked[] = "bugcheck.unasked";  // for what the model does not call misuse
inline constexpr char kMisuseUnseen[] = "misuse.unseen.";       // with the rule: broken, and no bugcheck
inline constexpr char kLeak[] = "leak";
inline constexpr char kLivelock[] = "livelock";
inline constexpr char kNondeterminism[] = "nondeterminism";  // the same program leaves another log
inline constexpr char kWorldChanged[] = "world-changed";     // something of a run is left after the reset

// Whether the emulator stops the machine when the client breaks this rule (docs/emulator.md, Misuse).
bool IsStoppedAt(RuleId rule);

// What a run is worth whose log was judged like this; without a rule if nothing was found.
Finding Decide(const Judged& judged, const Played& played);

// Sums over all runs.
struct Tally {
  uint64_t executions = 0;
  uint64_t refused = 0;  // did not compile
  uint64_t observations = 0;
  uint64_t with_callback = 0;    // runs that saw at least one
  uint64_t with_breach = 0;      // in which the client broke an obligation
  uint64_t with_error_path = 0;  // in which it only made an error that is documented (model::IsFault)
  uint64_t stopped = 0;          // that ended otherwise than by finishing
  uint64_t repeated = 0;
  RuleSet exercised;
};

class Differential {
 public:
  struct Options {
    // Put around the provider: a saboteur, to see what it takes to find it.
    Testbed::Interpose interpose = nullptr;
    void* interpose_context = nullptr;
    // One run in so many is repeated and must leave the same log; 0: none.
    uint32_t repeat_one_in = 1024;
  };

  explicit Differential(const Options& options);
  ~Differential();
  Differential(const Differential&) = delete;
  Differential& operator=(const Differential&) = delete;

  // Null if nothing was found; else valid until the next run. A sequence that does not compile finds nothing.
  const Finding* Run(const Sequence& sequence);

  const Tally& tally() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_DIFFERENTIAL_H_
