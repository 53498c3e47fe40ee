#include "implementations/driver_shim/control/wire.h"

namespace wskcert::shim {
namespace {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kDelimited = 2, kFixed32 = 5 };

void PutVarint(Bytes* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<uint8_t>(value | 0x80));
  out->push_back(static_cast<uint8_t>(value));
}

// Fields that are 0 or empty are left out.
void PutNumber(Bytes* out, uint32_t field, uint64_t value) {
  if (value == 0) return;
  PutVarint(out, field << 3 | kVarint);
  PutVarint(out, value);
}

void PutBytes(Bytes* out, uint32_t field, const void* bytes, size_t size) {
  const auto* first = static_cast<const uint8_t*>(bytes);
  PutVarint(out, field << 3 | kDelimited);
  PutVarint(out, size);
  out->insert(out->end(), first, first + size);
}

// How many bytes the character at `at` has in UTF-8; 0: it is none.
size_t CharacterAt(const uint8_t* at, const uint8_t* end) {
  const uint8_t first = *at;
  if (first < 0x80) return 1;
  const size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (size == 0 || size > static_cast<size_t>(end - at)) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((at[i] & 0xC0) != 0x80) return 0;
  }
  // Not in the shortest form, half of a pair, or beyond the last character.
  const bool bad = (first == 0xE0 && at[1] < 0xA0) || (first == 0xED && at[1] > 0x9F) ||
                   (first == 0xF0 && at[1] < 0x90) || (first == 0xF4 && at[1] > 0x8F);
  return bad ? 0 : size;
}

// A machine's own words may be in its code page; a message with text that is not UTF-8 would not be read at
// all.
void PutText(Bytes* out, uint32_t field, const std::string& text) {
  if (text.empty()) return;
  Bytes bytes(text.begin(), text.end());
  for (size_t i = 0; i < bytes.size();) {
    const size_t size = CharacterAt(bytes.data() + i, bytes.data() + bytes.size());
    if (size == 0) bytes[i] = '?';
    i += size == 0 ? 1 : size;
  }
  PutBytes(out, field, bytes.data(), bytes.size());
}

