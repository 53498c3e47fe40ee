// Edits: single changes of a sequence. Mutator::Mutate makes one or a few, then has the rest mended.
#ifndef WSKCERT_FUZZ_EDITS_H_
#define WSKCERT_FUZZ_EDITS_H_

#include "fuzz/life.h"
#include "fuzz/mutator.h"
#include "fuzz/random.h"
#include "fuzz/writer.h"
#include "proto/sequence.pb.h"

namespace wskcert::fuzz {

// What an edit works with.
struct Bench {
  const Mutator::Options& options;
  Random* random;
  Life* life;
  Sequence* sequence;
};

// One change, chosen at random; or none, where what was chosen found nothing to change.
void Edit(const Bench& bench);

// Puts `other`, or a part of it, into the sequence, with slots of its own and the scripts about them.
void Splice(const Sequence& other, const Bench& bench);

// ---- The parts (edits.cc chooses among them)

// A place in one thread, and what lives there.
struct Place {
  int thread = 0;
  int index = 0;
  Steps* steps = nullptr;
};
Place AnyPlace(const Bench& bench);

// Changes an argument of one step, or how its call is made.
void ChangeArgument(Random* random, Step* step);
// Changes, adds or removes a script.
void EditScripts(const Bench& bench);
// Schedule bytes, fixed choices, failing allocations.
void EditSchedule(const Bench& bench);
// What is done once, at the beginning: static callbacks, the client's own registration, the set-up's flags.
void EditBeginning(const Bench& bench);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_EDITS_H_
