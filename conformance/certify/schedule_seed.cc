#include "conformance/certify/schedule_seed.h"

#include <random>

namespace wskcert {
namespace {

// FNV-1a: std::hash differs between libraries.
uint64_t HashOf(const std::string& name) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
  return hash;
}

}  // namespace

void SeedSchedule(uint64_t seed, const std::string& name, Sequence* sequence) {
  // The engine's numbers are the standard's; a distribution's would be the library's.
  std::mt19937_64 random(seed ^ HashOf(name));
  std::string bytes(64 + random() % 512, '\0');
  const uint64_t calm = 1 + random() % 8;
  for (char& byte : bytes) byte = random() % calm == 0 ? static_cast<char>(random()) : '\0';
  sequence->mutable_schedule()->set_choices(bytes);
}

}  // namespace wskcert
