#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <wdm.h>

#include <string>
#include <vector>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/test_support.h"

namespace wskcert::emulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int> g_order;
KEVENT g_event;
KSPIN_LOCK g_lock;

void Start(PKSTART_ROUTINE routine, void* context = nullptr) {
  HANDLE handle;
  ASSERT_EQ(PsCreateSystemThread(&handle, 0, nullptr, nullptr, nullptr, routine, context), STATUS_SUCCESS);
  ZwClose(handle);
}

NTSTATUS WaitFor(void* object, LARGE_INTEGER* timeout = nullptr) {
  return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, timeout);
}

void WaitAndLog(void* context) {
  WaitFor(&g_event);
  g_order.push_back(static_cast<int>(reinterpret_cast<intptr_t>(context)));
}

TEST(Events, NotificationReleasesAllAndStays) {
  g_order.clear();
  Play([] {
    KeInitializeEvent(&g_event, NotificationEvent, FALSE);
    for (intptr_t i = 1; i <= 3; ++i) Start(&WaitAndLog, reinterpret_cast<void*>(i));
    Settle();
    EXPECT_EQ(KeSetEvent(&g_event, 0, FALSE), 0);
    EXPECT_EQ(KeReadStateEvent(&g_event), 1);
    EXPECT_EQ(KeResetEvent(&g_event), 1);
    EXPECT_EQ(KeReadStateEvent(&g_event), 0);
  });
  EXPECT_THAT(g_order, ElementsAre(1, 2, 3));
}

TEST(Events, SynchronizationReleasesOneFirstComeFirstServed) {
  g_order.clear();
  const RunReport report = Play([] {
    KeInitializeEvent(&g_event, SynchronizationEvent, FALSE);
    for (intptr_t i = 1; i <= 2; ++i) Start(&WaitAndLog, reinterpret_cast<void*>(i));
    Settle();
    KeSetEvent(&g_event, 0, FALSE);
    EXPECT_EQ(KeReadStateEvent(&g_event), 0);
    Settle();
    EXPECT_THAT(g_order, ElementsAre(1));
  });
  EXPECT_EQ(report.ending, Ending::kDeadlock);  // The second waits still.
}

TEST(Waits, TimeOutInVirtualTimeAndOrder) {
  g_order.clear();
  Play([] {
    KeInitializeEvent(&g_event, NotificationEvent, FALSE);
    static LONGLONG delays[] = {-300, -100, -200};
    for (auto& delay : delays) {
      Start(
          [](void* context) {
            LARGE_INTEGER timeout;
            timeout.QuadPart = *static_cast<LONGLONG*>(context);
            EXPECT_EQ(WaitFor(&g_event, &timeout), STATUS_TIMEOUT);
            g_order.push_back(static_cast<int>(-timeout.QuadPart));
          },
          &delay);
    }
    Settle();
    EXPECT_GE(VirtualTime(), 300u);
    LARGE_INTEGER zero{};
    EXPECT_EQ(WaitFor(&g_event, &zero), STATUS_TIMEOUT);
    LARGE_INTEGER past;
    past.QuadPart = 1;  // Absolute and long gone.
    EXPECT_EQ(WaitFor(&g_event, &past), STATUS_TIMEOUT);
  });
  EXPECT_THAT(g_order, ElementsAre(100, 200, 300));
}

