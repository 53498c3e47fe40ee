// Silence that was only timed: what came counts, what did not come is awaited again, and only what a fence
// proves is a violation.
#include "conformance/certify/timed.h"

#include <string>
#include <vector>

#include "conformance/certify/certify.h"
#include "conformance/certify/pack.h"
#include "conformance/certify/play_store.h"
#include "conformance/certify/report.h"
#include "conformance/certify/testee_serve.h"
#include "conformance/certify/testee_wire.h"
#include "conformance/model/trace_text.h"
#include "conformance/rules/catalogue.h"
#include "conformance/suite/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::HasSubstr;

constexpr char kReceives[] = "receive.enabled.indicates";

// A machine without exact quiescence that shows the first log, and the second when it is to wait longer.
class Machine : public TimedProvider {
 public:
  Machine(const std::string& usually, const std::string& slowly) : logs_{Log(usually), Log(slowly)} {}

  const std::string& name() const override { return name_; }
  std::vector<NamedChoice> choices() const override { return {}; }
  uint64_t capabilities() const override { return static_cast<uint64_t>(Capability::kIrqlVisible); }
  absl::StatusOr<PlayResult> Play(const Program& program) override { return PlayCase(program, "", 1); }
  absl::StatusOr<PlayResult> PlayCase(const Program&, const std::string&, uint32_t settle_scale) override {
    scales.push_back(settle_scale);
    PlayResult out;
    out.log = logs_[settle_scale == 1 ? 0 : 1];
    out.capabilities = capabilities();
    return out;
  }
  // From the next play on.
  void Become(const std::string& usually, const std::string& slowly) {
    logs_[0] = Log(usually);
    logs_[1] = Log(slowly);
  }
  std::vector<uint32_t> scales;

 private:
  static std::vector<Observation> Log(const std::string& text) {
    std::string error;
    const auto file = model::ParseTrace("rule run.survives\nexpect accept\n---\n" + text, &error);
    EXPECT_TRUE(file.has_value()) << error;
    return file.has_value() ? file->log : std::vector<Observation>();
  }

  const std::string name_ = "machine";
  std::vector<Observation> logs_[2];
};

const std::string kSetUp =
    "connected socket=0 peer=0\n"
    "call event_callback socket=0 mask=RECEIVE @e\n"
    "return @e SUCCESS\n"
    "quiet timed\n"
    "do peer_send socket=0 peer=0 bytes=0+5\n";
const std::string kTold = "event receive socket=0 @r bytes=0+5\nend @r SUCCESS\n";
const std::string kFence =
    "call receive socket=0 length=5 irp=1 @f\n"
    "return @f PENDING\n"
    "complete @f SUCCESS information=5 bytes=0+5\n"
    "quiet timed\n";
const std::string kGood = kSetUp + kTold + "quiet timed\nfinish\n";
const std::string kMissing = kSetUp + "quiet timed\nfinish\n";
const std::string kMissingFenced = kSetUp + "quiet timed\n" + kFence + "finish\n";
const std::string kPended =
    "connected socket=0 peer=0\n"
    "call get_local_address socket=0 irp=1 @g\n"
    "return @g PENDING\n";
const std::string kCompleted = kPended + "complete @g SUCCESS\nquiet timed\nfinish\n";
const std::string kNeverCompleted = kPended + "quiet timed\nfinish\n";

struct Outcome {
  CaseRun run;
  Certificate certificate;
  std::vector<uint32_t> scales;
  Verdict VerdictOf(const std::string& rule) const {
    for (const RuleVerdict& verdict : certificate.rules()) {
      if (verdict.rule() == rule) return verdict.verdict();
    }
    return NOT_MODELLED;
  }
};

Outcome Play(const std::string& usually, const std::string& slowly) {
  Machine machine(usually, slowly);
  Suite suite;
  suite.add_cases()->set_name("a/case");
  suite.mutable_cases(0)->mutable_body()->mutable_sequence()->add_threads();
  absl::StatusOr<Certification> done = Certify(&machine, suite, CertifyOptions(), [](auto...) {});
  EXPECT_TRUE(done.ok()) << done.status();
  return {done->runs[0], done->certificate, machine.scales};
}

