#include "conformance/certify/lib_provider.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "conformance/certify/testee_answer.h"
#include "conformance/certify/trace_io.h"
#include "implementations/emulator/host/library.h"

namespace wskcert {
namespace {

// What the emulator's provider alone can be told.
constexpr uint64_t kOfTheEmulator = static_cast<uint64_t>(Capability::kSetReady);

const void* Exports(const void*, void* library) {
  return static_cast<const emulator::ProviderLibrary*>(library)->exports;
}

class LibProvider : public Provider {
 public:
  LibProvider(std::string name, std::string file, std::string sha256, const ProviderOptions& options)
      : name_(std::move(name)),
        file_(std::move(file)),
        sha256_(std::move(sha256)),
        options_(options),
        child_(options.log_capacity, options.timeout) {}

  // Loads it once, in a child. What is wrong with it, if something is.
  absl::Status Probe() {
    absl::StatusOr<PlayResult> probed = child_.Play(0, [this](Observation*) {
      emulator::ProviderLibrary library;
      emulator::LoadProviderLibrary(file_.c_str(), &library);
      ChildPlayer::Outcome outcome;
      outcome.leaked = library.exports == nullptr;
      outcome.report =
          outcome.leaked ? std::string(library.error) : absl::StrCat(library.name, "\n", library.version);
      return outcome;
    });
    if (!probed.ok()) return probed.status();
    if (probed->ending != Ending::kFinished || probed->leaked) {
      const char* when = probed->leaked ? "" : "while it was loaded: ";
      return absl::InvalidArgumentError(absl::StrCat(file_, ": ", when, probed->report));
    }
    const std::pair<std::string, std::string> said = absl::StrSplit(probed->report, absl::MaxSplits('\n', 1));
    identity_.name =
        said.first.empty() ? std::filesystem::path(file_).filename().string() : Printable(said.first, 128);
    identity_.version = Printable(said.second, 128);
    identity_.sha256 = sha256_;
    return absl::OkStatus();
  }

  const std::string& name() const override { return name_; }
  std::vector<NamedChoice> choices() const override { return EmulatorChoices(); }
  uint64_t capabilities() const override { return EmulatorCapabilities() & ~kOfTheEmulator; }
  ProviderIdentity identity() const override { return identity_; }

  absl::StatusOr<PlayResult> Play(const Program& program) override {
    absl::StatusOr<PlayResult> result = child_.Play(capabilities(), [&](Observation* log) {
      emulator::ProviderLibrary library;
      emulator::LoadProviderLibrary(file_.c_str(), &library);
      if (library.exports == nullptr) _exit(1);
      Testbed::Options options;
      options.log_capacity = options_.log_capacity;
      options.scheduler = options_.scheduler;
      options.seed = options_.seed + plays_;
      options.interpose = Exports;
      options.interpose_context = &library;
      options.foreign_provider = true;
      options.log = log;
      Testbed testbed(options);
      const Played& played = testbed.Play(program);
      return ChildPlayer::Outcome{static_cast<uint32_t>(played.log.size()), capabilities(), played.ending,
                                  played.report, played.leaked};
    });
    ++plays_;
    return result;
  }
  std::string again() const override {
    if (options_.scheduler == Scheduler::kFibers) return "";
    return absl::StrCat(" --scheduler=threads --seed=", options_.seed + plays_ - 1);
  }

 private:
  const std::string name_;
  const std::string file_;
  const std::string sha256_;
  const ProviderOptions options_;
  ProviderIdentity identity_;
  ChildPlayer child_;
  uint64_t plays_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Provider>> MakeLibProvider(const std::string& name, const std::string& file,
                                                          const ProviderOptions& options) {
  const absl::StatusOr<std::string> contents = ReadFile(file);
  if (!contents.ok()) return contents.status();
  // Without a slash the loader would look elsewhere.
  std::error_code error;
  const std::string path = std::filesystem::absolute(file, error).string();
  if (error) return absl::NotFoundError(absl::StrCat(file, ": ", error.message()));
  auto provider = std::make_unique<LibProvider>(
      name, path,
      Sha256Hex(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(contents->data()), contents->size())),
      options);
  if (absl::Status status = provider->Probe(); !status.ok()) return status;
  return std::unique_ptr<Provider>(std::move(provider));
}

}  // namespace wskcert