TEST(Waits, ForAnyAndForAll) {
  const RunReport report = Play([] {
    static KEVENT a, b;
    static KSEMAPHORE c;
    static NTSTATUS all_status;
    KeInitializeEvent(&a, SynchronizationEvent, FALSE);
    KeInitializeEvent(&b, SynchronizationEvent, TRUE);
    KeInitializeSemaphore(&c, 0, 5);
    void* objects[] = {&a, &b, &c};
    EXPECT_EQ(KeWaitForMultipleObjects(3, objects, WaitAny, Executive, KernelMode, FALSE, nullptr, nullptr),
              STATUS_WAIT_1);
    EXPECT_EQ(KeReadStateEvent(&b), 0);
    all_status = -1;
    Start([](void*) {
      void* objects[] = {&a, &b, &c};
      all_status =
          KeWaitForMultipleObjects(3, objects, WaitAll, Executive, KernelMode, FALSE, nullptr, nullptr);
    });
    Settle();
    KeSetEvent(&a, 0, FALSE);
    KeReleaseSemaphore(&c, 0, 2, FALSE);
    Settle();
    EXPECT_EQ(all_status, -1);
    EXPECT_EQ(KeReadStateEvent(&a), 1);  // Nothing is consumed before everything is there.
    KeSetEvent(&b, 0, FALSE);
    Settle();
    EXPECT_EQ(all_status, STATUS_SUCCESS);
    EXPECT_EQ(KeReadStateEvent(&a), 0);
    EXPECT_EQ(KeReadStateSemaphore(&c), 1);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
}

TEST(Waits, ForAThreadEndWhenItEnds) {
  Play([] {
    g_order.clear();
    HANDLE handle;
    void* thread;
    PsCreateSystemThread(
        &handle, 0, nullptr, nullptr, nullptr,
        [](void*) {
          g_order.push_back(1);
          PsTerminateSystemThread(STATUS_SUCCESS);
          g_order.push_back(99);
        },
        nullptr);
    ASSERT_EQ(ObReferenceObjectByHandle(handle, SYNCHRONIZE, *PsThreadType, KernelMode, &thread, nullptr),
              STATUS_SUCCESS);
    ZwClose(handle);
    EXPECT_EQ(WaitFor(thread), STATUS_SUCCESS);
    g_order.push_back(2);
    EXPECT_EQ(WaitFor(thread), STATUS_SUCCESS);  // It stays signalled.
    ObDereferenceObject(thread);
  });
  EXPECT_THAT(g_order, ElementsAre(1, 2));
}

TEST(Mutexes, AreRecursiveAndOwned) {
  const RunReport report = Play([] {
    static KMUTEX mutex;
    KeInitializeMutex(&mutex, 0);
    WaitFor(&mutex);
    WaitFor(&mutex);
    Start([](void*) {
      WaitFor(&mutex);
      g_order.push_back(7);
      KeReleaseMutex(&mutex, FALSE);
    });
    g_order.clear();
    KeReleaseMutex(&mutex, FALSE);
    Settle();
    EXPECT_TRUE(g_order.empty());
    KeReleaseMutex(&mutex, FALSE);
    Settle();
    EXPECT_THAT(g_order, ElementsAre(7));
    KeReleaseMutex(&mutex, FALSE);
  });
  EXPECT_EQ(report.bug_check.code, static_cast<uint32_t>(STATUS_MUTANT_NOT_OWNED));
}

TEST(SpinLocks, ExcludeOtherThreadsUnderEverySchedule) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::vector<uint8_t> schedule(64);
    uint32_t state = seed * 2654435761u + 1;
    for (auto& byte : schedule) byte = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
    static int inside, total;
    inside = total = 0;
    RunOptions options;
    options.schedule = schedule.data();
    options.schedule_size = schedule.size();
    const RunReport report = Play(
        [] {
          KeInitializeSpinLock(&g_lock);
          for (int i = 0; i < 3; ++i) {
            Start([](void*) {
              for (int n = 0; n < 3; ++n) {
                KIRQL old;
                KeAcquireSpinLock(&g_lock, &old);
                EXPECT_EQ(++inside, 1);
                EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
                YieldProcessor();
                --inside;
                ++total;
                KeReleaseSpinLock(&g_lock, old);
                EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
              }
            });
          }
        },
        options);
    ASSERT_EQ(report.ending, Ending::kFinished);
    EXPECT_EQ(total, 9);
  }
}

