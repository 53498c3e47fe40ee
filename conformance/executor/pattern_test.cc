#include "conformance/executor/pattern.h"

#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace wskcert {
namespace {

TEST(Pattern, FillAndMatchAgreeWithEveryByteAtEveryAlignment) {
  const uint32_t stream = StreamId(3, 2, false);
  for (uint64_t offset = 0; offset < 20; ++offset) {
    std::vector<uint8_t> bytes(37);
    FillPattern(stream, offset, bytes.data(), static_cast<uint32_t>(bytes.size()));
    for (size_t i = 0; i < bytes.size(); ++i) EXPECT_EQ(bytes[i], PatternByte(stream, offset + i));
    EXPECT_TRUE(MatchesPattern(stream, offset, bytes.data(), static_cast<uint32_t>(bytes.size())));
    bytes.back() ^= 1;
    EXPECT_FALSE(MatchesPattern(stream, offset, bytes.data(), static_cast<uint32_t>(bytes.size())));
  }
}

TEST(Pattern, NothingMatchesAnywhere) { EXPECT_TRUE(MatchesPattern(1, 5, nullptr, 0)); }

// What makes a place recognisable: no eight bytes occur twice, in any stream, within what a case sends.
TEST(Pattern, EightBytesTellTheirPlace) {
  std::set<uint64_t> seen;
  for (const uint32_t stream :
       {StreamId(0, 1, false), StreamId(0, 1, true), StreamId(1, 1, false), StreamId(0, 2, false)}) {
    for (uint64_t offset = 0; offset < 4096; ++offset) {
      uint64_t window = 0;
      FillPattern(stream, offset, reinterpret_cast<uint8_t*>(&window), 8);
      EXPECT_TRUE(seen.insert(window).second) << stream << " " << offset;
    }
  }
}

TEST(Pattern, StreamsOfPeersGenerationsAndDirectionsDiffer) {
  std::set<uint32_t> streams;
  for (uint32_t peer = 0; peer < 1024; ++peer) {
    for (const uint32_t generation : {0u, 1u, 255u}) {
      for (const bool to_peer : {false, true})
        EXPECT_TRUE(streams.insert(StreamId(peer, generation, to_peer)).second);
    }
  }
}

}  // namespace
}  // namespace wskcert
