// The executor over the emulator: what it records, what it refuses to do, and that it records the same again.
#include "conformance/certify/testbed.h"

#include <random>
#include <string>

#include "conformance/certify/render.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

Program MakeProgram(const std::string& text) {
  Sequence sequence;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &sequence)) << text;
  absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? *program : Program();
}

// Why a sequence is not compiled.
std::string RefusalOf(const std::string& text) {
  Sequence sequence;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &sequence)) << text;
  return std::string(Compile(sequence, EmulatorChoices()).status().message());
}

// The whole log in words.
std::string PlayText(const std::string& text) {
  Testbed testbed;
  const Played& played = testbed.Play(MakeProgram(text));
  EXPECT_EQ(played.ending, Ending::kFinished) << played.report;
  EXPECT_FALSE(played.leaked) << played.report;
  return RenderLog(played.log, 0, static_cast<uint32_t>(played.log.size()), kNoIndex, true);
}

constexpr char kConnect[] = "steps { irp: 0 socket_connect {} } steps { settle {} } ";

std::string OneThread(const std::string& steps, const std::string& rest = "") {
  return "threads { " + std::string(kConnect) + steps + " } " + rest;
}

TEST(Testbed, PlaysNothing) {
  const std::string text = PlayText("");
  EXPECT_THAT(text, HasSubstr("WskRegister() returned STATUS_SUCCESS"));
  EXPECT_THAT(text, HasSubstr("WskDeregister() returned STATUS_SUCCESS"));
  EXPECT_THAT(text, HasSubstr("end: finished"));
}

TEST(Testbed, SameProgramSameLogEvenAfterOthers) {
  const Program program = MakeProgram(OneThread(
      "steps { event_callback { mask: RECEIVE } } steps { peer_send { length: 3000 } } steps { settle {} } ",
      R"(schedule { choices: "\001\002\003\001\000\001\002\001\001\003\002\001" })"));
  Testbed testbed;
  const Played& first = testbed.Play(program);
  const std::vector<Observation> kept(first.log.begin(), first.log.end());
  testbed.Play(MakeProgram(OneThread("steps { peer_send { length: 10 } }")));
  const Played& again = testbed.Play(program);
  ASSERT_EQ(again.log.size(), kept.size());
  for (size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(0, memcmp(&kept[i], &again.log[i], sizeof(Observation)))
        << i << ": " << RenderObservation(again.log, i);
  }
}

// Its event, which no completion routine has, would say what kind of slot that is.
TEST(Testbed, CompletionRoutinesFillNoSlot) {
  for (const char* event : {"ACCEPT_EVENT", "INSPECT_EVENT", "RECEIVE_EVENT"}) {
    EXPECT_EQ(RefusalOf(std::string("scripts { on_completion_of_irp: 0 target: 5 event: ") + event + " }"),
              "scripts[0].target: a completion routine fills no slot");
  }
  EXPECT_EQ(RefusalOf("scripts { on_completion_of_irp: 0 }"), "");
}

// Whatever thread has the peer send: what it sent in some order is received in that order.
TEST(Testbed, BytesOfOnePeerKeepTheirOrder) {
  const std::string sends =
      "steps { irp: 0 await_irp {} } steps { peer_send { length: 20 } } steps { peer_send { length: 9 } } "
      "steps { yield {} } steps { peer_send { length: 7 } }";
  Sequence sequence;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "threads { steps { irp: 0 socket_connect {} } steps { yield {} } " + sends +
          " steps { event_callback { mask: RECEIVE } } } threads { " + sends + " }",
      &sequence));
  Testbed testbed;
  std::mt19937 random(1);
  int together = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string schedule(200, '\0');
    for (char& byte : schedule) byte = static_cast<char>(random() % 3);
    sequence.mutable_schedule()->set_choices(schedule);
    const Played& played = testbed.Play(*Compile(sequence, EmulatorChoices()));
    for (const Observation& o : played.log) {
      if (static_cast<Seen>(o.kind) == Seen::kSkip && static_cast<Op>(o.op) == Op::kPeerSend) ++together;
      ASSERT_NE(static_cast<Content>(o.content), Content::kCorrupt)
          << RenderLog(played.log, 0, static_cast<uint32_t>(played.log.size()), kNoIndex, true);
    }
  }
  EXPECT_GT(together, 0);
}

