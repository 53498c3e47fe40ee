#include "conformance/certify/child_player.h"

#include <unistd.h>

#include <csignal>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::HasSubstr;

void Publish(Observation* record, Seen kind) {
  record->kind = static_cast<uint8_t>(kind);
  record->ready = 1;
}

PlayResult Play(const ChildPlayer::Body& body) {
  ChildPlayer player(100, absl::Milliseconds(200));
  absl::StatusOr<PlayResult> result = player.Play(7, body);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : PlayResult();
}

TEST(ChildPlayer, BringsBackWhatTheChildReports) {
  const PlayResult result = Play([](Observation* log) {
    Publish(&log[0], Seen::kQuiescence);
    return ChildPlayer::Outcome{1, 42, Ending::kDeadlock, "who waits for what", true};
  });
  ASSERT_EQ(result.log.size(), 1u);
  EXPECT_EQ(result.capabilities, 42u);
  EXPECT_EQ(result.ending, Ending::kDeadlock);
  EXPECT_EQ(result.report, "who waits for what");
  EXPECT_TRUE(result.leaked);
}

TEST(ChildPlayer, KeepsWhatWasSeenBeforeACrash) {
  const PlayResult result = Play([](Observation* log) -> ChildPlayer::Outcome {
    Publish(&log[0], Seen::kQuiescence);
    // Record 1 was reserved but never filled.
    Publish(&log[2], Seen::kQuiescence);
    kill(getpid(), SIGKILL);
    return {};
  });
  EXPECT_EQ(result.ending, Ending::kCrashed);
  EXPECT_EQ(result.capabilities, 7u);
  EXPECT_THAT(result.report, HasSubstr("killed by signal 9"));
  ASSERT_EQ(result.log.size(), 4u);
  EXPECT_EQ(static_cast<Seen>(result.log[1].kind), Seen::kNothing);
  EXPECT_EQ(result.log[1].begin, kNoIndex);
  EXPECT_EQ(static_cast<Seen>(result.log[3].kind), Seen::kEnd);
  EXPECT_EQ(static_cast<Ending>(result.log[3].code), Ending::kCrashed);
}

TEST(ChildPlayer, EndsWhatDoesNotEndByItself) {
  const PlayResult result = Play([](Observation* log) -> ChildPlayer::Outcome {
    Publish(&log[0], Seen::kQuiescence);
    for (;;) pause();
  });
  EXPECT_EQ(result.ending, Ending::kTimedOut);
  EXPECT_THAT(result.report, HasSubstr("watchdog"));
  EXPECT_EQ(result.log.size(), 2u);
}

TEST(ChildPlayer, ReportsAProcessThatLeavesOnItsOwn) {
  const PlayResult result = Play([](Observation*) -> ChildPlayer::Outcome { _exit(3); });
  EXPECT_EQ(result.ending, Ending::kCrashed);
  EXPECT_THAT(result.report, HasSubstr("status 3"));
  EXPECT_EQ(result.log.size(), 1u);
}

TEST(ChildPlayer, DoesNotBelieveAnImpossibleCount) {
  const PlayResult result = Play([](Observation*) {
    return ChildPlayer::Outcome{1000, 0, Ending::kFinished, "", false};
  });
  EXPECT_EQ(result.ending, Ending::kCrashed);
}

TEST(ChildPlayer, OneAfterAnotherStartsFromZero) {
  ChildPlayer player(100, absl::Seconds(10));
  for (int round = 0; round < 3; ++round) {
    absl::StatusOr<PlayResult> result = player.Play(0, [](Observation* log) {
      uint32_t count = 0;
      while (log[count].ready != 0) ++count;
      Publish(&log[0], Seen::kQuiescence);
      Publish(&log[1], Seen::kQuiescence);
      return ChildPlayer::Outcome{2, count, Ending::kFinished, "", false};
    });
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->capabilities, 0u) << "records that an earlier child left";
  }
}

}  // namespace
}  // namespace wskcert
