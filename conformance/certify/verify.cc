#include "conformance/certify/verify.h"

#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/report.h"
#include "conformance/certify/run_case.h"
#include "conformance/certify/trace_io.h"

namespace wskcert {
namespace {

class Verifier {
 public:
  Verifier(const Certificate& certificate, std::string traces, model::Profile profile)
      : certificate_(certificate), traces_(std::move(traces)), judge_(profile) {}

  // The run of one case of the certificate, judged again; one without a trace is taken over.
  CaseRun Judge(const CaseResult& result) {
    CaseRun run;
    run.name = result.name();
    run.outcome = result.outcome();
    if (result.outcome() == CaseResult::PROTOCOL_FAULT || result.outcome() == CaseResult::UNREACHABLE_CASE) {
      ++out_.unsupported;
      return run;
    }
    const std::string path = absl::StrCat(traces_, "/", result.name(), ".trace.pb");
    const absl::StatusOr<std::string> contents = ReadFile(path);
    if (!contents.ok()) return Missing(result, contents.status());
    absl::StatusOr<LoadedTrace> trace = ParseTrace(*contents, path);
    if (!trace.ok()) return Missing(result, trace.status());
    if (const std::string sha256 = LogSha256(trace->log); sha256 != result.trace_sha256()) {
      Differ(result.name(), "trace", result.trace_sha256(), sha256);
    }
    if (trace->header.case_name() != result.name()) {
      Differ(result.name(), "case of the trace", result.name(), trace->header.case_name());
    }
    capabilities_.insert(trace->header.capabilities());
    run = RunOfTrace(*std::move(trace));
    run.name = result.name();
    JudgeRun(&judge_, &run);
    ++out_.judged;
    return run;
  }

  void Compare(const Certificate& again) {
    Same("suite", certificate_.suite_sha256(), again.suite_sha256());
    Same("catalogue", certificate_.catalogue_sha256(), again.catalogue_sha256());
    Same("model", certificate_.model_sha256(), again.model_sha256());
    Same("out of scope", absl::StrJoin(certificate_.out_of_scope(), "; "),
         absl::StrJoin(again.out_of_scope(), "; "));
    Same("not modelled", absl::StrJoin(certificate_.not_modelled(), "; "),
         absl::StrJoin(again.not_modelled(), "; "));
    for (int i = 0; i < certificate_.cases_size() && i < again.cases_size(); ++i) {
      CompareCases(certificate_.cases(i), again.cases(i));
    }
    std::map<std::string, const RuleVerdict*> verdicts;
    for (const RuleVerdict& verdict : again.rules()) verdicts[verdict.rule()] = &verdict;
    for (const RuleVerdict& verdict : certificate_.rules()) {
      const auto found = verdicts.find(verdict.rule());
      if (found == verdicts.end()) {
        Differ(verdict.rule(), "verdict", VerdictName(verdict.verdict()), "no such rule");
        continue;
      }
      CompareRules(verdict, *found->second);
      verdicts.erase(found);
    }
    for (const auto& [rule, verdict] : verdicts) {
      Differ(rule, "verdict", "no such rule", VerdictName(verdict->verdict()));
    }
    Same("certified", certificate_.certified() ? "yes" : "no", again.certified() ? "yes" : "no");
    Same("required rules", absl::StrCat(certificate_.counts().required()),
         absl::StrCat(again.counts().required()));
    Same("cases", absl::StrCat(certificate_.counts().cases()), absl::StrCat(again.counts().cases()));
    Same("rules by verdict", absl::StrJoin(certificate_.counts().rules_by_verdict(), ", "),
         absl::StrJoin(again.counts().rules_by_verdict(), ", "));
    Same("required rules that passed", absl::StrCat(certificate_.counts().required_passed()),
         absl::StrCat(again.counts().required_passed()));
    Same("first blamed", certificate_.first_blamed(), again.first_blamed());
  }

  uint64_t Capabilities() {
    if (capabilities_.size() > 1)
      out_.differences.push_back("the traces are of hosts with different capabilities");
    return capabilities_.empty() ? 0 : *capabilities_.begin();
  }
  Verification Take() { return std::move(out_); }