TEST(Testbed, HeldCallbackStaysInProgressUntilReleased) {
  const std::string text = PlayText(
      OneThread("steps { event_callback { mask: RECEIVE } } steps { peer_send { length: 8 } } steps { "
                "await_hold { target: 0 } } "
                "steps { irp: 1 event_callback { mask: RECEIVE mask: DISABLE } } steps { settle {} } "
                "steps { release_hold { target: 0 } } steps { settle {} }",
                "scripts { event: RECEIVE_EVENT hold: 0 }"));
  EXPECT_THAT(
      text,
      ContainsRegex("stays in progress.*\n.*nothing more happens.*\n.*DISABLE.RECEIVE, IRP 1. returned "
                    "STATUS_PENDING.*\n.*nothing more.*\n.*hold 0 is released.*\n.*WskReceiveEvent.*returned "
                    "STATUS_SUCCESS.*\n.*IRP 1 of event_callback completed: STATUS_SUCCESS"));
}

TEST(Testbed, StepsOnEmptySlotsAreSkippedAndChangeNothing) {
  const std::string text = PlayText(
      "threads { steps { event_callback { socket: 3 mask: RECEIVE } } steps { irp: 1 receive { socket: 3 "
      "length: 5 } } "
      "steps { release { socket: 3 retained: 2 } } steps { irp: 0 cancel_irp {} } steps { read_retained { "
      "target: 1 } } }");
  EXPECT_THAT(text, HasSubstr("step event_callback skipped: its slot is empty"));
  EXPECT_THAT(text, HasSubstr("step receive skipped: its slot is empty"));
  EXPECT_THAT(text, HasSubstr("step release skipped: its slot is empty"));
  EXPECT_THAT(text, HasSubstr("step cancel_irp skipped: its slot is empty"));
  EXPECT_THAT(text, HasSubstr("step read_retained skipped: its slot is empty"));
}

TEST(Testbed, GuardsClosingWithRetainedListsAndUsingClosedSockets) {
  const std::string text = PlayText(OneThread(
      "steps { event_callback { mask: RECEIVE } } steps { peer_send { length: 8 } } steps { settle {} } "
      "steps { irp: 1 close {} } steps { read_retained { target: 0 } } steps { release { retained: 0 } } "
      "steps { irp: 1 close {} } steps { event_callback { mask: RECEIVE } } steps { irp: 2 close {} }",
      "scripts { event: RECEIVE_EVENT returns: RETAIN target: 0 }"));
  EXPECT_THAT(text, HasSubstr("step close skipped: retained lists of the socket are not released"));
  EXPECT_THAT(text, HasSubstr("retained list 0 read again: bytes 0..8 of its stream"));
  EXPECT_THAT(text, HasSubstr("step event_callback skipped: the socket is closed or closing"));
  EXPECT_THAT(text, HasSubstr("step close skipped: the socket is closed or closing"));
}

TEST(Testbed, AnIrpInUseIsNotPassedAgain) {
  const std::string text = PlayText(OneThread(
      "steps { irp: 1 receive { length: 4 } } steps { settle {} } steps { irp: 1 receive { length: 4 } } "
      "steps { peer_send { length: 4 } } steps { settle {} } steps { irp: 1 receive { length: 4 } }"));
  EXPECT_THAT(text, HasSubstr("step receive skipped: its slot is in use"));
  EXPECT_THAT(text, HasSubstr("IRP 1 of receive completed: STATUS_SUCCESS, bytes 0..4 of its stream"));
}

