// Certifying in several processes, in shards and further after a kill; merge and diff.
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "conformance/certify/certificate_diff.h"
#include "conformance/certify/long_run.h"
#include "conformance/certify/report.h"
#include "conformance/cli/commands.h"
#include "conformance/cli/common.h"
#include "conformance/suite/suite.h"

namespace wskcert::cli {
namespace {

// A directory that goes with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::error_code error;
    std::string path = (std::filesystem::temp_directory_path(error) / "wskcert.XXXXXX").string();
    if (!error && mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ~TemporaryDirectory() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  // Empty: there is none.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void ShowPlayed(bool quiet, size_t played, size_t total, size_t before, const std::string& name) {
  if (quiet) return;
  if (name.empty()) {
    std::cerr << "[" << played << "/" << total << "] cases were played before\n";
  } else if (isatty(STDERR_FILENO) != 0) {
    std::cerr << "\r\033[K[" << played << "/" << total << "] " << name << (played == total ? "\r\033[K" : "")
              << std::flush;
  } else if ((played - before) % 20 == 0 || played == total) {
    std::cerr << "[" << played << "/" << total << "] cases played\n";
  }
}

}  // namespace

bool IsLongRun(const Options& options) {
  // A pack was played elsewhere, at once.
  if (absl::StartsWith(options.provider, "pack:")) return false;
  return options.jobs > 1 || options.shards > 1 || options.resume || options.schedule_seed.has_value() ||
         !options.out.empty();
}

absl::StatusOr<Certification> CertifyLongRun(const Options& options, const CertifyOptions& certify,
                                             const Progress& judged) {
  LongRunOptions run;
  run.certify = certify;
  run.provider = options.provider;
  run.provider_options = ProviderOptionsOf(options);
  run.jobs = options.jobs;
  run.shard = options.shard;
  run.shards = options.shards;
  run.schedule_seed = options.schedule_seed;
  run.resume = options.resume;
  const TemporaryDirectory temporary;
  run.store = options.out.empty() ? temporary.path() : options.out;
  if (run.store.empty()) return absl::InternalError("no directory for what is played can be made");
  const auto played = [&](size_t count, size_t total, size_t before, const std::string& name) {
    ShowPlayed(options.quiet, count, total, before, name);
  };
  // What was played has been shown; of the judgement only what failed is news.
  const auto only_failures = [&](size_t number, size_t total, const std::string& name,
                                 const CaseRun* case_run) {
    if (case_run != nullptr && case_run->outcome != CaseResult::ACCEPTED)
      judged(number, total, name, case_run);
  };
  return CertifyLong(CuratedSuite(), run, played, only_failures);
}

ExitStatus MergeCommand(const Options& options) {
  const std::string date = absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone());
  const absl::StatusOr<Certification> done = MergeShards(
      CuratedSuite(), options.arguments, date, [](size_t, size_t, const std::string&, const CaseRun*) {});
  if (!done.ok()) return Complain(done.status());
  return Conclude(*done, options);
}

ExitStatus DiffCommand(const Options& options) {
  const absl::StatusOr<Certificate> before = ReadCertificate(options.arguments[0]);
  if (!before.ok()) return Complain(before.status());
  const absl::StatusOr<Certificate> after = ReadCertificate(options.arguments[1]);
  if (!after.ok()) return Complain(after.status());
  const std::vector<CertificateDifference> differences = Differences(*before, *after);
  std::cout << (options.format == "json" ? DifferencesJson(differences) : DifferencesText(differences));
  return differences.empty() ? kExitGood : kExitViolation;
}

}  // namespace wskcert::cli
