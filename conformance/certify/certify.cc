#include "conformance/certify/certify.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "conformance/certify/declined.h"
#include "conformance/certify/play_order.h"
#include "conformance/certify/subprocess.h"
#include "conformance/certify/timed.h"
#include "conformance/certify/trace_io.h"
#include "conformance/model/mutations.h"
#include "conformance/rules/catalogue.h"
#include "conformance/suite/suite.h"
#include "google/protobuf/message.h"

namespace wskcert {
namespace {

// What all traces together say about one rule.
struct Tally {
  uint32_t exercised = 0;
  uint32_t deviated = 0;
  uint32_t inconclusive = 0;
  std::vector<std::pair<size_t, std::string>> violated_in;  // by length of the trace
  std::string confirmed_by;
};

class Certifier {
 public:
  Certifier(uint64_t capabilities, const CertifyOptions& options)
      : capabilities_(capabilities), options_(options), judge_(options.profile), tallies_(kRuleCount) {}

  // Plays a case, as often as it is to be. The runs are still to be added.
  absl::Status Play(Provider* provider, const NamedCase& candidate, std::vector<CaseRun>* runs) {
    const std::string repeat = RepeatCommand(*provider, candidate.name());
    for (int left = options_.repeat; left > 0; --left) {
      absl::StatusOr<CaseRun> run = RunCase(provider, &judge_, candidate.name(), candidate.body(), repeat);
      if (!run.ok()) return run.status();
      runs->push_back(*std::move(run));
      if (runs->back().outcome != CaseResult::ACCEPTED) break;
    }
    return absl::OkStatus();
  }

  std::string RepeatCommand(const Provider& provider, const std::string& case_name) const {
    return absl::StrCat("wskcert run ", case_name, " --provider=", ShellWord(provider.name()),
                        " --profile=", ProfileName(options_.profile));
  }

  // Counts all runs of a case. In the order of the suite, for the first exercise that is confirmed is named.
  void Add(absl::Span<const CaseRun> runs) {
    RuleSet exercised;
    RuleSet deviated;
    for (const CaseRun& run : runs) {
      Count(run, &exercised, &deviated);
      observations_ += run.played.log.size();
    }
    AddSets(exercised, deviated);
  }

  // The verdicts, once every case was added.
  void Conclude(const std::vector<CaseRun>& runs, Certificate* certificate) const {
    Counts* counts = certificate->mutable_counts();
    std::vector<uint32_t> by_verdict(Verdict_ARRAYSIZE, 0);
    uint32_t excused = 0;  // of the required ones, at level "reachable"
    const RuleSet required = catalogue::Required();
    for (size_t i = 0; i < kRuleCount; ++i) {
      // Nothing can break a permission, or what the pages leave open: no verdict is due.
      const catalogue::Standing standing = catalogue::StandingOf(catalogue::Get(static_cast<RuleId>(i)));
      if (standing == catalogue::Standing::kPermission || standing == catalogue::Standing::kOpen) continue;
      const RuleVerdict verdict = Conclude(static_cast<RuleId>(i), required);
      ++by_verdict[verdict.verdict()];
      if (verdict.required()) {
        counts->set_required(counts->required() + 1);
        if (verdict.verdict() == PASSED) counts->set_required_passed(counts->required_passed() + 1);
        if (IsBeyondReach(verdict.verdict())) ++excused;
      }
      *certificate->add_rules() = verdict;
    }
    bool clean = true;
    for (const CaseRun& run : runs) {
      AddCase(run, certificate);
      clean = clean && (run.outcome == CaseResult::ACCEPTED || run.outcome == CaseResult::UNREACHABLE_CASE);
    }
    counts->set_observations(observations_);
    counts->set_cases(static_cast<uint32_t>(runs.size()));
    SetFirstBlamed(runs, certificate);
    for (const uint32_t count : by_verdict) counts->add_rules_by_verdict(count);
    const uint32_t beyond_reach = options_.level == kLevelReachable ? excused : 0;
    certificate->set_certified(clean && options_.filter.empty() &&
                               counts->required() == counts->required_passed() + beyond_reach);
  }

