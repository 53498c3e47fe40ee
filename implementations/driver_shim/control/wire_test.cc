// The control program's own encoding against libprotobuf's: what one writes the other reads, and of hostile
// bytes both say the same, or the control program refuses more.
#include "implementations/driver_shim/control/wire.h"

#include <cstring>
#include <random>
#include <string>

#include "absl/strings/escaping.h"
#include "conformance/certify/testee_wire.h"
#include "google/protobuf/stubs/logging.h"
#include "google/protobuf/unknown_field_set.h"
#include "gtest/gtest.h"
#include "proto/testee.pb.h"

namespace wskcert::shim {
namespace {

using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t Below(uint32_t bound) { return engine_() % bound; }
  // Of every length in bits.
  uint64_t Number() { return (uint64_t{engine_()} << 32 | engine_()) >> Below(65) % 64; }
  std::string Octets(uint32_t most) {
    std::string text(Below(most + 1), '\0');
    for (char& c : text) c = static_cast<char>(engine_());
    return text;
  }
  // Characters of one to four bytes.
  std::string Text() {
    static const char* const kCharacters[] = {
        "a", "/", "\x7f", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    std::string text;
    for (uint32_t left = Below(12); left > 0; --left) text += kCharacters[Below(6)];
    return text;
  }

 private:
  std::mt19937 engine_;
};

// A frame of the control program's, as wskcert reads it.
TesteeMessage ReadByWskcert(const Bytes& frame) {
  FrameReader reader;
  reader.Append(absl::string_view(reinterpret_cast<const char*>(frame.data()), frame.size()));
  TesteeMessage message;
  const absl::StatusOr<bool> got = reader.Next(&message);
  EXPECT_TRUE(got.ok() && *got && reader.left() == 0) << got.status();
  return message;
}

struct Taken {
  Message kind = Message::kNone;
  bool good = false;
  Hello hello;
  PlayMessage play;
  uint32_t id = 0;
};

// Read as the control program does.
Taken ReadByControl(const std::string& payload) {
  // In memory of just this size, so that AddressSanitizer sees every byte too many.
  const std::vector<uint8_t> bytes(payload.begin(), payload.end());
  Taken taken;
  const uint8_t* inner = nullptr;
  size_t size = 0;
  taken.kind = MessageIn(bytes.data(), bytes.size(), &inner, &size);
  taken.good = taken.kind != Message::kNone;
  if (taken.kind == Message::kHello) taken.good = ReadHello(inner, size, &taken.hello);
  if (taken.kind == Message::kPlay) taken.good = ReadPlay(inner, size, &taken.play);
  if (taken.good) taken.id = IdOf(inner, size);
  return taken;
}

void ExpectSame(const wskcert::Hello& theirs, const Hello& ours) {
  EXPECT_EQ(ours.protocol, theirs.protocol());
  EXPECT_EQ(ours.format, theirs.format());
  EXPECT_EQ(ours.provider, theirs.provider());
  EXPECT_EQ(ours.provider_version, theirs.provider_version());
  EXPECT_EQ(ours.provider_sha256, theirs.provider_sha256());
  EXPECT_EQ(ours.host, theirs.host());
  EXPECT_EQ(ours.capabilities, theirs.capabilities());
  EXPECT_EQ(ours.log_capacity, theirs.log_capacity());
  EXPECT_EQ(ours.token, theirs.token());
}

void ExpectSame(const PlayRequest& theirs, const PlayMessage& ours) {
  EXPECT_EQ(ours.id, theirs.id());
  EXPECT_EQ(ours.name, theirs.case_name());
  EXPECT_EQ(std::string(ours.program.begin(), ours.program.end()), theirs.program());
  EXPECT_EQ(ours.timeout_ms, theirs.timeout_ms());
  EXPECT_EQ(ours.settle_scale, theirs.settle_scale());
}

Hello RandomHello(Random* random) {
  Hello hello;
  hello.protocol = static_cast<uint32_t>(random->Number());
  hello.format = static_cast<uint32_t>(random->Number());
  hello.provider = random->Text();
  hello.provider_version = random->Text();
  hello.provider_sha256 = random->Text();
  hello.host = random->Text();
  hello.capabilities = random->Number();
  hello.log_capacity = static_cast<uint32_t>(random->Number());
  hello.settle_ms = static_cast<uint32_t>(random->Number());
  hello.token = random->Text();
  return hello;
}

TEST(ControlWire, WhatItWritesProtobufReads) {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const Hello hello = RandomHello(&random);
    const TesteeMessage read = ReadByWskcert(HelloFrame(hello));
    ExpectSame(read.hello(), hello);
    ASSERT_EQ(read.hello().settle_bounds_size(), hello.settle_ms != 0 ? 1 : 0);
    if (hello.settle_ms != 0) {
      EXPECT_EQ(read.hello().settle_bounds(0).op(), 0u);
      EXPECT_EQ(read.hello().settle_bounds(0).milliseconds(), hello.settle_ms);
    }
    const auto id = static_cast<uint32_t>(random.Number());
    const std::string octets = random.Octets(300);
    const std::string text = random.Text();
    const TesteeMessage answer = ReadByWskcert(AnswerFrame(id, Bytes(octets.begin(), octets.end()), text));
    EXPECT_EQ(answer.played().id(), id);
    EXPECT_EQ(answer.played().log(), octets);
    EXPECT_EQ(answer.played().report(), text);
    const auto kind = static_cast<ErrorKind>(random.Below(6));
    const TesteeMessage error = ReadByWskcert(ErrorFrame(id, kind, text));
    EXPECT_EQ(error.error().id(), id);
    EXPECT_EQ(static_cast<uint32_t>(error.error().kind()), static_cast<uint32_t>(kind));
    EXPECT_EQ(error.error().text(), text);
    const TesteeMessage started = ReadByWskcert(StartedFrame(id, text));
    EXPECT_EQ(started.started().id(), id);
    EXPECT_EQ(started.started().case_name(), text);
    if (HasFailure()) return;
  }
  EXPECT_TRUE(ReadByWskcert(ByeFrame()).has_bye());
}

// libprotobuf writes the same bytes: fields in order, what is 0 or empty left out.
TEST(ControlWire, WritesTheSameBytesAsProtobuf) {
  Random random(2);
  for (int i = 0; i < 1000; ++i) {
    const Hello hello = RandomHello(&random);
    const Bytes frame = HelloFrame(hello);
    EXPECT_EQ(EncodeFrame(ReadByWskcert(frame)), std::string(frame.begin(), frame.end()));
    const Bytes error = ErrorFrame(static_cast<uint32_t>(random.Number()), ErrorKind::kDied, random.Text());
    EXPECT_EQ(EncodeFrame(ReadByWskcert(error)), std::string(error.begin(), error.end()));
  }
}

// Text in a machine's code page, which is not UTF-8, must not make a message unreadable.
TEST(ControlWire, MendsTextThatIsNoUtf8) {
  const google::protobuf::LogSilencer no_complaints;
  EXPECT_EQ(
      ReadByWskcert(ErrorFrame(1, ErrorKind::kFault, "Zugriff verweigert f\xfcr Ger\xe4t")).error().text(),
      "Zugriff verweigert f?r Ger?t");
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    const std::string octets = random.Octets(8);
    const std::string mended = ReadByWskcert(StartedFrame(1, octets)).started().case_name();
    EXPECT_EQ(mended.size(), octets.size());
    for (size_t k = 0; k < octets.size(); ++k) EXPECT_TRUE(mended[k] == octets[k] || mended[k] == '?');
    // What protobuf takes as it is stays as it is.
    TesteeMessage message;
    const std::string as_it_is = std::string("\x32") + static_cast<char>(octets.size() + 2) + "\x12" +
                                 static_cast<char>(octets.size()) + octets;
    if (message.ParseFromString(as_it_is)) EXPECT_EQ(mended, octets);
    if (HasFailure()) return;
  }
}

