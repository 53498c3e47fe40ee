// The model accepts the suite without its waits for silence: all of them dropped, or some, under random
// schedules. Then calls, events and completions meet in ways that no case is about, and only what holds
// however they meet may be demanded.
#include <algorithm>
#include <random>

#include "conformance/certify/latitude.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

constexpr int kRounds = kSanitized ? 15 : 450;

// Drops each `settle` that `drop` says to.
template <typename Drop>
void DropSettles(Sequence* sequence, Drop drop) {
  const auto from = [&](auto* steps) {
    steps->erase(std::remove_if(steps->begin(), steps->end(),
                                [&](const Step& step) { return step.has_settle() && drop(); }),
                 steps->end());
  };
  for (Thread& thread : *sequence->mutable_threads()) from(thread.mutable_steps());
}

TEST(SettlesDropped, All) {
  Latitude latitude(model::Profile::kDocumented,
                    [](Sequence* sequence) { DropSettles(sequence, [] { return true; }); });
  std::mt19937 random(11);
  for (int round = 0; round < kRounds; ++round) {
    ExpectAccepted(&latitude, {}, round == 0 ? "" : RandomSchedule(&random));
    if (HasFailure()) return;
  }
}

TEST(SettlesDropped, SomeAtRandom) {
  std::mt19937 random(12);
  uint32_t kept = 2;  // one in so many
  Latitude latitude(model::Profile::kDocumented,
                    [&](Sequence* sequence) { DropSettles(sequence, [&] { return random() % kept != 0; }); });
  for (int round = 0; round < kRounds; ++round) {
    kept = 2 + random() % 4;
    ExpectAccepted(&latitude, {}, RandomSchedule(&random));
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace wskcert
