#include "conformance/certify/testee_serve.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "conformance/certify/testee_wire.h"
#include "conformance/certify/trace_io.h"

namespace wskcert {
namespace {

// As the testbed's.
constexpr uint32_t kLogCapacity = 1u << 16;

absl::Status Send(int out, const TesteeMessage& message) {
  const std::string frame = EncodeFrame(message);
  size_t sent = 0;
  while (sent < frame.size()) {
    const ssize_t written = write(out, frame.data() + sent, frame.size() - sent);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return absl::UnavailableError(absl::StrCat("output: ", std::strerror(errno)));
    sent += static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

// The next message; false at the end of the stream.
absl::StatusOr<bool> ReadMessage(int in, FrameReader* reader, TesteeMessage* message) {
  while (true) {
    absl::StatusOr<bool> got = reader->Next(message);
    if (!got.ok() || *got) return got;
    char chunk[65536];
    const ssize_t bytes = read(in, chunk, sizeof(chunk));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return absl::UnavailableError(absl::StrCat("input: ", std::strerror(errno)));
    if (bytes == 0 && reader->left() != 0) return absl::InvalidArgumentError("the last message is cut off");
    if (bytes == 0) return false;
    reader->Append(absl::string_view(chunk, static_cast<size_t>(bytes)));
  }
}

TesteeMessage ErrorMessage(uint32_t id, TesteeError::Kind kind, absl::string_view text) {
  TesteeMessage message;
  message.mutable_error()->set_id(id);
  message.mutable_error()->set_kind(kind);
  message.mutable_error()->set_text(std::string(text));
  return message;
}

class Server {
 public:
  Server(Provider* provider, int in, int out) : provider_(provider), in_(in), out_(out) {}

  absl::Status Run() {
    FrameReader reader;
    TesteeMessage message;
    while (true) {
      const absl::StatusOr<bool> got = ReadMessage(in_, &reader, &message);
      if (!got.ok()) return Refuse(TesteeError::GARBAGE, got.status().message());
      if (!*got || message.has_bye()) return absl::OkStatus();
      if (absl::Status status = Handle(message); !status.ok()) return status;
    }
  }

 private:
  absl::Status Handle(const TesteeMessage& message) {
    if (message.has_hello() && !greeted_) {
      const Hello& hello = message.hello();
      if (hello.protocol() != kTesteeProtocol || hello.format() != kFormatVersion) {
        return Refuse(TesteeError::VERSION, absl::StrCat("protocol ", hello.protocol(), " with format ",
                                                         hello.format(), ": this testee speaks protocol ",
                                                         kTesteeProtocol, " with format ", kFormatVersion));
      }
      greeted_ = true;
      TesteeMessage answer;
      *answer.mutable_hello() = HelloOf(*provider_, hello.token());
      return Send(out_, answer);
    }
    if (!greeted_) return Refuse(TesteeError::GARBAGE, "the first message is no hello");
    if (!message.has_play()) return Refuse(TesteeError::GARBAGE, "a message that is no request");
    TesteeMessage started;
    started.mutable_started()->set_id(message.play().id());
    started.mutable_started()->set_case_name(message.play().case_name());
    if (absl::Status status = Send(out_, started); !status.ok()) return status;
    return Send(out_, AnswerTo(message.play(), provider_));
  }

  // Of the stream: it ends here.
  absl::Status Refuse(TesteeError::Kind kind, absl::string_view text) {
    const absl::Status sent = Send(out_, ErrorMessage(0, kind, text));
    return sent.ok() ? absl::InvalidArgumentError(text) : sent;
  }

  Provider* provider_;
  const int in_;
  const int out_;
  bool greeted_ = false;
};

}  // namespace

Hello HelloOf(const Provider& provider, const std::string& token) {
  Hello hello;
  hello.set_protocol(kTesteeProtocol);
  hello.set_format(kFormatVersion);
  const ProviderIdentity identity = provider.identity();
  hello.set_provider(identity.name);
  hello.set_provider_version(identity.version);
  hello.set_provider_sha256(identity.sha256);
  hello.set_host(identity.host);
  hello.set_capabilities(provider.capabilities());
  hello.set_log_capacity(kLogCapacity);
  for (const NamedChoice& choice : provider.choices()) {
    OfferedChoice* offered = hello.add_choices();
    offered->set_name(choice.name);
    offered->set_kind(choice.kind);
  }
  hello.set_token(token);
  return hello;
}

TesteeMessage AnswerTo(const PlayRequest& request, Provider* provider) {
  const std::string& bytes = request.program();
  const absl::StatusOr<Program> program =
      ParseProgram(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  if (!program.ok()) return ErrorMessage(request.id(), TesteeError::REFUSED, program.status().message());
  const absl::StatusOr<PlayResult> result =
      provider->PlayCase(*program, request.case_name(), request.settle_scale());
  if (!result.ok()) return ErrorMessage(request.id(), TesteeError::FAULT, result.status().message());
  if (result->unreachable) return ErrorMessage(request.id(), TesteeError::CANNOT, result->report);
  if (!result->fault.empty()) return ErrorMessage(request.id(), TesteeError::FAULT, result->fault);
  TesteeMessage answer;
  PlayAnswer* played = answer.mutable_played();
  played->set_id(request.id());
  played->set_log(StoredLog(result->log, result->capabilities));
  played->set_report(result->report);
  played->set_leaked(result->leaked);
  return answer;
}

absl::Status ServeTestee(Provider* provider, int in, int out) { return Server(provider, in, out).Run(); }

}  // namespace wskcert
