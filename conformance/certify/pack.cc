#include "conformance/certify/pack.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/play_order.h"
#include "conformance/certify/run_case.h"
#include "conformance/certify/testee_answer.h"
#include "conformance/certify/testee_wire.h"
#include "conformance/certify/timed.h"
#include "conformance/certify/trace_io.h"

namespace wskcert {
namespace {

// Every case as a request, with choices and schedule: whoever has none ignores them.
absl::StatusOr<std::vector<PlayRequest>> Requests(const Suite& suite, uint32_t timeout_ms) {
  const std::vector<NamedChoice> choices = EmulatorChoices();
  std::vector<PlayRequest> requests;
  for (const NamedCase& candidate : suite.cases()) {
    const absl::StatusOr<Program> program = Compile(candidate.body().sequence(), choices);
    if (!program.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(candidate.name(), ": ", program.status().message()));
    }
    PlayRequest request;
    request.set_id(static_cast<uint32_t>(requests.size() + 1));
    request.set_case_name(candidate.name());
    request.set_program(program->data(), program->size());
    request.set_timeout_ms(timeout_ms);
    request.set_settle_scale(1);
    requests.push_back(std::move(request));
  }
  return requests;
}

std::string TokenOf(const std::vector<PlayRequest>& requests) {
  std::string all;
  for (const PlayRequest& request : requests)
    absl::StrAppend(&all, request.case_name(), "\n", request.program());
  return Sha256Hex(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(all.data()), all.size()));
}

// What the record has about one request.
struct Recorded {
  uint32_t id = 0;
  int answers = 0;
  TesteeMessage answer;
  std::string stream_error;
};

class PackProvider : public TimedProvider {
 public:
  // `cases`: requests with larger numbers are for more time.
  PackProvider(std::string name, uint32_t cases) : name_(std::move(name)), cases_(cases) {}

  const std::string& name() const override { return name_; }
  uint64_t capabilities() const override { return hello_.capabilities(); }
  std::vector<NamedChoice> choices() const override { return ChoicesOf(hello_); }
  ProviderIdentity identity() const override { return IdentityOf(hello_); }

  absl::StatusOr<PlayResult> Play(const Program& program) override { return PlayCase(program, "", 1); }
  absl::StatusOr<PlayResult> PlayCase(const Program&, const std::string& case_name,
                                      uint32_t settle_scale) override {
    const auto& records = settle_scale == 1 ? recorded_ : longer_;
    const auto found = records.find(case_name);
    if (found == records.end()) {
      return FaultyResult(hello_, settle_scale == 1 ? absl::StrCat("the record has no case '", case_name, "'")
                                                    : "a record cannot be played again");
    }
    const Recorded& recorded = found->second;
    if (recorded.answers > 1) {
      return FaultyResult(hello_, absl::StrCat("request ", recorded.id, " was answered again"));
    }
    if (!recorded.stream_error.empty()) return FaultyResult(hello_, recorded.stream_error);
    if (recorded.answers == 0) {
      return DeadResult(hello_, Ending::kCrashed,
                        "the record has its beginning and no answer: the machine died");
    }
    PlayResult result;
    const std::string fault = ReadAnswer(recorded.answer, hello_, recorded.id, &result);
    if (!fault.empty()) return FaultyResult(hello_, fault);
    return result;
  }

  // The next message of the record. What is wrong with it, if something is.
  std::string Add(TesteeMessage message, const std::string& token) {
    auto id = message.played().id();
    switch (message.kind_case()) {
      case TesteeMessage::kHello:
        return AddHello(message.hello(), token);
      case TesteeMessage::kStarted:
        return AddStarted(message.started());
      case TesteeMessage::kPlayed:
        id = message.played().id();
        return AddAnswer(id, std::move(message));
      case TesteeMessage::kError:
        id = message.error().id();
        if (id != 0) return AddAnswer(id, std::move(message));
        if (current_ == nullptr || current_->answers > 0) return "an error of the stream between two cases";
        current_->stream_error = absl::StrCat("the recorder says: ", Printable(message.error().text()));
        return "";
      case TesteeMessage::kBye:
        return "";
      default:
        return absl::StrCat(MessageKind(message), " has no place in a record");
    }
  }

