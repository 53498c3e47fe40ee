#include "conformance/certify/coverage.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "conformance/model/mutations.h"
#include "conformance/rules/catalogue.h"

namespace wskcert {
namespace {

bool CanBeSabotaged(const Rule& rule) {
  return std::any_of(rule.bite().begin(), rule.bite().end(), [](int bite) {
    return bite == BITE_NPI || bite == BITE_EXPORTS || bite == BITE_TRANSPORT || bite == BITE_RUNTIME;
  });
}

RuleCoverage Describe(RuleId id, const Suite& suite, model::Profile profile) {
  const Rule& rule = catalogue::Get(id);
  RuleCoverage out;
  out.rule = rule.name();
  out.topic = rule.topic();
  out.required = catalogue::Required().Has(id) &&
                 (rule.profile() == RULE_PROFILE_DOCUMENTED || profile == model::Profile::kWindows);
  out.modelled = rule.modelled();
  out.can_be_sabotaged = CanBeSabotaged(rule);
  for (const NamedCase& candidate : suite.cases()) {
    const auto& rules = candidate.body().rules();
    if (std::find(rules.begin(), rules.end(), rule.name()) != rules.end()) ++out.cases;
  }
  for (const ProviderInfo& provider : ListProviders()) {
    if (provider.breaks == rule.name()) ++out.saboteurs;
  }
  return out;
}

void FindGaps(RuleCoverage* rule) {
  if (!rule->required || !rule->modelled) return;
  if (rule->cases == 0) rule->lacks.push_back("case");
  if (rule->saboteurs == 0 && rule->can_be_sabotaged) rule->lacks.push_back("saboteur");
  if (rule->exercised == 0) rule->lacks.push_back("exercise");
  if (rule->confirmed == 0) rule->lacks.push_back("mutation");
}

}  // namespace

absl::StatusOr<Coverage> MeasureCoverage(Provider* provider, const Suite& suite, model::Profile profile) {
  Coverage out;
  std::vector<RuleId> ids;
  for (size_t i = 0; i < kRuleCount; ++i) {
    const RuleId id = static_cast<RuleId>(i);
    if (catalogue::Get(id).party() == PARTY_APPLICATION) continue;
    // Permissions and open points cannot be broken.
    const catalogue::Standing standing = catalogue::StandingOf(catalogue::Get(id));
    if (standing == catalogue::Standing::kPermission || standing == catalogue::Standing::kOpen) continue;
    ids.push_back(id);
    out.rules.push_back(Describe(id, suite, profile));
  }
  model::Judge judge(profile);
  for (const NamedCase& candidate : suite.cases()) {
    absl::StatusOr<CaseRun> run = RunCase(provider, &judge, candidate.name(), candidate.body(), "");
    if (!run.ok()) return run.status();
    if (run->outcome != CaseResult::ACCEPTED) continue;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (!run->judged.exercised.Has(ids[i])) continue;
      ++out.rules[i].exercised;
      if (model::ConfirmBite(run->played.log.data(), run->played.log.size(), run->played.capabilities, ids[i],
                             judge)) {
        ++out.rules[i].confirmed;
      }
    }
  }
  out.complete = true;
  for (RuleCoverage& rule : out.rules) {
    FindGaps(&rule);
    out.complete = out.complete && rule.lacks.empty();
  }
  return out;
}

std::string CoverageTable(const Coverage& coverage) {
  std::map<std::string, std::vector<const RuleCoverage*>> topics;
  size_t width = 4;
  int required = 0;
  int complete = 0;
  int modelled = 0;
  for (const RuleCoverage& rule : coverage.rules) {
    topics[rule.topic].push_back(&rule);
    width = std::max(width, rule.rule.size());
    modelled += rule.modelled ? 1 : 0;
    if (!rule.required || !rule.modelled) continue;
    ++required;
    complete += rule.lacks.empty() ? 1 : 0;
  }
  std::string text = absl::StrFormat("%-*s            cases saboteurs exercised mutations\n",
                                     static_cast<int>(width) + 2, "rule");
  for (const auto& [topic, rules] : topics) {
    absl::StrAppend(&text, topic, "\n");
    int unmodelled = 0;
    for (const RuleCoverage* rule : rules) {
      if (!rule->modelled) {
        ++unmodelled;
        continue;
      }
      absl::StrAppendFormat(
          &text, "  %-*s %-10s %5d %9s %9d %9d%s\n", static_cast<int>(width), rule->rule,
          rule->required ? "required" : "", rule->cases,
          rule->can_be_sabotaged || rule->saboteurs != 0 ? absl::StrCat(rule->saboteurs) : "-",
          rule->exercised, rule->confirmed,
          rule->lacks.empty() ? "" : absl::StrCat("  LACKS ", absl::StrJoin(rule->lacks, ", ")));
    }
    if (unmodelled != 0) absl::StrAppendFormat(&text, "  and %d not modelled\n", unmodelled);
  }
  absl::StrAppendFormat(
      &text,
      "%d rules bind the provider, %d are modelled; of %d required and modelled ones %d have everything\n",
      coverage.rules.size(), modelled, required, complete);
  return text;
}

}  // namespace wskcert
