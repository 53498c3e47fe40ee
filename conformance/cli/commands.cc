#include "conformance/cli/commands.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/coverage.h"
#include "conformance/certify/declined.h"
#include "conformance/certify/pack.h"
#include "conformance/certify/render.h"
#include "conformance/certify/schedule_seed.h"
#include "conformance/certify/subprocess.h"
#include "conformance/certify/trace_io.h"
#include "conformance/cli/common.h"
#include "conformance/rules/catalogue.h"
#include "conformance/suite/suite.h"

namespace wskcert::cli {
namespace {

// One line that is rewritten on a terminal; a line for each failure elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}
  ~ProgressLine() {
    if (!quiet_ && terminal_) std::cerr << "\r\033[K";
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void operator()(size_t number, size_t total, const std::string& name, const CaseRun* run) {
    if (quiet_) return;
    if (run != nullptr && run->outcome != CaseResult::ACCEPTED) {
      std::cerr << (terminal_ ? "\r\033[K" : "") << "[" << number << "/" << total << "] " << name << ": "
                << CaseResult::Outcome_Name(run->outcome) << "\n";
    } else if (terminal_) {
      std::cerr << "\r\033[K[" << number << "/" << total << "] " << name << std::flush;
    } else if (run != nullptr && (number % 20 == 0 || number == total)) {
      std::cerr << "[" << number << "/" << total << "] cases played\n";
    }
  }

 private:
  bool quiet_;
  bool terminal_;
};

void ListCases(const std::string& filter) {
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    if (!filter.empty() && !absl::StrContains(candidate.name(), filter)) continue;
    std::cout << candidate.name() << "  (" << absl::StrJoin(candidate.body().rules(), ", ") << ")\n";
  }
}

void ListAllProviders() {
  for (const ProviderInfo& provider : ListProviders()) {
    std::cout << provider.name << "  " << provider.what;
    if (!provider.breaks.empty()) {
      const std::optional<RuleId> rule = catalogue::Find(provider.breaks);
      const bool windows = rule.has_value() && catalogue::Get(*rule).profile() == RULE_PROFILE_WINDOWS;
      std::cout << "  [" << provider.breaks << (windows ? " in profile windows" : "") << "]";
    }
    std::cout << "\n";
  }
}

// Each observation, and under it the rules that it exercised for the first time.
void PrintAnnotated(absl::Span<const Observation> log, model::Profile profile, uint64_t capabilities,
                    bool own) {
  model::Judge judge(profile);
  judge.Start(capabilities);
  RuleSet before;
  for (uint32_t i = 0; i < log.size(); ++i) {
    const bool accepted = judge.Observe(log[i]);
    if (i + 1 == log.size()) judge.Finish();
    // A call whose end follows at once is one line, that of the end.
    const bool ends_at_once = accepted && static_cast<Seen>(log[i].kind) == Seen::kCallBegin &&
                              i + 1 < log.size() && log[i + 1].begin == i;
    if (!ends_at_once) std::cout << RenderLog(log, i, i, accepted ? kNoIndex : i, own);
    judge.exercised().ForEach([&](RuleId rule) {
      if (before.Has(rule)) return;
      if (i == 0 || own || (log[i].seen_flags & kSeenTeardown) == 0) {
        std::cout << "                     rule " << catalogue::Get(rule).name() << "\n";
      }
      before.Add(rule);
    });
    if (!accepted) break;
  }
}

void PrintBreaches(const Judged& judged) {
  judged.breached.ForEach([](RuleId rule) {
    std::cout << "  the client broke its obligation " << catalogue::Get(rule).name()
              << "; what it touches is not judged\n";
  });
  judged.deviated.ForEach([](RuleId rule) {
    std::cout << "  deviation from an inferred rule: " << catalogue::Get(rule).name() << "\n";
  });
}

const char* StrengthName(const Rule& rule) {
  if (rule.party() == PARTY_APPLICATION) return "client";
  switch (rule.strength()) {
    case STRENGTH_MUST:
      return "must";
    case STRENGTH_MAY:
      return "may";
    case STRENGTH_OPEN:
      return "open";
    case STRENGTH_INFERRED:
      return "inferred";
    case STRENGTH_AXIOM:
      return "axiom";
    default:
      return "?";
  }
}

}  // namespace