 private:
  std::string AddHello(const Hello& hello, const std::string& token) {
    if (hello.token() != token) {
      return absl::StrCat("it was recorded with another suite (token '", Printable(hello.token(), 64),
                          "', this suite's is '", token, "')");
    }
    if (hello.provider() == "wskcert" && hello.log_capacity() == 0) {
      return "this is what `wskcert pack` wrote; a recorder's answer to it is wanted";
    }
    if (absl::Status status = CheckHello(hello, token); !status.ok()) return std::string(status.message());
    if (greeted_ && hello.SerializeAsString() != hello_.SerializeAsString()) {
      return "its recorder says another hello later than at first";
    }
    hello_ = hello;
    greeted_ = true;
    current_ = nullptr;
    return "";
  }

  std::string AddStarted(const Started& started) {
    if (!greeted_) return "it does not begin with a hello";
    if (started.id() == 0) return "a case is marked with number 0";
    const std::string name = Printable(started.case_name(), 256);
    auto& records = started.id() <= cases_ ? recorded_ : longer_;
    const auto [at, is_new] = records.try_emplace(started.case_name());
    if (!is_new) return absl::StrCat("case '", name, "' is recorded twice");
    if (!by_id_.emplace(started.id(), &at->second).second) {
      return absl::StrCat("two cases are marked with number ", started.id());
    }
    current_ = &at->second;
    current_->id = started.id();
    return "";
  }

  std::string AddAnswer(uint32_t id, TesteeMessage message) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return absl::StrCat("request ", id, " is answered and was not started");
    ++found->second->answers;
    found->second->answer = std::move(message);
    return "";
  }

  const std::string name_;
  const uint32_t cases_;
  Hello hello_;
  bool greeted_ = false;
  std::map<std::string, Recorded> recorded_;  // by the case's name; nodes stay where they are
  std::map<std::string, Recorded> longer_;    // the same, with more time
  std::map<uint32_t, Recorded*> by_id_;
  Recorded* current_ = nullptr;
};

// Asks a record for what a provider that can be played would be asked for, and notes what it lacks.
class Asked : public Provider {
 public:
  explicit Asked(Provider* record) : record_(record) {}
  const std::string& name() const override { return record_->name(); }
  uint64_t capabilities() const override { return record_->capabilities(); }
  std::vector<NamedChoice> choices() const override { return record_->choices(); }
  absl::StatusOr<PlayResult> Play(const Program& program) override { return PlayCase(program, "", 1); }
  absl::StatusOr<PlayResult> PlayCase(const Program& program, const std::string& case_name,
                                      uint32_t settle_scale) override {
    absl::StatusOr<PlayResult> result = record_->PlayCase(program, case_name, settle_scale);
    if (settle_scale != 1 && result.ok() && !result->fault.empty()) lacking_.insert(case_name);
    return result;
  }
  // No more than would do if each were in vain.
  std::string WhyNotTimeAnew(const Silences::Missed& missed) override {
    std::string why_not = record_->WhyNotTimeAnew(missed);
    if (why_not.empty() && ++asked_[missed] > Silences::kEnough) why_not = "others are asked for";
    return why_not;
  }
  void TimedAnew(const Silences::Missed& missed, const std::string& case_name, bool again) override {
    record_->TimedAnew(missed, case_name, again);
    if (!again) asked_[missed] = 0;
  }
  const std::set<std::string>& lacking() const { return lacking_; }

 private:
  Provider* const record_;
  std::set<std::string> lacking_;
  std::map<Silences::Missed, uint32_t> asked_;
};

TesteeMessage PackHello(const std::vector<PlayRequest>& requests) {
  TesteeMessage message;
  Hello* hello = message.mutable_hello();
  hello->set_protocol(kTesteeProtocol);
  hello->set_format(kFormatVersion);
  hello->set_provider("wskcert");
  hello->set_provider_version(kToolVersion);
  hello->set_token(TokenOf(requests));
  return message;
}

}  // namespace