TEST(Timed, WhatCameCounts) {
  const Outcome outcome = Play(kGood, kMissing);
  EXPECT_EQ(outcome.run.outcome, CaseResult::ACCEPTED) << outcome.run.story;
  EXPECT_EQ(outcome.scales, std::vector<uint32_t>{1});
  EXPECT_EQ(outcome.VerdictOf(kReceives), PASSED);
  // The judge alone does not count it, for the silence may have been too short.
  EXPECT_FALSE(outcome.run.judged.exercised.Has(*catalogue::Find(kReceives)));
  EXPECT_TRUE(outcome.run.in_time.Has(*catalogue::Find(kReceives)));
}

TEST(Timed, WhatDidNotComeWithinTheBoundProvesNothing) {
  const Outcome outcome = Play(kSetUp +
                                   "call event_callback socket=0 mask=RECEIVE|DISABLE @d\nreturn @d SUCCESS\n"
                                   "do peer_send socket=0 peer=0 bytes=5+5\nquiet timed\nfinish\n",
                               kMissing);
  EXPECT_EQ(outcome.run.outcome, CaseResult::ACCEPTED) << outcome.run.story;
  EXPECT_FALSE(outcome.run.in_time.empty());
  for (const RuleVerdict& verdict : outcome.certificate.rules()) {
    if (verdict.verdict() != PASSED) continue;
    EXPECT_FALSE(outcome.run.in_time.Has(*catalogue::Find(verdict.rule()))) << verdict.rule();
  }
}

TEST(Timed, ASlowMachineIsGivenTime) {
  const Outcome outcome = Play(kMissing, kGood);
  EXPECT_EQ(outcome.scales, (std::vector<uint32_t>{1, kLongSettleScale}));
  EXPECT_EQ(outcome.run.outcome, CaseResult::ACCEPTED) << outcome.run.story;
  EXPECT_EQ(outcome.run.settle_scale, kLongSettleScale);
  EXPECT_EQ(outcome.VerdictOf(kReceives), PASSED);
}

TEST(Timed, MissingTwiceWithoutAFenceIsUndecided) {
  const Outcome outcome = Play(kMissing, kMissing);
  EXPECT_EQ(outcome.run.outcome, CaseResult::INCONCLUSIVE_CASE);
  EXPECT_THAT(outcome.run.story, HasSubstr("silence was only timed, so that proves nothing"));
  ASSERT_TRUE(outcome.run.undecided.has_value());
  EXPECT_EQ(outcome.VerdictOf(catalogue::Get(*outcome.run.undecided).name()), INCONCLUSIVE);
}

TEST(Timed, MissingTwiceWithAFenceIsAViolation) {
  const Outcome outcome = Play(kMissingFenced, kMissingFenced);
  EXPECT_EQ(outcome.run.outcome, CaseResult::VIOLATION) << outcome.run.story;
  EXPECT_THAT(outcome.run.story, HasSubstr("the same was missing twice"));
  EXPECT_EQ(outcome.VerdictOf(outcome.certificate.first_blamed()), FAILED);
  // A fence alone is not enough; it must be missing again.
  EXPECT_EQ(Play(kMissingFenced, kGood).run.outcome, CaseResult::ACCEPTED);
}

TEST(Timed, ACompletionNeedsNoFenceWhereTheProviderIsAlone) {
  const Outcome outcome = Play(kNeverCompleted, kNeverCompleted);
  EXPECT_EQ(outcome.run.outcome, CaseResult::VIOLATION) << outcome.run.story;
  EXPECT_EQ(outcome.certificate.first_blamed(), "irp.pending.completes");
  EXPECT_EQ(Play(kNeverCompleted, kCompleted).run.outcome, CaseResult::ACCEPTED);
  // Something else is missing the second time: nothing was repeated.
  EXPECT_EQ(Play(kNeverCompleted, kMissingFenced).run.outcome, CaseResult::INCONCLUSIVE_CASE);
}

