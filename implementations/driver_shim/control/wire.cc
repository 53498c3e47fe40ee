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

void PutText(Bytes* out, uint32_t field, const std::string& text) {
  if (!text.empty()) PutBytes(out, field, text.data(), text.size());
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
    uint64_t tag;
    good_ = Varint(&tag) && tag >> 3 != 0 && tag >> 3 <= 0x1FFFFFFF;
    if (!good_) return false;
    field_ = static_cast<uint32_t>(tag >> 3);
    type_ = static_cast<uint32_t>(tag & 7);
    number_ = 0;
    bytes_ = nullptr;
    size_ = 0;
    switch (type_) {
      case kVarint:
        good_ = Varint(&number_);
        break;
      case kFixed64:
        good_ = Skip(8);
        break;
      case kFixed32:
        good_ = Skip(4);
        break;
      case kDelimited: {
        uint64_t size;
        good_ = Varint(&size) && size <= static_cast<uint64_t>(end_ - at_);
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
  std::string text() const { return std::string(bytes_, bytes_ + size_); }
  const uint8_t* bytes() const { return bytes_; }
  size_t size() const { return size_; }
  uint32_t field() const { return field_; }

 private:
  bool Varint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64 && at_ != end_; shift += 7) {
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
    // Of several the last counts, as in protobuf.
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

Bytes StartedFrame(uint32_t id) {
  Bytes inner;
  PutNumber(&inner, 1, id);
  return Frame(Message::kStarted, inner);
}

Bytes ByeFrame() { return Frame(Message::kBye, {}); }

}  // namespace wskcert::shim