// Fields of a later version.
void AddUnknown(Random* random, UnknownFieldSet* fields) {
  for (uint32_t left = random->Below(4); left > 0; --left) {
    const int number = static_cast<int>(100 + random->Below(1000000));
    switch (random->Below(4)) {
      case 0:
        fields->AddVarint(number, random->Number());
        break;
      case 1:
        fields->AddFixed32(number, static_cast<uint32_t>(random->Number()));
        break;
      case 2:
        fields->AddFixed64(number, random->Number());
        break;
      default:
        fields->AddLengthDelimited(number, random->Octets(40));
    }
  }
}

template <typename T>
void AddUnknownTo(Random* random, T* message) {
  AddUnknown(random, message->GetReflection()->MutableUnknownFields(message));
}

TesteeMessage RandomMessage(Random* random) {
  TesteeMessage message;
  if (random->Below(3) == 0) {
    wskcert::Hello* hello = message.mutable_hello();
    hello->set_protocol(static_cast<uint32_t>(random->Number()));
    hello->set_format(static_cast<uint32_t>(random->Number()));
    hello->set_provider(random->Text());
    hello->set_provider_version(random->Text());
    hello->set_provider_sha256(random->Text());
    hello->set_host(random->Text());
    hello->set_capabilities(random->Number());
    hello->set_log_capacity(static_cast<uint32_t>(random->Number()));
    hello->set_token(random->Text());
    for (uint32_t left = random->Below(3); left > 0; --left) {
      hello->add_settle_bounds()->set_milliseconds(random->Below(1000));
      hello->add_choices()->set_name(random->Text());
    }
    AddUnknownTo(random, hello);
  } else {
    PlayRequest* play = message.mutable_play();
    play->set_id(static_cast<uint32_t>(random->Number()));
    play->set_case_name(random->Text());
    play->set_program(random->Octets(300));
    play->set_timeout_ms(static_cast<uint32_t>(random->Number()));
    play->set_settle_scale(static_cast<uint32_t>(random->Number()));
    AddUnknownTo(random, play);
  }
  AddUnknownTo(random, &message);
  return message;
}

