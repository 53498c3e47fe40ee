#include "fuzz/edits.h"

namespace wskcert::fuzz {
namespace {

using Steps = google::protobuf::RepeatedPtrField<Step>;

// Room for a step at `at`.
Step* Insert(Steps* steps, int at) {
  steps->Add();
  for (int i = steps->size() - 1; i > at; --i) steps->SwapElements(i, i - 1);
  return steps->Mutable(at);
}

void Schedules(Random* random, Schedule* schedule) {
  std::string* bytes = schedule->mutable_choices();
  if (bytes->empty() || random->OneIn(4)) {
    bytes->assign(16 + random->Below(100), '\0');
    const uint32_t calm = 1 + random->Below(8);
    for (char& byte : *bytes) byte = random->OneIn(calm) ? static_cast<char>(random->Next()) : '\0';
    return;
  }
  (*bytes)[random->Below(static_cast<uint32_t>(bytes->size()))] = static_cast<char>(random->Next());
}

}  // namespace

void Edit(const Mutator::Options&, Random* random, Sequence* sequence) {
  if (sequence->threads().empty()) sequence->add_threads();
  Steps* steps = sequence->mutable_threads(random->BelowInt(sequence->threads_size()))->mutable_steps();
  const int at = random->BelowInt(steps->size() + 1);
  switch (random->Below(4)) {
    case 0:
      Insert(steps, at)->mutable_settle();
      return;
    case 1:
      if (at < steps->size()) steps->DeleteSubrange(at, 1);
      return;
    case 2:
      if (at < steps->size()) {
        const Step copy = steps->Get(at);
        *Insert(steps, random->BelowInt(steps->size() + 1)) = copy;
      }
      return;
    default:
      return Schedules(random, sequence->mutable_schedule());
  }
}

void Splice(const Sequence& other, Random* random, Sequence* sequence) {
  if (other.threads().empty()) return;
  if (sequence->threads().empty()) sequence->add_threads();
  const Steps& from = other.threads(0).steps();
  Steps* to = sequence->mutable_threads(0)->mutable_steps();
  const int first = random->BelowInt(from.size());
  const int count = random->BelowInt(from.size() - first + 1);
  int at = random->BelowInt(to->size() + 1);
  for (int i = first; i < first + count; ++i) *Insert(to, at++) = from.Get(i);
  for (const Script& script : other.scripts()) *sequence->add_scripts() = script;
  if (sequence->scripts_size() > 16)
    sequence->mutable_scripts()->DeleteSubrange(16, sequence->scripts_size() - 16);
}

}  // namespace wskcert::fuzz
