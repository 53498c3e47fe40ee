// Certificates and traces that do not belong together, or were touched.
#include "conformance/certify/verify.h"

#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/report.h"
#include "conformance/certify/trace_io.h"
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
  EXPECT_THAT(changed([](Certificate* c) { c->set_level("some"); }), HasSubstr("level 'some'"));
  EXPECT_THAT(changed([](Certificate* c) { c->clear_out_of_scope(); }), HasSubstr("out of scope"));
  EXPECT_THAT(changed([](Certificate* c) { c->add_not_modelled("weather"); }), HasSubstr("not modelled"));
  EXPECT_THAT(changed([](Certificate* c) { c->mutable_counts()->set_cases(9); }),
              HasSubstr("cases is stated"));
  EXPECT_THAT(changed([](Certificate* c) { c->mutable_counts()->set_rules_by_verdict(1, 500); }),
              HasSubstr("rules by verdict"));
  EXPECT_THAT(changed([](Certificate* c) { c->mutable_cases(1)->set_observations(1); }),
              HasSubstr("number of observations"));
  EXPECT_THAT(changed([passed](Certificate* c) { c->mutable_rules(passed)->set_declined_in("x"); }),
              HasSubstr("declined in is stated as 'x'"));
}

// Every byte of a trace counts: whatever is changed, it is no trace any more, or another one.
TEST_F(VerifyTest, ChangedTracesAreFound) {
  const std::string path =
      absl::StrCat(directory_, "/traces/", done_.certificate.cases(2).name(), ".trace.pb");
  const std::string good = *ReadFile(path);
  const auto with = [&](const std::string& contents) {
    EXPECT_TRUE(WriteFile(path, contents).ok());
    return Differences(done_.certificate);
  };
  // An observation changed: a status, the order of two, one left out.
  const LoadedTrace trace = *ParseTrace(good, path);
  const auto rewritten = [&](auto change) {
    CaseRun run = RunOfTrace(*ParseTrace(good, path));
    change(&run.played.log);
    return with(TraceOf(run, "emulator").SerializeAsString());
  };
  EXPECT_THAT(rewritten([](std::vector<Observation>*) {}), IsEmpty());
  for (size_t i = 0; i < trace.log.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_THAT(rewritten([i](std::vector<Observation>* log) { (*log)[i].status ^= 0x80000000; }),
                HasSubstr(": trace is stated as"));
    if (i + 1 < trace.log.size()) {
      // What does not validate any more is found as well.
      EXPECT_THAT(
          rewritten([i](std::vector<Observation>* log) { log->erase(log->begin() + static_cast<long>(i)); }),
          HasSubstr(done_.certificate.cases(2).name()));
    }
  }
  // Bytes.
  for (size_t i = 0; i < good.size(); i += 7) {
    std::string spoilt = good;
    spoilt[i] = static_cast<char>(spoilt[i] ^ 0x10);
    const absl::StatusOr<LoadedTrace> loaded = ParseTrace(spoilt, path);
    const std::string differences = with(spoilt);
    // What is not evidence (who played, reports for people) may change unseen.
    const bool same = loaded.ok() && LogSha256(loaded->log) == done_.certificate.cases(2).trace_sha256() &&
                      loaded->header.case_name() == trace.header.case_name() &&
                      loaded->header.capabilities() == trace.header.capabilities();
    if (!same) {
      EXPECT_NE(differences, "") << "byte " << i;
    }
  }
  EXPECT_THAT(with(good.substr(0, good.size() / 2)), HasSubstr(done_.certificate.cases(2).name()));
  EXPECT_THAT(with(""), HasSubstr(done_.certificate.cases(2).name()));
  EXPECT_THAT(with(good), IsEmpty());
}

TEST_F(VerifyTest, OtherVersionsOfTheSuiteAreFound) {
  suite_.mutable_cases(3)->mutable_body()->set_summary("other words");
  EXPECT_THAT(Differences(done_.certificate), HasSubstr("certificate: suite is stated as"));
  *suite_.add_cases() = CuratedSuite().cases(8);
  EXPECT_THAT(
      Differences(done_.certificate),
      HasSubstr(absl::StrCat(CuratedSuite().cases(8).name(), ": the certificate does not have this case")));
}

// Traces of another provider that go by the right names: what they show is found, not what is stated.
TEST_F(VerifyTest, TracesThatShowLessAreFound) {
  ProviderOptions options;
  options.in_process = true;
  const auto worse = MakeProvider("saboteur:accept-event-other-family", options);
  const auto done = Certify(worse->get(), suite_, CertifyOptions(), [](auto...) {});
  ASSERT_TRUE(WriteCertification(*done, directory_).ok());
  Certificate certificate = done_.certificate;
  // Even if the fingerprints were made to fit.
  for (int i = 0; i < certificate.cases_size(); ++i) {
    certificate.mutable_cases(i)->set_trace_sha256(done->certificate.cases(i).trace_sha256());
  }
  EXPECT_THAT(Differences(certificate),
              ::testing::AllOf(HasSubstr("outcome is stated as 'ACCEPTED', and found as 'VIOLATION'"),
                               HasSubstr("accept.event.addresses: verdict is stated as"),
                               HasSubstr("and found as 'FAILED'")));
}

TEST_F(VerifyTest, ModelsHaveAFingerprint) { EXPECT_EQ(std::string(ModelSha256()).size(), 64u); }

}  // namespace
}  // namespace wskcert
