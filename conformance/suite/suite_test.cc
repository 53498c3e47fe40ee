// Every case of the suite is what it says: it compiles, the emulator plays it, the judge accepts it, and the
// rules that it lists are exercised by it. And every rule that a certificate requires is listed by some case.
#include "conformance/suite/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "conformance/certify/compile.h"
#include "conformance/certify/testbed.h"
#include "conformance/model/judge.h"
#include "conformance/rules/catalogue.h"

namespace wskcert {
namespace {

// Cases about what a provider answers to requests that come too early.
bool BreaksAnObligation(const NamedCase& candidate) {
  return candidate.name().find("/before_") != std::string::npos;
}

TEST(SuiteTest, ListsOnlyRulesThatBindTheProvider) {
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    SCOPED_TRACE(candidate.name());
    EXPECT_FALSE(candidate.body().source().empty());
    std::set<std::string> listed;
    for (const std::string& name : candidate.body().rules()) {
      EXPECT_TRUE(listed.insert(name).second) << name << " is listed twice";
      const auto id = catalogue::Find(name);
      ASSERT_TRUE(id.has_value()) << name;
      EXPECT_EQ(catalogue::Get(*id).party(), PARTY_PROVIDER) << name;
      EXPECT_TRUE(catalogue::Get(*id).modelled()) << name;
    }
  }
}

TEST(SuiteTest, EveryRequiredRuleIsListedBySomeCase) {
  RuleSet listed;
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    for (const std::string& name : candidate.body().rules()) {
      if (const auto id = catalogue::Find(name)) listed.Add(*id);
    }
  }
  catalogue::Required().ForEach(
      [&](RuleId rule) { EXPECT_TRUE(listed.Has(rule)) << catalogue::Get(rule).name(); });
}

TEST(SuiteTest, EveryCaseIsAcceptedAndExercisesTheRulesItLists) {
  Testbed testbed;
  model::Judge judge(model::Profile::kDocumented);
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    SCOPED_TRACE(candidate.name());
    const absl::StatusOr<Program> program = Compile(candidate.body().sequence(), EmulatorChoices());
    ASSERT_TRUE(program.ok()) << program.status();
    const Played& played = testbed.Play(*program);
    EXPECT_EQ(played.ending, Ending::kFinished) << played.report;
    EXPECT_FALSE(played.leaked) << played.report;
    judge.Start(played.capabilities);
    EXPECT_TRUE(judge.ObserveAll(played.log.data(), played.log.size())) << judge.Explain();
    EXPECT_FALSE(judge.inconclusive());
    EXPECT_TRUE(judge.breached().empty() || BreaksAnObligation(candidate))
        << "the client broke an obligation";
    for (const Observation& observation : played.log) {
      EXPECT_NE(observation.kind, static_cast<uint8_t>(Seen::kSkip))
          << "step " << observation.step << " was skipped";
    }
    for (const std::string& name : candidate.body().rules()) {
      const auto id = catalogue::Find(name);
      if (id.has_value()) EXPECT_TRUE(judge.exercised().Has(*id)) << "does not exercise " << name;
    }
  }
}

}  // namespace
}  // namespace wskcert
