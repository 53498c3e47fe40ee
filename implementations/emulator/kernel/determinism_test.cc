// The same options play the same run, whatever the schedule; and many schedules find no misbehaviour of the
// runtime.
#include <gtest/gtest.h>
#include <wdm.h>

#include <set>
#include <string>
#include <vector>

#include "implementations/emulator/kernel/test_support.h"

namespace wskcert::emulator {
namespace {

// A small world in which everything meets: threads that send IRPs to a work item, which completes or is
// beaten by a cancellation; a timer; locks; pool.
struct World {
  KSPIN_LOCK lock;
  LIST_ENTRY queue;  // IRPs by Tail.Overlay.ListEntry.
  WORK_QUEUE_ITEM item;
  bool queued;
  KTIMER timer;
  KDPC dpc;
  FAST_MUTEX mutex;
  std::string* log;
};
World g_world;

void Log(char what) {
  *g_world.log += what;
  *g_world.log += static_cast<char>('0' + CurrentThreadNumber() % 10);
}

void Finish(PIRP irp, NTSTATUS status) {
  irp->IoStatus.Status = status;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
}

void Serve(void*) {
  KIRQL old;
  KeAcquireSpinLock(&g_world.lock, &old);
  g_world.queued = false;
  while (!IsListEmpty(&g_world.queue)) {
    PIRP irp = CONTAINING_RECORD(RemoveHeadList(&g_world.queue), IRP, Tail.Overlay.ListEntry);
    InitializeListHead(&irp->Tail.Overlay.ListEntry);
    if (IoSetCancelRoutine(irp, nullptr) == nullptr) continue;  // The cancel routine has it.
    KeReleaseSpinLock(&g_world.lock, old);
    Finish(irp, STATUS_SUCCESS);
    KeAcquireSpinLock(&g_world.lock, &old);
  }
  KeReleaseSpinLock(&g_world.lock, old);
}

void Cancelled(PDEVICE_OBJECT, PIRP irp) {
  IoReleaseCancelSpinLock(irp->CancelIrql);
  KIRQL old;
  KeAcquireSpinLock(&g_world.lock, &old);
  RemoveEntryList(&irp->Tail.Overlay.ListEntry);
  KeReleaseSpinLock(&g_world.lock, old);
  Finish(irp, STATUS_CANCELLED);
}

void Send(PIRP irp) {
  IoSetNextIrpStackLocation(irp);
  IoMarkIrpPending(irp);
  KIRQL old;
  KeAcquireSpinLock(&g_world.lock, &old);
  InsertTailList(&g_world.queue, &irp->Tail.Overlay.ListEntry);
  IoSetCancelRoutine(irp, &Cancelled);
  const bool queue = !g_world.queued;
  g_world.queued = true;
  KeReleaseSpinLock(&g_world.lock, old);
  if (queue) ExQueueWorkItem(&g_world.item, DelayedWorkQueue);
}

NTSTATUS Done(PDEVICE_OBJECT, PIRP irp, PVOID event) {
  Log(irp->IoStatus.Status == STATUS_SUCCESS ? 's' : 'c');
  KeSetEvent(static_cast<PKEVENT>(event), IO_NO_INCREMENT, FALSE);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

void Client(void* context) {
  const bool cancels = context != nullptr;
  for (int i = 0; i < 3; ++i) {
    auto* event = static_cast<PKEVENT>(ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(KEVENT), 'tneE'));
    KeInitializeEvent(event, NotificationEvent, FALSE);
    PIRP irp = IoAllocateIrp(1, FALSE);
    IoSetCompletionRoutine(irp, &Done, event, TRUE, TRUE, TRUE);
    Send(irp);
    if (cancels) Log(IoCancelIrp(irp) ? 'C' : 'N');
    KeWaitForSingleObject(event, Executive, KernelMode, FALSE, nullptr);
    ExAcquireFastMutex(&g_world.mutex);
    Log('m');
    ExReleaseFastMutex(&g_world.mutex);
    IoFreeIrp(irp);
    ExFreePoolWithTag(event, 'tneE');
  }
}

void Tick(KDPC*, void*, void*, void*) { Log('t'); }

RunReport PlayWorld(const std::vector<uint8_t>& schedule, std::string* log) {
  RunOptions options;
  options.schedule = schedule.data();
  options.schedule_size = schedule.size();
  g_world = World{};
  g_world.log = log;
  return Play(
      [] {
        KeInitializeSpinLock(&g_world.lock);
        InitializeListHead(&g_world.queue);
        ExInitializeWorkItem(&g_world.item, &Serve, nullptr);
        ExInitializeFastMutex(&g_world.mutex);
        KeInitializeTimer(&g_world.timer);
        KeInitializeDpc(&g_world.dpc, &Tick, nullptr);
        LARGE_INTEGER due;
        due.QuadPart = -1000;
        KeSetTimer(&g_world.timer, due, &g_world.dpc);
        for (intptr_t i = 0; i < 3; ++i) {
          HANDLE handle;
          PsCreateSystemThread(&handle, 0, nullptr, nullptr, nullptr, &Client,
                               reinterpret_cast<void*>(i % 2));
          ZwClose(handle);
        }
        Settle();
        Log('q');
      },
      options);
}

TEST(Determinism, TheSameScheduleGivesTheSameRunAndOthersOtherRuns) {
  std::set<std::string> logs;
  for (uint32_t seed = 1; seed <= 500; ++seed) {
    std::vector<uint8_t> schedule(seed % 300);
    uint32_t state = seed;
    for (auto& byte : schedule) byte = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
    std::string first, second;
    const RunReport report = PlayWorld(schedule, &first);
    ASSERT_EQ(report.ending, Ending::kFinished) << seed << report.bug_check.message << report.deadlock;
    EXPECT_EQ(report.leaks.irps + report.leaks.pool_blocks + report.leaks.threads, 0u) << report.leaks.first;
    EXPECT_EQ(first.substr(first.size() - 2), "q0");
    EXPECT_NE(first.find('t'), std::string::npos);
    const RunReport again = PlayWorld(schedule, &second);
    EXPECT_EQ(first, second) << seed;
    EXPECT_EQ(report.steps, again.steps);
    logs.insert(first);
  }
  EXPECT_GT(logs.size(), 100u);
}

TEST(Determinism, AllocationsAreCountedAlike) {
  std::string log;
  // An event and an IRP, three times, for three threads.
  EXPECT_EQ(PlayWorld({}, &log).allocations, 18u);
  EXPECT_EQ(PlayWorld({1, 2, 3, 4, 5, 6, 7}, &log).allocations, 18u);
}

}  // namespace
}  // namespace wskcert::emulator
