// Bounds of a sequence's fields: what Compile() takes (conformance/executor/format.h).
#include <algorithm>

#include "conformance/executor/format.h"
#include "fuzz/steps.h"

namespace wskcert::fuzz {
namespace {

// What lies beyond a limit becomes one of the first slots.
int Fold(int slot, uint32_t limit) {
  return slot < 0 || static_cast<uint32_t>(slot) >= limit ? static_cast<int>(static_cast<uint32_t>(slot) % 8)
                                                          : slot;
}

uint32_t FoldTo(uint32_t value, uint32_t last) { return value > last ? value % (last + 1) : value; }

void BoundSlots(Step* step) {
  const Slots slots = SlotsOf(*step);
  Slots bounded = slots;
  const auto bound = [](int* slot, uint32_t limit) {
    if (*slot != kNoSlotUsed || limit == 0) *slot = Fold(*slot, limit);
  };
  bound(&bounded.socket, kMaxSockets);
  bound(&bounded.peer, kMaxPeers);
  bound(&bounded.accepted, kMaxSockets);
  bound(&bounded.hold, kMaxHolds);
  bound(&bounded.retained, kMaxRetained);
  bound(&bounded.inspect, kMaxInspects);
  const bool same = slots.socket == bounded.socket && slots.peer == bounded.peer &&
                    slots.accepted == bounded.accepted && slots.hold == bounded.hold &&
                    slots.retained == bounded.retained && slots.inspect == bounded.inspect;
  if (!same) SetSlots(bounded, step);
}

// A slot of 0xFFFFFFFF reads as "none": it is put right here, before anything looks at slots.
void BoundNone(Step* step) {
  const Slots slots = SlotsOf(*step);
  Slots fixed = slots;
  for (int* slot :
       {&fixed.socket, &fixed.peer, &fixed.accepted, &fixed.hold, &fixed.retained, &fixed.inspect}) {
    if (*slot < 0) *slot = 0;
  }
  SetSlots(fixed, step);
}

template <typename T>
void BoundLength(T* op) {
  if (op->length() > kMaxTransferBytes) op->set_length(op->length() % 1024);
}
template <typename T>
void BoundNpi(T* op) {
  if (op->npi() < 0 || op->npi() > NPI_NULL) op->set_npi(NPI_WSK);
}
template <typename T>
void BoundSize(T* op) {
  if (op->size() > 65536) op->set_size(op->size() % 64);
}

void BoundArguments(Step* step) {
  switch (step->op_case()) {
    case Step::kControlClient:
      BoundNpi(step->mutable_control_client());
      return BoundSize(step->mutable_control_client());
    case Step::kEventCallback:
      BoundNpi(step->mutable_event_callback());
      return BoundSize(step->mutable_event_callback());
    case Step::kRegisterExtension:
      return BoundNpi(step->mutable_register_extension());
    case Step::kConnect:
      return BoundLength(step->mutable_connect());
    case Step::kConnectEx:
      return BoundLength(step->mutable_connect_ex());
    case Step::kSetRemoteAddress:
      return BoundLength(step->mutable_set_remote_address());
    case Step::kSetSendtoAddress:
      return BoundLength(step->mutable_set_sendto_address());
    case Step::kPeerConnect:
      return BoundLength(step->mutable_peer_connect());
    case Step::kPeerAbandon:
      return BoundLength(step->mutable_peer_abandon());
    case Step::kPeerDisconnect:
      return BoundLength(step->mutable_peer_disconnect());
    case Step::kPeerReset:
      return BoundLength(step->mutable_peer_reset());
    case Step::kBreakSocket:
      return BoundLength(step->mutable_break_socket());
    case Step::kNoHalfOpen:
      return BoundLength(step->mutable_no_half_open());
    case Step::kSend:
      return BoundLength(step->mutable_send());
    case Step::kReceive:
      return BoundLength(step->mutable_receive());
    case Step::kSendTo:
      return BoundLength(step->mutable_send_to());
    case Step::kReceiveFrom:
      return BoundLength(step->mutable_receive_from());
    case Step::kDisconnect:
      return BoundLength(step->mutable_disconnect());
    case Step::kPeerSend:
      return BoundLength(step->mutable_peer_send());
    case Step::kPeerSendDatagram:
      return BoundLength(step->mutable_peer_send_datagram());
    default:
      return;
  }
}

// Drops the elements of `steps` that `drop` is true for, keeping the order of the others.
template <typename Drop>
void DropSteps(google::protobuf::RepeatedPtrField<Step>* steps, const Drop& drop) {
  int kept = 0;
  for (int i = 0; i < steps->size(); ++i) {
    if (drop(steps->Get(i))) continue;
    if (kept != i) steps->SwapElements(kept, i);
    ++kept;
  }
  if (kept != steps->size()) steps->DeleteSubrange(kept, steps->size() - kept);
}

void BoundSteps(google::protobuf::RepeatedPtrField<Step>* steps) {
  for (Step& step : *steps) {
    if (step.client() >= kMaxClients) step.set_client(step.client() % kMaxClients);
    if (step.irp() >= kMaxIrps) step.set_irp(step.irp() % 8);
    const bool about_irp = step.op_case() == Step::kCancelIrp || step.op_case() == Step::kAwaitIrp ||
                           step.op_case() == Step::kScribble;
    if (about_irp && !step.has_irp()) step.set_irp(0);
    BoundNone(&step);
    BoundSlots(&step);
    BoundArguments(&step);
  }
}

void BoundScript(Script* script) {
  if (script->event() < 0 || script->event() > EXTENSION_EVENT) script->set_event(RECEIVE_EVENT);
  if (script->returns() < 0 || script->returns() > Script::RAW) script->set_returns(Script::ACCEPT);
  if (script->socket() >= kMaxSockets) script->set_socket(script->socket() % 8);
  if (script->nth() >= kNoSlot) script->set_nth(script->nth() % 8);
  if (script->hold() >= kMaxHolds) script->set_hold(script->hold() % 8);
  if (script->has_target()) {
    const uint32_t limit = script->event() == ACCEPT_EVENT ? kMaxSockets : kMaxRetained;
    if (script->target() >= limit) script->set_target(script->target() % 8);
  }
  if (script->has_on_completion_of_irp()) {
    if (script->on_completion_of_irp() >= kMaxIrps) {
      script->set_on_completion_of_irp(script->on_completion_of_irp() % 8);
    }
    // A completion routine fills no slot.
    script->clear_target();
    script->clear_hold();
  }
  DropSteps(script->mutable_steps(), [script](const Step& step) {
    if (Waits(step.op_case())) return true;
    return step.op_case() == Step::kReleaseHold && script->has_hold() &&
           step.release_hold().target() == script->hold();
  });
  BoundSteps(script->mutable_steps());
  // A slot that was folded may now be the call's own hold.
  DropSteps(script->mutable_steps(), [script](const Step& step) {
    return step.op_case() == Step::kReleaseHold && script->has_hold() &&
           step.release_hold().target() == script->hold();
  });
}

void BoundSchedule(const std::vector<std::string>& choices, Schedule* schedule) {
  if (schedule->choices().size() > kMaxScheduleBytes) schedule->mutable_choices()->resize(kMaxScheduleBytes);
  // Whoever knows no names refuses none.
  if (choices.empty()) return;
  auto* fixed = schedule->mutable_fixed();
  int kept = 0;
  for (int i = 0; i < fixed->size(); ++i) {
    const std::string& name = fixed->Get(i).name();
    bool good = std::find(choices.begin(), choices.end(), name) != choices.end();
    for (int k = 0; good && k < kept; ++k) good = fixed->Get(k).name() != name;
    if (!good || kept >= static_cast<int>(kMaxChoices)) continue;
    if (kept != i) fixed->SwapElements(kept, i);
    if (fixed->Get(kept).value() > 254) fixed->Mutable(kept)->set_value(FoldTo(fixed->Get(kept).value(), 3));
    ++kept;
  }
  if (kept != fixed->size()) fixed->DeleteSubrange(kept, fixed->size() - kept);
}

}  // namespace

void Bound(const std::vector<std::string>& choices, Sequence* sequence) {
  auto* threads = sequence->mutable_threads();
  constexpr int kThreads = static_cast<int>(kMaxThreads);
  if (threads->size() > kThreads) threads->DeleteSubrange(kThreads, threads->size() - kThreads);
  constexpr int kScripts = static_cast<int>(kMaxScripts);
  auto* scripts = sequence->mutable_scripts();
  if (scripts->size() > kScripts) scripts->DeleteSubrange(kScripts, scripts->size() - kScripts);
  int room = static_cast<int>(kMaxSteps);
  const auto fit = [&room](google::protobuf::RepeatedPtrField<Step>* steps) {
    if (steps->size() > room) steps->DeleteSubrange(room, steps->size() - room);
    room -= steps->size();
  };
  for (Thread& thread : *threads) {
    BoundSteps(thread.mutable_steps());
    fit(thread.mutable_steps());
  }
  for (Script& script : *scripts) {
    BoundScript(&script);
    fit(script.mutable_steps());
  }
  if (sequence->has_schedule()) BoundSchedule(choices, sequence->mutable_schedule());
}

}  // namespace wskcert::fuzz
