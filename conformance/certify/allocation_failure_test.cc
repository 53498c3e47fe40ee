// Whichever allocation fails, and wherever: the suite still ends, every IRP that was passed completes exactly
// once, nothing is left behind, and the judge accepts it.
#include <map>
#include <random>
#include <string>

#include "conformance/certify/run_case.h"
#include "conformance/certify/testbed.h"
#include "conformance/suite/suite.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

// What is wrong with the IRPs of a log; empty if nothing is.
std::string WrongIrps(absl::Span<const Observation> log) {
  std::map<uint32_t, int> completions;  // by the call that passed the IRP
  for (uint32_t i = 0; i < log.size(); ++i) {
    const Observation& o = log[i];
    const Seen kind = static_cast<Seen>(o.kind);
    if (kind == Seen::kCallBegin && (o.seen_flags & kSeenIrp) != 0) completions[i] = 0;
    if (kind == Seen::kCompletion) ++completions[o.begin];
    if (kind == Seen::kFault) return "a fault at " + std::to_string(i);
  }
  for (const auto& [call, count] : completions) {
    if (count != 1 && static_cast<Op>(log[call].op) != Op::kCancelIrp) {
      return std::to_string(count) + " completions of the IRP passed at " + std::to_string(call);
    }
  }
  return "";
}

// Cases that have allocations fail themselves, what is left of which would meet the client's own clearing up;
// and those that clear up by steps, which a missing IRP makes skips.
bool IsNoMatter(const Sequence& sequence) {
  if (sequence.schedule().fail_allocation() != 0 || sequence.setup().manual_teardown()) return true;
  for (const Thread& thread : sequence.threads()) {
    for (const Step& step : thread.steps()) {
      if (step.has_fail_allocations()) return true;
    }
  }
  return false;
}

bool Deregisters(const Sequence& sequence) {
  for (const Thread& thread : sequence.threads()) {
    for (const Step& step : thread.steps()) {
      if (step.has_deregister()) return true;
    }
  }
  return false;
}

class AllocationFailures : public testing::Test {
 protected:
  void Play(const NamedCase& suite_case, const std::string& schedule, uint32_t failing, bool* undisturbed) {
    Sequence sequence = suite_case.body().sequence();
    sequence.mutable_schedule()->set_fail_allocation(failing);
    if (!schedule.empty()) sequence.mutable_schedule()->set_choices(schedule);
    const absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
    ASSERT_TRUE(program.ok()) << program.status();
    const Played& played = testbed_.Play(*program);
    *undisturbed = failing > played.allocations;
    const Judged judged = JudgeLog(&judge_, played.log, played.capabilities);
    const std::string where = suite_case.name() + ", allocation " + std::to_string(failing);
    EXPECT_FALSE(judged.refusal.refused) << where << "\n" << RefusalStory(played.log, judged);
    // What a case breaks on purpose may end the machine; so may a WskDeregister that a step makes, where an
    // earlier step could not close for want of an IRP.
    if (!judged.breached.empty() || Deregisters(sequence)) return;
    EXPECT_EQ(played.ending, Ending::kFinished) << where << ": " << played.report;
    EXPECT_FALSE(played.leaked) << where << ": " << played.report;
    EXPECT_EQ(WrongIrps(played.log), "") << where;
  }

  Testbed testbed_;
  model::Judge judge_{model::Profile::kDocumented};
};

TEST_F(AllocationFailures, AreSurvivedByTheWholeSuiteUnderAnySchedule) {
  constexpr int kSchedules = 8;
  std::mt19937 random(3);
  int played = 0;
  for (int round = 0; round <= kSchedules; ++round) {
    std::string schedule(round == 0 ? 0 : 256, '\0');
    for (char& byte : schedule) byte = random() % 3 == 0 ? static_cast<char>(random()) : '\0';
    for (const NamedCase& suite_case : CuratedSuite().cases()) {
      if (IsNoMatter(suite_case.body().sequence())) continue;
      bool undisturbed = false;
      for (uint32_t failing = 1; !undisturbed; ++failing, ++played) {
        Play(suite_case, schedule, failing, &undisturbed);
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(played, 4000 * (kSchedules + 1))
      << "an allocation for each IRP, socket and endpoint at the least";
}

}  // namespace
}  // namespace wskcert
