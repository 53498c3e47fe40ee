// Threads of the kernel runtime as host threads: the second implementation of what scheduler.h declares. The
// only file that knows std::thread.
//
// A thread of a run is given a host thread from a pool, which grows and never shrinks, so that after the
// first few runs none is created. They all run at the same time, as the host likes. Exact all the same:
//
// - quiescence: the runtime counts the threads that are running or ready. When none is left, and only then,
//   virtual time goes on to the next timer, a thread that settles is released, or the run is over;
// - deadlocks: the run is over and some thread still waits, spin locks included, for who spins long blocks;
// - the step budget, which counts the choice points of each thread.
//
// A run that ends otherwise (a bug check) stops every thread at its next choice point, or where it waits. Its
// stack is not unwound but left, with longjmp, as with fibers; Run returns when the last one has left. A
// thread that runs without a choice point for ever holds up Run for ever, as a fiber would.
//
// At every choice point a thread may dally: a bounded spin, or a yield to the host's scheduler. How often,
// and at which kinds of choice points, is drawn from the seed, and differs from seed to seed.
//
// What ThreadSanitizer sees. The runtime's own lock orders almost everything with everything, which would
// hide the races of kernel code. So it is hidden, together with the accesses to the runtime's state that it
// guards, and what the kernel's functions promise is said with Released and Acquired (edges.h): an event,
// mutex, semaphore or timer that is signalled and the wait that it satisfies; a thread's creation and its
// start; its end and the wait for it; queueing a work item or DPC and its routine; giving back pool and
// getting it; the other locks. Spin locks and interlocked operations are real. With
// RunOptions::visible_runtime it is the other way round: then the runtime's own races show.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_REAL_THREADS_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_REAL_THREADS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>

#include "implementations/emulator/kernel/runtime.h"

namespace wskcert::emulator {

struct Thread;
struct Host;

// ---- For the frame of a run. On the thread that called Run.

void ResetHosts(const RunOptions& options);
// Returns when every thread of the run has left, with how the run ended and the choice points of all threads.
Ending AwaitHosts(uint64_t* steps);

// ---- For the scheduler. All with LockRuntime held unless said otherwise.

// Has a host thread run RunThread(thread).
void StartHost(Thread* thread);
// The current thread's state says that it does not run any more. Returns when it is kReady again.
void BlockHost(Thread* thread);
// The thread's state has become kReady.
void WakeHost(Thread* thread);
// The current thread has ended. Leaves the lock.
[[noreturn]] void EndHost();
// Ends the run, with the lock or without.
[[noreturn]] void EndHosts(Ending ending, const BugCheck* bug_check);
// Whether the current thread is the only one that is running or ready.
bool AloneOnHost();

// ---- Without the lock.

// A choice point: leaves here if the run has ended, otherwise may dally.
void PassHost(uint16_t kind);
// What a spinning thread does between two looks: the same, and lets others run.
void SpinHost();
// A choice that is not the scheduler's.
uint32_t ChooseOnHost(uint16_t kind, uint32_t count);
// What is left of kKernelStackSize; the host's stacks are larger.
size_t RemainingHostStack();
// A delay, or none.
void DallyOnHost(uint16_t kind);

// A mutex of the runtime's that ThreadSanitizer sees only if the runtime is visible. Not recursive.
class HiddenMutex {
 public:
  void Lock();
  void Unlock();

 private:
  std::mutex mutex_;
};

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_REAL_THREADS_H_