ExitStatus CertifyCommand(const Options& options) {
  if (options.list_providers) {
    ListAllProviders();
    return kExitGood;
  }
  if (options.list) {
    ListCases(options.filter);
    return kExitGood;
  }
  const absl::StatusOr<model::Profile> profile = ParseProfile(options.profile);
  if (!profile.ok()) return Complain(profile.status());
  absl::StatusOr<std::unique_ptr<Provider>> provider = ProviderOf(options);
  if (!provider.ok()) return Complain(provider.status());
  CertifyOptions certify;
  certify.profile = *profile;
  certify.filter = options.filter;
  certify.repeat = options.repeat;
  certify.level = options.level;
  certify.date = absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone());
  // What is wrong with the waivers is said before anything is played.
  Certificate empty;
  empty.set_date(certify.date);
  if (absl::Status status = ApplyWaiversOf(options, &empty); !status.ok()) return Complain(status);
  absl::StatusOr<Certification> done = absl::UnknownError("");
  {
    ProgressLine line(options.quiet);
    const Progress progress = [&line](auto... arguments) { line(arguments...); };
    done = IsLongRun(options) ? CertifyLongRun(options, certify, progress)
                              : Certify(provider->get(), CuratedSuite(), certify, progress);
  }
  if (!done.ok()) return Complain(done.status());
  if (absl::Status status = ApplyWaiversOf(options, &done->certificate); !status.ok())
    return Complain(status);
  return Conclude(*done, options);
}

ExitStatus RunCommand(const Options& options) {
  const absl::StatusOr<model::Profile> profile = ParseProfile(options.profile);
  if (!profile.ok()) return Complain(profile.status());
  absl::StatusOr<std::unique_ptr<Provider>> provider = ProviderOf(options);
  if (!provider.ok()) return Complain(provider.status());
  absl::StatusOr<NamedCase> found = FindCase(options.arguments[0]);
  if (!found.ok()) return Complain(found.status());
  model::Judge judge(*profile);
  std::string repeat =
      absl::StrCat("wskcert run ", options.arguments[0], " --provider=", ShellWord(options.provider),
                   " --profile=", options.profile);
  if (options.schedule_seed.has_value()) {
    SeedSchedule(*options.schedule_seed, found->name(), found->mutable_body()->mutable_sequence());
    absl::StrAppend(&repeat, " --schedule-seed=", *options.schedule_seed);
  }
  absl::StatusOr<CaseRun> run = RunCase(provider->get(), &judge, found->name(), found->body(), repeat);
  if (!run.ok()) return Complain(run.status());
  if (const std::string fault = (*provider)->Part(); !fault.empty()) MarkFault(&*run, fault, repeat);
  if (!found->body().summary().empty()) std::cout << found->body().summary() << "\n\n";
  PrintAnnotated(run->played.log, *profile, run->played.capabilities, options.verbose);
  PrintBreaches(run->judged);
  if (run->judged.refusal.refused) std::cout << "\n" << run->judged.explanation << "\n";
  std::cout << "\n" << CaseResult::Outcome_Name(run->outcome) << "  " << run->name << "\n" << run->story;
  if (!options.trace.empty()) {
    const Trace trace = TraceOf(*run, options.provider);
    if (absl::Status status = WriteFile(options.trace, trace.SerializeAsString()); !status.ok())
      return Complain(status);
  }
  Certificate certificate;
  certificate.set_filter(run->name);
  certificate.add_cases()->set_outcome(run->outcome);
  return ExitStatusOf(certificate);
}

