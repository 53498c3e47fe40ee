// The kernel runtime from the host's side: runs kernel code in this process, in virtual time, with every
// decision of the scheduler taken from a byte string. This header is for host code and includes no kernel
// header.
//
// One run at a time per process. There are two schedulers (RunOptions::threads). Over fibers all threads of a
// run share the caller's host thread, so kernel code must not block it, and what the same options play is the
// same, bit for bit. Over real threads each has a host thread of its own, they run at the same time, and only
// quiescence, virtual time and deadlocks stay exact (docs/real_threads.md).
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_RUNTIME_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_RUNTIME_H_

#include <cstddef>
#include <cstdint>

namespace wskcert::emulator {

// How a run ended.
enum class Ending : uint8_t {
  kFinished,  // The entry function returned and nothing is left to run.
  kBugCheck,  // The runtime, or KeBugCheckEx, stopped it: see RunReport::bug_check.
  kDeadlock,  // A thread waits for something that cannot happen any more: see RunReport::deadlock.
  kLivelock,  // The step budget ran out.
};

enum class Threads : uint8_t { kFibers, kReal };

struct RunOptions {
  // Choice bytes. Exhausted, every choice is 0: the running thread goes on until it blocks, others follow
  // first in, first out.
  const uint8_t* schedule = nullptr;
  size_t schedule_size = 0;
  // Indexed by choice kind: the value to take always (modulo the number of alternatives), 0xFF to ask the
  // schedule. Kinds beyond the end ask the schedule.
  const uint8_t* fixed_choices = nullptr;
  size_t fixed_choice_count = 0;
  uint64_t step_budget = 1'000'000;  // Scheduling points before kLivelock; with kReal, of one thread.
  uint32_t fail_allocation = 0;  // The n-th allocation of pool, IRP or MDL fails, counted from 1; 0: none.
  Threads threads = Threads::kFibers;
  // With kReal: how long threads dally at choice points. Runs with the same seed need not be alike.
  uint64_t seed = 0;
  // With kReal: what is not the scheduler's and not in `schedule` is chosen at random, for some kinds of
  // choices in each run. Otherwise it is 0.
  bool random_choices = false;
  // With kReal, under ThreadSanitizer: whether the runtime's own locking counts as synchronisation. Then
  // races in the runtime show, and races of kernel code may hide behind it (real_threads.h).
  bool visible_runtime = false;
};

// A code as Windows' bug check codes, with a sentence that says what happened, where and since when.
struct BugCheck {
  uint32_t code;
  uint64_t parameters[4];
  char message[256];
};

// What kernel code did not give back by the end of the run. The runtime has reclaimed it.
struct LeakSummary {
  uint32_t pool_blocks;
  uint64_t pool_bytes;
  uint32_t irps, mdls, threads;
  char first[128];  // One of them, described; empty if there is none.
};

struct RunReport {
  Ending ending;
  BugCheck bug_check;  // Valid with kBugCheck.
  LeakSummary leaks;   // Valid with kFinished: other endings interrupt code that would have cleaned up.
  uint64_t steps;
  uint32_t allocations;  // So that a caller can enumerate fail_allocation.
  char deadlock[1024];   // Who waits for what, with kDeadlock.
};

// Runs entry(context) as the first system thread, at PASSIVE_LEVEL, until it has returned and nothing is left
// to run.
void Run(const RunOptions& options, void (*entry)(void*), void* context, RunReport* report);

// ---- From here on only for code inside Run.

// Choice kinds below kFirstProviderChoice belong to the runtime.
enum ChoiceKind : uint16_t {
  kChoiceWait = 0,  // Who runs when a thread blocks or ends.
  kChoiceSignal,    // After an event, semaphore, mutex or timer was signalled.
  kChoiceLock,      // Before a spin lock or other lock is taken.
  kChoiceUnlock,    // After it was released.
  kChoiceWorkItem,  // After a work item was queued.
  kChoiceDpc,       // After a DPC was queued.
  kChoiceThread,    // After a thread was created.
  kChoiceComplete,  // Before an IRP's completion routines run.
  kChoiceYield,     // YieldProcessor and KeStallExecutionProcessor.
  kChoiceTimer,     // When a thread blocks while others are ready: 1 lets the next timer fire before them.
  kFirstProviderChoice = 16,
};
// A short name for reports; "provider" from kFirstProviderChoice on, "?" for numbers without a name.
const char* ChoiceName(uint16_t kind);

// A choice in [0, count). With count <= 1 nothing is consumed and the answer is 0. With kReal the host's
// threads decide who runs, so only what is not the runtime's own (from kFirstProviderChoice on) is chosen
// here.
uint32_t Choose(uint16_t kind, uint32_t count);

// A scheduling choice point: may switch to another runnable thread. Choice 0 stays. At any IRQL.
void Yield(uint16_t kind);

// With kReal a moment's delay, or none; with kFibers nothing at all, so it can stand where a choice point
// would change what schedules mean. At any IRQL.
void Dally(uint16_t kind);

// Blocks the caller until nothing else can run; due and future timers fire first, in order of their due
// times, a periodic one once. Several callers are released in order of arrival. False only where it cannot
// block, at DISPATCH_LEVEL.
bool Settle();

// The next `count` allocations of pool, IRPs and MDLs fail; 0 takes back what is left of an earlier call.
// They count in RunReport::allocations as others do.
void FailNextAllocations(uint32_t count);

// What the current thread is about to wait for, for deadlock reports. Static text; nullptr forgets it.
void SetBlockedNote(const char* static_text);

// A background thread serves others and never counts as deadlocked, nor as leaked. For providers' own
// threads.
void SetBackground(bool background);

// Small and dense: 0 for the entry thread, then in order of creation; worker threads of the runtime count on
// their own, from kFirstWorkerNumber.
inline constexpr uint32_t kFirstWorkerNumber = 64;
uint32_t CurrentThreadNumber();

// Virtual time in units of 100 ns since the run's beginning.
uint64_t VirtualTime();

// Whether the caller is inside Run.
bool IsRunning();

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_RUNTIME_H_
