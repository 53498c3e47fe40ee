#include "implementations/driver_shim/control/dialogue.h"

#include <cstdio>
#include <set>

#include "conformance/executor/format.h"

namespace wskcert::shim {
namespace {

enum class Got { kFrame, kEnd, kCut };

size_t ReadExactly(Stream* stream, uint8_t* bytes, size_t size) {
  size_t read = 0;
  while (read < size) {
    const size_t now = stream->Read(bytes + read, size - read);
    if (now == 0) break;
    read += now;
  }
  return read;
}

// One frame's payload.
Got ReadFrame(Stream* stream, Bytes* payload) {
  uint8_t length[4];
  const size_t read = ReadExactly(stream, length, sizeof(length));
  if (read != sizeof(length)) return read == 0 ? Got::kEnd : Got::kCut;
  const uint32_t size = length[0] | length[1] << 8 | length[2] << 16 | static_cast<uint32_t>(length[3]) << 24;
  if (size == 0 || size > kMaxFrame) return Got::kCut;
  payload->resize(size);
  return ReadExactly(stream, payload->data(), size) == size ? Got::kFrame : Got::kCut;
}

bool Write(Stream* stream, const Bytes& frame) { return stream->Write(frame.data(), frame.size()); }

bool Append(Record* record, const Bytes& frame) { return Write(record, frame) && record->Flush(); }

Bytes AnswerOf(uint32_t id, const Outcome& outcome) {
  return outcome.played ? AnswerFrame(id, outcome.log, outcome.text)
                        : ErrorFrame(id, outcome.error, outcome.text);
}

// The case at hand has no log, and what comes next has no driver.
bool IsLost(const PlayMessage& play, const Outcome& outcome) {
  if (!outcome.device_lost && (outcome.played || !outcome.worn_out)) return false;
  std::fprintf(stderr, "wskshimctl: %s: %s\n", play.name.c_str(), outcome.text.c_str());
  return true;
}

bool IsOurVersion(const Hello& hello) {
  return hello.protocol == kTesteeProtocol && hello.format == kFormatVersion;
}

// What a record has already.
struct Progress {
  std::set<uint32_t> started;
  uint64_t whole = 0;  // bytes of whole frames
  bool said_bye = false;
};

Progress ReadProgress(Record* record) {
  Progress progress;
  Bytes payload;
  while (ReadFrame(record, &payload) == Got::kFrame) {
    const uint8_t* inner = nullptr;
    size_t size = 0;
    const Message message = MessageIn(payload.data(), payload.size(), &inner, &size);
    if (message == Message::kStarted) progress.started.insert(IdOf(inner, size));
    progress.said_bye = message == Message::kBye;
    progress.whole += payload.size() + 4;
  }
  return progress;
}

Ended RecordPlay(Testee* testee, Record* record, const PlayMessage& play) {
  if (!Append(record, StartedFrame(play.id, play.name))) return Ended::kUnusable;
  const Outcome outcome = testee->Play(play);
  if (IsLost(play, outcome)) return Ended::kDriverLost;
  if (!Append(record, AnswerOf(play.id, outcome))) return Ended::kUnusable;
  return outcome.worn_out ? Ended::kDriverLost : Ended::kDone;
}

}  // namespace

Ended Serve(Testee* testee, Stream* in, Stream* out) {
  Bytes payload;
  for (;;) {
    const Got got = ReadFrame(in, &payload);
    if (got == Got::kEnd) return Ended::kDone;
    const uint8_t* inner = nullptr;
    size_t size = 0;
    const Message message =
        got == Got::kFrame ? MessageIn(payload.data(), payload.size(), &inner, &size) : Message::kNone;
    if (message == Message::kBye) return Ended::kDone;
    if (message == Message::kHello) {
      Hello hello;
      if (!ReadHello(inner, size, &hello) || !IsOurVersion(hello)) {
        Write(out, ErrorFrame(0, ErrorKind::kVersion, "this speaks protocol 1 and format 1"));
        return Ended::kDone;
      }
      if (!Write(out, HelloFrame(testee->Greeting(hello.token)))) return Ended::kDone;
      continue;
    }
    PlayMessage play;
    if (message != Message::kPlay || !ReadPlay(inner, size, &play)) {
      Write(out, ErrorFrame(0, ErrorKind::kGarbage, "a frame that cannot be read"));
      return Ended::kDone;
    }
    const Outcome outcome = testee->Play(play);
    if (IsLost(play, outcome)) return Ended::kDriverLost;
    if (!Write(out, AnswerOf(play.id, outcome))) return Ended::kDone;
    if (outcome.worn_out) {
      Write(out, ByeFrame());
      return Ended::kDone;
    }
  }
}

Ended RecordPack(Testee* testee, Stream* pack, Record* record) {
  const Progress progress = ReadProgress(record);
  if (!record->CutAt(progress.whole)) return Ended::kUnusable;
  if (progress.said_bye) return Ended::kDone;
  Bytes payload;
  for (;;) {
    const Got got = ReadFrame(pack, &payload);
    if (got != Got::kFrame) return got == Got::kEnd ? Ended::kDone : Ended::kUnusable;
    const uint8_t* inner = nullptr;
    size_t size = 0;
    switch (MessageIn(payload.data(), payload.size(), &inner, &size)) {
      case Message::kHello: {
        Hello hello;
        if (!ReadHello(inner, size, &hello) || !IsOurVersion(hello)) return Ended::kUnusable;
        if (!Append(record, HelloFrame(testee->Greeting(hello.token)))) return Ended::kUnusable;
        break;
      }
      case Message::kPlay: {
        PlayMessage play;
        if (!ReadPlay(inner, size, &play)) return Ended::kUnusable;
        if (progress.started.count(play.id) != 0) break;
        if (const Ended ended = RecordPlay(testee, record, play); ended != Ended::kDone) return ended;
        break;
      }
      case Message::kBye:
        return Append(record, ByeFrame()) ? Ended::kDone : Ended::kUnusable;
      default:
        return Ended::kUnusable;
    }
  }
}

}  // namespace wskcert::shim
