// Payload patterns: every byte that travels says where it belongs.
//
// The byte at `offset` of stream `stream` is a function of the two, so whoever receives bytes can tell exact,
// lost, doubled, moved and foreign ones apart without keeping what was sent. A stream is one direction of one
// connection: StreamId().
#ifndef WSKCERT_CONFORMANCE_EXECUTOR_PATTERN_H_
#define WSKCERT_CONFORMANCE_EXECUTOR_PATTERN_H_

#include <stdint.h>

namespace wskcert {

// The stream from (`to_peer` false) or to (`to_peer` true) a peer on its `generation`-th connection.
constexpr uint32_t StreamId(uint32_t peer, uint32_t generation, bool to_peer) {
  return ((peer << 9) | ((generation & 0xFF) << 1)) | (to_peer ? 1u : 0u);
}

// Eight consecutive bytes, from offset 8 * index (the finaliser of splitmix64: neighbours share nothing).
constexpr uint64_t PatternWord(uint32_t stream, uint64_t index) {
  uint64_t x = (static_cast<uint64_t>(stream) << 40) + index + 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// Where such a word stands: for PatternWord(stream, index) it gives (stream << 40) + index.
constexpr uint64_t PlaceOfWord(uint64_t word) {
  uint64_t x = word ^ (word >> 31) ^ (word >> 62);
  x *= 0x319642B2D24D8EC3u;
  x ^= (x >> 27) ^ (x >> 54);
  x *= 0x96DE1B173F119089u;
  return (x ^ (x >> 30) ^ (x >> 60)) - 0x9E3779B97F4A7C15u;
}
static_assert(PlaceOfWord(PatternWord(0x1234, 0x56789)) == (0x1234ull << 40) + 0x56789);

constexpr uint8_t PatternByte(uint32_t stream, uint64_t offset) {
  return static_cast<uint8_t>(PatternWord(stream, offset >> 3) >> (8 * (offset & 7)));
}

// Writes bytes [offset, offset + length) of the stream.
inline void FillPattern(uint32_t stream, uint64_t offset, uint8_t* bytes, uint32_t length) {
  uint32_t i = 0;
  for (; i < length && ((offset + i) & 7) != 0; ++i) bytes[i] = PatternByte(stream, offset + i);
  for (; i + 8 <= length; i += 8) {
    const uint64_t word = PatternWord(stream, (offset + i) >> 3);
    __builtin_memcpy(bytes + i, &word, 8);
  }
  for (; i < length; ++i) bytes[i] = PatternByte(stream, offset + i);
}

// True if `bytes` are [offset, offset + length) of the stream.
inline bool MatchesPattern(uint32_t stream, uint64_t offset, const uint8_t* bytes, uint32_t length) {
  uint32_t i = 0;
  for (; i < length && ((offset + i) & 7) != 0; ++i) {
    if (bytes[i] != PatternByte(stream, offset + i)) return false;
  }
  for (; i + 8 <= length; i += 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes + i, 8);
    if (word != PatternWord(stream, (offset + i) >> 3)) return false;
  }
  for (; i < length; ++i) {
    if (bytes[i] != PatternByte(stream, offset + i)) return false;
  }
  return true;
}

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXECUTOR_PATTERN_H_