ExitStatus CheckCommand(const Options& options) {
  const absl::StatusOr<model::Profile> profile = ParseProfile(options.profile);
  if (!profile.ok()) return Complain(profile.status());
  const std::string& path = options.arguments[0];
  absl::StatusOr<std::string> contents = ReadFile(path);
  if (!contents.ok()) return Complain(contents.status());
  if (LooksLikePack(*contents)) {
    Options of_pack = options;
    of_pack.provider = absl::StrCat("pack:", path);
    return CertifyCommand(of_pack);
  }
  absl::StatusOr<LoadedTrace> trace = ParseTrace(*contents, path);
  if (!trace.ok()) return Complain(trace.status());
  model::Judge judge(*profile);
  const Judged judged = JudgeLog(&judge, trace->log, trace->header.capabilities());
  if (options.verbose) PrintAnnotated(trace->log, *profile, trace->header.capabilities(), true);
  PrintBreaches(judged);
  if (judged.refusal.refused) {
    std::cout << "VIOLATION  " << path << "\n" << RefusalStory(trace->log, judged);
    return judged.refusal.blamed_count == 0 ? kExitOurs : kExitViolation;
  }
  std::cout << (judged.inconclusive ? "INCONCLUSIVE  " : "ACCEPTED  ") << path << ": " << trace->log.size()
            << " observations, " << judged.exercised.size() << " rules exercised\n";
  return kExitGood;
}

// rules --coverage
static ExitStatus CoverageCommand(const Options& options) {
  const absl::StatusOr<model::Profile> profile = ParseProfile(options.profile);
  if (!profile.ok()) return Complain(profile.status());
  absl::StatusOr<std::unique_ptr<Provider>> provider = ProviderOf(options);
  if (!provider.ok()) return Complain(provider.status());
  absl::StatusOr<Coverage> coverage = MeasureCoverage(provider->get(), CuratedSuite(), *profile);
  if (!coverage.ok()) return Complain(coverage.status());
  std::cout << CoverageTable(*coverage);
  return coverage->complete ? kExitGood : kExitViolation;
}

ExitStatus RulesCommand(const Options& options) {
  if (options.coverage) return CoverageCommand(options);
  const std::string topic = options.arguments.empty() ? "" : options.arguments[0];
  std::map<std::string, std::vector<const Rule*>> topics;
  for (const Rule& rule : catalogue::All().rules()) {
    if (topic.empty() || rule.topic() == topic) topics[rule.topic()].push_back(&rule);
  }
  if (topics.empty()) {
    return Complain(
        absl::NotFoundError(absl::StrCat("there is no topic '", topic, "'; `wskcert rules` shows them all")));
  }
  for (const auto& [name, rules] : topics) {
    std::cout << name << "\n";
    for (const Rule* rule : rules) {
      std::cout << absl::StrFormat("  %-8s %-14s %s\n", StrengthName(*rule),
                                   rule->required() ? "required" : StandingName(catalogue::StandingOf(*rule)),
                                   rule->name());
    }
  }
  return kExitGood;
}

ExitStatus ExplainCommand(const Options& options) {
  const std::string& name = options.arguments[0];
  const std::optional<RuleId> id = catalogue::Find(name);
  if (!id.has_value()) {
    return Complain(
        absl::NotFoundError(absl::StrCat("there is no rule '", name, "'; `wskcert rules` shows them all")));
  }
  const Rule& rule = catalogue::Get(*id);
  std::cout << rule.name() << "  (" << StrengthName(rule) << (rule.required() ? ", required" : "") << ")\n"
            << RuleText(*id);
  if (!rule.statements().empty())
    std::cout << "  statements: " << absl::StrJoin(rule.statements(), ", ") << "\n";
  if (!rule.refines().empty()) std::cout << "  refines: " << absl::StrJoin(rule.refines(), ", ") << "\n";
  if (!rule.capabilities().empty())
    std::cout << "  needs: " << absl::StrJoin(rule.capabilities(), ", ") << "\n";
  if (rule.declinable() != DECLINABLE_UNSPECIFIED)
    std::cout << "  may be declined with: " << DeclinableText(rule.declinable()) << "\n";
  if (!rule.not_observable_reason().empty())
    std::cout << "  not observable: " << rule.not_observable_reason() << "\n";
  std::cout << "  cases:\n";
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    const auto& rules = candidate.body().rules();
    if (std::find(rules.begin(), rules.end(), name) != rules.end())
      std::cout << "    " << candidate.name() << "\n";
  }
  std::cout << "  saboteurs:\n";
  for (const ProviderInfo& provider : ListProviders()) {
    if (provider.breaks == name) std::cout << "    " << provider.name << "  " << provider.what << "\n";
  }
  return kExitGood;
}

}  // namespace wskcert::cli
