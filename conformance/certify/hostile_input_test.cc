// Sequences, programs, traces and logs from someone who means harm: truncated, bit-flipped, oversized,
// random. Whatever is given, the answer is a result or an error that says what is wrong; never a crash, never
// a hang (the sanitizers watch the rest).
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "conformance/certify/compile.h"
#include "conformance/certify/render.h"
#include "conformance/certify/testbed.h"
#include "conformance/certify/trace_io.h"
#include "conformance/model/judge.h"
#include "conformance/model/log_check.h"
#include "conformance/suite/suite.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

constexpr int kRounds = 4000;

// The engine's numbers are fixed by the standard, so every run tries the same.
using Random = std::mt19937;

std::string FlipBits(std::string bytes, Random& random) {
  if (bytes.empty()) return bytes;
  for (uint32_t flips = 1 + random() % 4; flips > 0; --flips) {
    bytes[random() % bytes.size()] ^= static_cast<char>(1u << random() % 8);
  }
  return bytes;
}

std::string Truncate(std::string bytes, Random& random) {
  bytes.resize(bytes.empty() ? 0 : random() % bytes.size());
  return bytes;
}

// A run of bytes doubled somewhere: too long, with plausible contents.
std::string Repeat(std::string bytes, Random& random) {
  if (bytes.empty()) return bytes;
  const size_t at = random() % bytes.size();
  const std::string run = bytes.substr(at, 1 + random() % 64);
  for (uint32_t times = 1 + random() % 20; times > 0; --times) bytes.insert(at, run);
  return bytes;
}

// A number somewhere becomes an extreme one.
std::string Extreme(std::string bytes, Random& random) {
  static constexpr uint32_t kNumbers[] = {0,      1,       0x7F,       0x80,       0xFF,
                                          0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
  const size_t size = 1u << random() % 3;
  if (bytes.size() < size) return bytes;
  std::memcpy(&bytes[random() % (bytes.size() - size + 1)], &kNumbers[random() % 10], size);
  return bytes;
}

std::string Noise(std::string bytes, Random& random) {
  bytes.resize(random() % 2048);
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

std::string Spoil(const std::string& bytes, Random& random) {
  switch (random() % 8) {
    case 0:
      return Truncate(bytes, random);
    case 1:
      return Repeat(bytes, random);
    case 2:
      return Noise(bytes, random);
    case 3:
    case 4:
      return Extreme(bytes, random);
    default:
      return FlipBits(bytes, random);
  }
}

std::vector<Program> SuitePrograms() {
  std::vector<Program> programs;
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    absl::StatusOr<Program> program = Compile(candidate.body().sequence(), EmulatorChoices());
    EXPECT_TRUE(program.ok()) << candidate.name() << ": " << program.status();
    if (program.ok()) programs.push_back(*std::move(program));
  }
  return programs;
}

absl::Span<const uint8_t> AsBytes(const std::string& text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

// Plays and judges what got through, as the tool would.
class Rig {
 public:
  Rig() : testbed_(Options()), judge_(model::Profile::kDocumented) {}

  void Play(const Program& program) {
    const Played& played = testbed_.Play(program);
    char error[256];
    ASSERT_TRUE(ValidateLog(played.log.data(), played.log.size(), error, sizeof(error))) << error;
    Judge(played.log);
  }

  void Judge(absl::Span<const Observation> log) {
    judge_.Start(EmulatorCapabilities());
    judge_.ObserveAll(log.data(), log.size());
    if (judge_.refusal().refused) EXPECT_FALSE(judge_.Explain().empty());
  }

 private:
  static Testbed::Options Options() {
    Testbed::Options options;
    options.log_capacity = 1u << 13;
    options.step_budget = 20000;
    return options;
  }
  Testbed testbed_;
  model::Judge judge_;
};

TEST(HostileInput, Programs) {
  const std::vector<Program> programs = SuitePrograms();
  ASSERT_FALSE(programs.empty());
  Rig rig;
  Random random(1);
  int accepted = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Program& good = programs[random() % programs.size()];
    const std::string bytes(good.bytes().begin(), good.bytes().end());
    absl::StatusOr<Program> program = ParseProgram(AsBytes(Spoil(bytes, random)));
    if (!program.ok()) {
      EXPECT_FALSE(program.status().message().empty());
      continue;
    }
    ++accepted;
    rig.Play(*program);
  }
  // Some must get through, or nothing but the validator was tried.
  EXPECT_GT(accepted, kRounds / 20);
}

TEST(HostileInput, SequencesAsText) {
  Random random(2);
  Rig rig;
  int accepted = 0;
  const Suite& suite = CuratedSuite();
  for (int round = 0; round < kRounds; ++round) {
    std::string text;
    const int chosen = static_cast<int>(random() % static_cast<uint32_t>(suite.cases_size()));
    google::protobuf::TextFormat::PrintToString(suite.cases(chosen).body(), &text);
    absl::StatusOr<Case> parsed = ParseCase(Spoil(text, random), "hostile");
    if (!parsed.ok()) {
      EXPECT_EQ(parsed.status().message().substr(0, 7), "hostile");
      continue;
    }
    absl::StatusOr<Program> program = Compile(parsed->sequence(), EmulatorChoices());
    if (!program.ok()) continue;
    ++accepted;
    rig.Play(*program);
  }
  EXPECT_GT(accepted, kRounds / 50);
}

TEST(HostileInput, SequencesAsBinary) {
  Random random(3);
  Rig rig;
  int accepted = 0;
  const Suite& suite = CuratedSuite();
  for (int round = 0; round < kRounds; ++round) {
    const int chosen = static_cast<int>(random() % static_cast<uint32_t>(suite.cases_size()));
    absl::StatusOr<Case> parsed =
        ParseCase(Spoil(suite.cases(chosen).body().sequence().SerializeAsString(), random), "hostile");
    if (!parsed.ok()) continue;
    absl::StatusOr<Program> program = Compile(parsed->sequence(), EmulatorChoices());
    if (!program.ok()) continue;
    ++accepted;
    rig.Play(*program);
  }
  EXPECT_GT(accepted, kRounds / 50);
}

// The logs of the whole suite, as they are stored.
std::vector<std::string> StoredLogs() {
  std::vector<std::string> logs;
  Testbed testbed;
  for (const Program& program : SuitePrograms()) {
    const Played& played = testbed.Play(program);
    logs.push_back(StoredLog(played.log, played.capabilities));
  }
  return logs;
}

void JudgeHostileTraces(const std::vector<std::string>& good, uint32_t seed) {
  Random random(seed);
  Rig rig;
  int accepted = 0;
  for (int round = 0; round < kRounds; ++round) {
    absl::StatusOr<LoadedTrace> trace = ParseTrace(Spoil(good[random() % good.size()], random), "hostile");
    if (!trace.ok()) {
      EXPECT_EQ(trace.status().message().substr(0, 7), "hostile");
      continue;
    }
    ++accepted;
    rig.Judge(trace->log);
    RenderLog(trace->log, 0, static_cast<uint32_t>(trace->log.size()), kNoIndex, true);
  }
  EXPECT_GT(accepted, kRounds / 20);
}

TEST(HostileInput, StoredLogs) { JudgeHostileTraces(StoredLogs(), 4); }

TEST(HostileInput, TracesAsBinary) {
  std::vector<std::string> traces;
  for (const std::string& log : StoredLogs()) {
    absl::StatusOr<LoadedTrace> trace = ParseTrace(log, "good");
    ASSERT_TRUE(trace.ok()) << trace.status();
    traces.push_back(TraceFromLog(trace->log).SerializeAsString());
  }
  JudgeHostileTraces(traces, 5);
}

// Even a log that the validator refuses, or never saw, must not bring the judge down.
TEST(HostileInput, TheJudgeSurvivesUnvalidatedLogs) {
  Random random(6);
  Rig rig;
  const std::vector<std::string> logs = StoredLogs();
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes = logs[random() % logs.size()].substr(sizeof(LogHeader));
    for (uint32_t times = 1 + random() % 3; times > 0; --times)
      bytes = random() % 2 == 0 ? FlipBits(bytes, random) : Extreme(bytes, random);
    std::vector<Observation> log(bytes.size() / sizeof(Observation));
    if (!log.empty()) std::memcpy(log.data(), bytes.data(), log.size() * sizeof(Observation));
    rig.Judge(log);
  }
}

