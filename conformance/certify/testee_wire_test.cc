// The frames of the testee protocol, by the bytes that its page shows, and whatever else may arrive.
#include "conformance/certify/testee_wire.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "conformance/certify/program.h"
#include "conformance/certify/trace_io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::HasSubstr;

// The blocks of hexadecimal numbers in docs/testee_protocol.md, as bytes.
std::vector<std::string> DocumentedFrames() {
  const absl::StatusOr<std::string> page = ReadFile("docs/testee_protocol.md");
  if (!page.ok()) return {};
  std::vector<std::string> frames;
  bool within = false;
  for (absl::string_view line : absl::StrSplit(*page, '\n')) {
    if (line == "```hex") {
      within = true;
      frames.emplace_back();
    } else if (line == "```") {
      within = false;
    } else if (within) {
      std::string digits(line);
      digits.erase(std::remove(digits.begin(), digits.end(), ' '), digits.end());
      frames.back() += absl::HexStringToBytes(digits);
    }
  }
  return frames;
}

TesteeMessage Decoded(const std::string& frame) {
  FrameReader reader;
  reader.Append(frame);
  TesteeMessage message;
  const absl::StatusOr<bool> got = reader.Next(&message);
  EXPECT_TRUE(got.ok() && *got && reader.left() == 0) << got.status();
  return message;
}

Hello GoodHello() {
  Hello hello;
  hello.set_protocol(1);
  hello.set_format(kFormatVersion);
  hello.set_provider("acme");
  hello.set_log_capacity(4096);
  hello.set_token("t1");
  return hello;
}

