#include "fuzz/fit.h"

#include <algorithm>

namespace wskcert::fuzz {
namespace {

// A length-delimited field's tag and length around `bytes`, at the least: what its removal saves.
size_t Saved(size_t bytes) { return bytes + 2; }

// The steps that the most depends on come first, so the last ones go, of the thread or script that has most.
google::protobuf::RepeatedPtrField<Step>* Longest(Sequence* sequence) {
  google::protobuf::RepeatedPtrField<Step>* longest = nullptr;
  const auto look = [&longest](google::protobuf::RepeatedPtrField<Step>* steps) {
    if (longest == nullptr || steps->size() > longest->size()) longest = steps;
  };
  for (Thread& thread : *sequence->mutable_threads()) look(thread.mutable_steps());
  for (Script& script : *sequence->mutable_scripts()) look(script.mutable_steps());
  return longest;
}

void DropSteps(size_t excess, Random* random, Sequence* sequence) {
  for (size_t saved = 0; saved < excess;) {
    auto* steps = Longest(sequence);
    if (steps == nullptr || steps->empty()) return;
    // Mostly the last one: what an earlier step made, later ones need.
    const int at = random->OneIn(4) ? random->BelowInt(steps->size()) : steps->size() - 1;
    saved += Saved(steps->Get(at).ByteSizeLong());
    steps->DeleteSubrange(at, 1);
  }
}

}  // namespace

void Fit(size_t max_size, Random* random, Sequence* sequence) {
  size_t size = sequence->ByteSizeLong();
  if (size <= max_size) return;
  // Bytes of a schedule beyond a few hundred decide little.
  constexpr size_t kPlenty = 256;
  if (sequence->schedule().choices().size() > kPlenty) {
    std::string* choices = sequence->mutable_schedule()->mutable_choices();
    choices->resize(std::max(kPlenty, choices->size() - std::min(choices->size(), size - max_size)));
    size = sequence->ByteSizeLong();
  }
  while (size > max_size) {
    const auto* steps = Longest(sequence);
    if (steps == nullptr || steps->empty()) break;
    DropSteps(size - max_size, random, sequence);
    size = sequence->ByteSizeLong();
  }
  while (size > max_size && sequence->scripts_size() > 0) {
    sequence->mutable_scripts()->RemoveLast();
    size = sequence->ByteSizeLong();
  }
  if (size <= max_size) return;
  std::string* choices = sequence->mutable_schedule()->mutable_choices();
  choices->resize(choices->size() - std::min(choices->size(), size - max_size));
  if (sequence->ByteSizeLong() <= max_size) return;
  sequence->clear_schedule();
  if (sequence->ByteSizeLong() <= max_size) return;
  sequence->clear_threads();
  if (sequence->ByteSizeLong() <= max_size) return;
  // Unknown fields, or a set-up: nothing is left to drop but all.
  const uint32_t version = sequence->format_version();
  sequence->Clear();
  sequence->set_format_version(version);
  if (sequence->ByteSizeLong() > max_size) sequence->Clear();
}

}  // namespace wskcert::fuzz
