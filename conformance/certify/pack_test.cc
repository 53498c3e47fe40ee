// Records, whole and broken: what each case becomes, and what makes the record as a whole unusable.
#include "conformance/certify/pack.h"

#include <string>
#include <utility>
#include <vector>

#include "conformance/certify/certify.h"
#include "conformance/certify/testee_serve.h"
#include "conformance/certify/testee_wire.h"
#include "conformance/suite/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/trace.pb.h"

namespace wskcert {
namespace {

using ::testing::HasSubstr;

class PackTest : public ::testing::Test {
 protected:
  PackTest() {
    for (int i = 0; i < 3; ++i) *suite_.add_cases() = CuratedSuite().cases(i);
    ProviderOptions options;
    options.in_process = true;
    emulator_ = *MakeProvider("emulator", options);
    const std::vector<TesteeMessage> pack = *ReadPack(*MakePack(suite_, "", 1000), "suite.pack");
    EXPECT_EQ(pack.size(), 5u);
    EXPECT_TRUE(pack.back().has_bye());
    for (const TesteeMessage& message : pack) {
      TesteeMessage out;
      if (message.has_hello()) {
        *out.mutable_hello() = HelloOf(*emulator_, message.hello().token());
        record_.push_back(out);
      } else if (message.has_play()) {
        out.mutable_started()->set_id(message.play().id());
        out.mutable_started()->set_case_name(message.play().case_name());
        record_.push_back(out);
        record_.push_back(AnswerTo(message.play(), emulator_.get()));
      }
    }
  }

  absl::StatusOr<std::unique_ptr<Provider>> Recorded() const {
    std::string contents;
    for (const TesteeMessage& message : record_) contents += EncodeFrame(message);
    return MakePackProvider("pack:x", contents, suite_);
  }
  std::string Error() const { return std::string(Recorded().status().message()); }
  // The outcomes of the cases, in order.
  std::vector<CaseResult> Results() const {
    absl::StatusOr<std::unique_ptr<Provider>> provider = Recorded();
    EXPECT_TRUE(provider.ok()) << provider.status();
    if (!provider.ok()) return {};
    const Certificate certificate =
        Certify(provider->get(), suite_, CertifyOptions(), [](auto...) {})->certificate;
    return {certificate.cases().begin(), certificate.cases().end()};
  }

  Suite suite_;
  std::unique_ptr<Provider> emulator_;
  std::vector<TesteeMessage> record_;  // hello, then for each case started and answer
};

TEST_F(PackTest, ARecordHasTheEmulatorsCertificate) {
  const Certificate here = Certify(emulator_.get(), suite_, CertifyOptions(), [](auto...) {})->certificate;
  absl::StatusOr<std::unique_ptr<Provider>> provider = Recorded();
  ASSERT_TRUE(provider.ok()) << provider.status();
  const Certificate there = Certify(provider->get(), suite_, CertifyOptions(), [](auto...) {})->certificate;
  EXPECT_EQ(here.SerializeAsString(), there.SerializeAsString());
}

TEST_F(PackTest, ABeginningWithoutAnAnswerIsADeath) {
  record_.erase(record_.begin() + 4);
  const std::vector<CaseResult> results = Results();
  EXPECT_EQ(results[0].outcome(), CaseResult::ACCEPTED);
  EXPECT_EQ(results[1].outcome(), CaseResult::PROVIDER_DIED);
  EXPECT_THAT(results[1].story(), HasSubstr("the machine died"));
  EXPECT_EQ(results[2].outcome(), CaseResult::ACCEPTED);
}

TEST_F(PackTest, WhatWasNotPlayedOrAnsweredTwiceIsAFault) {
  record_.push_back(record_[2]);
  record_.erase(record_.begin() + 5, record_.begin() + 7);
  const std::vector<CaseResult> results = Results();
  EXPECT_THAT(results[0].story(), HasSubstr("request 1 was answered again"));
  EXPECT_EQ(results[1].outcome(), CaseResult::ACCEPTED);
  EXPECT_THAT(results[2].story(), HasSubstr("the record has no case"));
}

TEST_F(PackTest, RecordersGoOnAfterARestart) {
  record_.insert(record_.begin() + 3, record_[0]);
  for (const CaseResult& result : Results()) EXPECT_EQ(result.outcome(), CaseResult::ACCEPTED);
  record_[3].mutable_hello()->set_host("elsewhere");
  EXPECT_THAT(Error(), HasSubstr("message 3: its recorder says another hello later than at first"));
}

TEST_F(PackTest, ErrorsOfTheStreamCostTheCaseThatWasPlayed) {
  record_[4].mutable_error()->set_text("the driver is gone");
  EXPECT_THAT(Results()[1].story(), HasSubstr("the recorder says: the driver is gone"));
}

TEST_F(PackTest, UnusableRecordsSayWhy) {
  const std::vector<TesteeMessage> good = record_;
  record_.erase(record_.begin());
  EXPECT_THAT(Error(), HasSubstr("does not begin with a hello"));
  record_ = good;
  record_[0].mutable_hello()->set_token("other");
  EXPECT_THAT(Error(), HasSubstr("another suite (token 'other'"));
  record_ = good;
  record_[3] = record_[1];
  EXPECT_THAT(Error(), HasSubstr("is recorded twice"));
  record_ = good;
  record_[3].mutable_started()->set_id(1);
  EXPECT_THAT(Error(), HasSubstr("two cases are marked with number 1"));
  record_ = good;
  record_.erase(record_.begin() + 1);
  EXPECT_THAT(Error(), HasSubstr("request 1 is answered and was not started"));
  record_ = good;
  record_[3].mutable_play();
  EXPECT_THAT(Error(), HasSubstr("a request has no place in a record"));
}

TEST_F(PackTest, OtherFilesAreNoPacks) {
  EXPECT_TRUE(LooksLikePack(*MakePack(suite_, "", 1000)));
  EXPECT_FALSE(LooksLikePack(""));
  EXPECT_FALSE(LooksLikePack("observations {}"));
  Trace trace;
  trace.set_format_version(1);
  trace.set_provider("emulator");
  EXPECT_FALSE(LooksLikePack(trace.SerializeAsString()));
  EXPECT_FALSE(MakePack(suite_, "nothing-like-it", 1000).ok());
}

}  // namespace
}  // namespace wskcert
