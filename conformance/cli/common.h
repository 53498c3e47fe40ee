// What several commands of wskcert need.
#ifndef WSKCERT_CONFORMANCE_CLI_COMMON_H_
#define WSKCERT_CONFORMANCE_CLI_COMMON_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/provider.h"
#include "conformance/certify/report.h"
#include "conformance/cli/options.h"
#include "proto/certificate.pb.h"
#include "proto/sequence.pb.h"

namespace wskcert::cli {

// Says what is wrong, and with which exit status.
ExitStatus Complain(const absl::Status& status);
ProviderOptions ProviderOptionsOf(const Options& options);
absl::StatusOr<std::unique_ptr<Provider>> ProviderOf(const Options& options);
// Whether to certify through a store: in several processes, in shards, under schedules of a seed, or so that
// it can go on after a kill.
bool IsLongRun(const Options& options);
absl::StatusOr<Certification> CertifyLongRun(const Options& options, const CertifyOptions& certify,
                                             const Progress& judged);
// A case of the suite by its name, or what a file holds.
absl::StatusOr<NamedCase> FindCase(const std::string& name);

// The day on which waivers are looked at: --today, or the certificate's date.
absl::StatusOr<std::string> TodayOf(const Options& options, const Certificate& certificate);
// Applies --waivers=FILE, if it is given.
absl::Status ApplyWaiversOf(const Options& options, Certificate* certificate);

// Prints a certification as a command is to leave it, and writes it where --out says.
ExitStatus Conclude(const Certification& done, const Options& options);
// Writes to --out, or prints.
ExitStatus WriteOrPrint(const std::string& text, const Options& options);

}  // namespace wskcert::cli

#endif  // WSKCERT_CONFORMANCE_CLI_COMMON_H_
