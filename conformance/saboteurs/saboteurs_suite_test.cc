// Plays the curated suite over every saboteur: each must be refused, for its rule first, and for nothing
// else.
#include <cstring>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/testbed.h"
#include "conformance/model/judge.h"
#include "conformance/rules/catalogue.h"
#include "conformance/saboteurs/saboteurs.h"
#include "conformance/suite/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "implementations/emulator/kernel/sanitizers.h"

namespace wskcert {

void PrintTo(const SaboteurInfo& saboteur, std::ostream* out) { *out << saboteur.name; }

namespace {

// Sanitizers make a play several times as slow. What is refused does not depend on them, and the plain build
// plays all schedules; what they see of a saboteur's memory, the suite and one schedule more reach.
#if defined(WSKCERT_ASAN) || defined(WSKCERT_TSAN)
constexpr uint32_t kHonestSchedules = 4;
constexpr uint32_t kSchedules = 1;
#else
constexpr uint32_t kHonestSchedules = 20;
constexpr uint32_t kSchedules = 5;
#endif

struct NamedProgram {
  std::string name;
  Program program;
};

const std::vector<NamedProgram>& Programs() {
  static const auto* const programs = [] {
    auto* all = new std::vector<NamedProgram>;
    for (const NamedCase& named : CuratedSuite().cases()) {
      absl::StatusOr<Program> program = Compile(named.body().sequence(), EmulatorChoices());
      if (!program.ok()) {
        ADD_FAILURE() << named.name() << ": " << program.status();
        continue;
      }
      all->push_back({named.name(), *std::move(program)});
    }
    return all;
  }();
  return *programs;
}

Testbed::Options Over(const SaboteurInfo* saboteur) {
  Testbed::Options options;
  options.interpose = Sabotage;
  options.interpose_context = const_cast<SaboteurInfo*>(saboteur);
  return options;
}

// The suite under schedules of pseudo-random bytes, the same in every run.
std::vector<NamedProgram> Scheduled(uint32_t seed) {
  std::vector<NamedProgram> all;
  uint32_t state = seed * 2654435761u + 1;
  for (const NamedCase& named : CuratedSuite().cases()) {
    Sequence sequence = named.body().sequence();
    std::string* bytes = sequence.mutable_schedule()->mutable_choices();
    bytes->clear();
    for (int i = 0; i < 200; ++i) {
      state = state * 1664525u + 1013904223u;
      bytes->push_back(static_cast<char>(state >> 24));
    }
    absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
    if (program.ok()) all.push_back({named.name(), *std::move(program)});
  }
  return all;
}

// ---- The transparent interposer

void ExpectSameTraces(const std::vector<NamedProgram>& programs) {
  Testbed bare;
  Testbed interposed(Over(FindSaboteur("none")));
  ASSERT_FALSE(programs.empty());
  for (const NamedProgram& named : programs) {
    const Played& one = bare.Play(named.program);
    const std::vector<Observation> expected(one.log.begin(), one.log.end());
    const std::string report = one.report;
    const bool leaked = one.leaked;
    const Played& other = interposed.Play(named.program);
    EXPECT_EQ(other.report, report) << named.name;
    EXPECT_EQ(other.leaked, leaked) << named.name;
    ASSERT_EQ(other.log.size(), expected.size()) << named.name;
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(std::memcmp(&other.log[i], &expected[i], sizeof(Observation)), 0)
          << named.name << ", observation " << i;
    }
  }
}

TEST(NoneTest, EveryTraceIsTheOneWithoutTheInterposer) { ExpectSameTraces(Programs()); }

TEST(NoneTest, SoItIsUnderOtherSchedules) {
  for (uint32_t seed = 0; seed < kHonestSchedules; ++seed) ExpectSameTraces(Scheduled(seed));
}

TEST(NoneTest, ARunThatWasAbandonedLeavesNothingBehind) {
  Testbed stopped(Over(FindSaboteur("disable-stops-machine")));
  Testbed interposed(Over(FindSaboteur("none")));
  bool abandoned = false;
  for (const NamedProgram& named : Programs()) {
    const std::vector<Observation> before = [&] {
      const Played& played = interposed.Play(named.program);
      return std::vector<Observation>(played.log.begin(), played.log.end());
    }();
    if (stopped.Play(named.program).ending != Ending::kBugCheck) continue;
    abandoned = true;
    const Played& after = interposed.Play(named.program);
    ASSERT_EQ(after.log.size(), before.size()) << named.name;
    EXPECT_EQ(std::memcmp(after.log.data(), before.data(), before.size() * sizeof(Observation)), 0)
        << named.name;
  }
  EXPECT_TRUE(abandoned);
}

// ---- The saboteurs

bool Refines(RuleId special, RuleId general) {
  const RuleInfo& info = InfoOf(special);
  for (size_t i = 0; i < info.general_count; ++i) {
    if (info.general[i] == general) return true;
  }
  return false;
}

// The rule is blamed, and before it only rules that refine it.
bool Names(const model::Refusal& refusal, RuleId rule) {
  for (size_t i = 0; i < refusal.blamed_count; ++i) {
    if (refusal.blamed[i] == rule) return true;
    if (!Refines(refusal.blamed[i], rule)) return false;
  }
  return false;
}

class SaboteurTest : public ::testing::TestWithParam<SaboteurInfo> {};

TEST_P(SaboteurTest, IsRefusedForItsRule) {
  const SaboteurInfo& saboteur = GetParam();
  const RuleId rule = *catalogue::Find(saboteur.rule);
  const bool windows = catalogue::Get(rule).profile() == RULE_PROFILE_WINDOWS;
  model::Judge judge(windows ? model::Profile::kWindows : model::Profile::kDocumented);
  Testbed honest;
  Testbed testbed(Over(FindSaboteur(saboteur.name)));
  std::vector<std::string> biting, otherwise;
  for (const NamedProgram& named : Programs()) {
    // A case that the provider fails by itself shows nothing about the saboteur.
    const Played& clean = honest.Play(named.program);
    judge.Start(clean.capabilities);
    if (!judge.ObserveAll(clean.log.data(), clean.log.size())) continue;
    const Played& played = testbed.Play(named.program);
    judge.Start(played.capabilities);
    if (judge.ObserveAll(played.log.data(), played.log.size())) continue;
    if (Names(judge.refusal(), rule)) {
      biting.push_back(named.name);
    } else {
      otherwise.push_back(absl::StrCat(named.name, ": ", judge.Explain()));
    }
  }
  EXPECT_THAT(biting, ::testing::Not(::testing::IsEmpty()))
      << saboteur.name << " should break " << saboteur.rule;
  EXPECT_THAT(otherwise, ::testing::IsEmpty());
  RecordProperty("biting", static_cast<int>(biting.size()));
  RecordProperty("cases", absl::StrJoin(biting, " "));
}

// Whatever else a schedule makes of it, the judge can say why it refuses, and nothing falls over.
TEST_P(SaboteurTest, IsRefusedForSomeRuleUnderOtherSchedules) {
  const bool windows = catalogue::Get(*catalogue::Find(GetParam().rule)).profile() == RULE_PROFILE_WINDOWS;
  model::Judge judge(windows ? model::Profile::kWindows : model::Profile::kDocumented);
  Testbed testbed(Over(FindSaboteur(GetParam().name)));
  for (uint32_t seed = 0; seed < kSchedules; ++seed) {
    for (const NamedProgram& named : Scheduled(seed)) {
      const Played& played = testbed.Play(named.program);
      judge.Start(played.capabilities);
      if (judge.ObserveAll(played.log.data(), played.log.size())) continue;
      EXPECT_NE(judge.refusal().blamed_count, 0)
          << named.name << ", seed " << seed << ": " << judge.Explain();
    }
  }
}

std::vector<SaboteurInfo> PlayableHere() {
  size_t count = 0;
  const SaboteurInfo* all = Saboteurs(&count);
  std::vector<SaboteurInfo> playable;
  for (size_t i = 1; i < count; ++i) {
    if (!all[i].needs_child) playable.push_back(all[i]);
  }
  return playable;
}

INSTANTIATE_TEST_SUITE_P(All, SaboteurTest, ::testing::ValuesIn(PlayableHere()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
});

}  // namespace
}  // namespace wskcert
