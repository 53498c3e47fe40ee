// Waivers and what they do to a certificate.
#include "conformance/certify/gate.h"

#include <string>

#include "conformance/certify/certify.h"
#include "conformance/certify/report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kToday[] = "2030-06-15";

void AddRule(Certificate* certificate, const std::string& name, bool required, Verdict verdict) {
  RuleVerdict* rule = certificate->add_rules();
  rule->set_rule(name);
  rule->set_topic("topic");
  rule->set_required(required);
  rule->set_verdict(verdict);
}

// One rule of each kind, and cases to go with them.
Certificate Mixed() {
  Certificate certificate;
  certificate.set_provider("acme");
  certificate.set_level(kLevel);
  AddRule(&certificate, "passed", true, PASSED);
  AddRule(&certificate, "failed", true, FAILED);
  AddRule(&certificate, "not-exercised", true, NOT_EXERCISED);
  AddRule(&certificate, "inconclusive", true, INCONCLUSIVE);
  AddRule(&certificate, "unreachable", true, UNREACHABLE);
  AddRule(&certificate, "optional", false, NOT_EXERCISED);
  AddRule(&certificate, "optional-failed", false, FAILED);
  certificate.mutable_rules(1)->add_violated_in("a/violates");
  CaseResult* violates = certificate.add_cases();
  violates->set_name("a/violates");
  violates->set_outcome(CaseResult::VIOLATION);
  violates->add_blamed("failed");
  violates->add_blamed("optional-failed");
  certificate.add_cases()->set_name("a/accepted");
  CaseResult* dies = certificate.add_cases();
  dies->set_name("a/dies");
  dies->set_outcome(CaseResult::PROVIDER_DIED);
  return certificate;
}

WaiverFile Waive(std::initializer_list<const char*> rules, std::initializer_list<const char*> cases,
                 const std::string& expires = "2030-12-31") {
  WaiverFile file;
  for (const char* rule : rules) file.add_waivers()->set_rule(rule);
  for (const char* name : cases) file.add_waivers()->set_case_name(name);
  for (Waiver& waiver : *file.mutable_waivers()) {
    waiver.set_reason("known");
    waiver.set_expires(expires);
  }
  return file;
}

WaiverFile All() {
  return Waive({"failed", "not-exercised", "inconclusive", "unreachable", "optional-failed"}, {"a/dies"});
}

Certificate With(const WaiverFile& waivers, Certificate certificate = Mixed()) {
  ApplyWaivers(waivers, kToday, &certificate);
  return certificate;
}

TEST(Gate, RulesThatFail) {
  Certificate certificate = Mixed();
  const auto fails = [&certificate](int i) { return RuleFails(certificate, certificate.rules(i)); };
  EXPECT_FALSE(fails(0));
  for (const int i : {1, 2, 3, 4, 6}) EXPECT_TRUE(fails(i)) << certificate.rules(i).rule();
  EXPECT_FALSE(fails(5));
  certificate.set_level(kLevelReachable);
  EXPECT_FALSE(fails(4));
  EXPECT_TRUE(fails(2));
  certificate.set_filter("x");
  EXPECT_FALSE(fails(2));
  EXPECT_TRUE(fails(1));
}

TEST(Gate, GreenOnlyIfEverythingThatFailsIsWaived) {
  EXPECT_EQ(ExitStatusOf(With(All())), kExitGood);
  EXPECT_THAT(Conclusion(With(All())),
              AllOf(HasSubstr("GATE GREEN: 6 expected"), HasSubstr("NOT CERTIFIED")));
  for (int i = 0; i < All().waivers_size(); ++i) {
    WaiverFile fewer = All();
    fewer.mutable_waivers()->DeleteSubrange(i, 1);
    EXPECT_NE(ExitStatusOf(With(fewer)), kExitGood) << All().waivers(i).DebugString();
    EXPECT_THAT(Conclusion(With(fewer)), HasSubstr("GATE RED"));
  }
}

TEST(Gate, ACaseIsWaivedIfAllItsRulesAre) {
  const Certificate certificate = With(Waive({"failed"}, {}));
  EXPECT_FALSE(CaseIsWaived(certificate, certificate.cases(0)));
  EXPECT_TRUE(CaseIsWaived(With(All()), Mixed().cases(0)));
  EXPECT_TRUE(CaseIsWaived(With(Waive({}, {"a/violates"})), Mixed().cases(0)));
  EXPECT_FALSE(CaseIsWaived(With(All()), Mixed().cases(1)));
}

