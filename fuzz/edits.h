// Edits: single changes of a sequence. Mutator::Mutate makes one or a few, then has the rest mended.
#ifndef WSKCERT_FUZZ_EDITS_H_
#define WSKCERT_FUZZ_EDITS_H_

#include "fuzz/mutator.h"
#include "fuzz/random.h"
#include "proto/sequence.pb.h"

namespace wskcert::fuzz {

// One change, chosen by `random`; or none, where what was chosen found nothing to change.
void Edit(const Mutator::Options& options, Random* random, Sequence* sequence);

// Puts some of the steps of `other`, and the scripts about what they touch, among those of `sequence`.
void Splice(const Sequence& other, Random* random, Sequence* sequence);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_EDITS_H_
