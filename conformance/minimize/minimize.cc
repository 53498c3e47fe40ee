#include "conformance/minimize/minimize.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "conformance/minimize/reducer.h"
#include "conformance/rules/catalogue.h"

namespace wskcert {
namespace {

class Minimizer {
 public:
  Minimizer(Provider* provider, const MinimizeOptions& options)
      : provider_(provider), options_(options), judge_(options.profile) {}

  absl::StatusOr<Minimized> Run(const Sequence& sequence) {
    absl::StatusOr<Finding> original = Play(provider_, sequence);
    if (!original.ok()) return original.status();
    if (absl::Status status = CheckOriginal(*original); !status.ok()) return status;
    wanted_ = *std::move(original);
    if (options_.honest != nullptr) {
      const absl::StatusOr<Finding> elsewhere = Play(options_.honest, sequence);
      if (!elsewhere.ok()) return elsewhere.status();
      clean_elsewhere_ = elsewhere->clean();
      exercised_elsewhere_ = elsewhere->exercised;
      must_exercise_ = clean_elsewhere_ && Exercises(*elsewhere);
    }
    Reducer reducer(
        sequence, [this](const Sequence& candidate) { return Shows(candidate); }, options_.limit);
    if (absl::Status status = reducer.Run(); !status.ok()) return status;
    Minimized out;
    out.sequence = reducer.best();
    absl::StatusOr<Finding> last = Play(provider_, out.sequence);
    if (!last.ok()) return last.status();
    out.finding = *std::move(last);
    out.clean_elsewhere = clean_elsewhere_;
    out.exercised_elsewhere = exercised_elsewhere_;
    out.played = reducer.asked();
    out.finished = reducer.finished();
    return out;
  }

 private:
  absl::StatusOr<Finding> Play(Provider* provider, const Sequence& sequence) {
    Case body;
    *body.mutable_sequence() = sequence;
    const absl::StatusOr<CaseRun> run = RunCase(provider, &judge_, "sequence", body, "");
    if (!run.ok()) return run.status();
    return FindingOf(*run);
  }

  absl::Status CheckOriginal(const Finding& original) const {
    if (original.empty()) {
      return absl::NotFoundError(
          absl::StrCat("nothing to minimise: ", provider_->name(), " does nothing wrong in this sequence"));
    }
    if (options_.rule.empty() || Blames(original, options_.rule)) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat(
        "nothing to minimise: rule ", options_.rule, " is not blamed in this sequence; it shows ",
        original.rules.empty() ? original.what : absl::StrJoin(original.rules, ", ")));
  }

  static bool Blames(const Finding& finding, const std::string& rule) {
    return std::find(finding.rules.begin(), finding.rules.end(), rule) != finding.rules.end();
  }

  // Whether the rule that the minimising is about was put to the test.
  bool Exercises(const Finding& finding) const {
    const std::string& name = !options_.rule.empty() ? options_.rule : wanted_.what;
    const std::optional<RuleId> rule = catalogue::Find(name);
    return rule.has_value() && finding.exercised.Has(*rule);
  }

  bool SameFinding(const Finding& finding) const {
    if (!options_.rule.empty() ? !Blames(finding, options_.rule) : finding.what != wanted_.what) return false;
    bool kept = true;
    finding.breached.ForEach([&](RuleId rule) { kept = kept && wanted_.breached.Has(rule); });
    return kept;
  }

  absl::StatusOr<bool> Shows(const Sequence& candidate) {
    ++played_;
    const absl::StatusOr<Finding> here = Play(provider_, candidate);
    if (!here.ok()) return NotPlayable(here.status());
    if (!SameFinding(*here)) return false;
    if (clean_elsewhere_) {
      const absl::StatusOr<Finding> elsewhere = Play(options_.honest, candidate);
      if (!elsewhere.ok()) return NotPlayable(elsewhere.status());
      if (!elsewhere->clean() || (must_exercise_ && !Exercises(*elsewhere))) return false;
      exercised_elsewhere_ = elsewhere->exercised;
    }
    if (options_.progress) options_.progress(played_, candidate);
    return true;
  }

  // A candidate that cannot be compiled shows nothing; that no process can be made is an error.
  static absl::StatusOr<bool> NotPlayable(const absl::Status& status) {
    if (status.code() == absl::StatusCode::kInvalidArgument) return false;
    return status;
  }

  Provider* const provider_;
  const MinimizeOptions& options_;
  model::Judge judge_;
  Finding wanted_;
  bool clean_elsewhere_ = false;
  bool must_exercise_ = false;
  RuleSet exercised_elsewhere_;
  uint64_t played_ = 0;
};

}  // namespace

absl::StatusOr<Minimized> Minimize(Provider* provider, const Sequence& sequence,
                                   const MinimizeOptions& options) {
  return Minimizer(provider, options).Run(sequence);
}

}  // namespace wskcert
