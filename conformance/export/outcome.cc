#include "conformance/export/outcome.h"

#include "conformance/certify/render.h"

namespace wskcert {
namespace {

bool IsSaid(const Observation& o) {
  switch (static_cast<Seen>(o.kind)) {
    case Seen::kNothing:
    case Seen::kCallBegin:
    case Seen::kEnd:
      return false;
    case Seen::kStimulusEnd:
      return !IsSuccess(o.status);
    default:
      return true;
  }
}

}  // namespace

std::vector<OutcomeLine> OutcomeLines(absl::Span<const Observation> log) {
  std::vector<OutcomeLine> lines;
  for (uint32_t i = 0; i < log.size(); ++i) {
    if (IsSaid(log[i])) lines.push_back({RenderObservation(log, i), i, log[i].step});
  }
  return lines;
}

}  // namespace wskcert