 private:
  void Differ(const std::string& where, const std::string& what, const std::string& stated,
              const std::string& found) {
    out_.differences.push_back(
        absl::StrCat(where, ": ", what, " is stated as '", stated, "', and found as '", found, "'"));
  }
  void Same(const std::string& what, const std::string& stated, const std::string& found) {
    if (stated != found) Differ("certificate", what, stated, found);
  }
  CaseRun Missing(const CaseResult& result, const absl::Status& status) {
    out_.differences.push_back(absl::StrCat(result.name(), ": ", status.message()));
    CaseRun run;
    run.name = result.name();
    run.outcome = CaseResult::UNATTRIBUTED;
    return run;
  }

  void CompareCases(const CaseResult& stated, const CaseResult& found) {
    if (stated.outcome() != found.outcome()) {
      Differ(stated.name(), "outcome", CaseResult::Outcome_Name(stated.outcome()),
             CaseResult::Outcome_Name(found.outcome()));
    }
    const std::string blamed = absl::StrJoin(stated.blamed(), ", ");
    if (blamed != absl::StrJoin(found.blamed(), ", ")) {
      Differ(stated.name(), "blame", blamed, absl::StrJoin(found.blamed(), ", "));
    }
    if (stated.observations() != found.observations()) {
      Differ(stated.name(), "number of observations", absl::StrCat(stated.observations()),
             absl::StrCat(found.observations()));
    }
    if (stated.undecided() != found.undecided()) {
      Differ(stated.name(), "undecided rule", stated.undecided(), found.undecided());
    }
  }

  void CompareRules(const RuleVerdict& stated, const RuleVerdict& found) {
    if (stated.verdict() != found.verdict()) {
      Differ(stated.rule(), "verdict", VerdictName(stated.verdict()), VerdictName(found.verdict()));
    }
    if (stated.required() != found.required()) {
      Differ(stated.rule(), "required", stated.required() ? "yes" : "no", found.required() ? "yes" : "no");
    }
    if (stated.declined_in() != found.declined_in()) {
      Differ(stated.rule(), "declined in", stated.declined_in(), found.declined_in());
    }
    const std::string cases = absl::StrJoin(stated.violated_in(), ", ");
    if (cases != absl::StrJoin(found.violated_in(), ", ")) {
      Differ(stated.rule(), "violated in", cases, absl::StrJoin(found.violated_in(), ", "));
    }
  }

  const Certificate& certificate_;
  const std::string traces_;
  model::Judge judge_;
  std::set<uint64_t> capabilities_;
  Verification out_;
};

}  // namespace

absl::StatusOr<Verification> Verify(const Certificate& certificate, const std::string& traces,
                                    const Suite& suite) {
  if (certificate.format_version() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the certificate has format ", certificate.format_version(), "; this tool knows 1"));
  }
  const absl::StatusOr<model::Profile> profile = ParseProfile(certificate.profile());
  if (!profile.ok()) return profile.status();
  const std::string below = absl::StrCat(traces, "/traces");
  std::error_code error;
  const bool whole = std::filesystem::is_directory(below, error);
  if (!whole && !std::filesystem::is_directory(traces, error)) {
    return absl::NotFoundError(absl::StrCat(traces, ": is no directory of traces"));
  }
  if (certificate.level() != kLevel && certificate.level() != kLevelReachable) {
    return absl::InvalidArgumentError(absl::StrCat("the certificate has level '", certificate.level(),
                                                   "'; this tool knows '", kLevel, "' and '", kLevelReachable,
                                                   "'"));
  }
  Verifier verifier(certificate, whole ? below : traces, *profile);
  std::vector<CaseRun> runs;
  for (const CaseResult& result : certificate.cases()) runs.push_back(verifier.Judge(result));
  CertifyOptions options;
  options.profile = *profile;
  options.level = certificate.level();
  options.filter = certificate.filter();
  options.date = certificate.date();
  const Certification again = CertifyRuns({}, verifier.Capabilities(), suite, options, std::move(runs));
  verifier.Compare(again.certificate);
  // Cases that the certificate leaves out would have been required.
  std::set<std::string> stated;
  for (const CaseResult& result : certificate.cases()) stated.insert(result.name());
  Verification out = verifier.Take();
  for (const NamedCase* candidate : Chosen(suite, certificate.filter())) {
    if (stated.count(candidate->name()) == 0) {
      out.differences.push_back(absl::StrCat(candidate->name(), ": the certificate does not have this case"));
    }
  }
  return out;
}

}  // namespace wskcert
