// hostile_testee MODE CASE: a testee over the emulator that is honest until it is asked to play CASE, and
// then misbehaves as MODE says. For exec_provider_test.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <iostream>
#include <string>

#include "conformance/certify/testee_serve.h"
#include "conformance/certify/testee_wire.h"
#include "conformance/certify/trace_io.h"

namespace wskcert {
namespace {

bool Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

void Send(const TesteeMessage& message) {
  if (!Write(EncodeFrame(message))) _exit(1);
}

[[noreturn]] void Sleep() {
  while (true) pause();
}

bool Receive(FrameReader* reader, TesteeMessage* message) {
  while (true) {
    const absl::StatusOr<bool> got = reader->Next(message);
    if (!got.ok()) _exit(1);
    if (*got) return true;
    char chunk[65536];
    const ssize_t bytes = read(STDIN_FILENO, chunk, sizeof(chunk));
    if (bytes <= 0) return false;
    reader->Append(absl::string_view(chunk, static_cast<size_t>(bytes)));
  }
}

void Length(uint32_t length) {
  char bytes[4];
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<char>(length >> (8 * i));
  Write(absl::string_view(bytes, 4));
}

TesteeMessage Error(uint32_t id, TesteeError::Kind kind, const char* text) {
  TesteeMessage message;
  message.mutable_error()->set_id(id);
  message.mutable_error()->set_kind(kind);
  message.mutable_error()->set_text(text);
  return message;
}

// Misbehaves before it has said hello. False: not in this mode.
void AtTheStart(const std::string& mode, const std::string& flag) {
  if (mode == "start-crash") {
    signal(SIGSEGV, SIG_DFL);  // a sanitizer would handle it
    raise(SIGSEGV);
  }
  if (mode == "start-hang") Sleep();
  if (mode == "start-garbage") {
    Write("Welcome to the testee!\n");
    Sleep();
  }
  if (mode == "restart-fails") {
    // The second start and all later ones.
    const int fd = open(flag.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (fd < 0) {
      std::cerr << "the licence has expired\n";
      _exit(7);
    }
    close(fd);
  }
}

class Hostile {
 public:
  Hostile(std::string mode, Provider* provider) : mode_(std::move(mode)), provider_(provider) {}

  // Misbehaves on a request. True: it was answered; false: to be answered honestly.
  bool OnRequest(const PlayRequest& request) {
    TesteeMessage honest = AnswerTo(request, provider_);
    last_ = honest;
    return Ends() || Streams(honest) || Answers(request, &honest);
  }

  // Misbehaves once it was told that nothing more is to be played.
  void AtTheEnd() {
    if (mode_ == "parting-answer") Send(last_);
    if (mode_ == "parting-flood") {
      while (Write(EncodeFrame(last_))) {
      }
    }
    if (mode_ == "parting-text") Write("Thank you for using testee!\n");
    if (mode_ == "parting-cut") Write(absl::string_view(EncodeFrame(last_)).substr(0, 100));
    if (mode_ == "parting-bye") {
      TesteeMessage bye;
      bye.mutable_bye();
      Send(bye);
    }
    if (mode_ == "parting-crash") {
      signal(SIGSEGV, SIG_DFL);
      raise(SIGSEGV);
    }
  }

 private:
  bool Ends() {
    if (mode_ == "crash") {
      std::cerr << "about to fault\n";
      const rlimit none = {0, 0};
      setrlimit(RLIMIT_CORE, &none);
      signal(SIGSEGV, SIG_DFL);  // a sanitizer would handle it
      raise(SIGSEGV);
    }
    if (mode_ == "exit") _exit(3);
    if (mode_ == "hang") Sleep();
    if (mode_ == "closes") {
      close(STDOUT_FILENO);
      Sleep();
    }
    if (mode_ == "orphan") {
      // A grandchild keeps the pipe open; in the same group, so that it is killed as well.
      if (fork() == 0) Sleep();
      _exit(3);
    }
    return false;
  }

  bool Streams(const TesteeMessage& honest) {
    const std::string frame = EncodeFrame(honest);
    if (mode_ == "truncates") {
      Write(absl::string_view(frame).substr(0, frame.size() / 2));
      _exit(0);
    }
    if (mode_ == "stops") {
      Write(absl::string_view(frame).substr(0, frame.size() / 2));
      Sleep();
    }
    if (mode_ == "garbage") Length(5), Write("hello"), Sleep();
    if (mode_ == "text") Write("segmentation fault (core dumped)\n"), Sleep();
    if (mode_ == "no-length") Length(0), Sleep();
    if (mode_ == "huge-length") Length(0xFFFFFFF0), Sleep();
    if (mode_ == "short-length") {
      // The length says one byte less than there are.
      Length(static_cast<uint32_t>(frame.size() - kFrameHeaderBytes - 1));
      Write(absl::string_view(frame).substr(kFrameHeaderBytes)), Sleep();
    }
    if (mode_ == "long-length") {
      Length(static_cast<uint32_t>(frame.size() - kFrameHeaderBytes + 1));
      Write(absl::string_view(frame).substr(kFrameHeaderBytes)), Sleep();
    }
    if (mode_ == "flood") {
      while (Write(frame)) {
      }
      _exit(0);
    }
    if (mode_ == "flood-marks") {
      TesteeMessage started;
      started.mutable_started()->set_id(honest.played().id());
      while (true) Send(started);
    }
    if (mode_ == "flood-bytes") {
      const std::string noise(65536, '\xAA');
      while (Write(noise)) {
      }
      _exit(0);
    }
    if (mode_ == "talks") {
      const std::string line(1023, 'x');
      for (int i = 0; i < 16384; ++i) std::cerr << line << "\n";
      std::cerr << "the last word" << std::endl;
      _exit(5);
    }
    return false;
  }

  bool Answers(const PlayRequest& request, TesteeMessage* honest) {
    PlayAnswer* played = honest->mutable_played();
    std::string* log = played->mutable_log();
    if (mode_ == "twice") Send(*honest);
    if (mode_ == "wrong-id") played->set_id(request.id() + 1000);
    if (mode_ == "late") {
      played->set_id(request.id() - 1);
    } else if (mode_ == "empty-log") {
      log->clear();
    } else if (mode_ == "log-magic") {
      (*log)[0] = 'X';
    } else if (mode_ == "log-size") {
      log->resize(log->size() - 1);
    } else if (mode_ == "log-records") {
      // An observation that refers to a later one.
      const uint32_t far = 1u << 30;
      std::memcpy(log->data() + sizeof(LogHeader) + offsetof(Observation, enclosing), &far, sizeof(far));
    } else if (mode_ == "log-end") {
      const absl::StatusOr<LoadedTrace> trace = ParseTrace(*log, "log");
      *log = StoredLog(absl::MakeConstSpan(trace->log).subspan(0, trace->log.size() - 1),
                       trace->header.capabilities());
    } else if (mode_ == "capabilities") {
      (*log)[offsetof(LogHeader, capabilities)] ^= 1;
    } else if (mode_ == "error-died") {
      *honest = Error(request.id(), TesteeError::DIED, "winedevice is gone");
    } else if (mode_ == "error-fault") {
      *honest = Error(request.id(), TesteeError::FAULT, "out of paper");
    } else if (mode_ == "error-cannot") {
      *honest = Error(request.id(), TesteeError::CANNOT, "no such network here");
    } else if (mode_ == "error-stream") {
      *honest = Error(0, TesteeError::FAULT, "I give up");
    } else if (mode_ == "hello-again") {
      *honest->mutable_hello() = HelloOf(*provider_, "live");
    } else if (mode_ == "bye") {
      honest->mutable_bye();
    }
    Send(*honest);
    return true;
  }

  const std::string mode_;
  Provider* const provider_;
  TesteeMessage last_;
};

int Main(const std::string& mode, const std::string& when, const std::string& flag) {
  AtTheStart(mode, flag);
  ProviderOptions options;
  options.in_process = true;
  absl::StatusOr<std::unique_ptr<Provider>> provider = MakeProvider("emulator", options);
  Hostile hostile(mode, provider->get());
  FrameReader reader;
  TesteeMessage message;
  bool misbehaved = false;
  while (Receive(&reader, &message) && !message.has_bye()) {
    if (message.has_hello()) {
      TesteeMessage answer;
      *answer.mutable_hello() = HelloOf(**provider, message.hello().token());
      // What only the restarted one says.
      if (mode == "changes-hello" && access(flag.c_str(), F_OK) == 0)
        answer.mutable_hello()->set_host("elsewhere");
      if (mode == "old-protocol") answer.mutable_hello()->set_protocol(99);
      Send(answer);
      if (mode == "unasked") Send(AnswerTo(PlayRequest(), provider->get()));
      continue;
    }
    if (mode == "changes-hello" && message.play().case_name() == when) {
      close(open(flag.c_str(), O_CREAT | O_WRONLY, 0600));
      _exit(3);
    }
    if (mode == "restart-fails" && message.play().case_name() == when) _exit(3);
    if (message.play().case_name() == when && !misbehaved) {
      misbehaved = mode != "honest";
      hostile.OnRequest(message.play());
      continue;
    }
    Send(AnswerTo(message.play(), provider->get()));
    if (mode == "parts" || mode == "parts-badly") {
      TesteeMessage bye;
      bye.mutable_bye();
      Send(bye);
      if (mode == "parts-badly") Sleep();
      return 0;
    }
  }
  // As long as its stdin is open it would have gone on.
  if (misbehaved) hostile.AtTheEnd();
  return 0;
}

}  // namespace
}  // namespace wskcert

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  return wskcert::Main(argv[1], argv[2], argc > 3 ? argv[3] : "");
}
