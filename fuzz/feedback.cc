#include "fuzz/feedback.h"

#include <cstring>

namespace wskcert::fuzz {
namespace {

alignas(8) uint8_t g_counters[kCounters];

void NoteState(const model::Judge& judge, uint16_t socket, Event event) {
  const model::CallbackView view = judge.View(socket, event);
  if (view.phases == 0) return;
  const uint32_t state = static_cast<uint32_t>(event) << 18 | static_cast<uint32_t>(view.phases) << 2 |
                         (view.possibly_in_progress ? 2u : 0u) | (view.suspended ? 1u : 0u);
  // Fibonacci hashing, then the range by multiplication.
  const uint32_t hash = state * 0x9E3779B1u;
  g_counters[kRuleCounters + (static_cast<uint64_t>(hash) * kStateCounters >> 32)] = 1;
}

}  // namespace

const uint8_t* Counters() { return g_counters; }
void ClearCounters() { std::memset(g_counters, 0, sizeof(g_counters)); }

void NoteRules(const RuleSet& exercised) {
  exercised.ForEach([](RuleId rule) { g_counters[static_cast<size_t>(rule)] = 1; });
}

void NoteStates(const model::Judge& judge, const Observation& o) {
  switch (static_cast<Seen>(o.kind)) {
    case Seen::kCallbackBegin:
    case Seen::kCallbackEnd:
      if (o.op < kEventCount) NoteState(judge, o.socket, static_cast<Event>(o.op));
      break;
    case Seen::kCallEnd:
    case Seen::kCompletion:
      if (o.op != static_cast<uint16_t>(Op::kEventCallback)) break;
      for (uint32_t event = 0; event < kEventCount; ++event)
        NoteState(judge, o.socket, static_cast<Event>(event));
      break;
    default:
      break;
  }
}

}  // namespace wskcert::fuzz
