// Time, one-time initialisation, cancel-safe queues, allocated timers and the other additions of ex_more.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <wdm.h>

#include <string>
#include <vector>

#include "implementations/emulator/kernel/test_support.h"

namespace wskcert::emulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Time, FieldsAndBack) {
  LARGE_INTEGER time;
  TIME_FIELDS fields;
  time.QuadPart = 0;
  RtlTimeToTimeFields(&time, &fields);
  EXPECT_EQ(fields.Year, 1601);
  EXPECT_EQ(fields.Month, 1);
  EXPECT_EQ(fields.Day, 1);
  EXPECT_EQ(fields.Weekday, 1);
  RtlSecondsSince1970ToTime(951'782'400, &time);  // 2000-02-29
  RtlTimeToTimeFields(&time, &fields);
  EXPECT_EQ(fields.Year, 2000);
  EXPECT_EQ(fields.Month, 2);
  EXPECT_EQ(fields.Day, 29);
  EXPECT_EQ(fields.Weekday, 2);
  for (LONGLONG day = 0; day < 300'000; day += 97) {
    time.QuadPart = day * 864'000'000'000 + 12'345'670'000;
    RtlTimeToTimeFields(&time, &fields);
    LARGE_INTEGER back;
    ASSERT_TRUE(RtlTimeFieldsToTime(&fields, &back));
    ASSERT_EQ(back.QuadPart, time.QuadPart) << day;
  }
  fields = {1900, 2, 29, 0, 0, 0, 0, 0};
  EXPECT_FALSE(RtlTimeFieldsToTime(&fields, &time));
  ULONG seconds;
  time.QuadPart = 0;
  EXPECT_FALSE(RtlTimeToSecondsSince1970(&time, &seconds));
}

int g_inits;
ULONG NTAPI InitOnce(PRTL_RUN_ONCE, PVOID parameter, PVOID* context) {
  ++g_inits;
  LARGE_INTEGER pause;
  pause.QuadPart = -100'000;
  KeDelayExecutionThread(KernelMode, FALSE, &pause);
  *context = parameter;
  return parameter != nullptr;
}

