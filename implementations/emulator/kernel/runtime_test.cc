#include "implementations/emulator/kernel/runtime.h"

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

std::vector<int> g_order;

// Starts a thread and drops its handle.
void Start(PKSTART_ROUTINE routine, void* context = nullptr) {
  HANDLE handle;
  ASSERT_EQ(PsCreateSystemThread(&handle, 0, nullptr, nullptr, nullptr, routine, context), STATUS_SUCCESS);
  ZwClose(handle);
}

void AppendThrice(void* context) {
  for (int i = 0; i < 3; ++i) {
    g_order.push_back(static_cast<int>(reinterpret_cast<intptr_t>(context)));
    Yield(kChoiceYield);
  }
}

std::vector<int> OrderUnder(const std::vector<uint8_t>& schedule) {
  g_order.clear();
  RunOptions options;
  options.schedule = schedule.data();
  options.schedule_size = schedule.size();
  const RunReport report = Play(
      [] {
        Start(&AppendThrice, reinterpret_cast<void*>(1));
        Start(&AppendThrice, reinterpret_cast<void*>(2));
      },
      options);
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_EQ(g_order.size(), 6u);
  return g_order;
}

TEST(Run, EndsWhenTheEntryReturned) {
  bool called = false;
  const RunReport report = Play([&] {
    called = IsRunning();
    EXPECT_EQ(CurrentThreadNumber(), 0u);
    EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
  });
  EXPECT_TRUE(called);
  EXPECT_FALSE(IsRunning());
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_EQ(report.leaks.pool_blocks + report.leaks.irps + report.leaks.mdls + report.leaks.threads, 0u);
}

TEST(Schedule, ExhaustedLetsTheRunningThreadGoOn) {
  EXPECT_THAT(OrderUnder({}), ElementsAre(1, 1, 1, 2, 2, 2));
}

TEST(Schedule, DecidesTheOrderAndRepeatsIt) {
  // Two zeros for the creations and one for the entry's end; then always the other thread.
  const std::vector<uint8_t> alternate = {0, 0, 0, 1, 1, 1, 1, 1};
  EXPECT_THAT(OrderUnder(alternate), ElementsAre(1, 2, 1, 2, 1, 2));
  EXPECT_THAT(OrderUnder(alternate), ElementsAre(1, 2, 1, 2, 1, 2));
  EXPECT_THAT(OrderUnder({0, 0, 1}), ElementsAre(2, 2, 2, 1, 1, 1));
}

TEST(Schedule, FixedChoicesConsumeNothing) {
  const uint8_t schedule[] = {7, 8};
  uint8_t fixed[18];
  std::fill(std::begin(fixed), std::end(fixed), uint8_t{0xFF});
  fixed[17] = 5;
  RunOptions options{
      .schedule = schedule, .schedule_size = 2, .fixed_choices = fixed, .fixed_choice_count = 18};
  Play(
      [] {
        EXPECT_EQ(Choose(17, 4), 1u);  // 5 mod 4
        EXPECT_EQ(Choose(16, 1), 0u);  // No alternative: nothing consumed.
        EXPECT_EQ(Choose(16, 10), 7u);
        EXPECT_EQ(Choose(99, 10), 8u);
        EXPECT_EQ(Choose(16, 10), 0u);  // Exhausted.
      },
      options);
}

TEST(Schedule, ThreadNumbersAreDense) {
  static std::vector<uint32_t> numbers;
  numbers.clear();
  Play([] {
    for (int i = 0; i < 3; ++i) Start([](void*) { numbers.push_back(CurrentThreadNumber()); });
  });
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3));
}

