// The control program's side of the protocol (implementations/driver_shim/control/dialogue.h), with its
// driver and its files in this process: what a machine without wskcert brings home gives the certificate that
// would have been made there, wherever the recorder was interrupted.
#include <algorithm>
#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/driver_provider.h"
#include "conformance/certify/pack.h"
#include "conformance/certify/program.h"
#include "conformance/certify/testee_serve.h"
#include "conformance/certify/testee_wire.h"
#include "conformance/certify/trace_io.h"
#include "conformance/suite/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "implementations/driver_shim/control/dialogue.h"

namespace wskcert {
namespace {

using ::testing::HasSubstr;

// Plays with a provider of this process.
class LocalTestee : public shim::Testee {
 public:
  explicit LocalTestee(Provider* provider) : provider_(provider) {}

  shim::Hello Greeting(const std::string& token) override {
    const Hello theirs = HelloOf(*provider_, token);
    shim::Hello hello;
    hello.protocol = theirs.protocol();
    hello.format = theirs.format();
    hello.provider = theirs.provider();
    hello.provider_version = theirs.provider_version();
    hello.capabilities = theirs.capabilities();
    hello.log_capacity = theirs.log_capacity();
    hello.token = token;
    return hello;
  }

  shim::Outcome Play(const shim::PlayMessage& message) override {
    shim::Outcome outcome;
    played_.push_back(message.name);
    if (message.name == loses_driver_in) {
      outcome.device_lost = true;
      outcome.text = "gone";
      return outcome;
    }
    const absl::StatusOr<Program> program = ParseProgram(message.program);
    EXPECT_TRUE(program.ok()) << program.status();
    const absl::StatusOr<PlayResult> result =
        provider_->PlayCase(*program, message.name, message.settle_scale);
    EXPECT_TRUE(result.ok()) << result.status();
    const std::string log = StoredLog(result->log, result->capabilities);
    outcome.played = true;
    outcome.log.assign(log.begin(), log.end());
    outcome.text = result->report;
    outcome.worn_out = message.name == worn_out_by;
    return outcome;
  }

  std::string loses_driver_in, worn_out_by;
  const std::vector<std::string>& played() const { return played_; }

 private:
  Provider* const provider_;
  std::vector<std::string> played_;
};

class MemoryFile : public shim::Record {
 public:
  explicit MemoryFile(std::string contents = "") : contents_(std::move(contents)) {}
  size_t Read(uint8_t* bytes, size_t size) override {
    // In pieces, as pipes give them.
    const size_t now = std::min({size, contents_.size() - at_, size_t{1000}});
    std::memcpy(bytes, contents_.data() + at_, now);
    at_ += now;
    return now;
  }
  bool Write(const uint8_t* bytes, size_t size) override {
    EXPECT_EQ(at_, contents_.size());
    contents_.append(reinterpret_cast<const char*>(bytes), size);
    at_ += size;
    flushed_ = false;
    return contents_.size() <= most_;
  }
  bool CutAt(uint64_t size) override {
    contents_.resize(size);
    at_ = size;
    return true;
  }
  bool Flush() override {
    flushed_ = true;
    return true;
  }

  const std::string& contents() const { return contents_; }
  bool flushed() const { return flushed_; }
  void set_most(size_t most) { most_ = most; }

