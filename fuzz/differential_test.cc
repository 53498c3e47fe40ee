// That the differential target finds what it is there to find, and nothing where there is nothing.
#include "fuzz/differential.h"

#include <string>
#include <vector>

#include "conformance/certify/compile.h"
#include "conformance/rules/catalogue.h"
#include "conformance/saboteurs/saboteurs.h"
#include "conformance/suite/suite.h"
#include "fuzz/report.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "implementations/emulator/emulator.h"

namespace wskcert::fuzz {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

Sequence MakeSequence(const std::string& text) {
  Sequence sequence;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &sequence)) << text;
  return sequence;
}

Sequence SuiteCase(const std::string& name) {
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    if (candidate.name() == name) return candidate.body().sequence();
  }
  ADD_FAILURE() << "no case " << name;
  return {};
}

Differential::Options With(const char* saboteur) {
  Differential::Options options;
  options.interpose = Sabotage;
  options.interpose_context = const_cast<SaboteurInfo*>(FindSaboteur(saboteur));
  EXPECT_NE(options.interpose_context, nullptr) << saboteur;
  return options;
}

TEST(Differential, FindsNothingInTheSuiteAndRepeatsEveryRun) {
  Differential::Options options;
  options.repeat_one_in = 1;
  Differential differential(options);
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    const Finding* finding = differential.Run(candidate.body().sequence());
    EXPECT_EQ(finding, nullptr) << candidate.name() << "\n" << finding->rule << "\n" << finding->story;
  }
  const Tally& tally = differential.tally();
  EXPECT_EQ(tally.executions, static_cast<uint64_t>(CuratedSuite().cases_size()));
  EXPECT_EQ(tally.repeated, tally.executions);
  EXPECT_EQ(tally.refused, 0u);
  // Every required rule, or the tally counts something else.
  catalogue::Required().ForEach(
      [&tally](RuleId rule) { EXPECT_TRUE(tally.exercised.Has(rule)) << catalogue::Get(rule).name(); });
}

TEST(Differential, NamesTheRuleThatASaboteurBreaks) {
  Differential differential(With("disable-irp-completes-early"));
  const Finding* finding = differential.Run(SuiteCase("in_progress/receive_held_with_irp"));
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->rule, "disable.in-progress.irp-waits-for-every-call");
  EXPECT_THAT(finding->story, HasSubstr("so-wsk-event-callback.md"));
}

// A deliberate breach that the emulator answers with a bugcheck: both see it, nothing is found.
constexpr char kUseAfterClose[] = R"(
  threads {
    steps { irp: 0 socket_connect {} } steps { settle {} }
    steps { irp: 1 close {} } steps { settle {} }
    steps { unguarded: true irp: 2 send { length: 10 } } steps { settle {} }
  })";

TEST(Differential, MisuseThatBothSeeIsNoFinding) {
  Differential differential({});
  const Finding* finding = differential.Run(MakeSequence(kUseAfterClose));
  EXPECT_EQ(finding, nullptr) << finding->rule << "\n" << finding->story;
  EXPECT_EQ(differential.tally().stopped, 1u);
  EXPECT_EQ(differential.tally().with_breach, 1u);
  EXPECT_EQ(differential.tally().with_error_path, 0u);
}

TEST(Differential, ADocumentedErrorIsNoBreach) {
  Differential differential({});
  EXPECT_EQ(differential.Run(MakeSequence(R"(
    threads {
      steps { irp: 0 socket { category: CONNECTION } } steps { settle {} }
      steps { irp: 1 event_callback { mask: RECEIVE } } steps { settle {} }
    })")),
            nullptr);
  EXPECT_EQ(differential.tally().with_breach, 0u);
  EXPECT_EQ(differential.tally().with_error_path, 1u);
}

// Every second run is over a saboteur, so that a repetition differs.
struct Alternating {
  uint32_t runs = 0;
  static const void* Interpose(const void* exports, void* context) {
    const bool honest = static_cast<Alternating*>(context)->runs++ % 2 == 0;
    return Sabotage(exports,
                    const_cast<SaboteurInfo*>(FindSaboteur(honest ? "none" : "disable-irp-completes-early")));
  }
};

TEST(Differential, SeesThatARepetitionDiffers) {
  Alternating alternating;
  Differential::Options options;
  options.interpose = Alternating::Interpose;
  options.interpose_context = &alternating;
  options.repeat_one_in = 1;
  Differential differential(options);
  const Finding* finding = differential.Run(SuiteCase("in_progress/receive_held_with_irp"));
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->rule, kNondeterminism);
  EXPECT_THAT(finding->story, HasSubstr("differ from observation"));
}

struct Decision {
  Ending ending;
  bool leaked;
  bool breached;     // a rule at which the emulator stops
  bool mild_breach;  // a documented error
  const char* finding;
};

TEST(Decide, TellsWhatIsTheProvidersFault) {
  const std::string unseen = std::string(kMisuseUnseen) + "application.close.ends-use";
  const Decision decisions[] = {
      {Ending::kFinished, false, false, false, ""},
      {Ending::kFinished, true, false, false, kLeak},
      {Ending::kFinished, true, false, true, kLeak},
      {Ending::kFinished, true, true, false, unseen.c_str()},
      {Ending::kFinished, false, true, false, unseen.c_str()},
      {Ending::kFinished, false, false, true, ""},
      {Ending::kBugCheck, false, false, false, kBugCheckUnasked},
      {Ending::kBugCheck, false, false, true, kBugCheckUnasked},
      {Ending::kBugCheck, false, true, false, ""},
      {Ending::kLivelock, false, false, false, kLivelock},
      {Ending::kLivelock, false, true, false, ""},
      {Ending::kLivelock, false, false, true, kLivelock},
      {Ending::kDeadlock, false, false, false, ""},
      {Ending::kOverflow, false, false, false, ""},
  };
  for (const Decision& d : decisions) {
    Judged judged;
    if (d.breached) judged.breached.Add(RuleId::kApplicationCloseEndsUse);
    if (d.mild_breach) judged.breached.Add(RuleId::kApplicationEnableAfterBind);
    Played played;
    played.ending = d.ending;
    played.leaked = d.leaked;
    EXPECT_EQ(Decide(judged, played).rule, d.finding)
        << static_cast<int>(d.ending) << d.leaked << d.breached << d.mild_breach;
  }
}

