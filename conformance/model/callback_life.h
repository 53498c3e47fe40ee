// The life of one event callback of one socket: an explicit automaton, and sets of its phases.
//
// The judge cannot see a provider's phase; it keeps the set of phases that the trace so far allows
// (PhaseSet). A start of the callback is allowed if some phase of the set allows it, and then only those
// phases remain. A set whose every phase forbids a start names the rules that forbid it.
//
// docs/callback_life.md shows the automaton; life_diagram writes it from the table below.
#ifndef WSKCERT_CONFORMANCE_MODEL_CALLBACK_LIFE_H_
#define WSKCERT_CONFORMANCE_MODEL_CALLBACK_LIFE_H_

#include <cstddef>
#include <cstdint>

#include "conformance/rules/rules_gen.h"

namespace wskcert::model {

enum class Phase : uint8_t {
  kNew,            // never enabled on this socket
  kEnabled,        // by the socket option
  kStatic,         // for the whole life of the socket, by the client control operation or by
                   // conditional-accept mode
  kPendingIrp,     // a disable returned STATUS_PENDING and its IRP is not completed
  kDraining,       // a disable returned STATUS_EVENT_PENDING and calls may still be in progress
  kDisabled,       // a disable returned STATUS_SUCCESS
  kDisabledByIrp,  // the IRP of a pended disable completed with success
  kDrained,        // after STATUS_EVENT_PENDING no call is in progress any more
  kRefusedOff,     // WskReceiveFromEvent, enabled by the socket option, refused datagrams
  kClosed,         // the socket's close has completed
};
inline constexpr size_t kPhaseCount = 10;

enum class LifeInput : uint8_t {
  kEnableSucceeded,
  kDisableSucceeded,
  kDisablePended,
  kDisableEventPended,
  kIrpSucceeded,
  kQuiet,    // exact quiescence with no call running
  kRefused,  // WskReceiveFromEvent returned STATUS_DATA_NOT_ACCEPTED
  kCloseCompleted,
};
inline constexpr size_t kLifeInputCount = 8;

// A set of phases, one bit each.
using PhaseSet = uint16_t;
constexpr PhaseSet SetOf(Phase phase) { return static_cast<PhaseSet>(1u << static_cast<unsigned>(phase)); }
template <typename... Phases>
constexpr PhaseSet SetOf(Phase phase, Phases... phases) {
  return static_cast<PhaseSet>(SetOf(phase) | SetOf(phases...));
}

// Phases in which a call of the callback may start. In the two pending ones the pages leave it open.
inline constexpr PhaseSet kStartable =
    SetOf(Phase::kEnabled, Phase::kStatic, Phase::kPendingIrp, Phase::kDraining);
// Phases in which events must be indicated.
inline constexpr PhaseSet kOwing = SetOf(Phase::kEnabled, Phase::kStatic);

// What an input makes of the phases of a set: the union over its members. A re-enable while a disable is
// pending may cancel it or wait behind it, so that even a single phase may become several.
PhaseSet Next(PhaseSet phases, LifeInput input);

// The rule that forbids a start in a phase outside kStartable.
RuleId ForbidsStart(Phase phase);

// For people.
const char* NameOf(Phase phase);

// Whether the application has answered an indication of WskReceiveEvent such that further ones wait for a
// WskReceive. Again as a set, since the pages leave open when a suspension is lifted.
using SuspensionSet = uint8_t;
inline constexpr SuspensionSet kFlowing = 1;
inline constexpr SuspensionSet kRefused = 2;    // STATUS_DATA_NOT_ACCEPTED
inline constexpr SuspensionSet kPartially = 4;  // part of the bytes accepted

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_CALLBACK_LIFE_H_
