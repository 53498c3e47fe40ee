#include "conformance/model/callback_life.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "conformance/model/life_diagram.h"

namespace wskcert::model {
namespace {

TEST(CallbackLifeTest, DisableOfAnEnabledCallbackFollowsTheThreeBullets) {
  EXPECT_EQ(Next(Phase::kEnabled, LifeInput::kDisableSucceeded), SetOf(Phase::kDisabled));
  EXPECT_EQ(Next(Phase::kEnabled, LifeInput::kDisablePended), SetOf(Phase::kPendingIrp));
  EXPECT_EQ(Next(Phase::kPendingIrp, LifeInput::kIrpSucceeded), SetOf(Phase::kDisabledByIrp));
  EXPECT_EQ(Next(Phase::kEnabled, LifeInput::kDisableEventPended), SetOf(Phase::kDraining));
  EXPECT_EQ(Next(Phase::kDraining, LifeInput::kQuiet), SetOf(Phase::kDrained));
}

TEST(CallbackLifeTest, StaticStaysUntilTheClose) {
  for (size_t i = 0; i + 1 < kLifeInputCount; ++i) {
    EXPECT_EQ(Next(Phase::kStatic, static_cast<LifeInput>(i)), SetOf(Phase::kStatic)) << i;
  }
  EXPECT_EQ(Next(Phase::kStatic, LifeInput::kCloseCompleted), SetOf(Phase::kClosed));
}

TEST(CallbackLifeTest, ClosedIsForEver) {
  for (size_t i = 0; i < kLifeInputCount; ++i) {
    EXPECT_EQ(Next(Phase::kClosed, static_cast<LifeInput>(i)), SetOf(Phase::kClosed)) << i;
  }
}

TEST(CallbackLifeTest, ASetMovesAsItsMembersDo) {
  for (unsigned set = 1; set < (1u << kPhaseCount); ++set) {
    for (size_t input = 0; input < kLifeInputCount; ++input) {
      PhaseSet expected = 0;
      for (size_t phase = 0; phase < kPhaseCount; ++phase) {
        if ((set & (1u << phase)) != 0)
          expected |= Next(static_cast<Phase>(phase), static_cast<LifeInput>(input));
      }
      ASSERT_EQ(Next(static_cast<PhaseSet>(set), static_cast<LifeInput>(input)), expected);
      ASSERT_NE(expected, 0);
    }
  }
}

TEST(CallbackLifeTest, EveryPhaseThatForbidsAStartNamesItsRule) {
  EXPECT_EQ(ForbidsStart(Phase::kNew), RuleId::kEnableDefaultStartsDisabled);
  EXPECT_EQ(ForbidsStart(Phase::kDisabled), RuleId::kDisableSuccessStopsCallback);
  EXPECT_EQ(ForbidsStart(Phase::kDisabledByIrp), RuleId::kDisableInProgressIrpCompletedStopsCallback);
  EXPECT_EQ(ForbidsStart(Phase::kDrained), RuleId::kDisableEventPendingStopsCallback);
  EXPECT_EQ(ForbidsStart(Phase::kClosed), RuleId::kCloseCompletedNoCallback);
}

TEST(CallbackLifeTest, ThePageInDocsIsUpToDate) {
  std::ifstream in("docs/callback_life.md");
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), LifeDiagram()) << "run: life_diagram > docs/callback_life.md";
}

}  // namespace
}  // namespace wskcert::model
