#include "fuzz/hunt.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "conformance/certify/compile.h"
#include "conformance/certify/testbed.h"
#include "conformance/model/judge.h"
#include "conformance/rules/catalogue.h"
#include "conformance/suite/suite.h"
#include "fuzz/feedback.h"
#include "fuzz/mutator.h"
#include "fuzz/random.h"

namespace wskcert::fuzz {
namespace {

constexpr size_t kMost = 4096;
constexpr size_t kCorpus = 4000;

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

bool Refines(RuleId special, RuleId general) {
  const RuleInfo& info = InfoOf(special);
  for (size_t i = 0; i < info.general_count; ++i) {
    if (info.general[i] == general) return true;
  }
  return false;
}

// The rule is blamed, and before it only rules that refine it.
bool Blames(const model::Refusal& refusal, RuleId rule) {
  if (!refusal.refused) return false;
  for (size_t i = 0; i < refusal.blamed_count; ++i) {
    if (refusal.blamed[i] == rule) return true;
    if (!Refines(refusal.blamed[i], rule)) return false;
  }
  return false;
}

model::Profile ProfileOf(RuleId rule) {
  return catalogue::Get(rule).profile() == RULE_PROFILE_WINDOWS ? model::Profile::kWindows
                                                                : model::Profile::kDocumented;
}

Testbed::Options Over(const SaboteurInfo* saboteur) {
  Testbed::Options options;
  options.log_capacity = 1u << 13;
  options.step_budget = 100000;
  if (saboteur == nullptr) return options;
  options.interpose = Sabotage;
  options.interpose_context = const_cast<SaboteurInfo*>(saboteur);
  return options;
}

Mutator::Options Mutations(Arm arm) {
  Mutator::Options options;
  for (const NamedChoice& choice : EmulatorChoices()) options.choices.push_back(choice.name);
  options.legality = arm != Arm::kNoLegality;
  return options;
}

// Mutations as of a fuzzer that knows of bytes only.
void MutateBytes(const std::vector<std::string>& corpus, Random* random, std::string* bytes) {
  do {
    const uint32_t size = static_cast<uint32_t>(bytes->size());
    const size_t at = random->Below(size + 1);
    switch (random->Below(6)) {
      case 0:
        if (size != 0) (*bytes)[random->Below(size)] = static_cast<char>(random->Next());
        break;
      case 1:
        if (size != 0) {
          char& byte = (*bytes)[random->Below(size)];
          byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1u << random->Below(8)));
        }
        break;
      case 2:
        bytes->insert(at, 1, static_cast<char>(random->Next()));
        break;
      case 3:
        bytes->erase(at, 1 + random->Below(16));
        break;
      case 4: {
        const std::string part = bytes->substr(at, 1 + random->Below(64));
        bytes->insert(random->Below(size + 1), part);
        break;
      }
      default: {
        const std::string& other = corpus[random->Below(static_cast<uint32_t>(corpus.size()))];
        const size_t from = random->Below(static_cast<uint32_t>(other.size()) + 1);
        bytes->replace(at, random->Below(64), other, from, random->Below(256));
      }
    }
    if (bytes->size() > kMost) bytes->resize(kMost);
  } while (random->OneIn(2));
}

class Hunter {
 public:
  explicit Hunter(const Hunt& hunt)
      : hunt_(hunt),
        rule_(*catalogue::Find(hunt.saboteur->rule)),
        random_(hunt.seed),
        mutator_(Mutations(hunt.arm)),
        compiler_(EmulatorChoices()),
        sabotaged_(Over(hunt.saboteur)),
        honest_(Over(nullptr)),
        judge_(ProfileOf(rule_)) {}

  Catch Run() {
    const double begin = CpuSeconds();
    Catch result;
    Seed();
    if (!found_) Search(begin);
    result.found = found_;
    result.executions = executions_;
    result.cpu_seconds = CpuSeconds() - begin;
    if (!found_) return result;
    for (const Thread& thread : work_.threads()) result.steps += static_cast<uint32_t>(thread.steps_size());
    for (const Script& script : work_.scripts()) result.steps += static_cast<uint32_t>(script.steps_size());
    result.sequence = work_.SerializeAsString();
    return result;
  }

 private:
  void Search(double begin) {
    // Asking for the time costs as much as a play.
    constexpr uint64_t kBetween = 64;
    while (executions_ % kBetween != 0 || CpuSeconds() - begin < hunt_.cpu_seconds) {
      if (!Next()) continue;
      if (Caught()) {
        found_ = true;
        return;
      }
      Keep();
    }
  }

  void Seed() {
    if (hunt_.arm == Arm::kNoSeeds || hunt_.arm == Arm::kRandom) {
      Add(Mutator::Base());
      return;
    }
    for (const NamedCase& named : CuratedSuite().cases()) {
      work_ = named.body().sequence();
      const bool bites = Caught();
      if (bites && hunt_.arm == Arm::kAllSeeds) {
        found_ = true;
        return;
      }
      // What catches it as it stands would be no find. Its kept states tell nothing either.
      if (bites) continue;
      NewStates();
      Add(work_);
    }
  }

