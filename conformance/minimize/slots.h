// Which fields of a Sequence name slots, and giving the slots small numbers.
//
// Steps and scripts share message types in which not every field means something for every operation (a
// peer_send has a `socket` that only datagrams use). Whoever changes or prints slots needs to know which do.
#ifndef WSKCERT_CONFORMANCE_MINIMIZE_SLOTS_H_
#define WSKCERT_CONFORMANCE_MINIMIZE_SLOTS_H_

#include <cstdint>
#include <functional>

#include "google/protobuf/descriptor.h"
#include "proto/sequence.pb.h"

namespace wskcert {

enum class SlotKind : uint8_t {
  kNone,  // no slot, or one that the operation ignores
  kSocket,
  kIrp,
  kPeer,
  kHold,
  kRetained,
  kInspect,
  kClient,
};
inline constexpr int kSlotKinds = 8;

// What `field` names: a field of Step itself, or of the message of its operation.
SlotKind SlotOf(const Step& step, const google::protobuf::FieldDescriptor* field);
// What a field of Script names.
SlotKind SlotOf(const Script& script, const google::protobuf::FieldDescriptor* field);

// Replaces every slot of one kind by what `map` gives for it; asked in the order of threads, then scripts.
void MapSlots(SlotKind kind, const std::function<uint32_t(uint32_t)>& map, Sequence* sequence);

// Gives the slots of one kind the numbers from 0 on, in the order in which threads, then scripts name them.
// Two different slots stay different.
void Renumber(SlotKind kind, Sequence* sequence);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_MINIMIZE_SLOTS_H_