TEST(Gate, WhatIsNotAsExpectedHasItsOwnStatus) {
  WaiverFile file = All();
  file.MergeFrom(Waive({"passed"}, {}));
  EXPECT_EQ(ExitStatusOf(With(file)), kExitUnexpectedPass);
  file = All();
  file.MergeFrom(Waive({}, {"a/accepted"}));
  EXPECT_EQ(ExitStatusOf(With(file)), kExitUnexpectedPass);
  for (const char* nothing : {"optional", "no-such-rule"}) {
    file = All();
    file.MergeFrom(Waive({nothing}, {}));
    EXPECT_EQ(ExitStatusOf(With(file)), kExitStale) << nothing;
  }
  file = All();
  file.MergeFrom(Waive({}, {"no/such/case"}));
  EXPECT_EQ(ExitStatusOf(With(file)), kExitStale);
  // An expired one waives nothing; it has a status of its own where nothing fails for want of it.
  EXPECT_EQ(ExitStatusOf(With(Waive({"failed"}, {}, "2030-06-14"))), kExitDied);
  file = All();
  file.MergeFrom(Waive({"optional"}, {}, "2030-06-14"));
  EXPECT_EQ(ExitStatusOf(With(file)), kExitExpired);
  file = All();
  file.MergeFrom(Waive({}, {}));
  file.mutable_waivers(0)->set_expires(kToday);  // its last day
  EXPECT_EQ(ExitStatusOf(With(file)), kExitGood);
}

TEST(Gate, APartialCertificateKnowsNothingOfTheRest) {
  Certificate certificate = Mixed();
  certificate.set_filter("a/");
  WaiverFile file = All();
  file.MergeFrom(Waive({"passed"}, {}));  // another case may break it
  const Certificate with = With(file, certificate);
  EXPECT_EQ(CountWaivers(with, WaiverResult::NOT_PLAYED), 4);
  EXPECT_EQ(ExitStatusOf(with), kExitGood);
}

TEST(Gate, JUnitTellsThemApart) {
  WaiverFile file = All();
  file.MergeFrom(Waive({"passed", "no-such-rule"}, {}));
  file.MergeFrom(Waive({"optional"}, {}, "2030-06-14"));
  const std::string xml = JUnit(With(file));
  EXPECT_THAT(xml,
              AllOf(HasSubstr("<skipped message=\"expected failure: failed (known; until 2030-12-31)\"/>"),
                    HasSubstr("<failure type=\"unexpected-pass\" message=\"unexpected pass: passed"),
                    HasSubstr("<failure type=\"stale-waiver\" message=\"stale waiver: no-such-rule"),
                    HasSubstr("<failure type=\"expired-waiver\" message=\"expired waiver: optional")));
  EXPECT_THAT(xml, HasSubstr("failures=\"3\""));
}

TEST(Gate, DraftsWaiveEverythingThatFails) {
  const WaiverFile draft = DraftWaivers(Mixed(), "", "2030-12-31");
  EXPECT_EQ(draft.waivers(0).reason(), "violated in a/violates");
  const absl::StatusOr<WaiverFile> parsed = ParseWaivers(WaiverText(draft), "draft");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->SerializeAsString(), draft.SerializeAsString());
  EXPECT_EQ(ExitStatusOf(With(*parsed)), kExitGood);
  const absl::StatusOr<WaiverFile> quoted =
      ParseWaivers(WaiverText(DraftWaivers(Mixed(), "a \"quoted\" \\ reason", "2030-12-31")), "draft");
  ASSERT_TRUE(quoted.ok()) << quoted.status();
  EXPECT_EQ(quoted->waivers(0).reason(), "a \"quoted\" \\ reason");
}

TEST(Gate, FilesAreChecked) {
  const auto error = [](const std::string& text) {
    return std::string(ParseWaivers(text, "w").status().message());
  };
  EXPECT_THAT(error("waivers { rule: 1 }"), HasSubstr("w:1:"));
  EXPECT_THAT(error("waivers { reason: \"r\" expires: \"2030-01-01\" }"), HasSubstr("neither or both"));
  EXPECT_THAT(error("waivers { rule: \"a\" case_name: \"b\" reason: \"r\" expires: \"2030-01-01\" }"),
              HasSubstr("neither or both"));
  EXPECT_THAT(error("waivers { rule: \"a\" expires: \"2030-01-01\" }"), HasSubstr("has no reason"));
  EXPECT_THAT(error("waivers { rule: \"a\" reason: \"r\" }"), HasSubstr("is no day"));
  EXPECT_THAT(error("waivers { rule: \"a\" reason: \"r\" expires: \"2030-02-30\" }"), HasSubstr("is no day"));
  EXPECT_THAT(error("waivers { rule: \"a\" reason: \"r\" expires: \"2030-1-1\" }"), HasSubstr("is no day"));
  const std::string good = "waivers { rule: \"a\" reason: \"r\" expires: \"2030-01-01\" }";
  EXPECT_THAT(error(good + good), HasSubstr("is there twice"));
  EXPECT_EQ(*ParseDay("2030-06-15T12:00:00Z"), "2030-06-15");
  EXPECT_FALSE(ParseDay("2030-06-15 12:00").ok());
}

}  // namespace
}  // namespace wskcert
