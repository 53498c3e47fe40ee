#include "conformance/certify/testee_answer.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "conformance/certify/trace_io.h"

namespace wskcert {
namespace {

std::string ReadPlayed(const PlayAnswer& played, const Hello& hello, PlayResult* out) {
  uint32_t magic = 0;
  const std::string& bytes = played.log();
  if (bytes.size() >= sizeof(LogHeader)) std::memcpy(&magic, bytes.data(), sizeof(magic));
  if (magic != kLogMagic) return absl::StrCat("its log of ", bytes.size(), " bytes does not begin as one");
  absl::StatusOr<LoadedTrace> trace = ParseTrace(bytes, "its log");
  if (!trace.ok()) return std::string(trace.status().message());
  if (trace->log.empty() || static_cast<Seen>(trace->log.back().kind) != Seen::kEnd) {
    return "its log does not end with an end";
  }
  if (trace->header.capabilities() != hello.capabilities()) {
    return absl::StrCat("its log has capabilities ", trace->header.capabilities(), ", its hello ",
                        hello.capabilities());
  }
  out->log = std::move(trace->log);
  for (Observation& o : out->log) o.ready = static_cast<Seen>(o.kind) == Seen::kNothing ? 0 : 1;
  out->capabilities = hello.capabilities();
  out->ending = static_cast<Ending>(out->log.back().code);
  out->leaked = played.leaked();
  out->report = Printable(played.report());
  return "";
}

std::string ReadError(const TesteeError& error, const Hello& hello, PlayResult* out) {
  const std::string text = Printable(error.text());
  if (error.id() != 0 && error.kind() == TesteeError::CANNOT) {
    *out = PlayResult();
    out->unreachable = true;
    out->capabilities = hello.capabilities();
    out->report = text;
    return "";
  }
  if (error.id() != 0 && error.kind() == TesteeError::DIED) {
    *out = DeadResult(hello, Ending::kCrashed, absl::StrCat("the provider died, the testee says: ", text));
    return "";
  }
  return absl::StrCat("it answered with an error (", TesteeError::Kind_Name(error.kind()), "): ", text);
}

}  // namespace

std::string ReadAnswer(const TesteeMessage& answer, const Hello& hello, uint32_t id, PlayResult* out) {
  const uint32_t answered = answer.has_played()  ? answer.played().id()
                            : answer.has_error() ? answer.error().id()
                                                 : 0;
  if (!answer.has_played() && !answer.has_error()) {
    return absl::StrCat("it sent ", MessageKind(answer), " instead of an answer");
  }
  if (answered != id && !(answer.has_error() && answered == 0)) {
    const bool again = answered != 0 && answered < id;
    return absl::StrCat("it answered request ", answered, again ? " again, or late," : "", " when request ",
                        id, " was asked");
  }
  return answer.has_played() ? ReadPlayed(answer.played(), hello, out)
                             : ReadError(answer.error(), hello, out);
}

PlayResult DeadResult(const Hello& hello, Ending ending, std::string report) {
  PlayResult out;
  out.log = {EndRecord(ending)};
  out.capabilities = hello.capabilities();
  out.ending = ending;
  out.report = std::move(report);
  return out;
}

PlayResult FaultyResult(const Hello& hello, std::string fault) {
  PlayResult out;
  out.capabilities = hello.capabilities();
  out.fault = std::move(fault);
  return out;
}

const char* MessageKind(const TesteeMessage& message) {
  switch (message.kind_case()) {
    case TesteeMessage::kHello:
      return "a hello";
    case TesteeMessage::kPlay:
      return "a request";
    case TesteeMessage::kPlayed:
      return "an answer";
    case TesteeMessage::kError:
      return "an error";
    case TesteeMessage::kBye:
      return "a bye";
    case TesteeMessage::kStarted:
      return "a mark of a start";
    default:
      return "nothing";
  }
}

std::string Printable(absl::string_view text, size_t limit) {
  std::string out(text.substr(0, limit));
  for (char& c : out) {
    const auto u = static_cast<uint8_t>(c);
    if ((u < 0x20 && c != '\n' && c != '\t') || u >= 0x7F) c = '?';
  }
  return out;
}

ProviderIdentity IdentityOf(const Hello& hello) {
  return {hello.provider(), hello.provider_version(), hello.provider_sha256(), hello.host()};
}

std::vector<NamedChoice> ChoicesOf(const Hello& hello) {
  std::vector<NamedChoice> choices;
  for (const OfferedChoice& choice : hello.choices()) {
    choices.push_back({choice.name(), static_cast<uint16_t>(choice.kind())});
  }
  return choices;
}

}  // namespace wskcert
