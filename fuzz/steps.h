// Steps as the mutator sees them: which slots one names, what it may carry, and the bounds of its fields.
#ifndef WSKCERT_FUZZ_STEPS_H_
#define WSKCERT_FUZZ_STEPS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "proto/sequence.pb.h"

namespace wskcert::fuzz {

inline constexpr int kNoSlotUsed = -1;

// The slots that a step's operation names; kNoSlotUsed where it names none. The IRP is a field of the step.
struct Slots {
  int socket = kNoSlotUsed;
  int peer = kNoSlotUsed;
  int accepted = kNoSlotUsed;
  int hold = kNoSlotUsed;
  int retained = kNoSlotUsed;
  int inspect = kNoSlotUsed;
};

Slots SlotsOf(const Step& step);
// Writes back what SlotsOf gave, changed; fields that the operation does not have are ignored.
void SetSlots(const Slots& slots, Step* step);

// Whether an operation is passed an IRP.
enum class TakesIrp : uint8_t { kNo, kMay, kMust };
TakesIrp IrpOf(Step::OpCase op);

// Waits until something happens: for threads only, never inside a callback.
inline bool Waits(Step::OpCase op) {
  return op == Step::kSettle || op == Step::kAwaitHold || op == Step::kAwaitIrp;
}
// What the environment does, rather than the client.
inline bool IsStimulus(Step::OpCase op) { return op >= Step::kPeerListen && op <= Step::kSetReady; }

// Puts every field within what Compile() takes: slots, lengths, numbers of enumerations, waits inside
// scripts, choices that nobody has (names other than `choices`) or that are fixed twice. Changes nothing
// else, and nothing at all in a sequence that compiles.
void Bound(const std::vector<std::string>& choices, Sequence* sequence);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_STEPS_H_
