#include "conformance/minimize/minimize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "conformance/certify/trace_io.h"
#include "conformance/export/textproto.h"
#include "conformance/minimize/reducer.h"
#include "conformance/minimize/slots.h"
#include "conformance/rules/catalogue.h"
#include "conformance/saboteurs/saboteurs.h"
#include "conformance/suite/suite.h"

namespace wskcert {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Provider> MakeTestProvider(const std::string& name, bool in_process) {
  ProviderOptions options;
  options.in_process = in_process;
  options.timeout = absl::Seconds(60);
  absl::StatusOr<std::unique_ptr<Provider>> provider = MakeProvider(name, options);
  EXPECT_TRUE(provider.ok()) << provider.status();
  return *std::move(provider);
}

const Sequence& SuiteSequence(const std::string& name) {
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    if (candidate.name() == name) return candidate.body().sequence();
  }
  ADD_FAILURE() << "there is no case " << name;
  return Sequence::default_instance();
}

std::string Text(const Sequence& sequence) {
  Case body;
  *body.mutable_sequence() = sequence;
  return CaseAsText(body, {});
}

// Adds a case of the suite to `sequence`, over slots of its own, its steps spread over that of a thread.
void Weave(const std::string& name, uint32_t shift, std::mt19937* random, int thread, Sequence* sequence) {
  Sequence other = SuiteSequence(name);
  for (int kind = 1; kind < kSlotKinds; ++kind) {
    if (static_cast<SlotKind>(kind) == SlotKind::kClient) continue;
    MapSlots(
        static_cast<SlotKind>(kind), [shift](uint32_t slot) { return slot + shift; }, &other);
  }
  while (sequence->threads_size() <= thread) sequence->add_threads();
  const Thread old = sequence->threads(thread);
  Thread* out = sequence->mutable_threads(thread);
  out->clear_steps();
  int taken = 0;
  for (const Step& step : other.threads(0).steps()) {
    const int behind = taken + static_cast<int>((*random)() % 3);
    for (; taken < std::min(behind, old.steps_size()); ++taken) *out->add_steps() = old.steps(taken);
    *out->add_steps() = step;
  }
  for (; taken < old.steps_size(); ++taken) *out->add_steps() = old.steps(taken);
  sequence->mutable_scripts()->MergeFrom(other.scripts());
}

// 61 operations as a fuzzer leaves them: several sockets, two threads, slots anywhere, a schedule.
Sequence LongSequence() {
  std::mt19937 random(5);
  Sequence sequence;
  sequence.set_format_version(1);
  Weave("in_progress/receive_held_with_irp", 20, &random, 0, &sequence);
  Weave("receive/echo", 10, &random, 0, &sequence);
  Weave("accept/event", 5, &random, 0, &sequence);
  Weave("receive/two_queued_receives", 31, &random, 1, &sequence);
  Weave("receive/retained_list_of_several_nodes", 40, &random, 1, &sequence);
  while (CountSteps(sequence) < 61) sequence.mutable_threads(1)->add_steps()->mutable_yield();
  for (int i = 0; i < 40; ++i)
    sequence.mutable_schedule()->mutable_choices()->push_back(static_cast<char>(random() % 4));
  return sequence;
}

TEST(MinimizeTest, SixtyOneOperationsComeDownToWhatAPersonWouldWrite) {
  const Sequence sequence = LongSequence();
  ASSERT_EQ(CountSteps(sequence), 61);
  const auto saboteur = MakeTestProvider("saboteur:disable-irp-completes-early", true);
  const auto honest = MakeTestProvider("emulator", true);
  MinimizeOptions options;
  options.honest = honest.get();
  const absl::StatusOr<Minimized> done = Minimize(saboteur.get(), sequence, options);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->finding.what, "disable.in-progress.irp-waits-for-every-call");
  EXPECT_TRUE(done->clean_elsewhere);
  EXPECT_TRUE(done->finished);
  EXPECT_EQ(Text(done->sequence), R"(# proto-file: proto/sequence.proto
# proto-message: wskcert.Case
sequence {
  format_version: 1
  threads {
    steps { irp: 0 socket_connect { socket: 0 peer: 0 } }
    steps { settle {} }
    steps { event_callback { socket: 0 mask: RECEIVE } }
    steps { peer_send { peer: 0 length: 1 } }
    steps { await_hold { target: 0 } }
    steps { irp: 1 event_callback { socket: 0 mask: [RECEIVE, DISABLE] } }
  }
  scripts { event: RECEIVE_EVENT socket: 0 hold: 0 }
}
)");
}

