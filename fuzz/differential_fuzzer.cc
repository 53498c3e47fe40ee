// libFuzzer's target: sequences through emulator and model (differential.h), mutated by mutator.h.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "conformance/certify/compile.h"
#include "fuzz/differential.h"
#include "fuzz/mutator.h"
#include "fuzz/report.h"

namespace {

using wskcert::Sequence;
using wskcert::fuzz::Differential;
using wskcert::fuzz::Mutator;

// Neither is ever destroyed: at exit the emulator's pooled stacks are still there.
Differential& TheDifferential() {
  static auto* const differential = new Differential({});
  return *differential;
}

Mutator& TheMutator() {
  static auto* const mutator = [] {
    Mutator::Options options;
    for (wskcert::NamedChoice& choice : wskcert::EmulatorChoices()) {
      options.choices.push_back(std::move(choice.name));
    }
    return new Mutator(std::move(options));
  }();
  return *mutator;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  return TheMutator().Mutate(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Sequence* sequence = TheMutator().Decode(data, size);
  if (sequence == nullptr) return 0;
  if (const wskcert::fuzz::Finding* finding = TheDifferential().Run(*sequence)) {
    wskcert::fuzz::Report(*finding, *sequence);
  }
  wskcert::fuzz::ReportProgress(TheDifferential().tally());
  return 0;
}
