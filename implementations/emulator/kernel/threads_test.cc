// What kernel code may rely on with either scheduler. Over real threads each test plays with several seeds;
// under ThreadSanitizer also with the runtime's own locking visible, and without fibers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <wdm.h>

#include <atomic>
#include <cstring>
#include <string>

#include "implementations/emulator/kernel/real_threads.h"
#include "implementations/emulator/kernel/runtime.h"
#include "implementations/emulator/kernel/test_support.h"

namespace wskcert::emulator {
namespace {

using ::testing::HasSubstr;

struct Mode {
  const char* name;
  Threads threads;
  bool visible_runtime;
  int seeds;
};

class ThreadsTest : public ::testing::TestWithParam<Mode> {
 protected:
  RunOptions Options(int seed) const {
    RunOptions options;
    options.threads = GetParam().threads;
    options.visible_runtime = GetParam().visible_runtime;
    options.seed = static_cast<uint64_t>(seed);
    return options;
  }

  // Plays with every seed; `check` sees each report.
  template <typename Function, typename Check>
  void PlayAll(Function function, Check check) {
    for (int seed = 0; seed < GetParam().seeds; ++seed) check(Play(function, Options(seed)));
  }
  template <typename Function>
  void PlayAll(Function function) {
    PlayAll(function, [](const RunReport& report) {
      ASSERT_EQ(report.ending, Ending::kFinished) << report.deadlock << report.bug_check.message;
      ASSERT_STREQ(report.leaks.first, "");
    });
  }
};

constexpr Mode kModes[] = {
#ifndef WSKCERT_TSAN
    {"Fibers", Threads::kFibers, false, 1},
#endif
    {"RealThreads", Threads::kReal, false, 40},
#ifdef WSKCERT_TSAN
    {"VisibleRuntime", Threads::kReal, true, 40},
#endif
};
INSTANTIATE_TEST_SUITE_P(Schedulers, ThreadsTest, ::testing::ValuesIn(kModes),
                         [](const auto& info) { return info.param.name; });

// Starts a thread and drops its handle.
void Start(PKSTART_ROUTINE routine, void* context = nullptr) {
  HANDLE handle;
  ASSERT_EQ(PsCreateSystemThread(&handle, 0, nullptr, nullptr, nullptr, routine, context), STATUS_SUCCESS);
  ZwClose(handle);
}

// Starts a thread and returns its object, to be waited for with Join.
void* StartJoinable(PKSTART_ROUTINE routine, void* context = nullptr) {
  HANDLE handle;
  void* thread = nullptr;
  EXPECT_EQ(PsCreateSystemThread(&handle, 0, nullptr, nullptr, nullptr, routine, context), STATUS_SUCCESS);
  EXPECT_EQ(ObReferenceObjectByHandle(handle, SYNCHRONIZE, *PsThreadType, KernelMode, &thread, nullptr),
            STATUS_SUCCESS);
  ZwClose(handle);
  return thread;
}

void Join(void* thread) {
  EXPECT_EQ(KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, nullptr), STATUS_SUCCESS);
  ObDereferenceObject(thread);
}

void Sleep(LONGLONG units) {
  LARGE_INTEGER interval;
  interval.QuadPart = -units;
  KeDelayExecutionThread(KernelMode, FALSE, &interval);
}

// What the threads of a test share. Not atomic where the kernel's functions are to order the accesses: then
// ThreadSanitizer would report those that do not.
struct Shared {
  KSPIN_LOCK lock;
  FAST_MUTEX mutex;
  KEVENT event, second;
  KSEMAPHORE semaphore;
  KTIMER timer;
  KDPC dpc;
  WORK_QUEUE_ITEM item;
  int value;
  int fired;
};
Shared g;

void Reset() {
  std::memset(static_cast<void*>(&g), 0, sizeof(g));
  KeInitializeSpinLock(&g.lock);
  ExInitializeFastMutex(&g.mutex);
  KeInitializeEvent(&g.event, NotificationEvent, FALSE);
  KeInitializeEvent(&g.second, SynchronizationEvent, FALSE);
  KeInitializeSemaphore(&g.semaphore, 0, 1000);
  KeInitializeTimer(&g.timer);
}

TEST_P(ThreadsTest, SpinLocksExclude) {
  PlayAll([] {
    Reset();
    const auto count = [](void*) {
      for (int i = 0; i < 200; ++i) {
        KIRQL irql;
        KeAcquireSpinLock(&g.lock, &irql);
        EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
        ++g.value;
        KeReleaseSpinLock(&g.lock, irql);
      }
      EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    };
    void* threads[4];
    for (void*& thread : threads) thread = StartJoinable(count);
    for (void* thread : threads) Join(thread);
    EXPECT_EQ(g.value, 800);
  });
}

TEST_P(ThreadsTest, FastMutexesExclude) {
  PlayAll([] {
    Reset();
    const auto count = [](void*) {
      for (int i = 0; i < 100; ++i) {
        ExAcquireFastMutex(&g.mutex);
        ++g.value;
        ExReleaseFastMutex(&g.mutex);
      }
    };
    void* threads[3];
    for (void*& thread : threads) thread = StartJoinable(count);
    for (void* thread : threads) Join(thread);
    EXPECT_EQ(g.value, 300);
  });
}

TEST_P(ThreadsTest, AnEventPassesOnWhatWasWrittenBefore) {
  PlayAll([] {
    Reset();
    void* thread = StartJoinable([](void*) {
      g.value = 7;
      KeSetEvent(&g.event, 0, FALSE);
    });
    KeWaitForSingleObject(&g.event, Executive, KernelMode, FALSE, nullptr);
    EXPECT_EQ(g.value, 7);
    Join(thread);
  });
}

TEST_P(ThreadsTest, ASynchronizationEventReleasesOne) {
  PlayAll([] {
    Reset();
    for (int i = 0; i < 3; ++i) {
      Start([](void*) {
        KeWaitForSingleObject(&g.second, Executive, KernelMode, FALSE, nullptr);
        InterlockedIncrement(reinterpret_cast<LONG*>(&g.value));
      });
    }
    for (int i = 1; i <= 3; ++i) {
      KeSetEvent(&g.second, 0, FALSE);
      Settle();
      EXPECT_EQ(ReadAcquire(reinterpret_cast<LONG*>(&g.value)), i);
    }
  });
}

TEST_P(ThreadsTest, SemaphoresCount) {
  PlayAll([] {
    Reset();
    const auto take = [](void*) {
      for (int i = 0; i < 50; ++i) {
        KeWaitForSingleObject(&g.semaphore, Executive, KernelMode, FALSE, nullptr);
        InterlockedIncrement(reinterpret_cast<LONG*>(&g.value));
      }
    };
    void* takers[2] = {StartJoinable(take), StartJoinable(take)};
    for (int i = 0; i < 100; ++i) KeReleaseSemaphore(&g.semaphore, 0, 1, FALSE);
    for (void* taker : takers) Join(taker);
    EXPECT_EQ(g.value, 100);
    EXPECT_EQ(KeReadStateSemaphore(&g.semaphore), 0);
  });
}

TEST_P(ThreadsTest, WaitsForAllAndForAny) {
  PlayAll([] {
    Reset();
    void* both[2] = {&g.event, &g.second};
    Start([](void*) {
      KeSetEvent(&g.second, 0, FALSE);
      KeSetEvent(&g.event, 0, FALSE);
    });
    EXPECT_EQ(KeWaitForMultipleObjects(2, both, WaitAll, Executive, KernelMode, FALSE, nullptr, nullptr),
              STATUS_SUCCESS);
    EXPECT_EQ(KeReadStateEvent(&g.second), 0);
    EXPECT_EQ(KeWaitForMultipleObjects(2, both, WaitAny, Executive, KernelMode, FALSE, nullptr, nullptr),
              STATUS_WAIT_0);
    LARGE_INTEGER timeout;
    timeout.QuadPart = -50;
    EXPECT_EQ(KeWaitForSingleObject(&g.second, Executive, KernelMode, FALSE, &timeout), STATUS_TIMEOUT);
  });
}

TEST_P(ThreadsTest, ThreadsPassOnWhatTheyWroteToWhoJoinsThem) {
  PlayAll([] {
    Reset();
    g.value = 1;
    void* thread = StartJoinable([](void*) { g.value += 1; });
    Join(thread);
    EXPECT_EQ(g.value, 2);
  });
}

TEST_P(ThreadsTest, WorkItemsRunAtPassiveLevelOnWorkers) {
  PlayAll([] {
    Reset();
    g.value = 3;
    ExInitializeWorkItem(
        &g.item,
        [](void*) {
          EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
          EXPECT_GE(CurrentThreadNumber(), kFirstWorkerNumber);
          g.value *= 2;
          KeSetEvent(&g.event, 0, FALSE);
        },
        nullptr);
    ExQueueWorkItem(&g.item, DelayedWorkQueue);
    KeWaitForSingleObject(&g.event, Executive, KernelMode, FALSE, nullptr);
    EXPECT_EQ(g.value, 6);
  });
}

TEST_P(ThreadsTest, DpcsRunAtDispatchLevelOneAfterTheOther) {
  PlayAll([] {
    Reset();
    static KDPC dpcs[8];
    for (KDPC& dpc : dpcs) {
      KeInitializeDpc(
          &dpc,
          [](KDPC*, void*, void*, void*) {
            EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
            ++g.value;  // They are never at work at the same time.
          },
          nullptr);
      EXPECT_TRUE(KeInsertQueueDpc(&dpc, nullptr, nullptr));
    }
    KeFlushQueuedDpcs();
    EXPECT_EQ(g.value, 8);
  });
}

TEST_P(ThreadsTest, TimersFireInTheOrderOfTheirDueTimes) {
  PlayAll([] {
    Reset();
    static KTIMER timers[3];
    static KDPC dpcs[3];
    const PKDEFERRED_ROUTINE append = [](KDPC*, void* digit, void*, void*) {
      g.value = g.value * 10 + static_cast<int>(reinterpret_cast<intptr_t>(digit));
    };
    for (int i = 0; i < 3; ++i) {
      KeInitializeTimer(&timers[i]);
      KeInitializeDpc(&dpcs[i], append, reinterpret_cast<void*>(intptr_t{i + 1}));
      LARGE_INTEGER due;
      due.QuadPart = -1'000 * (3 - i);
      KeSetTimer(&timers[i], due, &dpcs[i]);
    }
    Settle();
    KeFlushQueuedDpcs();
    EXPECT_EQ(g.value, 321);
    EXPECT_GE(VirtualTime(), 3'000u);
  });
}

TEST_P(ThreadsTest, TimeStandsStillWhileSomethingRuns) {
  PlayAll([] {
    Reset();
    LARGE_INTEGER due;
    due.QuadPart = -1;
    KeSetTimer(&g.timer, due, nullptr);
    for (int i = 0; i < 50; ++i) {
      Yield(kChoiceYield);
      EXPECT_FALSE(KeReadStateTimer(&g.timer));
    }
    KeWaitForSingleObject(&g.timer, Executive, KernelMode, FALSE, nullptr);
    EXPECT_TRUE(KeReadStateTimer(&g.timer));
  });
}

TEST_P(ThreadsTest, SettleWaitsForEverything) {
  PlayAll([] {
    Reset();
    static std::atomic<int> left;
    left = 6;
    for (int i = 0; i < 3; ++i) {
      Start([](void*) {
        for (int turn = 0; turn < 20; ++turn) Yield(kChoiceYield);
        Sleep(10);
        --left;
      });
    }
    static WORK_QUEUE_ITEM items[3];
    for (WORK_QUEUE_ITEM& item : items) {
      ExInitializeWorkItem(
          &item,
          [](void*) {
            Sleep(100);
            --left;
          },
          nullptr);
      ExQueueWorkItem(&item, DelayedWorkQueue);
    }
    EXPECT_TRUE(Settle());
    EXPECT_EQ(left, 0);
  });
}

TEST_P(ThreadsTest, WhoSettlesIsReleasedAloneAndInOrder) {
  PlayAll([] {
    Reset();
    // Atomic, for quiescence orders nothing in ThreadSanitizer's eyes.
    static std::atomic<int> order;
    order = 0;
    static const auto settle = [](void* digit) {
      Settle();
      order = order * 10 + static_cast<int>(reinterpret_cast<intptr_t>(digit));
      for (int turn = 0; turn < 20; ++turn) Yield(kChoiceYield);
      order = order * 10 + static_cast<int>(reinterpret_cast<intptr_t>(digit));
    };
    Start(settle, reinterpret_cast<void*>(1));
    Sleep(1);  // Passes only when the first one waits.
    Start(settle, reinterpret_cast<void*>(2));
    Sleep(1);
    Settle();
    EXPECT_EQ(order, 1122);
  });
}

TEST_P(ThreadsTest, SettleIsRefusedAtDispatchLevel) {
  PlayAll([] {
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    EXPECT_FALSE(Settle());
    KeLowerIrql(old);
  });
}

TEST_P(ThreadsTest, ADeadlockSaysWhoWaitsForWhat) {
  PlayAll(
      [] {
        Reset();
        Start([](void*) {
          SetBlockedNote("completion of the close");
          KeWaitForSingleObject(&g.event, Executive, KernelMode, FALSE, nullptr);
        });
      },
      [](const RunReport& report) {
        ASSERT_EQ(report.ending, Ending::kDeadlock);
        ASSERT_THAT(std::string(report.deadlock),
                    HasSubstr("thread 1 waits for event (completion of the close)"));
      });
}

TEST_P(ThreadsTest, ASpinLockThatNobodyReleasesIsADeadlock) {
  PlayAll(
      [] {
        Reset();
        static EX_SPIN_LOCK never;
        never = 0;
        // Whoever comes first waits for itself with the first lock held.
        const auto take_all = [](void*) {
          KIRQL irql;
          KeAcquireSpinLock(&g.lock, &irql);
          ExAcquireSpinLockExclusive(&never);
          ExAcquireSpinLockExclusive(&never);
        };
        Start(take_all);
        Start(take_all);
      },
      [](const RunReport& report) {
        ASSERT_EQ(report.ending, Ending::kDeadlock) << report.bug_check.message;
        ASSERT_THAT(std::string(report.deadlock), HasSubstr("waits for a spin lock, exclusive since"));
        ASSERT_THAT(std::string(report.deadlock), HasSubstr("waits for a spin lock since"));
      });
}

TEST_P(ThreadsTest, ABugCheckStopsThreadsThatWaitSpinAndRun) {
  for (int seed = 0; seed < GetParam().seeds; ++seed) {
    RunOptions options = Options(seed);
    options.step_budget = UINT64_MAX;
    const RunReport report = Play(
        [] {
          Reset();
          ExAllocatePool2(POOL_FLAG_NON_PAGED, 100, 'tseT');
          const auto wait = [](void*) {
            KeWaitForSingleObject(&g.event, Executive, KernelMode, FALSE, nullptr);
          };
          Start(wait);
          Start([](void*) {
            for (;;) Yield(kChoiceYield);
          });
          Start([](void*) {
            for (;;) KeYieldProcessor();
          });
          Start([](void*) {
            KIRQL irql;
            KeAcquireSpinLock(&g.lock, &irql);
            KeReleaseSpinLock(&g.lock, irql);
          });
          ExInitializeWorkItem(&g.item, wait, nullptr);
          ExQueueWorkItem(&g.item, DelayedWorkQueue);
          KIRQL irql;
          KeAcquireSpinLock(&g.lock, &irql);
          KeBugCheckEx(0xDEAD, 1, 2, 3, 4);
        },
        options);
    ASSERT_EQ(report.ending, Ending::kBugCheck);
    ASSERT_EQ(report.bug_check.code, 0xDEADu);
    ASSERT_EQ(report.bug_check.parameters[3], 4u);
    ASSERT_THAT(std::string(report.bug_check.message), HasSubstr("thread 0 at IRQL 2"));
    // The next run is sound.
    ASSERT_EQ(Play([] { Reset(); }, Options(seed)).ending, Ending::kFinished);
  }
}

TEST_P(ThreadsTest, OfSeveralBugChecksTheFirstCounts) {
  PlayAll(
      [] {
        for (uint32_t i = 1; i <= 4; ++i) {
          Start([](void* code) { KeBugCheck(static_cast<ULONG>(reinterpret_cast<uintptr_t>(code))); },
                reinterpret_cast<void*>(uintptr_t{i}));
        }
        Settle();
      },
      [](const RunReport& report) {
        ASSERT_EQ(report.ending, Ending::kBugCheck);
        ASSERT_GE(report.bug_check.code, 1u);
        ASSERT_LE(report.bug_check.code, 4u);
        ASSERT_THAT(std::string(report.bug_check.message),
                    HasSubstr("thread " + std::to_string(report.bug_check.code) + " at IRQL 0"));
      });
}

TEST_P(ThreadsTest, TheStepBudgetEndsALoopWithChoicePoints) {
  for (int seed = 0; seed < GetParam().seeds; ++seed) {
    RunOptions options = Options(seed);
    options.step_budget = 2000;
    const RunReport report = Play(
        [] {
          for (;;) Yield(kChoiceYield);
        },
        options);
    ASSERT_EQ(report.ending, Ending::kLivelock);
    ASSERT_EQ(report.steps, 2001u);
  }
}

TEST_P(ThreadsTest, PoolIsCountedWhoeverAllocates) {
  PlayAll(
      [] {
        static std::atomic<int> done;
        done = 0;
        for (int i = 0; i < 3; ++i) {
          Start([](void*) {
            for (int turn = 0; turn < 50; ++turn) {
              auto* block =
                  static_cast<unsigned char*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, 40 + turn, 'tseT'));
              ASSERT_NE(block, nullptr);
              std::memset(block, turn, static_cast<size_t>(40 + turn));
              Yield(kChoiceYield);
              ExFreePoolWithTag(block, 'tseT');
            }
            ExAllocatePool2(POOL_FLAG_NON_PAGED, 16, 'kaeL');
            ++done;
          });
        }
        Settle();
        EXPECT_EQ(done, 3);
      },
      [](const RunReport& report) {
        ASSERT_EQ(report.ending, Ending::kFinished);
        ASSERT_EQ(report.allocations, 153u);
        ASSERT_EQ(report.leaks.pool_blocks, 3u);
        ASSERT_EQ(report.leaks.pool_bytes, 48u);
      });
}

