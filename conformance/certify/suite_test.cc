// The curated suite on the honest emulator: every case is accepted in both profiles, exercises the rules that
// it names, and leaves the same log when it is played again.
#include "conformance/suite/suite.h"

#include <cstring>
#include <vector>

#include "conformance/certify/run_case.h"
#include "conformance/rules/catalogue.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

class SuiteTest : public testing::TestWithParam<int> {
 protected:
  const NamedCase& TheCase() const { return CuratedSuite().cases(GetParam()); }

  CaseRun PlayCase(model::Profile profile) {
    ProviderOptions options;
    options.in_process = true;
    auto provider = MakeProvider("emulator", options);
    EXPECT_TRUE(provider.ok());
    model::Judge judge(profile);
    absl::StatusOr<CaseRun> run = RunCase(provider->get(), &judge, TheCase().name(), TheCase().body(), "");
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() ? *run : CaseRun();
  }
};

TEST_P(SuiteTest, IsAcceptedAsDocumentedAndAsOnWindows) {
  for (const model::Profile profile : {model::Profile::kDocumented, model::Profile::kWindows}) {
    const CaseRun run = PlayCase(profile);
    // A case that fixes a choice which Windows was seen not to make is there for the documentation's
    // latitude.
    const bool latitude =
        profile == model::Profile::kWindows && TheCase().body().sequence().schedule().fixed_size() > 0;
    if (!latitude) EXPECT_EQ(run.outcome, CaseResult::ACCEPTED) << TheCase().name() << "\n" << run.story;
  }
}

TEST_P(SuiteTest, ExercisesTheRulesThatItNames) {
  const CaseRun run = PlayCase(model::Profile::kDocumented);
  for (const std::string& name : TheCase().body().rules()) {
    const std::optional<RuleId> rule = catalogue::Find(name);
    ASSERT_TRUE(rule.has_value()) << TheCase().name() << " names " << name << ", which is no rule";
    EXPECT_TRUE(run.judged.exercised.Has(*rule)) << TheCase().name() << " does not exercise " << name;
  }
}

TEST_P(SuiteTest, LeavesTheSameLogAgain) {
  const CaseRun first = PlayCase(model::Profile::kDocumented);
  const CaseRun second = PlayCase(model::Profile::kDocumented);
  ASSERT_EQ(first.played.log.size(), second.played.log.size());
  EXPECT_EQ(0, std::memcmp(first.played.log.data(), second.played.log.data(),
                           first.played.log.size() * sizeof(Observation)));
}

INSTANTIATE_TEST_SUITE_P(Cases, SuiteTest, testing::Range(0, CuratedSuite().cases_size()),
                         [](const auto& info) {
                           std::string name = CuratedSuite().cases(info.param).name();
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

TEST(Suite, NamesEveryRequiredRule) {
  RuleSet named;
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    for (const std::string& name : candidate.body().rules()) {
      if (const std::optional<RuleId> rule = catalogue::Find(name)) named.Add(*rule);
    }
  }
  catalogue::Required().ForEach([&named](RuleId rule) {
    EXPECT_TRUE(named.Has(rule)) << "no case is about " << catalogue::Get(rule).name();
  });
}

}  // namespace
}  // namespace wskcert