// One case after the other in the same host.
class OneHost {
 public:
  CaseRun Play(const std::string& usually, const std::string& slowly) {
    machine_.Become(usually, slowly);
    RecordingProvider recording(&machine_);
    const std::string name = std::string("a/case") + std::to_string(++count_);
    CaseRun run = PlayWith(&recording, name);
    // Judged again from what was kept, it comes to the same.
    ReplayingProvider replaying(&machine_, "");
    replaying.Add(recording.Take(name));
    const CaseRun again = PlayWith(&replaying, name);
    EXPECT_TRUE(replaying.empty());
    EXPECT_EQ(again.outcome, run.outcome);
    EXPECT_EQ(again.story, run.story);
    EXPECT_EQ(again.not_timed_anew, run.not_timed_anew);
    return run;
  }
  const std::vector<uint32_t>& scales() const { return machine_.scales; }

 private:
  CaseRun PlayWith(Provider* provider, const std::string& name) {
    Case body;
    body.mutable_sequence()->add_threads();
    absl::StatusOr<CaseRun> run = RunCase(provider, &judge_, name, body, "again");
    EXPECT_TRUE(run.ok()) << run.status();
    return *std::move(run);
  }

  Machine machine_{kGood, kGood};
  model::Judge judge_{model::Profile::kDocumented};
  int count_ = 0;
};

TEST(Timed, WhatWasAwaitedInVainThreeTimesIsNotTimedAnew) {
  OneHost host;
  for (uint32_t i = 0; i < Silences::kEnough; ++i) {
    const CaseRun run = host.Play(kNeverCompleted, kNeverCompleted);
    EXPECT_EQ(run.outcome, CaseResult::VIOLATION);
    EXPECT_FALSE(run.not_timed_anew);
  }
  EXPECT_EQ(host.scales().size(), 2 * Silences::kEnough);
  const CaseRun run = host.Play(kNeverCompleted, kNeverCompleted);
  EXPECT_EQ(host.scales().size(), 2 * Silences::kEnough + 1);
  // Nothing was proved by this one.
  EXPECT_EQ(run.outcome, CaseResult::INCONCLUSIVE_CASE);
  EXPECT_TRUE(run.not_timed_anew);
  EXPECT_THAT(run.story,
              HasSubstr("not timed anew: the same was missing again after 10 times as long in a/case1, "
                        "a/case2, a/case3\n"));
  // Something else is.
  EXPECT_EQ(host.Play(kMissingFenced, kMissingFenced).outcome, CaseResult::VIOLATION);
  EXPECT_EQ(host.scales().back(), kLongSettleScale);
}

TEST(Timed, AHostThatWasOnlySlowIsGivenTimeAgain) {
  OneHost host;
  const auto in_vain = [&host] { host.Play(kNeverCompleted, kNeverCompleted); };
  in_vain();
  in_vain();
  EXPECT_EQ(host.Play(kNeverCompleted, kCompleted).outcome, CaseResult::ACCEPTED);
  in_vain();
  in_vain();
  EXPECT_EQ(host.Play(kNeverCompleted, kCompleted).outcome, CaseResult::ACCEPTED);
}

TEST(Timed, ACertificateSaysWhatWasNotTimedAnew) {
  Machine machine(kNeverCompleted, kNeverCompleted);
  Suite suite;
  for (const char* name : {"a/1", "a/2", "a/3", "a/4", "a/5"}) {
    suite.add_cases()->set_name(name);
    suite.mutable_cases()->rbegin()->mutable_body()->mutable_sequence()->add_threads();
  }
  absl::StatusOr<Certification> done = Certify(&machine, suite, CertifyOptions(), [](auto...) {});
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(machine.scales.size(), 3u * 2 + 2);
  const Certificate& certificate = done->certificate;
  EXPECT_FALSE(certificate.cases(2).not_timed_anew());
  EXPECT_TRUE(certificate.cases(3).not_timed_anew());
  EXPECT_TRUE(certificate.cases(4).not_timed_anew());
  EXPECT_EQ(certificate.cases(4).undecided(), "irp.pending.completes");
  for (const RuleVerdict& rule : certificate.rules()) {
    if (rule.rule() != "irp.pending.completes") continue;
    EXPECT_EQ(rule.verdict(), FAILED);
    EXPECT_EQ(rule.violated_in_size(), 3);
  }
  EXPECT_THAT(Conclusion(certificate), HasSubstr("2 cases miss what was awaited longer, in vain, in others"));
}

