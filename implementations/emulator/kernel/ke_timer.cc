// Timers, DPCs and time.
#include <wdm.h>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/ke.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {

struct DpcState {
  LIST_ENTRY queue;
  Thread* worker;  // Created when the first DPC is queued.
  bool active;
};
DpcState g_dpc;

// One processor serves DPCs: they run one after the other, beside all threads.
void ServeDpcs(void*) {
  RuntimeLock lock;
  for (;;) {
    while (!IsListEmpty(&g_dpc.queue)) {
      KDPC* dpc = CONTAINING_RECORD(RemoveHeadList(&g_dpc.queue), KDPC, DpcListEntry);
      const PKDEFERRED_ROUTINE routine = dpc->DeferredRoutine;
      void *context = dpc->DeferredContext, *first = dpc->SystemArgument1, *second = dpc->SystemArgument2;
      dpc->DpcData = nullptr;  // From here on it may be queued again, or freed.
      Thread* thread = CurrentThread();
      thread->irql = DISPATCH_LEVEL;
      g_dpc.active = true;
      lock.Leave();
      Acquired(dpc);
      routine(dpc, context, first, second);
      Released(&g_dpc);
      lock.Enter();
      g_dpc.active = false;
      if (thread->irql != DISPATCH_LEVEL || thread->locks != 0) {
        BugCheckNow(kIrqlUnexpectedValue, thread->irql, DISPATCH_LEVEL, thread->locks, 0,
                    "a DPC routine returned at another IRQL, or with a spin lock held");
      }
      thread->irql = PASSIVE_LEVEL;
    }
    WakeAddress(&g_dpc);
    Block(ThreadState::kIdle, kChoiceWait);
  }
}

// Locked.
bool QueueDpc(KDPC* dpc, void* first, void* second) {
  if (dpc->DpcData != nullptr) return false;
  dpc->DpcData = &g_dpc;
  dpc->SystemArgument1 = first;
  dpc->SystemArgument2 = second;
  if (dpc->Importance == HighImportance) {
    InsertHeadList(&g_dpc.queue, &dpc->DpcListEntry);
  } else {
    InsertTailList(&g_dpc.queue, &dpc->DpcListEntry);
  }
  if (g_dpc.worker == nullptr) {
    g_dpc.worker = CreateThread(&ServeDpcs, nullptr, /*worker=*/true);
  } else if (g_dpc.worker->state == ThreadState::kIdle) {
    MakeReady(g_dpc.worker);
  }
  return true;
}

// Locked.
uint64_t DueTime(LARGE_INTEGER due) {
  if (due.QuadPart < 0) return g_scheduler.now + static_cast<uint64_t>(-due.QuadPart);
  const LONGLONG distance = due.QuadPart - kEpoch - static_cast<LONGLONG>(g_scheduler.now);
  return g_scheduler.now + (distance > 0 ? static_cast<uint64_t>(distance) : 0);
}

}  // namespace

void ResetKe() {
  g_dpc = DpcState{};
  InitializeListHead(&g_dpc.queue);
}

void ExpireTimer(KTIMER* timer) {
  if (timer->Period != 0) InsertTimer(timer, timer->DueTime.QuadPart + uint64_t{timer->Period} * 10'000);
  KDPC* dpc = timer->Dpc;
  timer->Header.SignalState = 1;
  SatisfyWaiters(&timer->Header);
  if (dpc != nullptr) QueueDpc(dpc, nullptr, nullptr);
}

}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

VOID KeInitializeTimerEx(PKTIMER timer, TIMER_TYPE type) {
  *timer = KTIMER{};
  timer->Header.Type =
      static_cast<UCHAR>(type == NotificationTimer ? kNotificationTimer : kSynchronizationTimer);
  timer->Header.Size = sizeof(KTIMER) / 4;
  InitializeListHead(&timer->Header.WaitListHead);
}

VOID KeInitializeTimer(PKTIMER timer) { KeInitializeTimerEx(timer, NotificationTimer); }

BOOLEAN KeSetTimerEx(PKTIMER timer, LARGE_INTEGER due, LONG period, PKDPC dpc) {
  RequireIrqlAtMost(DISPATCH_LEVEL, "KeSetTimer");
  Released(timer);
  if (dpc != nullptr) Released(dpc);
  RuntimeLock lock;
  const bool was_set = RemoveTimer(timer);
  timer->Header.SignalState = 0;
  timer->Dpc = dpc;
  timer->Period = static_cast<ULONG>(period);
  timer->Processor = 0;
  InsertTimer(timer, DueTime(due));
  lock.Leave();
  ChoicePoint(kChoiceSignal);
  return was_set;
}

