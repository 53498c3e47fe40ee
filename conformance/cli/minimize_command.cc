// wskcert minimize: the smallest sequence that still shows what a long one showed.
#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "conformance/certify/trace_io.h"
#include "conformance/cli/commands.h"
#include "conformance/cli/common.h"
#include "conformance/export/describe.h"
#include "conformance/export/textproto.h"
#include "conformance/minimize/minimize.h"
#include "conformance/minimize/reducer.h"
#include "conformance/rules/catalogue.h"

namespace wskcert::cli {
namespace {

std::string Steps(const Sequence& sequence) {
  const int count = CountSteps(sequence);
  return absl::StrCat(count, count == 1 ? " step" : " steps");
}

Case CaseOf(const Minimized& minimized) {
  Case body;
  *body.mutable_sequence() = minimized.sequence;
  Describe(minimized.finding, minimized.clean_elsewhere ? &minimized.exercised_elsewhere : nullptr, &body);
  return body;
}

std::string HeadOf(const Minimized& minimized, const Options& options, int steps_before) {
  return absl::StrCat("Minimised from ", steps_before, " steps. ", options.provider,
                      minimized.finding.rules.empty() ? ": " : " breaks ", minimized.finding.what,
                      minimized.clean_elsewhere ? ";\nthe emulator does nothing wrong here." : ".");
}

}  // namespace

ExitStatus MinimizeCommand(const Options& options) {
  const absl::StatusOr<model::Profile> profile = ParseProfile(options.profile);
  if (!profile.ok()) return Complain(profile.status());
  if (!options.rule.empty() && !catalogue::Find(options.rule).has_value()) {
    return Complain(absl::NotFoundError(
        absl::StrCat("there is no rule '", options.rule, "'; `wskcert rules` shows them all")));
  }
  absl::StatusOr<std::unique_ptr<Provider>> provider = ProviderOf(options);
  if (!provider.ok()) return Complain(provider.status());
  Options honest_options = options;
  honest_options.provider = "emulator";
  absl::StatusOr<std::unique_ptr<Provider>> honest = ProviderOf(honest_options);
  if (!honest.ok()) return Complain(honest.status());
  const absl::StatusOr<NamedCase> found = FindCase(options.arguments[0]);
  if (!found.ok()) return Complain(found.status());

  MinimizeOptions minimize;
  minimize.profile = *profile;
  minimize.rule = options.rule;
  minimize.limit = options.limit;
  if (options.provider != honest_options.provider) minimize.honest = honest->get();
  const bool terminal = !options.quiet && isatty(STDERR_FILENO) != 0;
  if (terminal) {
    minimize.progress = [](uint64_t played, const Sequence& best) {
      std::cerr << "\r\033[K" << Steps(best) << " after " << played << " plays" << std::flush;
    };
  }
  const absl::StatusOr<Minimized> done = Minimize(provider->get(), found->body().sequence(), minimize);
  if (terminal) std::cerr << "\r\033[K";
  if (!done.ok()) return Complain(done.status());

  const int before = CountSteps(found->body().sequence());
  const std::string text = CaseAsText(CaseOf(*done), {HeadOf(*done, options, before), {}});
  std::cerr << done->finding.what << ": " << before << (before == 1 ? " step" : " steps") << " to "
            << CountSteps(done->sequence) << ", in " << done->played << " plays\n";
  if (minimize.honest != nullptr && !done->clean_elsewhere) {
    std::cerr << "the emulator is not clean on the original, so it was not asked about smaller ones\n";
  }
  if (!done->finished)
    std::cerr << "stopped at --limit=" << options.limit << "; minimise the result to go on\n";
  return WriteOrPrint(text, options);
}

}  // namespace wskcert::cli
