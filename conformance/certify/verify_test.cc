// Certificates and traces that do not belong together, or were touched.
#include "conformance/certify/verify.h"

#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/report.h"
#include "conformance/suite/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() : directory_(absl::StrCat(::testing::TempDir(), "/verify.", getpid())) {
    for (int i = 0; i < 8; ++i) *suite_.add_cases() = CuratedSuite().cases(i);
    ProviderOptions options;
    options.in_process = true;
    const auto provider = MakeProvider("emulator", options);
    done_ = *Certify(provider->get(), suite_, CertifyOptions(), [](auto...) {});
    EXPECT_TRUE(WriteCertification(done_, directory_).ok());
  }
  ~VerifyTest() override { std::filesystem::remove_all(directory_); }

  std::string Differences(const Certificate& certificate) const {
    const absl::StatusOr<Verification> done = Verify(certificate, directory_, suite_);
    return done.ok() ? absl::StrJoin(done->differences, "\n") : std::string(done.status().message());
  }

  const std::string directory_;
  Suite suite_;
  Certification done_;
};

TEST_F(VerifyTest, TracesBearTheirCertificateOut) {
  EXPECT_THAT(Differences(done_.certificate), IsEmpty());
  EXPECT_EQ(Verify(done_.certificate, directory_, suite_)->judged, 8u);
}

TEST_F(VerifyTest, EveryStatementIsCompared) {
  const auto changed = [this](auto change) {
    Certificate certificate = done_.certificate;
    change(&certificate);
    return Differences(certificate);
  };
  int passed = 0;
  while (done_.certificate.rules(passed).verdict() != PASSED) ++passed;
  EXPECT_THAT(changed([passed](Certificate* c) { c->mutable_rules(passed)->set_verdict(NOT_EXERCISED); }),
              HasSubstr("verdict is stated as 'not exercised', and found as 'passed'"));
  EXPECT_THAT(changed([passed](Certificate* c) { c->mutable_rules(passed)->set_required(false); }),
              HasSubstr("required is stated as 'no'"));
  EXPECT_THAT(changed([passed](Certificate* c) { c->mutable_rules()->DeleteSubrange(passed, 1); }),
              HasSubstr("stated as 'no such rule'"));
  EXPECT_THAT(changed([](Certificate* c) { c->mutable_rules(0)->set_rule("magic"); }),
              HasSubstr("magic: verdict"));
  EXPECT_THAT(changed([](Certificate* c) { c->mutable_cases(1)->set_outcome(CaseResult::VIOLATION); }),
              HasSubstr("outcome is stated as 'VIOLATION', and found as 'ACCEPTED'"));
  EXPECT_THAT(changed([](Certificate* c) { c->mutable_cases(1)->set_trace_sha256("0"); }),
              HasSubstr("trace is stated"));
  EXPECT_THAT(changed([](Certificate* c) { c->mutable_cases()->DeleteSubrange(3, 1); }),
              HasSubstr("the certificate does not have this case"));
  EXPECT_THAT(changed([](Certificate* c) { c->set_certified(true); }),
              HasSubstr("certified is stated as 'yes'"));
  EXPECT_THAT(changed([](Certificate* c) { c->set_suite_sha256("0"); }), HasSubstr("suite is stated as '0'"));
  EXPECT_THAT(changed([](Certificate* c) { c->set_model_sha256("0"); }), HasSubstr("model is stated as '0'"));
  EXPECT_THAT(changed([](Certificate* c) { c->set_catalogue_sha256("0"); }),
              HasSubstr("catalogue is stated"));
  EXPECT_THAT(changed([](Certificate* c) { c->mutable_counts()->set_required_passed(0); }),
              HasSubstr("required rules that passed"));
  EXPECT_THAT(changed([](Certificate* c) { c->set_format_version(2); }), HasSubstr("format 2"));
  EXPECT_THAT(changed([](Certificate* c) { c->set_profile("strict"); }), HasSubstr("strict"));
}

TEST_F(VerifyTest, TracesOfOthersAreFound) {
  const auto path = [this](int i) {
    return absl::StrCat(directory_, "/traces/", done_.certificate.cases(i).name(), ".trace.pb");
  };
  std::filesystem::copy_file(path(1), path(0), std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(Differences(done_.certificate), HasSubstr("case of the trace is stated as"));
  std::filesystem::remove(path(0));
  EXPECT_THAT(Differences(done_.certificate), HasSubstr("No such file"));
}

TEST_F(VerifyTest, ModelsHaveAFingerprint) { EXPECT_EQ(std::string(ModelSha256()).size(), 64u); }

}  // namespace
}  // namespace wskcert