TEST(RunOnce, InitialisesOnceAndOthersWait) {
  g_inits = 0;
  static RTL_RUN_ONCE once;
  RtlRunOnceInitialize(&once);
  alignas(8) static int object;
  const RunReport report = Play([] {
    PVOID context = nullptr;
    EXPECT_EQ(RtlRunOnceExecuteOnce(&once, &InitOnce, nullptr, &context), STATUS_UNSUCCESSFUL);
    HANDLE handle;
    PsCreateSystemThread(
        &handle, 0, nullptr, nullptr, nullptr,
        [](void*) {
          PVOID other = nullptr;
          EXPECT_EQ(RtlRunOnceExecuteOnce(&once, &InitOnce, &object, &other), STATUS_SUCCESS);
          EXPECT_EQ(other, &object);
        },
        nullptr);
    ZwClose(handle);
    EXPECT_EQ(RtlRunOnceExecuteOnce(&once, &InitOnce, &object, &context), STATUS_SUCCESS);
    EXPECT_EQ(context, &object);
    EXPECT_EQ(RtlRunOnceBeginInitialize(&once, RTL_RUN_ONCE_CHECK_ONLY, &context), STATUS_SUCCESS);
    Settle();
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.deadlock;
  EXPECT_EQ(g_inits, 2);
}

// ---- A cancel-safe queue as a driver has one.

struct Queue {
  IO_CSQ csq;
  LIST_ENTRY irps;
  KSPIN_LOCK lock;
  int cancelled;
};
Queue g_queue;

Queue* QueueOf(IO_CSQ* csq) { return CONTAINING_RECORD(csq, Queue, csq); }
PIRP IrpOf(LIST_ENTRY* entry) { return CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry); }

void InitQueue() {
  g_queue = Queue{};
  InitializeListHead(&g_queue.irps);
  KeInitializeSpinLock(&g_queue.lock);
  IoCsqInitialize(
      &g_queue.csq,
      [](IO_CSQ* csq, PIRP irp) { InsertTailList(&QueueOf(csq)->irps, &irp->Tail.Overlay.ListEntry); },
      [](IO_CSQ*, PIRP irp) { RemoveEntryList(&irp->Tail.Overlay.ListEntry); },
      [](IO_CSQ* csq, PIRP after, PVOID) -> PIRP {
        LIST_ENTRY* head = &QueueOf(csq)->irps;
        LIST_ENTRY* next = after != nullptr ? after->Tail.Overlay.ListEntry.Flink : head->Flink;
        return next == head ? nullptr : IrpOf(next);
      },
      [](IO_CSQ* csq, PKIRQL irql) { KeAcquireSpinLock(&QueueOf(csq)->lock, irql); },
      [](IO_CSQ* csq, KIRQL irql) { KeReleaseSpinLock(&QueueOf(csq)->lock, irql); },
      [](IO_CSQ* csq, PIRP irp) {
        ++QueueOf(csq)->cancelled;
        irp->IoStatus.Status = STATUS_CANCELLED;
        IoCompleteRequest(irp, IO_NO_INCREMENT);
      });
}

NTSTATUS Keep(PDEVICE_OBJECT, PIRP, PVOID) { return STATUS_MORE_PROCESSING_REQUIRED; }

PIRP NewIrp() {
  PIRP irp = IoAllocateIrp(1, FALSE);
  IoSetCompletionRoutine(irp, &Keep, nullptr, TRUE, TRUE, TRUE);
  IoSetNextIrpStackLocation(irp);
  return irp;
}

void CompleteAndFree(PIRP irp) {
  irp->IoStatus.Status = STATUS_SUCCESS;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  IoFreeIrp(irp);
}

TEST(Csq, QueuesRemovesAndCancels) {
  const RunReport report = Play([] {
    InitQueue();
    PIRP first = NewIrp(), second = NewIrp(), third = NewIrp();
    IO_CSQ_IRP_CONTEXT context;
    IoCsqInsertIrp(&g_queue.csq, first, nullptr);
    IoCsqInsertIrp(&g_queue.csq, second, &context);
    IoCsqInsertIrp(&g_queue.csq, third, nullptr);
    EXPECT_TRUE(IoCancelIrp(first));
    EXPECT_EQ(g_queue.cancelled, 1);
    EXPECT_EQ(first->IoStatus.Status, STATUS_CANCELLED);
    EXPECT_EQ(IoCsqRemoveIrp(&g_queue.csq, &context), second);
    EXPECT_EQ(IoCsqRemoveIrp(&g_queue.csq, &context), nullptr);
    EXPECT_FALSE(IoCancelIrp(second));
    EXPECT_EQ(IoCsqRemoveNextIrp(&g_queue.csq, nullptr), third);
    EXPECT_EQ(IoCsqRemoveNextIrp(&g_queue.csq, nullptr), nullptr);
    IoFreeIrp(first);
    CompleteAndFree(second);
    CompleteAndFree(third);
    // Cancelled before it is queued.
    PIRP late = NewIrp();
    IoCancelIrp(late);
    IoCsqInsertIrp(&g_queue.csq, late, nullptr);
    EXPECT_EQ(g_queue.cancelled, 2);
    IoFreeIrp(late);
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message;
  EXPECT_EQ(report.leaks.irps, 0u);
}

TEST(Csq, CancelAndRemovalRaceUnderEverySchedule) {
  int cancelled = 0, removed = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::vector<uint8_t> bytes;
    for (uint32_t i = 0, x = seed * 2654435761u + 1; i < 64; ++i, x = x * 1664525u + 1013904223u)
      bytes.push_back(static_cast<uint8_t>(x >> 24));
    RunOptions options;
    options.schedule = bytes.data();
    options.schedule_size = bytes.size();
    static PIRP irp;
    static bool taken;
    taken = false;
    const RunReport report = Play(
        [] {
          InitQueue();
          irp = NewIrp();
          IoCsqInsertIrp(&g_queue.csq, irp, nullptr);
          HANDLE handle;
          PsCreateSystemThread(
              &handle, 0, nullptr, nullptr, nullptr, [](void*) { IoCancelIrp(irp); }, nullptr);
          ZwClose(handle);
          taken = IoCsqRemoveNextIrp(&g_queue.csq, nullptr) != nullptr;
          Settle();
          EXPECT_NE(taken, g_queue.cancelled == 1);
          if (taken) {
            CompleteAndFree(irp);
          } else {
            IoFreeIrp(irp);
          }
        },
        options);
    ASSERT_EQ(report.ending, Ending::kFinished) << report.bug_check.message;
    (taken ? removed : cancelled)++;
  }
  EXPECT_GT(cancelled, 0);
  EXPECT_GT(removed, 0);
}

// ---- ex_more.cc

TEST(ExTimer, CallsBackAndIsDeleted) {
  static std::vector<int> calls;
  calls.clear();
  const RunReport report = Play([] {
    static int context;
    PEX_TIMER timer = ExAllocateTimer(
        [](PEX_TIMER, PVOID given) {
          EXPECT_EQ(given, &context);
          EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
          calls.push_back(1);
        },
        &context, EX_TIMER_NOTIFICATION);
    ASSERT_NE(timer, nullptr);
    EXPECT_FALSE(ExSetTimer(timer, -10'000, 0, nullptr));
    EXPECT_TRUE(ExCancelTimer(timer, nullptr));
    Settle();
    EXPECT_TRUE(calls.empty());
    ExSetTimer(timer, -10'000, 0, nullptr);
    Settle();
    EXPECT_THAT(calls, ElementsAre(1));
    ExSetTimer(timer, -10'000, 0, nullptr);
    EXPECT_TRUE(ExDeleteTimer(timer, TRUE, TRUE, nullptr));
    Settle();
    EXPECT_THAT(calls, ElementsAre(1));
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message;
  EXPECT_EQ(report.leaks.pool_blocks, 0u);
}

TEST(ExMore, SpinLocksAtDispatchLevel) {
  const RunReport report = Play([] {
    EX_SPIN_LOCK lock = 0;
    const KIRQL irql = ExAcquireSpinLockShared(&lock);
    ExReleaseSpinLockSharedFromDpcLevel(&lock);
    ExAcquireSpinLockExclusiveAtDpcLevel(&lock);
    ExReleaseSpinLockExclusiveFromDpcLevel(&lock);
    ExAcquireSpinLockSharedAtDpcLevel(&lock);
    ExReleaseSpinLockShared(&lock, irql);
    EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ExAcquireSpinLockSharedAtDpcLevel(&lock);
  });
  EXPECT_EQ(report.ending, Ending::kBugCheck);
  EXPECT_THAT(std::string(report.bug_check.message), HasSubstr("at another level than DISPATCH_LEVEL"));
}

TEST(ExMore, ResourcesRundownAndLists) {
  const RunReport report = Play([] {
    ERESOURCE resource;
    ExInitializeResourceLite(&resource);
    ExEnterCriticalRegionAndAcquireResourceExclusive(&resource);
    EXPECT_TRUE(KeAreApcsDisabled());
    EXPECT_EQ(ExIsResourceAcquiredSharedLite(&resource), 1u);
    ExReleaseResourceAndLeaveCriticalRegion(&resource);
    ExEnterCriticalRegionAndAcquireResourceShared(&resource);
    ExReleaseResourceAndLeaveCriticalRegion(&resource);
    EXPECT_FALSE(KeAreApcsDisabled());
    ExDeleteResourceLite(&resource);

    PEX_RUNDOWN_REF_CACHE_AWARE ref = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'nuR ');
    EXPECT_TRUE(ExAcquireRundownProtectionCacheAware(ref));
    ExReleaseRundownProtectionCacheAware(ref);
    ExWaitForRundownProtectionReleaseCacheAware(ref);
    EXPECT_FALSE(ExAcquireRundownProtectionCacheAware(ref));
    ExReInitializeRundownProtectionCacheAware(ref);
    EXPECT_TRUE(ExAcquireRundownProtectionCacheAware(ref));
    ExReleaseRundownProtectionCacheAware(ref);
    ExFreeCacheAwareRundownProtection(ref);

    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    SINGLE_LIST_ENTRY head = {}, one = {}, two = {};
    EXPECT_EQ(ExInterlockedPushEntryList(&head, &one, &lock), nullptr);
    EXPECT_EQ(ExInterlockedPushEntryList(&head, &two, &lock), &one);
    EXPECT_EQ(ExInterlockedPopEntryList(&head, &lock), &two);
    ULONG counter = 5;
    EXPECT_EQ(ExInterlockedAddUlong(&counter, 3, &lock), 5u);
    EXPECT_EQ(counter, 8u);

    DRIVER_OBJECT driver = {};
    driver.Type = IO_TYPE_DRIVER;
    ObReferenceObject(&driver);
    ObDereferenceObject(&driver);
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message;
  EXPECT_EQ(report.leaks.pool_blocks, 0u) << report.leaks.first;
}

}  // namespace
}  // namespace wskcert::emulator