TEST_P(ThreadsTest, StackIsThatOfAKernelThread) {
  PlayAll([] {
    EXPECT_GT(IoGetRemainingStackSize(), 50'000u);
    EXPECT_LT(IoGetRemainingStackSize(), 300'000u);
  });
}

TEST_P(ThreadsTest, ProviderChoicesComeFromTheScheduleAndFixedOnesDoNot) {
  static constexpr uint8_t kSchedule[] = {7, 8};
  uint8_t fixed[18];
  std::memset(fixed, 0xFF, sizeof(fixed));
  fixed[17] = 5;
  RunOptions options = Options(1);
  options.schedule = kSchedule;
  options.schedule_size = 2;
  options.fixed_choices = fixed;
  options.fixed_choice_count = 18;
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

// Two threads meet: each waits, without blocking, until it sees the other run.
TEST(RealThreads, RunAtTheSameTime) {
  RunOptions options;
  options.threads = Threads::kReal;
  options.step_budget = 1'000'000'000;
  const RunReport report = Play(
      [] {
        static std::atomic<int> here;
        here = 0;
        Start([](void*) {
          ++here;
          while (here < 2) sched_yield();
        });
        ++here;
        while (here < 2) sched_yield();
      },
      options);
  EXPECT_EQ(report.ending, Ending::kFinished);
}

// A pool whose threads belong to another process is left alone.
TEST(RealThreads, WorkInAForkedChild) {
  RunOptions options;
  options.threads = Threads::kReal;
  ASSERT_EQ(Play([] {}, options).ending, Ending::kFinished);
#ifndef WSKCERT_TSAN  // Which refuses threads after a fork of a process with threads.
  EXPECT_EXIT(
      {
        const RunReport report = Play(
            [] {
              Start([](void*) { Sleep(1); });
              Settle();
            },
            options);
        _exit(report.ending == Ending::kFinished ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
#endif
}

}  // namespace
}  // namespace wskcert::emulator
