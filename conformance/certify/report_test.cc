// Certificates in words, and what their exit status says.
#include "conformance/certify/report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RuleVerdict MakeRule(const std::string& name, bool required, Verdict verdict) {
  RuleVerdict rule;
  rule.set_rule(name);
  rule.set_topic("disable");
  rule.set_required(required);
  rule.set_verdict(verdict);
  rule.set_exercised(verdict == PASSED ? 3 : 0);
  return rule;
}

Certificate GoodCertificate() {
  Certificate certificate;
  certificate.set_provider("emulator");
  certificate.set_profile("documented");
  certificate.set_level(kLevel);
  certificate.set_certified(true);
  *certificate.add_rules() = MakeRule("disable.one", true, PASSED);
  *certificate.add_rules() = MakeRule("disable.two", false, NOT_EXERCISED);
  certificate.mutable_counts()->set_required(1);
  certificate.mutable_counts()->set_required_passed(1);
  certificate.add_cases()->set_name("disable/idle");
  return certificate;
}

// A certificate whose one case ended so.
Certificate Ended(CaseResult::Outcome outcome) {
  Certificate certificate = GoodCertificate();
  certificate.set_certified(false);
  CaseResult* result = certificate.mutable_cases(0);
  result->set_outcome(outcome);
  result->set_story("  > <what> & \"why\"\001\n");
  return certificate;
}

TEST(Report, ExitStatusSaysTheWorst) {
  EXPECT_EQ(ExitStatusOf(GoodCertificate()), kExitGood);
  EXPECT_EQ(ExitStatusOf(Ended(CaseResult::VIOLATION)), kExitViolation);
  EXPECT_EQ(ExitStatusOf(Ended(CaseResult::PROVIDER_DIED)), kExitDied);
  EXPECT_EQ(ExitStatusOf(Ended(CaseResult::UNATTRIBUTED)), kExitOurs);
  Certificate both = Ended(CaseResult::PROVIDER_DIED);
  both.add_cases()->set_outcome(CaseResult::VIOLATION);
  EXPECT_EQ(ExitStatusOf(both), kExitDied);
}

TEST(Report, ARequiredRuleThatNothingExercisedIsAFailure) {
  Certificate certificate = GoodCertificate();
  certificate.set_certified(false);
  certificate.mutable_rules(0)->set_verdict(NOT_EXERCISED);
  EXPECT_EQ(ExitStatusOf(certificate), kExitViolation);
  EXPECT_THAT(Conclusion(certificate), HasSubstr("NOT CERTIFIED: emulator: 1 rule not exercised"));
  EXPECT_THAT(JUnit(certificate), HasSubstr("<failure message=\"not exercised\">"));
}

TEST(Report, APartialCertificateIsJudgedByWhatItPlayedAndCertifiesNothing) {
  Certificate certificate = GoodCertificate();
  certificate.set_certified(false);
  certificate.set_filter("disable/idle");
  certificate.mutable_rules(0)->set_verdict(NOT_EXERCISED);
  EXPECT_EQ(ExitStatusOf(certificate), kExitGood);
  EXPECT_THAT(Conclusion(certificate), HasSubstr("NOT CERTIFIED: emulator: only 'disable/idle' was played"));
}

TEST(Report, TableShowsWhatCountsAndNoColourUnasked) {
  const std::string table = RuleTable(GoodCertificate(), false);
  EXPECT_THAT(table, HasSubstr("disable  (1 of 1 passed)"));
  EXPECT_THAT(table, HasSubstr("disable.one  passed        required    3 cases"));
  EXPECT_THAT(table, Not(HasSubstr("disable.two"))) << "neither required nor exercised";
  EXPECT_THAT(table, Not(HasSubstr("\033")));
  EXPECT_THAT(RuleTable(GoodCertificate(), true), HasSubstr("\033[32m"));
}

TEST(Report, RulesThatNoTraceSpeaksAboutAreCounted) {
  Certificate certificate = GoodCertificate();
  *certificate.add_rules() = MakeRule("disable.three", false, NOT_MODELLED);
  *certificate.add_rules() = MakeRule("disable.four", false, NOT_OBSERVABLE);
  const std::string table = RuleTable(certificate, false);
  EXPECT_THAT(table, HasSubstr("disable  (1 of 1 passed, 1 not modelled, 1 not observable)"));
  EXPECT_THAT(table, Not(HasSubstr("disable.three")));
  EXPECT_EQ(JUnit(certificate), JUnit(GoodCertificate()));
}

TEST(Report, JUnitCountsAndEscapes) {
  const std::string xml = JUnit(Ended(CaseResult::VIOLATION));
  EXPECT_THAT(xml, HasSubstr("tests=\"3\" failures=\"1\""));
  EXPECT_THAT(xml, HasSubstr("&gt; &lt;what&gt; &amp; &quot;why&quot;?"));
}

TEST(Report, StoriesAreOneForEachFirstBlamedRuleTheShortestFirst) {
  Certificate certificate;
  for (const auto& [name, length, rule] :
       {std::tuple{"long", 90u, "disable.one"}, std::tuple{"short", 9u, "disable.one"},
        std::tuple{"other", 50u, "disable.two"}}) {
    CaseResult* result = certificate.add_cases();
    result->set_name(name);
    result->set_outcome(CaseResult::VIOLATION);
    result->set_observations(length);
    result->set_story(std::string("  story of ") + name + "\n");
    result->add_blamed(rule);
  }
  const std::string stories = Stories(certificate, 3);
  EXPECT_THAT(stories, HasSubstr("story of short"));
  EXPECT_THAT(stories, HasSubstr("story of other"));
  EXPECT_THAT(stories, Not(HasSubstr("story of long")));
  EXPECT_THAT(stories, HasSubstr("1 more cases failed"));
  EXPECT_LT(stories.find("short"), stories.find("other"));
}

TEST(Report, JsonHoldsEveryRule) {
  absl::StatusOr<std::string> json = Json(GoodCertificate());
  ASSERT_TRUE(json.ok());
  EXPECT_THAT(*json, HasSubstr("\"disable.two\""));
  EXPECT_THAT(*json, HasSubstr("\"certified\": true"));
}

}  // namespace
}  // namespace wskcert