 private:
  void AddSets(const RuleSet& exercised, const RuleSet& deviated) {
    exercised.ForEach([this](RuleId rule) { ++tallies_[static_cast<size_t>(rule)].exercised; });
    deviated.ForEach([this](RuleId rule) { ++tallies_[static_cast<size_t>(rule)].deviated; });
  }

  void Count(const CaseRun& run, RuleSet* exercised, RuleSet* deviated) {
    declined_.Add(run);
    const model::Refusal& refusal = run.judged.refusal;
    for (uint8_t i = 0; refusal.refused && i < refusal.blamed_count; ++i) {
      tallies_[static_cast<size_t>(refusal.blamed[i])].violated_in.push_back(
          {run.played.log.size(), run.name});
    }
    run.judged.deviated.ForEach([&](RuleId rule) { deviated->Add(rule); });
    if (run.undecided.has_value()) ++tallies_[static_cast<size_t>(*run.undecided)].inconclusive;
    CountInTime(run, exercised);
    // What was seen before something seemed to be missing was seen.
    if (run.outcome == CaseResult::INCONCLUSIVE_CASE && !run.undecided.has_value()) return;
    run.judged.exercised.ForEach([&](RuleId rule) {
      Tally& tally = tallies_[static_cast<size_t>(rule)];
      exercised->Add(rule);
      // A refused trace has nothing left that a mutation could break.
      if (tally.confirmed_by.empty() && !refusal.refused) Confirm(run, rule, &tally);
    });
  }

  // What came within the bound of a timed silence counts, once a mutation has shown that it came.
  void CountInTime(const CaseRun& run, RuleSet* exercised) {
    if (run.outcome != CaseResult::ACCEPTED) return;
    run.in_time.ForEach([&](RuleId rule) {
      Tally& tally = tallies_[static_cast<size_t>(rule)];
      if (tally.confirmed_by.empty()) {
        const std::optional<model::Mutant> mutant =
            ConfirmInTime(&judge_, run.played.log, run.played.capabilities, rule);
        if (mutant.has_value()) tally.confirmed_by = absl::StrCat(run.name, ": ", mutant->change);
      }
      if (!tally.confirmed_by.empty()) exercised->Add(rule);
    });
  }

  void Confirm(const CaseRun& run, RuleId rule, Tally* tally) {
    const std::optional<model::Mutant> mutant = model::ConfirmBite(
        run.played.log.data(), run.played.log.size(), run.played.capabilities, rule, judge_);
    if (mutant.has_value()) tally->confirmed_by = absl::StrCat(run.name, ": ", mutant->change);
  }

  Verdict VerdictOf(const Rule& rule, RuleId id, const Tally& tally) const {
    if (!rule.not_observable_reason().empty()) return NOT_OBSERVABLE;
    if (!rule.modelled()) return NOT_MODELLED;
    if (!tally.violated_in.empty()) return FAILED;
    if (tally.deviated != 0) return DEVIATION;
    if (tally.inconclusive != 0) return INCONCLUSIVE;
    if (tally.exercised != 0 && !tally.confirmed_by.empty()) return PASSED;
    const uint64_t needed = catalogue::CapabilitiesOf(id);
    if ((needed & ~capabilities_) != 0) return UNREACHABLE;
    return declined_.In(rule.declinable()).empty() ? NOT_EXERCISED : DECLINED;
  }

  RuleVerdict Conclude(RuleId id, const RuleSet& required) const {
    const Rule& rule = catalogue::Get(id);
    Tally tally = tallies_[static_cast<size_t>(id)];
    RuleVerdict out;
    out.set_rule(rule.name());
    out.set_topic(rule.topic());
    out.set_client_obligation(rule.party() == PARTY_APPLICATION);
    const bool in_profile =
        rule.profile() == RULE_PROFILE_DOCUMENTED || options_.profile == model::Profile::kWindows;
    out.set_required(required.Has(id) && in_profile);
    out.set_verdict(VerdictOf(rule, id, tally));
    if (out.verdict() == DECLINED) out.set_declined_in(declined_.In(rule.declinable()));
    out.set_exercised(tally.exercised);
    out.set_confirmed_by(tally.confirmed_by);
    std::sort(tally.violated_in.begin(), tally.violated_in.end());
    for (const auto& [length, name] : tally.violated_in) out.add_violated_in(name);
    return out;
  }

