// Idioms about calls of callbacks and about requests, and what they share with other idioms
// (idioms_table.cc).
#ifndef WSKCERT_FUZZ_IDIOMS_CALLBACKS_H_
#define WSKCERT_FUZZ_IDIOMS_CALLBACKS_H_

#include <cstdint>

#include "fuzz/idioms.h"

namespace wskcert::fuzz {

inline constexpr uint32_t kConnectionEvents = RECEIVE | DISCONNECT | SEND_BACKLOG;

constexpr uint32_t U(int slot) { return static_cast<uint32_t>(slot); }
// One of a connection's events.
EventName ConnectionEvent(Random* random);

// A socket and an event that it can have, the event enabled.
struct Occasion {
  int socket;
  EventName event;
};
Occasion AnyOccasion(Writer* writer);
// Registers the extension on a socket, if it is not, and enables its event.
void RegisterExtension(Writer* writer, int socket);

void Call(Writer* writer);
void Held(Writer* writer);
void Inside(Writer* writer);
void Disabled(Writer* writer);
void Suspended(Writer* writer);
void Retained(Writer* writer);
void Requests(Writer* writer);
void Sends(Writer* writer);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_IDIOMS_CALLBACKS_H_
