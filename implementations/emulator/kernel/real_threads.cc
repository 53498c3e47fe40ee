#include "implementations/emulator/kernel/real_threads.h"

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <csetjmp>
#include <cstdlib>
#include <thread>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/edges.h"
#include "implementations/emulator/kernel/scheduler.h"

#ifdef WSKCERT_TSAN
#include <sanitizer/tsan_interface.h>
extern "C" {
// Of ThreadSanitizer's runtime; <sanitizer/tsan_interface.h> leaves them out.
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}
#endif

namespace wskcert::emulator {

// A host thread. Guarded by the lock, but for what its own thread alone uses.
struct Host {
  std::condition_variable wake;  // It was given a thread, its thread is ready, or the run is over.
  Thread* thread = nullptr;      // Whom it runs; null: it is free.
  Host* next_free = nullptr;
  Host* next = nullptr;
  std::jmp_buf base;  // Where it returns to when it leaves a run.
  const char* stack_top = nullptr;
  uint64_t random = 0;
};

namespace {

constexpr uint32_t kKinds = 64;

struct Hosts {
  std::mutex mutex;
  std::condition_variable over;  // busy == 0
  pid_t process;                 // Whose threads these are: not a forked child's.
  Host* free;
  Host* all;
  uint32_t busy;    // Hosts with a thread.
  uint32_t active;  // Threads that are running or ready.
  std::atomic<bool> stopping;
  Ending ending;
  uint64_t steps;
  // Unchanged during a run.
  uint64_t seed;
  uint8_t odds[kKinds];  // By kind of choice point: of 256, how many dally.
  uint32_t longest;      // Iterations of a spin.
  const uint8_t* schedule;
  size_t schedule_size;
  std::atomic<size_t> next_choice;
  bool random_choices;
};

Hosts* g_hosts = nullptr;
bool g_hidden = false;  // The runtime's locking, from ThreadSanitizer.

thread_local Host* t_host = nullptr;
thread_local bool t_locked = false;

#ifdef WSKCERT_TSAN
thread_local uint32_t t_hidden = 0;  // Depth.

void Hide() {
  if (!g_hidden) return;
  ++t_hidden;
  AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);  // And writes.
}
void Show() {
  if (t_hidden == 0) return;
  --t_hidden;
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
}
#else
void Hide() {}
void Show() {}
#endif

uint64_t Mix(uint64_t x) {  // splitmix64
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

uint32_t Draw() {
  uint64_t& x = t_host->random;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return static_cast<uint32_t>(x >> 32);
}

inline void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
#endif
}

void Sleep(std::condition_variable* condition) {
  std::unique_lock<std::mutex> lock(g_hosts->mutex, std::adopt_lock);
  condition->wait(lock);
  lock.release();
}

// Back to HostMain, with the lock.
[[noreturn]] void Leave() {
  if (!t_locked) LockRuntime();
  Released(g_hosts);
  std::longjmp(t_host->base, 1);
}

bool Stopping() { return g_hosts->stopping.load(std::memory_order_relaxed); }

// With the lock: somebody can run again, or the run is over.
void AdvanceUntilReady() {
  while (g_hosts->active == 0) {
    CountStep();
    Idle();
  }
}

void HostMain(Host* host) {
  Acquired(host);
  t_host = host;
  host->stack_top = static_cast<const char*>(__builtin_frame_address(0));
  LockRuntime();
  for (;;) {
    while (host->thread == nullptr) Sleep(&host->wake);
    Acquired(host->thread);
    if (setjmp(host->base) == 0) {
      Thread* thread = host->thread;
      t_current = thread;
      t_steps = 0;
      thread->state = ThreadState::kRunning;
      host->random = Mix(g_hosts->seed ^ (uint64_t{thread->number} << 32));
      UnlockRuntime();
      RunThread(thread);
    }
    t_current = nullptr;
    g_hosts->steps += t_steps;
    host->thread = nullptr;
    host->next_free = g_hosts->free;
    g_hosts->free = host;
    if (--g_hosts->busy == 0) g_hosts->over.notify_one();
  }
}

Host* NewHost() {
  auto* host = new Host;
  host->next = g_hosts->all;
  g_hosts->all = host;
  return host;
}

}  // namespace

#ifdef WSKCERT_TSAN
void Released(const volatile void* address) {
  if (t_hidden != 0) AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
  __tsan_release(const_cast<void*>(address));
  if (t_hidden != 0) AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
}
void Acquired(const volatile void* address) {
  if (t_hidden != 0) AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
  __tsan_acquire(const_cast<void*>(address));
  if (t_hidden != 0) AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
}
#endif

void LockRuntime() {
  Hide();
  g_hosts->mutex.lock();
  t_locked = true;
}

void UnlockRuntime() {
  t_locked = false;
  g_hosts->mutex.unlock();
  Show();
}

void HiddenMutex::Lock() {
  Hide();
  mutex_.lock();
}

void HiddenMutex::Unlock() {
  mutex_.unlock();
  Show();
}

