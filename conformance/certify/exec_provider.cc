#include "conformance/certify/exec_provider.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/subprocess.h"
#include "conformance/certify/testee_answer.h"
#include "conformance/certify/testee_wire.h"

namespace wskcert {
namespace {

constexpr int kFailedStartsInARow = 5;
constexpr char kToken[] = "live";

using Deadline = Subprocess::Deadline;

Deadline After(absl::Duration duration) {
  return std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(duration);
}

// How waiting for a message ended, if not with one.
struct Trouble {
  enum Kind { kNone, kDied, kHung, kCut, kFault } kind = kNone;
  std::string text;
};

Hello OurHello() {
  Hello hello;
  hello.set_protocol(kTesteeProtocol);
  hello.set_format(kFormatVersion);
  hello.set_provider("wskcert");
  hello.set_provider_version(kToolVersion);
  hello.set_token(kToken);
  return hello;
}

// One running testee: messages to it and from it, until there is trouble.
class Line {
 public:
  static absl::StatusOr<std::unique_ptr<Line>> Open(const std::string& command) {
    absl::StatusOr<std::unique_ptr<Subprocess>> process = Subprocess::Start(command);
    if (!process.ok()) return process.status();
    return std::make_unique<Line>(*std::move(process));
  }
  explicit Line(std::unique_ptr<Subprocess> process) : process_(std::move(process)) {}

  // Says `message` and waits for the next one.
  Trouble Exchange(const TesteeMessage& message, Deadline deadline, TesteeMessage* answer) {
    const std::string frame = EncodeFrame(message);
    absl::string_view rest = frame;
    std::string bytes;
    while (!rest.empty()) {
      const Subprocess::Event event = process_->Next(&rest, &bytes, deadline);
      Trouble trouble = Take(event, &bytes);
      if (rest.empty()) break;
      const absl::StatusOr<bool> early = reader_.Next(answer);
      if (!early.ok()) return {Trouble::kFault, std::string(early.status().message())};
      if (*early && answer->has_bye()) return {};
      if (*early) {
        return {Trouble::kFault,
                absl::StrCat("it sent ", MessageKind(*answer), " before it had read all that it was sent")};
      }
      if (trouble.kind != Trouble::kNone) return trouble;
    }
    return Receive(deadline, answer);
  }

  Trouble Receive(Deadline deadline, TesteeMessage* answer) {
    std::string bytes;
    while (true) {
      const absl::StatusOr<bool> got = reader_.Next(answer);
      if (!got.ok()) return {Trouble::kFault, std::string(got.status().message())};
      if (*got) return {};
      const Subprocess::Event event = process_->Next(nullptr, &bytes, deadline);
      if (Trouble trouble = Take(event, &bytes); trouble.kind != Trouble::kNone) return trouble;
    }
  }

  // It may end by itself; after a moment it is made to. Returns what is wrong with what it still said:
  // nothing but a goodbye is due.
  std::string SayBye(absl::Duration patience) {
    TesteeMessage bye;
    bye.mutable_bye();
    const std::string frame = EncodeFrame(bye);
    absl::string_view rest = frame;
    std::string bytes;
    const Deadline deadline = After(patience);
    bool parted = false;
    std::string wrong = LeftOver(&parted);
    Subprocess::Event event = Subprocess::Event::kOutput;
    while (wrong.empty() && !parted && event == Subprocess::Event::kOutput) {
      event = process_->Next(rest.empty() ? nullptr : &rest, &bytes, deadline);
      if (event == Subprocess::Event::kWritten) {
        process_->CloseInput();
        event = Subprocess::Event::kOutput;
      }
      reader_.Append(bytes);
      bytes.clear();
      wrong = LeftOver(&parted);
    }
    if (wrong.empty() && event == Subprocess::Event::kEnded && reader_.left() != 0) {
      wrong = absl::StrCat("after its last answer it sent ", reader_.left(), " bytes that are no message");
    }
    process_->Kill();
    return wrong;
  }

  Subprocess* process() { return process_.get(); }

