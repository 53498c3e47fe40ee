// The curated suite over real threads: every trace is accepted, whatever the threads do, and together they
// exercise every required rule. Under ThreadSanitizer also with the runtime's own locking visible.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "conformance/certify/compile.h"
#include "conformance/certify/run_case.h"
#include "conformance/certify/testbed.h"
#include "conformance/certify/trace_io.h"
#include "conformance/model/log_check.h"
#include "conformance/rules/catalogue.h"
#include "conformance/suite/suite.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

constexpr int kRounds = 3;

struct Rounds {
  std::vector<RuleSet> exercised;             // by case
  std::vector<std::set<std::string>> traces;  // by case
};

enum class Silence { kAsWritten, kNever };

// The case, or the same without its waits for silence: then nearly everything meets.
Sequence SequenceOf(const NamedCase& candidate, Silence silence) {
  Sequence sequence = candidate.body().sequence();
  if (silence == Silence::kAsWritten) return sequence;
  for (Thread& thread : *sequence.mutable_threads()) {
    auto* steps = thread.mutable_steps();
    steps->erase(
        std::remove_if(steps->begin(), steps->end(), [](const Step& step) { return step.has_settle(); }),
        steps->end());
  }
  return sequence;
}

// Plays all cases in one process, as one after the other uses the same host threads.
Rounds PlaySuite(Testbed::Options options, uint64_t seed, Silence silence = Silence::kAsWritten) {
  options.scheduler = Scheduler::kThreads;
  options.seed = seed;
  Testbed testbed(options);
  model::Judge judge(model::Profile::kDocumented);
  Rounds rounds;
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    rounds.exercised.emplace_back();
    rounds.traces.emplace_back();
    const absl::StatusOr<Program> program = Compile(SequenceOf(candidate, silence), EmulatorChoices());
    EXPECT_TRUE(program.ok()) << candidate.name();
    if (!program.ok()) continue;
    for (int round = 0; round < kRounds; ++round) {
      const Played& played = testbed.Play(*program);
      char error[256] = "";
      EXPECT_TRUE(ValidateLog(played.log.data(), played.log.size(), error, sizeof(error))) << error;
      const Judged judged = JudgeLog(&judge, played.log, played.capabilities);
      EXPECT_FALSE(judged.refusal.refused) << candidate.name() << "\n" << RefusalStory(played.log, judged);
      judged.exercised.ForEach([&rounds](RuleId rule) { rounds.exercised.back().Add(rule); });
      rounds.traces.back().insert(LogSha256(played.log));
    }
  }
  return rounds;
}

// A case in which threads race may miss what it is about; no rule may be missed by all.
TEST(ThreadsSuite, IsAcceptedAndExercisesEveryRequiredRule) {
  const Rounds rounds = PlaySuite({}, 1);
  RuleSet exercised;
  for (const RuleSet& rules : rounds.exercised) {
    rules.ForEach([&exercised](RuleId rule) { exercised.Add(rule); });
  }
  catalogue::Required().ForEach([&exercised](RuleId rule) {
    EXPECT_TRUE(exercised.Has(rule)) << catalogue::Get(rule).name() << " is exercised by no case";
  });
}

TEST(ThreadsSuite, ThreadsReallyRace) {
  const Rounds rounds = PlaySuite({}, 1000);
  size_t varied = 0;
  for (const std::set<std::string>& traces : rounds.traces) varied += traces.size() > 1 ? 1 : 0;
  EXPECT_GT(varied, 0u);
}

TEST(ThreadsSuite, IsAcceptedWithChoicesAtRandom) { PlaySuite({.random_choices = true}, 3000); }

TEST(ThreadsSuite, IsAcceptedWithoutSilence) { PlaySuite({}, 4000, Silence::kNever); }

// For ThreadSanitizer. A call may tell of such an end just before the callback is seen to begin that tells of
// it, so that nothing is judged here.
TEST(ThreadsSuite, SocketsBreakByThemselvesBesideCalls) {
  Testbed testbed({.scheduler = Scheduler::kThreads, .seed = 5000});
  int broken = 0;
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    Sequence sequence = candidate.body().sequence();
    FixedChoice* fixed = sequence.mutable_schedule()->add_fixed();
    fixed->set_name("spontaneous-break");
    fixed->set_value(1);
    const absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
    ASSERT_TRUE(program.ok()) << candidate.name();
    const Played& played = testbed.Play(*program);
    char error[256] = "";
    EXPECT_TRUE(ValidateLog(played.log.data(), played.log.size(), error, sizeof(error))) << error;
    const auto tells = [](const Observation& o) { return (o.seen_flags & kSeenNullIndication) != 0; };
    broken += std::any_of(played.log.begin(), played.log.end(), tells) ? 1 : 0;
  }
  EXPECT_GT(broken, 0);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
TEST(ThreadsSuite, IsAcceptedWithTheRuntimeVisible) { PlaySuite({.visible_runtime = true}, 2000); }
#endif
#endif

}  // namespace
}  // namespace wskcert
