// Which bytes an indication holds, where few of them stand in one piece.
// clang-format off
#include <wdm.h>
#include <wsk.h>
// clang-format on

#include <memory>

#include "conformance/executor/pattern.h"
#include "conformance/executor/session.h"
#include "gtest/gtest.h"
#include "implementations/emulator/provider/test_client.h"

namespace wskcert {
namespace {

constexpr uint32_t kSent = 200;
const uint32_t kStream = StreamId(0, 1, false);
const uint32_t kDatagrams = StreamId(0, 0, false);

// A socket that is connected to a peer, which has sent kSent bytes on the connection and in datagrams.
class ContentTest : public ::testing::Test {
 protected:
  ContentTest() {
    header_.peers = header_.sockets = 1;
    session_->header = &header_;
    session_->peers = &peer_;
    session_->sockets = &socket_;
    session_->environment.PeerOfAddress = [](void*, const void*) { return 0u; };
    socket_.session = session_.get();
    socket_.peer = 0;
    peer_.socket = 0;
    peer_.generation = 1;
    peer_.sent = peer_.datagrams_sent = kSent;
  }

  // MDLs are the kernel's.
  template <typename Function>
  static void InKernel(Function function) {
    const emulator::RunReport report = emulator::Play(function);
    EXPECT_EQ(report.ending, emulator::Ending::kFinished) << report.bug_check.message;
  }

