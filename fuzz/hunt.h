// The hunt: how long it takes until mutation finds a saboteur.
//
//   const Hunt hunt = {.saboteur = FindSaboteur("disable-irp-completes-early"), .seed = 1};
//   const Catch found = RunHunt(hunt);
//
// One search, in this process: a small corpus, mutated; every sequence is played over the saboteur and
// judged. A catch counts only if the saboteur's own rule is blamed, with nothing before it but rules that
// refine it, and if the same sequence is accepted on the honest emulator. What time is told is the process's
// CPU time, of everything: mutating, playing, judging, checking.
#ifndef WSKCERT_FUZZ_HUNT_H_
#define WSKCERT_FUZZ_HUNT_H_

#include <cstdint>
#include <string>

#include "conformance/saboteurs/saboteurs.h"

namespace wskcert::fuzz {

enum class Arm : uint8_t {
  // The suite's cases but those that already catch this saboteur as they are; feedback; legality.
  kOwn,
  // All cases of the suite: the saboteur's own among them.
  kAllSeeds,
  kNoSeeds,
  kNoLegality,
  // What was exercised and seen does not decide what is kept.
  kNoFeedback,
  // Sequences made anew each time, of the same idioms and edits; nothing is kept.
  kRandom,
  // Bytes of the serialised sequences are mutated instead, as a fuzzer does that knows no format.
  kBytes,
};
inline constexpr int kArms = 7;
const char* NameOf(Arm arm);

struct Hunt {
  const SaboteurInfo* saboteur = nullptr;
  Arm arm = Arm::kOwn;
  uint32_t seed = 1;
  double cpu_seconds = 60;  // the budget
  // If not null, memory of kLastBytes that outlives this process: holds the sequence that is being played,
  // after its size as a uint32_t. For saboteurs that take their process down.
  uint8_t* last = nullptr;
};
inline constexpr size_t kLastBytes = 1 << 16;

struct Catch {
  bool found = false;
  double cpu_seconds = 0;
  uint64_t executions = 0;
  uint32_t steps = 0;    // of the sequence that caught it
  std::string sequence;  // serialised
};

Catch RunHunt(const Hunt& hunt);

// Whether the emulator alone plays these bytes without anything to find fault with.
bool CleanOnEmulator(const std::string& sequence);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_HUNT_H_
