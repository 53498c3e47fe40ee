// wskcert export: a sequence for people, as a case or as a WSK client in C.
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/trace_io.h"
#include "conformance/cli/commands.h"
#include "conformance/cli/common.h"
#include "conformance/export/c_client.h"
#include "conformance/export/describe.h"
#include "conformance/export/textproto.h"

namespace wskcert::cli {
namespace {

// The rules that the emulator puts to the test; an error if it cannot play it.
absl::StatusOr<RuleSet> ExercisedByEmulator(const Options& options, model::Judge* judge,
                                            const NamedCase& found) {
  Options honest_options = options;
  honest_options.provider = "emulator";
  absl::StatusOr<std::unique_ptr<Provider>> honest = ProviderOf(honest_options);
  if (!honest.ok()) return honest.status();
  const absl::StatusOr<CaseRun> run = RunCase(honest->get(), judge, found.name(), found.body(), "");
  if (!run.ok()) return run.status();
  return run->judged.exercised;
}

std::string CaseText(const Options& options, const CaseRun& run, const RuleSet& exercised, Case body) {
  const Finding finding = FindingOf(run);
  Describe(finding, &exercised, &body);
  const std::string what = finding.empty() ? "nothing is wrong" : finding.what;
  return CaseAsText(
      body, {absl::StrCat("On ", options.provider, ": ", what, ". What was seen:\n", Story(run)), {}});
}

}  // namespace

ExitStatus ExportCommand(const Options& options) {
  const absl::StatusOr<model::Profile> profile = ParseProfile(options.profile);
  if (!profile.ok()) return Complain(profile.status());
  absl::StatusOr<std::unique_ptr<Provider>> provider = ProviderOf(options);
  if (!provider.ok()) return Complain(provider.status());
  const absl::StatusOr<NamedCase> found = FindCase(options.arguments[0]);
  if (!found.ok()) return Complain(found.status());
  model::Judge judge(*profile);
  const absl::StatusOr<Program> program = Compile(found->body().sequence(), (*provider)->choices());
  if (!program.ok()) return Complain(program.status());
  const absl::StatusOr<CaseRun> run = RunCase(provider->get(), &judge, found->name(), found->body(), "");
  if (!run.ok()) return Complain(run.status());
  std::string text;
  if (options.as == "c") {
    const CClient client = ExportAsC(found->body(), *program, *run, **provider);
    for (const std::string& line : client.left_out) std::cerr << "not exported: " << line << "\n";
    text = client.text;
  } else {
    const absl::StatusOr<RuleSet> exercised = ExercisedByEmulator(options, &judge, *found);
    if (!exercised.ok()) return Complain(exercised.status());
    text = CaseText(options, *run, *exercised, found->body());
  }
  return WriteOrPrint(text, options);
}

}  // namespace wskcert::cli