// A failing case about the rule that a saboteur breaks; null if no case alone does.
const NamedCase* FailingCase(Provider* provider, const std::string& rule, model::Judge* judge) {
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    const auto& rules = candidate.body().rules();
    if (std::find(rules.begin(), rules.end(), rule) == rules.end()) continue;
    const absl::StatusOr<CaseRun> run = RunCase(provider, judge, candidate.name(), candidate.body(), "");
    EXPECT_TRUE(run.ok()) << run.status();
    if (run.ok() && !FindingOf(*run).empty()) return &candidate;
  }
  return nullptr;
}

TEST(MinimizeTest, EverySaboteursCaseMinimisesToAFixedPoint) {
  const auto honest = MakeTestProvider("emulator", true);
  size_t count = 0;
  size_t minimised = 0;
  int before = 0;
  int after = 0;
  const SaboteurInfo* saboteurs = Saboteurs(&count);
  for (size_t i = 1; i < count; ++i) {
    const SaboteurInfo& saboteur = saboteurs[i];
    SCOPED_TRACE(saboteur.name);
    const Rule& rule = catalogue::Get(*catalogue::Find(saboteur.rule));
    MinimizeOptions options;
    options.honest = honest.get();
    if (rule.profile() == RULE_PROFILE_WINDOWS) options.profile = model::Profile::kWindows;
    model::Judge judge(options.profile);
    const auto provider = MakeTestProvider(absl::StrCat("saboteur:", saboteur.name), !saboteur.needs_child);
    const NamedCase* failing = FailingCase(provider.get(), saboteur.rule, &judge);
    if (failing == nullptr) continue;
    const absl::StatusOr<Minimized> once = Minimize(provider.get(), failing->body().sequence(), options);
    ASSERT_TRUE(once.ok()) << once.status();
    EXPECT_TRUE(once->finished);
    EXPECT_LE(CountSteps(once->sequence), CountSteps(failing->body().sequence()));
    const absl::StatusOr<Minimized> twice = Minimize(provider.get(), once->sequence, options);
    ASSERT_TRUE(twice.ok()) << twice.status();
    EXPECT_EQ(Text(twice->sequence), Text(once->sequence)) << failing->name();
    EXPECT_EQ(twice->finding.what, once->finding.what);
    ++minimised;
    before += CountSteps(failing->body().sequence());
    after += CountSteps(once->sequence);
  }
  std::printf("%zu of %zu saboteurs; %d steps came down to %d\n", minimised, count - 1, before, after);
  EXPECT_GE(minimised * 10, (count - 1) * 9);
  EXPECT_LT(after * 4, before * 3);
}

TEST(MinimizeTest, KeepsHowAProviderDied) {
  for (const auto& [name, expected] : std::vector<std::pair<std::string, std::string>>{
           {"saboteur:disable-crashes-without-irp", "killed by signal 11"},
           {"saboteur:disable-stops-machine", "run.survives"},
           {"saboteur:enable-never-returns", "run.calls-return"}}) {
    SCOPED_TRACE(name);
    const auto provider = MakeTestProvider(name, false);
    const auto honest = MakeTestProvider("emulator", false);
    MinimizeOptions options;
    options.honest = honest.get();
    const absl::StatusOr<Minimized> done =
        Minimize(provider.get(), SuiteSequence("disable/receive_idle"), options);
    ASSERT_TRUE(done.ok()) << done.status();
    EXPECT_EQ(done->finding.what, expected);
    EXPECT_LE(CountSteps(done->sequence), 4);
  }
}