void ResetHosts(const RunOptions& options) {
  if (g_hosts == nullptr || g_hosts->process != getpid()) {
    // A forked child has inherited the pool without its threads.
    g_hosts = new Hosts{};
    g_hosts->process = getpid();
  }
  Hosts& h = *g_hosts;
  g_hidden = !options.visible_runtime;
  h.busy = h.active = 0;
  h.stopping.store(false, std::memory_order_relaxed);
  h.ending = Ending::kFinished;
  h.steps = 0;
  h.seed = Mix(options.seed);
  h.schedule = options.schedule;
  h.schedule_size = options.schedule_size;
  h.next_choice.store(0, std::memory_order_relaxed);
  h.random_choices = options.random_choices;
  // Some kinds of choice points dally often in a run and others never, so that runs differ in more than luck.
  static constexpr uint8_t kOdds[8] = {0, 0, 0, 8, 8, 32, 32, 128};
  for (uint32_t kind = 0; kind < kKinds; ++kind) h.odds[kind] = kOdds[Mix(h.seed + kind) % 8];
  h.longest = 16u << (Mix(h.seed - 1) % 7);
}

Ending AwaitHosts(uint64_t* steps) {
  LockRuntime();
  while (g_hosts->busy != 0) Sleep(&g_hosts->over);
  const Ending ending = g_hosts->ending;
  *steps = g_hosts->steps;
  UnlockRuntime();
  Acquired(g_hosts);
  return ending;
}

void StartHost(Thread* thread) {
  Host* host = g_hosts->free;
  const bool fresh = host == nullptr;
  if (fresh) {
    host = NewHost();
  } else {
    g_hosts->free = host->next_free;
  }
  thread->state = ThreadState::kReady;
  thread->host = host;
  host->thread = thread;
  ++g_hosts->busy;
  ++g_hosts->active;
  Released(thread);
  if (fresh) {
    Released(host);
    std::thread(HostMain, host).detach();
  } else {
    host->wake.notify_one();
  }
}

void BlockHost(Thread* thread) {
  if (--g_hosts->active == 0) AdvanceUntilReady();
  while (thread->state != ThreadState::kReady) {
    if (Stopping()) Leave();
    Sleep(&thread->host->wake);
  }
  thread->state = ThreadState::kRunning;
}

void WakeHost(Thread* thread) {
  ++g_hosts->active;
  if (thread->host != t_host) thread->host->wake.notify_one();
}

void EndHost() {
  if (--g_hosts->active == 0) AdvanceUntilReady();
  Leave();
}

void EndHosts(Ending ending, const BugCheck* bug_check) {
  if (!t_locked) LockRuntime();
  if (!Stopping()) {
    g_hosts->ending = ending;
    if (bug_check != nullptr) RecordedBugCheck() = *bug_check;
    g_hosts->stopping.store(true, std::memory_order_relaxed);
    for (Host* host = g_hosts->all; host != nullptr; host = host->next) {
      if (host->thread != nullptr && host != t_host) host->wake.notify_one();
    }
  }
  Leave();
}

bool AloneOnHost() { return g_hosts->active == 1; }

void PassHost(uint16_t kind) {
  if (Stopping()) Leave();
  DallyOnHost(kind);
}

void SpinHost() {
  if (Stopping()) Leave();
  sched_yield();
}

void DallyOnHost(uint16_t kind) {
  const uint8_t odds = g_hosts->odds[kind % kKinds];
  if (odds == 0) return;
  const uint32_t drawn = Draw();
  if ((drawn & 0xFF) >= odds) return;
  if ((drawn & 0x300) == 0) {
    sched_yield();
    return;
  }
  for (uint32_t left = (drawn >> 10) % g_hosts->longest; left != 0; --left) Pause();
}

namespace {

uint32_t ChooseAtRandom(uint16_t kind, uint32_t count) {
  const bool this_kind = g_hosts->random_choices && Mix(g_hosts->seed ^ (uint64_t{kind} << 16)) % 4 == 0;
  return this_kind ? Draw() % count : 0;
}

}  // namespace

uint32_t ChooseOnHost(uint16_t kind, uint32_t count) {
  const size_t size = g_hosts->schedule_size;
  const size_t width = count > 256 ? 2 : 1;
  if (g_hosts->next_choice.load(std::memory_order_relaxed) >= size) return ChooseAtRandom(kind, count);
  const size_t at = g_hosts->next_choice.fetch_add(width, std::memory_order_relaxed);
  if (at >= size) return ChooseAtRandom(kind, count);
  uint32_t value = g_hosts->schedule[at];
  if (width == 2 && at + 1 < size) value |= static_cast<uint32_t>(g_hosts->schedule[at + 1]) << 8;
  return value % count;
}

size_t RemainingHostStack() {
  const auto used = static_cast<size_t>(t_host->stack_top - static_cast<char*>(__builtin_frame_address(0)));
  return used < kKernelStackSize ? kKernelStackSize - used : 0;
}

}  // namespace wskcert::emulator
