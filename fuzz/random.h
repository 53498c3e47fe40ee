// Pseudo-random numbers of the mutator: a few nanoseconds each, the same on every machine, no allocation.
// For choosing what to try; of no other quality.
#ifndef WSKCERT_FUZZ_RANDOM_H_
#define WSKCERT_FUZZ_RANDOM_H_

#include <cstddef>
#include <cstdint>

namespace wskcert::fuzz {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // SplitMix64.
  uint32_t Next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return static_cast<uint32_t>(z >> 32);
  }
  // 0..count-1; 0 if there is nothing to choose from.
  uint32_t Below(uint32_t count) {
    return static_cast<uint32_t>((static_cast<uint64_t>(Next()) * count) >> 32);
  }
  int BelowInt(int count) { return count > 0 ? static_cast<int>(Below(static_cast<uint32_t>(count))) : 0; }
  // True once in `n` times.
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  bool Percent(uint32_t share) { return Below(100) < share; }

 private:
  uint64_t state_;
};

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_RANDOM_H_
