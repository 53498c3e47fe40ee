// The testbed: plays programs on the emulator inside this process.
//
//   Testbed testbed;
//   const Played& played = testbed.Play(program);      // played.log: every observation, the last one a kEnd
//
// It owns what a run needs (the executor's memory, the log) and reuses it: after the first few runs nothing
// is allocated. One Testbed at a time uses the emulator, which is one per process; not for several threads.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_TESTBED_H_
#define WSKCERT_CONFORMANCE_CERTIFY_TESTBED_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "conformance/certify/compile.h"
#include "conformance/executor/format.h"

namespace wskcert {

// Which scheduler the emulator runs on: the deterministic one, or host threads that really run at the same
// time (docs/real_threads.md).
enum class Scheduler : uint8_t { kFibers, kThreads };

// What the emulator can do and see.
uint64_t EmulatorCapabilities();

// How one run went. Valid until the next one.
struct Played {
  absl::Span<const Observation> log;
  uint64_t capabilities = 0;
  Ending ending = Ending::kFinished;
  // The emulator's own words about a bugcheck, a deadlock or a leak; empty if there are none.
  std::string report;
  // What the provider did not give back, after a run that finished.
  bool leaked = false;
  // How many allocations the run asked for: what Schedule.fail_allocation can name.
  uint32_t allocations = 0;
};

class Testbed {
 public:
  // A wrapper put around the provider's exports before each run: takes and returns a const WSK_EXPORTS*.
  using Interpose = const void* (*)(const void* exports, void* context);

  struct Options {
    uint32_t log_capacity = 1u << 16;
    // Scheduling points before a run counts as a livelock; 0: in proportion to the program's size.
    uint64_t step_budget = 0;
    Interpose interpose = nullptr;
    // What `interpose` returns is not the emulator's provider, so what only that one can be told is not
    // performed.
    bool foreign_provider = false;
    void* interpose_context = nullptr;
    Scheduler scheduler = Scheduler::kFibers;
    // With kThreads: the delays of the first run are drawn from it, those of the next from the next number.
    uint64_t seed = 0;
    // With kThreads; see emulator::RunOptions.
    bool random_choices = false;
    bool visible_runtime = false;
    // Where the log goes; null: the testbed's own memory. For a log that must survive the process that plays.
    Observation* log = nullptr;
  };

  Testbed() : Testbed(Options()) {}
  explicit Testbed(const Options& options);
  ~Testbed();
  Testbed(const Testbed&) = delete;
  Testbed& operator=(const Testbed&) = delete;

  const Played& Play(const Program& program);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_TESTBED_H_
