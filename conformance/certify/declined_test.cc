// The verdict `declined`: given for what a provider declines each time, where a page lets it, and for nothing
// else. Those that decline are honest ones behind an interposer (conformance/saboteurs/declining.h).
#include "conformance/certify/declined.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/gate.h"
#include "conformance/certify/report.h"
#include "conformance/rules/catalogue.h"
#include "conformance/saboteurs/declining.h"
#include "conformance/suite/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Decliner : public Provider {
 public:
  explicit Decliner(const std::string& what) : name_(absl::StrCat("declines ", what)), testbed_(Over(what)) {}
  const std::string& name() const override { return name_; }
  std::vector<NamedChoice> choices() const override { return EmulatorChoices(); }
  uint64_t capabilities() const override { return EmulatorCapabilities(); }
  absl::StatusOr<PlayResult> Play(const Program& program) override {
    return ResultOf(testbed_.Play(program));
  }

 private:
  static Testbed::Options Over(const std::string& what) {
    Testbed::Options options;
    options.interpose = Decline;
    options.interpose_context = const_cast<void*>(FindDecliner(what.c_str()));
    EXPECT_NE(options.interpose_context, nullptr) << what;
    return options;
  }

  const std::string name_;
  Testbed testbed_;
};

Certificate CertificateOf(const std::string& declines, const std::string& level = kLevel,
                          const std::string& filter = "") {
  Decliner provider(declines);
  CertifyOptions options;
  options.level = level;
  options.filter = filter;
  return Certify(&provider, CuratedSuite(), options, [](auto...) {})->certificate;
}

const RuleVerdict& VerdictOf(const Certificate& certificate, const std::string& name) {
  static const auto* const none = new RuleVerdict;
  for (const RuleVerdict& rule : certificate.rules()) {
    if (rule.rule() == name) return rule;
  }
  ADD_FAILURE() << "no rule " << name;
  return *none;
}

std::set<std::string> RulesWith(const Certificate& certificate, Verdict verdict) {
  std::set<std::string> rules;
  for (const RuleVerdict& rule : certificate.rules()) {
    if (rule.required() && rule.verdict() == verdict) rules.insert(rule.rule());
  }
  return rules;
}

std::set<std::string> RulesThatNeed(Declinable request) {
  std::set<std::string> rules;
  for (const Rule& rule : catalogue::All().rules()) {
    if (rule.required() && rule.declinable() == request) rules.insert(rule.name());
  }
  return rules;
}

// An honest provider without it: the rules that need it are declined, and no other is; every other one
// passes. So the catalogue is exact.
class Honest : public ::testing::TestWithParam<std::pair<const char*, Declinable>> {};

TEST_P(Honest, DeclinesWhatTheCatalogueSays) {
  const auto [what, request] = GetParam();
  const Certificate full = CertificateOf(what);
  EXPECT_EQ(RulesWith(full, DECLINED), RulesThatNeed(request));
  EXPECT_THAT(RulesThatNeed(request), Not(IsEmpty()));
  EXPECT_THAT(RulesWith(full, NOT_EXERCISED), IsEmpty());
  EXPECT_THAT(RulesWith(full, FAILED), IsEmpty());
  for (const CaseResult& result : full.cases()) {
    EXPECT_EQ(result.outcome(), CaseResult::ACCEPTED) << result.name() << "\n" << result.story();
  }
  // Said, never counted as passed.
  EXPECT_FALSE(full.certified());
  EXPECT_EQ(ExitStatusOf(full), kExitViolation);
  EXPECT_EQ(full.counts().required_passed() + RulesThatNeed(request).size(), full.counts().required());

  const Certificate reachable = CertificateOf(what, kLevelReachable);
  EXPECT_TRUE(reachable.certified());
  EXPECT_EQ(ExitStatusOf(reachable), kExitGood);
  EXPECT_THAT(Conclusion(reachable),
              AllOf(HasSubstr(absl::StrCat(RulesThatNeed(request).size(), " declined")),
                    HasSubstr(DeclinableText(request))));
}

