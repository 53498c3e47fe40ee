// One case from beginning to end: compile, play, judge, and the story of what went wrong.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_RUN_CASE_H_
#define WSKCERT_CONFORMANCE_CERTIFY_RUN_CASE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "conformance/certify/provider.h"
#include "conformance/certify/trace_io.h"
#include "conformance/model/judge.h"
#include "proto/certificate.pb.h"
#include "proto/sequence.pb.h"
#include "proto/trace.pb.h"

namespace wskcert {

// What one judged trace says.
struct Judged {
  model::Refusal refusal;
  RuleSet exercised;
  RuleSet deviated;
  RuleSet breached;
  bool inconclusive = false;
  std::string explanation;  // of a refusal
};

// Judges a log that ValidateLog has accepted. Reuse one judge for many logs.
Judged JudgeLog(model::Judge* judge, absl::Span<const Observation> log, uint64_t capabilities);

// What a judge says that has seen a whole log.
Judged JudgedBy(const model::Judge& judge);

// What a run comes to: how it ended, whether the provider kept something, and what the judge says.
CaseResult::Outcome OutcomeOf(Ending ending, bool leaked, const Judged& judged);

struct CaseRun {
  std::string name;
  std::string program_sha256;
  PlayResult played;
  Judged judged;
  // Of a host whose silence is only timed (timed.h): rules that count if ConfirmInTime confirms them, how
  // much longer than usual silence was awaited, the rule that something missing breaks, if it remains
  // undecided, and that of the play before, which was why this one waited longer.
  RuleSet in_time;
  uint32_t settle_scale = 1;
  std::optional<RuleId> undecided;
  std::optional<RuleId> missing_before;
  // What is missing, if something is; and whether that was not awaited any longer (silences.h).
  std::optional<Silences::Missed> missed;
  bool not_timed_anew = false;
  CaseResult::Outcome outcome = CaseResult::ACCEPTED;
  std::string story;  // why it is not ACCEPTED; empty otherwise
};

// Plays and judges one case. An error only for what is not the provider's fault: a case that does not
// compile, no process. `repeat` is the command that repeats it, for the story.
absl::StatusOr<CaseRun> RunCase(Provider* provider, model::Judge* judge, const std::string& name,
                                const Case& body, const std::string& repeat);

// Makes of a run one of a case that a testee answered wrongly: nothing that was seen counts.
void MarkFault(CaseRun* run, const std::string& fault, const std::string& repeat);

// Judges what `run->played` has, and draws its conclusions: outcome and story. False: it is to be played
// again, with kLongSettleScale, because something is missing that silence which was only timed does not
// prove.
bool JudgeRun(model::Judge* judge, CaseRun* run);

// The trace of a run, as it is stored, and back: a run that is still to be judged.
Trace TraceOf(const CaseRun& run, const std::string& provider);
CaseRun RunOfTrace(LoadedTrace trace);

// The story of a refused log: what was seen up to there, what was allowed, the rules and their sources.
std::string RefusalStory(absl::Span<const Observation> log, const Judged& judged);

// The program of a sequence as this provider can play it: what only a deterministic host has (schedule bytes,
// choices by name) is left out elsewhere. `unreachable` becomes true, and the program is empty, if that would
// change what the sequence says: an allocation that fails.
absl::StatusOr<Program> CompileFor(const Provider& provider, const Sequence& sequence, bool* unreachable);

// A rule's statement and sources, as `explain` prints them.
std::string RuleText(RuleId rule);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_RUN_CASE_H_
