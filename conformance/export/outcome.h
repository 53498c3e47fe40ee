// What was seen, as lines that an exported client says as well (kit/kit.h).
#ifndef WSKCERT_CONFORMANCE_EXPORT_OUTCOME_H_
#define WSKCERT_CONFORMANCE_EXPORT_OUTCOME_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "conformance/executor/format.h"

namespace wskcert {

struct OutcomeLine {
  std::string text;
  uint32_t observation;  // its index in the log
  uint32_t step;         // of the program, or kNoIndex
};

// Returns of calls, begins and ends of callbacks, completions, what peers do and see, skips: in order.
std::vector<OutcomeLine> OutcomeLines(absl::Span<const Observation> log);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXPORT_OUTCOME_H_
