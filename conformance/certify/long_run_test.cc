#include "conformance/certify/long_run.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "conformance/certify/play_order.h"
#include "conformance/certify/play_store.h"
#include "conformance/certify/schedule_seed.h"
#include "conformance/certify/workers.h"
#include "conformance/suite/suite.h"

namespace wskcert {
namespace {

using ::testing::HasSubstr;

const Progress kNoProgress = [](size_t, size_t, const std::string&, const CaseRun*) {};
const LongProgress kNoLongProgress = [](size_t, size_t, size_t, const std::string&) {};

class LongRunTest : public testing::Test {
 protected:
  LongRunTest()
      : directory_(std::filesystem::temp_directory_path() / absl::StrCat("long_run_test.", getpid())) {
    std::filesystem::remove_all(directory_);
  }
  ~LongRunTest() override { std::filesystem::remove_all(directory_); }

  // Part of the suite, in this process.
  LongRunOptions Options(const std::string& provider, const std::string& store) const {
    LongRunOptions options;
    options.provider = provider;
    options.provider_options.in_process = true;
    options.certify.filter = "in_progress/";
    options.certify.date = "now";
    options.store = (directory_ / store).string();
    return options;
  }

  static Certification Run(const LongRunOptions& options, const LongProgress& progress = kNoLongProgress) {
    absl::StatusOr<Certification> done = CertifyLong(CuratedSuite(), options, progress, kNoProgress);
    EXPECT_TRUE(done.ok()) << done.status();
    return done.ok() ? *std::move(done) : Certification();
  }

  static std::string Direct(const LongRunOptions& options) {
    const std::unique_ptr<Provider> provider = *MakeProvider(options.provider, options.provider_options);
    const absl::StatusOr<Certification> done =
        Certify(provider.get(), CuratedSuite(), options.certify, kNoProgress);
    EXPECT_TRUE(done.ok()) << done.status();
    return done->certificate.SerializeAsString();
  }