// The emulator, with a host that goes wrong whenever a sequence listens and sends.
class DyingProvider : public Provider {
 public:
  explicit DyingProvider(Ending ending) : ending_(ending), honest_(MakeTestProvider("emulator", true)) {}
  const std::string& name() const override { return name_; }
  std::vector<NamedChoice> choices() const override { return honest_->choices(); }
  uint64_t capabilities() const override { return honest_->capabilities(); }
  absl::StatusOr<PlayResult> Play(const Program& program) override {
    absl::StatusOr<PlayResult> result = honest_->Play(program);
    bool enables = false;
    bool sends = false;
    for (const ProgramStep& step : program.steps()) {
      enables = enables || step.op == static_cast<uint16_t>(Op::kEventCallback);
      sends = sends || step.op == static_cast<uint16_t>(Op::kPeerSend);
    }
    if (!result.ok() || !enables || !sends) return result;
    result->ending = ending_;
    result->leaked = ending_ == Ending::kFinished;
    result->log.back().code = static_cast<uint8_t>(ending_);
    return result;
  }

 private:
  const std::string name_ = "dying";
  const Ending ending_;
  const std::unique_ptr<Provider> honest_;
};

TEST(MinimizeTest, KeepsEveryWayToDie) {
  for (const auto& [ending, expected] : std::vector<std::pair<Ending, std::string>>{
           {Ending::kTimedOut, "hung"}, {Ending::kFinished, "leak"}, {Ending::kLivelock, "livelock"}}) {
    DyingProvider provider(ending);
    const absl::StatusOr<Minimized> done = Minimize(&provider, LongSequence(), {});
    ASSERT_TRUE(done.ok()) << done.status();
    EXPECT_EQ(done->finding.what, expected);
    EXPECT_EQ(CountSteps(done->sequence), 2) << Text(done->sequence);
  }
}

TEST(MinimizeTest, KeepsTheRuleThatIsAskedFor) {
  const auto provider = MakeTestProvider("saboteur:disable-irp-completes-early", true);
  MinimizeOptions options;
  options.rule = "disable.in-progress.irp-waits-for-every-call";
  const Sequence& sequence = SuiteSequence("in_progress/receive_held_with_irp");
  const absl::StatusOr<Minimized> done = Minimize(provider.get(), sequence, options);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_THAT(done->finding.rules, testing::Contains(options.rule));
  options.rule = "irp.completes-once";
  EXPECT_THAT(Minimize(provider.get(), sequence, options).status().message(),
              HasSubstr("irp.completes-once is not blamed"));
}

TEST(MinimizeTest, RefusesWhatShowsNothing) {
  const auto provider = MakeTestProvider("emulator", true);
  EXPECT_THAT(Minimize(provider.get(), SuiteSequence("receive/echo"), {}).status().message(),
              HasSubstr("nothing to minimise"));
  Sequence unplayable;
  unplayable.add_threads()->add_steps()->mutable_close()->set_socket(5000);
  EXPECT_THAT(Minimize(provider.get(), unplayable, {}).status().message(), HasSubstr("slot 5000"));
}

// Sequences whose bytes somebody else chose: an answer or an error, never a crash, and never an endless run.
TEST(MinimizeTest, SurvivesHostileSequences) {
  const auto provider = MakeTestProvider("saboteur:disable-irp-completes-early", true);
  const auto honest = MakeTestProvider("emulator", true);
  MinimizeOptions options;
  options.honest = honest.get();
  options.limit = 2000;
  const std::string bytes = LongSequence().SerializeAsString();
  int minimised = 0;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    std::mt19937 random(seed);
    std::string mutated = bytes;
    for (uint32_t i = 0; i < 1 + seed % 4; ++i)
      mutated[random() % mutated.size()] = static_cast<char>(random());
    const absl::StatusOr<Case> body = ParseCase(mutated, "hostile");
    if (!body.ok()) continue;
    const absl::StatusOr<Minimized> done = Minimize(provider.get(), body->sequence(), options);
    if (!done.ok()) continue;
    ++minimised;
    EXPECT_LE(CountSteps(done->sequence), CountSteps(body->sequence()));
  }
  EXPECT_GT(minimised, 10);
}

}  // namespace
}  // namespace wskcert
