#include "conformance/certify/declined.h"

#include <algorithm>
#include <optional>

namespace wskcert {
namespace {

Declinable RequestOf(const Observation& o) {
  if (static_cast<Seen>(o.kind) != Seen::kCallBegin) return DECLINABLE_UNSPECIFIED;
  switch (static_cast<Op>(o.op)) {
    case Op::kConditionalAccept:
      return o.code == 1 ? DECLINABLE_CONDITIONAL_ACCEPT : DECLINABLE_UNSPECIFIED;
    case Op::kSetSilentMode:
      return DECLINABLE_SILENT_MODE;
    case Op::kReceive:
      // Together they are the client's mistake, and so is another flag beside them.
      if (o.flags == kFlagWaitAll) return DECLINABLE_WAITALL;
      return o.flags == kFlagDrain ? DECLINABLE_DRAIN : DECLINABLE_UNSPECIFIED;
    default:
      return DECLINABLE_UNSPECIFIED;
  }
}

// What a request came to: the status of its IRP, or, without one, what the function returned. Nothing if it
// has not come to an end: an IRP that is not completed is no answer, whatever was returned.
std::optional<Status> AnswerOf(absl::Span<const Observation> log, uint32_t begin) {
  const bool by_irp = (log[begin].seen_flags & kSeenIrp) != 0;
  const Seen wanted = by_irp ? Seen::kCompletion : Seen::kCallEnd;
  for (size_t i = begin + size_t{1}; i < log.size(); ++i) {
    if (static_cast<Seen>(log[i].kind) == wanted && log[i].begin == begin) return log[i].status;
  }
  return std::nullopt;
}

}  // namespace

const char* DeclinableText(Declinable request) {
  switch (request) {
    case DECLINABLE_CONDITIONAL_ACCEPT:
      return "SO_CONDITIONAL_ACCEPT";
    case DECLINABLE_WAITALL:
      return "WskReceive with WSK_FLAG_WAITALL";
    case DECLINABLE_DRAIN:
      return "WskReceive with WSK_FLAG_DRAIN";
    case DECLINABLE_SILENT_MODE:
      return "SIO_WSK_SET_TCP_SILENT_MODE";
    default:
      return "nothing";
  }
}

void Declined::Add(const CaseRun& run) {
  absl::Span<const Observation> log = run.played.log;
  const model::Refusal& refusal = run.judged.refusal;
  if (refusal.refused) log = log.subspan(0, std::min<size_t>(refusal.index, log.size()));
  for (uint32_t i = 0; i < log.size(); ++i) {
    const Declinable request = RequestOf(log[i]);
    if (request == DECLINABLE_UNSPECIFIED) continue;
    const std::optional<Status> answer = AnswerOf(log, i);
    if (!answer.has_value()) continue;
    Answers& answers = answers_[request];
    answers.granted |= IsSuccess(*answer);
    const bool declined = *answer == kStatusNotSupported || *answer == kStatusNotImplemented;
    if (declined && (answers.declined_in.empty() || run.name < answers.declined_in)) {
      answers.declined_in = run.name;
    }
  }
}

std::string Declined::In(Declinable request) const {
  const Answers& answers = answers_[request];
  return answers.granted ? "" : answers.declined_in;
}

}  // namespace wskcert
