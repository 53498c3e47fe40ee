#include "conformance/model/life_diagram.h"

#include <cstdint>

namespace wskcert::model {

PhaseSet Next(Phase phase, LifeInput input) { return Next(SetOf(phase), input); }

const char* NameOf(LifeInput input) {
  constexpr const char* kNames[kLifeInputCount] = {
      "enable: SUCCESS",        "disable: SUCCESS",    "disable: PENDING",  "disable: EVENT_PENDING",
      "IRP completes: SUCCESS", "no call in progress", "datagrams refused", "close completes"};
  return kNames[static_cast<size_t>(input)];
}

std::string LifeDiagram() {
  std::string text =
      "# The life of an event callback\n"
      "\n"
      "Written by `life_diagram` from the table in `conformance/model/callback_life.cc`; a test keeps it up "
      "to date.\n"
      "\n"
      "The judge keeps a set of these phases for each callback of each socket: all that the trace so far "
      "allows. An arrow\n"
      "is what an observed return, completion or quiescence makes of a phase; inputs that change nothing are "
      "left out. Two\n"
      "arrows with one label from one phase are a choice that the documentation leaves open.\n"
      "\n"
      "```mermaid\n"
      "stateDiagram-v2\n"
      "    [*] --> New\n"
      "    [*] --> Static: enabled for the client\n";
  for (size_t i = 0; i < kPhaseCount; ++i) {
    for (size_t j = 0; j < kLifeInputCount; ++j) {
      const PhaseSet next = Next(static_cast<Phase>(i), static_cast<LifeInput>(j));
      for (unsigned rest = next; rest != 0; rest &= rest - 1) {
        const size_t to = static_cast<size_t>(__builtin_ctz(rest));
        if (to == i) continue;
        text += std::string("    ") + NameOf(static_cast<Phase>(i)) + " --> " +
                NameOf(static_cast<Phase>(to)) + ": " + NameOf(static_cast<LifeInput>(j)) + "\n";
      }
    }
  }
  text +=
      "    Closed --> [*]\n```\n\n| phase | may a call start? | must an event be indicated? |\n| --- | --- | "
      "--- |\n";
  for (size_t i = 0; i < kPhaseCount; ++i) {
    const Phase phase = static_cast<Phase>(i);
    const bool startable = (SetOf(phase) & kStartable) != 0;
    text += std::string("| ") + NameOf(phase) + " | ";
    text += startable ? "yes" : std::string("no: `") + InfoOf(ForbidsStart(phase)).name + "`";
    text += (SetOf(phase) & kOwing) != 0 ? " | yes |\n" : " | no |\n";
  }
  text +=
      "\n"
      "WskReceiveEvent has a second, independent state. A refusal (`STATUS_DATA_NOT_ACCEPTED`) or a partial "
      "acceptance\n"
      "suspends it: no call starts (`receive.refused.suspends`, `receive.partial.suspends`) until WskReceive "
      "is called on\n"
      "the socket, and when that has completed what is still buffered must be indicated (`receive.resumes`). "
      "Whether a\n"
      "WskReceive that was declined, a re-enable, a WskReceive that was queued before, or one called inside "
      "the refusing\n"
      "callback lifts the suspension is open; the judge then keeps both.\n";
  return text;
}

}  // namespace wskcert::model
