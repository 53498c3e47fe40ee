#include "conformance/cli/common.h"

#include <unistd.h>

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "conformance/certify/render.h"
#include "conformance/certify/trace_io.h"
#include "conformance/suite/suite.h"

namespace wskcert::cli {
namespace {

constexpr size_t kStoriesShown = 3;

}  // namespace

ExitStatus Complain(const absl::Status& status) {
  std::cerr << "wskcert: " << status.message() << "\n";
  return status.code() == absl::StatusCode::kInternal || status.code() == absl::StatusCode::kResourceExhausted
             ? kExitOurs
             : kExitUsage;
}

ProviderOptions ProviderOptionsOf(const Options& options) {
  ProviderOptions provider;
  provider.timeout = absl::Seconds(options.timeout_seconds);
  provider.scheduler = options.scheduler == "threads" ? Scheduler::kThreads : Scheduler::kFibers;
  provider.seed = options.seed;
  provider.in_process = options.in_process;
  provider.random_choices = options.latitude;
  return provider;
}

absl::StatusOr<std::unique_ptr<Provider>> ProviderOf(const Options& options) {
  return MakeProvider(options.provider, ProviderOptionsOf(options));
}

absl::StatusOr<NamedCase> FindCase(const std::string& name) {
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    if (candidate.name() == name) return candidate;
  }
  absl::StatusOr<std::string> contents = ReadFile(name);
  if (!contents.ok()) {
    return absl::NotFoundError(absl::StrCat("'", name,
                                            "' is neither a case of the suite nor a file that can be read (",
                                            contents.status().message(), ")"));
  }
  absl::StatusOr<Case> body = ParseCase(*contents, name);
  if (!body.ok()) return body.status();
  NamedCase out;
  out.set_name(name);
  *out.mutable_body() = *body;
  return out;
}

ExitStatus Conclude(const Certification& done, const Options& options) {
  const Certificate& certificate = done.certificate;
  std::cout << RuleTable(certificate, isatty(STDOUT_FILENO) != 0) << Stories(certificate, kStoriesShown)
            << "\n"
            << Conclusion(certificate);
  if (!options.out.empty()) {
    if (absl::Status status = WriteCertification(done, options.out); !status.ok()) return Complain(status);
    std::cout << "certificate and traces: " << options.out << "\n";
  }
  return ExitStatusOf(certificate);
}

ExitStatus WriteOrPrint(const std::string& text, const Options& options) {
  if (options.out.empty()) {
    std::cout << text;
    return kExitGood;
  }
  if (absl::Status status = WriteFile(options.out, text); !status.ok()) return Complain(status);
  return kExitGood;
}

}  // namespace wskcert::cli
