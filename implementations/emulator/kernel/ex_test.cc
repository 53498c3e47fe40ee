#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <wdm.h>

#include <cstring>
#include <string>
#include <vector>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/test_support.h"

namespace wskcert::emulator {
namespace {

using ::testing::HasSubstr;

constexpr ULONG kTag = 'tseT';

void Start(PKSTART_ROUTINE routine, void* context = nullptr) {
  HANDLE handle;
  ASSERT_EQ(PsCreateSystemThread(&handle, 0, nullptr, nullptr, nullptr, routine, context), STATUS_SUCCESS);
  ZwClose(handle);
}

TEST(Pool, ZeroesWhatItPromisesAndIsAligned) {
  const RunReport report = Play([] {
    for (size_t size : {1, 15, 16, 100, 4096, 70'000, 300'000}) {
      for (int round = 0; round < 2; ++round) {
        auto* block = static_cast<uint8_t*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, size, kTag));
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % MEMORY_ALLOCATION_ALIGNMENT, 0u);
        for (size_t i = 0; i < size; ++i) ASSERT_EQ(block[i], 0);
        std::memset(block, 0xEE, size);
        ExFreePoolWithTag(block, kTag);
      }
    }
    EXPECT_EQ(ExAllocatePool2(POOL_FLAG_NON_PAGED, 0, kTag), nullptr);
    EXPECT_EQ(ExAllocatePool2(POOL_FLAG_NON_PAGED, size_t{1} << 40, kTag), nullptr);
    auto* raw = static_cast<uint8_t*>(ExAllocatePoolWithTag(NonPagedPoolNx, 8, kTag));
    EXPECT_NE(raw[0], 0);  // Not zero by chance.
    ExFreePool(raw);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_EQ(report.leaks.pool_blocks, 0u);
}

TEST(Pool, LookasideListsCountAndCheck) {
  const RunReport report = Play([] {
    NPAGED_LOOKASIDE_LIST list;
    ExInitializeNPagedLookasideList(&list, nullptr, nullptr, 0, 40, kTag, 0);
    void* a = ExAllocateFromNPagedLookasideList(&list);
    void* b = ExAllocateFromNPagedLookasideList(&list);
    EXPECT_NE(a, b);
    ExFreeToNPagedLookasideList(&list, a);
    ExFreeToNPagedLookasideList(&list, b);
    EXPECT_EQ(list.L.TotalAllocates, 2u);
    EXPECT_EQ(list.L.TotalFrees, 2u);
    ExDeleteNPagedLookasideList(&list);
  });
  EXPECT_EQ(report.leaks.pool_blocks, 0u);
}

#ifdef WSKCERT_ASAN
TEST(PoolDeathTest, UseAfterFreeIsFoundByAddressSanitizer) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Play([] {
                 auto* block = static_cast<volatile char*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, 32, kTag));
                 ExFreePool(const_cast<char*>(block));
                 block[3] = 1;
               }),
               "heap-use-after-free");
}
TEST(PoolDeathTest, OverrunIsFoundByAddressSanitizer) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Play([] {
                 auto* block = static_cast<volatile char*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, 33, kTag));
                 block[33] = 1;
               }),
               "heap-buffer-overflow");
}
#else
TEST(Pool, OverrunIsFoundAtTheRelease) {
  const RunReport report = Play([] {
    auto* block = static_cast<char*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, 33, kTag));
    block[33] = 1;
    ExFreePool(block);
  });
  EXPECT_EQ(report.bug_check.code, kSpecialPoolCorruption);
  EXPECT_THAT(std::string(report.bug_check.message), HasSubstr("behind a pool block of 33 bytes"));
}
TEST(Pool, ReleasingTwiceIsABugCheck) {
  const RunReport report = Play([] {
    void* block = ExAllocatePool2(POOL_FLAG_NON_PAGED, 33, kTag);
    ExFreePool(block);
    ExFreePool(block);
  });
  EXPECT_EQ(report.bug_check.code, kBadPoolCaller);
  EXPECT_THAT(std::string(report.bug_check.message), HasSubstr("released twice"));
}
#endif

TEST(Pool, WrongTagUnknownAddressAndPagedAtDispatchAreBugChecks) {
  RunReport report = Play([] { ExFreePoolWithTag(ExAllocatePool2(POOL_FLAG_NON_PAGED, 33, kTag), 'rehO'); });
  EXPECT_EQ(report.bug_check.code, kBadPoolCaller);
  EXPECT_THAT(std::string(report.bug_check.message), HasSubstr("released with tag"));
  report = Play([] {
    alignas(64) static char memory[256];
    ExFreePool(memory + 128);
  });
  EXPECT_EQ(report.bug_check.code, kBadPoolCaller);
  report = Play([] {
    KfRaiseIrql(DISPATCH_LEVEL);
    ExAllocatePool2(POOL_FLAG_PAGED, 33, kTag);
  });
  EXPECT_EQ(report.bug_check.code, kIrqlNotLessOrEqual);
}

