#include "conformance/minimize/slots.h"

#include <map>

namespace wskcert {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

bool IgnoresSocket(Step::OpCase op) {
  switch (op) {
    case Step::kPeerAbandon:
    case Step::kPeerSend:
    case Step::kPeerDisconnect:
    case Step::kPeerReset:
    case Step::kSetIdealBacklog:
    case Step::kBreakSocket:
    case Step::kNoHalfOpen:
      return true;
    default:
      return false;
  }
}

bool IgnoresPeer(Step::OpCase op) {
  return op == Step::kSend || op == Step::kReceive || op == Step::kReceiveFrom;
}

SlotKind OfTarget(Step::OpCase op) {
  return op == Step::kReadRetained ? SlotKind::kRetained : SlotKind::kHold;
}

SlotKind OfScriptTarget(EventName event) {
  if (event == ACCEPT_EVENT) return SlotKind::kSocket;
  return event == INSPECT_EVENT ? SlotKind::kInspect : SlotKind::kRetained;
}

// Calls visit(message, field, kind) for each field of `message` that names a slot and is there: fields
// without presence always are.
template <typename Owner, typename Visit>
void VisitFields(const Owner& owner, Message* message, Visit visit) {
  const Reflection* reflection = message->GetReflection();
  for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message->GetDescriptor()->field(i);
    if (field->has_presence() && !reflection->HasField(*message, field)) continue;
    const SlotKind kind = SlotOf(owner, field);
    if (kind != SlotKind::kNone) visit(message, field, kind);
  }
}

template <typename Visit>
void VisitStep(Step* step, Visit visit) {
  if (step->op_case() == Step::OP_NOT_SET) return;
  VisitFields(*step, step, visit);
  const FieldDescriptor* op = step->GetDescriptor()->FindFieldByNumber(step->op_case());
  VisitFields(*step, step->GetReflection()->MutableMessage(step, op), visit);
}

template <typename Visit>
void VisitSlots(Sequence* sequence, Visit visit) {
  for (Thread& thread : *sequence->mutable_threads()) {
    for (Step& step : *thread.mutable_steps()) VisitStep(&step, visit);
  }
  for (Script& script : *sequence->mutable_scripts()) {
    VisitFields(script, &script, visit);
    for (Step& step : *script.mutable_steps()) VisitStep(&step, visit);
  }
}

}  // namespace

SlotKind SlotOf(const Step& step, const FieldDescriptor* field) {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_UINT32) return SlotKind::kNone;
  const std::string& name = field->name();
  if (name == "irp") return SlotKind::kIrp;
  if (name == "client") return SlotKind::kClient;
  if (name == "accepted") return SlotKind::kSocket;
  if (name == "inspect") return SlotKind::kInspect;
  if (name == "target") return OfTarget(step.op_case());
  if (name == "retained") return step.release().no_list() ? SlotKind::kNone : SlotKind::kRetained;
  if (name == "socket" && !IgnoresSocket(step.op_case())) return SlotKind::kSocket;
  if (name == "peer" && !IgnoresPeer(step.op_case())) return SlotKind::kPeer;
  return SlotKind::kNone;
}

SlotKind SlotOf(const Script& script, const FieldDescriptor* field) {
  switch (field->number()) {
    case Script::kSocketFieldNumber:
      return script.has_on_completion_of_irp() ? SlotKind::kNone : SlotKind::kSocket;
    case Script::kOnCompletionOfIrpFieldNumber:
      return SlotKind::kIrp;
    case Script::kHoldFieldNumber:
      return SlotKind::kHold;
    case Script::kTargetFieldNumber:
      return OfScriptTarget(script.event());
    default:
      return SlotKind::kNone;
  }
}

void MapSlots(SlotKind kind, const std::function<uint32_t(uint32_t)>& map, Sequence* sequence) {
  VisitSlots(sequence, [&](Message* message, const FieldDescriptor* field, SlotKind of) {
    if (of != kind) return;
    const Reflection* reflection = message->GetReflection();
    reflection->SetUInt32(message, field, map(reflection->GetUInt32(*message, field)));
  });
}

void Renumber(SlotKind kind, Sequence* sequence) {
  std::map<uint32_t, uint32_t> numbers;
  MapSlots(
      kind,
      [&](uint32_t old) {
        return numbers.try_emplace(old, static_cast<uint32_t>(numbers.size())).first->second;
      },
      sequence);
}

}  // namespace wskcert
