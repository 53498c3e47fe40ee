// Words for people: what was observed where judging stopped, and the rules that forbid it.
#include <cstdio>
#include <string>

#include "conformance/model/judge_state.h"
#include "conformance/model/trace_text.h"

namespace wskcert::model {

namespace {

// What the judge holds possible of the callbacks of a socket.
std::string Possible(const SocketState& s) {
  constexpr const char* kNames[kEvents] = {"receive",      "disconnect", "send backlog", "accept",
                                           "receive from", "inspect",    "abort",        "extension"};
  std::string text;
  for (uint32_t event = 0; event < kEvents; ++event) {
    if ((s.own & Bit(event)) == 0) continue;
    const EventState& e = s.events[event];
    text += std::string("    ") + kNames[event] + ": ";
    bool first = true;
    for (unsigned rest = e.phases; rest != 0; rest &= rest - 1) {
      text += (first ? "" : " or ") + std::string(NameOf(static_cast<Phase>(__builtin_ctz(rest))));
      first = false;
    }
    if (e.suspension != kFlowing)
      text += (e.suspension & kFlowing) != 0 ? ", perhaps suspended" : ", suspended";
    text += ", " + std::to_string(e.running) + " running";
    text += e.PossiblyInProgress() ? ", perhaps more in progress\n" : ", none else in progress\n";
  }
  return text;
}

// An observation as it was before Judge::State::Bound().
Observation Unbound(Observation o, uint32_t index) {
  const auto slot = [](uint16_t number, uint16_t none) { return number == none ? kNoSlot : number; };
  o.socket = slot(o.socket, kNoSocketEntry);
  o.target = slot(o.target, kNoSocketEntry);
  o.peer = slot(o.peer, kNoPeerEntry);
  o.irp = slot(o.irp, kNoIrpEntry);
  if (o.begin == index) o.begin = kNoIndex;
  return o;
}

}  // namespace

std::string Judge::Explain() const {
  const State& state = *state_;
  if (!state.refusal.refused) return "accepted\n";
  std::string text = "observation " + std::to_string(state.refusal.index) + " is not allowed here:\n    " +
                     ObservationText(Unbound(state.last, state.refusal.index), state.refusal.index) + "\n";
  const uint16_t slot = state.last.socket;
  if (slot < kMaxSockets && state.sockets[slot].used) {
    text +=
        "  of socket " + std::to_string(slot) + " the trace so far allows:\n" + Possible(state.sockets[slot]);
  }
  if (state.refusal.blamed_count == 0) return text + "  no rule says why: a defect of the judge\n";
  text += "  because\n";
  for (size_t i = 0; i < state.refusal.blamed_count; ++i) {
    const RuleInfo& info = InfoOf(state.refusal.blamed[i]);
    text += std::string("    ") + info.name + "\n      " + info.statement + "\n";
    if (info.page[0] != '\0') text += std::string("      (") + info.page + ", " + info.section + ")\n";
  }
  return text;
}

}  // namespace wskcert::model