TEST(WorkItems, RunAtPassiveLevelOnOtherThreadsInOrder) {
  static std::vector<int> order;
  order.clear();
  Play([] {
    static WORK_QUEUE_ITEM items[3];
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    for (intptr_t i = 0; i < 3; ++i) {
      ExInitializeWorkItem(
          &items[i],
          [](void* context) {
            EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
            EXPECT_NE(CurrentThreadNumber(), 0u);
            order.push_back(static_cast<int>(reinterpret_cast<intptr_t>(context)));
          },
          reinterpret_cast<void*>(i));
      ExQueueWorkItem(&items[i], DelayedWorkQueue);
    }
    KeLowerIrql(old);
    Settle();
  });
  EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2));
}

TEST(WorkItems, ABlockedOneDoesNotHoldUpTheOthers) {
  const RunReport report = Play([] {
    static KEVENT release;
    static int done;
    static WORK_QUEUE_ITEM items[10];
    done = 0;
    KeInitializeEvent(&release, NotificationEvent, FALSE);
    for (auto& item : items) {
      ExInitializeWorkItem(
          &item,
          [](void*) {
            if (++done == 10) KeSetEvent(&release, 0, FALSE);
            KeWaitForSingleObject(&release, Executive, KernelMode, FALSE, nullptr);
          },
          nullptr);
      ExQueueWorkItem(&item, DelayedWorkQueue);
    }
    Settle();
    EXPECT_EQ(done, 10);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
}

TEST(WorkItems, IoWorkItemsCarryObjectAndContext) {
  const RunReport report = Play([] {
    static DEVICE_OBJECT device;
    static int value;
    value = 0;
    PIO_WORKITEM item = IoAllocateWorkItem(&device);
    IoQueueWorkItem(
        item,
        [](PDEVICE_OBJECT object, PVOID context) {
          EXPECT_EQ(object, &device);
          value += *static_cast<int*>(context);
        },
        DelayedWorkQueue, new (&value) int(4));
    Settle();
    EXPECT_EQ(value, 8);
    IoQueueWorkItemEx(
        item, [](PVOID, PVOID, PIO_WORKITEM self) { IoFreeWorkItem(self); }, DelayedWorkQueue, nullptr);
    Settle();
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_EQ(report.leaks.pool_blocks, 0u);
}

TEST(WorkItems, QueueingTwiceIsABugCheck) {
  const RunReport report = Play([] {
    static WORK_QUEUE_ITEM item;
    ExInitializeWorkItem(
        &item, [](void*) {}, nullptr);
    ExQueueWorkItem(&item, DelayedWorkQueue);
    ExQueueWorkItem(&item, DelayedWorkQueue);
  });
  EXPECT_EQ(report.ending, Ending::kBugCheck);
  EXPECT_EQ(report.bug_check.code, 0x96u);
}

TEST(Rundown, WaitsForTheLastReference) {
  static std::vector<int> order;
  order.clear();
  const RunReport report = Play([] {
    static EX_RUNDOWN_REF ref;
    ExInitializeRundownProtection(&ref);
    EXPECT_TRUE(ExAcquireRundownProtection(&ref));
    Start([](void*) {
      ExWaitForRundownProtectionRelease(&ref);
      order.push_back(2);
    });
    Settle();
    EXPECT_FALSE(ExAcquireRundownProtection(&ref));
    order.push_back(1);
    ExReleaseRundownProtection(&ref);
    Settle();
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_THAT(order, ::testing::ElementsAre(1, 2));
}

TEST(Locks, SharedAndExclusiveExcludeEachOther) {
  const RunReport report = Play([] {
    static EX_PUSH_LOCK push;
    static ERESOURCE resource;
    static int got;
    got = 0;
    ExInitializePushLock(&push);
    ExInitializeResourceLite(&resource);
    ExAcquirePushLockShared(&push);
    ExAcquirePushLockShared(&push);
    ExAcquireResourceSharedLite(&resource, TRUE);
    Start([](void*) {
      ExAcquirePushLockExclusive(&push);
      ++got;
      ExReleasePushLockExclusive(&push);
    });
    Start([](void*) {
      EXPECT_FALSE(ExAcquireResourceExclusiveLite(&resource, FALSE));
      ExAcquireResourceExclusiveLite(&resource, TRUE);
      EXPECT_TRUE(ExIsResourceAcquiredExclusiveLite(&resource));
      ++got;
      ExReleaseResourceLite(&resource);
    });
    Settle();
    ExReleasePushLockShared(&push);
    Settle();
    EXPECT_EQ(got, 0);
    ExReleasePushLockShared(&push);
    ExReleaseResourceLite(&resource);
    Settle();
    EXPECT_EQ(got, 2);
    ExDeleteResourceLite(&resource);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
}

TEST(Lists, InterlockedListsKeepOrder) {
  Play([] {
    SLIST_HEADER head;
    SLIST_ENTRY entries[2];
    InitializeSListHead(&head);
    EXPECT_EQ(InterlockedPushEntrySList(&head, &entries[0]), nullptr);
    EXPECT_EQ(InterlockedPushEntrySList(&head, &entries[1]), &entries[0]);
    EXPECT_EQ(QueryDepthSList(&head), 2);
    EXPECT_EQ(InterlockedPopEntrySList(&head), &entries[1]);
    EXPECT_EQ(InterlockedFlushSList(&head), &entries[0]);
    EXPECT_EQ(InterlockedPopEntrySList(&head), nullptr);
  });
}

}  // namespace
}  // namespace wskcert::emulator