  static void SetFirstBlamed(const std::vector<CaseRun>& runs, Certificate* certificate) {
    const CaseRun* first = nullptr;
    for (const CaseRun& run : runs) {
      if (!run.judged.refusal.refused || run.judged.refusal.blamed_count == 0) continue;
      // Runs are in the order of their names, which decides between traces of one length.
      if (first == nullptr || run.judged.refusal.index < first->judged.refusal.index) first = &run;
    }
    if (first == nullptr) return;
    certificate->set_first_blamed(catalogue::Get(first->judged.refusal.blamed[0]).name());
    certificate->set_first_blamed_in(first->name);
  }

  static void AddCase(const CaseRun& run, Certificate* certificate) {
    CaseResult* out = certificate->add_cases();
    out->set_name(run.name);
    out->set_outcome(run.outcome);
    out->set_trace_sha256(LogSha256(run.played.log));
    out->set_observations(static_cast<uint32_t>(run.played.log.size()));
    out->set_story(run.story);
    const model::Refusal& refusal = run.judged.refusal;
    if (refusal.refused) out->set_at(refusal.index);
    for (uint8_t i = 0; refusal.refused && i < refusal.blamed_count; ++i) {
      out->add_blamed(catalogue::Get(refusal.blamed[i]).name());
    }
    if (run.undecided.has_value()) out->set_undecided(catalogue::Get(*run.undecided).name());
    out->set_not_timed_anew(run.not_timed_anew);
    run.judged.exercised.ForEach([out](RuleId rule) { out->add_exercised(catalogue::Get(rule).name()); });
  }

