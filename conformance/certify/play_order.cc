#include "conformance/certify/play_order.h"

#include <algorithm>

#include "conformance/certify/compile.h"
#include "conformance/certify/testbed.h"

namespace wskcert {
namespace {

bool CallsProvider(const ProgramStep& step) {
  // Operations below are calls, but for IoCancelIrp (format.h).
  return step.op < static_cast<uint16_t>(Op::kPeerListen) && static_cast<Op>(step.op) != Op::kCancelIrp;
}

}  // namespace

bool IsKiller(const Program& program) {
  const absl::Span<const ProgramStep> steps = program.steps();
  for (const ProgramStep& step : steps) {
    if ((step.step_flags & kStepKiller) != 0) return true;
    if (static_cast<Op>(step.op) == Op::kClose && step.irp == kNoSlot) return true;
  }
  for (const ProgramScript& script : program.scripts()) {
    if (script.event != kScriptOnCompletion) continue;
    const auto inside = steps.subspan(script.first_step, script.step_count);
    if (std::any_of(inside.begin(), inside.end(), CallsProvider)) return true;
  }
  return false;
}

bool IsKiller(const Sequence& sequence) {
  const absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
  // What does not compile is reported when it is to be played.
  return program.ok() && IsKiller(*program);
}

PlayOrder KillersLast(const std::vector<const NamedCase*>& cases) {
  PlayOrder order;
  std::vector<size_t> killers;
  for (size_t i = 0; i < cases.size(); ++i) {
    (IsKiller(cases[i]->body().sequence()) ? killers : order.cases).push_back(i);
  }
  order.killers_from = order.cases.size();
  order.cases.insert(order.cases.end(), killers.begin(), killers.end());
  return order;
}

}  // namespace wskcert
