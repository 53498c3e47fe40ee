#include "conformance/certify/testee_wire.h"

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/stubs/logging.h"

namespace wskcert {
namespace {

// Text that a testee gives goes into certificates and onto terminals.
constexpr size_t kMaxName = 256;

uint32_t ReadLength(const char* at) {
  uint32_t length = 0;
  for (size_t i = kFrameHeaderBytes; i > 0; --i) length = length << 8 | static_cast<uint8_t>(at[i - 1]);
  return length;
}

absl::Status CheckName(const char* what, const std::string& text) {
  if (text.size() > kMaxName) {
    return absl::InvalidArgumentError(absl::StrCat("its hello has ", what, " of ", text.size(),
                                                   " bytes: at most ", kMaxName, " are allowed"));
  }
  for (const char c : text) {
    const auto u = static_cast<uint8_t>(c);
    if (u < 0x20 || u == 0x7F) {
      return absl::InvalidArgumentError(
          absl::StrCat("its hello has ", what, " with a control character (", static_cast<int>(u), ")"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeFrame(const TesteeMessage& message) {
  std::string bytes(kFrameHeaderBytes, '\0');
  message.AppendToString(&bytes);
  const size_t length = bytes.size() - kFrameHeaderBytes;
  for (size_t i = 0; i < kFrameHeaderBytes; ++i) bytes[i] = static_cast<char>(length >> (8 * i));
  return bytes;
}

void FrameReader::Append(absl::string_view bytes) {
  if (taken_ > buffer_.size() / 2) {
    buffer_.erase(0, taken_);
    taken_ = 0;
  }
  buffer_.append(bytes.data(), bytes.size());
}

absl::StatusOr<bool> FrameReader::Next(TesteeMessage* out) {
  if (left() < kFrameHeaderBytes) return false;
  const uint32_t length = ReadLength(buffer_.data() + taken_);
  if (length == 0 || length > kMaxMessageBytes) {
    return absl::InvalidArgumentError(absl::StrCat("byte ", position_, ": a message of ", length,
                                                   " bytes; it has from 1 to ", kMaxMessageBytes));
  }
  if (left() - kFrameHeaderBytes < length) return false;
  // The library would print its own opinion of hostile bytes.
  google::protobuf::LogSilencer quiet;
  const char* body = buffer_.data() + taken_ + kFrameHeaderBytes;
  if (!out->ParseFromArray(body, static_cast<int>(length))) {
    return absl::InvalidArgumentError(
        absl::StrCat("byte ", position_, ": ", length, " bytes that are no message"));
  }
  if (out->kind_case() == TesteeMessage::KIND_NOT_SET) {
    return absl::InvalidArgumentError(absl::StrCat("byte ", position_, ": a message of no known kind"));
  }
  taken_ += kFrameHeaderBytes + length;
  position_ += kFrameHeaderBytes + length;
  if (taken_ == buffer_.size()) {
    buffer_.clear();
    taken_ = 0;
  }
  return true;
}

absl::StatusOr<std::vector<TesteeMessage>> ReadPack(absl::string_view contents, const std::string& name,
                                                    bool* cut) {
  FrameReader reader;
  reader.Append(contents);
  std::vector<TesteeMessage> messages;
  while (true) {
    TesteeMessage message;
    const absl::StatusOr<bool> got = reader.Next(&message);
    if (!got.ok()) return absl::InvalidArgumentError(absl::StrCat(name, ": ", got.status().message()));
    if (!*got) break;
    messages.push_back(std::move(message));
  }
  if (cut != nullptr) *cut = reader.left() != 0;
  if (reader.left() != 0 && cut == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": byte ", reader.position(), ": the message there is cut off"));
  }
  return messages;
}

absl::Status CheckHello(const Hello& hello, const std::string& token) {
  if (hello.protocol() != kTesteeProtocol) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it speaks version ", hello.protocol(), " of the testee protocol; wskcert speaks ", kTesteeProtocol));
  }
  if (hello.format() != kFormatVersion) {
    return absl::InvalidArgumentError(absl::StrCat("its programs and logs have format ", hello.format(),
                                                   "; wskcert's have ", kFormatVersion));
  }
  if (hello.token() != token) {
    return absl::InvalidArgumentError("its hello does not repeat the token that it was given");
  }
  if (hello.log_capacity() < 2 || hello.log_capacity() > kMaxMessageBytes / sizeof(Observation)) {
    return absl::InvalidArgumentError(absl::StrCat("its hello has a log of ", hello.log_capacity(),
                                                   " observations; it may be 2 to ",
                                                   kMaxMessageBytes / sizeof(Observation)));
  }
  if (hello.provider().empty()) return absl::InvalidArgumentError("its hello names no provider");
  for (const auto& [what, text] :
       {std::pair<const char*, const std::string*>{"a provider", &hello.provider()},
        {"a version", &hello.provider_version()},
        {"a SHA-256", &hello.provider_sha256()},
        {"a host", &hello.host()}}) {
    if (absl::Status status = CheckName(what, *text); !status.ok()) return status;
  }
  for (const OfferedChoice& choice : hello.choices()) {
    if (choice.kind() > UINT16_MAX || choice.name().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("its hello offers a choice '", choice.name(), "' of kind ", choice.kind()));
    }
  }
  return absl::OkStatus();
}

}  // namespace wskcert
