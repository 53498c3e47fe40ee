// The testee protocol (docs/testee_protocol.md) by hand: frames, and protobuf's encoding of the few messages
// that a testee reads and writes. Plain C++ without Win32, so that it is tested where protobuf is.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_WIRE_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace wskcert::shim {

using Bytes = std::vector<uint8_t>;

inline constexpr uint32_t kTesteeProtocol = 1;
inline constexpr uint32_t kMaxFrame = 1u << 24;

// What a frame holds: the number of TesteeMessage's field.
enum class Message : uint32_t {
  kNone = 0,
  kHello = 1,
  kPlay = 2,
  kAnswer = 3,
  kError = 4,
  kBye = 5,
  kStarted = 6
};

// TesteeError.Kind.
enum class ErrorKind : uint32_t {
  kFault = 0,
  kDied = 1,
  kRefused = 2,
  kCannot = 3,
  kVersion = 4,
  kGarbage = 5
};

struct Hello {
  uint32_t protocol = 0;
  uint32_t format = 0;
  std::string provider;
  std::string provider_version;
  std::string provider_sha256;
  std::string host;
  uint64_t capabilities = 0;
  uint32_t log_capacity = 0;
  uint32_t settle_ms = 0;  // the one bound, for every stimulus
  std::string token;
};

struct PlayMessage {
  uint32_t id = 0;
  std::string name;
  Bytes program;
  uint32_t timeout_ms = 0;
  uint32_t settle_scale = 0;
};

// The message in a frame's payload, kNone if it is none, or more than one, and where its own bytes are.
Message MessageIn(const uint8_t* payload, size_t size, const uint8_t** inner, size_t* inner_size);

// False: cannot be read. Of a hello everything but its lists.
bool ReadHello(const uint8_t* bytes, size_t size, Hello* hello);
bool ReadPlay(const uint8_t* bytes, size_t size, PlayMessage* play);
// The id of an answer, an error, a Started or a PlayRequest; 0 if there is none.
uint32_t IdOf(const uint8_t* bytes, size_t size);

// Whole frames.
Bytes HelloFrame(const Hello& hello);
Bytes AnswerFrame(uint32_t id, const Bytes& log, const std::string& report);
Bytes ErrorFrame(uint32_t id, ErrorKind kind, const std::string& text);
// `case_name` as the PlayRequest has it: answers are found by it.
Bytes StartedFrame(uint32_t id, const std::string& case_name);
Bytes ByeFrame();

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_WIRE_H_
