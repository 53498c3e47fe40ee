#include "conformance/certify/child_player.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace wskcert {
namespace {

Observation Blank() {
  Observation blank = {};
  blank.socket = blank.irp = blank.peer = blank.target = kNoSlot;
  blank.begin = blank.enclosing = blank.step = kNoIndex;
  return blank;
}

// What a process that died on the way had recorded: everything up to the last record that was finished.
std::vector<Observation> Salvage(const Observation* log, uint32_t capacity, Ending ending) {
  uint32_t count = capacity;
  while (count > 0 && log[count - 1].ready == 0) --count;
  std::vector<Observation> salvaged(log, log + count);
  for (Observation& observation : salvaged) {
    if (observation.ready == 0) observation = Blank();
  }
  salvaged.push_back(EndRecord(ending));
  return salvaged;
}

// Waits for a child to end. False: it did not within the time, and was killed.
bool AwaitChild(pid_t child, absl::Duration timeout, int* status) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  pollfd waiting = {fd, POLLIN, 0};
  int ready;
  do {
    ready = poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  } while (ready < 0 && errno == EINTR);
  if (fd >= 0) close(fd);
  if (ready <= 0) kill(child, SIGKILL);
  while (waitpid(child, status, 0) < 0 && errno == EINTR) {
  }
  return ready > 0;
}

}  // namespace

Observation EndRecord(Ending ending) {
  Observation end = Blank();
  end.ready = 1;
  end.kind = static_cast<uint8_t>(Seen::kEnd);
  end.code = static_cast<uint8_t>(ending);
  return end;
}

// What the playing process leaves behind, beside the log.
struct ChildPlayer::SharedResult {
  uint32_t done;
  uint32_t count;
  uint64_t capabilities;
  Ending ending;
  bool leaked;
  char report[2048];
};

class ChildPlayer::SharedMemory {
 public:
  explicit SharedMemory(size_t size) : size_(size) {
    address_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  }
  ~SharedMemory() {
    if (ok()) munmap(address_, size_);
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  bool ok() const { return address_ != MAP_FAILED; }
  // All zero again.
  void Clear() { madvise(address_, size_, MADV_REMOVE); }
  template <typename T>
  T* At(size_t offset) const {
    return reinterpret_cast<T*>(static_cast<char*>(address_) + offset);
  }

 private:
  size_t size_;
  void* address_;
};

ChildPlayer::ChildPlayer(uint32_t log_capacity, absl::Duration timeout)
    : log_capacity_(log_capacity),
      timeout_(timeout),
      shared_(std::make_unique<SharedMemory>(sizeof(SharedResult) + log_capacity * sizeof(Observation))) {}

ChildPlayer::~ChildPlayer() = default;

Observation* ChildPlayer::SharedLog() const { return shared_->At<Observation>(sizeof(SharedResult)); }

void ChildPlayer::PlayAsChild(const Body& body) {
  const Outcome outcome = body(SharedLog());
  SharedResult* result = shared_->At<SharedResult>(0);
  result->count = outcome.count;
  result->capabilities = outcome.capabilities;
  result->ending = outcome.ending;
  result->leaked = outcome.leaked;
  std::memcpy(result->report, outcome.report.data(),
              std::min(outcome.report.size(), sizeof(result->report) - 1));
  result->done = 1;
  _exit(0);
}

absl::StatusOr<PlayResult> ChildPlayer::Play(uint64_t capabilities, const Body& body) {
  if (!shared_->ok()) return absl::ResourceExhaustedError("no memory for the log");
  shared_->Clear();
  const pid_t child = fork();
  if (child < 0) return absl::ResourceExhaustedError(absl::StrCat("fork: ", std::strerror(errno)));
  if (child == 0) PlayAsChild(body);
  int status = 0;
  const bool ended = AwaitChild(child, timeout_, &status);
  return Collect(capabilities, !ended, status);
}

PlayResult ChildPlayer::Collect(uint64_t capabilities, bool timed_out, int status) const {
  const SharedResult* result = shared_->At<SharedResult>(0);
  PlayResult out;
  out.capabilities = capabilities;
  if (!timed_out && result->done == 1 && result->count <= log_capacity_) {
    out.log.assign(SharedLog(), SharedLog() + result->count);
    out.capabilities = result->capabilities;
    out.ending = result->ending;
    out.leaked = result->leaked;
    out.report = std::string(result->report, strnlen(result->report, sizeof(result->report)));
    return out;
  }
  out.ending = timed_out ? Ending::kTimedOut : Ending::kCrashed;
  out.log = Salvage(SharedLog(), log_capacity_ - 1, out.ending);
  if (timed_out) {
    out.report = absl::StrCat("hung: ended by the watchdog after ", absl::FormatDuration(timeout_));
  } else if (WIFSIGNALED(status)) {
    out.report = absl::StrCat("killed by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")");
  } else {
    out.report = absl::StrCat("its process ended with status ", WEXITSTATUS(status));
  }
  return out;
}

}  // namespace wskcert
