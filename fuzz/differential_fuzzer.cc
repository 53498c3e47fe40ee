// libFuzzer's target: sequences through emulator and model (differential.h), mutated by mutator.h.
//
// Environment: WSKCERT_KNOWN="RULE RULE..." passes over findings with these rules, to see what lies behind
// one that is known and not mended yet; "*" is every rule. WSKCERT_FLOOR=N plays and judges the
// first N inputs only, which are the seeds: what mutation and engine cost.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_split.h"
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

bool IsKnown(const std::string& rule) {
  static const auto* const known = [] {
    const char* list = std::getenv("WSKCERT_KNOWN");
    return new std::vector<std::string>(absl::StrSplit(list == nullptr ? "" : list, ' ', absl::SkipEmpty()));
  }();
  return absl::c_linear_search(*known, rule) || absl::c_linear_search(*known, "*");
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  return TheMutator().Mutate(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const char* const floor = std::getenv("WSKCERT_FLOOR");
  static long left = floor != nullptr ? std::atol(floor) : -1;
  if (left == 0) return 0;
  if (left > 0) --left;
  const Sequence* sequence = TheMutator().Decode(data, size);
  // Something must be worth keeping, or libFuzzer refuses to begin: without seeds what the mutator begins
  // with.
  if (sequence == nullptr) sequence = &Mutator::Base();
  const wskcert::fuzz::Finding* finding = TheDifferential().Run(*sequence);
  if (finding != nullptr && !IsKnown(finding->rule)) wskcert::fuzz::Report(*finding, *sequence);
  wskcert::fuzz::ReportProgress(TheDifferential().tally());
  return 0;
}
