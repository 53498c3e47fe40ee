// Plays in a process of its own: what is played may crash, hang or end that process, and what it had recorded
// is kept.
//
// The log lies in memory shared with the child, so observations published before a crash survive it; a
// watchdog ends what does not end by itself. One child at a time; used by one thread.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_CHILD_PLAYER_H_
#define WSKCERT_CONFORMANCE_CERTIFY_CHILD_PLAYER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "conformance/executor/format.h"

namespace wskcert {

// What playing one program gave.
struct PlayResult {
  std::vector<Observation> log;  // ends with a kEnd
  uint64_t capabilities = 0;
  Ending ending = Ending::kFinished;
  std::string report;   // in the host's words: bugcheck, deadlock, signal, leak
  bool leaked = false;  // the provider kept memory after everything was closed
  // Of a provider that is reached through the testee protocol. Not empty: what it got wrong; there is no log.
  std::string fault;
  bool unreachable = false;  // such a program cannot be played there; there is no log
};

// The last record of a log whose run was ended from outside.
Observation EndRecord(Ending ending);

class ChildPlayer {
 public:
  // What the child does: plays into `log` (room for `log_capacity` records, all zero) and returns how it
  // went. Of the result only `log` is ignored; `count` is the number of records filled.
  struct Outcome {
    uint32_t count = 0;
    uint64_t capabilities = 0;
    Ending ending = Ending::kFinished;
    std::string report;
    bool leaked = false;
  };
  using Body = std::function<Outcome(Observation* log)>;

  ChildPlayer(uint32_t log_capacity, absl::Duration timeout);
  ~ChildPlayer();
  ChildPlayer(const ChildPlayer&) = delete;
  ChildPlayer& operator=(const ChildPlayer&) = delete;

  // `capabilities` are reported for a child that could not. An error only for reasons of ours: no memory, no
  // process.
  absl::StatusOr<PlayResult> Play(uint64_t capabilities, const Body& body);

 private:
  class SharedMemory;
  struct SharedResult;

  Observation* SharedLog() const;
  [[noreturn]] void PlayAsChild(const Body& body);
  PlayResult Collect(uint64_t capabilities, bool timed_out, int status) const;

  const uint32_t log_capacity_;
  const absl::Duration timeout_;
  std::unique_ptr<SharedMemory> shared_;
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_CHILD_PLAYER_H_
