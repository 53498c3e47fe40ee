#include "conformance/certify/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
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

// For one that has closed its output and is about to end.
constexpr int kEndingMilliseconds = 2000;

class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_, O_CLOEXEC) != 0) ends_[0] = ends_[1] = -1;
  }
  ~Pipe() {
    for (const int end : ends_) {
      if (end >= 0) close(end);
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  bool ok() const { return ends_[0] >= 0; }
  int end(int which) const { return ends_[which]; }
  // The caller's from now on; never blocks.
  int Take(int which) {
    const int fd = ends_[which];
    ends_[which] = -1;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
  }

 private:
  int ends_[2];
};

// Between fork and exec: nothing that allocates.
[[noreturn]] void Become(const char* command, const Pipe& input, const Pipe& output, const Pipe& errors,
                         pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(input.end(0), STDIN_FILENO);
  dup2(output.end(1), STDOUT_FILENO);
  dup2(errors.end(1), STDERR_FILENO);
  execl("/bin/sh", "sh", "-c", command, static_cast<char*>(nullptr));
  _exit(127);
}

// Writing to one that does not read any more is its death, not ours.
ssize_t WriteQuietly(int fd, absl::string_view bytes) {
  sigset_t pipe_signal, before, pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = write(fd, bytes.data(), bytes.size());
  const int error = errno;
  if (written < 0 && error == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
    const timespec now = {0, 0};
    while (sigtimedwait(&pipe_signal, nullptr, &now) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

int MillisecondsUntil(Subprocess::Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30));
}

std::string HowItEnded(const siginfo_t& info) {
  int number = info.si_code == CLD_EXITED ? 0 : info.si_status;
  // A shell tells of its command's signal in this way.
  if (info.si_code == CLD_EXITED && info.si_status > 128 && info.si_status <= 128 + 64) {
    number = info.si_status - 128;
  }
  if (number != 0) return absl::StrCat("killed by signal ", number, " (", strsignal(number), ")");
  return absl::StrCat("ended with status ", info.si_status);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Subprocess>> Subprocess::Start(const std::string& command) {
  Pipe input, output, errors;
  if (!input.ok() || !output.ok() || !errors.ok()) {
    return absl::ResourceExhaustedError(absl::StrCat("pipe: ", std::strerror(errno)));
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return absl::ResourceExhaustedError(absl::StrCat("fork: ", std::strerror(errno)));
  if (pid == 0) Become(command.c_str(), input, output, errors, parent);
  setpgid(pid, pid);  // Here as well: whichever comes first.
  std::unique_ptr<Subprocess> made(new Subprocess);
  made->pid_ = pid;
  made->pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  made->input_ = input.Take(1);
  made->output_ = output.Take(0);
  made->errors_ = errors.Take(0);
  return made;
}

Subprocess::~Subprocess() { Kill(); }

void Subprocess::CloseInput() {
  if (input_ >= 0) close(input_);
  input_ = -1;
}

bool Subprocess::ReadOutput(std::string* output) {
  char chunk[65536];
  const ssize_t got = read(output_, chunk, sizeof(chunk));
  if (got > 0) output->append(chunk, static_cast<size_t>(got));
  if (got == 0) {
    close(output_);
    output_ = -1;
  }
  return got > 0;
}

void Subprocess::ReadErrors() {
  char chunk[4096];
  const ssize_t got = read(errors_, chunk, sizeof(chunk));
  if (got > 0) kept_errors_.append(chunk, static_cast<size_t>(got));
  if (kept_errors_.size() > 4 * kKeptErrors) kept_errors_.erase(0, kept_errors_.size() - kKeptErrors);
  if (got == 0) {
    close(errors_);
    errors_ = -1;
  }
}

Subprocess::Event Subprocess::Next(absl::string_view* input, std::string* output, Deadline deadline) {
  while (true) {
    if (output_ < 0) return Event::kEnded;
    const bool writing = input != nullptr && !input->empty() && input_ >= 0;
    pollfd fds[4] = {{output_, POLLIN, 0},
                     {errors_, POLLIN, 0},
                     {pid_fd_, POLLIN, 0},
                     {writing ? input_ : -1, POLLOUT, 0}};
    const int ready = poll(fds, 4, MillisecondsUntil(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Event::kTimeout;
    if (fds[1].revents != 0) ReadErrors();
    if (fds[0].revents != 0) {
      if (ReadOutput(output)) return Event::kOutput;
      continue;
    }
    if ((fds[3].revents & POLLOUT) != 0) {
      const ssize_t written = WriteQuietly(input_, *input);
      if (written > 0) input->remove_prefix(static_cast<size_t>(written));
      if (written > 0 && input->empty()) return Event::kWritten;
      if (written < 0 && errno != EAGAIN && errno != EINTR) CloseInput();
      continue;
    }
    if (fds[3].revents != 0) CloseInput();  // It does not read any more; its end, or silence, follows.
    // Others of its group may still hold its output open.
    if (fds[2].revents != 0) return Event::kEnded;
  }
}

std::string Subprocess::Kill() {
  if (pid_ < 0) return "";
  CloseInput();
  if (output_ < 0) {
    pollfd ending = {pid_fd_, POLLIN, 0};
    while (poll(&ending, 1, kEndingMilliseconds) < 0 && errno == EINTR) {
    }
  }
  // Not reaped yet, so that the group's number cannot have become somebody else's when it is killed.
  siginfo_t info = {};
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | WNOHANG) < 0 && errno == EINTR) {
  }
  const bool ended = info.si_pid == pid_;
  kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);  // If it never came to have a group.
  int status;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  for (int i = 0; i < 16 && errors_ >= 0; ++i) {
    pollfd more = {errors_, POLLIN, 0};
    if (poll(&more, 1, 0) <= 0) break;
    ReadErrors();
  }
  for (int* fd : {&pid_fd_, &output_, &errors_}) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }
  return ended ? HowItEnded(info) : "closed its output";
}

std::string Subprocess::Errors() const {
  absl::string_view kept = kept_errors_;
  if (kept.size() > kKeptErrors) kept.remove_prefix(kept.size() - kKeptErrors);
  std::string text;
  for (const char c : kept) {
    const auto u = static_cast<uint8_t>(c);
    if (c == '\n') {
      text += " / ";
    } else {
      text += (u < 0x20 && c != '\t') || u >= 0x7F ? '?' : c;
    }
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '/')) text.pop_back();
  return text;
}

std::string ShellWord(const std::string& text) {
  constexpr char kPlain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=:,./@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

}  // namespace wskcert
