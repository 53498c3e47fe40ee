// A provider behind the testee protocol (docs/testee_protocol.md): a program is started, asked, judged by its
// answers, and, when it misbehaves, killed and started again. Misbehaving costs one case.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_EXEC_PROVIDER_H_
#define WSKCERT_CONFORMANCE_CERTIFY_EXEC_PROVIDER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "conformance/certify/provider.h"

namespace wskcert {

struct ExecOptions {
  // For one case; the testee is given it, and killed half as long and a second later.
  absl::Duration timeout = absl::Seconds(10);
  // Until it has said hello.
  absl::Duration start_timeout = absl::Seconds(60);
  // Between our goodbye and its end; then it is killed, and nothing is held against it.
  absl::Duration part_timeout = absl::Seconds(2);
  // If set: after how long it is killed when it plays that case. For tests, which must not depend on how fast
  // this machine is.
  std::function<absl::Duration(const std::string& case_name)> patience;
};

// Starts `command`. An error says why it does not come to a hello; `name` is how the command line spells it.
absl::StatusOr<std::unique_ptr<Provider>> MakeExecProvider(const std::string& name,
                                                           const std::string& command,
                                                           const ExecOptions& options);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_EXEC_PROVIDER_H_
