// Hosts an exported client on the emulator: exported_host FILE.so [--provider=NAME]
//
// The client is a shared object (ci/host_exported makes it). What it sees is printed line by line and
// compared with what was seen when it was exported. Exit status: 0 the same, 1 something else, 3 bad usage.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "conformance/export/kit/recorder.h"
#include "conformance/export/kit/scene.h"
#include "conformance/saboteurs/saboteurs.h"
#include "implementations/emulator/emulator.h"
#include "implementations/emulator/host/host.h"
#include "implementations/emulator/provider/choices.h"

namespace wskcert {
namespace {

constexpr int kSame = 0;
constexpr int kDifferent = 1;
constexpr int kUsage = 3;

// Prints each line, with a mark where the recorded violation is, and keeps where the two part.
class Recorder {
 public:
  explicit Recorder(const SCENE_RECORD* record) : record_(record) {}

  void Say(const char* line) {
    std::lock_guard<std::mutex> lock(mutex_);
    const bool same = seen_ < record_->LineCount && std::strcmp(line, record_->Lines[seen_]) == 0;
    if (same || differs_) {
      std::printf("  %c [%3u] %s\n", !differs_ && static_cast<int>(seen_) == record_->Violation ? '>' : ' ',
                  seen_, line);
    } else {
      differs_ = true;
      std::printf("  ! [%3u] %s\n          recorded: %s\n", seen_, line,
                  seen_ < record_->LineCount ? record_->Lines[seen_] : "nothing more");
    }
    // The process may end at any time.
    std::fflush(stdout);
    ++seen_;
  }

  bool Same() const { return !differs_ && seen_ == record_->LineCount; }
  unsigned seen() const { return seen_; }

 private:
  std::mutex mutex_;  // Guards the rest.
  const SCENE_RECORD* record_;
  unsigned seen_ = 0;
  bool differs_ = false;
};

Recorder* g_recorder;

const char* NameOf(emulator::Ending ending) {
  switch (ending) {
    case emulator::Ending::kFinished:
      return "finished";
    case emulator::Ending::kBugCheck:
      return "bugcheck";
    case emulator::Ending::kDeadlock:
      return "deadlock";
    case emulator::Ending::kLivelock:
      return "livelock";
  }
  return "?";
}

// The choices that the record fixes; 0xFF: the schedule's.
std::vector<uint8_t> FixedChoices(const SCENE_RECORD& record) {
  std::vector<uint8_t> fixed(record.ChoiceCount != 0 ? emulator::kChoiceEnd : 0, 0xFF);
  for (unsigned i = 0; i < record.ChoiceCount; ++i) {
    for (uint16_t kind = 0; kind < emulator::kChoiceEnd; ++kind) {
      const char* name = kind < emulator::kFirstProviderChoice ? emulator::ChoiceName(kind)
                                                               : emulator::ProviderChoiceName(kind);
      if (std::strcmp(name, record.Choices[i].Name) == 0)
        fixed[kind] = static_cast<uint8_t>(record.Choices[i].Value);
    }
  }
  return fixed;
}

// The provider of that name; false: there is none. The emulator itself is null.
bool ExportsOf(const std::string& provider, const void** exports) {
  static const char kPrefix[] = "saboteur:";
  *exports = nullptr;
  if (provider == "emulator") return true;
  if (provider.rfind(kPrefix, 0) != 0) return false;
  const SaboteurInfo* saboteur = FindSaboteur(provider.c_str() + sizeof(kPrefix) - 1);
  if (saboteur == nullptr) return false;
  *exports = Sabotage(emulator::EmulatorExports(), const_cast<SaboteurInfo*>(saboteur));
  return true;
}

int Conclude(const SCENE_RECORD& record, const std::string& provider, const emulator::HostReport& report) {
  std::printf("%s on %s: %s\n", record.Case, provider.c_str(), report.text);
  if (g_recorder->Same() && std::strcmp(record.Ending, NameOf(report.run.ending)) == 0) {
    if (record.Broken[0] == 0) {
      std::printf("as recorded\n");
    } else {
      std::printf("as recorded with %s: %s%s\n", record.Provider, record.Broken,
                  record.Violation >= 0 ? " is broken in the line marked >" : "");
    }
    return kSame;
  }
  std::printf("not as recorded with %s: %u lines, %s; recorded were %u lines, %s\n", record.Provider,
              g_recorder->seen(), NameOf(report.run.ending), record.LineCount, record.Ending);
  return kDifferent;
}

int Host(const SCENE_RECORD& record, emulator::DriverEntryFunction entry, const std::string& provider) {
  const std::vector<uint8_t> fixed = FixedChoices(record);
  emulator::HostOptions options;
  options.run.schedule = record.Schedule;
  options.run.schedule_size = record.ScheduleSize;
  options.run.fixed_choices = fixed.data();
  options.run.fixed_choice_count = fixed.size();
  options.run.fail_allocation = record.FailAllocation;
  options.run.step_budget = 100000 + 10000ull * record.LineCount;
  if (!ExportsOf(provider, &options.exports)) {
    std::fprintf(stderr, "exported_host: there is no provider '%s'; it is 'emulator' or 'saboteur:NAME'\n",
                 provider.c_str());
    return kUsage;
  }
  Recorder recorder(&record);
  g_recorder = &recorder;
  static emulator::HostReport report;
  emulator::HostDriver(entry, options, nullptr, nullptr, &report);
  SetScene(nullptr);
  return Conclude(record, provider, report);
}

}  // namespace
}  // namespace wskcert

extern "C" void SceneSay(const char* line) { wskcert::g_recorder->Say(line); }

int main(int argc, char** argv) {
  const char* file = nullptr;
  std::string provider;
  bool good = true;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--provider=", 11) == 0) {
      provider = argv[i] + 11;
    } else {
      good = good && file == nullptr && argv[i][0] != '-';
      file = argv[i];
    }
  }
  if (!good || file == nullptr) {
    std::fprintf(stderr, "usage: exported_host FILE.so [--provider=NAME]\n");
    return wskcert::kUsage;
  }
  // A name without a slash would be looked up elsewhere.
  const std::string path = std::strchr(file, '/') != nullptr ? file : std::string("./") + file;
  void* client = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const auto* record =
      client != nullptr ? static_cast<const SCENE_RECORD*>(dlsym(client, "Record")) : nullptr;
  void* entry = client != nullptr ? dlsym(client, "DriverEntry") : nullptr;
  void* peer_saw = client != nullptr ? dlsym(client, "PeerSaw") : nullptr;
  if (record == nullptr || entry == nullptr || peer_saw == nullptr) {
    std::fprintf(stderr, "exported_host: %s\n",
                 client == nullptr ? dlerror() : "no exported client: no Record, DriverEntry or PeerSaw");
    return wskcert::kUsage;
  }
  wskcert::SetScene(reinterpret_cast<void (*)(int, unsigned, const unsigned char*, unsigned)>(peer_saw));
  if (provider.empty()) provider = record->Provider;
  return wskcert::Host(*record, reinterpret_cast<wskcert::emulator::DriverEntryFunction>(entry), provider);
}
