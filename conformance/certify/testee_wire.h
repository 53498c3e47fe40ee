// Frames of the testee protocol (docs/testee_protocol.md): from messages to bytes and back. Files of the same
// frames are packs: what was asked (wskcert pack) and what was answered (a recorder's).
#ifndef WSKCERT_CONFORMANCE_CERTIFY_TESTEE_WIRE_H_
#define WSKCERT_CONFORMANCE_CERTIFY_TESTEE_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "conformance/executor/format.h"
#include "proto/testee.pb.h"

namespace wskcert {

inline constexpr uint32_t kTesteeProtocol = 1;
// A longer message is refused by its length alone.
inline constexpr uint32_t kMaxMessageBytes = 16u << 20;
inline constexpr size_t kFrameHeaderBytes = 4;

// The message with its length in front.
std::string EncodeFrame(const TesteeMessage& message);

// Takes frames off a stream that arrives in pieces. What does not look like the protocol is an error that
// says what and where (the number of the byte in the stream); after one, the reader is of no use any more.
class FrameReader {
 public:
  void Append(absl::string_view bytes);
  // The next message, if there is a whole one: true.
  absl::StatusOr<bool> Next(TesteeMessage* out);
  // Bytes that were appended and not yet taken.
  size_t left() const { return buffer_.size() - taken_; }
  // Of the whole stream, up to what Next has taken.
  uint64_t position() const { return position_; }

 private:
  std::string buffer_;
  size_t taken_ = 0;
  uint64_t position_ = 0;
};

// All messages of a pack. An error says where; a frame that is cut off at the end is an error, too, unless
// `cut` is given: then it becomes true, and what came before it is returned.
absl::StatusOr<std::vector<TesteeMessage>> ReadPack(absl::string_view contents, const std::string& name,
                                                    bool* cut = nullptr);

// What is wrong with a testee's hello, or OK: versions, and the numbers that wskcert relies on.
absl::Status CheckHello(const Hello& hello, const std::string& token);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_TESTEE_WIRE_H_
