// Every hand-labelled trace (traces/*.txt): accepted, or refused at the marked observation by the named rule.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "conformance/model/judge.h"
#include "conformance/model/log_check.h"
#include "conformance/model/trace_test_util.h"
#include "conformance/model/trace_text.h"

namespace wskcert::model {
namespace {

class HandLabelledTraceTest : public testing::TestWithParam<std::string> {};

TEST_P(HandLabelledTraceTest, IsJudgedAsLabelled) {
  const TraceFile file = LoadTrace(GetParam());
  const auto rule = RuleNamed(file.rule);
  ASSERT_TRUE(rule.has_value()) << "no rule is named " << file.rule;
  EXPECT_FALSE(file.because.empty()) << "say why";
  char error[200] = "";
  ASSERT_TRUE(ValidateLog(file.log.data(), file.log.size(), error, sizeof(error))) << error;

  Judge judge(file.windows ? Profile::kWindows : Profile::kDocumented);
  judge.Start(file.capabilities);
  judge.ObserveAll(file.log.data(), file.log.size());
  const Refusal& refusal = judge.refusal();

  if (file.accept) {
    ASSERT_FALSE(refusal.refused) << judge.Explain();
    if (InfoOf(*rule).application) {
      EXPECT_TRUE(judge.breached().Has(*rule));
    } else {
      EXPECT_TRUE(judge.exercised().Has(*rule)) << file.rule << " is not exercised";
    }
    for (const std::string& name : file.exercises) {
      const auto other = RuleNamed(name);
      ASSERT_TRUE(other.has_value()) << "no rule is named " << name;
      EXPECT_TRUE(judge.exercised().Has(*other)) << name << " is not exercised";
    }
    return;
  }
  ASSERT_TRUE(refusal.refused) << "accepted:\n" << TraceText(file.log.data(), file.log.size());
  ASSERT_TRUE(file.refused_at.has_value()) << "mark the refused line with !";
  EXPECT_EQ(refusal.index, *file.refused_at) << judge.Explain();
  ASSERT_GT(refusal.blamed_count, 0) << judge.Explain();
  const RuleId* end = refusal.blamed + refusal.blamed_count;
  const bool named = std::find(refusal.blamed, end, *rule) != end;
  EXPECT_TRUE(named) << judge.Explain();
  EXPECT_THAT(judge.Explain(), testing::HasSubstr(file.rule));
}

INSTANTIATE_TEST_SUITE_P(All, HandLabelledTraceTest, testing::ValuesIn(TraceNames()),
                         [](const testing::TestParamInfo<std::string>& info) {
                           std::string name = info.param;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return c == '.' || c == '-'; }, '_');
                           return name;
                         });

TEST(HandLabelledTracesTest, EveryRequiredRuleHasOneToAcceptAndOneToRefuse) {
  RuleSet accepted, refused;
  for (const std::string& name : TraceNames()) {
    const TraceFile file = LoadTrace(name);
    std::vector<std::string> names = file.exercises;
    names.push_back(file.rule);
    for (const std::string& rule : names) {
      const auto id = RuleNamed(rule);
      if (!id.has_value()) continue;
      (file.accept ? accepted : refused).Add(*id);
    }
  }
  for (size_t i = 0; i < kRuleCount; ++i) {
    const auto rule = static_cast<RuleId>(i);
    if (!InfoOf(rule).required) continue;
    EXPECT_TRUE(accepted.Has(rule)) << InfoOf(rule).name;
    EXPECT_TRUE(refused.Has(rule)) << InfoOf(rule).name;
  }
}

TEST(HandLabelledTracesTest, TextIsReadBackAsTheSameLog) {
  for (const std::string& name : TraceNames()) {
    const TraceFile file = LoadTrace(name);
    const std::string text = TraceText(file.log.data(), file.log.size());
    std::string error;
    const auto again = ParseTrace(text, &error);
    ASSERT_TRUE(again.has_value()) << name << ": " << error << "\n" << text;
    ASSERT_EQ(again->log.size(), file.log.size()) << name;
    EXPECT_EQ(TraceText(again->log.data(), again->log.size()), text) << name;
  }
}

// One judge for all traces gives the verdicts of fresh judges: nothing of a trace survives Start().
TEST(HandLabelledTracesTest, AJudgeForgetsTheLastTrace) {
  Judge reused(Profile::kDocumented);
  for (const std::string& name : TraceNames()) {
    const TraceFile file = LoadTrace(name);
    if (file.windows) continue;
    Judge fresh(Profile::kDocumented);
    fresh.Start(file.capabilities);
    fresh.ObserveAll(file.log.data(), file.log.size());
    reused.Start(file.capabilities);
    reused.ObserveAll(file.log.data(), file.log.size());
    EXPECT_EQ(fresh.refusal().refused, reused.refusal().refused) << name;
    EXPECT_EQ(fresh.refusal().index, reused.refusal().index) << name;
    EXPECT_TRUE(fresh.exercised() == reused.exercised()) << name;
  }
}

}  // namespace
}  // namespace wskcert::model
