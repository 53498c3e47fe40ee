#include "implementations/driver_shim/control/serve.h"

#include <cstdio>

#include "implementations/driver_shim/control/dialogue.h"

namespace wskcert::shim {
namespace {

class PlayerTestee : public Testee {
 public:
  PlayerTestee(Player* player, const Machine& machine) : player_(player), machine_(machine) {}

  Hello Greeting(const std::string& token) override {
    Hello hello;
    hello.protocol = kTesteeProtocol;
    hello.format = kFormatVersion;
    hello.provider = "netio.sys";
    hello.provider_version = machine_.provider_version;
    hello.provider_sha256 = machine_.provider_sha256;
    hello.host = machine_.host;
    hello.capabilities = player_->Capabilities();
    hello.log_capacity = player_->options().log_capacity;
    hello.settle_ms = player_->options().quiet_ms;
    hello.token = token;
    return hello;
  }
  Outcome Play(const PlayMessage& message) override { return player_->Play(message); }

 private:
  Player* const player_;
  const Machine& machine_;
};

class File : public Record {
 public:
  explicit File(HANDLE handle) : handle_(handle) {}

  size_t Read(uint8_t* bytes, size_t size) override {
    DWORD read = 0;
    return ReadFile(handle_, bytes, static_cast<DWORD>(size), &read, nullptr) ? read : 0;
  }
  bool Write(const uint8_t* bytes, size_t size) override {
    while (size != 0) {
      DWORD written = 0;
      if (!WriteFile(handle_, bytes, static_cast<DWORD>(size), &written, nullptr)) return false;
      bytes += written;
      size -= written;
    }
    return true;
  }
  bool CutAt(uint64_t size) override {
    LARGE_INTEGER end;
    end.QuadPart = static_cast<LONGLONG>(size);
    return SetFilePointerEx(handle_, end, nullptr, FILE_BEGIN) && SetEndOfFile(handle_);
  }
  bool Flush() override { return FlushFileBuffers(handle_); }

 private:
  const HANDLE handle_;
};

int StatusOf(Ended ended) {
  switch (ended) {
    case Ended::kDone:
      return 0;
    case Ended::kUnusable:
      return 2;
    default:
      return 3;
  }
}

}  // namespace

int ServeStandardStreams(Player* player, const Machine& machine) {
  PlayerTestee testee(player, machine);
  File in(GetStdHandle(STD_INPUT_HANDLE));
  File out(GetStdHandle(STD_OUTPUT_HANDLE));
  return StatusOf(Serve(&testee, &in, &out));
}

int RecordFiles(Player* player, const Machine& machine, const std::string& suite, const std::string& traces) {
  HANDLE in = CreateFileA(suite.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
  HANDLE out = CreateFileA(traces.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_ALWAYS, 0, nullptr);
  int status = 2;
  if (in == INVALID_HANDLE_VALUE || out == INVALID_HANDLE_VALUE) {
    std::fprintf(stderr, "wskshimctl: %s or %s cannot be opened: %s\n", suite.c_str(), traces.c_str(),
                 ErrorText(GetLastError()).c_str());
  } else {
    PlayerTestee testee(player, machine);
    File pack(in);
    File record(out);
    status = StatusOf(RecordPack(&testee, &pack, &record));
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
