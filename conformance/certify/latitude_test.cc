// The model accepts everything that the documentation leaves open: whatever the emulator chooses, where it
// has a choice, singly and in pairs, and whatever the schedule says, the suite is accepted in profile
// `documented`. Profile `windows` refuses what Windows was seen not to do, and nothing else.
#include "conformance/certify/latitude.h"

#include <random>
#include <set>
#include <string>
#include <vector>

#include "conformance/rules/catalogue.h"
#include "conformance/suite/suite.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

// Choices take their value modulo the number of ways there are, so a value beyond the last is one that was
// tried before.
constexpr uint16_t kMaxValue = 4;
// Kinds below are the scheduler's: fixing one starves threads; schedules vary them.
constexpr uint16_t kFirstProviderKind = 16;

constexpr size_t kPairStride = kSanitized ? 13 : 1;
constexpr int kSchedules = kSanitized ? 20 : 300;

std::vector<Fixed> Alternatives() {
  std::vector<Fixed> all;
  for (const NamedChoice& choice : EmulatorChoices()) {
    if (choice.kind < kFirstProviderKind) continue;
    for (uint16_t value = 1; value <= kMaxValue; ++value) all.push_back({choice.name, choice.kind, value});
  }
  return all;
}

TEST(Latitude, EachChoiceAlone) {
  Latitude latitude(model::Profile::kDocumented);
  for (const Fixed& fixed : Alternatives()) {
    ExpectAccepted(&latitude, {fixed}, "");
    if (HasFailure()) return;
  }
}

// Fingerprints of the suite's logs with one choice fixed, in the order of the cases.
std::vector<std::string> Fingerprints(Latitude* latitude, const std::vector<Fixed>& fixed) {
  std::vector<std::string> all(static_cast<size_t>(CuratedSuite().cases_size()));
  latitude->ForEachCase(fixed, "", [&](size_t index, const Played& played, const Judged&) {
    all[index].assign(reinterpret_cast<const char*>(played.log.data()),
                      played.log.size() * sizeof(Observation));
  });
  return all;
}

// A pair is played on the cases that one of the two alone changes: where neither does, neither is ever asked
// for, so the two together change nothing either.
TEST(Latitude, EachPairOfChoices) {
  Latitude latitude(model::Profile::kDocumented);
  const std::vector<Fixed> all = Alternatives();
  const std::vector<std::string> plain = Fingerprints(&latitude, {});
  std::vector<std::vector<bool>> changes;
  for (const Fixed& fixed : all) {
    const std::vector<std::string> changed = Fingerprints(&latitude, {fixed});
    std::vector<bool>& row = changes.emplace_back(plain.size());
    for (size_t i = 0; i < plain.size(); ++i) row[i] = !changed[i].empty() && changed[i] != plain[i];
  }
  size_t pairs = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    // Values beyond the second are tried alone; most choices have two.
    if (all[i].value > 2) continue;
    for (size_t k = i + 1; k < all.size(); ++k) {
      if (all[k].value > 2 || all[k].kind == all[i].kind) continue;
      if (++pairs % kPairStride != 0) continue;
      std::vector<bool> either = changes[i];
      for (size_t c = 0; c < either.size(); ++c) either[c] = either[c] || changes[k][c];
      ExpectAccepted(&latitude, {all[i], all[k]}, "", &either);
      if (HasFailure()) return;
    }
  }
}

TEST(Latitude, RandomSchedules) {
  Latitude latitude(model::Profile::kDocumented);
  std::mt19937 random(7);
  for (int round = 0; round < kSchedules; ++round) {
    ExpectAccepted(&latitude, {}, RandomSchedule(&random));
    if (HasFailure()) return;
  }
}

// What profile windows narrows: refused there by a rule of that profile, and only by one.
TEST(Latitude, WindowsRefusesOnlyByItsOwnRules) {
  Latitude latitude(model::Profile::kWindows);
  std::set<std::string> refused;
  for (const Fixed& fixed : Alternatives()) {
    latitude.ForEachCase({fixed}, "", [&](size_t index, const Played& played, const Judged& judged) {
      if (!judged.refusal.refused) return;
      refused.insert(fixed.name);
      ASSERT_GT(judged.refusal.blamed_count, 0);
      EXPECT_EQ(catalogue::Get(judged.refusal.blamed[0]).profile(), RULE_PROFILE_WINDOWS)
          << NameOf(index) << Describe({fixed}) << "\n"
          << RefusalStory(played.log, judged);
    });
    if (HasFailure()) return;
  }
  EXPECT_EQ(refused.count("enable-with-irp"), 1u) << "an IRP on enable is accepted and completed by Windows";
}

}  // namespace
}  // namespace wskcert
