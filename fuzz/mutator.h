// The mutator: from a sequence another one, nearly always one that a decent client could play.
//
//   Mutator mutator({.choices = names});                   // once; not for several threads
//   size = mutator.Mutate(data, size, max_size, seed);     // as LLVMFuzzerCustomMutator
//   const Sequence* sequence = mutator.Decode(data, size); // in the target; free if these are the last bytes
//
// Inputs are serialised Sequences (proto/sequence.proto). Validity is the whole game: a step that names an
// empty slot is skipped, and a breach of the client's obligations blinds the judge. So the mutator follows
// what lives in a sequence from left to right (life.h), makes steps that mean something where they stand,
// and mends what an edit broke behind it. It breaks an obligation on purpose in about one of twelve, late.
// It works from the format, its documentation and the executor's guards; it sees neither model nor provider.
//
// What holds of every result, whatever the bytes given: it parses and compiles, is no longer than max_size,
// depends on (data, seed) and the options alone, keeps format_version and the unknown fields of everything
// that it did not remove. Only the mutator renumbers slots.
//
// Bytes that are no Sequence, or one of a newer format, are replaced by Base(), a hidden seed: a campaign
// without seeds begins there.
#ifndef WSKCERT_FUZZ_MUTATOR_H_
#define WSKCERT_FUZZ_MUTATOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proto/sequence.pb.h"

namespace wskcert::fuzz {

class Mutator {
 public:
  struct Options {
    // False: steps are made and edited without regard to what lives. For comparison.
    bool legality = true;
    // False: no obligation is broken on purpose.
    bool breaches = true;
    // Names that Schedule.fixed may have (EmulatorChoices()); none: no choices are fixed.
    std::vector<std::string> choices;
    // Sequences that parts are taken from, beside the mutator's own idioms.
    std::vector<Sequence> bases;
  };

  explicit Mutator(Options options);
  ~Mutator();
  Mutator(const Mutator&) = delete;
  Mutator& operator=(const Mutator&) = delete;

  // Changes the sequence in data[0, size) in place; returns its new size, at most max_size, which is what
  // `data` has room for. 0 only if not even an empty sequence has room.
  size_t Mutate(uint8_t* data, size_t size, size_t max_size, uint32_t seed);

  // One sequence with a part of another, mutated no further; the new size, at most max_size. Splicing with
  // the bases is among what Mutate does, so an engine that would spend half of its mutations here should not
  // be given it, or be told to mutate instead most of the time.
  size_t CrossOver(const uint8_t* one, size_t one_size, const uint8_t* other, size_t other_size, uint8_t* out,
                   size_t max_size, uint32_t seed);

  // The same without bytes: for loops that keep sequences. The result serialises to at most max_size bytes.
  void MutateSequence(Sequence* sequence, size_t max_size, uint32_t seed);

  // What these bytes say, or null if they are no sequence of this format. Nothing is parsed if they are
  // those that were made or decoded last. Valid until the next call of any function.
  const Sequence* Decode(const uint8_t* data, size_t size);

  // What stands for bytes that are no sequence: a connection whose events are enabled, some data, a disable.
  static const Sequence& Base();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_MUTATOR_H_