// At DISPATCH_LEVEL it would stop the machine, for which the provider is not to be blamed.
TEST(HostileInput, ACallThatMayWaitIsRefusedAtDispatchLevel) {
  Sequence sequence;
  sequence.set_format_version(1);
  Step* step = sequence.add_threads()->add_steps();
  step->set_at_dispatch(true);
  step->mutable_deregister();
  const absl::StatusOr<Program> deregisters = Compile(sequence, EmulatorChoices());
  ASSERT_FALSE(deregisters.ok());
  EXPECT_NE(deregisters.status().message().find("threads[0].steps[0].at_dispatch"), absl::string_view::npos)
      << deregisters.status();
  step->mutable_capture()->set_wait_ms(1);
  EXPECT_FALSE(Compile(sequence, EmulatorChoices()).ok());
  step->mutable_capture()->set_wait_ms(0);
  EXPECT_TRUE(Compile(sequence, EmulatorChoices()).ok());
}

TEST(HostileInput, AnEndlessFileIsRefusedByItsSize) {
  absl::StatusOr<std::string> contents = ReadFile("/dev/zero");
  ASSERT_FALSE(contents.ok());
  EXPECT_NE(contents.status().message().find("larger than"), absl::string_view::npos);
}

TEST(HostileInput, FilesThatAreNotThereAreNamed) {
  EXPECT_NE(ReadFile("no/such/file").status().message().find("no/such/file"), absl::string_view::npos);
  EXPECT_NE(ReadFile(".").status().message().find("directory"), absl::string_view::npos);
}

}  // namespace
}  // namespace wskcert
