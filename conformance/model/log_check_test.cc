#include "conformance/model/log_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "conformance/model/judge.h"
#include "conformance/model/trace_test_util.h"
#include "conformance/model/trace_text.h"

namespace wskcert {
namespace {

using model::Judge;
using model::LoadTrace;
using model::Profile;
using model::TraceNames;

std::string ErrorOf(const std::vector<Observation>& log) {
  char error[200] = "";
  return ValidateLog(log.data(), log.size(), error, sizeof(error)) ? "" : error;
}

std::vector<Observation> Good() { return LoadTrace("progress.irp.accept").log; }

TEST(LogCheckTest, EmptyLogIsALog) { EXPECT_EQ(ErrorOf({}), ""); }

TEST(LogCheckTest, UnknownKind) {
  auto log = Good();
  log[3].kind = 19;
  EXPECT_THAT(ErrorOf(log), testing::HasSubstr("observation 3: unknown kind 19"));
}

TEST(LogCheckTest, EndOfSomethingLater) {
  auto log = Good();
  log[1].begin = 5;
  EXPECT_THAT(ErrorOf(log), testing::HasSubstr("observation 1: refers to observation 5"));
}

TEST(LogCheckTest, EndOfAnotherKind) {
  auto log = Good();
  for (Observation& o : log) {
    if (static_cast<Seen>(o.kind) == Seen::kCallbackEnd) o.begin = 0;
  }
  EXPECT_THAT(ErrorOf(log), testing::HasSubstr("which is of kind 1 instead of 5"));
}

TEST(LogCheckTest, SecondEnd) {
  auto log = Good();
  log.insert(log.begin() + 2, log[1]);
  EXPECT_THAT(ErrorOf(log), testing::HasSubstr("observation 2: ends observation 0, which has ended"));
}

TEST(LogCheckTest, SlotsBeyondTheLimits) {
  auto log = Good();
  log[0].socket = kMaxSockets;
  EXPECT_THAT(ErrorOf(log), testing::HasSubstr("socket slot 1024"));
  log = Good();
  log[0].irp = kMaxIrps + kMaxSockets;
  EXPECT_THAT(ErrorOf(log), testing::HasSubstr("irp slot"));
  log = Good();
  log[0].peer = kMaxPeers;
  EXPECT_THAT(ErrorOf(log), testing::HasSubstr("peer slot"));
}

TEST(LogCheckTest, UnknownNames) {
  const auto with = [](Seen kind, auto change) {
    Observation o = {};
    o.kind = static_cast<uint8_t>(kind);
    o.socket = o.irp = o.peer = o.target = kNoSlot;
    o.begin = o.enclosing = o.step = kNoIndex;
    change(o);
    return ErrorOf({o});
  };
  EXPECT_THAT(with(Seen::kCallBegin, [](Observation& o) { o.op = 50; }), testing::HasSubstr("operation 50"));
  EXPECT_THAT(with(Seen::kCallbackBegin, [](Observation& o) { o.op = 9; }), testing::HasSubstr("event 9"));
  EXPECT_THAT(with(Seen::kQuiescence, [](Observation& o) { o.code = 2; }),
              testing::HasSubstr("quiescence 2"));
  EXPECT_THAT(with(Seen::kFault, [](Observation& o) { o.code = 7; }), testing::HasSubstr("fault 7"));
  EXPECT_THAT(with(Seen::kEnd, [](Observation& o) { o.code = 7; }), testing::HasSubstr("ending 7"));
  EXPECT_THAT(with(Seen::kPeerSaw, [](Observation& o) { o.code = 0; }), testing::HasSubstr("sight 0"));
  EXPECT_THAT(with(Seen::kPeerSaw, [](Observation& o) { o.content = 9; }), testing::HasSubstr("content 9"));
}

TEST(LogCheckTest, NothingFollowsTheEnd) {
  auto log = Good();
  log.push_back(log[3]);
  EXPECT_THAT(ErrorOf(log), testing::HasSubstr("the end is not the last observation"));
}

TEST(LogCheckTest, EnclosedBySomethingThatEnclosesNothing) {
  auto log = Good();
  log[4].enclosing = 3;
  EXPECT_THAT(ErrorOf(log), testing::HasSubstr("which encloses nothing"));
  log[4].enclosing = 9;
  EXPECT_THAT(ErrorOf(log), testing::HasSubstr("a later one"));
}

// The judge stays within its memory on whatever it is given; sanitizers watch. That validation refuses some
// and passes some shows that both kinds are met.
TEST(LogCheckTest, JudgeSurvivesDamagedLogs) {
  std::mt19937 random(20240607);
  Judge judge(Profile::kDocumented);
  size_t valid = 0;
  size_t tried = 0;
  for (const std::string& name : TraceNames()) {
    const auto log = LoadTrace(name).log;
    for (int turn = 0; turn < 60; ++turn) {
      auto damaged = log;
      const int changes = 1 + static_cast<int>(random() % 4);
      for (int i = 0; i < changes && !damaged.empty(); ++i) {
        auto* bytes = reinterpret_cast<unsigned char*>(&damaged[random() % damaged.size()]);
        bytes[random() % sizeof(Observation)] = static_cast<unsigned char>(random());
      }
      if (turn % 5 == 0) damaged.resize(random() % (damaged.size() + 1));
      if (turn % 7 == 0 && damaged.size() > 2) std::swap(damaged[0], damaged[random() % damaged.size()]);
      ++tried;
      valid += ErrorOf(damaged).empty();
      judge.Start(random() % 2 == 0 ? ~uint64_t{0} : 0);
      judge.ObserveAll(damaged.data(), damaged.size());
      EXPECT_FALSE(judge.refusal().refused && judge.refusal().blamed_count == 0) << name << " " << turn;
      EXPECT_FALSE(judge.Explain().empty());
    }
  }
  EXPECT_GT(valid, 100u);
  EXPECT_LT(valid, tried);
}

TEST(LogCheckTest, JudgeSurvivesRandomBytes) {
  std::mt19937 random(7);
  Judge judge(Profile::kWindows);
  std::vector<Observation> log(200);
  for (int turn = 0; turn < 300; ++turn) {
    for (Observation& o : log) {
      auto* bytes = reinterpret_cast<unsigned char*>(&o);
      for (size_t i = 0; i < sizeof(o); ++i) bytes[i] = static_cast<unsigned char>(random());
      // Mostly known kinds and low slots, so that the state machine is reached.
      o.kind = static_cast<uint8_t>(random() % 20);
      o.socket = random() % 8 == 0 ? o.socket : random() % 3;
      o.irp = random() % 8 == 0 ? o.irp : random() % 4;
      o.begin = random() % 8 == 0 ? o.begin : static_cast<uint32_t>(random() % 200);
      o.op = random() % 4 == 0 ? o.op : (random() % 2 == 0 ? random() % 44 : 64 + random() % 12);
    }
    ErrorOf(log);
    judge.Start(~uint64_t{0});
    judge.ObserveAll(log.data(), log.size());
  }
  SUCCEED();
}

}  // namespace
}  // namespace wskcert