INSTANTIATE_TEST_SUITE_P(Requests, Honest,
                         ::testing::Values(std::pair("conditional-accept", DECLINABLE_CONDITIONAL_ACCEPT),
                                           std::pair("waitall", DECLINABLE_WAITALL),
                                           std::pair("drain", DECLINABLE_DRAIN),
                                           std::pair("silent-mode", DECLINABLE_SILENT_MODE)),
                         [](const auto& info) {
                           std::string name = info.param.first;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(Declined, AnHonestProviderWithEverythingDeclinesNothing) {
  ProviderOptions options;
  options.in_process = true;
  const auto provider = MakeProvider("emulator", options);
  const Certificate certificate =
      Certify(provider->get(), CuratedSuite(), CertifyOptions(), [](auto...) {})->certificate;
  EXPECT_THAT(RulesWith(certificate, DECLINED), IsEmpty());
  EXPECT_TRUE(certificate.certified());
}

// What is granted once is there.
TEST(Declined, WhoDeclinesOnlyNowAndThenDeclinesNothing) {
  const Certificate certificate = CertificateOf("waitall-of-much");
  EXPECT_THAT(RulesWith(certificate, DECLINED), IsEmpty());
  EXPECT_NE(VerdictOf(certificate, "receive.waitall.waits").verdict(), DECLINED);
}

TEST(Declined, WhoSaysSoAndDoesItNeverthelessIsCaught) {
  const Certificate asks = CertificateOf("conditional-accept-and-asks");
  EXPECT_EQ(VerdictOf(asks, "inspect.only-conditional").verdict(), FAILED);
  EXPECT_FALSE(CertificateOf("conditional-accept-and-asks", kLevelReachable).certified());
  const Certificate silent = CertificateOf("silent-mode-and-falls-silent");
  EXPECT_EQ(VerdictOf(silent, "receive.enabled.indicates").verdict(), FAILED);
  EXPECT_FALSE(CertificateOf("silent-mode-and-falls-silent", kLevelReachable).certified());
}

// An answer that leaves the IRP behind is none.
TEST(Declined, WhoKeepsTheIrpHasNotDeclined) {
  const Certificate certificate = CertificateOf("waitall-without-completing", kLevelReachable);
  EXPECT_EQ(VerdictOf(certificate, "receive.waitall.waits").verdict(), NOT_EXERCISED);
  EXPECT_FALSE(certificate.certified());
}

TEST(Declined, WhatNoPageLetsItDeclineFails) {
  const Certificate certificate = CertificateOf("enabling", kLevelReachable);
  EXPECT_THAT(RulesWith(certificate, DECLINED), IsEmpty());
  EXPECT_EQ(VerdictOf(certificate, "enable.connected.succeeds").verdict(), FAILED);
  EXPECT_FALSE(certificate.certified());
}

TEST(Declined, IsToldInEveryReport) {
  Certificate certificate = CertificateOf("drain");
  const RuleVerdict& rule = VerdictOf(certificate, "receive.drain.waits");
  EXPECT_THAT(rule.declined_in(), HasSubstr("drain"));
  EXPECT_THAT(RuleTable(certificate, false),
              ::testing::ContainsRegex("receive\\.drain\\.waits +declined +required +0 cases"));
  EXPECT_THAT(Conclusion(certificate), HasSubstr("2 rules declined"));
  EXPECT_THAT(
      JUnit(certificate),
      HasSubstr(absl::StrCat("name=\"receive.drain.waits\"><failure message=\"declined\">required, but "
                             "declined in ",
                             rule.declined_in())));
  EXPECT_THAT(*Json(certificate), HasSubstr("\"verdict\": \"DECLINED\""));

  // Where it need not pass, it is skipped.
  certificate.set_level(kLevelReachable);
  EXPECT_THAT(JUnit(certificate), HasSubstr("name=\"receive.drain.waits\"><skipped message=\"declined\"/>"));
}

TEST(Declined, CanBeWaived) {
  Certificate certificate = CertificateOf("drain");
  const WaiverFile waivers = DraftWaivers(certificate, "", "2030-12-31");
  ASSERT_EQ(waivers.waivers_size(), 2);
  EXPECT_THAT(waivers.waivers(0).reason(), HasSubstr("declined"));
  ApplyWaivers(waivers, "2030-01-01", &certificate);
  EXPECT_EQ(CountWaivers(certificate, WaiverResult::EXPECTED_FAILURE), 2);
  EXPECT_EQ(ExitStatusOf(certificate), kExitGood);
  EXPECT_FALSE(certificate.certified());
  // At a level that does not ask for it there is nothing to waive.
  certificate.set_level(kLevelReachable);
  ApplyWaivers(waivers, "2030-01-01", &certificate);
  EXPECT_EQ(CountWaivers(certificate, WaiverResult::STALE), 2);
}

}  // namespace
}  // namespace wskcert