TEST(Timers, FireInOrderOfDueTimeWithTheirDpcs) {
  g_order.clear();
  Play([] {
    static KTIMER timers[3];
    static KDPC dpcs[3];
    const LONGLONG due[] = {-300, -100, -200};
    for (int i = 0; i < 3; ++i) {
      KeInitializeTimer(&timers[i]);
      KeInitializeDpc(
          &dpcs[i],
          [](KDPC*, void* context, void*, void*) {
            EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
            g_order.push_back(static_cast<int>(reinterpret_cast<intptr_t>(context)));
          },
          reinterpret_cast<void*>(static_cast<intptr_t>(i)));
      LARGE_INTEGER time;
      time.QuadPart = due[i];
      EXPECT_FALSE(KeSetTimer(&timers[i], time, &dpcs[i]));
    }
    EXPECT_EQ(WaitFor(&timers[2]), STATUS_SUCCESS);
    EXPECT_TRUE(KeCancelTimer(&timers[0]));
    EXPECT_FALSE(KeCancelTimer(&timers[0]));
    KeFlushQueuedDpcs();
    Settle();
  });
  EXPECT_THAT(g_order, ElementsAre(1, 2));
}

TEST(Timers, FireWhileAThreadSpins) {
  const RunReport report = Play([] {
    static volatile bool fired;
    static KTIMER timer;
    static KDPC dpc;
    fired = false;
    KeInitializeTimer(&timer);
    KeInitializeDpc(
        &dpc, [](KDPC*, void*, void*, void*) { fired = true; }, nullptr);
    LARGE_INTEGER due;
    due.QuadPart = -1000;
    KeSetTimer(&timer, due, &dpc);
    KeStallExecutionProcessor(99);
    EXPECT_FALSE(KeReadStateTimer(&timer));
    KeStallExecutionProcessor(1);
    EXPECT_TRUE(KeReadStateTimer(&timer));
    KeFlushQueuedDpcs();
    EXPECT_TRUE(fired);
    KeSetTimer(&timer, due, nullptr);
    while (!KeReadStateTimer(&timer)) YieldProcessor();
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
}

TEST(Timers, MayOvertakeWhatIsReadyIfTheScheduleSaysSo) {
  for (uint8_t early : {0, 1}) {
    static NTSTATUS status;
    uint8_t fixed[kChoiceTimer + 1];
    for (auto& choice : fixed) choice = 0;
    fixed[kChoiceTimer] = early;
    RunOptions options;
    options.fixed_choices = fixed;
    options.fixed_choice_count = sizeof(fixed);
    Play(
        [] {
          KeInitializeEvent(&g_event, NotificationEvent, FALSE);
          Start([](void*) { KeSetEvent(&g_event, 0, FALSE); });
          LARGE_INTEGER timeout;
          timeout.QuadPart = -1000;
          status = WaitFor(&g_event, &timeout);
        },
        options);
    EXPECT_EQ(status, early ? STATUS_TIMEOUT : STATUS_SUCCESS);
  }
}

struct Misuse {
  const char* name;
  void (*action)();
  uint32_t code;
  const char* text;
};
class KeMisuse : public ::testing::TestWithParam<Misuse> {};

TEST_P(KeMisuse, IsABugCheckThatSaysWhat) {
  const RunReport report = Play(GetParam().action);
  ASSERT_EQ(report.ending, Ending::kBugCheck);
  EXPECT_EQ(report.bug_check.code, GetParam().code);
  EXPECT_THAT(std::string(report.bug_check.message), HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    All, KeMisuse,
    ::testing::Values(Misuse{"WaitAtDispatch",
                             [] {
                               KeInitializeEvent(&g_event, NotificationEvent, TRUE);
                               KfRaiseIrql(DISPATCH_LEVEL);
                               WaitFor(&g_event);
                             },
                             kDriverVerifierDetectedViolation, "wait at DISPATCH_LEVEL"},
                      Misuse{"WaitOnNothing",
                             [] {
                               static char memory[64];
                               WaitFor(memory);
                             },
                             kDriverVerifierDetectedViolation, "no initialised event"},
                      Misuse{"DelayAtDispatch",
                             [] {
                               KfRaiseIrql(DISPATCH_LEVEL);
                               LARGE_INTEGER interval;
                               interval.QuadPart = -1;
                               KeDelayExecutionThread(KernelMode, FALSE, &interval);
                             },
                             kIrqlNotLessOrEqual, "KeDelayExecutionThread called above IRQL 1"},
                      Misuse{"ReleaseUnheldLock",
                             [] {
                               KeInitializeSpinLock(&g_lock);
                               KeReleaseSpinLock(&g_lock, PASSIVE_LEVEL);
                             },
                             kSpinLockNotOwned, "nobody holds"},
                      Misuse{"AcquireTwice",
                             [] {
                               KeInitializeSpinLock(&g_lock);
                               KIRQL old;
                               KeAcquireSpinLock(&g_lock, &old);
                               KeAcquireSpinLockAtDpcLevel(&g_lock);
                             },
                             kSpinLockAlreadyOwned, "by the thread that holds it"},
                      Misuse{"AtDpcLevelBelow", [] { KeAcquireSpinLockAtDpcLevel(&g_lock); },
                             kDriverVerifierDetectedViolation, "below DISPATCH_LEVEL"},
                      Misuse{"LowerUnderLock",
                             [] {
                               KeInitializeSpinLock(&g_lock);
                               KIRQL old;
                               KeAcquireSpinLock(&g_lock, &old);
                               KeLowerIrql(old);
                             },
                             kDriverVerifierDetectedViolation, "spin locks are held"},
                      Misuse{"RaiseDown",
                             [] {
                               KfRaiseIrql(DISPATCH_LEVEL);
                               KfRaiseIrql(APC_LEVEL);
                             },
                             kDriverVerifierDetectedViolation, "KeRaiseIrql from 2 to 1"},
                      Misuse{"LowerUp", [] { KeLowerIrql(DISPATCH_LEVEL); }, kDriverVerifierDetectedViolation,
                             "KeLowerIrql from 0 to 2"},
                      Misuse{"EndRaised", [] { Start([](void*) { KfRaiseIrql(DISPATCH_LEVEL); }); },
                             kIrqlUnexpectedValue, "ends above PASSIVE_LEVEL"},
                      Misuse{"EndWithLock",
                             [] {
                               KeInitializeSpinLock(&g_lock);
                               Start([](void*) {
                                 KIRQL old;
                                 KeAcquireSpinLock(&g_lock, &old);
                               });
                             },
                             kThreadTerminateHeldMutex, "holds 1 spin locks"},
                      Misuse{"CreateThreadAtDispatch",
                             [] {
                               KfRaiseIrql(DISPATCH_LEVEL);
                               HANDLE handle;
                               PsCreateSystemThread(
                                   &handle, 0, nullptr, nullptr, nullptr, [](void*) {}, nullptr);
                             },
                             kIrqlNotLessOrEqual, "PsCreateSystemThread"},
                      Misuse{"PagedCodeAtDispatch",
                             [] {
                               KfRaiseIrql(DISPATCH_LEVEL);
                               PAGED_CODE();
                             },
                             kIrqlNotLessOrEqual, "called above IRQL 1"},
                      Misuse{"RemoveFromListTwice",
                             [] {
                               static LIST_ENTRY head, a, b;
                               InitializeListHead(&head);
                               InsertTailList(&head, &a);
                               InsertTailList(&head, &b);
                               RemoveEntryList(&a);
                               RemoveEntryList(&a);
                             },
                             0x139, "linked list is corrupted"},
                      Misuse{"CloseTwice",
                             [] {
                               HANDLE handle;
                               PsCreateSystemThread(
                                   &handle, 0, nullptr, nullptr, nullptr, [](void*) {}, nullptr);
                               ZwClose(handle);
                               ZwClose(handle);
                             },
                             0x93, "not open"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace wskcert::emulator
