// In which order a host that all cases share plays them, as a driver does: those that are known to crash or
// block incomplete providers come last, each in a host that has just been started, so that what they leave
// behind spoils nothing else.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_PLAY_ORDER_H_
#define WSKCERT_CONFORMANCE_CERTIFY_PLAY_ORDER_H_

#include <cstddef>
#include <vector>

#include "conformance/certify/program.h"
#include "proto/sequence.pb.h"

namespace wskcert {

// It has a step that is marked as a killer, closes a socket with a NULL IRP, or calls the provider from a
// completion routine.
bool IsKiller(const Program& program);
bool IsKiller(const Sequence& sequence);

// Indices of the cases: first those that are no killers, then the others, each in their order.
struct PlayOrder {
  std::vector<size_t> cases;
  size_t killers_from = 0;  // index in `cases` of the first killer
};
PlayOrder KillersLast(const std::vector<const NamedCase*>& cases);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_PLAY_ORDER_H_