  const uint64_t capabilities_;
  const CertifyOptions& options_;
  model::Judge judge_;
  std::vector<Tally> tallies_;
  Declined declined_;
  uint64_t observations_ = 0;
};

std::string MessageSha256(const google::protobuf::Message& message) {
  const std::string bytes = message.SerializeAsString();
  return Sha256Hex(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

// Everything that a certificate says before its verdicts.
void Describe(const ProviderIdentity& identity, const Suite& suite, const CertifyOptions& options,
              Certificate* certificate) {
  certificate->set_format_version(1);
  certificate->set_provider(identity.name);
  certificate->set_provider_version(identity.version);
  certificate->set_provider_sha256(identity.sha256);
  certificate->set_host(identity.host);
  certificate->set_profile(ProfileName(options.profile));
  certificate->set_level(options.level);
  certificate->set_tool_version(kToolVersion);
  certificate->set_suite_sha256(MessageSha256(suite));
  certificate->set_catalogue_sha256(MessageSha256(catalogue::All()));
  certificate->set_model_sha256(ModelSha256());
  certificate->set_date(options.date);
  certificate->set_filter(options.filter);
  for (const std::string& line : OutOfScope()) certificate->add_out_of_scope(line);
  for (const std::string& line : NotModelled()) certificate->add_not_modelled(line);
}

}  // namespace

bool IsBeyondReach(Verdict verdict) { return verdict == UNREACHABLE || verdict == DECLINED; }

bool CaseMatches(const NamedCase& candidate, const std::string& filter) {
  if (filter.empty() || absl::StrContains(candidate.name(), filter)) return true;
  for (const std::string& rule : candidate.body().rules()) {
    if (rule == filter || absl::StartsWith(rule, absl::StrCat(filter, "."))) return true;
  }
  return false;
}

const char* ProfileName(model::Profile profile) {
  return profile == model::Profile::kWindows ? "windows" : "documented";
}

absl::StatusOr<model::Profile> ParseProfile(const std::string& name) {
  if (name == "documented") return model::Profile::kDocumented;
  if (name == "windows") return model::Profile::kWindows;
  return absl::InvalidArgumentError(
      absl::StrCat("there is no profile '", name, "': it is 'documented' or 'windows'"));
}

const std::vector<std::string>& OutOfScope() {
  static const auto* const list = new std::vector<std::string>{
      "SO_REUSEADDR, SO_EXCLUSIVEADDRUSE and the sharing of transport addresses",
      "IPV6_V6ONLY, SO_BROADCAST, SO_KEEPALIVE, SO_RCVBUF",
      "security descriptors (WSK_CACHE_SD, WSK_RELEASE_SD, SO_WSK_SECURITY)",
      "WskGetAddressInfo, WskFreeAddressInfo, WskGetNameInfo",
      "the contents of transport lists (WSK_TRANSPORT_LIST_QUERY, WSK_TRANSPORT_LIST_CHANGE)",
      "TDI (WSK_TDI_BEHAVIOR, WSK_TDI_DEVICENAME_MAPPING)",
  };
  return *list;
}

std::vector<std::string> NotModelled() {
  std::map<std::string, int> by_topic;
  for (const Rule& rule : catalogue::All().rules()) {
    if (rule.party() != PARTY_APPLICATION &&
        catalogue::StandingOf(rule) == catalogue::Standing::kNotModelled) {
      ++by_topic[rule.topic()];
    }
  }
  std::vector<std::string> lines;
  lines.reserve(by_topic.size());
  for (const auto& [topic, count] : by_topic) {
    lines.push_back(absl::StrCat(count, " rule", count == 1 ? "" : "s", " of topic ", topic));
  }
  return lines;
}

std::vector<const NamedCase*> Chosen(const Suite& suite, const std::string& filter) {
  std::vector<const NamedCase*> chosen;
  for (const NamedCase& candidate : suite.cases()) {
    if (CaseMatches(candidate, filter)) chosen.push_back(&candidate);
  }
  return chosen;
}

// Plays in a host that the cases share. What it does wrong when it is parted with costs the case that it
// played last.
static absl::Status PlayInOneHost(Provider* provider, const std::vector<const NamedCase*>& chosen,
                                  const Progress& progress, Certifier* certifier,
                                  std::vector<std::vector<CaseRun>>* plays) {
  const PlayOrder order = KillersLast(chosen);
  const auto part = [&](size_t last) {
    const std::string fault = provider->Part();
    if (fault.empty()) return;
    CaseRun* run = &(*plays)[last].back();
    MarkFault(run, fault, certifier->RepeatCommand(*provider, run->name));
  };
  for (size_t n = 0; n < chosen.size(); ++n) {
    const size_t i = order.cases[n];
    if (n != 0 && n >= order.killers_from) part(order.cases[n - 1]);
    progress(n + 1, chosen.size(), chosen[i]->name(), nullptr);
    if (absl::Status status = certifier->Play(provider, *chosen[i], &(*plays)[i]); !status.ok())
      return status;
    progress(n + 1, chosen.size(), chosen[i]->name(), &(*plays)[i].back());
  }
  part(order.cases.back());
  return absl::OkStatus();
}

absl::StatusOr<Certification> Certify(Provider* provider, const Suite& suite, const CertifyOptions& options,
                                      const Progress& progress) {
  const std::vector<const NamedCase*> chosen = Chosen(suite, options.filter);
  if (chosen.empty()) {
    return absl::NotFoundError(absl::StrCat("no case, topic or rule matches '", options.filter, "'"));
  }
  Certification out;
  Certifier certifier(provider->capabilities(), options);
  std::vector<std::vector<CaseRun>> plays(chosen.size());
  if (provider->shares_host()) {
    const absl::Status status = PlayInOneHost(provider, chosen, progress, &certifier, &plays);
    if (!status.ok()) return status;
  }
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (!provider->shares_host()) {
      progress(i + 1, chosen.size(), chosen[i]->name(), nullptr);
      if (absl::Status status = certifier.Play(provider, *chosen[i], &plays[i]); !status.ok()) return status;
      progress(i + 1, chosen.size(), chosen[i]->name(), &plays[i].back());
    }
    certifier.Add(plays[i]);
    out.runs.push_back(std::move(plays[i].back()));
    plays[i].clear();
  }
  Describe(provider->identity(), suite, options, &out.certificate);
  certifier.Conclude(out.runs, &out.certificate);
  return out;
}

Certification CertifyRuns(const ProviderIdentity& identity, uint64_t capabilities, const Suite& suite,
                          const CertifyOptions& options, std::vector<CaseRun> runs) {
  Certification out;
  out.runs = std::move(runs);
  Certifier certifier(capabilities, options);
  for (const CaseRun& run : out.runs) certifier.Add(absl::MakeConstSpan(&run, 1));
  Describe(identity, suite, options, &out.certificate);
  certifier.Conclude(out.runs, &out.certificate);
  return out;
}

}  // namespace wskcert
