#include "conformance/certify/certificate_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wskcert {
namespace {

using ::testing::HasSubstr;

Certificate Example() {
  Certificate certificate;
  certificate.set_format_version(1);
  certificate.set_provider("emulator");
  certificate.set_date("today");
  RuleVerdict* rule = certificate.add_rules();
  rule->set_rule("a.rule");
  rule->set_verdict(PASSED);
  CaseResult* result = certificate.add_cases();
  result->set_name("topic/case");
  result->set_trace_sha256("0123456789abcdef");
  certificate.mutable_counts()->set_cases(1);
  return certificate;
}

TEST(CertificateDiffTest, TheDateIsNoDifference) {
  Certificate other = Example();
  other.set_date("tomorrow");
  EXPECT_TRUE(Differences(Example(), other).empty());
  EXPECT_EQ(DifferencesJson({}), "[]\n");
  EXPECT_THAT(DifferencesText({}), HasSubstr("the same"));
}

TEST(CertificateDiffTest, NamesWhatChanged) {
  Certificate other = Example();
  other.set_provider("saboteur:\"x\"");
  other.mutable_rules(0)->set_verdict(FAILED);
  other.add_rules()->set_rule("b.rule");
  other.mutable_cases(0)->set_outcome(CaseResult::VIOLATION);
  other.mutable_cases(0)->add_blamed("a.rule");
  other.mutable_counts()->set_cases(2);
  EXPECT_EQ(DifferencesText(Differences(Example(), other)),
            "the certificates differ in (1)\n"
            "  provider: emulator -> saboteur:\"x\"\n"
            "rules whose verdict changed (2)\n"
            "  a.rule: passed -> FAILED\n"
            "  b.rule: - -> not exercised\n"
            "cases that changed (1)\n"
            "  topic/case: ACCEPTED -> VIOLATION of a.rule\n"
            "counts (1)\n"
            "  cases: 1 -> 2\n");
  EXPECT_THAT(
      DifferencesJson(Differences(Example(), other)),
      HasSubstr(
          R"({"kind": "certificate", "name": "provider", "before": "emulator", "after": "saboteur:\"x\""},)"));
}

TEST(CertificateDiffTest, SeesAnotherTrace) {
  Certificate other = Example();
  other.mutable_cases(0)->set_trace_sha256("fedcba9876543210");
  EXPECT_THAT(DifferencesText(Differences(Example(), other)),
              HasSubstr("topic/case: ACCEPTED, trace 0123456789ab -> ACCEPTED, trace fedcba987654"));
}

}  // namespace
}  // namespace wskcert