  void Add(const Sequence& sequence) {
    if (hunt_.arm == Arm::kBytes) {
      if (bytes_.size() < kCorpus) bytes_.push_back(sequence.SerializeAsString());
      return;
    }
    if (corpus_.size() < kCorpus) {
      corpus_.push_back(sequence);
    } else {
      corpus_[random_.Below(kCorpus)] = sequence;
    }
  }

  // The next sequence in work_; false if there is none (bytes that are no sequence).
  bool Next() {
    switch (hunt_.arm) {
      case Arm::kBytes:
        return NextBytes();
      case Arm::kRandom: {
        work_.Clear();
        const uint32_t edits = 4 + random_.Below(12);
        for (uint32_t i = 0; i < edits; ++i) mutator_.MutateSequence(&work_, kMost, random_.Next());
        return true;
      }
      case Arm::kNoFeedback:
        // A walk: on from the last one for a while, then from a seed again.
        if (++walked_ % 16 != 0) break;
        [[fallthrough]];
      default:
        work_ = Parent();
    }
    mutator_.MutateSequence(&work_, kMost, random_.Next());
    return true;
  }

  // Often one of those that were kept last: what they showed is new.
  const Sequence& Parent() {
    const uint32_t size = static_cast<uint32_t>(corpus_.size());
    constexpr uint32_t kRecent = 32;
    if (size > kRecent && random_.OneIn(3)) return corpus_[size - 1 - random_.Below(kRecent)];
    return corpus_[random_.Below(size)];
  }

  bool NextBytes() {
    std::string bytes = bytes_[random_.Below(static_cast<uint32_t>(bytes_.size()))];
    MutateBytes(bytes_, &random_, &bytes);
    ++executions_;
    if (!work_.ParseFromString(bytes) || !compiler_.Compile(work_).ok()) return false;
    --executions_;
    return true;
  }

  bool Caught() {
    ++executions_;
    const absl::StatusOr<const Program*> program = compiler_.Compile(work_);
    if (!program.ok()) return false;
    if (hunt_.last != nullptr) Note();
    const Played& played = sabotaged_.Play(**program);
    if (!Judge(played, true)) return false;
    if (!Blames(judge_.refusal(), rule_)) return false;
    return !Judge(honest_.Play(**program), false);
  }

  // Whether it is refused; with feedback, what was seen is noted.
  bool Judge(const Played& played, bool feedback) {
    judge_.Start(played.capabilities);
    if (!feedback || hunt_.arm == Arm::kNoFeedback || hunt_.arm == Arm::kRandom) {
      judge_.ObserveAll(played.log.data(), played.log.size());
      return judge_.refusal().refused;
    }
    for (const Observation& observation : played.log) {
      if (!judge_.Observe(observation)) break;
      NoteStates(judge_, observation);
    }
    judge_.Finish();
    NoteRules(judge_.exercised());
    return judge_.refusal().refused;
  }

  void Note() {
    const size_t size = work_.ByteSizeLong();
    const uint32_t written = size + sizeof(uint32_t) <= kLastBytes ? static_cast<uint32_t>(size) : 0;
    std::memcpy(hunt_.last, &written, sizeof(written));
    if (written != 0) work_.SerializeWithCachedSizesToArray(hunt_.last + sizeof(written));
  }

  bool NewStates() {
    bool news = false;
    const uint8_t* counters = Counters();
    for (size_t i = 0; i < kCounters; i += sizeof(uint64_t)) {
      uint64_t now, before;
      std::memcpy(&now, counters + i, sizeof(now));
      if (now == 0) continue;
      std::memcpy(&before, seen_ + i, sizeof(before));
      if ((now & ~before) == 0) continue;
      news = true;
      before |= now;
      std::memcpy(seen_ + i, &before, sizeof(before));
    }
    ClearCounters();
    return news;
  }

  void Keep() {
    if (hunt_.arm == Arm::kNoFeedback || hunt_.arm == Arm::kRandom) return;
    if (NewStates()) Add(work_);
  }

  const Hunt hunt_;
  const RuleId rule_;
  Random random_;
  Mutator mutator_;
  SequenceCompiler compiler_;
  Testbed sabotaged_;
  Testbed honest_;
  model::Judge judge_;
  Sequence work_;
  std::vector<Sequence> corpus_;
  std::vector<std::string> bytes_;
  uint8_t seen_[kCounters] = {};
  uint64_t executions_ = 0;
  uint64_t walked_ = 0;
  bool found_ = false;
};

}  // namespace

const char* NameOf(Arm arm) {
  static constexpr const char* kNames[kArms] = {"own",         "all-seeds", "no-seeds", "no-legality",
                                                "no-feedback", "random",    "bytes"};
  return kNames[static_cast<size_t>(arm)];
}

Catch RunHunt(const Hunt& hunt) { return Hunter(hunt).Run(); }

bool CleanOnEmulator(const std::string& bytes) {
  Sequence sequence;
  if (!sequence.ParseFromString(bytes)) return false;
  const absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
  if (!program.ok()) return false;
  Testbed testbed(Over(nullptr));
  const Played& played = testbed.Play(*program);
  model::Judge judge(model::Profile::kDocumented);
  judge.Start(played.capabilities);
  judge.ObserveAll(played.log.data(), played.log.size());
  return !judge.refusal().refused && played.ending == Ending::kFinished;
}

}  // namespace wskcert::fuzz
