// What the hand-labelled traces do not show: the judge's interface, deviations, doubt, and what the client
// itself breaks.
#include "conformance/model/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "conformance/model/trace_text.h"

namespace wskcert::model {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};

std::vector<Observation> Log(const std::string& text) {
  std::string error;
  const auto file = ParseTrace(text, &error);
  EXPECT_TRUE(file.has_value()) << error;
  return file.has_value() ? file->log : std::vector<Observation>();
}

class JudgeTest : public testing::Test {
 protected:
  bool Accepts(const std::string& text, uint64_t capabilities = kAll) {
    const std::vector<Observation> log = Log(text);
    judge_.Start(capabilities);
    return judge_.ObserveAll(log.data(), log.size());
  }
  RuleId Blamed() const { return judge_.refusal().blamed[0]; }

  const std::string enabled_ =
      "connected socket=0 peer=0\n"
      "call event_callback socket=0 mask=RECEIVE|DISCONNECT|SEND_BACKLOG @e\n"
      "return @e SUCCESS\n"
      "quiet\n";
  Judge judge_{Profile::kDocumented};
};

TEST_F(JudgeTest, ObserveStopsAtTheRefusal) {
  const auto log = Log("connected socket=0 peer=0\nevent receive socket=0 bytes=0+1\nquiet\n");
  judge_.Start(kAll);
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(judge_.Observe(log[i]));
  EXPECT_FALSE(judge_.Observe(log[4]));
  EXPECT_FALSE(judge_.Observe(log[5]));
  EXPECT_EQ(judge_.refusal().index, 4u);
  EXPECT_THAT(judge_.Explain(), testing::HasSubstr("event receive socket=0"));
  EXPECT_THAT(judge_.Explain(), testing::HasSubstr("receive: New"));
  judge_.Start(kAll);
  EXPECT_FALSE(judge_.refusal().refused);
  EXPECT_EQ(judge_.Explain(), "accepted\n");
}

TEST_F(JudgeTest, BasicAndListeningStreamSocketsAreControlledInOrder) {
  const std::string listens =
      "call socket socket=0 code=8 irp=1 @s\nreturn @s PENDING\ncomplete @s SUCCESS information=1 "
      "informational\ncall bind socket=0 irp=1 @b\nreturn @b PENDING\ncomplete @b SUCCESS\n";
  const std::string listen = "call listen socket=0 irp=1 @l\nreturn @l PENDING\ncomplete @l SUCCESS\n";
  const std::string accept =
      "call event_callback socket=0 mask=ACCEPT @e\nreturn @e SUCCESS\nquiet\nfinish\n";
  EXPECT_TRUE(Accepts(listens + listen + accept));
  EXPECT_TRUE(judge_.breached().empty());
  EXPECT_TRUE(Accepts(listens + accept));
  EXPECT_TRUE(judge_.breached().Has(RuleId::kApplicationEnableAfterConnect));
  EXPECT_TRUE(
      Accepts("call socket socket=0 code=0 irp=1 @s\nreturn @s PENDING\ncomplete @s SUCCESS information=1 "
              "informational\ncall register_extension socket=0 code=2 @x\nreturn @x SUCCESS\n"
              "call event_callback socket=0 code=2 mask=RECEIVE @e\nreturn @e SUCCESS\nquiet\nfinish\n"));
  EXPECT_TRUE(judge_.breached().empty());
}

TEST_F(JudgeTest, ALogWithoutItsEndIsInconclusive) {
  EXPECT_TRUE(Accepts(enabled_));
  EXPECT_TRUE(judge_.inconclusive());
  EXPECT_TRUE(Accepts(enabled_ + "finish\n"));
  EXPECT_FALSE(judge_.inconclusive());
  for (const char* ending : {"livelock", "overflow", "timed-out"}) {
    EXPECT_TRUE(Accepts(enabled_ + "finish " + ending + "\n"));
    EXPECT_TRUE(judge_.inconclusive()) << ending;
  }
}

TEST_F(JudgeTest, TimedSilenceProvesNothing) {
  EXPECT_TRUE(Accepts(enabled_ + "do peer_send socket=0 peer=0 bytes=0+5\nquiet timed\nfinish\n", 0));
  EXPECT_FALSE(judge_.inconclusive());
  EXPECT_FALSE(judge_.exercised().Has(RuleId::kReceiveEnabledIndicates));
}

TEST_F(JudgeTest, ARefusedSilenceSaysWhatIsMissing) {
  EXPECT_FALSE(Accepts(enabled_ + "do peer_send socket=0 peer=0 bytes=0+5\nquiet\nfinish\n"));
  EXPECT_EQ(judge_.refusal().missing, Refusal::Missing::kEvent);
  EXPECT_EQ(judge_.refusal().missing_what, static_cast<uint16_t>(Event::kReceive));
  EXPECT_EQ(judge_.refusal().missing_socket, 0);
  EXPECT_FALSE(Accepts(enabled_ + "call close socket=0 irp=9 @c\nreturn @c PENDING\nquiet\nfinish\n"));
  EXPECT_EQ(judge_.refusal().missing, Refusal::Missing::kCompletion);
  EXPECT_EQ(judge_.refusal().missing_what, static_cast<uint16_t>(Op::kClose));
  EXPECT_EQ(judge_.refusal().missing_socket, 0);
  EXPECT_FALSE(Accepts(enabled_ + "event receive socket=0 @r bytes=0+5\nfinish\n"));
  EXPECT_EQ(judge_.refusal().missing, Refusal::Missing::kNothing);
}

