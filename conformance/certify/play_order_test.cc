// Killers come last, each in a host of its own, and no certificate shows that they did.
#include "conformance/certify/play_order.h"

#include <algorithm>
#include <string>
#include <vector>

#include "conformance/certify/certify.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/pack.h"
#include "conformance/certify/testee_wire.h"
#include "conformance/suite/suite.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::ElementsAre;

Sequence Parsed(const std::string& text) {
  Sequence sequence;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("format_version: 1 " + text, &sequence));
  EXPECT_TRUE(Compile(sequence, EmulatorChoices()).ok()) << Compile(sequence, EmulatorChoices()).status();
  return sequence;
}

constexpr char kConnect[] =
    "threads { steps { irp: 0 socket_connect { socket: 0 peer: 0 } } steps { settle {} } } ";

TEST(PlayOrder, KillersAreToldByTheirSteps) {
  EXPECT_FALSE(IsKiller(Parsed(kConnect)));
  EXPECT_TRUE(
      IsKiller(Parsed("threads { steps { irp: 0 killer: true socket_connect { socket: 0 peer: 0 } } }")));
  const std::string connect = "steps { irp: 0 socket_connect { socket: 0 peer: 0 } } steps { settle {} } ";
  EXPECT_FALSE(IsKiller(Parsed("threads { " + connect + "steps { irp: 1 close { socket: 0 } } }")));
  EXPECT_TRUE(IsKiller(Parsed("threads { " + connect + "steps { close { socket: 0 } } }")));
  const auto scripted = [](const std::string& step) {
    return Parsed(kConnect + ("scripts { on_completion_of_irp: 0 nth: 0 steps { " + step + " } }"));
  };
  EXPECT_TRUE(IsKiller(scripted("irp: 1 close { socket: 0 }")));
  EXPECT_TRUE(IsKiller(scripted("event_callback { socket: 0 mask: RECEIVE }")));
  EXPECT_FALSE(IsKiller(scripted("peer_send { peer: 0 length: 5 }")));
  EXPECT_FALSE(IsKiller(scripted("irp: 0 cancel_irp {}")));
}

Suite WithKillers() {
  Suite suite;
  const auto add = [&suite](const std::string& name, const std::string& text) {
    NamedCase* added = suite.add_cases();
    added->set_name(name);
    *added->mutable_body()->mutable_sequence() = Parsed(text);
  };
  const std::string killer =
      kConnect +
      std::string(
          "scripts { on_completion_of_irp: 0 nth: 0 steps { event_callback { socket: 0 mask: RECEIVE } } }");
  add("a/kills", killer);
  add("b/plain", kConnect);
  add("c/kills", killer);
  add("d/plain", kConnect);
  return suite;
}

// The emulator, as if one host played everything.
class Shared : public Provider {
 public:
  Shared() {
    ProviderOptions options;
    options.in_process = true;
    emulator_ = *MakeProvider("emulator", options);
  }
  const std::string& name() const override { return emulator_->name(); }
  std::vector<NamedChoice> choices() const override { return emulator_->choices(); }
  uint64_t capabilities() const override { return emulator_->capabilities(); }
  absl::StatusOr<PlayResult> Play(const Program& program) override { return emulator_->Play(program); }
  absl::StatusOr<PlayResult> PlayCase(const Program& program, const std::string& case_name,
                                      uint32_t) override {
    events.push_back(case_name);
    return emulator_->Play(program);
  }
  bool shares_host() const override { return true; }
  std::string Part() override {
    events.push_back("part");
    return events.size() == spoils_at ? "it would not let go" : "";
  }

  std::vector<std::string> events;
  size_t spoils_at = 0;

 private:
  std::unique_ptr<Provider> emulator_;
};

TEST(PlayOrder, KillersAreLastEachInAFreshHost) {
  Shared provider;
  const Suite suite = WithKillers();
  const Certificate certificate = Certify(&provider, suite, CertifyOptions(), [](auto...) {})->certificate;
  EXPECT_THAT(provider.events,
              ElementsAre("b/plain", "d/plain", "part", "a/kills", "part", "c/kills", "part"));
  // The certificate is that of a provider whose cases have nothing in common.
  ProviderOptions options;
  options.in_process = true;
  const auto emulator = MakeProvider("emulator", options);
  EXPECT_EQ(certificate.SerializeAsString(), Certify(emulator->get(), suite, CertifyOptions(), [](auto...) {
                                             })->certificate.SerializeAsString());
}

TEST(PlayOrder, WhatIsWrongAtParting) {
  Shared provider;
  provider.spoils_at = 5;  // after a/kills
  const Certificate certificate =
      Certify(&provider, WithKillers(), CertifyOptions(), [](auto...) {})->certificate;
  EXPECT_EQ(certificate.cases(0).outcome(), CaseResult::PROTOCOL_FAULT);
  EXPECT_THAT(certificate.cases(0).story(), ::testing::HasSubstr("it would not let go"));
  for (int i = 1; i < 4; ++i) EXPECT_EQ(certificate.cases(i).outcome(), CaseResult::ACCEPTED);
}

TEST(PlayOrder, PacksHaveThemLastToo) {
  const Suite suite = WithKillers();
  std::vector<std::string> names;
  const absl::StatusOr<std::vector<TesteeMessage>> messages = ReadPack(*MakePack(suite, "", 1000), "pack");
  for (const TesteeMessage& message : *messages) {
    if (message.has_play()) names.push_back(message.play().case_name());
  }
  EXPECT_THAT(names, ElementsAre("b/plain", "d/plain", "a/kills", "c/kills"));
}

// The suite has some, and not many, for each costs a start of the host.
TEST(PlayOrder, TheSuiteHasSomeKillers) {
  std::vector<const NamedCase*> cases;
  for (const NamedCase& candidate : CuratedSuite().cases()) cases.push_back(&candidate);
  const PlayOrder order = KillersLast(cases);
  EXPECT_EQ(order.cases.size(), cases.size());
  const size_t killers = order.cases.size() - order.killers_from;
  EXPECT_GT(killers, 0u);
  EXPECT_LT(killers, 60u);
  std::vector<size_t> sorted = order.cases;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end());
}

}  // namespace
}  // namespace wskcert
