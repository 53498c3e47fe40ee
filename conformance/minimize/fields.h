// The simpler values that a field of a sequence can take. Internal to conformance/minimize.
#ifndef WSKCERT_CONFORMANCE_MINIMIZE_FIELDS_H_
#define WSKCERT_CONFORMANCE_MINIMIZE_FIELDS_H_

#include <functional>

#include "proto/sequence.pb.h"

namespace wskcert {

// A place in a sequence: a step of a thread (`outer` the thread) or of a script, a script itself, the set-up
// or the schedule's fail_allocation.
struct Place {
  enum Kind { kThreadStep, kScriptStep, kScript, kSetup, kSchedule } kind;
  int outer = 0;
  int inner = 0;
};

// Tries one simplification after the other of the fields at `place`: each is handed to `attempt` as a change
// of a sequence, which says whether it was taken. After one that was, the values are looked up anew in what
// `current` gives.
void SimplifyAt(const Place& place, const std::function<const Sequence&()>& current,
                const std::function<bool(const std::function<void(Sequence*)>&)>& attempt);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_MINIMIZE_FIELDS_H_