TEST(TesteeWire, ThePageShowsTheBytes) {
  const std::vector<std::string> frames = DocumentedFrames();
  ASSERT_EQ(frames.size(), 5u);
  TesteeMessage ours;
  ours.mutable_hello()->set_protocol(kTesteeProtocol);
  ours.mutable_hello()->set_format(kFormatVersion);
  ours.mutable_hello()->set_provider("wskcert");
  ours.mutable_hello()->set_provider_version("0.1.0");
  ours.mutable_hello()->set_token("t1");
  EXPECT_EQ(EncodeFrame(ours), frames[0]);

  TesteeMessage theirs;
  Hello& hello = *theirs.mutable_hello();
  hello = GoodHello();
  hello.set_provider_version("2.0");
  hello.set_host("bench");
  hello.set_capabilities(static_cast<uint64_t>(Capability::kIrqlVisible) |
                         static_cast<uint64_t>(Capability::kHoldAtPassive) |
                         static_cast<uint64_t>(Capability::kListeners));
  hello.add_settle_bounds()->set_milliseconds(500);
  SettleBound* bound = hello.add_settle_bounds();
  bound->set_op(static_cast<uint32_t>(Op::kPeerSendDatagram));
  bound->set_milliseconds(100);
  EXPECT_EQ(EncodeFrame(theirs), frames[1]);
  EXPECT_TRUE(CheckHello(Decoded(frames[1]).hello(), "t1").ok());

  const TesteeMessage play = Decoded(frames[2]);
  EXPECT_EQ(play.play().id(), 1u);
  EXPECT_EQ(play.play().case_name(), "a/b");
  EXPECT_EQ(play.play().timeout_ms(), 10000u);
  EXPECT_EQ(play.play().settle_scale(), 1u);
  const std::string& bytes = play.play().program();
  const absl::StatusOr<Program> program =
      ParseProgram(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(program->header().threads, 1);
  EXPECT_EQ(program->header().steps, 0u);
  EXPECT_EQ(EncodeFrame(play), frames[2]);

  const TesteeMessage played = Decoded(frames[3]);
  EXPECT_EQ(played.played().id(), 1u);
  const absl::StatusOr<LoadedTrace> trace = ParseTrace(played.played().log(), "log");
  ASSERT_TRUE(trace.ok()) << trace.status();
  ASSERT_EQ(trace->log.size(), 1u);
  EXPECT_EQ(static_cast<Seen>(trace->log[0].kind), Seen::kEnd);
  EXPECT_EQ(trace->header.capabilities(), hello.capabilities());
  EXPECT_EQ(StoredLog(trace->log, hello.capabilities()), played.played().log());
  EXPECT_EQ(EncodeFrame(played), frames[3]);

  EXPECT_TRUE(Decoded(frames[4]).has_bye());
}

TEST(TesteeWire, FramesArriveInPieces) {
  std::string stream;
  for (uint32_t id = 1; id <= 3; ++id) {
    TesteeMessage message;
    message.mutable_started()->set_id(id);
    stream += EncodeFrame(message);
  }
  FrameReader reader;
  uint32_t seen = 0;
  for (const char byte : stream) {
    reader.Append(absl::string_view(&byte, 1));
    TesteeMessage message;
    const absl::StatusOr<bool> got = reader.Next(&message);
    ASSERT_TRUE(got.ok());
    if (!*got) continue;
    EXPECT_EQ(message.started().id(), ++seen);
  }
  EXPECT_EQ(seen, 3u);
  EXPECT_EQ(reader.left(), 0u);
  EXPECT_EQ(reader.position(), stream.size());
}

TEST(TesteeWire, WhatIsNoFrameIsNamedWithItsPlace) {
  TesteeMessage started;
  started.mutable_started()->set_id(1);
  const std::string good = EncodeFrame(started);
  const struct {
    std::string bytes;
    std::string error;
  } cases[] = {
      {std::string(4, '\0'), "byte 8: a message of 0 bytes"},
      {"\xff\xff\xff\xff", "byte 8: a message of 4294967295 bytes"},
      {std::string("\x01\x00\x00\x01", 4), "byte 8: a message of 16777217 bytes"},
      {std::string("\x03\x00\x00\x00\xff\xff\xff", 7), "byte 8: 3 bytes that are no message"},
      {std::string("\x02\x00\x00\x00\x78\x01", 6), "byte 8: a message of no known kind"},
  };
  for (const auto& c : cases) {
    FrameReader reader;
    reader.Append(good + c.bytes);
    TesteeMessage message;
    ASSERT_TRUE(*reader.Next(&message));
    EXPECT_THAT(reader.Next(&message).status().message(), HasSubstr(c.error));
  }
}

TEST(TesteeWire, PacksMayBeCut) {
  TesteeMessage bye;
  bye.mutable_bye();
  const std::string whole = EncodeFrame(bye) + EncodeFrame(bye);
  ASSERT_EQ(ReadPack(whole, "x.pack")->size(), 2u);
  const std::string cut = whole.substr(0, whole.size() - 1);
  EXPECT_EQ(ReadPack(cut, "x.pack").status().message(), "x.pack: byte 6: the message there is cut off");
  bool was_cut = false;
  EXPECT_EQ(ReadPack(cut, "x.pack", &was_cut)->size(), 1u);
  EXPECT_TRUE(was_cut);
  EXPECT_EQ(ReadPack(whole, "x.pack", &was_cut)->size(), 2u);
  EXPECT_FALSE(was_cut);
}

TEST(TesteeWire, HellosAreChecked) {
  EXPECT_TRUE(CheckHello(GoodHello(), "t1").ok());
  const auto error = [](auto change) {
    Hello hello = GoodHello();
    change(&hello);
    return std::string(CheckHello(hello, "t1").message());
  };
  EXPECT_THAT(error([](Hello* h) { h->set_protocol(2); }), HasSubstr("speaks version 2"));
  EXPECT_THAT(error([](Hello* h) { h->set_format(9); }), HasSubstr("format 9"));
  EXPECT_THAT(error([](Hello* h) { h->set_token("t2"); }), HasSubstr("token"));
  EXPECT_THAT(error([](Hello* h) { h->set_log_capacity(0); }), HasSubstr("a log of 0 observations"));
  EXPECT_THAT(error([](Hello* h) { h->set_log_capacity(1u << 30); }), HasSubstr("a log of 1073741824"));
  EXPECT_THAT(error([](Hello* h) { h->clear_provider(); }), HasSubstr("names no provider"));
  EXPECT_THAT(error([](Hello* h) { h->set_host("a\033[2J"); }), HasSubstr("control character (27)"));
  EXPECT_THAT(error([](Hello* h) { h->set_provider(std::string(300, 'x')); }), HasSubstr("300 bytes"));
  EXPECT_THAT(error([](Hello* h) { h->add_choices()->set_kind(1u << 20); }), HasSubstr("choice"));
}

}  // namespace
}  // namespace wskcert
