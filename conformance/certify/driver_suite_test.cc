// The driver's source, hosted on the emulator: the curated suite, played through its device, gives the
// emulator's certificate. So what lies between a program and its log in a kernel changes no verdict.
#include <map>
#include <string>

#include "conformance/certify/certify.h"
#include "conformance/certify/emulated_peers.h"
#include "conformance/suite/suite.h"
#include "gtest/gtest.h"
#include "implementations/driver_shim/hosted/hosted_driver.h"
#include "implementations/emulator/provider/choices.h"

namespace wskcert {
namespace {

class DriverProvider : public Provider {
 public:
  const std::string& name() const override { return name_; }
  std::vector<NamedChoice> choices() const override { return EmulatorChoices(); }
  uint64_t capabilities() const override { return EmulatorCapabilities(); }

  absl::StatusOr<PlayResult> Play(const Program& program) override {
    std::vector<uint8_t> fixed(program.choices().empty() ? 0 : emulator::kChoiceEnd, 0xFF);
    for (const ProgramChoice& choice : program.choices()) {
      if (choice.kind < fixed.size()) fixed[choice.kind] = static_cast<uint8_t>(choice.value);
    }
    one_way_.Clear();
    shim::HostedPlayOptions options;
    options.run.schedule = program.schedule().data();
    options.run.schedule_size = program.schedule().size();
    options.run.fixed_choices = fixed.data();
    options.run.fixed_choice_count = fixed.size();
    options.capabilities = EmulatorCapabilities();
    options.perform = [](void* context, const Stimulus* stimulus) {
      return PerformOnEmulator(static_cast<OneWayPeers*>(context), *stimulus);
    };
    options.saw = [](void* context, const emulator::PeerEvent* event) {
      static_cast<OneWayPeers*>(context)->Saw(*event);
    };
    options.context = &one_way_;
    const shim::HostedPlay played =
        shim::PlayOnHostedDriver(program.bytes().data(), program.bytes().size(), options);
    last_report_ = played.report.text;
    clean_ = emulator::Clean(played.report);
    if (played.status < 0 || played.log.empty()) {
      return absl::InternalError(
          absl::StrCat("the play request failed with ", played.status, ": ", last_report_));
    }
    PlayResult result;
    result.log = played.log;
    result.capabilities = played.capabilities;
    result.ending = static_cast<Ending>(played.log.back().code);
    return result;
  }

  const std::string& last_report() const { return last_report_; }
  bool clean() const { return clean_; }

 private:
  const std::string name_ = "emulator";
  OneWayPeers one_way_;
  std::string last_report_;
  bool clean_ = false;
};

Certificate CertificateOf(Provider* provider, const Progress& progress) {
  CertifyOptions options;
  options.date = "2026-01-01T00:00:00Z";
  absl::StatusOr<Certification> certification = Certify(provider, CuratedSuite(), options, progress);
  EXPECT_TRUE(certification.ok()) << certification.status();
  return certification.ok() ? certification->certificate : Certificate();
}

TEST(DriverSuite, GivesTheEmulatorsCertificate) {
  ProviderOptions options;
  options.in_process = true;
  auto emulator = MakeProvider("emulator", options);
  ASSERT_TRUE(emulator.ok());
  const Certificate expected =
      CertificateOf(emulator->get(), [](size_t, size_t, const std::string&, const CaseRun*) {});
  DriverProvider driver;
  const Certificate actual =
      CertificateOf(&driver, [&](size_t, size_t, const std::string& name, const CaseRun* run) {
        if (run != nullptr) EXPECT_TRUE(driver.clean()) << name << ": " << driver.last_report();
      });
  ASSERT_EQ(expected.rules_size(), actual.rules_size());
  for (int i = 0; i < expected.rules_size(); ++i) {
    EXPECT_EQ(Verdict_Name(expected.rules(i).verdict()), Verdict_Name(actual.rules(i).verdict()))
        << expected.rules(i).rule();
  }
  ASSERT_EQ(expected.cases_size(), actual.cases_size());
  for (int i = 0; i < expected.cases_size(); ++i) {
    EXPECT_EQ(CaseResult::Outcome_Name(expected.cases(i).outcome()),
              CaseResult::Outcome_Name(actual.cases(i).outcome()))
        << expected.cases(i).name() << "\n"
        << actual.cases(i).story();
  }
  EXPECT_EQ(expected.certified(), actual.certified());
}

}  // namespace
}  // namespace wskcert