TEST(Testbed, ContentIsFollowedThroughRefusalAndPartialAcceptance) {
  const std::string text = PlayText(OneThread(
      "steps { event_callback { mask: RECEIVE } } steps { peer_send { length: 100 } } steps { settle {} } "
      "steps { irp: 1 receive { length: 20 } } steps { settle {} }",
      "scripts { event: RECEIVE_EVENT nth: 0 returns: PARTIAL accept_bytes: 30 }"));
  EXPECT_THAT(text, HasSubstr("bytes 0..100 of its stream"));
  EXPECT_THAT(text, HasSubstr("30 bytes accepted"));
  EXPECT_THAT(text, Not(HasSubstr("nobody sent")));
}

TEST(Testbed, ThreadsCallsAndCallbacksNest) {
  Testbed testbed;
  const Played& played = testbed.Play(MakeProgram(OneThread(
      "steps { event_callback { mask: RECEIVE } } steps { peer_send { length: 8 } } steps { settle {} }",
      "scripts { event: RECEIVE_EVENT nth: 0 steps { irp: 4 event_callback { mask: RECEIVE mask: DISABLE } } "
      "} "
      "threads { steps { yield {} } steps { peer_send { peer: 1 length: 1 } } }")));
  uint32_t callback = kNoIndex;
  bool nested = false;
  for (uint32_t i = 0; i < played.log.size(); ++i) {
    const Observation& o = played.log[i];
    if (static_cast<Seen>(o.kind) == Seen::kCallbackBegin && callback == kNoIndex) callback = i;
    if (static_cast<Seen>(o.kind) == Seen::kCallBegin && callback != kNoIndex && o.enclosing == callback)
      nested = true;
  }
  EXPECT_TRUE(nested);
}

TEST(Testbed, ALogThatIsTooSmallSaysSo) {
  Testbed::Options options;
  options.log_capacity = 20;
  Testbed testbed(options);
  const Played& played = testbed.Play(MakeProgram(OneThread("steps { peer_send { length: 8 } }")));
  EXPECT_EQ(played.ending, Ending::kOverflow);
  EXPECT_EQ(static_cast<Seen>(played.log.back().kind), Seen::kEnd);
  EXPECT_EQ(played.log.size(), 20u);
}

TEST(Testbed, UnguardedMisuseIsABugcheckWithAReason) {
  Testbed testbed;
  const Played& played = testbed.Play(MakeProgram(OneThread(
      "steps { event_callback { mask: RECEIVE } } steps { peer_send { length: 8 } } steps { settle {} } "
      "steps { unguarded: true irp: 1 close {} } steps { settle {} }",
      "scripts { event: RECEIVE_EVENT returns: RETAIN target: 0 }")));
  EXPECT_EQ(played.ending, Ending::kBugCheck);
  EXPECT_THAT(played.report, HasSubstr("bugcheck"));
  // And the next run is as good as ever.
  EXPECT_EQ(testbed.Play(MakeProgram(OneThread(""))).ending, Ending::kFinished);
}

TEST(Testbed, EveryAllocationFailureEndsCleanly) {
  Testbed testbed;
  for (uint32_t n = 1; n < 60; ++n) {
    const Program program = MakeProgram(OneThread(
        "steps { irp: 1 event_callback { mask: RECEIVE } } steps { peer_send { length: 8 } } steps { settle "
        "{} } "
        "steps { irp: 2 receive { length: 8 } } steps { irp: 3 send { length: 8 } } steps { settle {} } "
        "steps { irp: 4 disconnect {} }",
        "schedule { fail_allocation: " + std::to_string(n) + " }"));
    const Played& played = testbed.Play(program);
    EXPECT_EQ(played.ending, Ending::kFinished) << n << ": " << played.report;
    EXPECT_FALSE(played.leaked) << n << ": " << played.report;
  }
}

}  // namespace
}  // namespace wskcert
