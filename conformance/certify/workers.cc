#include "conformance/certify/workers.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

#include "absl/strings/str_cat.h"

namespace wskcert {
namespace {

// What a child tells: one write, which is small enough to be whole.
struct Note {
  uint64_t job;
  int32_t code;  // an absl::StatusCode
  char message[1000];
};

// The number of the next job, shared by all.
class SharedCounter {
 public:
  SharedCounter() {
    void* memory = mmap(nullptr, sizeof(std::atomic<uint64_t>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) counter_ = new (memory) std::atomic<uint64_t>(0);
  }
  ~SharedCounter() {
    if (counter_ != nullptr) munmap(counter_, sizeof(*counter_));
  }
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;
  bool ok() const { return counter_ != nullptr; }
  uint64_t Take() { return counter_->fetch_add(1); }

 private:
  std::atomic<uint64_t>* counter_ = nullptr;
};

void Tell(int to_parent, uint64_t job, const absl::Status& status) {
  Note note = {};
  note.job = job;
  note.code = static_cast<int32_t>(status.code());
  const size_t size = std::min(status.message().size(), sizeof(note.message) - 1);
  if (size != 0) std::memcpy(note.message, status.message().data(), size);
  if (write(to_parent, &note, sizeof(note)) != static_cast<ssize_t>(sizeof(note))) _exit(1);
  if (!status.ok()) _exit(0);
}

[[noreturn]] void Work(size_t count, SharedCounter* counter, int to_parent,
                       const std::function<absl::Status(size_t job)>& work,
                       const std::function<absl::Status()>& finish) {
  for (;;) {
    const uint64_t job = counter->Take();
    if (job >= count) break;
    Tell(to_parent, job, work(job));
  }
  if (const absl::Status status = finish(); !status.ok()) Tell(to_parent, count, status);
  _exit(0);
}

class Workers {
 public:
  ~Workers() {
    if (from_children_ >= 0) close(from_children_);
    for (const pid_t child : children_) kill(child, SIGKILL);
    Reap();
  }

  absl::Status Start(size_t count, int processes, const std::function<absl::Status(size_t job)>& work,
                     const std::function<absl::Status()>& finish) {
    int ends[2];
    // What a child starts may outlive it, and must not keep its end.
    if (!counter_.ok() || pipe2(ends, O_CLOEXEC) != 0)
      return absl::ResourceExhaustedError("no memory or pipe for workers");
    from_children_ = ends[0];
    const pid_t parent = getpid();
    for (int i = 0; i < processes; ++i) {
      const pid_t child = fork();
      if (child < 0) {
        close(ends[1]);
        return absl::ResourceExhaustedError(absl::StrCat("fork: ", std::strerror(errno)));
      }
      if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        close(ends[0]);
        Work(count, &counter_, ends[1], work, finish);
      }
      children_.push_back(child);
    }
    close(ends[1]);
    return absl::OkStatus();
  }

  // The next note; false: there are no children any more.
  bool Next(Note* note) const {
    size_t got = 0;
    while (got < sizeof(*note)) {
      const ssize_t count = read(from_children_, reinterpret_cast<char*>(note) + got, sizeof(*note) - got);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      got += static_cast<size_t>(count);
    }
    return true;
  }

  // Whether every child ended as it should.
  bool Reap() {
    bool good = true;
    for (const pid_t child : children_) {
      int status = 0;
      while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
      }
      good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    children_.clear();
    return good;
  }

 private:
  SharedCounter counter_;
  int from_children_ = -1;
  std::vector<pid_t> children_;
};

}  // namespace

absl::Status RunInProcesses(size_t count, int processes, const std::function<absl::Status(size_t job)>& work,
                            const std::function<void(size_t job)>& done,
                            const std::function<absl::Status()>& finish) {
  if (count == 0) return absl::OkStatus();
  Workers workers;
  const int needed = static_cast<int>(std::min<size_t>(count, static_cast<size_t>(std::max(processes, 1))));
  if (absl::Status status = workers.Start(count, needed, work, finish); !status.ok()) return status;
  size_t finished = 0;
  Note note;
  while (workers.Next(&note)) {
    if (note.code != 0) return absl::Status(static_cast<absl::StatusCode>(note.code), note.message);
    ++finished;
    done(note.job);
  }
  if (!workers.Reap() || finished != count) {
    return absl::InternalError("a process that played died; --resume goes on with the rest");
  }
  return absl::OkStatus();
}

}  // namespace wskcert
