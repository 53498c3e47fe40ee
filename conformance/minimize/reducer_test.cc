#include "conformance/minimize/reducer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "conformance/minimize/slots.h"

namespace wskcert {
namespace {

// Sends of these lengths, on a socket and with an IRP slot that are large on purpose.
Sequence Sends(std::initializer_list<uint32_t> lengths) {
  Sequence sequence;
  Thread* thread = sequence.add_threads();
  for (const uint32_t length : lengths) {
    Step* step = thread->add_steps();
    step->set_irp(9);
    step->mutable_send()->set_socket(7);
    step->mutable_send()->set_length(length);
  }
  return sequence;
}

Sequence Reduced(const Sequence& sequence, const std::function<bool(const Sequence&)>& has) {
  Reducer reducer(
      sequence, [&](const Sequence& candidate) -> absl::StatusOr<bool> { return has(candidate); }, 100000);
  EXPECT_TRUE(reducer.Run().ok());
  EXPECT_TRUE(reducer.finished());
  return reducer.best();
}

int Count(const Sequence& sequence, Step::OpCase op) {
  int count = 0;
  for (const Thread& thread : sequence.threads()) {
    for (const Step& step : thread.steps()) count += step.op_case() == op;
  }
  return count;
}

TEST(ReducerTest, LeavesWhatThePropertyNeeds) {
  Sequence sequence = Sends({1000, 2000, 3000, 4000, 5000, 6000, 7000});
  sequence.add_threads()->add_steps()->mutable_settle();
  sequence.mutable_schedule()->set_choices("abcdef");
  sequence.mutable_setup()->set_ipv6(true);
  const Sequence reduced =
      Reduced(sequence, [](const Sequence& candidate) { return Count(candidate, Step::kSend) >= 2; });
  EXPECT_EQ(reduced.DebugString(),
            "format_version: 1\nthreads {\n  steps {\n    send {\n    }\n  }\n  steps {\n    send {\n    }\n "
            " }\n}\n");
}

TEST(ReducerTest, LeavesOutPairsThatOnlyTogetherCanGo) {
  const Sequence sequence = Sends({1, 2, 3, 4, 5, 6});
  // Only an even number of steps has the property.
  const Sequence reduced = Reduced(sequence, [](const Sequence& candidate) {
    return Count(candidate, Step::kSend) % 2 == 0 && Count(candidate, Step::kSend) > 0;
  });
  EXPECT_EQ(Count(reduced, Step::kSend), 2);
}

TEST(ReducerTest, LowersLengthsToWhatPeopleWouldWrite) {
  const Sequence reduced = Reduced(Sends({54321}), [](const Sequence& candidate) {
    return Count(candidate, Step::kSend) == 1 && candidate.threads(0).steps(0).send().length() >= 37;
  });
  EXPECT_EQ(reduced.threads(0).steps(0).send().length(), 50u);
}

TEST(ReducerTest, NumbersTheSlotsThatAreNeeded) {
  Sequence sequence = Sends({1, 1});
  sequence.mutable_threads(0)->mutable_steps(1)->mutable_send()->set_socket(5);
  sequence.mutable_threads(0)->mutable_steps(1)->set_irp(4);
  const auto slots = [](const Sequence& candidate) {
    if (Count(candidate, Step::kSend) != 2) return false;
    const Step& first = candidate.threads(0).steps(0);
    const Step& second = candidate.threads(0).steps(1);
    return first.send().socket() != second.send().socket() && first.has_irp() && second.has_irp();
  };
  const Sequence reduced = Reduced(sequence, slots);
  EXPECT_EQ(reduced.threads(0).steps(0).send().socket(), 0u);
  EXPECT_EQ(reduced.threads(0).steps(1).send().socket(), 1u);
  EXPECT_EQ(reduced.threads(0).steps(0).irp(), 0u);
}

TEST(ReducerTest, CutsAndZeroesTheSchedule) {
  Sequence sequence = Sends({1});
  sequence.mutable_schedule()->set_choices(std::string(300, '\x7f'));
  sequence.mutable_schedule()->add_fixed()->set_name("callback-irql");
  const Sequence reduced = Reduced(sequence, [](const Sequence& candidate) {
    const std::string& bytes = candidate.schedule().choices();
    return bytes.size() > 40 && bytes[40] != 0;
  });
  std::string expected(41, '\0');
  expected[40] = 1;
  EXPECT_EQ(reduced.schedule().choices(), expected);
  EXPECT_EQ(reduced.schedule().fixed_size(), 0);
  EXPECT_EQ(CountSteps(reduced), 0);
}

TEST(ReducerTest, JoinsThreads) {
  Sequence sequence = Sends({1});
  for (int i = 0; i < 3; ++i) sequence.add_threads()->add_steps()->mutable_receive()->set_length(1);
  const Sequence reduced = Reduced(sequence, [](const Sequence& candidate) {
    return Count(candidate, Step::kSend) == 1 && Count(candidate, Step::kReceive) == 3;
  });
  EXPECT_EQ(reduced.threads_size(), 1);
}

TEST(ReducerTest, StopsAtTheLimitWithTheBestSoFar) {
  const auto has = [](const Sequence& candidate) -> absl::StatusOr<bool> {
    return Count(candidate, Step::kSend) >= 3;
  };
  Reducer reducer(Sends({1, 2, 3, 4, 5, 6, 7, 8}), has, 5);
  EXPECT_TRUE(reducer.Run().ok());
  EXPECT_FALSE(reducer.finished());
  EXPECT_EQ(reducer.asked(), 5u);
  EXPECT_GE(Count(reducer.best(), Step::kSend), 3);
  EXPECT_LT(Count(reducer.best(), Step::kSend), 8);
}

TEST(ReducerTest, HandsOnAnErrorOfTheProperty) {
  const auto fails = [](const Sequence&) -> absl::StatusOr<bool> {
    return absl::InternalError("no process");
  };
  Reducer reducer(Sends({1, 2}), fails, 5);
  EXPECT_EQ(reducer.Run().message(), "no process");
}

// Properties that depend on everything at random: what is kept is a fixed point all the same.
TEST(ReducerTest, WhatIsReducedIsReduced) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    Sequence sequence = Sends({});
    for (int t = 0; t < 3; ++t) {
      if (t > 0) sequence.add_threads();
      for (int i = 0; i < 12; ++i) {
        Step* step = sequence.mutable_threads(t)->add_steps();
        if (random() % 2 == 0) step->set_irp(random() % 20);
        step->mutable_receive()->set_socket(random() % 6);
        step->mutable_receive()->set_length(random() % 5000);
      }
    }
    sequence.mutable_schedule()->set_choices(std::string(random() % 50, static_cast<char>(random())));
    const auto has = [seed](const Sequence& candidate) {
      // Some function of the bytes that about a half of all candidates fulfil.
      uint32_t hash = seed;
      for (const char c : candidate.SerializeAsString()) hash = hash * 31 + static_cast<uint8_t>(c);
      return CountSteps(candidate) >= 4 && hash % 2 == 0;
    };
    if (!has(sequence)) continue;
    const Sequence once = Reduced(sequence, has);
    EXPECT_EQ(Reduced(once, has).SerializeAsString(), once.SerializeAsString()) << "seed " << seed;
    EXPECT_LE(CountSteps(once), CountSteps(sequence));
  }
}