  const std::filesystem::path directory_;
};

TEST_F(LongRunTest, TheCertificateIsTheSameHoweverManyProcessesPlay) {
  for (const char* provider : {"emulator", "saboteur:disable-irp-completes-early"}) {
    LongRunOptions options = Options(provider, "one");
    const std::string direct = Direct(options);
    EXPECT_EQ(Run(options).certificate.SerializeAsString(), direct);
    options.jobs = 3;
    options.store = (directory_ / "three").string();
    const Certification done = Run(options);
    EXPECT_EQ(done.certificate.SerializeAsString(), direct);
    EXPECT_EQ(done.runs.size(), static_cast<size_t>(done.certificate.cases_size()));
  }
}

TEST_F(LongRunTest, GoesOnWithWhatIsMissing) {
  LongRunOptions options = Options("emulator", "store");
  const Certificate whole = Run(options).certificate;
  // As if it had been killed before these two, and while it wrote a third.
  const std::filesystem::path plays = directory_ / "store" / "plays";
  std::filesystem::remove(plays / "in_progress/receive_held.played.pb");
  std::filesystem::remove(plays / "in_progress/receive_held_with_irp.played.pb");
  std::ofstream(plays / (whole.cases(0).name() + ".played.pb")) << "half";
  options.resume = true;
  options.jobs = 2;
  std::set<std::string> played;
  size_t before = 0;
  const Certification done = Run(options, [&](size_t, size_t, size_t were_before, const std::string& name) {
    before = were_before;
    if (!name.empty()) EXPECT_TRUE(played.insert(name).second) << name << " was played twice";
  });
  EXPECT_EQ(done.certificate.SerializeAsString(), whole.SerializeAsString());
  EXPECT_EQ(played.size() + before, static_cast<size_t>(whole.cases_size()));
  EXPECT_EQ(played.count("in_progress/receive_held_with_irp"), 1u);
  EXPECT_EQ(played.count(whole.cases(0).name()), 1u);
  EXPECT_LE(played.size(), 3u);
}

TEST_F(LongRunTest, DoesNotGoOnWithWhatIsOfAnotherRun) {
  LongRunOptions options = Options("emulator", "store");
  Run(options);
  options.resume = true;
  options.provider = "saboteur:none";
  EXPECT_THAT(CertifyLong(CuratedSuite(), options, kNoLongProgress, kNoProgress).status().message(),
              HasSubstr("it was provider emulator"));
  options.provider = "emulator";
  options.schedule_seed = 3;
  EXPECT_THAT(CertifyLong(CuratedSuite(), options, kNoLongProgress, kNoProgress).status().message(),
              HasSubstr("--schedule-seed=3"));
  // Without `resume` it begins anew.
  options.resume = false;
  EXPECT_EQ(Run(options).certificate.schedule_seed(), 3u);
}

TEST_F(LongRunTest, ShardsArePartialAndAddUpToTheWhole) {
  LongRunOptions options = Options("emulator", "whole");
  options.certify.filter = "";
  const std::string direct = Direct(options);
  std::vector<std::string> stores;
  int cases = 0;
  for (uint32_t shard = 1; shard <= 3; ++shard) {
    options.shard = shard;
    options.shards = 3;
    options.store = (directory_ / absl::StrCat("shard", shard)).string();
    stores.push_back(options.store);
    const Certificate part = Run(options).certificate;
    EXPECT_FALSE(part.certified());
    EXPECT_EQ(part.filter(), absl::StrCat("shard ", shard, "/3"));
    cases += part.cases_size();
  }
  EXPECT_EQ(cases, CuratedSuite().cases_size());
  const absl::StatusOr<Certification> merged = MergeShards(CuratedSuite(), stores, "now", kNoProgress);
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_TRUE(merged->certificate.certified());
  EXPECT_EQ(merged->certificate.SerializeAsString(), direct);
  stores.pop_back();
  EXPECT_THAT(MergeShards(CuratedSuite(), stores, "now", kNoProgress).status().message(),
              HasSubstr("cases were not played in any of them"));
  EXPECT_THAT(MergeShards(CuratedSuite(), {directory_.string()}, "now", kNoProgress).status().message(),
              HasSubstr("no plays of a run"));
}

TEST_F(LongRunTest, SchedulesOfASeedAreTheSameEverywhere) {
  LongRunOptions options = Options("emulator", "store");
  options.schedule_seed = 7;
  const Certificate once = Run(options).certificate;
  options.jobs = 2;
  EXPECT_EQ(Run(options).certificate.SerializeAsString(), once.SerializeAsString());
  options.schedule_seed = 8;
  const Certificate other = Run(options).certificate;
  EXPECT_EQ(once.schedule_seed(), 7u);
  EXPECT_EQ(once.suite_sha256(), other.suite_sha256());
  int different = 0;
  for (int i = 0; i < once.cases_size(); ++i)
    different += once.cases(i).trace_sha256() != other.cases(i).trace_sha256();
  EXPECT_GT(different, once.cases_size() / 2);
  Sequence sequence;
  SeedSchedule(1, "a/b", &sequence);
  const std::string bytes = sequence.schedule().choices();
  SeedSchedule(1, "a/c", &sequence);
  EXPECT_NE(sequence.schedule().choices(), bytes);
  SeedSchedule(1, "a/b", &sequence);
  EXPECT_EQ(sequence.schedule().choices(), bytes);
}

TEST(WorkersTest, EveryJobIsDoneOnce) {
  std::set<size_t> done;
  const absl::Status status = RunInProcesses(
      100, 4, [](size_t) { return absl::OkStatus(); },
      [&](size_t job) { EXPECT_TRUE(done.insert(job).second); });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(done.size(), 100u);
}

// A testee may leave a server behind that other testees need. Nobody waits for that.
TEST(WorkersTest, WhatAJobLeavesBehindIsNotWaitedFor) {
  int held[2];
  ASSERT_EQ(pipe2(held, O_CLOEXEC), 0);
  const absl::Status status = RunInProcesses(
      1, 1,
      [&held](size_t) {
        if (fork() != 0) return absl::OkStatus();
        dup2(held[0], STDIN_FILENO);
        // Runs until nobody holds the other end.
        execlp("cat", "cat", nullptr);
        _exit(1);
      },
      [](size_t) {});
  EXPECT_TRUE(status.ok()) << status;
  close(held[0]);
  close(held[1]);
}

TEST(WorkersTest, AnErrorAndADeathEndEverything) {
  const auto nothing = [](size_t) {};
  const absl::Status error = RunInProcesses(
      1000000, 3, [](size_t job) { return job == 5 ? absl::InvalidArgumentError("five") : absl::OkStatus(); },
      nothing);
  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(error.message(), "five");
  const absl::Status death = RunInProcesses(
      10, 2,
      [](size_t job) {
        if (job == 3) _exit(7);
        return absl::OkStatus();
      },
      nothing);
  EXPECT_THAT(death.message(), HasSubstr("died"));
}

TEST_F(LongRunTest, RefusesPlaysThatAreNotThose) {
  const std::unique_ptr<Provider> emulator = *MakeProvider("emulator", ProviderOptions());
  ReplayingProvider replaying(emulator.get(), "");
  PlayedCase played;
  played.add_plays()->mutable_trace()->set_program_sha256("something else");
  replaying.Add(played);
  bool unreachable = false;
  const absl::StatusOr<Program> program =
      CompileFor(*emulator, CuratedSuite().cases(0).body().sequence(), &unreachable);
  ASSERT_TRUE(program.ok());
  EXPECT_FALSE(replaying.Play(*program).ok());
}

// A testee behind each process: what it sends after its last answer costs the case that it played last.
TEST_F(LongRunTest, ATesteeIsPartedWith) {
  std::vector<const NamedCase*> cases = Chosen(CuratedSuite(), "in_progress/");
  const std::string last = cases[KillersLast(cases).cases.back()]->name();
  for (const std::string mode : {"parting-answer", "twice"}) {
    const std::string command = absl::StrCat("exec:exec ", HOSTILE_TESTEE, " ", mode, " ", last);
    LongRunOptions options = Options(command, mode);
    options.provider_options.timeout = absl::Seconds(600);
    const Certification done = Run(options);
    ASSERT_EQ(done.certificate.cases_size(), static_cast<int>(cases.size()));
    for (const CaseResult& result : done.certificate.cases()) {
      EXPECT_EQ(result.outcome(), result.name() == last ? CaseResult::PROTOCOL_FAULT : CaseResult::ACCEPTED)
          << result.name() << "\n"
          << result.story();
    }
    // Kept as such.
    EXPECT_EQ(Run([&] {
                LongRunOptions again = options;
                again.resume = true;
                return again;
              }())
                  .certificate.SerializeAsString(),
              done.certificate.SerializeAsString());
  }
}

}  // namespace
}  // namespace wskcert
