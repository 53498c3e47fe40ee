// testee, pack: the two ends of the testee protocol.
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/pack.h"
#include "conformance/certify/testee_serve.h"
#include "conformance/certify/trace_io.h"
#include "conformance/cli/commands.h"
#include "conformance/cli/common.h"
#include "conformance/suite/suite.h"

namespace wskcert::cli {

ExitStatus TesteeCommand(const Options& options) {
  absl::StatusOr<std::unique_ptr<Provider>> provider = ProviderOf(options);
  if (!provider.ok()) return Complain(provider.status());
  // Whoever asked may be gone when the answer is there.
  signal(SIGPIPE, SIG_IGN);
  if (absl::Status status = ServeTestee(provider->get(), STDIN_FILENO, STDOUT_FILENO); !status.ok()) {
    return Complain(status);
  }
  return kExitGood;
}

static absl::StatusOr<std::string> PackOf(const Options& options) {
  const uint32_t timeout_ms = static_cast<uint32_t>(options.timeout_seconds) * 1000;
  if (options.more_time_for.empty()) return MakePack(CuratedSuite(), options.filter, timeout_ms);
  absl::StatusOr<std::unique_ptr<Provider>> record =
      MakeProvider(absl::StrCat("pack:", options.more_time_for), ProviderOptions());
  if (!record.ok()) return record.status();
  const absl::StatusOr<model::Profile> profile = ParseProfile(options.profile);
  if (!profile.ok()) return profile.status();
  return MakePackForMoreTime(CuratedSuite(), record->get(), *profile, timeout_ms);
}

ExitStatus PackCommand(const Options& options) {
  const absl::StatusOr<std::string> pack = PackOf(options);
  if (!pack.ok()) return Complain(pack.status());
  if (absl::Status status = WriteFile(options.arguments[0], *pack); !status.ok()) return Complain(status);
  return kExitGood;
}

}  // namespace wskcert::cli
