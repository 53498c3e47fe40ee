#include "conformance/certify/provider.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "conformance/certify/testbed.h"
#include "conformance/saboteurs/saboteurs.h"

namespace wskcert {
namespace {

// What the playing process leaves behind, in memory shared with this one.
struct SharedResult {
  uint32_t done;
  uint32_t count;
  uint64_t capabilities;
  Ending ending;
  bool leaked;
  char report[2048];
};

class SharedMemory {
 public:
  explicit SharedMemory(size_t size) : size_(size) {
    address_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  }
  ~SharedMemory() {
    if (address_ != MAP_FAILED) munmap(address_, size_);
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  bool ok() const { return address_ != MAP_FAILED; }
  // All zero again.
  void Clear() { madvise(address_, size_, MADV_REMOVE); }
  template <typename T>
  T* At(size_t offset) const {
    return reinterpret_cast<T*>(static_cast<char*>(address_) + offset);
  }

 private:
  size_t size_;
  void* address_;
};

Observation EndRecord(Ending ending) {
  Observation end = {};
  end.ready = 1;
  end.kind = static_cast<uint8_t>(Seen::kEnd);
  end.code = static_cast<uint8_t>(ending);
  end.socket = end.irp = end.peer = end.target = kNoSlot;
  end.begin = end.enclosing = end.step = kNoIndex;
  return end;
}

// What a process that died on the way had recorded: everything up to the last record that was finished.
std::vector<Observation> Salvage(const Observation* log, uint32_t capacity, Ending ending) {
  uint32_t count = capacity;
  while (count > 0 && log[count - 1].ready == 0) --count;
  std::vector<Observation> salvaged(log, log + count);
  for (Observation& observation : salvaged) {
    if (observation.ready != 0) continue;
    observation = {};
    observation.socket = observation.irp = observation.peer = observation.target = kNoSlot;
    observation.begin = observation.enclosing = observation.step = kNoIndex;
  }
  salvaged.push_back(EndRecord(ending));
  return salvaged;
}

class EmulatorProvider : public Provider {
 public:
  EmulatorProvider(std::string name, const SaboteurInfo* saboteur, const ProviderOptions& options)
      : name_(std::move(name)), saboteur_(saboteur), options_(options) {}

  const std::string& name() const override { return name_; }
  std::vector<NamedChoice> choices() const override { return EmulatorChoices(); }
  uint64_t capabilities() const override { return EmulatorCapabilities(); }

  absl::StatusOr<PlayResult> Play(const Program& program) override {
    return options_.in_process ? PlayHere(program) : PlayInChild(program);
  }

 private:
  Testbed::Options TestbedOptions() const {
    Testbed::Options options;
    options.log_capacity = options_.log_capacity;
    if (saboteur_ != nullptr) {
      options.interpose = Sabotage;
      options.interpose_context = const_cast<SaboteurInfo*>(saboteur_);
    }
    return options;
  }

  absl::StatusOr<PlayResult> PlayHere(const Program& program) {
    if (testbed_ == nullptr) testbed_ = std::make_unique<Testbed>(TestbedOptions());
    const Played& played = testbed_->Play(program);
    return PlayResult{{played.log.begin(), played.log.end()},
                      played.capabilities,
                      played.ending,
                      played.report,
                      played.leaked};
  }

  absl::StatusOr<PlayResult> PlayInChild(const Program& program) {
    if (shared_ == nullptr) {
      shared_ =
          std::make_unique<SharedMemory>(sizeof(SharedResult) + options_.log_capacity * sizeof(Observation));
    }
    if (!shared_->ok()) return absl::ResourceExhaustedError("no memory for the log");
    shared_->Clear();
    const pid_t child = fork();
    if (child < 0) return absl::ResourceExhaustedError(absl::StrCat("fork: ", std::strerror(errno)));
    if (child == 0) PlayAsChild(program);
    return Await(child);
  }

  Observation* SharedLog() const { return shared_->At<Observation>(sizeof(SharedResult)); }

  [[noreturn]] void PlayAsChild(const Program& program) {
    Testbed::Options options = TestbedOptions();
    options.log = SharedLog();
    Testbed testbed(options);
    const Played& played = testbed.Play(program);
    SharedResult* result = shared_->At<SharedResult>(0);
    result->count = static_cast<uint32_t>(played.log.size());
    result->capabilities = played.capabilities;
    result->ending = played.ending;
    result->leaked = played.leaked;
    const size_t length = std::min(played.report.size(), sizeof(result->report) - 1);
    std::memcpy(result->report, played.report.data(), length);
    result->done = 1;
    _exit(0);
  }

  absl::StatusOr<PlayResult> Await(pid_t child) {
    const int fd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    pollfd waiting = {fd, POLLIN, 0};
    const int timeout = static_cast<int>(absl::ToInt64Milliseconds(options_.timeout));
    int ready;
    do {
      ready = poll(&waiting, 1, timeout);
    } while (ready < 0 && errno == EINTR);
    if (fd >= 0) close(fd);
    const bool timed_out = ready == 0;
    if (ready <= 0) kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return Collect(timed_out, status);
  }

  PlayResult Collect(bool timed_out, int status) const {
    const SharedResult* result = shared_->At<SharedResult>(0);
    PlayResult out;
    out.capabilities = EmulatorCapabilities();
    if (!timed_out && result->done == 1 && result->count <= options_.log_capacity) {
      out.log.assign(SharedLog(), SharedLog() + result->count);
      out.ending = result->ending;
      out.leaked = result->leaked;
      out.report = result->report;
      return out;
    }
    out.ending = timed_out ? Ending::kTimedOut : Ending::kCrashed;
    out.log = Salvage(SharedLog(), options_.log_capacity - 1, out.ending);
    if (timed_out) {
      out.report = absl::StrCat("hung: ended by the watchdog after ", absl::FormatDuration(options_.timeout));
    } else if (WIFSIGNALED(status)) {
      out.report =
          absl::StrCat("killed by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")");
    } else {
      out.report = absl::StrCat("its process ended with status ", WEXITSTATUS(status));
    }
    return out;
  }

  const std::string name_;
  const SaboteurInfo* const saboteur_;
  const ProviderOptions options_;
  std::unique_ptr<Testbed> testbed_;
  std::unique_ptr<SharedMemory> shared_;
};

constexpr char kSaboteurPrefix[] = "saboteur:";

}  // namespace

std::vector<ProviderInfo> ListProviders() {
  std::vector<ProviderInfo> list;
  list.push_back({"emulator", "the user-mode emulator of WSK, in this process", ""});
  size_t count = 0;
  const SaboteurInfo* saboteurs = Saboteurs(&count);
  for (size_t i = 0; i < count; ++i) {
    list.push_back({absl::StrCat(kSaboteurPrefix, saboteurs[i].name), saboteurs[i].what, saboteurs[i].rule});
  }
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
  return absl::NotFoundError(
      absl::StrCat("there is no provider '", name, "'; `wskcert certify --list-providers` names them all"));
}

}  // namespace wskcert
