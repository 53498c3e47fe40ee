// What the mutator's sequences are worth: printed for docs/fuzzing.md.
//
//   mutator_figures [EXECUTIONS] [SEED]
//
// Plays chains of mutations on the emulator and judges them: from the suite's cases, and from nothing. A
// chain is 30 mutations long, the next begins with the next case. Prints for each how many sequences broke
// an obligation of the client, what was judged, what was called, which rules are exercised, and what a
// mutation costs beside the conversions from and to bytes; and how far the mutator's own interpreter (life.h)
// agrees with the judge about breaches.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/testbed.h"
#include "conformance/executor/program_check.h"
#include "conformance/model/judge.h"
#include "conformance/rules/catalogue.h"
#include "conformance/suite/suite.h"
#include "fuzz/life.h"
#include "fuzz/mutator.h"

namespace wskcert::fuzz {
namespace {

constexpr int kChain = 30;
constexpr size_t kMost = 4096;

bool Breached(const RuleSet& rules, std::map<std::string, int>* which) {
  if (!model::IsFault(rules)) return false;
  rules.ForEach([&](RuleId rule) { ++(*which)[catalogue::Get(rule).name()]; });
  return true;
}

struct Figures {
  uint64_t executions = 0, breached = 0, with_callback = 0, callbacks = 0, observations = 0, skips = 0,
           steps = 0, judged = 0, refused = 0, inconclusive = 0, not_played = 0, first_thousand = 0,
           foreseen = 0, feared = 0;
  std::map<std::string, int> skip_reasons;  // by operation and SkipReason
  std::map<std::string, int> breaches;
  std::map<std::string, int> refusals;
  RuleSet rules;
  double mutate_ns = 0, convert_ns = 0;
};

class Counter {
 public:
  explicit Counter(Mutator::Options options) : mutator_(std::move(options)) {}

