#include "conformance/model/trace_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wskcert::model {
namespace {

std::string ErrorOf(const std::string& text) {
  std::string error;
  return ParseTrace(text, &error).has_value() ? "" : error;
}

TEST(TraceTextTest, ReadsFieldsByName) {
  const auto file = ParseTrace(
      "call event_callback socket=3 mask=RECEIVE|DISABLE irp=7 irql=2 thread=1 step=4 @c\n"
      "return @c EVENT_PENDING\n",
      nullptr);
  ASSERT_TRUE(file.has_value());
  ASSERT_EQ(file->log.size(), 2u);
  const Observation& call = file->log[0];
  EXPECT_EQ(call.op, static_cast<uint16_t>(Op::kEventCallback));
  EXPECT_EQ(call.mask, kEventReceive | kEventDisable);
  EXPECT_EQ(call.seen_flags, kSeenIrp);
  EXPECT_EQ(call.irp, 7);
  EXPECT_EQ(call.irql, 2);
  EXPECT_EQ(call.step, 4u);
  EXPECT_EQ(file->log[1].begin, 0u);
  EXPECT_EQ(file->log[1].status, kStatusEventPending);
  EXPECT_EQ(file->log[1].socket, 3);
}

TEST(TraceTextTest, SaysWhatItCannotRead) {
  EXPECT_THAT(ErrorOf("jump socket=0"), testing::HasSubstr("line 1: unknown kind of line: jump"));
  EXPECT_THAT(ErrorOf("call fly socket=0"), testing::HasSubstr("unknown name: fly"));
  EXPECT_THAT(ErrorOf("return @x SUCCESS"), testing::HasSubstr("no such label: @x"));
  EXPECT_THAT(ErrorOf("return"), testing::HasSubstr("nothing referred to"));
  EXPECT_THAT(ErrorOf("call close socket=a"), testing::HasSubstr("not a number: a"));
  EXPECT_THAT(ErrorOf("call close colour=1"), testing::HasSubstr("unknown field: colour"));
  EXPECT_THAT(ErrorOf("call close loud"), testing::HasSubstr("unknown word: loud"));
  EXPECT_THAT(ErrorOf("event receive socket=0 bytes=5"), testing::HasSubstr("not OFFSET+LENGTH"));
  EXPECT_THAT(ErrorOf("call event_callback mask=NOISE"), testing::HasSubstr("not an event mask"));
  EXPECT_THAT(ErrorOf("event disconnect flags=NOISE"), testing::HasSubstr("not flags"));
  EXPECT_THAT(ErrorOf("event receive content=odd"), testing::HasSubstr("not a content"));
  EXPECT_THAT(ErrorOf("connected peer=0"), testing::HasSubstr("no socket"));
  EXPECT_THAT(ErrorOf("hello\n---\n"), testing::HasSubstr("unknown header"));
  EXPECT_THAT(ErrorOf("capabilities many\n---\n"), testing::HasSubstr("not a number"));
}

TEST(TraceTextTest, PrintsEveryKindSoThatItReadsItAgain) {
  const std::string text =
      "call socket socket=0 irp=1 mask=8 code=2 @0\n"
      "return @0 0xC0001234\n"
      "complete @0 CANCELLED information=3 pending-returned @2\n"
      "completion-end @2\n"
      "event receive socket=0 bytes=4+6 content=none nodes=2 flags=RELEASE_ASAP|AT_DISPATCH_LEVEL irql=2 @4\n"
      "  node @4 bytes=4+2 inside=@4\n"
      "  held @4 target=1 inside=@4\n"
      "  unheld @4 target=1 inside=@4\n"
      "  hold-refused @4 inside=@4\n"
      "end @4 SUCCESS accepted=3\n"
      "retained @4 bytes=4+6 content=corrupt\n"
      "event disconnect socket=1 flags=ABORTIVE teardown @11\n"
      "end @11 SUCCESS\n"
      "begin peer_send socket=0 peer=2 bytes=0+5 @13\n"
      "done @13\n"
      "saw data peer=2 bytes=0+3\n"
      "skip close socket=0 code=4\n"
      "fault irql-changed 0x00000002\n"
      "quiet timed\n"
      "finish crashed\n";
  const auto file = ParseTrace(text, nullptr);
  ASSERT_TRUE(file.has_value());
  const std::string printed = TraceText(file->log.data(), file->log.size());
  const auto again = ParseTrace(printed, nullptr);
  ASSERT_TRUE(again.has_value()) << printed;
  EXPECT_EQ(TraceText(again->log.data(), again->log.size()), printed);
  EXPECT_THAT(printed, testing::HasSubstr("node @4 bytes=4+2 inside=@4"));
  EXPECT_THAT(printed, testing::HasSubstr("fault irql-changed 0x00000002"));
  EXPECT_THAT(printed, testing::HasSubstr("accepted=3"));
}

}  // namespace
}  // namespace wskcert::model
