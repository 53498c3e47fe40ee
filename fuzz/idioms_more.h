// Idioms of corners, for the table in idioms_table.cc, and edits of the client's registration.
#ifndef WSKCERT_FUZZ_IDIOMS_MORE_H_
#define WSKCERT_FUZZ_IDIOMS_MORE_H_

#include "fuzz/writer.h"

namespace wskcert::fuzz {

void DatagramsRefused(Writer* writer);
void FixedAddresses(Writer* writer);
void HalfClosed(Writer* writer);
void RequestsWithFlags(Writer* writer);
void Levels(Writer* writer);
void InspectedLate(Writer* writer);
void StreamRoles(Writer* writer);
void Inherits(Writer* writer);
void OtherClient(Writer* writer);

// The client deregisters beside what it has to wait for, or does its registration by hand. `choices`: some
// may be fixed.
void EditRegistration(bool choices, Random* random, Life* life, Sequence* sequence);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_IDIOMS_MORE_H_
