// What a provider does to the process that plays it costs one case, never the run.
#include "conformance/certify/provider.h"

#include "conformance/certify/run_case.h"
#include "conformance/saboteurs/saboteurs.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

Case MakeCase(const std::string& text) {
  Case out;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, out.mutable_sequence())) << text;
  return out;
}

const char kData[] =
    "threads { steps { irp: 0 socket_connect {} } steps { settle {} } steps { event_callback { mask: RECEIVE "
    "} } "
    "steps { settle {} } steps { peer_send { length: 8 } } steps { settle {} } "
    "steps { event_callback { mask: RECEIVE mask: DISABLE } } steps { settle {} } }";

CaseRun PlayCase(const std::string& provider_name, const Case& body, const ProviderOptions& options) {
  auto provider = MakeProvider(provider_name, options);
  EXPECT_TRUE(provider.ok()) << provider.status();
  model::Judge judge(model::Profile::kDocumented);
  absl::StatusOr<CaseRun> run = RunCase(provider->get(), &judge, "test", body, "again");
  EXPECT_TRUE(run.ok()) << run.status();
  return run.ok() ? *run : CaseRun();
}

TEST(Provider, ChildAndOwnProcessSeeTheSame) {
  ProviderOptions here;
  here.in_process = true;
  const CaseRun own = PlayCase("emulator", MakeCase(kData), here);
  const CaseRun child = PlayCase("emulator", MakeCase(kData), ProviderOptions());
  ASSERT_EQ(own.played.log.size(), child.played.log.size());
  EXPECT_EQ(
      0, memcmp(own.played.log.data(), child.played.log.data(), own.played.log.size() * sizeof(Observation)));
  EXPECT_EQ(own.outcome, CaseResult::ACCEPTED) << own.story;
}

TEST(Provider, ProcessesThatDieAreReportedAsWhatTheyWere) {
  size_t count = 0;
  const SaboteurInfo* saboteurs = Saboteurs(&count);
  int died = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!saboteurs[i].needs_child) continue;
    const CaseRun run =
        PlayCase(std::string("saboteur:") + saboteurs[i].name, MakeCase(kData), ProviderOptions());
    if (run.played.ending != Ending::kCrashed) continue;
    ++died;
    EXPECT_EQ(run.outcome, CaseResult::PROVIDER_DIED);
    // A sanitizer turns the signal into an exit of its own.
    EXPECT_THAT(run.played.report, AnyOf(HasSubstr("killed by signal"), HasSubstr("its process ended")));
    EXPECT_EQ(static_cast<Seen>(run.played.log.back().kind), Seen::kEnd);
    EXPECT_GT(run.played.log.size(), 3u) << "what was seen before the crash is kept";
    EXPECT_THAT(run.story, HasSubstr("again: again"));
  }
  EXPECT_GT(died, 0) << "no saboteur crashes on this sequence";
}

TEST(Provider, TheNextCaseIsPlayedAsIfNothingHadHappened) {
  size_t count = 0;
  const SaboteurInfo* saboteurs = Saboteurs(&count);
  for (size_t i = 0; i < count; ++i) {
    if (!saboteurs[i].needs_child) continue;
    auto provider = MakeProvider(std::string("saboteur:") + saboteurs[i].name, ProviderOptions());
    model::Judge judge(model::Profile::kDocumented);
    ASSERT_TRUE(RunCase(provider->get(), &judge, "first", MakeCase(kData), "").ok());
    absl::StatusOr<CaseRun> idle = RunCase(provider->get(), &judge, "second", MakeCase(""), "");
    ASSERT_TRUE(idle.ok());
    EXPECT_EQ(idle->outcome, CaseResult::ACCEPTED) << idle->story;
  }
}

TEST(Provider, UnknownNamesAreRefusedWithAWayOut) {
  for (const char* name : {"", "emulate", "saboteur:", "saboteur:nobody"}) {
    auto provider = MakeProvider(name, ProviderOptions());
    ASSERT_FALSE(provider.ok()) << name;
    EXPECT_THAT(std::string(provider.status().message()), HasSubstr("--list-providers"));
  }
}

}  // namespace
}  // namespace wskcert