  const std::unique_ptr<Session> session_ = std::make_unique<Session>();
  ProgramHeader header_ = {};
  SocketSlot socket_ = {};
  PeerSlot peer_ = {};
};

// A chain with a first piece of one byte, with bytes from `offset` on, of which the last `moved` are others.
struct Chain {
  Chain(uint32_t stream, uint64_t offset, uint64_t moved = 0) : buffer({1, 3, 2}) {
    FillPattern(stream, offset, buffer.memory, 6);
    if (moved != 0) FillPattern(stream, offset + 10, buffer.memory + 6 - moved, static_cast<uint32_t>(moved));
    node.Buffer = buffer.buffer;
  }
  emulator::TestBuffer buffer;
  WSK_DATA_INDICATION node = {};
};

TEST_F(ContentTest, WhereverTheyStandAndWhateverIsExpected) {
  InKernel([&] {
    for (uint32_t offset = 0; offset <= kSent - 6; ++offset) {
      const Chain chain(kStream, offset);
      for (const uint32_t expected : {0u, offset, kSent - 6, kSent, 10 * kSent}) {
        socket_.received = expected;
        Indication read;
        ASSERT_TRUE(ReadIndication(session_.get(), &socket_, &chain.node, &read));
        EXPECT_EQ(read.decoded.content, Content::kExact);
        EXPECT_EQ(read.decoded.offset, offset) << "expected at " << expected;
        EXPECT_TRUE(read.one_run);
        EXPECT_EQ(read.bytes, 6u);
        EXPECT_EQ(read.nodes, 1u);
      }
    }
  });
}

// However much was sent since.
TEST_F(ContentTest, NearTheExpectedPlaceOrTheEnd) {
  constexpr uint32_t kMuch = 1'000'000;
  peer_.sent = kMuch;
  InKernel([&] {
    for (const uint32_t offset : {0u, 100u, 60'000u, kMuch - 60'000, kMuch - 6}) {
      const Chain chain(kStream, offset);
      for (const uint32_t expected : {0u, 50'000u, kMuch}) {
        if (expected == kMuch && offset <= 60'000u) continue;
        socket_.received = expected;
        Indication read;
        ASSERT_TRUE(ReadIndication(session_.get(), &socket_, &chain.node, &read));
        EXPECT_EQ(read.decoded.content, Content::kExact) << offset << ", expected at " << expected;
        EXPECT_EQ(read.decoded.offset, offset) << "expected at " << expected;
      }
    }
  });
}

TEST_F(ContentTest, WhatWasNeverSentInOneRunIsNoRun) {
  InKernel([&] {
    for (uint32_t offset = 0; offset <= kSent - 20; ++offset) {
      const Chain chain(kStream, offset, 2);
      socket_.received = offset;
      Indication read;
      ASSERT_TRUE(ReadIndication(session_.get(), &socket_, &chain.node, &read));
      EXPECT_FALSE(read.one_run) << offset;
      EXPECT_EQ(read.decoded.offset, offset) << "where its first piece stands";
    }
  });
}

TEST_F(ContentTest, MoreThanWasSentIsFoundNowhere) {
  InKernel([&] {
    const Chain chain(kStream, kSent - 3);
    Indication read;
    ASSERT_TRUE(ReadIndication(session_.get(), &socket_, &chain.node, &read));
    EXPECT_FALSE(read.one_run);
  });
}

TEST_F(ContentTest, AChainThatEndsTooEarlyCannotBeRead) {
  InKernel([&] {
    Chain chain(kStream, 50);
    chain.node.Buffer.Length = 7;
    Indication read;
    EXPECT_FALSE(ReadIndication(session_.get(), &socket_, &chain.node, &read));
  });
}

// One byte alone is known by where it is expected, or else by the next place from there.
TEST_F(ContentTest, OneByteIsLookedForFromTheExpectedOneOn) {
  for (uint32_t offset = 0; offset < kSent; ++offset) {
    const uint8_t byte = PatternByte(kStream, offset);
    socket_.received = offset;
    EXPECT_EQ(Decode(session_.get(), &socket_, &byte, 1).offset, offset);
    if (offset == 0 || PatternByte(kStream, offset - 1) == byte) continue;
    socket_.received = offset - 1;
    EXPECT_EQ(Decode(session_.get(), &socket_, &byte, 1).offset, offset);
  }
}

// 15 bytes and more have a whole word of the pattern in them, 14 need not.
TEST_F(ContentTest, LongRunsAreFoundWhereverTheyStand) {
  uint8_t bytes[40];
  for (const uint32_t length : {14u, 15u, 16u, 40u}) {
    for (uint32_t offset = 0; offset <= kSent - length; ++offset) {
      for (const uint32_t expected : {0u, offset, offset + 1, kSent, 10 * kSent}) {
        socket_.received = expected;
        FillPattern(kStream, offset, bytes, length);
        const Decoded found = Decode(session_.get(), &socket_, bytes, length);
        EXPECT_EQ(found.content, Content::kExact) << length << " bytes from " << offset;
        EXPECT_EQ(found.offset, offset) << "expected at " << expected;
        bytes[length - 1] ^= 1;
        EXPECT_EQ(Decode(session_.get(), &socket_, bytes, length).content, Content::kCorrupt) << offset;
      }
    }
    FillPattern(kStream, kSent - length + 1, bytes, length);
    EXPECT_EQ(Decode(session_.get(), &socket_, bytes, length).content, Content::kCorrupt) << "more than sent";
  }
}

TEST_F(ContentTest, DatagramsLikewise) {
  InKernel([&] {
    SOCKADDR_INET address = {};
    for (uint32_t offset = 0; offset <= kSent - 20; ++offset) {
      for (const uint32_t moved : {0u, 2u}) {
        const Chain chain(kDatagrams, offset, moved);
        WSK_DATAGRAM_INDICATION datagram = {};
        datagram.Buffer = chain.node.Buffer;
        datagram.RemoteAddress = reinterpret_cast<PSOCKADDR>(&address);
        Indication read;
        ASSERT_TRUE(ReadDatagrams(session_.get(), &datagram, &read));
        EXPECT_EQ(read.one_run, moved == 0) << offset;
        if (moved == 0) EXPECT_EQ(read.decoded.offset, offset);
      }
    }
  });
}

}  // namespace
}  // namespace wskcert
