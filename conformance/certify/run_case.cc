#include "conformance/certify/run_case.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/render.h"
#include "conformance/certify/timed.h"
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

// A trace that is accepted as it is, whose silences were only timed. False: it is to be played again.
bool JudgeSilence(model::Judge* judge, CaseRun* run) {
  const absl::Span<const Observation> log = run->played.log;
  InTime in_time = JudgeInTime(judge, log, run->played.capabilities);
  run->in_time = in_time.exercised;
  if (!in_time.missing.refused || in_time.missing.blamed_count == 0) return true;
  const RuleId rule = in_time.missing.blamed[0];
  run->missed = Silences::Missed(in_time.missing);
  if (run->settle_scale != 1 && run->missing_before == rule && IsFenced(log, in_time.missing)) {
    run->judged.refusal = in_time.missing;
    run->judged.explanation = std::move(in_time.explanation);
    run->story =
        absl::StrCat("  Silence was only timed, but the same was missing twice, the second time after ",
                     kLongSettleScale, " times as long.\n");
    return true;
  }
  run->undecided = rule;
  run->judged.inconclusive = true;
  run->story =
      absl::StrCat("  something is missing that ", catalogue::Get(rule).name(), " demands, at observation ",
                   in_time.missing.index, "; silence was only timed, so that proves nothing\n");
  return run->settle_scale != 1;
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

bool JudgeRun(model::Judge* judge, CaseRun* run) {
  const absl::Span<const Observation> log = run->played.log;
  char error[256];
  if (!ValidateLog(log.data(), log.size(), error, sizeof(error))) {
    run->outcome = CaseResult::UNATTRIBUTED;
    run->story = absl::StrCat("  the log cannot be judged: ", error, "\n");
    return true;
  }
  run->judged = JudgeLog(judge, log, run->played.capabilities);
  const bool again =
      IsTimed(run->played.capabilities) && !run->judged.refusal.refused && !JudgeSilence(judge, run);
  run->outcome = OutcomeOf(run->played.ending, run->played.leaked, run->judged);
  if (run->outcome == CaseResult::ACCEPTED) return true;
  if (run->judged.refusal.refused) absl::StrAppend(&run->story, RefusalStory(log, run->judged));
  if (!run->played.report.empty())
    absl::StrAppend(&run->story, "  the host says: ", run->played.report, "\n");
  // One that died is not worth ten times the time.
  return !again || run->outcome != CaseResult::INCONCLUSIVE_CASE;
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

Trace TraceOf(const CaseRun& run, const std::string& provider) {
  Trace trace = TraceFromLog(run.played.log);
  trace.set_provider(provider);
  trace.set_case_name(run.name);
  trace.set_program_sha256(run.program_sha256);
  trace.set_capabilities(run.played.capabilities);
  trace.set_report(run.played.report);
  trace.set_leaked(run.played.leaked);
  if (run.settle_scale != 1) trace.set_settle_scale(run.settle_scale);
  if (run.missing_before.has_value()) {
    trace.set_missing_before(catalogue::Get(*run.missing_before).name());
  }
  return trace;
}

CaseRun RunOfTrace(LoadedTrace trace) {
  CaseRun run;
  run.name = trace.header.case_name();
  run.program_sha256 = trace.header.program_sha256();
  run.played.log = std::move(trace.log);
  run.played.capabilities = trace.header.capabilities();
  run.played.report = trace.header.report();
  run.played.leaked = trace.header.leaked();
  if (!run.played.log.empty() && static_cast<Seen>(run.played.log.back().kind) == Seen::kEnd) {
    run.played.ending = static_cast<Ending>(run.played.log.back().code);
  }
  if (trace.header.settle_scale() > 1) run.settle_scale = trace.header.settle_scale();
  run.missing_before = catalogue::Find(trace.header.missing_before());
  return run;
}

void MarkFault(CaseRun* run, const std::string& fault, const std::string& repeat) {
  CaseRun marked;
  marked.name = std::move(run->name);
  marked.program_sha256 = std::move(run->program_sha256);
  marked.played.capabilities = run->played.capabilities;
  marked.played.fault = fault;
  marked.outcome = CaseResult::PROTOCOL_FAULT;
  marked.story = absl::StrCat("  protocol fault: ", fault, "\n  again: ", repeat, "\n");
  *run = std::move(marked);
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

// Plays again with more time, for something was missing.
static absl::Status TimeAnew(Provider* provider, model::Judge* judge, const Program& program, CaseRun* run) {
  absl::StatusOr<PlayResult> longer = provider->PlayCase(program, run->name, kLongSettleScale);
  if (!longer.ok()) {
    return absl::InternalError(absl::StrCat(run->name, ": ", longer.status().message()));
  }
  // What cannot be played again stays undecided.
  if (!longer->fault.empty() || longer->unreachable) return absl::OkStatus();
  const Silences::Missed missed = *run->missed;
  run->played = *std::move(longer);
  run->settle_scale = kLongSettleScale;
  run->missing_before = run->undecided;
  run->undecided.reset();
  run->missed.reset();
  run->story.clear();
  JudgeRun(judge, run);
  provider->TimedAnew(missed, run->name, run->missed == missed);
  return absl::OkStatus();
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
  if (run.played.unreachable) {
    run.outcome = CaseResult::UNREACHABLE_CASE;
    run.story = absl::StrCat("  not played: the host says: ", run.played.report, "\n");
    return run;
  }
  if (!run.played.fault.empty()) {
    MarkFault(&run, run.played.fault, repeat);
    return run;
  }
  if (!JudgeRun(judge, &run)) {
    const std::string why_not = provider->WhyNotTimeAnew(*run.missed);
    if (why_not.empty()) {
      if (absl::Status status = TimeAnew(provider, judge, *program, &run); !status.ok()) return status;
    } else {
      run.not_timed_anew = true;
      absl::StrAppend(&run.story, "  ", why_not, "\n");
    }
  }
  if (run.outcome != CaseResult::ACCEPTED) {
    absl::StrAppend(&run.story, "  again: ", repeat, provider->again(), "\n");
  }
  return run;
}

}  // namespace wskcert
