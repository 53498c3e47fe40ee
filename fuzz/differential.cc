#include "fuzz/differential.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/render.h"
#include "conformance/certify/run_case.h"
#include "conformance/model/judge.h"
#include "conformance/model/log_check.h"
#include "conformance/rules/catalogue.h"
#include "implementations/emulator/emulator.h"

namespace wskcert::fuzz {
namespace {

// A sequence has some 30 steps; one that makes more than this goes round in circles and teaches nothing new.
// One run in fifty to a hundred does; with a log of four times as much these took more than half of the time
// of playing.
constexpr uint32_t kLogCapacity = 1u << 11;
constexpr uint64_t kStepBudget = 20000;

// A run that does not come to rest is the sequence's own doing if scripts kept making calls, or peers do
// something: each refusal with a receive in its script may bring the next indication, each peer that connects
// the next request.
constexpr uint32_t kCallsOfScripts = 64;

uint32_t CallsFromInside(absl::Span<const Observation> log) {
  return static_cast<uint32_t>(std::count_if(log.begin(), log.end(), [](const Observation& o) {
    const Seen kind = static_cast<Seen>(o.kind);
    return (kind == Seen::kCallBegin || kind == Seen::kStimulusBegin) && o.enclosing != kNoIndex;
  }));
}

std::string WholeLog(absl::Span<const Observation> log) {
  constexpr uint32_t kLast = 40;
  const uint32_t count = static_cast<uint32_t>(log.size());
  return RenderLog(log, count > kLast ? count - kLast : 0, count == 0 ? 0 : count - 1, kNoIndex, false);
}

std::string Host(const Played& played) {
  return played.report.empty() ? "" : absl::StrCat("  the host says: ", played.report, "\n");
}
std::string Ended(const Played& played) { return absl::StrCat(WholeLog(played.log), Host(played)); }

bool AnyStoppedAt(const RuleSet& breached) {
  bool any = false;
  breached.ForEach([&any](RuleId rule) { any |= IsStoppedAt(rule); });
  return any;
}

// Whether calls of several threads overlapped. A trace's intervals lie around the provider's own, so that of
// two such calls the model knows only that they may have met.
bool CallsOverlap(absl::Span<const Observation> log) {
  constexpr size_t kThreads = 256;
  uint32_t open_on[kThreads] = {};
  uint32_t open = 0;
  for (const Observation& o : log) {
    if (static_cast<Seen>(o.kind) == Seen::kCallBegin) {
      if (open != open_on[o.thread]) return true;
      ++open_on[o.thread];
      ++open;
    } else if (static_cast<Seen>(o.kind) == Seen::kCallEnd && open_on[o.thread] != 0) {
      --open_on[o.thread];
      --open;
    }
  }
  return false;
}

// Of these the emulator knows better than the trace when calls overlap.
bool DependsOnOrder(RuleId rule) {
  return rule == RuleId::kApplicationCloseEndsUse || rule == RuleId::kApplicationCloseListsReleased ||
         rule == RuleId::kApplicationCloseNoCallInProgress || rule == RuleId::kApplicationIrpNotInUse;
}

Finding MisuseUnseen(const RuleSet& breached, const Played& played) {
  Finding finding;
  breached.ForEach([&](RuleId rule) {
    if (!finding.rule.empty() || !IsStoppedAt(rule)) return;
    if (DependsOnOrder(rule) && CallsOverlap(played.log)) return;
    finding = {absl::StrCat(kMisuseUnseen, catalogue::Get(rule).name()),
               absl::StrCat(RuleText(rule), Ended(played))};
  });
  return finding;
}

}  // namespace

bool IsStoppedAt(RuleId rule) {
  switch (rule) {
    case RuleId::kApplicationAbortReturnsSuccess:
    case RuleId::kApplicationAcceptEventStatus:
    case RuleId::kApplicationAcceptRefusedNotUsed:
    case RuleId::kApplicationBacklogReturnsSuccess:
    case RuleId::kApplicationCloseEndsUse:
    case RuleId::kApplicationCloseListsReleased:
    case RuleId::kApplicationCloseNoCallInProgress:
    case RuleId::kApplicationDisconnectReturnsSuccess:
    case RuleId::kApplicationInspectEventAction:
    case RuleId::kApplicationIrpNotInUse:
    case RuleId::kApplicationReceiveFromEventStatus:
    case RuleId::kApplicationReceiveReturnsKnownStatus:
    case RuleId::kApplicationRegisterNoUseAfterRelease:
      return true;
    default:
      return false;
  }
}

Finding Decide(const Judged& judged, const Played& played) {
  if (judged.refusal.refused) {
    const char* rule = judged.refusal.blamed_count == 0
                           ? kUnattributed
                           : catalogue::Get(judged.refusal.blamed[0]).name().c_str();
    return {rule, absl::StrCat(RefusalStory(played.log, judged), Host(played))};
  }
  const RuleSet& breached = judged.breached;
  switch (played.ending) {
    case Ending::kFinished:
      if (played.leaked && !model::IsFault(breached)) return {kLeak, Ended(played)};
      return MisuseUnseen(breached, played);
    case Ending::kBugCheck:
      if (AnyStoppedAt(breached)) return {};
      return {kBugCheckUnasked, Ended(played)};
    case Ending::kLivelock:
      if (model::IsFault(breached) || CallsFromInside(played.log) >= kCallsOfScripts) return {};
      return {kLivelock, Ended(played)};
    default:
      // A deadlock has been judged. A log that is full says that the sequence goes round in circles.
      return {};
  }
}

class Differential::State {
 public:
  explicit State(const Options& options)
      : options_(options),
        compiler_(EmulatorChoices()),
        testbed_(TestbedOptions(options)),
        judge_(model::Profile::kDocumented) {
    emulator::EmulatorReset();
    world_ = emulator::EmulatorDigest();
  }