BOOLEAN KeSetTimer(PKTIMER timer, LARGE_INTEGER due, PKDPC dpc) { return KeSetTimerEx(timer, due, 0, dpc); }

BOOLEAN KeSetCoalescableTimer(PKTIMER timer, LARGE_INTEGER due, ULONG period, ULONG, PKDPC dpc) {
  return KeSetTimerEx(timer, due, static_cast<LONG>(period), dpc);
}

BOOLEAN KeCancelTimer(PKTIMER timer) {
  RequireIrqlAtMost(DISPATCH_LEVEL, "KeCancelTimer");
  RuntimeLock lock;
  return RemoveTimer(timer);
}

BOOLEAN KeReadStateTimer(PKTIMER timer) {
  RuntimeLock lock;
  return timer->Header.SignalState != 0;
}

VOID KeInitializeDpc(PRKDPC dpc, PKDEFERRED_ROUTINE routine, PVOID context) {
  *dpc = KDPC{};
  dpc->Type = 19;
  dpc->Importance = MediumImportance;
  dpc->DeferredRoutine = routine;
  dpc->DeferredContext = context;
}

VOID KeInitializeThreadedDpc(PRKDPC dpc, PKDEFERRED_ROUTINE routine, PVOID context) {
  KeInitializeDpc(dpc, routine, context);
}

VOID KeSetImportanceDpc(PRKDPC dpc, KDPC_IMPORTANCE importance) {
  dpc->Importance = static_cast<UCHAR>(importance);
}

BOOLEAN KeInsertQueueDpc(PRKDPC dpc, PVOID first, PVOID second) {
  Released(dpc);
  {
    RuntimeLock lock;
    if (!QueueDpc(dpc, first, second)) return FALSE;
  }
  ChoicePoint(kChoiceDpc);
  return TRUE;
}

BOOLEAN KeRemoveQueueDpc(PRKDPC dpc) {
  RuntimeLock lock;
  if (dpc->DpcData == nullptr) return FALSE;
  RemoveEntryList(&dpc->DpcListEntry);
  dpc->DpcData = nullptr;
  return TRUE;
}

VOID KeFlushQueuedDpcs(void) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "KeFlushQueuedDpcs");
  {
    RuntimeLock lock;
    while (g_dpc.active || !IsListEmpty(&g_dpc.queue)) BlockOnAddress(&g_dpc, "queued DPCs", kChoiceWait);
  }
  Acquired(&g_dpc);
}

ULONGLONG KeQueryInterruptTime(void) { return LookAtClock(); }
ULONGLONG KeQueryUnbiasedInterruptTime(void) { return LookAtClock(); }
ULONGLONG KeQueryInterruptTimePrecise(PULONG64 qpc) {
  const uint64_t now = LookAtClock();
  if (qpc != nullptr) *qpc = now;
  return now;
}
VOID KeQuerySystemTimePrecise(PLARGE_INTEGER time) {
  time->QuadPart = kEpoch + static_cast<LONGLONG>(LookAtClock());
}
ULONG KeQueryTimeIncrement(void) { return 156'250; }
VOID KeQueryTickCount(PLARGE_INTEGER count) {
  count->QuadPart = static_cast<LONGLONG>(LookAtClock() / 156'250);
}
LARGE_INTEGER KeQueryPerformanceCounter(PLARGE_INTEGER frequency) {
  if (frequency != nullptr) frequency->QuadPart = 10'000'000;
  LARGE_INTEGER counter;
  counter.QuadPart = static_cast<LONGLONG>(LookAtClock());
  return counter;
}

VOID KeStallExecutionProcessor(ULONG microseconds) {
  {
    RuntimeLock lock;
    PassTime(uint64_t{microseconds} * 10);
  }
  ChoicePoint(kChoiceYield);
}

VOID KeYieldProcessor(void) { SpinUntilSomethingHappens(kChoiceYield); }

ULONG KeGetCurrentProcessorNumberEx(PVOID) { return 0; }
ULONG KeQueryActiveProcessorCount(KAFFINITY* affinity) {
  if (affinity != nullptr) *affinity = 1;
  return 1;
}
ULONG KeQueryActiveProcessorCountEx(USHORT) { return 1; }
ULONG KeQueryMaximumProcessorCountEx(USHORT) { return 1; }

}  // extern "C"