  Figures Run(bool from_suite, uint64_t executions, uint32_t seed) {
    Figures figures;
    const auto& cases = CuratedSuite().cases();
    for (uint64_t chain = 0; figures.executions < executions; ++chain) {
      Sequence sequence;
      if (from_suite)
        sequence = cases[static_cast<int>(chain % static_cast<uint64_t>(cases.size()))].body().sequence();
      for (int i = 0; i < kChain && figures.executions < executions; ++i) {
        Next(&sequence, seed++, &figures);
        Execute(sequence, &figures);
      }
    }
    return figures;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void Next(Sequence* sequence, uint32_t seed, Figures* figures) {
    const auto begin = Clock::now();
    mutator_.MutateSequence(sequence, kMost, seed);
    const auto mutated = Clock::now();
    sequence->SerializeToString(&bytes_);
    sequence->ParseFromString(bytes_);
    const auto end = Clock::now();
    figures->mutate_ns += std::chrono::duration<double, std::nano>(mutated - begin).count();
    figures->convert_ns += std::chrono::duration<double, std::nano>(end - mutated).count();
  }

  void Execute(const Sequence& sequence, Figures* figures) {
    ++figures->executions;
    const absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
    if (!program.ok()) {
      ++figures->not_played;
      return;
    }
    const Played& played = testbed_.Play(*program);
    judge_.Start(played.capabilities);
    judge_.ObserveAll(played.log.data(), played.log.size());
    uint64_t callbacks = 0;
    size_t breach_at = played.log.size();
    for (const Observation& o : played.log) {
      if (o.kind == static_cast<uint8_t>(Seen::kCallbackBegin)) ++callbacks;
      if (o.kind != static_cast<uint8_t>(Seen::kSkip)) continue;
      ++figures->skips;
      const char* op = OpName(o.op);
      ++figures->skip_reasons[absl::StrCat(op != nullptr ? op : "?", ", reason ", o.code)];
    }
    figures->callbacks += callbacks;
    figures->with_callback += callbacks != 0 ? 1 : 0;
    figures->observations += played.log.size();
    figures->steps += program->steps().size();
    if (judge_.refusal().refused) Refused(sequence, figures);
    figures->inconclusive += judge_.inconclusive() ? 1 : 0;
    figures->rules |= judge_.exercised();
    if (figures->executions <= 1000) figures->first_thousand = figures->rules.size();
    const bool foreseen = ForeseesBreach(sequence, &life_);
    const bool breached = Breached(judge_.breached(), &figures->breaches);
    figures->foreseen += foreseen && breached ? 1 : 0;
    figures->feared += foreseen && !breached ? 1 : 0;
    if (breached) {
      ++figures->breached;
      breach_at = FirstBreach(played);
    }
    figures->judged += breach_at;
  }

  void Refused(const Sequence& sequence, Figures* figures) {
    ++figures->refused;
    const model::Refusal& refusal = judge_.refusal();
    const std::string rule = refusal.blamed_count == 0 ? "no rule" : catalogue::Get(refusal.blamed[0]).name();
    if (++figures->refusals[rule] > 1 || std::getenv("STORIES") == nullptr) return;
    std::cout << "-- " << rule << "\n" << judge_.Explain() << "\n" << sequence.DebugString();
  }

  // How many observations came before the breach.
  size_t FirstBreach(const Played& played) {
    std::map<std::string, int> ignored;
    judge_.Start(played.capabilities);
    for (size_t i = 0; i < played.log.size(); ++i) {
      judge_.Observe(played.log[i]);
      if (Breached(judge_.breached(), &ignored)) return i;
    }
    return played.log.size();
  }

  Mutator mutator_;
  Life life_;
  Testbed testbed_;
  model::Judge judge_{model::Profile::kDocumented};
  std::string bytes_;
};

void Print(const std::string& title, const Figures& f) {
  const auto share = [](uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  };
  const double runs = static_cast<double>(std::max<uint64_t>(f.executions, 1));
  std::cout << absl::StrFormat(
      "%s\n  executions %d, steps %.1f, observations %.1f each\n  without a breach %.1f %%, observations "
      "judged %.1f %%\n"
      "  with a callback %.1f %%, callbacks %.1f each\n  skips %.2f each (%.1f %% of the steps)\n"
      "  rules exercised: %d in the first 1,000 executions, %d in all\n"
      "  breaches that the interpreter foresees: %d of %d; %d foreseen that the judge does not see\n"
      "  refused %d, inconclusive %d, not played %d\n  mutation %.2f us, conversion to bytes and back %.2f "
      "us\n",
      title, f.executions, static_cast<double>(f.steps) / runs, static_cast<double>(f.observations) / runs,
      100.0 - share(f.breached, f.executions), share(f.judged, f.observations),
      share(f.with_callback, f.executions), static_cast<double>(f.callbacks) / runs,
      static_cast<double>(f.skips) / runs, share(f.skips, f.steps), f.first_thousand, f.rules.size(),
      f.foreseen, f.breached, f.feared, f.refused, f.inconclusive, f.not_played, f.mutate_ns / runs / 1000,
      f.convert_ns / runs / 1000);
  for (const auto& [rule, count] : f.breaches) std::cout << "    breach " << rule << ": " << count << "\n";
  for (const auto& [rule, count] : f.refusals)
    std::cout << "    refused for " << rule << ": " << count << "\n";
  for (const auto& [reason, count] : f.skip_reasons)
    if (static_cast<uint64_t>(count) * 200 > f.executions)
      std::cout << "    skipped " << reason << ": " << count << "\n";
}

void PrintMissing(const RuleSet& rules) {
  std::cout << "required rules not exercised:\n";
  for (size_t i = 0; i < kRuleCount; ++i) {
    const RuleId rule = static_cast<RuleId>(i);
    if (catalogue::Get(rule).required() && !rules.Has(rule))
      std::cout << "  " << catalogue::Get(rule).name() << "\n";
  }
}

int Main(int argc, char** argv) {
  const uint64_t executions = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20000;
  const uint32_t seed = argc > 2 ? static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)) : 1;
  Mutator::Options options;
  for (const NamedChoice& choice : EmulatorChoices()) options.choices.push_back(choice.name);
  Counter counter(options);
  Print("from the suite's cases", counter.Run(true, executions, seed));
  const Figures nothing = counter.Run(false, executions, seed);
  Print("from nothing", nothing);
  options.legality = false;
  Counter without(options);
  Print("from nothing, without legality", without.Run(false, executions, seed));
  PrintMissing(nothing.rules);
  return 0;
}

}  // namespace
}  // namespace wskcert::fuzz

int main(int argc, char** argv) { return wskcert::fuzz::Main(argc, argv); }
