#include "conformance/minimize/finding.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "conformance/rules/catalogue.h"

namespace wskcert {
namespace {

// "killed by signal 11 (Segmentation fault)": the number is enough.
std::string HowItCrashed(const std::string& report) {
  return std::string(*absl::StrSplit(report, " (").begin());
}

std::string HowItDied(const PlayResult& played) {
  switch (played.ending) {
    case Ending::kCrashed:
      return HowItCrashed(played.report);
    case Ending::kTimedOut:
      return "hung";
    case Ending::kBugCheck:
      return played.log.empty() ? "bug check" : absl::StrFormat("bug check 0x%X", played.log.back().status);
    case Ending::kDeadlock:
      return "deadlock";
    case Ending::kLivelock:
      return "livelock";
    case Ending::kOverflow:
      return "more observations than the log holds";
    default:
      return played.leaked ? "leak" : "";
  }
}

}  // namespace

Finding FindingOf(const CaseRun& run) {
  Finding finding;
  finding.breached = run.judged.breached;
  finding.exercised = run.judged.exercised;
  const model::Refusal& refusal = run.judged.refusal;
  for (uint8_t i = 0; refusal.refused && i < refusal.blamed_count; ++i) {
    finding.rules.push_back(catalogue::Get(refusal.blamed[i]).name());
  }
  switch (run.outcome) {
    case CaseResult::ACCEPTED:
    case CaseResult::INCONCLUSIVE_CASE:
      break;
    case CaseResult::VIOLATION:
      finding.what = finding.rules.front();
      break;
    case CaseResult::PROVIDER_DIED:
    case CaseResult::UNDEFINED_CASE:
      finding.what = HowItDied(run.played);
      finding.clients_fault = run.outcome == CaseResult::UNDEFINED_CASE && !run.judged.breached.empty();
      break;
    default:
      finding.what = refusal.refused ? "a refusal that no rule explains" : "a log that cannot be judged";
  }
  return finding;
}

}  // namespace wskcert
