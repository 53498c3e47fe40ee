// Mending what an edit broke behind it, and breaking an obligation on purpose.
#ifndef WSKCERT_FUZZ_MEND_H_
#define WSKCERT_FUZZ_MEND_H_

#include "fuzz/life.h"
#include "fuzz/random.h"
#include "proto/sequence.pb.h"

namespace wskcert::fuzz {

// From left to right: steps that break an obligation of the client are put right or dropped; those whose IRP
// is still out get another one; those that name what is certainly not there are given something alike that
// is, or dropped. `life` is used, and afterwards holds what is left at the end.
void Mend(Random* random, Life* life, Sequence* sequence);

// One breach, late: nothing that was judged before loses its worth by it. Nothing where there is no occasion.
void Breach(Random* random, Life* life, Sequence* sequence);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_MEND_H_
