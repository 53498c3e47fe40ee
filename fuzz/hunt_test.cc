// A search finds what it should, says what it found, and depends on its seed alone.
#include "fuzz/hunt.h"

#include "conformance/certify/compile.h"
#include "conformance/certify/testbed.h"
#include "conformance/model/judge.h"
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