TEST_F(JudgeTest, TheEndItselfShowsWhatIsMissing) {
  EXPECT_FALSE(Accepts(enabled_ + "do peer_send socket=0 peer=0 bytes=0+5\nfinish\n"));
  EXPECT_EQ(Blamed(), RuleId::kEnableSeveralEachTakesEffect);
}

TEST_F(JudgeTest, DataAfterAGracefulDisconnectIsADeviation) {
  const std::string told = enabled_ +
                           "do peer_disconnect socket=0 peer=0\n"
                           "event disconnect socket=0 @d\n"
                           "end @d SUCCESS\n"
                           "quiet\n"
                           "do peer_send socket=0 peer=0 bytes=0+5\n"
                           "event receive socket=0 bytes=0+5 @r\n"
                           "end @r SUCCESS\n"
                           "quiet\nfinish\n";
  EXPECT_TRUE(Accepts(told)) << judge_.Explain();
  EXPECT_TRUE(judge_.deviated().Has(RuleId::kDisconnectGracefulNoDataAfter));
}

TEST_F(JudgeTest, FaultsThatTheExecutorCaught) {
  EXPECT_FALSE(Accepts(enabled_ + "fault second-completion socket=0 irp=1\n"));
  EXPECT_EQ(Blamed(), RuleId::kIrpCompletesOnce);
  EXPECT_FALSE(Accepts(enabled_ + "fault bad-irp irp=1\n"));
  EXPECT_EQ(Blamed(), RuleId::kIrpCompletesOnce);
  EXPECT_TRUE(Accepts(enabled_ + "fault irql-changed socket=0\nfinish\n"));
  EXPECT_TRUE(judge_.deviated().Has(RuleId::kRunIrqlKept));
  EXPECT_TRUE(Accepts(enabled_ + "fault null-socket socket=0\nfinish\n"));
}

TEST_F(JudgeTest, ACallbackWithoutASocketHasAForeignContext) {
  EXPECT_FALSE(Accepts(enabled_ + "event disconnect\n"));
  EXPECT_EQ(Blamed(), RuleId::kCallbackContextIsTheSockets);
}

TEST_F(JudgeTest, WhatTheClientBrokeIsNotHeldAgainstTheProvider) {
  const std::string odd_return = enabled_ +
                                 "do peer_disconnect socket=0 peer=0\n"
                                 "event disconnect socket=0 @d\n"
                                 "end @d UNSUCCESSFUL\n";
  EXPECT_TRUE(
      Accepts(odd_return + "event disconnect socket=0 flags=ABORTIVE @f\nend @f SUCCESS\nquiet\nfinish\n"));
  EXPECT_TRUE(judge_.breached().Has(RuleId::kApplicationDisconnectReturnsSuccess));
  EXPECT_TRUE(Accepts(odd_return + "finish crashed\n"));
  EXPECT_TRUE(judge_.inconclusive());
  EXPECT_TRUE(
      Accepts(enabled_ + "event send_backlog socket=0 information=1 @b\nend @b UNSUCCESSFUL\nfinish\n"));
  EXPECT_TRUE(judge_.breached().Has(RuleId::kApplicationBacklogReturnsSuccess));
}

// Two category flags in one call: the pages do not say what that makes.
TEST_F(JudgeTest, ASocketOfTwoCategoriesIsNotJudged) {
  EXPECT_TRUE(
      Accepts("call socket socket=0 irp=1 code=3 @s\n"
              "return @s PENDING\n"
              "complete @s SUCCESS information=1\n"
              "event accept socket=0 @a\n"
              "end @a SUCCESS\n"
              "call event_callback socket=0 mask=ACCEPT @e\n"
              "return @e EVENT_PENDING\n"
              "quiet\nfinish\n"))
      << judge_.Explain();
}

TEST_F(JudgeTest, StaticCallbacksAreAClientsOwn) {
  const std::string two = "call control_client code=7 mask=RECEIVE client=1 @c\nreturn @c SUCCESS\n";
  const std::string data = " peer=0\ndo peer_send socket=0 peer=0 bytes=0+5\n";
  const std::string event = "event receive socket=0 bytes=0+5 @r\nend @r SUCCESS\n";
  EXPECT_FALSE(Accepts(two + "connected socket=0 client=1" + data + "quiet\nfinish\n"));
  EXPECT_TRUE(Accepts(two + "connected socket=0 client=1" + data + event + "quiet\nfinish\n"));
  EXPECT_TRUE(Accepts(two + "connected socket=0 client=0" + data + "quiet\nfinish\n"));
  EXPECT_FALSE(Accepts(two + "connected socket=0 client=0" + data + event + "quiet\nfinish\n"));
}

