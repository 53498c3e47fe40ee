#include "conformance/certify/provider.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/exec_provider.h"
#include "conformance/certify/lib_provider.h"
#include "conformance/certify/pack.h"
#include "conformance/certify/trace_io.h"
#include "conformance/saboteurs/saboteurs.h"
#include "conformance/suite/suite.h"

namespace wskcert {
namespace {

class EmulatorProvider : public Provider {
 public:
  EmulatorProvider(std::string name, const SaboteurInfo* saboteur, const ProviderOptions& options)
      : name_(std::move(name)),
        saboteur_(saboteur),
        options_(options),
        child_(options.log_capacity, options.timeout) {}

  const std::string& name() const override { return name_; }
  std::vector<NamedChoice> choices() const override { return EmulatorChoices(); }
  uint64_t capabilities() const override { return EmulatorCapabilities(); }

  absl::StatusOr<PlayResult> Play(const Program& program) override {
    absl::StatusOr<PlayResult> result = options_.in_process ? PlayHere(program) : PlayInChild(program);
    ++plays_;
    return result;
  }
  std::string again() const override {
    if (options_.scheduler == Scheduler::kFibers) return "";
    return absl::StrCat(" --scheduler=threads --seed=", options_.seed + plays_ - 1,
                        options_.random_choices ? " --latitude" : "");
  }

 private:
  Testbed::Options TestbedOptions() const {
    Testbed::Options options;
    options.log_capacity = options_.log_capacity;
    options.scheduler = options_.scheduler;
    options.seed = options_.seed + plays_;
    options.random_choices = options_.random_choices;
    if (saboteur_ != nullptr) {
      options.interpose = Sabotage;
      options.interpose_context = const_cast<SaboteurInfo*>(saboteur_);
    }
    return options;
  }

  absl::StatusOr<PlayResult> PlayHere(const Program& program) {
    if (testbed_ == nullptr) testbed_ = std::make_unique<Testbed>(TestbedOptions());
    return ResultOf(testbed_->Play(program));
  }

  absl::StatusOr<PlayResult> PlayInChild(const Program& program) {
    return child_.Play(EmulatorCapabilities(), [&](Observation* log) {
      Testbed::Options options = TestbedOptions();
      options.log = log;
      Testbed testbed(options);
      const Played& played = testbed.Play(program);
      return ChildPlayer::Outcome{static_cast<uint32_t>(played.log.size()), played.capabilities,
                                  played.ending, played.report, played.leaked};
    });
  }

  const std::string name_;
  const SaboteurInfo* const saboteur_;
  const ProviderOptions options_;
  std::unique_ptr<Testbed> testbed_;
  ChildPlayer child_;
  uint64_t plays_ = 0;
};

constexpr char kSaboteurPrefix[] = "saboteur:";
constexpr char kExecPrefix[] = "exec:";
constexpr char kLibPrefix[] = "lib:";
constexpr char kPackPrefix[] = "pack:";

}  // namespace

PlayResult ResultOf(const Played& played) {
  PlayResult result;
  result.log.assign(played.log.begin(), played.log.end());
  result.capabilities = played.capabilities;
  result.ending = played.ending;
  result.report = played.report;
  result.leaked = played.leaked;
  return result;
}

ProviderIdentity Provider::identity() const { return {name(), kToolVersion, "", ""}; }

std::vector<ProviderInfo> ListProviders() {
  std::vector<ProviderInfo> list;
  list.push_back({"emulator", "the user-mode emulator of WSK, in this process", ""});
  size_t count = 0;
  const SaboteurInfo* saboteurs = Saboteurs(&count);
  for (size_t i = 0; i < count; ++i) {
    list.push_back({absl::StrCat(kSaboteurPrefix, saboteurs[i].name), saboteurs[i].what, saboteurs[i].rule});
  }
  list.push_back({"exec:COMMAND", "a program that speaks the testee protocol (docs/testee_protocol.md)", ""});
  list.push_back({"lib:FILE",
                  "a shared library that exports the five Wsk functions (docs/certify_your_provider.md)",
                  ""});
  list.push_back({"pack:FILE", "what a recorder brought of wskcert pack's programs", ""});
  return list;
}

absl::StatusOr<std::unique_ptr<Provider>> MakeProvider(const std::string& name,
                                                       const ProviderOptions& options) {
  if (name == "emulator") return std::make_unique<EmulatorProvider>(name, nullptr, options);
  absl::string_view rest = name;
  if (absl::ConsumePrefix(&rest, kSaboteurPrefix)) {
    const SaboteurInfo* saboteur = FindSaboteur(std::string(rest).c_str());
    if (saboteur != nullptr) return std::make_unique<EmulatorProvider>(name, saboteur, options);
  }
  if (absl::ConsumePrefix(&rest, kExecPrefix)) {
    ExecOptions exec;
    exec.timeout = options.timeout;
    return MakeExecProvider(name, std::string(rest), exec);
  }
  if (absl::ConsumePrefix(&rest, kLibPrefix)) return MakeLibProvider(name, std::string(rest), options);
  if (absl::ConsumePrefix(&rest, kPackPrefix)) {
    const absl::StatusOr<std::string> contents = ReadFile(std::string(rest));
    if (!contents.ok()) return contents.status();
    return MakePackProvider(name, *contents, CuratedSuite());
  }
  return absl::NotFoundError(
      absl::StrCat("there is no provider '", name, "'; `wskcert certify --list-providers` names them all"));
}

}  // namespace wskcert
