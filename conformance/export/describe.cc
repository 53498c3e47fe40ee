#include "conformance/export/describe.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "conformance/certify/render.h"
#include "conformance/rules/catalogue.h"

namespace wskcert {
namespace {

constexpr uint32_t kStoryLines = 60;

}  // namespace

void Describe(const Finding& finding, const RuleSet* exercised, Case* body) {
  if (body->rules().empty()) {
    for (const std::string& name : finding.rules) {
      if (exercised == nullptr || exercised->Has(*catalogue::Find(name))) body->add_rules(name);
    }
  }
  if (finding.rules.empty()) {
    if (body->summary().empty()) body->set_summary(finding.what);
    return;
  }
  const Rule& rule = catalogue::Get(*catalogue::Find(finding.rules[0]));
  if (body->summary().empty()) body->set_summary(rule.statement());
  if (body->source().empty() && rule.sources_size() != 0) {
    body->set_source(absl::StrCat(rule.sources(0).page(), ", ", rule.sources(0).section()));
  }
}

std::string Story(const CaseRun& run) {
  if (run.played.log.empty()) return "";
  const uint32_t last = static_cast<uint32_t>(run.played.log.size()) - 1;
  const bool refused = run.judged.refusal.refused;
  const uint32_t at = refused ? std::min(run.judged.refusal.index, last) : last;
  const uint32_t first = at > kStoryLines ? at - kStoryLines : 0;
  return absl::StrCat(first > 0 ? absl::StrCat("    ... ", first, " earlier observations\n") : "",
                      RenderLog(run.played.log, first, at, refused ? at : kNoIndex, false));
}

}  // namespace wskcert
