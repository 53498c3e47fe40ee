#include "conformance/model/decision_table.h"

namespace wskcert::model {
namespace {

constexpr Cell kOk = {};
consteval Cell By(RuleId rule) { return Cell{1, {rule, rule}}; }
consteval Cell By(RuleId a, RuleId b) { return Cell{2, {a, b}}; }

// First bullet: no call in progress, so SUCCESS.
constexpr Cell kIdleRule = By(RuleId::kDisableIdleReturnsSuccess);
// Second bullet: calls in progress and an IRP, so PENDING.
constexpr Cell kPends = By(RuleId::kDisableInProgressWithIrpReturnsPending);
// Third bullet: calls in progress and no IRP, so EVENT_PENDING.
constexpr Cell kEventPends = By(RuleId::kDisableInProgressWithoutIrpReturnsEventPending);
// An error contradicts the first bullet and the second (or third) at once.
constexpr Cell kIdleOrPends =
    By(RuleId::kDisableIdleReturnsSuccess, RuleId::kDisableInProgressWithIrpReturnsPending);
constexpr Cell kIdleOrEventPends =
    By(RuleId::kDisableIdleReturnsSuccess, RuleId::kDisableInProgressWithoutIrpReturnsEventPending);
// Nothing can be pending without an IRP to complete; and EVENT_PENDING is for requests without one.
constexpr Cell kNoIrp = By(RuleId::kDisableWithoutIrpNeverPending);
constexpr Cell kHasIrp = By(RuleId::kDisableWithIrpNeverEventPending);
// EVENT_PENDING is returned only while calls are in progress.
constexpr Cell kOnlyBusy = By(RuleId::kDisableEventPendingOnlyInProgress);
constexpr Cell kEnables = By(RuleId::kEnableConnectedSucceeds);
constexpr Cell kEnablesBound = By(RuleId::kEnableBoundSucceeds);
constexpr Cell kEnablesAtOnce = By(RuleId::kEnableWithoutIrpNeverPending);
constexpr Cell kEnableEvent = By(RuleId::kEnableNeverEventPending);
// Windows takes an IRP on enable; the pages do not say (in force in that profile only).
constexpr Cell kTakesIrp = By(RuleId::kEnableWithIrpAccepted);
constexpr Cell kDead = By(RuleId::kEnableDeadSocketForcedClosed);

constexpr Row kTable[kPremiseCount] = {
    // premise, {SUCCESS, PENDING, EVENT_PENDING, FILE_FORCED_CLOSED, other}
    {"disable, no IRP, no call in progress", {kOk, kNoIrp, kOnlyBusy, kIdleRule, kIdleRule}},
    {"disable with IRP, no call in progress", {kOk, kIdleRule, kHasIrp, kIdleRule, kIdleRule}},
    {"disable, no IRP, a call may be in progress", {kOk, kNoIrp, kOk, kIdleOrEventPends, kIdleOrEventPends}},
    {"disable with IRP, a call may be in progress", {kOk, kOk, kHasIrp, kIdleOrPends, kIdleOrPends}},
    {"disable, no IRP, a call is in progress", {kEventPends, kNoIrp, kOk, kEventPends, kEventPends}},
    {"disable with IRP, a call is in progress", {kPends, kOk, kHasIrp, kPends, kPends}},
    {"disable with open outcome, no IRP, no call in progress", {kOk, kNoIrp, kOnlyBusy, kOk, kOk}},
    {"disable with open outcome, with IRP, no call in progress", {kOk, kOk, kHasIrp, kOk, kOk}},
    {"disable with open outcome, no IRP, a call may be in progress", {kOk, kNoIrp, kOk, kOk, kOk}},
    {"disable with open outcome, with IRP, a call may be in progress", {kOk, kOk, kHasIrp, kOk, kOk}},
    {"disable with open outcome, no IRP, a call is in progress", {kOk, kNoIrp, kOk, kOk, kOk}},
    {"disable with open outcome, with IRP, a call is in progress", {kOk, kOk, kHasIrp, kOk, kOk}},
    {"enable of disabled events, no IRP", {kOk, kEnablesAtOnce, kEnableEvent, kEnables, kEnables}},
    {"enable of disabled events on a bound socket, no IRP",
     {kOk, kEnablesAtOnce, kEnableEvent, kEnablesBound, kEnablesBound}},
    {"enable of disabled events, with IRP", {kOk, kOk, kEnableEvent, kTakesIrp, kTakesIrp}},
    {"enable with open outcome, no IRP", {kOk, kEnablesAtOnce, kEnableEvent, kOk, kOk}},
    {"enable with open outcome, with IRP", {kOk, kOk, kEnableEvent, kOk, kOk}},
    {"request on a socket that no longer functions, no IRP", {kDead, kDead, kDead, kOk, kDead}},
    {"request on a socket that no longer functions, with IRP", {kDead, kOk, kDead, kOk, kDead}},
};

}  // namespace

const Row& RowOf(Premise premise) { return kTable[static_cast<size_t>(premise)]; }

}  // namespace wskcert::model
