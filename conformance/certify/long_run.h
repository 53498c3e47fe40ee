// Certifying in several processes, in shards, and further after a kill.
//
// Cases are played by child processes, each of which takes the next case that nobody has taken; what they
// play goes to a store (play_store.h). When everything is played, it is judged as if it were played now, in
// the suite's order: so the certificate is the same however many processes played, and whether they were
// killed in between.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_LONG_RUN_H_
#define WSKCERT_CONFORMANCE_CERTIFY_LONG_RUN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/provider.h"

namespace wskcert {

struct LongRunOptions {
  CertifyOptions certify;
  std::string provider = "emulator";
  ProviderOptions provider_options;
  int jobs = 1;
  // Only every `shards`-th of the chosen cases, from number `shard` on, from 1. A shard certifies nothing.
  uint32_t shard = 1;
  uint32_t shards = 1;
  // Every schedule's bytes are replaced (schedule_seed.h). The certificate says so.
  std::optional<uint64_t> schedule_seed;
  // Where plays are kept; it must be writable.
  std::string store;
  // Plays that are kept there already stand.
  bool resume = false;
};

// After each case that was played: how many are, of how many that are to be, and how many of them were
// before.
using LongProgress = std::function<void(size_t played, size_t total, size_t before, const std::string& name)>;

// An error for what Certify has errors for, for a store that cannot be used, and for a process that could not
// be made.
absl::StatusOr<Certification> CertifyLong(const Suite& suite, const LongRunOptions& options,
                                          const LongProgress& played, const Progress& judged);

// Puts the stores of shards together, and certifies. An error if they are not of one run, or if a case is
// missing; `date` is the certificate's.
absl::StatusOr<Certification> MergeShards(const Suite& suite, const std::vector<std::string>& stores,
                                          const std::string& date, const Progress& judged);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_LONG_RUN_H_
