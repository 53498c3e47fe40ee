// waivers, verify: what is done with a certificate that was drawn up before.
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "conformance/certify/gate.h"
#include "conformance/certify/trace_io.h"
#include "conformance/certify/verify.h"
#include "conformance/cli/commands.h"
#include "conformance/cli/common.h"
#include "conformance/suite/suite.h"

namespace wskcert::cli {
namespace {

constexpr size_t kDifferencesShown = 50;
// How long a drafted waiver holds, unless told otherwise.
constexpr int kDraftDays = 90;

absl::StatusOr<Certificate> ReadCertificate(const std::string& path) {
  const absl::StatusOr<std::string> contents = ReadFile(path);
  if (!contents.ok()) return contents.status();
  Certificate certificate;
  if (contents->empty() || !certificate.ParseFromString(*contents) || certificate.format_version() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is no certificate (certificate.pb of --out=DIR)"));
  }
  return certificate;
}

absl::StatusOr<std::string> DraftedExpiry(const Options& options, const Certificate& certificate) {
  if (!options.expires.empty()) return ParseDay(options.expires);
  const absl::StatusOr<std::string> day = TodayOf(options, certificate);
  if (!day.ok()) return day.status();
  absl::CivilDay parsed;
  absl::ParseCivilTime(*day, &parsed);
  return absl::FormatCivilTime(parsed + kDraftDays);
}

}  // namespace

absl::StatusOr<std::string> TodayOf(const Options& options, const Certificate& certificate) {
  return ParseDay(options.today.empty() ? certificate.date() : options.today);
}

absl::Status ApplyWaiversOf(const Options& options, Certificate* certificate) {
  if (options.waivers.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> contents = ReadFile(options.waivers);
  if (!contents.ok()) return contents.status();
  const absl::StatusOr<WaiverFile> waivers = ParseWaivers(*contents, options.waivers);
  if (!waivers.ok()) return waivers.status();
  const absl::StatusOr<std::string> today = TodayOf(options, *certificate);
  if (!today.ok()) return today.status();
  ApplyWaivers(*waivers, *today, certificate);
  return absl::OkStatus();
}

ExitStatus WaiversCommand(const Options& options) {
  absl::StatusOr<Certificate> certificate = ReadCertificate(options.arguments[0]);
  if (!certificate.ok()) return Complain(certificate.status());
  const std::string& path = options.arguments[1];
  if (options.write) {
    const absl::StatusOr<std::string> expires = DraftedExpiry(options, *certificate);
    if (!expires.ok()) return Complain(expires.status());
    const WaiverFile waivers = DraftWaivers(*certificate, options.reason, *expires);
    if (absl::Status status = WriteFile(path, WaiverText(waivers)); !status.ok()) return Complain(status);
    std::cout << path << ": " << waivers.waivers_size() << " waivers, until " << *expires << "\n";
    return kExitGood;
  }
  Options with = options;
  with.waivers = path;
  if (absl::Status status = ApplyWaiversOf(with, &*certificate); !status.ok()) return Complain(status);
  std::cout << Conclusion(*certificate);
  return ExitStatusOf(*certificate);
}

ExitStatus VerifyCommand(const Options& options) {
  const absl::StatusOr<Certificate> certificate = ReadCertificate(options.arguments[0]);
  if (!certificate.ok()) return Complain(certificate.status());
  const absl::StatusOr<Verification> done = Verify(*certificate, options.arguments[1], CuratedSuite());
  if (!done.ok()) return Complain(done.status());
  for (size_t i = 0; i < done->differences.size() && i < kDifferencesShown; ++i) {
    std::cout << done->differences[i] << "\n";
  }
  if (done->differences.size() > kDifferencesShown) {
    std::cout << "... and " << done->differences.size() - kDifferencesShown << " more\n";
  }
  std::cout << done->judged << " traces judged again, " << certificate->rules_size() << " verdicts compared";
  if (done->unsupported != 0) std::cout << ", " << done->unsupported << " cases without a trace";
  std::cout << ": " << (done->differences.empty() ? "VERIFIED" : "NOT VERIFIED") << "\n";
  return done->differences.empty() ? kExitGood : kExitViolation;
}

}  // namespace wskcert::cli
