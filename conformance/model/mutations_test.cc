#include "conformance/model/mutations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "conformance/model/log_check.h"
#include "conformance/model/trace_test_util.h"
#include "conformance/model/trace_text.h"

namespace wskcert::model {
namespace {

// The promise that "exercised" makes: on every accepted hand-labelled trace, each rule that the judge reports
// has a mutant of that very trace that is refused by it.
TEST(MutationsTest, EveryExercisedRuleBitesOnTheTraceThatExercisedIt) {
  for (const std::string& name : TraceNames()) {
    const TraceFile file = LoadTrace(name);
    if (!file.accept) continue;
    Judge judge(file.windows ? Profile::kWindows : Profile::kDocumented);
    judge.Start(file.capabilities);
    ASSERT_TRUE(judge.ObserveAll(file.log.data(), file.log.size())) << name;
    const RuleSet exercised = judge.exercised();
    exercised.ForEach([&](RuleId rule) {
      const auto mutant = ConfirmBite(file.log.data(), file.log.size(), file.capabilities, rule, judge);
      EXPECT_TRUE(mutant.has_value())
          << name << " exercises " << InfoOf(rule).name << ", and no mutation of it breaks it";
    });
  }
}

TEST(MutationsTest, MutantsAreLogs) {
  struct Context {
    std::string trace;
    size_t mutants = 0;
  };
  Context context;
  const auto check = [](void* raw, std::vector<Observation>& log, const std::string& change) {
    auto* context = static_cast<Context*>(raw);
    char error[200] = "";
    EXPECT_TRUE(ValidateLog(log.data(), log.size(), error, sizeof(error)))
        << context->trace << ", " << change << ": " << error;
    ++context->mutants;
    return false;
  };
  for (const std::string& name : TraceNames()) {
    const TraceFile file = LoadTrace(name);
    context.trace = name;
    for (uint8_t i = 0; i < kMutationCount; ++i) {
      ForEachMutant(file.log.data(), file.log.size(), static_cast<Mutation>(i), check, &context);
    }
  }
  EXPECT_GT(context.mutants, 1000u);
}

TEST(MutationsTest, ARuleThatWasNotExercisedIsNotConfirmed) {
  const TraceFile file = LoadTrace("enable.connected.accept");
  Judge judge(Profile::kDocumented);
  EXPECT_FALSE(
      ConfirmBite(file.log.data(), file.log.size(), file.capabilities, RuleId::kCloseFromInsideWaits, judge)
          .has_value());
}

TEST(MutationsTest, AMutantSaysWhatWasChanged) {
  const TraceFile file = LoadTrace("disable.idle.accept");
  Judge judge(Profile::kDocumented);
  const auto mutant = ConfirmBite(file.log.data(), file.log.size(), file.capabilities,
                                  RuleId::kDisableEventPendingOnlyInProgress, judge);
  ASSERT_TRUE(mutant.has_value());
  EXPECT_THAT(mutant->change, testing::HasSubstr("EVENT_PENDING"));
  EXPECT_LT(mutant->refused_at, mutant->log.size());
}

}  // namespace
}  // namespace wskcert::model
