// Making a sequence fit into a number of bytes.
#ifndef WSKCERT_FUZZ_FIT_H_
#define WSKCERT_FUZZ_FIT_H_

#include <cstddef>

#include "fuzz/random.h"
#include "proto/sequence.pb.h"

namespace wskcert::fuzz {

// Drops whole steps, then scripts, choices, the schedule's bytes from their end and at last whatever is left,
// until the sequence serialises to at most `max_size` bytes.
void Fit(size_t max_size, Random* random, Sequence* sequence);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_FIT_H_
