#include "implementations/emulator/kernel/scheduler.h"

#include <cstdlib>
#include <cstring>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/ke.h"
#include "implementations/emulator/kernel/real_threads.h"

namespace wskcert::emulator {

Scheduler g_scheduler;
constinit thread_local Thread* t_current = nullptr;
constinit thread_local uint64_t t_steps = 0;

namespace {

Thread* g_free_threads = nullptr;
// A fiber's thread that has ended, but its stack and object were in use until the switch away from it.
Thread* g_zombie = nullptr;

void Reap() {
  Thread* thread = g_zombie;
  if (thread == nullptr || thread == t_current) return;
  g_zombie = nullptr;
  ReleaseFiber(thread->fiber);
  DereferenceThread(thread);
}

// Over fibers.
inline uint32_t ChooseFromBytes(uint16_t kind, uint32_t count) {
  Scheduler& s = g_scheduler;
  if (count <= 1) return 0;
  if (kind < s.fixed_choice_count && s.fixed_choices[kind] != 0xFF) return s.fixed_choices[kind] % count;
  if (s.schedule == s.schedule_end) return 0;
  uint32_t value = *s.schedule++;
  if (count > 256 && s.schedule != s.schedule_end) value |= static_cast<uint32_t>(*s.schedule++) << 8;
  return value % count;
}

void Append(ThreadQueue* queue, Thread* thread) {
  thread->next = nullptr;
  thread->previous = queue->last;
  (queue->last != nullptr ? queue->last->next : queue->first) = thread;
  queue->last = thread;
  ++queue->count;
}

void Remove(ThreadQueue* queue, Thread* thread) {
  (thread->previous != nullptr ? thread->previous->next : queue->first) = thread->next;
  (thread->next != nullptr ? thread->next->previous : queue->last) = thread->previous;
  --queue->count;
}

Thread* RemoveAt(ThreadQueue* queue, uint32_t index) {
  Thread* thread = queue->first;
  while (index-- != 0) thread = thread->next;
  Remove(queue, thread);
  return thread;
}

inline void SwitchTo(Thread* thread) {
  thread->state = ThreadState::kRunning;
  if (thread == t_current) return;
  t_current = thread;
  SwitchFiber(thread->fiber);
}

void FiberMain(void* thread) { RunThread(static_cast<Thread*>(thread)); }

// A timer that comes again for ever must not hold up quiescence for ever: it counts once per epoch.
bool Recurs(const KTIMER* timer) {
  if (timer->Header.Type != kWaitTimeout) return timer->Period != 0;
  return CONTAINING_RECORD(timer, Thread, timeout)->background;
}

KTIMER* NextTimer() {
  for (LIST_ENTRY* e = g_scheduler.timers.Flink; e != &g_scheduler.timers; e = e->Flink) {
    KTIMER* timer = CONTAINING_RECORD(e, KTIMER, TimerListEntry);
    if (!Recurs(timer) || timer->Processor != g_scheduler.settle_epoch) return timer;
  }
  return nullptr;
}

bool Owed(const Thread* thread) {
  return thread->state != ThreadState::kEnded && thread->state != ThreadState::kIdle && !thread->background;
}

[[noreturn]] void EndQuietRun() {
  for (LIST_ENTRY* e = g_scheduler.threads.Flink; e != &g_scheduler.threads; e = e->Flink) {
    if (!Owed(CONTAINING_RECORD(e, Thread, all))) continue;
    RecordDeadlock();
    EndRun(Ending::kDeadlock);
  }
  EndRun(Ending::kFinished);
}

void Expire(KTIMER* timer) {
  RemoveTimer(timer);
  if (timer->DueTime.QuadPart > g_scheduler.now) g_scheduler.now = timer->DueTime.QuadPart;
  timer->Processor = g_scheduler.settle_epoch;
  if (timer->Header.Type == kWaitTimeout) {
    EndWait(CONTAINING_RECORD(timer, Thread, timeout), STATUS_TIMEOUT);
  } else {
    ExpireTimer(timer);
  }
}

}  // namespace

void Idle() {
  if (KTIMER* timer = NextTimer()) {
    Expire(timer);
    return;
  }
  if (g_scheduler.settling.first == nullptr) EndQuietRun();
  // One at a time: while a released thread runs, the world is not quiet for the others.
  ++g_scheduler.settle_epoch;
  MakeReady(RemoveAt(&g_scheduler.settling, 0));
}

void CountStep() {
  if (++t_steps > g_scheduler.step_budget) EndRun(Ending::kLivelock);
}

namespace {

void Dispatch(uint16_t kind) {
  CountStep();
  // A timer may also come before what is ready: work can always take longer than somebody's patience.
  if (g_scheduler.ready.count != 0 && !IsListEmpty(&g_scheduler.timers)) {
    KTIMER* timer = NextTimer();
    if (timer != nullptr && ChooseFromBytes(kChoiceTimer, 2) == 1) Expire(timer);
  }
  while (g_scheduler.ready.count == 0) {
    CountStep();
    Idle();
  }
  SwitchTo(RemoveAt(&g_scheduler.ready, ChooseFromBytes(kind, g_scheduler.ready.count)));
}

}  // namespace

void ResetScheduler(const RunOptions& options) {
  Scheduler& s = g_scheduler;
  s = Scheduler{};
  s.step_budget = options.step_budget;
  s.schedule = options.schedule;
  s.schedule_end = options.schedule + options.schedule_size;
  s.fixed_choices = options.fixed_choices;
  s.fixed_choice_count = options.fixed_choice_count;
  s.settle_epoch = 1;
  InitializeListHead(&s.timers);
  InitializeListHead(&s.threads);
  t_steps = 0;
  s.running = true;
  s.real = options.threads == Threads::kReal;
  if (!s.real) return;
  s.ready.count = 1;
  ResetHosts(options);
}

uint64_t RunThreads() {
  if (g_scheduler.real) {
    uint64_t steps;
    g_scheduler.ending = AwaitHosts(&steps);
    g_scheduler.running = g_scheduler.real = false;
    return steps;
  }
  Thread* first = RemoveAt(&g_scheduler.ready, 0);
  first->state = ThreadState::kRunning;
  t_current = first;
  SwitchFiber(first->fiber);
  g_scheduler.running = false;
  return t_steps;
}

void EndRun(Ending ending, const BugCheck* bug_check) {
  if (g_scheduler.real) EndHosts(ending, bug_check);
  if (bug_check != nullptr) RecordedBugCheck() = *bug_check;
  g_scheduler.ending = ending;
  SwitchFiber(MainFiber());
  std::abort();
}

void ReapThreads() {
  t_current = nullptr;
  Reap();
}

void AbandonThreads() {
  while (!IsListEmpty(&g_scheduler.threads)) {
    Thread* thread = CONTAINING_RECORD(RemoveHeadList(&g_scheduler.threads), Thread, all);
    if (thread->state != ThreadState::kEnded && thread->fiber != nullptr) ReleaseFiber(thread->fiber);
    thread->next = g_free_threads;
    g_free_threads = thread;
  }
}

Thread* CreateThread(void (*start)(void*), void* context, bool worker) {
  Reap();
  Thread* thread = g_free_threads;
  if (thread != nullptr) {
    g_free_threads = thread->next;
  } else {
    thread = static_cast<Thread*>(std::aligned_alloc(64, (sizeof(Thread) + 63) / 64 * 64));
    if (thread == nullptr) std::abort();
  }
  std::memset(static_cast<void*>(thread), 0, sizeof(Thread));
  thread->header.Type = kThread;
  InitializeListHead(&thread->header.WaitListHead);
  thread->timeout.Header.Type = kWaitTimeout;
  thread->number = worker ? kFirstWorkerNumber + g_scheduler.next_worker++ : g_scheduler.next_number++;
  thread->references = 1;
  thread->worker = worker;
  thread->start = start;
  thread->context = context;
  InsertTailList(&g_scheduler.threads, &thread->all);
  if (g_scheduler.real) {
    StartHost(thread);
  } else {
    thread->fiber = AcquireFiber(&FiberMain, thread);
    MakeReady(thread);
  }
  return thread;
}

void RunThread(Thread* thread) {
  thread->start(thread->context);
  EndThread();
}

void EndThread() {
  Thread* thread = CurrentThread();
  CheckThreadEnd();
  Released(&thread->header);
  RuntimeLock lock;
  thread->state = ThreadState::kEnded;
  thread->header.SignalState = 1;
  while (!IsListEmpty(&thread->header.WaitListHead)) {
    KWAIT_BLOCK* block = CONTAINING_RECORD(thread->header.WaitListHead.Flink, KWAIT_BLOCK, WaitListEntry);
    EndWait(reinterpret_cast<Thread*>(block->Thread), STATUS_WAIT_0 + block->WaitKey);
  }
  if (g_scheduler.real) {
    DereferenceThread(thread);
    EndHost();
  }
  Reap();
  g_zombie = thread;
  Dispatch(kChoiceWait);
  std::abort();
}

void ReferenceThread(Thread* thread) { ++thread->references; }

void DereferenceThread(Thread* thread) {
  if (thread->references == 0) {
    BugCheckNow(0x18, reinterpret_cast<uintptr_t>(thread), 0, 0, 0,
                "a thread object was dereferenced too often");
  }
  if (--thread->references != 0) return;
  RemoveEntryList(&thread->all);
  thread->next = g_free_threads;
  g_free_threads = thread;
}

void MakeReady(Thread* thread) {
  thread->state = ThreadState::kReady;
  if (g_scheduler.real) return WakeHost(thread);
  Append(&g_scheduler.ready, thread);
}

void Block(ThreadState state, ChoiceKind kind) {
  Thread* thread = CurrentThread();
  thread->state = state;
  thread->blocked_since = t_steps;
  if (g_scheduler.real) return BlockHost(thread);
  Dispatch(kind);
}

void BlockOnAddress(const void* address, const char* what, ChoiceKind kind) {
  Thread* thread = CurrentThread();
  thread->address = address;
  thread->waits_for = what;
  Append(&g_scheduler.blocked, thread);
  Block(ThreadState::kBlocked, kind);
}

void WakeAddress(const void* address) {
  for (Thread *thread = g_scheduler.blocked.first, *next; thread != nullptr; thread = next) {
    next = thread->next;
    if (thread->address != address) continue;
    Remove(&g_scheduler.blocked, thread);
    MakeReady(thread);
  }
}

void YieldSlowly(uint16_t kind) {
  if (__builtin_expect(g_scheduler.real, 0)) return PassHost(kind);
  const uint32_t choice = ChooseFromBytes(kind, g_scheduler.ready.count + 1);
  if (choice == 0) return;
  Thread* thread = RemoveAt(&g_scheduler.ready, choice - 1);
  MakeReady(CurrentThread());
  SwitchTo(thread);
}

void PassTime(uint64_t duration) {
  const uint64_t end = g_scheduler.now + duration;
  for (KTIMER* timer = NextTimer(); timer != nullptr && timer->DueTime.QuadPart <= end; timer = NextTimer()) {
    CountStep();
    Expire(timer);
  }
  g_scheduler.now = end > g_scheduler.now ? end : g_scheduler.now;
}

void SpinUntilSomethingHappens(uint16_t kind) {
  if (g_scheduler.real) {
    {
      RuntimeLock lock;
      KTIMER* timer = AloneOnHost() ? NextTimer() : nullptr;
      if (timer != nullptr) Expire(timer);
    }
    SpinHost();
  } else if (g_scheduler.ready.count == 0) {
    if (KTIMER* timer = NextTimer()) Expire(timer);
  }
  ChoicePoint(kind);
}

uint64_t LookAtClock() {
  RuntimeLock lock;
  return ++g_scheduler.now;
}

void InsertTimer(KTIMER* timer, uint64_t due) {
  timer->DueTime.QuadPart = due;
  timer->Header.Reserved1 = 1;
  LIST_ENTRY* after = g_scheduler.timers.Blink;
  while (after != &g_scheduler.timers &&
         CONTAINING_RECORD(after, KTIMER, TimerListEntry)->DueTime.QuadPart > due) {
    after = after->Blink;
  }
  InsertHeadList(after, &timer->TimerListEntry);
}

bool RemoveTimer(KTIMER* timer) {
  if (timer->Header.Reserved1 == 0) return false;
  timer->Header.Reserved1 = 0;
  RemoveEntryList(&timer->TimerListEntry);
  return true;
}

// ---- runtime.h

uint32_t Choose(uint16_t kind, uint32_t count) {
  if (__builtin_expect(!g_scheduler.real, 1)) return ChooseFromBytes(kind, count);
  if (count <= 1) return 0;
  const uint32_t value = kind < g_scheduler.fixed_choice_count ? g_scheduler.fixed_choices[kind] : 0xFF;
  return value != 0xFF ? value % count : ChooseOnHost(kind, count);
}

void Yield(uint16_t kind) { ChoicePoint(kind); }

void Dally(uint16_t kind) {
  if (g_scheduler.real) DallyOnHost(kind);
}

bool Settle() {
  Thread* thread = CurrentThread();
  if (thread->irql >= DISPATCH_LEVEL) return false;
  RuntimeLock lock;
  Append(&g_scheduler.settling, thread);
  Block(ThreadState::kSettling, kChoiceWait);
  return true;
}

void SetBlockedNote(const char* static_text) { CurrentThread()->note = static_text; }

void SetBackground(bool background) { CurrentThread()->background = background; }

uint32_t CurrentThreadNumber() { return CurrentThread()->number; }

uint64_t VirtualTime() {
  RuntimeLock lock;
  return g_scheduler.now;
}

bool IsRunning() { return g_scheduler.running; }

const char* ChoiceName(uint16_t kind) {
  static constexpr const char* kNames[] = {"wait", "signal", "lock",     "unlock", "work-item",
                                           "dpc",  "thread", "complete", "yield",  "timer"};
  if (kind >= kFirstProviderChoice) return "provider";
  return kind < sizeof(kNames) / sizeof(kNames[0]) ? kNames[kind] : "?";
}

}  // namespace wskcert::emulator