// What a recorder makes of a pack: a hello, then mark and answer of each case.
std::string RecordOf(const std::string& pack, Provider* provider, std::vector<PlayRequest>* asked) {
  std::string record;
  const absl::StatusOr<std::vector<TesteeMessage>> messages = ReadPack(pack, "pack");
  EXPECT_TRUE(messages.ok()) << messages.status();
  for (const TesteeMessage& message : *messages) {
    TesteeMessage out;
    if (message.has_hello()) {
      *out.mutable_hello() = HelloOf(*provider, message.hello().token());
    } else if (message.has_play()) {
      asked->push_back(message.play());
      out.mutable_started()->set_id(message.play().id());
      out.mutable_started()->set_case_name(message.play().case_name());
      record += EncodeFrame(out);
      out = AnswerTo(message.play(), provider);
    } else {
      out.mutable_bye();
    }
    record += EncodeFrame(out);
  }
  return record;
}

TEST(Timed, ARecordIsCompletedWithWhatNeedsMoreTime) {
  Machine machine(kNeverCompleted, kNeverCompleted);
  Suite suite;
  for (const char* name : {"a/1", "a/2", "a/3", "a/4", "a/5"}) {
    suite.add_cases()->set_name(name);
    suite.mutable_cases()->rbegin()->mutable_body()->mutable_sequence()->add_threads();
  }
  const auto certificate_of = [&suite](const std::string& record) {
    absl::StatusOr<std::unique_ptr<Provider>> provider = MakePackProvider("pack:x", record, suite);
    EXPECT_TRUE(provider.ok()) << provider.status();
    return Certify(provider->get(), suite, CertifyOptions(), [](auto...) {})->certificate;
  };
  const auto more = [&suite](const std::string& record) {
    return MakePackForMoreTime(suite, MakePackProvider("pack:x", record, suite)->get(),
                               model::Profile::kDocumented, 1000);
  };
  std::vector<PlayRequest> asked;
  const std::string first = RecordOf(*MakePack(suite, "", 1000), &machine, &asked);
  EXPECT_EQ(certificate_of(first).cases(0).outcome(), CaseResult::INCONCLUSIVE_CASE);
  asked.clear();
  const absl::StatusOr<std::string> pack = more(first);
  ASSERT_TRUE(pack.ok()) << pack.status();
  const std::string whole = first + RecordOf(*pack, &machine, &asked);
  ASSERT_EQ(asked.size(), Silences::kEnough);
  EXPECT_EQ(asked[2].case_name(), "a/3");
  EXPECT_EQ(asked[2].settle_scale(), kLongSettleScale);
  EXPECT_EQ(asked[2].timeout_ms(), 1000 * kLongSettleScale);
  // The certificate is that of the machine.
  const Certificate recorded = certificate_of(whole);
  const Certificate here = Certify(&machine, suite, CertifyOptions(), [](auto...) {})->certificate;
  ASSERT_EQ(recorded.rules_size(), here.rules_size());
  for (int i = 0; i < here.rules_size(); ++i) {
    EXPECT_EQ(recorded.rules(i).SerializeAsString(), here.rules(i).SerializeAsString());
  }
  for (int i = 0; i < here.cases_size(); ++i) {
    EXPECT_EQ(recorded.cases(i).outcome(), here.cases(i).outcome());
    EXPECT_EQ(recorded.cases(i).not_timed_anew(), here.cases(i).not_timed_anew());
  }
  // Nothing is left to ask for; and nothing was to ask for where it came at last.
  EXPECT_TRUE(absl::IsNotFound(more(whole).status()));
  Machine slow(kNeverCompleted, kCompleted);
  asked.clear();
  const std::string began = RecordOf(*MakePack(suite, "", 1000), &slow, &asked);
  asked.clear();
  const std::string went_on = began + RecordOf(*more(began), &slow, &asked);
  EXPECT_EQ(asked.size(), Silences::kEnough);
  EXPECT_EQ(certificate_of(went_on).cases(2).outcome(), CaseResult::ACCEPTED);
  asked.clear();
  RecordOf(*more(went_on), &slow, &asked);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].case_name(), "a/4");
}

