#include "conformance/certify/timed.h"

#include <vector>

namespace wskcert {
namespace {

constexpr uint64_t kExact = static_cast<uint64_t>(Capability::kExactQuiescence);

std::vector<Observation> AsIfExact(absl::Span<const Observation> log) {
  std::vector<Observation> exact(log.begin(), log.end());
  for (Observation& o : exact) {
    if (static_cast<Seen>(o.kind) == Seen::kQuiescence) o.code = static_cast<uint8_t>(Quiet::kExact);
  }
  return exact;
}

// Was it silence that was refused?
bool IsSilence(const std::vector<Observation>& log, const model::Refusal& refusal) {
  if (refusal.index >= log.size()) return true;
  const Seen kind = static_cast<Seen>(log[refusal.index].kind);
  return kind == Seen::kQuiescence ||
         (kind == Seen::kEnd && log[refusal.index].code == static_cast<uint8_t>(Ending::kFinished));
}

// What completes such a request is the provider alone; nothing has to arrive.
bool NeedsNoNetwork(Op op) {
  switch (op) {
    case Op::kControlClient:
    case Op::kSocket:
    case Op::kBind:
    case Op::kListen:
    case Op::kEventCallback:
    case Op::kGetEventCallback:
    case Op::kConditionalAccept:
    case Op::kGetConditionalAccept:
    case Op::kQuerySendBacklog:
    case Op::kQueryInspectId:
    case Op::kRegisterExtension:
    case Op::kSetRemoteAddress:
    case Op::kSetSendToAddress:
    case Op::kSetSilentMode:
    case Op::kGetLocalAddress:
    case Op::kGetRemoteAddress:
    case Op::kClose:
      return true;
    default:
      return false;
  }
}

// Did data come later in the same stream? A reset may overtake it; an end in order does not.
bool ShowsData(const Observation& o) {
  const Seen kind = static_cast<Seen>(o.kind);
  if (kind == Seen::kCompletion) {
    return static_cast<Op>(o.op) == Op::kReceive && o.status == kStatusSuccess && o.information != 0;
  }
  if (kind != Seen::kCallbackBegin) return false;
  if (o.op == static_cast<uint16_t>(Event::kReceive)) return (o.seen_flags & kSeenNullIndication) == 0;
  return o.op == static_cast<uint16_t>(Event::kDisconnect) && (o.flags & kFlagAbortive) == 0;
}

// Did a WskReceive find the end of the stream?
bool ShowsEnd(const Observation& o) {
  return static_cast<Seen>(o.kind) == Seen::kCompletion && static_cast<Op>(o.op) == Op::kReceive &&
         o.status == kStatusSuccess && o.information == 0;
}

// Whether the call, or each of several, whose IRP did not come back had returned something else than
// STATUS_PENDING: then the provider waits for nothing any more.
bool IsAnswered(absl::Span<const Observation> log, const model::Refusal& missing) {
  bool any = false;
  for (uint32_t i = 0; i < log.size() && i < missing.index; ++i) {
    const Observation& call = log[i];
    if (static_cast<Seen>(call.kind) != Seen::kCallBegin || call.op != missing.missing_what ||
        call.socket != missing.missing_socket || (call.seen_flags & kSeenIrp) == 0) {
      continue;
    }
    bool completed = false;
    bool answered = false;
    for (uint32_t j = i + 1; j < log.size() && j < missing.index; ++j) {
      const Observation& o = log[j];
      if (o.begin != i) continue;
      completed |= static_cast<Seen>(o.kind) == Seen::kCompletion;
      answered |= static_cast<Seen>(o.kind) == Seen::kCallEnd && o.status != kStatusPending;
    }
    if (completed) continue;
    if (!answered) return false;
    any = true;
  }
  return any;
}

struct Search {
  model::Judge* judge;
  uint64_t capabilities;
  RuleId rule;
  std::optional<model::Mutant> found;
};

bool RefusedByName(void* context, std::vector<Observation>& log, const std::string& change) {
  auto* search = static_cast<Search*>(context);
  search->judge->Start(search->capabilities);
  search->judge->ObserveAll(log.data(), log.size());
  const model::Refusal& refusal = search->judge->refusal();
  for (uint8_t i = 0; i < refusal.blamed_count; ++i) {
    if (refusal.blamed[i] != search->rule) continue;
    search->found = model::Mutant{std::move(log), change, refusal.index};
    return true;
  }
  return false;
}

}  // namespace

InTime JudgeInTime(model::Judge* judge, absl::Span<const Observation> log, uint64_t capabilities) {
  judge->Start(capabilities);
  judge->ObserveAll(log.data(), log.size());
  const RuleSet without = judge->exercised();
  const std::vector<Observation> exact = AsIfExact(log);
  judge->Start(capabilities | kExact);
  judge->ObserveAll(exact.data(), exact.size());
  InTime out;
  if (!judge->refusal().refused) {
    judge->exercised().ForEach([&](RuleId rule) {
      if (!without.Has(rule)) out.exercised.Add(rule);
    });
  } else if (IsSilence(exact, judge->refusal())) {
    out.missing = judge->refusal();
    out.explanation = judge->Explain();
  }
  return out;
}

std::optional<model::Mutant> ConfirmInTime(model::Judge* judge, absl::Span<const Observation> log,
                                           uint64_t capabilities, RuleId rule) {
  const std::vector<Observation> exact = AsIfExact(log);
  Search search = {judge, capabilities | kExact, rule, std::nullopt};
  for (const model::Mutation mutation :
       {model::Mutation::kDropCompletion, model::Mutation::kDropCallback, model::Mutation::kDropSight}) {
    if (model::ForEachMutant(exact.data(), exact.size(), mutation, RefusedByName, &search)) break;
  }
  return std::move(search.found);
}

bool IsFenced(absl::Span<const Observation> log, const model::Refusal& missing) {
  if (missing.missing == model::Refusal::Missing::kCompletion) {
    return NeedsNoNetwork(static_cast<Op>(missing.missing_what)) || IsAnswered(log, missing);
  }
  if (missing.missing != model::Refusal::Missing::kEvent) return false;
  // Datagrams and connections that nobody accepted may be dropped; backlogs change by themselves.
  const Event event = static_cast<Event>(missing.missing_what);
  if (event != Event::kReceive && event != Event::kDisconnect) return false;
  for (size_t i = missing.index + size_t{1}; i < log.size(); ++i) {
    const Observation& o = log[i];
    if (o.socket != missing.missing_socket || (o.seen_flags & kSeenTeardown) != 0) continue;
    if (event == Event::kReceive ? ShowsData(o) : ShowsEnd(o)) return true;
  }
  return false;
}

}  // namespace wskcert