 private:
  Trouble Take(Subprocess::Event event, std::string* bytes) {
    switch (event) {
      case Subprocess::Event::kWritten:
        return {};
      case Subprocess::Event::kOutput:
        reader_.Append(*bytes);
        bytes->clear();
        return {};
      case Subprocess::Event::kEnded:
        if (reader_.left() == 0) return {Trouble::kDied, ""};
        return {Trouble::kCut,
                absl::StrCat("byte ", reader_.position(), ": the message there is cut off after ",
                             reader_.left(), " bytes: the testee ")};
      case Subprocess::Event::kTimeout:
        break;
    }
    return {Trouble::kHung, reader_.left() == 0 ? "" : " within a message"};
  }

  // What is wrong with messages that nobody waits for. `parted`: a goodbye was among them.
  std::string LeftOver(bool* parted) {
    TesteeMessage message;
    while (true) {
      const absl::StatusOr<bool> got = reader_.Next(&message);
      if (!got.ok()) return absl::StrCat("after its last answer: ", got.status().message());
      if (!*got || *parted) return "";
      *parted = message.has_bye();
      if (!*parted) return absl::StrCat("it sent ", MessageKind(message), " after its last answer");
    }
  }

  std::unique_ptr<Subprocess> process_;
  FrameReader reader_;
};

class ExecProvider final : public TimedProvider {
 public:
  ExecProvider(std::string name, std::string command, ExecOptions options)
      : name_(std::move(name)), command_(std::move(command)), options_(std::move(options)) {}
  ~ExecProvider() override { Part(); }

  const std::string& name() const override { return name_; }
  uint64_t capabilities() const override { return hello_.capabilities(); }
  std::vector<NamedChoice> choices() const override { return ChoicesOf(hello_); }
  ProviderIdentity identity() const override { return IdentityOf(hello_); }
  bool shares_host() const override { return true; }
  std::string Part() override {
    if (line_ == nullptr) return "";
    std::string wrong = line_->SayBye(options_.part_timeout);
    line_ = nullptr;
    return wrong;
  }

  absl::StatusOr<PlayResult> Play(const Program& program) override { return PlayCase(program, "", 1); }
  absl::StatusOr<PlayResult> PlayCase(const Program& program, const std::string& case_name,
                                      uint32_t settle_scale) override {
    for (int left = 2; left > 0; --left) {
      bool parted = false;
      absl::StatusOr<PlayResult> result =
          PlayOnce(program, case_name, settle_scale, left > 1 ? &parted : nullptr);
      if (!parted) return result;
    }
    return absl::InternalError("not reached");
  }

  // `parted` becomes true, if it is not null, when the testee said bye instead of taking the request: then it
  // is to be asked again, after a new start.
  absl::StatusOr<PlayResult> PlayOnce(const Program& program, const std::string& case_name,
                                      uint32_t settle_scale, bool* parted) {
    if (line_ == nullptr) {
      if (failed_starts_ >= kFailedStartsInARow) {
        return FaultyResult(
            hello_, absl::StrCat("it was not started again: ", failed_starts_, " starts in a row failed"));
      }
      absl::StatusOr<Trouble> trouble = Connect();
      if (!trouble.ok()) return trouble.status();
      if (trouble->kind != Trouble::kNone) {
        ++failed_starts_;
        return Failed(*trouble, "at its start");
      }
      failed_starts_ = 0;
    }
    TesteeMessage message;
    PlayRequest* play = message.mutable_play();
    play->set_id(++last_id_);
    play->set_case_name(case_name);
    play->set_program(program.data(), program.size());
    const absl::Duration timeout = options_.timeout * static_cast<double>(settle_scale);
    play->set_timeout_ms(static_cast<uint32_t>(absl::ToInt64Milliseconds(timeout)));
    play->set_settle_scale(settle_scale);
    const absl::Duration patience =
        options_.patience ? options_.patience(case_name) : timeout * 1.5 + absl::Seconds(1);
    return Ask(message, After(patience), patience, parted);
  }

