// A program that is talked to over its standard input and output, and that nobody vouches for.
//
// It runs in a process group of its own, which is killed as a whole; it is always reaped; it dies when this
// process does. What it writes to standard error is kept, the last few kilobytes of it. Nothing here waits
// longer than it was told to. One subprocess is used by one thread, which must not end before it.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_SUBPROCESS_H_
#define WSKCERT_CONFORMANCE_CERTIFY_SUBPROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace wskcert {

class Subprocess {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  // Of standard error.
  static constexpr size_t kKeptErrors = 4096;

  // Runs `command` with /bin/sh -c. An error only for reasons of ours: no process, no pipe.
  static absl::StatusOr<std::unique_ptr<Subprocess>> Start(const std::string& command);
  // Kills it, if it still runs.
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  enum class Event {
    kWritten,  // all of `input` was taken: it is empty now
    kOutput,   // bytes were added to `output`
    kEnded,    // it ended or closed its output, and there is nothing left to read
    kTimeout,
  };
  // Waits for the next event. `input`: what is still to be written, if not null and not empty.
  Event Next(absl::string_view* input, std::string* output, Deadline deadline);

  // Closes its standard input.
  void CloseInput();

  // Kills the group, reaps it, and says how it had ended, as "killed by signal 11 (Segmentation fault)",
  // "ended with status 3", or "closed its output". A little time is given to one that is just ending.
  std::string Kill();

  // The last of what it wrote to standard error, without control characters, lines joined by " / ".
  std::string Errors() const;

 private:
  Subprocess() = default;
  bool ReadOutput(std::string* output);
  void ReadErrors();

  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int input_ = -1;
  int output_ = -1;
  int errors_ = -1;
  std::string kept_errors_;
};

// `text` as one word for a shell.
std::string ShellWord(const std::string& text);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_SUBPROCESS_H_