TEST(ControlWire, WhatProtobufWritesItReads) {
  Random random(4);
  for (int i = 0; i < 4000; ++i) {
    const TesteeMessage message = RandomMessage(&random);
    const Taken taken = ReadByControl(message.SerializeAsString());
    ASSERT_TRUE(taken.good) << message.ShortDebugString();
    ASSERT_EQ(taken.kind, message.has_hello() ? Message::kHello : Message::kPlay);
    if (message.has_hello()) ExpectSame(message.hello(), taken.hello);
    if (message.has_play()) {
      ExpectSame(message.play(), taken.play);
      EXPECT_EQ(taken.id, message.play().id());
    }
    if (HasFailure()) return;
  }
}

bool HasGroup(const UnknownFieldSet& fields) {
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).type() == UnknownField::TYPE_GROUP) return true;
  }
  return false;
}

// Why the control program may refuse what protobuf takes: groups, which nobody writes any more, and a second
// message in the frame.
bool MayBeRefused(const std::string& payload, const TesteeMessage& message) {
  if (HasGroup(message.GetReflection()->GetUnknownFields(message))) return true;
  if (message.has_hello() && HasGroup(message.hello().GetReflection()->GetUnknownFields(message.hello())))
    return true;
  if (message.has_play() && HasGroup(message.play().GetReflection()->GetUnknownFields(message.play())))
    return true;
  UnknownFieldSet fields;
  if (!fields.ParseFromString(payload)) return true;
  int messages = 0;
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    messages +=
        field.type() == UnknownField::TYPE_LENGTH_DELIMITED && field.number() >= 1 && field.number() <= 6;
  }
  return messages != 1;
}

std::string Spoilt(Random* random, std::string payload) {
  for (uint32_t left = 1 + random->Below(3); left > 0; --left) {
    const uint32_t at = random->Below(static_cast<uint32_t>(payload.size()) + 1);
    switch (random->Below(6)) {
      case 0:
        if (at < payload.size()) payload[at] = static_cast<char>(random->Number());
        break;
      case 1:
        if (at < payload.size()) payload[at] = static_cast<char>(payload[at] ^ 1 << random->Below(8));
        break;
      case 2:
        payload.insert(at, random->Octets(6));
        break;
      case 3:
        payload.erase(at, random->Below(6));
        break;
      case 4:
        payload.insert(at, random->Below(12), '\x80');  // numbers that do not end
        break;
      default:
        payload.resize(at);
    }
  }
  return payload;
}

TEST(ControlWire, OfHostileBytesBothSayTheSame) {
  const google::protobuf::LogSilencer no_complaints;
  Random random(5);
  int taken_by_both = 0;
  int refused_by_both = 0;
  for (int i = 0; i < 200000; ++i) {
    const std::string payload = random.Below(8) == 0
                                    ? random.Octets(24)
                                    : Spoilt(&random, RandomMessage(&random).SerializeAsString());
    const Taken taken = ReadByControl(payload);
    TesteeMessage message;
    const bool parsed = message.ParseFromString(payload);
    if (!taken.good) {
      if (!parsed || (!message.has_hello() && !message.has_play())) {
        ++refused_by_both;
        continue;
      }
      EXPECT_TRUE(MayBeRefused(payload, message)) << message.ShortDebugString() << "\n"
                                                  << absl::BytesToHexString(payload);
    } else if (parsed) {
      ASSERT_EQ(static_cast<uint32_t>(taken.kind), static_cast<uint32_t>(message.kind_case()));
      if (message.has_hello()) ExpectSame(message.hello(), taken.hello);
      if (message.has_play()) ExpectSame(message.play(), taken.play);
      ++taken_by_both;
    } else {
      // What it does not look into: the lists in a hello, and messages that a testee never gets.
      EXPECT_NE(taken.kind, Message::kPlay);
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(taken_by_both, 20000);
  EXPECT_GT(refused_by_both, 20000);
}

}  // namespace
}  // namespace wskcert::shim