  // Starts it and says hello.
  absl::StatusOr<Trouble> Connect() {
    absl::StatusOr<std::unique_ptr<Line>> line = Line::Open(command_);
    if (!line.ok()) return line.status();
    line_ = *std::move(line);
    TesteeMessage ours;
    *ours.mutable_hello() = OurHello();
    TesteeMessage theirs;
    patience_ = options_.start_timeout;
    Trouble trouble = line_->Exchange(ours, After(options_.start_timeout), &theirs);
    if (trouble.kind != Trouble::kNone) return trouble;
    if (theirs.has_error()) {
      return Trouble{Trouble::kFault,
                     absl::StrCat("it answers our hello with an error: ", Printable(theirs.error().text()))};
    }
    if (!theirs.has_hello()) {
      return Trouble{Trouble::kFault, absl::StrCat("it begins with ", MessageKind(theirs))};
    }
    if (absl::Status status = CheckHello(theirs.hello(), kToken); !status.ok()) {
      return Trouble{Trouble::kFault, std::string(status.message())};
    }
    if (greeted_ && theirs.hello().SerializeAsString() != hello_.SerializeAsString()) {
      return Trouble{Trouble::kFault, "after its restart it says another hello than before"};
    }
    hello_ = theirs.hello();
    greeted_ = true;
    return Trouble();
  }

  // For a testee that could not be started at all.
  std::string Complaint(const Trouble& trouble) {
    const PlayResult result = Failed(trouble, "at its start");
    return result.fault.empty() ? result.report : result.fault;
  }

 private:
  absl::StatusOr<PlayResult> Ask(const TesteeMessage& request, Deadline deadline, absl::Duration patience,
                                 bool* parted) {
    patience_ = patience;
    const uint32_t id = request.play().id();
    TesteeMessage answer;
    Trouble trouble = line_->Exchange(request, deadline, &answer);
    if (trouble.kind == Trouble::kNone && answer.has_bye() && parted != nullptr) {
      line_->process()->Kill();
      line_ = nullptr;
      *parted = true;
      return PlayResult();
    }
    if (trouble.kind == Trouble::kNone && answer.has_started() && answer.started().id() == id) {
      trouble = line_->Receive(deadline, &answer);
    }
    if (trouble.kind != Trouble::kNone) return Failed(trouble, "while it played");
    PlayResult result;
    const std::string fault = ReadAnswer(answer, hello_, id, &result);
    if (!fault.empty()) return Failed({Trouble::kFault, fault}, "");
    return result;
  }

  // Kills the testee, and says what happened with all that is known.
  PlayResult Failed(const Trouble& trouble, const std::string& when) {
    const std::string how = line_->process()->Kill();
    std::string errors = line_->process()->Errors();
    if (!errors.empty()) errors = absl::StrCat("; it wrote to standard error: ", errors);
    line_ = nullptr;
    switch (trouble.kind) {
      case Trouble::kDied:
        return DeadResult(hello_, Ending::kCrashed, absl::StrCat("the testee ", how, " ", when, errors));
      case Trouble::kHung:
        return DeadResult(hello_, Ending::kTimedOut,
                          absl::StrCat("the testee hung ", when, trouble.text, ": killed after ",
                                       absl::FormatDuration(patience_), errors));
      case Trouble::kCut:
        return FaultyResult(hello_, absl::StrCat(trouble.text, how, errors));
      default:
        return FaultyResult(hello_, absl::StrCat(trouble.text, errors));
    }
  }

  const std::string name_;
  const std::string command_;
  const ExecOptions options_;
  Hello hello_;
  std::unique_ptr<Line> line_;
  absl::Duration patience_;
  uint32_t last_id_ = 0;
  int failed_starts_ = 0;
  bool greeted_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Provider>> MakeExecProvider(const std::string& name,
                                                           const std::string& command,
                                                           const ExecOptions& options) {
  auto provider = std::make_unique<ExecProvider>(name, command, options);
  absl::StatusOr<Trouble> trouble = provider->Connect();
  if (!trouble.ok()) return trouble.status();
  if (trouble->kind != Trouble::kNone) {
    return absl::UnavailableError(
        absl::StrCat("'", command, "' is no testee: ", provider->Complaint(*trouble)));
  }
  return std::unique_ptr<Provider>(std::move(provider));
}

}  // namespace wskcert