Bytes Frame(Message message, const Bytes& inner) {
  Bytes payload;
  payload.reserve(inner.size() + 8);
  PutBytes(&payload, static_cast<uint32_t>(message), inner.data(), inner.size());
  Bytes frame;
  frame.reserve(payload.size() + 4);
  for (int i = 0; i < 4; ++i) frame.push_back(static_cast<uint8_t>(payload.size() >> (8 * i)));
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

// One field after the other. After the last, and after what cannot be read, Next is false; good() tells
// which.
class Fields {
 public:
  Fields(const uint8_t* bytes, size_t size) : at_(bytes), end_(bytes + size) {}

  bool Next() {
    if (!good_ || at_ == end_) return false;
    uint64_t number;
    good_ = Varint(&number, kShort);
    const auto tag = static_cast<uint32_t>(number);
    good_ = good_ && tag >> 3 != 0;
    if (!good_) return false;
    field_ = tag >> 3;
    type_ = tag & 7;
    number_ = 0;
    bytes_ = nullptr;
    size_ = 0;
    switch (type_) {
      case kVarint:
        good_ = Varint(&number_, kLong);
        break;
      case kFixed64:
        good_ = Skip(8);
        break;
      case kFixed32:
        good_ = Skip(4);
        break;
      case kDelimited: {
        uint64_t size;
        good_ = Varint(&size, kShort) && size <= static_cast<uint64_t>(end_ - at_);
        if (!good_) break;
        bytes_ = at_;
        size_ = static_cast<size_t>(size);
        at_ += size_;
        break;
      }
      default:
        good_ = false;
    }
    return good_;
  }

  bool good() const { return good_; }
  bool Is(uint32_t field, uint32_t type) const { return field_ == field && type_ == type; }
  bool IsNumber(uint32_t field) const { return Is(field, kVarint); }
  bool IsBytes(uint32_t field) const { return Is(field, kDelimited); }
  uint64_t number() const { return number_; }
  uint32_t number32() const { return static_cast<uint32_t>(number_); }
  // As text; what is none makes the message unreadable, as protobuf has it.
  std::string text() {
    for (const uint8_t* at = bytes_; good_ && at != bytes_ + size_;) {
      const size_t size = CharacterAt(at, bytes_ + size_);
      good_ = size != 0;
      at += size;
    }
    return std::string(bytes_, bytes_ + size_);
  }
  const uint8_t* bytes() const { return bytes_; }
  size_t size() const { return size_; }
  uint32_t field() const { return field_; }

 private:
  // How long a tag or a length may be, and how long a number.
  static constexpr int kShort = 5, kLong = 10;

  bool Varint(uint64_t* value, int most_bytes) {
    *value = 0;
    for (int shift = 0; shift < 7 * most_bytes && at_ != end_; shift += 7) {
      const uint8_t byte = *at_++;
      *value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }
  bool Skip(size_t size) {
    if (size > static_cast<size_t>(end_ - at_)) return false;
    at_ += size;
    return true;
  }

  const uint8_t* at_;
  const uint8_t* end_;
  bool good_ = true;
  uint32_t field_ = 0;
  uint32_t type_ = 0;
  uint64_t number_ = 0;
  const uint8_t* bytes_ = nullptr;
  size_t size_ = 0;
};

}  // namespace

Message MessageIn(const uint8_t* payload, size_t size, const uint8_t** inner, size_t* inner_size) {
  Message found = Message::kNone;
  Fields fields(payload, size);
  while (fields.Next()) {
    if (fields.bytes() == nullptr || fields.field() < 1 || fields.field() > 6) continue;
    if (found != Message::kNone) return Message::kNone;
    found = static_cast<Message>(fields.field());
    *inner = fields.bytes();
    *inner_size = fields.size();
  }
  return fields.good() ? found : Message::kNone;
}

bool ReadHello(const uint8_t* bytes, size_t size, Hello* hello) {
  *hello = {};
  Fields fields(bytes, size);
  while (fields.Next()) {
    if (fields.IsNumber(1)) hello->protocol = fields.number32();
    if (fields.IsNumber(2)) hello->format = fields.number32();
    if (fields.IsBytes(3)) hello->provider = fields.text();
    if (fields.IsBytes(4)) hello->provider_version = fields.text();
    if (fields.IsBytes(5)) hello->provider_sha256 = fields.text();
    if (fields.IsBytes(6)) hello->host = fields.text();
    if (fields.IsNumber(7)) hello->capabilities = fields.number();
    if (fields.IsNumber(8)) hello->log_capacity = fields.number32();
    if (fields.IsBytes(11)) hello->token = fields.text();
  }
  return fields.good();
}

bool ReadPlay(const uint8_t* bytes, size_t size, PlayMessage* play) {
  *play = {};
  Fields fields(bytes, size);
  while (fields.Next()) {
    if (fields.IsNumber(1)) play->id = fields.number32();
    if (fields.IsBytes(2)) play->name = fields.text();
    if (fields.IsBytes(3)) play->program.assign(fields.bytes(), fields.bytes() + fields.size());
    if (fields.IsNumber(4)) play->timeout_ms = fields.number32();
    if (fields.IsNumber(5)) play->settle_scale = fields.number32();
  }
  return fields.good();
}

uint32_t IdOf(const uint8_t* bytes, size_t size) {
  uint32_t id = 0;
  Fields fields(bytes, size);
  while (fields.Next()) {
    if (fields.IsNumber(1)) id = fields.number32();
  }
  return fields.good() ? id : 0;
}

Bytes HelloFrame(const Hello& hello) {
  Bytes inner;
  PutNumber(&inner, 1, hello.protocol);
  PutNumber(&inner, 2, hello.format);
  PutText(&inner, 3, hello.provider);
  PutText(&inner, 4, hello.provider_version);
  PutText(&inner, 5, hello.provider_sha256);
  PutText(&inner, 6, hello.host);
  PutNumber(&inner, 7, hello.capabilities);
  PutNumber(&inner, 8, hello.log_capacity);
  if (hello.settle_ms != 0) {
    Bytes bound;
    PutNumber(&bound, 2, hello.settle_ms);
    PutBytes(&inner, 9, bound.data(), bound.size());
  }
  PutText(&inner, 11, hello.token);
  return Frame(Message::kHello, inner);
}

Bytes AnswerFrame(uint32_t id, const Bytes& log, const std::string& report) {
  Bytes inner;
  inner.reserve(log.size() + 32);
  PutNumber(&inner, 1, id);
  PutBytes(&inner, 2, log.data(), log.size());
  PutText(&inner, 3, report);
  return Frame(Message::kAnswer, inner);
}

Bytes ErrorFrame(uint32_t id, ErrorKind kind, const std::string& text) {
  Bytes inner;
  PutNumber(&inner, 1, id);
  PutNumber(&inner, 2, static_cast<uint32_t>(kind));
  PutText(&inner, 3, text);
  return Frame(Message::kError, inner);
}

Bytes StartedFrame(uint32_t id, const std::string& case_name) {
  Bytes inner;
  PutNumber(&inner, 1, id);
  PutText(&inner, 2, case_name);
  return Frame(Message::kStarted, inner);
}

Bytes ByeFrame() { return Frame(Message::kBye, {}); }

}  // namespace wskcert::shim