TEST(Decide, ALivelockThatScriptsKeepGoingIsTheSequencesOwn) {
  std::vector<Observation> log(300);
  for (Observation& o : log) {
    o.kind = static_cast<uint8_t>(Seen::kCallBegin);
    o.enclosing = kNoIndex;
  }
  Played played;
  played.ending = Ending::kLivelock;
  played.log = log;
  EXPECT_EQ(Decide({}, played).rule, kLivelock);
  for (Observation& o : log) o.enclosing = 0;
  EXPECT_EQ(Decide({}, played).rule, "");
}

TEST(Decide, WhenCallsOverlapTheModelKnowsOnlyThatMisuseMayHaveBeen) {
  std::vector<Observation> log(3);
  log[0].kind = log[1].kind = static_cast<uint8_t>(Seen::kCallBegin);
  log[2].kind = static_cast<uint8_t>(Seen::kCallEnd);
  Played played;
  played.log = log;
  for (const RuleId rule :
       {RuleId::kApplicationCloseEndsUse, RuleId::kApplicationReceiveReturnsKnownStatus}) {
    Judged judged;
    judged.breached.Add(rule);
    log[1].thread = 0;
    EXPECT_NE(Decide(judged, played).rule, "");
    log[1].thread = 1;
    EXPECT_EQ(Decide(judged, played).rule == "", rule == RuleId::kApplicationCloseEndsUse);
  }
}

TEST(Decide, ARefusalWithoutARuleIsUnattributed) {
  Judged judged;
  judged.refusal.refused = true;
  judged.refusal.index = 0;
  const std::vector<Observation> log(1);
  Played played;
  played.log = log;
  EXPECT_EQ(Decide(judged, played).rule, kUnattributed);
}

TEST(Differential, EveryRuleAtWhichTheEmulatorStopsBindsTheApplicationAndIsModelled) {
  size_t count = 0;
  for (size_t i = 0; i < kRuleCount; ++i) {
    const RuleId id = static_cast<RuleId>(i);
    if (!IsStoppedAt(id)) continue;
    ++count;
    EXPECT_EQ(catalogue::Get(id).party(), PARTY_APPLICATION) << catalogue::Get(id).name();
  }
  EXPECT_GE(count, 10u);
}

// A request that waits until the client deregisters, which this one does not do.
TEST(Differential, WhatTheClientLeavesOpenIsNoLeak) {
  Differential differential({});
  const Finding* finding =
      differential.Run(MakeSequence("setup { manual_teardown: true } threads { steps { irp: 0 control_client "
                                    "{ code: TRANSPORT_LIST_CHANGE } } }"));
  EXPECT_EQ(finding, nullptr) << finding->rule;
}

// A socket that is left open, bound to a port.
TEST(World, IsChangedByARunAndTheSameAfterTheReset) {
  emulator::EmulatorReset();
  const uint64_t before = emulator::EmulatorDigest();
  const Sequence sequence = MakeSequence(R"(
    setup { manual_teardown: true }
    threads { steps { irp: 0 socket { category: DATAGRAM } } steps { settle {} } steps { irp: 1 bind {} } steps { settle {} } })");
  const absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
  ASSERT_TRUE(program.ok()) << program.status();
  Testbed testbed;
  testbed.Play(*program);
  EXPECT_NE(emulator::EmulatorDigest(), before);
  emulator::EmulatorReset();
  EXPECT_EQ(emulator::EmulatorDigest(), before);
}

TEST(Differential, WhatDoesNotCompileIsCountedAndPassedOver) {
  Differential differential({});
  EXPECT_EQ(differential.Run(MakeSequence("threads { steps { close { socket: 5000 } } }")), nullptr);
  EXPECT_EQ(differential.tally().refused, 1u);
  EXPECT_EQ(differential.tally().executions, 0u);
}

// ClusterFuzz tells findings apart by the line of a failed check; its form is
// ^F\d{4}\s+\d{2}:\d{2}:\d{2}\.\d+\s+\d+\s+(.*):\d+\], then "Check failed: ".
TEST(Report, HasALineThatClusterFuzzParsesAndACaseForTheSuite) {
  const Sequence sequence = MakeSequence(kUseAfterClose);
  const std::string text = ReportText({"close.completes", "  what was seen\n"}, sequence);
  EXPECT_THAT(text,
              ContainsRegex("\nF[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]+ [0-9]+ [a-z_]+\\.cc:[0-9]+\\] "
                            "Check failed: close\\.completes\n"));
  const size_t begin = text.find("==== the sequence\n") + 18;
  Case body;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text.substr(begin, text.find("==== end") - begin),
                                                            &body));
  EXPECT_EQ(body.sequence().SerializeAsString(), sequence.SerializeAsString());
}

TEST(ReportDeathTest, AbortsAfterTheWholeText) {
  EXPECT_DEATH(Report({"leak", "  story\n"}, Sequence()), "Check failed: leak");
}

}  // namespace
}  // namespace wskcert::fuzz