  const Finding* Run(const Sequence& sequence) {
    const absl::StatusOr<const Program*> program = compiler_.Compile(sequence);
    if (!program.ok()) {
      ++tally_.refused;
      return nullptr;
    }
    ++tally_.executions;
    const Played& played = testbed_.Play(**program);
    char error[256];
    if (!ValidateLog(played.log.data(), played.log.size(), error, sizeof(error))) {
      return Found(kInvalidLog, absl::StrCat(error, "\n", WholeLog(played.log)));
    }
    Judge(played);
    Count(played);
    Finding finding = Decide(JudgedBy(judge_), played);
    if (!finding.rule.empty()) return Found(std::move(finding.rule), std::move(finding.story));
    emulator::EmulatorReset();
    if (emulator::EmulatorDigest() != world_) return Found(kWorldChanged, Ended(played));
    if (options_.repeat_one_in != 0 && tally_.executions % options_.repeat_one_in == 0) {
      return Repeat(**program, played);
    }
    return nullptr;
  }

  const Tally& tally() const { return tally_; }

 private:
  static Testbed::Options TestbedOptions(const Options& options) {
    Testbed::Options out;
    out.log_capacity = kLogCapacity;
    out.step_budget = kStepBudget;
    out.interpose = options.interpose;
    out.interpose_context = options.interpose_context;
    return out;
  }

  void Judge(const Played& played) {
    judge_.Start(played.capabilities);
    judge_.ObserveAll(played.log.data(), played.log.size());
  }

  void Count(const Played& played) {
    tally_.observations += played.log.size();
    tally_.exercised |= judge_.exercised();
    if (!judge_.breached().empty()) {
      ++(model::IsFault(judge_.breached()) ? tally_.with_breach : tally_.with_error_path);
    }
    if (played.ending != Ending::kFinished) ++tally_.stopped;
    const bool called = std::any_of(played.log.begin(), played.log.end(), [](const Observation& o) {
      return static_cast<Seen>(o.kind) == Seen::kCallbackBegin;
    });
    if (called) ++tally_.with_callback;
  }

  // The program once more: after another run than the first time, and yet the same.
  const Finding* Repeat(const Program& program, const Played& first) {
    ++tally_.repeated;
    first_log_.assign(first.log.begin(), first.log.end());
    const Played& second = testbed_.Play(program);
    const size_t both = std::min(first_log_.size(), second.log.size());
    size_t at = 0;
    while (at < both && std::memcmp(&first_log_[at], &second.log[at], sizeof(Observation)) == 0) ++at;
    if (at == first_log_.size() && at == second.log.size()) return nullptr;
    return Found(kNondeterminism,
                 absl::StrCat("  the runs differ from observation ", at, " on; first run:\n",
                              WholeLog(first_log_), "  second run:\n", WholeLog(second.log)));
  }

  const Finding* Found(std::string rule, std::string story) {
    finding_ = {std::move(rule), std::move(story)};
    return &finding_;
  }

  const Options options_;
  SequenceCompiler compiler_;
  Testbed testbed_;
  model::Judge judge_;
  uint64_t world_ = 0;  // what is there before any run
  Tally tally_;
  Finding finding_;
  std::vector<Observation> first_log_;
};

Differential::Differential(const Options& options) : state_(std::make_unique<State>(options)) {}
Differential::~Differential() = default;
const Finding* Differential::Run(const Sequence& sequence) { return state_->Run(sequence); }
const Tally& Differential::tally() const { return state_->tally(); }

}  // namespace wskcert::fuzz
