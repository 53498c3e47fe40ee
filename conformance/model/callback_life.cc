#include "conformance/model/callback_life.h"

namespace wskcert::model {
namespace {

constexpr PhaseSet kNew = SetOf(Phase::kNew);
constexpr PhaseSet kOn = SetOf(Phase::kEnabled);
constexpr PhaseSet kStatic = SetOf(Phase::kStatic);
constexpr PhaseSet kIrp = SetOf(Phase::kPendingIrp);
constexpr PhaseSet kDrain = SetOf(Phase::kDraining);
constexpr PhaseSet kOff = SetOf(Phase::kDisabled);
constexpr PhaseSet kByIrp = SetOf(Phase::kDisabledByIrp);
constexpr PhaseSet kDrained = SetOf(Phase::kDrained);
constexpr PhaseSet kRefusedOff = SetOf(Phase::kRefusedOff);
constexpr PhaseSet kClosed = SetOf(Phase::kClosed);

// One row a phase, one column an input. Sources: so-wsk-event-callback.md (behaviour on disabling);
// wsk-set-static-event-callbacks.md for the static row; nc-wsk-pfn_wsk_receive_from_event.md (Return value)
// for the column before the last, closing-a-socket.md for the last.
constexpr PhaseSet kTable[kPhaseCount][kLifeInputCount] = {
    // enable succeeded, disable succeeded, pended, event-pended, IRP succeeded, quiet, refused, closed
    /* new            */ {kOn, kOff, kNew, kNew, kNew, kNew, kNew, kClosed},
    /* enabled        */ {kOn, kOff, kIrp, kDrain, kOn, kOn, kRefusedOff, kClosed},
    /* static         */ {kStatic, kStatic, kStatic, kStatic, kStatic, kStatic, kStatic, kClosed},
    /* pending IRP    */ {kOn | kIrp, kOff, kIrp, kIrp | kDrain, kByIrp, kIrp, kIrp, kClosed},
    /* draining       */ {kOn | kDrain, kOff, kDrain | kIrp, kDrain, kDrain, kDrained, kDrain, kClosed},
    /* disabled       */ {kOn, kOff, kOff, kOff, kOff, kOff, kOff, kClosed},
    /* disabled, IRP  */ {kOn, kOff, kByIrp, kByIrp, kByIrp, kByIrp, kByIrp, kClosed},
    /* drained        */ {kOn, kOff, kDrained, kDrained, kDrained, kDrained, kDrained, kClosed},
    /* refused        */
    {kOn, kOff, kRefusedOff, kRefusedOff, kRefusedOff, kRefusedOff, kRefusedOff, kClosed},
    /* closed         */ {kClosed, kClosed, kClosed, kClosed, kClosed, kClosed, kClosed, kClosed},
};

}  // namespace

PhaseSet Next(PhaseSet phases, LifeInput input) {
  PhaseSet result = 0;
  for (unsigned rest = phases; rest != 0; rest &= rest - 1) {
    result |= kTable[static_cast<size_t>(__builtin_ctz(rest))][static_cast<size_t>(input)];
  }
  return result;
}

RuleId ForbidsStart(Phase phase) {
  switch (phase) {
    case Phase::kNew:
      return RuleId::kEnableDefaultStartsDisabled;
    case Phase::kDisabledByIrp:
      return RuleId::kDisableInProgressIrpCompletedStopsCallback;
    case Phase::kDrained:
      return RuleId::kDisableEventPendingStopsCallback;
    case Phase::kRefusedOff:
      return RuleId::kReceiveFromRefusedDisables;
    case Phase::kClosed:
      return RuleId::kCloseCompletedNoCallback;
    default:
      return RuleId::kDisableSuccessStopsCallback;
  }
}

const char* NameOf(Phase phase) {
  constexpr const char* kNames[kPhaseCount] = {"New",        "Enabled",  "Static",        "PendingIrp",
                                               "Draining",   "Disabled", "DisabledByIrp", "Drained",
                                               "RefusedOff", "Closed"};
  return kNames[static_cast<size_t>(phase)];
}

}  // namespace wskcert::model