absl::StatusOr<std::string> PackToken(const Suite& suite) {
  const absl::StatusOr<std::vector<PlayRequest>> requests = Requests(suite, 0);
  if (!requests.ok()) return requests.status();
  return TokenOf(*requests);
}

absl::StatusOr<std::string> MakePack(const Suite& suite, const std::string& filter, uint32_t timeout_ms) {
  absl::StatusOr<std::vector<PlayRequest>> requests = Requests(suite, timeout_ms);
  if (!requests.ok()) return requests.status();
  TesteeMessage message = PackHello(*requests);
  std::string pack = EncodeFrame(message);
  bool any = false;
  std::vector<const NamedCase*> cases;
  for (const NamedCase& candidate : suite.cases()) cases.push_back(&candidate);
  for (const size_t i : KillersLast(cases).cases) {
    PlayRequest& request = (*requests)[i];
    if (!absl::StrContains(request.case_name(), filter)) continue;
    *message.mutable_play() = std::move(request);
    pack += EncodeFrame(message);
    any = true;
  }
  if (!any) return absl::NotFoundError(absl::StrCat("no case matches '", filter, "'"));
  message.mutable_bye();
  return pack + EncodeFrame(message);
}

absl::StatusOr<std::string> MakePackForMoreTime(const Suite& suite, Provider* record, model::Profile profile,
                                                uint32_t timeout_ms) {
  absl::StatusOr<std::vector<PlayRequest>> requests = Requests(suite, timeout_ms);
  if (!requests.ok()) return requests.status();
  Asked asked(record);
  model::Judge judge(profile);
  for (const NamedCase& candidate : suite.cases()) {
    const absl::StatusOr<CaseRun> run = RunCase(&asked, &judge, candidate.name(), candidate.body(), "");
    if (!run.ok()) return run.status();
  }
  TesteeMessage message = PackHello(*requests);
  std::string pack = EncodeFrame(message);
  for (PlayRequest& request : *requests) {
    if (asked.lacking().count(request.case_name()) == 0) continue;
    request.set_id(static_cast<uint32_t>(suite.cases_size()) + request.id());
    request.set_settle_scale(kLongSettleScale);
    request.set_timeout_ms(timeout_ms * kLongSettleScale);
    *message.mutable_play() = std::move(request);
    pack += EncodeFrame(message);
  }
  if (asked.lacking().empty()) {
    return absl::NotFoundError(
        absl::StrCat(record->name(), ": there is no case that more time could tell something about"));
  }
  message.mutable_bye();
  return pack + EncodeFrame(message);
}

bool LooksLikePack(absl::string_view contents) {
  FrameReader reader;
  reader.Append(contents.substr(0, 1u << 16));
  TesteeMessage message;
  const absl::StatusOr<bool> got = reader.Next(&message);
  return got.ok() && *got && message.has_hello();
}

absl::StatusOr<std::unique_ptr<Provider>> MakePackProvider(const std::string& name,
                                                           absl::string_view contents, const Suite& suite) {
  const absl::StatusOr<std::string> token = PackToken(suite);
  if (!token.ok()) return token.status();
  bool cut = false;
  absl::StatusOr<std::vector<TesteeMessage>> messages = ReadPack(contents, name, &cut);
  if (!messages.ok()) return messages.status();
  auto provider = std::make_unique<PackProvider>(name, static_cast<uint32_t>(suite.cases_size()));
  if (messages->empty() || !messages->front().has_hello()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": it does not begin with a hello"));
  }
  for (size_t i = 0; i < messages->size(); ++i) {
    const std::string wrong = provider->Add(std::move((*messages)[i]), *token);
    if (!wrong.empty()) return absl::InvalidArgumentError(absl::StrCat(name, ": message ", i, ": ", wrong));
  }
  return std::unique_ptr<Provider>(std::move(provider));
}

}  // namespace wskcert