TEST(Timed, ACallThatReturnedWaitsForNothing) {
  const std::string refused =
      "connected socket=0 peer=0\n"
      "call disconnect socket=0 irp=1 @d\nreturn @d NOT_IMPLEMENTED\nquiet timed\nfinish\n";
  const Outcome outcome = Play(refused, refused);
  EXPECT_EQ(outcome.run.outcome, CaseResult::VIOLATION) << outcome.run.story;
  EXPECT_EQ(outcome.certificate.first_blamed(), "irp.completes-once");

  model::Refusal missing;
  missing.refused = true;
  missing.missing = model::Refusal::Missing::kCompletion;
  missing.missing_what = static_cast<uint16_t>(Op::kReceive);
  missing.missing_socket = 3;
  std::vector<Observation> log;
  const auto add = [&log, &missing](Seen kind, uint32_t begin, Status status) {
    Observation o = {};
    o.kind = static_cast<uint8_t>(kind);
    o.op = static_cast<uint16_t>(Op::kReceive);
    o.socket = 3;
    o.seen_flags = kind == Seen::kCallBegin ? kSeenIrp : 0;
    o.begin = begin;
    o.status = status;
    log.push_back(o);
    missing.index = static_cast<uint32_t>(log.size());
  };
  EXPECT_FALSE(IsFenced(log, missing));  // no call
  add(Seen::kCallBegin, kNoIndex, 0);
  EXPECT_FALSE(IsFenced(log, missing));  // it has not returned
  add(Seen::kCallEnd, 0, kStatusNotSupported);
  EXPECT_TRUE(IsFenced(log, missing));
  missing.missing_socket = 2;
  EXPECT_FALSE(IsFenced(log, missing));  // another socket's
  missing.missing_socket = 3;
  add(Seen::kCallBegin, kNoIndex, 0);
  add(Seen::kCallEnd, 2, kStatusPending);
  EXPECT_FALSE(IsFenced(log, missing));  // it may be the one that waits for the network
  add(Seen::kCompletion, 2, kStatusSuccess);
  EXPECT_TRUE(IsFenced(log, missing));
  add(Seen::kCompletion, 0, kStatusNotSupported);
  EXPECT_FALSE(IsFenced(log, missing));  // nothing is left
}

TEST(Timed, Fences) {
  model::Refusal missing;
  missing.refused = true;
  missing.index = 0;
  missing.missing_socket = 0;
  Observation data = {};
  data.kind = static_cast<uint8_t>(Seen::kCompletion);
  data.op = static_cast<uint16_t>(Op::kReceive);
  data.information = 5;
  const auto fenced = [&missing](Observation o) { return IsFenced({Observation(), o}, missing); };
  const auto event = [&missing](Event what) {
    missing.missing = model::Refusal::Missing::kEvent;
    missing.missing_what = static_cast<uint16_t>(what);
  };
  EXPECT_FALSE(fenced(data));  // it is not known what is missing
  event(Event::kReceive);
  EXPECT_TRUE(fenced(data));
  Observation end = data;
  end.information = 0;
  EXPECT_FALSE(fenced(end));
  Observation elsewhere = data;
  elsewhere.socket = 1;
  EXPECT_FALSE(fenced(elsewhere));
  Observation at_the_end = data;
  at_the_end.seen_flags = kSeenTeardown;
  EXPECT_FALSE(fenced(at_the_end));
  Observation parting = {};
  parting.kind = static_cast<uint8_t>(Seen::kCallbackBegin);
  parting.op = static_cast<uint16_t>(Event::kDisconnect);
  EXPECT_TRUE(fenced(parting));
  parting.flags = kFlagAbortive;  // a reset overtakes data
  EXPECT_FALSE(fenced(parting));
  event(Event::kDisconnect);
  EXPECT_TRUE(fenced(end));
  EXPECT_FALSE(fenced(data));
  // What may be dropped is never owed.
  for (const Event what : {Event::kAccept, Event::kReceiveFrom, Event::kInspect, Event::kSendBacklog}) {
    event(what);
    EXPECT_FALSE(fenced(data));
    EXPECT_FALSE(fenced(end));
  }
}

}  // namespace
}  // namespace wskcert
