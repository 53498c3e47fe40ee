// What a request that enables or disables callbacks may return: one row a premise, one column a class of
// returned status; a cell is empty (allowed) or names the rule that forbids it.
//
// The table is the documentation's, read from so-wsk-event-callback.md (behaviour on disabling, three
// bullets) and nc-wsk-pfn_wsk_control_socket.md (Return value). Where the pages leave an outcome open the row
// is one of the `Open` ones, in which only the shape of the answer is judged.
#ifndef WSKCERT_CONFORMANCE_MODEL_DECISION_TABLE_H_
#define WSKCERT_CONFORMANCE_MODEL_DECISION_TABLE_H_

#include <cstddef>
#include <cstdint>

#include "conformance/executor/format.h"
#include "conformance/rules/rules_gen.h"

namespace wskcert::model {

enum class Output : uint8_t { kSuccess, kPending, kEventPending, kForcedClosed, kOther };
inline constexpr size_t kOutputCount = 5;

constexpr Output OutputOf(Status status) {
  switch (status) {
    case kStatusSuccess:
      return Output::kSuccess;
    case kStatusPending:
      return Output::kPending;
    case kStatusEventPending:
      return Output::kEventPending;
    case kStatusFileForcedClosed:
      return Output::kForcedClosed;
    default:
      return Output::kOther;
  }
}

enum class Premise : uint8_t {
  // Disabling one callback that was surely enabled, on a working connected socket...
  kIdle,      // ... no call possibly in progress, no IRP
  kIdleIrp,   // ... the same with an IRP
  kPossible,  // ... a call may or may not be in progress
  kPossibleIrp,
  kBusy,  // ... a call was running from before the request until after its return
  kBusyIrp,
  // Disabling with an outcome that the pages leave open (not enabled, static, a second disable, a strange
  // mask, ...)
  kOpenIdle,  // ... no call possibly in progress
  kOpenIdleIrp,
  kOpenPossible,
  kOpenPossibleIrp,
  kOpenBusy,
  kOpenBusyIrp,
  // Enabling.
  kEnable,       // valid events, all of them off, on a working connected socket, no IRP
  kEnableBound,  // the same on a working, bound listening or datagram socket
  kEnableIrp,    // the same with an IRP
  kEnableOpen,   // an outcome that the pages leave open
  kEnableOpenIrp,
  // A well-formed request on a socket that no longer functions. One that is not may fail in any way.
  kDead,
  kDeadIrp,
};
inline constexpr size_t kPremiseCount = 19;

// A cell. `count` 0: allowed. Two rules forbid jointly: dropping either alone would not allow the output.
struct Cell {
  uint8_t count = 0;
  RuleId rules[2] = {};
};
struct Row {
  const char* premise;  // for people
  Cell cells[kOutputCount];
};

const Row& RowOf(Premise premise);

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_DECISION_TABLE_H_