// A second request, or one that comes after a socket, may do anything (ambiguities 14).
TEST_F(JudgeTest, StaticCallbacksThatComeLateAreAPossibility) {
  const std::string late =
      "connected socket=0 peer=0\ncall control_client code=7 mask=RECEIVE @c\nreturn @c SUCCESS\n"
      "do peer_send socket=0 peer=0 bytes=0+5\n";
  EXPECT_TRUE(Accepts(late + "quiet\nfinish\n"));
  EXPECT_TRUE(Accepts(late + "event receive socket=0 bytes=0+5 @r\nend @r SUCCESS\nquiet\nfinish\n"));
  EXPECT_TRUE(judge_.breached().Has(RuleId::kApplicationStaticBeforeSockets));
}

TEST_F(JudgeTest, EventPendingBelongsToDisables) {
  EXPECT_FALSE(Accepts(enabled_ + "call query_send_backlog socket=0 irp=1 @q\nreturn @q EVENT_PENDING\n"));
  EXPECT_EQ(Blamed(), RuleId::kDisableEventPendingOnlyInProgress);
}

TEST_F(JudgeTest, PendedCallsAreOwedTheirCompletion) {
  EXPECT_FALSE(Accepts(enabled_ + "call query_send_backlog socket=0 irp=1 @q\nreturn @q PENDING\nquiet\n"));
  EXPECT_EQ(Blamed(), RuleId::kIrpPendingCompletes);
  EXPECT_FALSE(Accepts(enabled_ + "call close socket=0 irp=1 @q\nreturn @q PENDING\nquiet\n"));
  EXPECT_EQ(Blamed(), RuleId::kCloseStatusAgreesWithIrp);
  EXPECT_FALSE(Accepts(enabled_ +
                       "call get_local_address socket=0 irp=1 @q\nreturn @q PENDING\ncomplete @q PENDING\n"));
  EXPECT_EQ(Blamed(), RuleId::kIrpPendingCompletes);
  // A receive waits for data as long as it likes.
  EXPECT_TRUE(
      Accepts("connected socket=0 peer=0\n"
              "call receive socket=0 irp=1 length=5 @q\nreturn @q PENDING\nquiet\nfinish\n"));
}

TEST_F(JudgeTest, ACloseThatFailsLeavesTheSocketUnjudged) {
  EXPECT_TRUE(Accepts(enabled_ + "call close socket=0 irp=1 @c\nreturn @c UNSUCCESSFUL\n"
                                 "event disconnect socket=0 @d\nend @d SUCCESS\nquiet\nfinish\n"));
  EXPECT_TRUE(Accepts(enabled_ + "call close socket=0 irp=1 @c\nreturn @c PENDING\ncomplete @c UNSUCCESSFUL\n"
                                 "event disconnect socket=0 @d\nend @d SUCCESS\nquiet\nfinish\n"));
}

TEST_F(JudgeTest, ACloseThatSucceedsAtOnceIsAClose) {
  const std::string closed =
      enabled_ + "call close socket=0 irp=1 @c\ncomplete @c SUCCESS\nreturn @c SUCCESS\nquiet\n";
  EXPECT_TRUE(Accepts(closed + "finish\n"));
  EXPECT_FALSE(Accepts(closed + "event disconnect socket=0\n"));
  EXPECT_EQ(Blamed(), RuleId::kCloseCompletedNoCallback);
}

TEST_F(JudgeTest, ASendThatThePeerDidNotMakeIsNotOwed) {
  EXPECT_TRUE(Accepts(enabled_ +
                      "begin peer_send socket=0 peer=0 bytes=0+5 @s\ndone @s UNSUCCESSFUL\nquiet\nfinish\n"));
}

TEST_F(JudgeTest, APeerThatDoesNotAcknowledgeMayTimeOut) {
  EXPECT_TRUE(Accepts(enabled_ +
                      "do peer_hold_acks socket=0 peer=0 code=1\n"
                      "call disconnect socket=0 irp=1 @d\nreturn @d PENDING\n"
                      "event disconnect socket=0 flags=ABORTIVE @f\nend @f SUCCESS\nquiet\nfinish\n"))
      << judge_.Explain();
}

TEST_F(JudgeTest, ManyGapsAreBeyondTheBound) {
  std::string text = "connected socket=0 peer=0\n";
  for (int i = 0; i < 10; ++i) {
    const std::string n = std::to_string(i);
    text += "call receive socket=0 irp=" + n + " length=4 @q" + n + "\nreturn @q" + n + " PENDING\n";
  }
  text += "do peer_send socket=0 peer=0 bytes=0+80\n";
  for (int i = 0; i < 10; ++i) {
    text += "complete @q" + std::to_string(i) + " SUCCESS bytes=" + std::to_string(8 * i + 4) + "+4\n";
  }
  EXPECT_TRUE(Accepts(text + "quiet\nfinish\n")) << judge_.Explain();
  EXPECT_TRUE(judge_.inconclusive());
}

}  // namespace
}  // namespace wskcert::model