 private:
  std::string contents_;
  size_t at_ = 0;
  size_t most_ = SIZE_MAX;
  bool flushed_ = true;
};

std::unique_ptr<Provider> Emulator() {
  ProviderOptions options;
  options.in_process = true;
  return *MakeProvider("emulator", options);
}

Certificate CertificateOf(Provider* provider, const Suite& suite) {
  return Certify(provider, suite, CertifyOptions(), [](auto...) {})->certificate;
}

Suite Few(int count) {
  Suite suite;
  for (int i = 0; i < count; ++i) *suite.add_cases() = CuratedSuite().cases(i);
  return suite;
}

// Records the suite, going on with `begun`.
std::string Recorded(Provider* provider, const Suite& suite, const std::string& begun = "") {
  LocalTestee testee(provider);
  MemoryFile pack(*MakePack(suite, "", 1000));
  MemoryFile record(begun);
  EXPECT_EQ(shim::RecordPack(&testee, &pack, &record), shim::Ended::kDone);
  EXPECT_TRUE(record.flushed());
  return record.contents();
}

Certificate Checked(const std::string& record, const Suite& suite) {
  const absl::StatusOr<std::unique_ptr<Provider>> provider = MakePackProvider("pack:x", record, suite);
  EXPECT_TRUE(provider.ok()) << provider.status();
  return provider.ok() ? CertificateOf(provider->get(), suite) : Certificate();
}

// The whole way: pack, control program, driver, provider, record.
TEST(Recorder, ARecordHasTheCertificateOfTheDriverThatPlayed) {
  DriverProvider driver;
  const Certificate direct = CertificateOf(&driver, CuratedSuite());
  EXPECT_TRUE(direct.certified());
  const Certificate checked = Checked(Recorded(&driver, CuratedSuite()), CuratedSuite());
  EXPECT_EQ(checked.SerializeAsString(), direct.SerializeAsString());
}

// Where frames end.
std::vector<size_t> Ends(const std::string& record) {
  std::vector<size_t> ends;
  for (size_t at = 0; at + kFrameHeaderBytes <= record.size();) {
    uint32_t size;
    std::memcpy(&size, record.data() + at, sizeof(size));
    ends.push_back(at += kFrameHeaderBytes + size);
  }
  return ends;
}

TEST(Recorder, GoesOnWhereverTheMachineWentDown) {
  const Suite suite = Few(3);
  const auto emulator = Emulator();
  const std::string whole = Recorded(emulator.get(), suite);
  const Certificate good = CertificateOf(emulator.get(), suite);
  EXPECT_EQ(Checked(whole, suite).SerializeAsString(), good.SerializeAsString());
  // Hello, then mark and answer of each case, then bye.
  const std::vector<size_t> ends = Ends(whole);
  ASSERT_EQ(ends.size(), 8u);
  std::set<size_t> cuts = {0, 1, 3, 4, 5};
  for (const size_t end : ends) {
    for (const size_t cut : {end - 1, end, end + 1, end + 4, end + 5})
      cuts.insert(std::min(cut, whole.size()));
  }
  for (const size_t cut : cuts) {
    SCOPED_TRACE(absl::StrCat("cut at byte ", cut));
    const Certificate certificate = Checked(Recorded(emulator.get(), suite, whole.substr(0, cut)), suite);
    ASSERT_EQ(certificate.cases_size(), 3);
    for (int i = 0; i < 3; ++i) {
      const size_t marked = ends[static_cast<size_t>(1 + 2 * i)];
      const size_t answered = ends[static_cast<size_t>(2 + 2 * i)];
      const bool died = marked <= cut && cut < answered;
      EXPECT_EQ(certificate.cases(i).outcome(), died ? CaseResult::PROVIDER_DIED : CaseResult::ACCEPTED);
      if (!died) {
        EXPECT_EQ(certificate.cases(i).SerializeAsString(), good.cases(i).SerializeAsString());
      }
    }
  }
  // A disk may leave zeros where the last write was.
  const Certificate zeros =
      Checked(Recorded(emulator.get(), suite, whole.substr(0, ends[2]) + std::string(500, '\0')), suite);
  EXPECT_EQ(zeros.SerializeAsString(), good.SerializeAsString());
}

TEST(Recorder, PlaysNothingTwice) {
  const Suite suite = Few(3);
  const auto emulator = Emulator();
  const std::string whole = Recorded(emulator.get(), suite);
  EXPECT_EQ(Recorded(emulator.get(), suite, whole), whole);
  LocalTestee testee(emulator.get());
  MemoryFile pack(*MakePack(suite, "", 1000));
  MemoryFile record(whole.substr(0, Ends(whole)[2]));
  EXPECT_EQ(shim::RecordPack(&testee, &pack, &record), shim::Ended::kDone);
  EXPECT_EQ(testee.played(), std::vector<std::string>({suite.cases(1).name(), suite.cases(2).name()}));
}

TEST(Recorder, StopsWhenTheDriverGivesOut) {
  const Suite suite = Few(3);
  const auto emulator = Emulator();
  for (const bool lost : {true, false}) {
    LocalTestee testee(emulator.get());
    (lost ? testee.loses_driver_in : testee.worn_out_by) = suite.cases(1).name();
    MemoryFile pack(*MakePack(suite, "", 1000));
    MemoryFile record;
    EXPECT_EQ(shim::RecordPack(&testee, &pack, &record), shim::Ended::kDriverLost);
    EXPECT_EQ(testee.played().size(), 2u);
    const Certificate certificate = Checked(Recorded(emulator.get(), suite, record.contents()), suite);
    EXPECT_EQ(certificate.cases(0).outcome(), CaseResult::ACCEPTED);
    EXPECT_EQ(certificate.cases(1).outcome(), lost ? CaseResult::PROVIDER_DIED : CaseResult::ACCEPTED);
    EXPECT_EQ(certificate.cases(2).outcome(), CaseResult::ACCEPTED);
  }
}

TEST(Recorder, SaysWhenAFileIsUnusable) {
  const Suite suite = Few(2);
  const auto emulator = Emulator();
  const std::string good = *MakePack(suite, "", 1000);
  const auto ended = [&](const std::string& contents, size_t most) {
    LocalTestee testee(emulator.get());
    MemoryFile pack(contents);
    MemoryFile record;
    record.set_most(most);
    return shim::RecordPack(&testee, &pack, &record);
  };
  EXPECT_EQ(ended(good.substr(0, good.size() - 1), SIZE_MAX), shim::Ended::kUnusable);
  EXPECT_EQ(ended("no pack at all", SIZE_MAX), shim::Ended::kUnusable);
  EXPECT_EQ(ended(Recorded(emulator.get(), suite), SIZE_MAX), shim::Ended::kUnusable);
  EXPECT_EQ(ended(good, 10), shim::Ended::kUnusable);   // a full disk at the hello,
  EXPECT_EQ(ended(good, 300), shim::Ended::kUnusable);  // or later
  std::string other = good;
  other[kFrameHeaderBytes + 3] = 99;  // the protocol's version
  EXPECT_EQ(ended(other, SIZE_MAX), shim::Ended::kUnusable);
}

std::vector<TesteeMessage> Served(shim::Testee* testee, const std::string& input) {
  MemoryFile in(input);
  MemoryFile out;
  shim::Serve(testee, &in, &out);
  return *ReadPack(out.contents(), "output");
}

// The same requests on a live line: the same answers.
TEST(Recorder, ServesLikeTheReferenceTestee) {
  const Suite suite = Few(3);
  const auto emulator = Emulator();
  const std::string asked = *MakePack(suite, "", 1000);
  LocalTestee testee(emulator.get());
  const std::vector<TesteeMessage> answers = Served(&testee, asked);
  const std::vector<TesteeMessage> requests = *ReadPack(asked, "pack");
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_TRUE(CheckHello(answers[0].hello(), requests[0].hello().token()).ok());
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(answers[i].SerializeAsString(),
              AnswerTo(requests[i].play(), emulator.get()).SerializeAsString());
  }
}

TEST(Recorder, ServesNothingThatItCannotRead) {
  const auto emulator = Emulator();
  LocalTestee testee(emulator.get());
  const std::string asked = *MakePack(Few(1), "", 1000);
  const std::string hello = asked.substr(0, Ends(asked)[0]);
  const auto last = [&](const std::string& input) {
    const std::vector<TesteeMessage> answers = Served(&testee, input);
    return answers.empty() ? TesteeError() : answers.back().error();
  };
  EXPECT_EQ(last(hello + "garbage").kind(), TesteeError::GARBAGE);
  EXPECT_EQ(last(hello + asked.substr(hello.size(), 20)).kind(), TesteeError::GARBAGE);
  TesteeMessage odd;
  odd.mutable_started()->set_id(1);
  EXPECT_EQ(last(hello + EncodeFrame(odd)).kind(), TesteeError::GARBAGE);
  odd.mutable_hello()->set_protocol(2);
  EXPECT_EQ(last(EncodeFrame(odd)).kind(), TesteeError::VERSION);
  // Worn out, it parts.
  testee.worn_out_by = Few(1).cases(0).name();
  EXPECT_TRUE(Served(&testee, asked).back().has_bye());
  EXPECT_THAT(Served(&testee, asked)[1].played().log(), HasSubstr("WSKL"));
}

}  // namespace
}  // namespace wskcert
