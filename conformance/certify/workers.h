// Processes that share a number of jobs: each takes the next one that nobody has taken.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_WORKERS_H_
#define WSKCERT_CONFORMANCE_CERTIFY_WORKERS_H_

#include <cstddef>
#include <functional>

#include "absl/status/status.h"

namespace wskcert {

// Runs work(0) .. work(count - 1), each in one of `processes` child processes, and calls done(job) here after
// each. Each process calls finish() when no job is left. The first error, and a process that dies, end
// everything. Children die with their parent. To be called while this process has one thread.
absl::Status RunInProcesses(
    size_t count, int processes, const std::function<absl::Status(size_t job)>& work,
    const std::function<void(size_t job)>& done,
    const std::function<absl::Status()>& finish = [] { return absl::OkStatus(); });

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_WORKERS_H_
