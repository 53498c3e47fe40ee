#include "conformance/minimize/reducer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "conformance/minimize/fields.h"
#include "conformance/minimize/slots.h"

namespace wskcert {
namespace {

// Pairs are left out only of what is short already: there are n(n-1)/2 of them.
constexpr size_t kMaxForPairs = 40;

// One thing that can be left out of a sequence.
struct Atom {
  enum Kind { kThreadStep, kScript, kScriptStep } kind;
  int outer;
  int inner;
};

// Thread steps in order, then scripts, each followed by its steps.
std::vector<Atom> AtomsOf(const Sequence& sequence) {
  std::vector<Atom> atoms;
  for (int t = 0; t < sequence.threads_size(); ++t) {
    for (int s = 0; s < sequence.threads(t).steps_size(); ++s) atoms.push_back({Atom::kThreadStep, t, s});
  }
  for (int i = 0; i < sequence.scripts_size(); ++i) {
    atoms.push_back({Atom::kScript, i, 0});
    for (int s = 0; s < sequence.scripts(i).steps_size(); ++s) atoms.push_back({Atom::kScriptStep, i, s});
  }
  return atoms;
}

// The sequence without the atoms of which `out` is true; a script takes its steps with it.
Sequence Without(const Sequence& from, const std::vector<char>& out) {
  Sequence to;
  if (from.has_setup()) *to.mutable_setup() = from.setup();
  if (from.has_schedule()) *to.mutable_schedule() = from.schedule();
  to.set_format_version(from.format_version());
  size_t at = 0;
  for (const Thread& thread : from.threads()) {
    Thread* kept = to.add_threads();
    for (const Step& step : thread.steps()) {
      if (!out[at++]) *kept->add_steps() = step;
    }
  }
  for (const Script& script : from.scripts()) {
    Script* kept = nullptr;
    if (!out[at++]) {
      kept = to.add_scripts();
      *kept = script;
      kept->clear_steps();
    }
    for (const Step& step : script.steps()) {
      const bool keep = !out[at++];
      if (keep && kept != nullptr) *kept->add_steps() = step;
    }
  }
  return to;
}

void RemoveThread(int index, Sequence* sequence) { sequence->mutable_threads()->DeleteSubrange(index, 1); }

}  // namespace

int CountSteps(const Sequence& sequence) {
  int count = 0;
  for (const Thread& thread : sequence.threads()) count += thread.steps_size();
  for (const Script& script : sequence.scripts()) count += script.steps_size();
  return count;
}

Reducer::Reducer(Sequence start, Property property, uint64_t limit)
    : property_(std::move(property)), limit_(limit), best_(std::move(start)) {}

absl::Status Reducer::Run() {
  // What no version of this tool can play or print has no place in a small sequence.
  TryChange([](Sequence* sequence) { sequence->DiscardUnknownFields(); });
  TryChange([](Sequence* sequence) { sequence->set_format_version(1); });
  std::string before;
  while (!stopped_ && before != best_.SerializeAsString()) {
    before = best_.SerializeAsString();
    CutSchedule();
    LeaveOutChunks();
    LeaveOutPairs();
    JoinThreads();
    SimplifyFields();
    SimplifySchedule();
    MergeSlots();
    RenumberSlots();
  }
  finished_ = !stopped_;
  return status_;
}

bool Reducer::Try(Sequence candidate) {
  if (stopped_) return false;
  std::string key = candidate.SerializeAsString();
  if (key == best_.SerializeAsString() || refused_.count(key) != 0) return false;
  if (asked_ == limit_) {
    stopped_ = true;
    return false;
  }
  ++asked_;
  const absl::StatusOr<bool> has = property_(candidate);
  if (!has.ok()) {
    status_ = has.status();
    stopped_ = true;
    return false;
  }
  if (!*has) {
    refused_.insert(std::move(key));
    return false;
  }
  best_ = std::move(candidate);
  return true;
}

bool Reducer::TryChange(const std::function<void(Sequence*)>& change) {
  if (stopped_) return false;
  Sequence candidate = best_;
  change(&candidate);
  return Try(std::move(candidate));
}

void Reducer::CutSchedule() {
  if (!best_.has_schedule() || TryChange([](Sequence* sequence) { sequence->clear_schedule(); })) return;
  TryChange([](Sequence* sequence) { sequence->mutable_schedule()->clear_choices(); });
  TryChange([](Sequence* sequence) { sequence->mutable_schedule()->clear_fixed(); });
}

// One walk from the end: leaves out every run of `chunk` atoms that can be.
bool Reducer::LeaveOut(size_t chunk) {
  bool any = false;
  size_t end = AtomsOf(best_).size();
  while (end > 0 && !stopped_) {
    const size_t begin = end > chunk ? end - chunk : 0;
    std::vector<char> out(AtomsOf(best_).size(), 0);
    std::fill(out.begin() + static_cast<ptrdiff_t>(begin), out.begin() + static_cast<ptrdiff_t>(end), 1);
    any = Try(Without(best_, out)) || any;
    // A script's steps may have gone with it.
    end = std::min(begin, AtomsOf(best_).size());
  }
  return any;
}

void Reducer::LeaveOutChunks() {
  for (size_t chunk = std::max<size_t>(1, AtomsOf(best_).size() / 2); chunk > 1; chunk /= 2) LeaveOut(chunk);
  while (LeaveOut(1)) {
  }
}

// Two things that only make sense together, as a hold and what releases it.
void Reducer::LeaveOutPairs() {
  for (bool again = true; again && !stopped_;) {
    again = false;
    const size_t count = AtomsOf(best_).size();
    if (count > kMaxForPairs) return;
    for (size_t second = count; !again && second-- > 1;) {
      for (size_t first = second; !again && first-- > 0;) {
        std::vector<char> out(count, 0);
        out[first] = out[second] = 1;
        again = Try(Without(best_, out));
      }
    }
  }
}

void Reducer::JoinThreads() {
  for (int from = best_.threads_size() - 1; from >= 0; --from) {
    if (best_.threads(from).steps_size() == 0 &&
        TryChange([from](Sequence* sequence) { RemoveThread(from, sequence); })) {
      continue;
    }
    bool joined = false;
    for (int to = 0; to < from && !joined; ++to) {
      joined = TryChange([&](Sequence* sequence) {
                 sequence->mutable_threads(to)->MergeFrom(sequence->threads(from));
                 RemoveThread(from, sequence);
               }) ||
               TryChange([&](Sequence* sequence) {
                 Thread steps = sequence->threads(from);
                 steps.MergeFrom(sequence->threads(to));
                 sequence->mutable_threads(to)->Swap(&steps);
                 RemoveThread(from, sequence);
               });
    }
  }
}

void Reducer::SimplifyFields() {
  const std::function<const Sequence&()> current = [this]() -> const Sequence& { return best_; };
  const std::function<bool(const std::function<void(Sequence*)>&)> attempt =
      [this](const std::function<void(Sequence*)>& change) { return TryChange(change); };
  for (int t = 0; t < best_.threads_size(); ++t) {
    for (int s = 0; s < best_.threads(t).steps_size(); ++s) {
      SimplifyAt({Place::kThreadStep, t, s}, current, attempt);
    }
  }
  for (int i = 0; i < best_.scripts_size(); ++i) {
    SimplifyAt({Place::kScript, i, 0}, current, attempt);
    for (int s = 0; s < best_.scripts(i).steps_size(); ++s) {
      SimplifyAt({Place::kScriptStep, i, s}, current, attempt);
    }
  }
  if (best_.has_setup() && !TryChange([](Sequence* sequence) { sequence->clear_setup(); })) {
    SimplifyAt({Place::kSetup, 0, 0}, current, attempt);
  }
  if (best_.has_schedule()) SimplifyAt({Place::kSchedule, 0, 0}, current, attempt);
}

void Reducer::SimplifySchedule() {
  if (!best_.has_schedule()) return;
  for (int i = best_.schedule().fixed_size() - 1; i >= 0; --i) {
    TryChange(
        [i](Sequence* sequence) { sequence->mutable_schedule()->mutable_fixed()->DeleteSubrange(i, 1); }) ||
        TryChange([i](Sequence* sequence) { sequence->mutable_schedule()->mutable_fixed(i)->clear_value(); });
  }
  const auto size = [this] { return best_.schedule().choices().size(); };
  // Used up, the first way is taken, which is 0 as well: what can be zeroed at the end can be cut.
  for (size_t cut = size() / 2; cut > 0; cut = std::min(cut, size()) / 2) {
    while (cut <= size() && TryChange([&](Sequence* sequence) {
             sequence->mutable_schedule()->mutable_choices()->resize(size() - cut);
           })) {
    }
  }
  const auto set = [this](size_t begin, size_t end, char value) {
    return TryChange([&](Sequence* sequence) {
      std::string* bytes = sequence->mutable_schedule()->mutable_choices();
      std::fill(bytes->begin() + static_cast<ptrdiff_t>(begin), bytes->begin() + static_cast<ptrdiff_t>(end),
                value);
    });
  };
  for (size_t chunk = size() / 2; chunk > 1; chunk /= 2) {
    for (size_t begin = 0; begin < size(); begin += chunk) set(begin, std::min(begin + chunk, size()), 0);
  }
  for (size_t i = size(); i-- > 0;) {
    TryChange([i](Sequence* sequence) { sequence->mutable_schedule()->mutable_choices()->erase(i, 1); });
  }
  for (size_t i = 0; i < size(); ++i) {
    const auto byte = static_cast<uint8_t>(best_.schedule().choices()[i]);
    bool taken = false;
    for (const uint8_t value : {0, 1, 2, 3}) {
      if (!taken && value < byte) taken = set(i, i + 1, static_cast<char>(value));
    }
  }
}

// One slot instead of two, everywhere. Not IRPs: that one is used again after its completion is harder to
// read.
void Reducer::MergeSlots() {
  for (int kind = 1; kind < kSlotKinds; ++kind) {
    if (static_cast<SlotKind>(kind) == SlotKind::kIrp) continue;
    std::set<uint32_t> used;
    Sequence probe = best_;
    MapSlots(
        static_cast<SlotKind>(kind), [&](uint32_t slot) { return *used.insert(slot).first; }, &probe);
    for (auto from = used.rbegin(); from != used.rend(); ++from) {
      for (auto to = used.begin(); *to != *from; ++to) {
        const bool merged = TryChange([&](Sequence* sequence) {
          MapSlots(
              static_cast<SlotKind>(kind), [&](uint32_t slot) { return slot == *from ? *to : slot; },
              sequence);
        });
        if (merged) break;
      }
    }
  }
}

void Reducer::RenumberSlots() {
  const auto renumber = [](int first, int last) {
    return [first, last](Sequence* sequence) {
      for (int kind = first; kind <= last; ++kind) Renumber(static_cast<SlotKind>(kind), sequence);
    };
  };
  if (TryChange(renumber(1, kSlotKinds - 1))) return;
  for (int kind = 1; kind < kSlotKinds; ++kind) TryChange(renumber(kind, kind));
}

}  // namespace wskcert