TEST(Settle, ReturnsWhenNothingElseCanRunTimersIncluded) {
  g_order.clear();
  const RunReport report = Play([] {
    Start([](void*) {
      LARGE_INTEGER interval;
      interval.QuadPart = -10'000'000;
      KeDelayExecutionThread(KernelMode, FALSE, &interval);
      g_order.push_back(1);
    });
    Start([](void*) { g_order.push_back(2); });
    EXPECT_TRUE(Settle());
    g_order.push_back(3);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_THAT(g_order, ElementsAre(2, 1, 3));
}

TEST(Settle, ReleasesSeveralInOrderOfArrival) {
  g_order.clear();
  Play([] {
    Start([](void*) {
      Settle();
      g_order.push_back(1);
    });
    Start([](void*) {
      Settle();
      g_order.push_back(2);
    });
    Yield(kChoiceYield);
    LARGE_INTEGER interval;
    interval.QuadPart = -1;
    KeDelayExecutionThread(KernelMode, FALSE, &interval);  // Both have settled now.
    Settle();
    g_order.push_back(3);
  });
  EXPECT_THAT(g_order, ElementsAre(1, 2, 3));
}

TEST(Settle, IsRefusedWhereItCannotBlock) {
  Play([] {
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    EXPECT_FALSE(Settle());
    KeLowerIrql(old);
  });
}

TEST(Settle, DoesNotWaitForPeriodicTimersForEver) {
  static int fired;
  fired = 0;
  const RunReport report = Play([] {
    static KTIMER timer;
    static KDPC dpc;
    KeInitializeTimer(&timer);
    KeInitializeDpc(
        &dpc, [](KDPC*, void*, void*, void*) { ++fired; }, nullptr);
    LARGE_INTEGER due;
    due.QuadPart = -10;
    KeSetTimerEx(&timer, due, 1, &dpc);
    EXPECT_TRUE(Settle());
    EXPECT_EQ(fired, 1);
    EXPECT_TRUE(Settle());
    EXPECT_EQ(fired, 2);
    KeCancelTimer(&timer);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
}

TEST(Deadlock, SaysWhoWaitsForWhat) {
  const RunReport report = Play([] {
    static KEVENT never;
    KeInitializeEvent(&never, NotificationEvent, FALSE);
    Start([](void*) {
      SetBlockedNote("completion of the close");
      KeWaitForSingleObject(&never, Executive, KernelMode, FALSE, nullptr);
    });
  });
  EXPECT_EQ(report.ending, Ending::kDeadlock);
  EXPECT_THAT(std::string(report.deadlock), HasSubstr("thread 1 waits for event (completion of the close)"));
}

TEST(Deadlock, NamesLocksAndJoinedThreads) {
  const RunReport report = Play([] {
    static FAST_MUTEX mutex;
    static KEVENT never;
    ExInitializeFastMutex(&mutex);
    KeInitializeEvent(&never, SynchronizationEvent, FALSE);
    HANDLE handle;
    PsCreateSystemThread(
        &handle, 0, nullptr, nullptr, nullptr, [](void*) { ExAcquireFastMutex(&mutex); }, nullptr);
    void* thread;
    ExAcquireFastMutex(&mutex);
    KeLowerIrql(PASSIVE_LEVEL);
    ASSERT_EQ(ObReferenceObjectByHandle(handle, SYNCHRONIZE, *PsThreadType, KernelMode, &thread, nullptr),
              STATUS_SUCCESS);
    KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, nullptr);
  });
  EXPECT_EQ(report.ending, Ending::kDeadlock);
  EXPECT_THAT(std::string(report.deadlock), HasSubstr("thread 0 waits for thread 1"));
  EXPECT_THAT(std::string(report.deadlock), HasSubstr("thread 1 waits for a fast mutex"));
}

TEST(Deadlock, ParkedWorkersAndBackgroundThreadsAreNone) {
  const RunReport report = Play([] {
    static KEVENT never;
    static WORK_QUEUE_ITEM item;
    KeInitializeEvent(&never, NotificationEvent, FALSE);
    ExInitializeWorkItem(
        &item, [](void*) {}, nullptr);
    ExQueueWorkItem(&item, DelayedWorkQueue);
    Start([](void*) {
      SetBackground(true);
      KeWaitForSingleObject(&never, Executive, KernelMode, FALSE, nullptr);
    });
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_EQ(report.leaks.threads, 0u);
}

TEST(Deadlock, AWorkItemThatWaitsForEverIsOne) {
  const RunReport report = Play([] {
    static WORK_QUEUE_ITEM item;
    ExInitializeWorkItem(
        &item,
        [](void*) {
          KEVENT never;
          KeInitializeEvent(&never, NotificationEvent, FALSE);
          KeWaitForSingleObject(&never, Executive, KernelMode, FALSE, nullptr);
        },
        nullptr);
    ExQueueWorkItem(&item, DelayedWorkQueue);
  });
  EXPECT_EQ(report.ending, Ending::kDeadlock);
  EXPECT_THAT(std::string(report.deadlock), HasSubstr("worker thread 64 waits for event"));
}

TEST(Livelock, TheStepBudgetEndsALoopWithChoicePoints) {
  RunOptions options;
  options.step_budget = 1000;
  const RunReport report = Play(
      [] {
        for (;;) Yield(kChoiceYield);
      },
      options);
  EXPECT_EQ(report.ending, Ending::kLivelock);
  EXPECT_EQ(report.steps, 1001u);
}

TEST(BugChecks, EndTheRunAndTheNextOneIsSound) {
  for (int i = 0; i < 20; ++i) {
    const RunReport report = Play([] {
      ExAllocatePool2(POOL_FLAG_NON_PAGED, 100, 'tseT');
      Start([](void*) { KeBugCheckEx(0xDEAD, 1, 2, 3, 4); });
      Settle();
    });
    ASSERT_EQ(report.ending, Ending::kBugCheck);
    EXPECT_EQ(report.bug_check.code, 0xDEADu);
    EXPECT_EQ(report.bug_check.parameters[3], 4u);
    EXPECT_THAT(std::string(report.bug_check.message), HasSubstr("thread 1 at IRQL 0"));
    EXPECT_EQ(OrderUnder({0, 0, 1}), (std::vector<int>{2, 2, 2, 1, 1, 1}));
  }
}

TEST(Leaks, AreCountedAndReclaimed) {
  const RunReport report = Play([] {
    ExAllocatePool2(POOL_FLAG_NON_PAGED, 100, 'kaeL');
    ExAllocatePool2(POOL_FLAG_NON_PAGED, 28, 'kaeL');
    IoAllocateIrp(2, FALSE);
    static char buffer[10];
    IoAllocateMdl(buffer, sizeof(buffer), FALSE, FALSE, nullptr);
    HANDLE handle;
    PsCreateSystemThread(
        &handle, 0, nullptr, nullptr, nullptr, [](void*) {}, nullptr);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_EQ(report.leaks.pool_blocks, 2u);
  EXPECT_EQ(report.leaks.pool_bytes, 128u);
  EXPECT_EQ(report.leaks.irps, 1u);
  EXPECT_EQ(report.leaks.mdls, 1u);
  EXPECT_EQ(report.leaks.threads, 1u);
  EXPECT_THAT(std::string(report.leaks.first), HasSubstr("pool block of 100 bytes, tag 'Leak'"));
  EXPECT_EQ(Play([] {}).leaks.pool_blocks, 0u);
}

TEST(Faults, TheChosenAllocationFails) {
  RunOptions options;
  options.fail_allocation = 2;
  const RunReport report = Play(
      [] {
        void* first = ExAllocatePool2(POOL_FLAG_NON_PAGED, 8, 'tseT');
        EXPECT_NE(first, nullptr);
        EXPECT_EQ(IoAllocateIrp(1, FALSE), nullptr);
        void* third = ExAllocatePool2(POOL_FLAG_NON_PAGED, 8, 'tseT');
        EXPECT_NE(third, nullptr);
        ExFreePool(first);
        ExFreePool(third);
      },
      options);
  EXPECT_EQ(report.allocations, 3u);
  EXPECT_EQ(report.leaks.pool_blocks, 0u);
}

TEST(Faults, TheNextAllocationsFail) {
  const RunReport report = Play([] {
    FailNextAllocations(2);
    EXPECT_EQ(ExAllocatePool2(POOL_FLAG_NON_PAGED, 8, 'tseT'), nullptr);
    EXPECT_EQ(IoAllocateIrp(1, FALSE), nullptr);
    void* third = ExAllocatePool2(POOL_FLAG_NON_PAGED, 8, 'tseT');
    EXPECT_NE(third, nullptr);
    FailNextAllocations(5);
    EXPECT_EQ(IoAllocateMdl(third, 8, FALSE, FALSE, nullptr), nullptr);
    FailNextAllocations(0);
    PMDL mdl = IoAllocateMdl(third, 8, FALSE, FALSE, nullptr);
    EXPECT_NE(mdl, nullptr);
    if (mdl != nullptr) IoFreeMdl(mdl);
    ExFreePool(third);
    FailNextAllocations(1);
  });
  EXPECT_EQ(report.allocations, 5u);
  // What one run asked for does not reach the next.
  EXPECT_EQ(Play([] { ExFreePool(ExAllocatePool2(POOL_FLAG_NON_PAGED, 8, 'tseT')); }).ending,
            Ending::kFinished);
}

TEST(Threads, KnowHowMuchStackIsLeft) {
  static ULONG_PTR left;
  Play([] { left = IoGetRemainingStackSize(); });
  EXPECT_GT(left, 50'000u);
  EXPECT_LT(left, 300'000u);
}

TEST(Threads, TheRuntimesOwnHaveNumbersToo) {
  static uint32_t number;
  Play([] {
    static WORK_QUEUE_ITEM item;
    ExInitializeWorkItem(
        &item, [](void*) { number = CurrentThreadNumber(); }, nullptr);
    ExQueueWorkItem(&item, DelayedWorkQueue);
  });
  EXPECT_EQ(number, kFirstWorkerNumber);
}

TEST(Choices, HaveNames) {
  EXPECT_STREQ(ChoiceName(kChoiceLock), "lock");
  EXPECT_STREQ(ChoiceName(kChoiceYield), "yield");
  EXPECT_STREQ(ChoiceName(15), "?");
  EXPECT_STREQ(ChoiceName(kFirstProviderChoice), "provider");
}

}  // namespace
}  // namespace wskcert::emulator
