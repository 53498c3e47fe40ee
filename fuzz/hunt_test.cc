// A search finds what it should, says what it found, and depends on its seed alone.
#include "fuzz/hunt.h"

#include "conformance/certify/compile.h"
#include "conformance/certify/testbed.h"
#include "conformance/model/judge.h"
#include "conformance/suite/suite.h"
#include "fuzz/feedback.h"
#include "gtest/gtest.h"

namespace wskcert::fuzz {
namespace {

Hunt For(const char* saboteur, Arm arm, uint32_t seed) {
  Hunt hunt;
  hunt.saboteur = FindSaboteur(saboteur);
  hunt.arm = arm;
  hunt.seed = seed;
  hunt.cpu_seconds = 20;
  return hunt;
}

TEST(HuntTest, FindsSaboteursFromNothing) {
  for (const char* name :
       {"disable-irp-completes-early", "disable-receive-ignored", "accept-not-indicated"}) {
    const Catch found = RunHunt(For(name, Arm::kNoSeeds, 1));
    ASSERT_TRUE(found.found) << name;
    EXPECT_GT(found.executions, 0u);
    EXPECT_TRUE(CleanOnEmulator(found.sequence)) << name;
  }
}

TEST(HuntTest, RulesAndStatesReachTheCounters) {
  const NamedCase* held = nullptr;
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    if (candidate.name() == "in_progress/receive_held_with_irp") held = &candidate;
  }
  ASSERT_NE(held, nullptr);
  const absl::StatusOr<Program> program = Compile(held->body().sequence(), EmulatorChoices());
  ASSERT_TRUE(program.ok());
  Testbed testbed;
  const Played& played = testbed.Play(*program);
  model::Judge judge(model::Profile::kDocumented);
  judge.Start(played.capabilities);
  ClearCounters();
  for (const Observation& o : played.log) {
    ASSERT_TRUE(judge.Observe(o));
    NoteStates(judge, o);
  }
  judge.Finish();
  NoteRules(judge.exercised());
  const uint8_t* counters = Counters();
  EXPECT_EQ(counters[static_cast<size_t>(RuleId::kDisableInProgressWithIrpReturnsPending)], 1);
  size_t rules = 0;
  size_t states = 0;
  for (size_t i = 0; i < kRuleCounters; ++i) rules += counters[i];
  for (size_t i = kRuleCounters; i < kCounters; ++i) states += counters[i];
  EXPECT_EQ(rules, judge.exercised().size());
  EXPECT_GE(states, 4u);
  ClearCounters();
}

TEST(HuntTest, WhatItGivesIsRefusedOverTheSaboteur) {
  const Catch found = RunHunt(For("receive-indicates-twice", Arm::kOwn, 1));
  ASSERT_TRUE(found.found);
  Sequence sequence;
  ASSERT_TRUE(sequence.ParseFromString(found.sequence));
  const absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
  ASSERT_TRUE(program.ok());
  Testbed::Options options;
  options.interpose = Sabotage;
  options.interpose_context = const_cast<SaboteurInfo*>(FindSaboteur("receive-indicates-twice"));
  Testbed testbed(options);
  const Played& played = testbed.Play(*program);
  model::Judge judge(model::Profile::kDocumented);
  judge.Start(played.capabilities);
  EXPECT_FALSE(judge.ObserveAll(played.log.data(), played.log.size()));
}

TEST(HuntTest, TheSameSeedGoesTheSameWay) {
  const Catch one = RunHunt(For("inherit-nothing", Arm::kNoSeeds, 7));
  const Catch other = RunHunt(For("inherit-nothing", Arm::kNoSeeds, 7));
  ASSERT_TRUE(one.found);
  EXPECT_EQ(one.executions, other.executions);
  EXPECT_EQ(one.sequence, other.sequence);
}

// With the case that was written for it among the seeds nothing has to be mutated.
TEST(HuntTest, AllSeedsContainACatch) {
  const Catch found = RunHunt(For("disable-irp-completes-early", Arm::kAllSeeds, 1));
  ASSERT_TRUE(found.found);
  EXPECT_TRUE(CleanOnEmulator(found.sequence));
}

TEST(HuntTest, GarbageIsNotClean) { EXPECT_FALSE(CleanOnEmulator("\xFF\xFF\xFF")); }

}  // namespace
}  // namespace wskcert::fuzz
