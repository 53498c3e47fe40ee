// The driver's source, hosted on the emulator: the curated suite, played through its device, gives the
// emulator's certificate. So what lies between a program and its log in a kernel changes no verdict.
#include <string>

#include "conformance/certify/certify.h"
#include "conformance/certify/driver_provider.h"
#include "conformance/suite/suite.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

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
