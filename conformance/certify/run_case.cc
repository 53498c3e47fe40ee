#include "conformance/certify/run_case.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/render.h"
#include "conformance/certify/trace_io.h"
#include "conformance/model/log_check.h"
#include "conformance/rules/catalogue.h"

namespace wskcert {
namespace {

// A story shows at most this many observations before the one that was refused.
constexpr uint32_t kStoryLines = 24;

std::string ListBlamed(const model::Refusal& refusal) {
  std::string text;
  for (uint8_t i = 0; i < refusal.blamed_count; ++i) {
    absl::StrAppend(&text,
                    i == 0 ? "  broken rule: " : "  and with it: ", catalogue::Get(refusal.blamed[i]).name(),
                    "\n");
  }
  if (refusal.blamed_count == 0)
    text = "  no rule explains the refusal: a defect of wskcert, please report it\n";
  return text;
}

}  // namespace

CaseResult::Outcome OutcomeOf(Ending ending, bool leaked, const Judged& judged) {
  if (judged.refusal.refused) {
    // A host that stopped says more than the rule that every run ends: the exit status tells the two apart.
    if (judged.refusal.blamed_count == 0) return CaseResult::UNATTRIBUTED;
    return ending == Ending::kCrashed || ending == Ending::kTimedOut ? CaseResult::PROVIDER_DIED
                                                                     : CaseResult::VIOLATION;
  }
  // A call that the pages let wait (WskDeregister for sockets that the client left open) has been judged as
  // such.
  if (ending == Ending::kDeadlock) return CaseResult::UNDEFINED_CASE;
  if (ending != Ending::kFinished)
    return judged.breached.empty() ? CaseResult::PROVIDER_DIED : CaseResult::UNDEFINED_CASE;
  if (leaked && judged.breached.empty()) return CaseResult::PROVIDER_DIED;
  if (judged.inconclusive) return CaseResult::INCONCLUSIVE_CASE;
  return CaseResult::ACCEPTED;
}

std::string RuleText(RuleId id) {
  const Rule& rule = catalogue::Get(id);
  std::string text = absl::StrCat("    ", rule.statement(), "\n");
  for (const Source& source : rule.sources()) {
    absl::StrAppend(&text, "    source: ", source.page(), ", ", source.section(), "\n");
  }
  return text;
}

Judged JudgeLog(model::Judge* judge, absl::Span<const Observation> log, uint64_t capabilities) {
  judge->Start(capabilities);
  judge->ObserveAll(log.data(), log.size());
  return JudgedBy(*judge);
}

Judged JudgedBy(const model::Judge& judge) {
  Judged out;
  out.refusal = judge.refusal();
  out.exercised = judge.exercised();
  out.deviated = judge.deviated();
  out.breached = judge.breached();
  out.inconclusive = judge.inconclusive();
  if (out.refusal.refused) out.explanation = judge.Explain();
  return out;
}

std::string RefusalStory(absl::Span<const Observation> log, const Judged& judged) {
  const uint32_t at = std::min<uint32_t>(judged.refusal.index, static_cast<uint32_t>(log.size()) - 1);
  const uint32_t first = at > kStoryLines ? at - kStoryLines : 0;
  std::string text;
  if (first > 0) absl::StrAppend(&text, "    ... ", first, " earlier observations\n");
  absl::StrAppend(&text, RenderLog(log, first, at, at, false));
  absl::StrAppend(&text, judged.explanation);
  if (!text.empty() && text.back() != '\n') text += '\n';
  return absl::StrCat(text, ListBlamed(judged.refusal));
}

absl::StatusOr<Program> CompileFor(const Provider& provider, const Sequence& sequence, bool* unreachable) {
  const auto can = [&provider](Capability capability) {
    return (provider.capabilities() & static_cast<uint64_t>(capability)) != 0;
  };
  *unreachable = sequence.schedule().fail_allocation() != 0 && !can(Capability::kFailNth);
  if (*unreachable) return Program();
  if (can(Capability::kSchedule) || sequence.schedule().choices().empty()) {
    return Compile(sequence, provider.choices());
  }
  Sequence plain = sequence;
  plain.mutable_schedule()->clear_choices();
  return Compile(plain, provider.choices());
}

absl::StatusOr<CaseRun> RunCase(Provider* provider, model::Judge* judge, const std::string& name,
                                const Case& body, const std::string& repeat) {
  CaseRun run;
  run.name = name;
  absl::StatusOr<Program> program = CompileFor(*provider, body.sequence(), &run.played.unreachable);
  if (!program.ok()) return absl::InvalidArgumentError(absl::StrCat(name, ": ", program.status().message()));
  if (run.played.unreachable) {
    run.outcome = CaseResult::UNREACHABLE_CASE;
    run.story = "  not played: the host cannot make an allocation of a run fail\n";
    return run;
  }
  absl::StatusOr<PlayResult> played = provider->PlayCase(*program, name, 1);
  if (!played.ok()) return absl::InternalError(absl::StrCat(name, ": ", played.status().message()));
  run.program_sha256 = Sha256Hex(program->bytes());
  run.played = *std::move(played);
  if (!run.played.fault.empty() || run.played.unreachable) {
    run.outcome = run.played.unreachable ? CaseResult::UNREACHABLE_CASE : CaseResult::PROTOCOL_FAULT;
    run.story = run.played.unreachable
                    ? absl::StrCat("  not played: the host says: ", run.played.report, "\n")
                    : absl::StrCat("  protocol fault: ", run.played.fault, "\n  again: ", repeat, "\n");
    return run;
  }
  char error[256];
  if (!ValidateLog(run.played.log.data(), run.played.log.size(), error, sizeof(error))) {
    run.outcome = CaseResult::UNATTRIBUTED;
    run.story = absl::StrCat("  the log cannot be judged: ", error, "\n");
    return run;
  }
  run.judged = JudgeLog(judge, run.played.log, run.played.capabilities);
  run.outcome = OutcomeOf(run.played.ending, run.played.leaked, run.judged);
  if (run.outcome == CaseResult::ACCEPTED) return run;
  if (run.judged.refusal.refused) run.story = RefusalStory(run.played.log, run.judged);
  if (!run.played.report.empty()) absl::StrAppend(&run.story, "  the host says: ", run.played.report, "\n");
  absl::StrAppend(&run.story, "  again: ", repeat, provider->again(), "\n");
  return run;
}

}  // namespace wskcert
