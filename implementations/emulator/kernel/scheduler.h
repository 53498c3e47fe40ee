// Threads of the kernel runtime and who runs next. The subsystems (ke, ex, io, ps) know threads only through
// the functions of this file; whether a thread is a fiber (fiber.h) or a host thread (real_threads.h) shows
// nowhere else.
//
// With real threads everything that several of them touch is guarded by one lock, RuntimeLock, unless a
// comment names another. What says "locked" is called with it held. Over fibers, where nothing happens
// between two choice points, it costs a test.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_SCHEDULER_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_SCHEDULER_H_

#include <wdm.h>

#include <cstdint>

#include "implementations/emulator/kernel/edges.h"
#include "implementations/emulator/kernel/fiber.h"
#include "implementations/emulator/kernel/runtime.h"

namespace wskcert::emulator {

// DISPATCHER_HEADER::Type.
enum ObjectType : uint8_t {
  kNotificationEvent = 0,
  kSynchronizationEvent = 1,
  kMutant = 2,
  kSemaphore = 5,
  kThread = 6,
  kNotificationTimer = 8,
  kSynchronizationTimer = 9,
  kWaitTimeout = 0x80,  // A thread's own timer; never waited for.
};

enum class ThreadState : uint8_t { kReady, kRunning, kWaiting, kBlocked, kSettling, kIdle, kEnded };

// What PKTHREAD and PETHREAD point to.
struct Host;
struct Thread {
  DISPATCHER_HEADER header;  // Signalled when the thread has ended.
  Thread* next;              // In the queue that its state implies.
  Thread* previous;
  LIST_ENTRY all;  // In Scheduler::threads.
  Fiber* fiber;    // Over fibers,
  Host* host;      // over real threads.
  uint32_t number;
  uint32_t references;
  ThreadState state;
  KIRQL irql;
  bool worker;      // The runtime's own: idle is not blocked, and a leftover is no leak.
  bool background;  // See SetBackground.
  bool has_handle;
  uint16_t locks;  // Spin locks held.
  uint16_t critical_regions;
  const void* address;     // What it is blocked on, with kBlocked.
  const char* waits_for;   // A word for `address` or for the first object.
  const char* note;        // SetBlockedNote.
  uint64_t blocked_since;  // Step.
  void (*start)(void*);
  void* context;
  // The wait in progress.
  NTSTATUS wait_status;
  uint32_t wait_count;
  WAIT_TYPE wait_type;
  KWAIT_BLOCK* wait_blocks;
  KWAIT_BLOCK own_blocks[THREAD_WAIT_OBJECTS + 1];
  KTIMER timeout;
};

struct ThreadQueue {
  Thread* first;
  Thread* last;
  uint32_t count;
};

struct Scheduler {
  // With real threads it is empty but counts one, so that every choice point goes to YieldSlowly.
  ThreadQueue ready;
  uint64_t step_budget;
  bool real;  // Real threads; unchanged during a run.
  const uint8_t* schedule;
  const uint8_t* schedule_end;
  const uint8_t* fixed_choices;
  size_t fixed_choice_count;
  ThreadQueue settling;
  ThreadQueue blocked;
  LIST_ENTRY timers;   // KTIMER::TimerListEntry, by due time, then by order of insertion.
  LIST_ENTRY threads;  // Thread::all, by number.
  uint64_t now;        // In 100 ns.
  uint32_t settle_epoch;
  uint32_t next_number;
  uint32_t next_worker;
  bool running;
  Ending ending;
};

// Hidden, so that position-independent code reaches it without a table.
extern Scheduler g_scheduler __attribute__((visibility("hidden")));

// The thread that runs on this host thread, and the choice points that were passed on it in this run. Over
// fibers there is one host thread.
extern constinit thread_local Thread* t_current
    __attribute__((visibility("hidden"), tls_model("local-exec")));
extern constinit thread_local uint64_t t_steps __attribute__((visibility("hidden"), tls_model("local-exec")));

// ---- A run's frame, called by Run on the main stack.
void ResetScheduler(const RunOptions& options);
// Has the first thread run and returns when the run has ended, with the choice points that were passed.
uint64_t RunThreads();
// Gives back what the thread that ended last still had.
void ReapThreads();
// Releases every thread and its fiber. The threads that kernel code still holds are counted by the caller
// first.
void AbandonThreads();
// Ends the run from inside, with the lock or without: never returns. Of several endings the first counts.
[[noreturn]] void EndRun(Ending ending, const BugCheck* bug_check = nullptr);
// Keeps the words for a deadlock, while its threads still wait. Locked.
void RecordDeadlock();

// The lock of everything that real threads share here. Not recursive, and never held at a choice point or
// around kernel code.
void LockRuntime();
void UnlockRuntime();
class RuntimeLock {
 public:
  RuntimeLock() : real_(g_scheduler.real) { Enter(); }
  ~RuntimeLock() {
    if (held_) Leave();
  }
  RuntimeLock(const RuntimeLock&) = delete;
  RuntimeLock& operator=(const RuntimeLock&) = delete;
  void Enter() {
    if (__builtin_expect(real_, 0)) LockRuntime();
    held_ = real_;
  }
  void Leave() {
    if (__builtin_expect(held_, 0)) UnlockRuntime();
    held_ = false;
  }

 private:
  const bool real_;
  bool held_;
};

// ---- Threads. All locked but EndThread.
Thread* CreateThread(void (*start)(void*), void* context, bool worker);
// Ends the current thread.
[[noreturn]] void EndThread();
void ReferenceThread(Thread* thread);
void DereferenceThread(Thread* thread);
inline Thread* CurrentThread() { return t_current; }
// What a host thread does for the thread that it was given.
[[noreturn]] void RunThread(Thread* thread);

// ---- Switching. All locked.
void MakeReady(Thread* thread);
// The current thread stops running in `state` until somebody makes it ready. The lock is free meanwhile.
void Block(ThreadState state, ChoiceKind kind);
// Nothing can run: fires the next timer, or the world is quiescent. Makes a thread ready or ends the run.
void Idle();
// Blocks until WakeAddress(address); the caller checks its condition again. `what` is for deadlock reports.
void BlockOnAddress(const void* address, const char* what, ChoiceKind kind);
void WakeAddress(const void* address);
void CountStep();

// Not locked: the rest of a choice point.
void YieldSlowly(uint16_t kind);

// The choice point in front of and behind everything that another thread could notice.
inline void ChoicePoint(uint16_t kind) {
  if (__builtin_expect(++t_steps > g_scheduler.step_budget, 0)) EndRun(Ending::kLivelock);
  if (g_scheduler.ready.count != 0) YieldSlowly(kind);
}

// ---- Timers. KTIMER::Header.Reserved1 is 1 while it is in the list. Locked.
void InsertTimer(KTIMER* timer, uint64_t due);
bool RemoveTimer(KTIMER* timer);
// Virtual time goes on while the current thread is busy; what falls due meanwhile fires.
void PassTime(uint64_t duration);
// Not locked. A thread that spins sees others run, and if there is nobody else, the next timer fire.
void SpinUntilSomethingHappens(uint16_t kind);
// Each look at a clock costs 100 ns, so that a loop which waits for time to pass does pass it. Not locked.
uint64_t LookAtClock();

// Ends a wait that timed out, or that an object satisfied (ke.cc); the thread becomes ready.
void EndWait(Thread* thread, NTSTATUS status);
// The expiry of one timer that kernel code set (ke.cc).
void ExpireTimer(KTIMER* timer);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_SCHEDULER_H_