TEST(SlotsTest, IgnoresFieldsThatTheOperationIgnores) {
  Sequence sequence;
  Thread* thread = sequence.add_threads();
  thread->add_steps()->mutable_peer_send()->set_peer(3);  // its socket, 0, is nobody's
  thread->add_steps()->mutable_close()->set_socket(8);
  Renumber(SlotKind::kSocket, &sequence);
  Renumber(SlotKind::kPeer, &sequence);
  EXPECT_EQ(sequence.threads(0).steps(0).peer_send().peer(), 0u);
  EXPECT_EQ(sequence.threads(0).steps(1).close().socket(), 0u);
}

TEST(SlotsTest, ATargetIsWhatItsScriptSays) {
  Sequence sequence;
  sequence.add_scripts()->set_target(5);  // of accept: a socket
  Script* inspect = sequence.add_scripts();
  inspect->set_event(INSPECT_EVENT);
  inspect->set_socket(6);
  inspect->set_target(7);
  Renumber(SlotKind::kSocket, &sequence);
  EXPECT_EQ(sequence.scripts(0).target(), 1u);
  EXPECT_EQ(sequence.scripts(1).socket(), 2u);
  EXPECT_EQ(sequence.scripts(1).target(), 7u);
  Renumber(SlotKind::kInspect, &sequence);
  EXPECT_EQ(sequence.scripts(1).target(), 0u);
}

}  // namespace
}  // namespace wskcert
