#include "implementations/driver_shim/control/serve.h"

#include <cstdio>
#include <set>

namespace wskcert::shim {
namespace {

enum class Got { kFrame, kEnd, kCut };

bool ReadExactly(HANDLE file, uint8_t* bytes, size_t size, bool* any) {
  size_t read = 0;
  while (read < size) {
    DWORD now = 0;
    if (!ReadFile(file, bytes + read, static_cast<DWORD>(size - read), &now, nullptr) || now == 0) break;
    read += now;
  }
  *any = read != 0;
  return read == size;
}

// One frame's payload.
Got ReadFrame(HANDLE file, Bytes* payload) {
  uint8_t length[4];
  bool any = false;
  if (!ReadExactly(file, length, sizeof(length), &any)) return any ? Got::kCut : Got::kEnd;
  const uint32_t size = length[0] | length[1] << 8 | length[2] << 16 | static_cast<uint32_t>(length[3]) << 24;
  if (size == 0 || size > kMaxFrame) return Got::kCut;
  payload->resize(size);
  return ReadExactly(file, payload->data(), size, &any) ? Got::kFrame : Got::kCut;
}

bool Write(HANDLE file, const Bytes& frame) {
  size_t written = 0;
  while (written < frame.size()) {
    DWORD now = 0;
    if (!WriteFile(file, frame.data() + written, static_cast<DWORD>(frame.size() - written), &now, nullptr))
      return false;
    written += now;
  }
  return true;
}

Hello OurHello(const Player& player, const Machine& machine, const std::string& token) {
  Hello hello;
  hello.protocol = kTesteeProtocol;
  hello.format = kFormatVersion;
  hello.provider = "netio.sys";
  hello.provider_version = machine.provider_version;
  hello.provider_sha256 = machine.provider_sha256;
  hello.host = machine.host;
  hello.capabilities = player.Capabilities();
  hello.log_capacity = player.options().log_capacity;
  hello.settle_ms = player.options().quiet_ms;
  hello.token = token;
  return hello;
}

Bytes AnswerOf(uint32_t id, const Outcome& outcome) {
  return outcome.played ? AnswerFrame(id, outcome.log, outcome.text)
                        : ErrorFrame(id, outcome.error, outcome.text);
}

}  // namespace

int Serve(Player* player, const Machine& machine) {
  HANDLE in = GetStdHandle(STD_INPUT_HANDLE);
  HANDLE out = GetStdHandle(STD_OUTPUT_HANDLE);
  Bytes payload;
  for (;;) {
    const Got got = ReadFrame(in, &payload);
    if (got == Got::kEnd) return 0;
    const uint8_t* inner = nullptr;
    size_t size = 0;
    const Message message =
        got == Got::kFrame ? MessageIn(payload.data(), payload.size(), &inner, &size) : Message::kNone;
    if (message == Message::kHello) {
      Hello hello;
      if (ReadHello(inner, size, &hello) && hello.protocol == kTesteeProtocol &&
          hello.format == kFormatVersion) {
        if (!Write(out, HelloFrame(OurHello(*player, machine, hello.token)))) return 0;
        continue;
      }
      Write(out, ErrorFrame(0, ErrorKind::kVersion, "this speaks protocol 1 and format 1"));
      return 0;
    }
    if (message == Message::kBye) return 0;
    PlayMessage play;
    if (message != Message::kPlay || !ReadPlay(inner, size, &play)) {
      Write(out, ErrorFrame(0, ErrorKind::kGarbage, "a frame that cannot be read"));
      return 0;
    }
    const Outcome outcome = player->Play(play);
    if (outcome.device_lost || (!outcome.played && outcome.worn_out)) {
      // What starts us again has to bring up a new driver; the case at hand has no log.
      std::fprintf(stderr, "wskshimctl: %s: %s\n", play.name.c_str(), outcome.text.c_str());
      return 3;
    }
    if (!Write(out, AnswerOf(play.id, outcome))) return 0;
    if (outcome.worn_out) {
      Write(out, ByeFrame());
      return 0;
    }
  }
}

namespace {

// What a file of traces has already.
struct Progress {
  std::set<uint32_t> started;
  LONGLONG whole = 0;  // bytes of whole frames
  bool said_bye = false;
};

Progress ReadProgress(HANDLE file) {
  Progress progress;
  Bytes payload;
  while (ReadFrame(file, &payload) == Got::kFrame) {
    const uint8_t* inner = nullptr;
    size_t size = 0;
    const Message message = MessageIn(payload.data(), payload.size(), &inner, &size);
    if (message == Message::kStarted) progress.started.insert(IdOf(inner, size));
    progress.said_bye = message == Message::kBye;
    progress.whole += static_cast<LONGLONG>(payload.size()) + 4;
  }
  return progress;
}

bool Append(HANDLE file, const Bytes& frame) { return Write(file, frame) && FlushFileBuffers(file); }

int RecordPlay(Player* player, HANDLE traces, const PlayMessage& play) {
  if (!Append(traces, StartedFrame(play.id))) return 2;
  const Outcome outcome = player->Play(play);
  if (outcome.device_lost || (!outcome.played && outcome.worn_out)) {
    std::fprintf(stderr, "wskshimctl: %s: %s\n", play.name.c_str(), outcome.text.c_str());
    return 3;
  }
  if (!Append(traces, AnswerOf(play.id, outcome))) return 2;
  return outcome.worn_out ? 3 : 0;
}

int RecordAll(Player* player, const Machine& machine, HANDLE suite, HANDLE traces) {
  const Progress progress = ReadProgress(traces);
  LARGE_INTEGER end;
  end.QuadPart = progress.whole;
  if (!SetFilePointerEx(traces, end, nullptr, FILE_BEGIN) || !SetEndOfFile(traces)) return 2;
  if (progress.said_bye) return 0;
  Bytes payload;
  for (;;) {
    const Got got = ReadFrame(suite, &payload);
    if (got != Got::kFrame) return got == Got::kEnd ? 0 : 2;
    const uint8_t* inner = nullptr;
    size_t size = 0;
    switch (MessageIn(payload.data(), payload.size(), &inner, &size)) {
      case Message::kHello: {
        Hello hello;
        if (!ReadHello(inner, size, &hello) || hello.protocol != kTesteeProtocol ||
            hello.format != kFormatVersion)
          return 2;
        if (!Append(traces, HelloFrame(OurHello(*player, machine, hello.token)))) return 2;
        break;
      }
      case Message::kPlay: {
        PlayMessage play;
        if (!ReadPlay(inner, size, &play)) return 2;
        if (progress.started.count(play.id) != 0) break;
        const int status = RecordPlay(player, traces, play);
        if (status != 0) return status;
        break;
      }
      case Message::kBye:
        return Append(traces, ByeFrame()) ? 0 : 2;
      default:
        return 2;
    }
  }
}

}  // namespace

int Record(Player* player, const Machine& machine, const std::string& suite, const std::string& traces) {
  HANDLE in = CreateFileA(suite.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
  HANDLE out = CreateFileA(traces.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_ALWAYS, 0, nullptr);
  int status = 2;
  if (in == INVALID_HANDLE_VALUE || out == INVALID_HANDLE_VALUE) {
    std::fprintf(stderr, "wskshimctl: %s or %s cannot be opened: %s\n", suite.c_str(), traces.c_str(),
                 ErrorText(GetLastError()).c_str());
  } else {
    status = RecordAll(player, machine, in, out);
    if (status == 2)
      std::fprintf(stderr, "wskshimctl: %s cannot be read, or %s not written\n", suite.c_str(),
                   traces.c_str());
    if (status == 3)
      std::fprintf(stderr, "wskshimctl: restart the machine, load the driver, and record again\n");
  }
  if (in != INVALID_HANDLE_VALUE) CloseHandle(in);
  if (out != INVALID_HANDLE_VALUE) CloseHandle(out);
  return status;
}

}  // namespace wskcert::shim
