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

struct Seen {
  int calls = 0;
  PDEVICE_OBJECT device = nullptr;
  bool pending = false;
  NTSTATUS status = 0;
  NTSTATUS answer = STATUS_MORE_PROCESSING_REQUIRED;
};

NTSTATUS Note(PDEVICE_OBJECT device, PIRP irp, PVOID context) {
  auto* seen = static_cast<Seen*>(context);
  ++seen->calls;
  seen->device = device;
  seen->pending = irp->PendingReturned;
  seen->status = irp->IoStatus.Status;
  return seen->answer;
}

void Complete(PIRP irp, NTSTATUS status, ULONG_PTR information = 0) {
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = information;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
}

// ---- Completion: every combination of invoke flags, status and cancel.

struct Case {
  bool on_success, on_error, on_cancel, cancelled, succeeds, pending;
};

TEST(Completion, CallsTheRoutineForTheOutcomesItAskedFor) {
  for (int bits = 0; bits < 64; ++bits) {
    const Case c{(bits & 1) != 0, (bits & 2) != 0,  (bits & 4) != 0,
                 (bits & 8) != 0, (bits & 16) != 0, (bits & 32) != 0};
    const bool expected = (c.succeeds ? c.on_success : c.on_error) || (c.cancelled && c.on_cancel);
    Seen lower, guard;
    const RunReport report = Play([&] {
      PIRP irp = IoAllocateIrp(2, FALSE);
      // The client's own location with a guard behind it, then the callee's.
      IoSetCompletionRoutine(irp, &Note, &guard, TRUE, TRUE, TRUE);
      IoSetNextIrpStackLocation(irp);
      IoGetCurrentIrpStackLocation(irp)->DeviceObject = reinterpret_cast<PDEVICE_OBJECT>(0x1000);
      lower.answer = STATUS_CONTINUE_COMPLETION;
      IoSetCompletionRoutine(irp, &Note, &lower, c.on_success, c.on_error, c.on_cancel);
      IoSetNextIrpStackLocation(irp);
      if (c.pending) IoMarkIrpPending(irp);
      if (c.cancelled) IoCancelIrp(irp);
      Complete(irp, c.succeeds ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL, 5);
      EXPECT_EQ(irp->IoStatus.Information, 5u);
      IoFreeIrp(irp);
    });
    ASSERT_EQ(report.ending, Ending::kFinished) << bits << " " << report.bug_check.message;
    EXPECT_EQ(lower.calls, expected) << bits;
    if (expected) {
      EXPECT_EQ(lower.device, reinterpret_cast<PDEVICE_OBJECT>(0x1000));
      EXPECT_EQ(lower.pending, c.pending);
    }
    EXPECT_EQ(guard.calls, 1);
    EXPECT_EQ(guard.device, nullptr);  // Nobody is above.
    // A routine that was called propagates pending itself; without one the I/O manager does.
    EXPECT_EQ(guard.pending, !expected && c.pending) << bits;
  }
}

TEST(Completion, StopsAtMoreProcessingRequiredAndGoesOnLater) {
  Seen lower, upper;
  const RunReport report = Play([&] {
    PIRP irp = IoAllocateIrp(2, FALSE);
    IoSetCompletionRoutine(irp, &Note, &upper, TRUE, TRUE, TRUE);
    IoSetNextIrpStackLocation(irp);
    IoSetCompletionRoutine(irp, &Note, &lower, TRUE, TRUE, TRUE);
    IoSetNextIrpStackLocation(irp);
    Complete(irp, STATUS_SUCCESS);
    EXPECT_EQ(lower.calls, 1);
    EXPECT_EQ(upper.calls, 0);
    EXPECT_EQ(irp->CurrentLocation, 2);
    Complete(irp, STATUS_UNSUCCESSFUL);
    EXPECT_EQ(upper.calls, 1);
    EXPECT_EQ(upper.status, STATUS_UNSUCCESSFUL);
    IoFreeIrp(irp);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
}

TEST(Completion, ReuseMakesAnIrpNew) {
  Seen seen;
  const RunReport report = Play([&] {
    PIRP irp = IoAllocateIrp(1, FALSE);
    for (int i = 1; i <= 3; ++i) {
      IoSetCompletionRoutine(irp, &Note, &seen, TRUE, TRUE, TRUE);
      IoSetNextIrpStackLocation(irp);
      IoMarkIrpPending(irp);
      IoCancelIrp(irp);
      Complete(irp, STATUS_CANCELLED);
      EXPECT_EQ(seen.calls, i);
      IoReuseIrp(irp, STATUS_UNSUCCESSFUL);
      EXPECT_FALSE(irp->Cancel);
      EXPECT_EQ(irp->IoStatus.Status, STATUS_UNSUCCESSFUL);
      EXPECT_EQ(irp->CurrentLocation, 2);
    }
    IoFreeIrp(irp);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_EQ(report.leaks.irps, 0u);
}

TEST(Completion, IrpsInTheDriversOwnMemoryWork) {
  Seen seen;
  const RunReport report = Play([&] {
    const USHORT size = IoSizeOfIrp(3);
    auto* irp = static_cast<PIRP>(ExAllocatePool2(POOL_FLAG_NON_PAGED, size, 'prIT'));
    IoInitializeIrp(irp, size, 3);
    IoSetCompletionRoutine(irp, &Note, &seen, TRUE, TRUE, TRUE);
    IoSetNextIrpStackLocation(irp);
    Complete(irp, STATUS_SUCCESS);
    ExFreePool(irp);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_EQ(seen.calls, 1);
}

// ---- Cancellation.

void CancelAndComplete(PDEVICE_OBJECT, PIRP irp) {
  EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
  EXPECT_TRUE(irp->Cancel);
  EXPECT_EQ(irp->CancelRoutine, nullptr);
  IoReleaseCancelSpinLock(irp->CancelIrql);
  Complete(irp, STATUS_CANCELLED);
}

TEST(Cancel, CallsTheRoutineOnce) {
  Seen seen;
  const RunReport report = Play([&] {
    PIRP irp = IoAllocateIrp(1, FALSE);
    EXPECT_FALSE(IoCancelIrp(irp));
    EXPECT_TRUE(irp->Cancel);
    IoReuseIrp(irp, STATUS_SUCCESS);
    IoSetCompletionRoutine(irp, &Note, &seen, TRUE, TRUE, TRUE);
    IoSetNextIrpStackLocation(irp);
    IoMarkIrpPending(irp);
    EXPECT_EQ(IoSetCancelRoutine(irp, &CancelAndComplete), nullptr);
    EXPECT_TRUE(IoCancelIrp(irp));
    EXPECT_EQ(seen.calls, 1);
    EXPECT_EQ(seen.status, STATUS_CANCELLED);
    EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    EXPECT_FALSE(IoCancelIrp(irp));
    IoFreeIrp(irp);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
}

// ---- Misuse.

PIRP Sent() {
  PIRP irp = IoAllocateIrp(1, FALSE);
  static Seen seen;
  seen = Seen{};
  IoSetCompletionRoutine(irp, &Note, &seen, TRUE, TRUE, TRUE);
  IoSetNextIrpStackLocation(irp);
  IoMarkIrpPending(irp);
  return irp;
}

struct Misuse {
  const char* name;
  void (*action)();
  uint32_t code;
  const char* text;
};
class IoMisuse : public ::testing::TestWithParam<Misuse> {};

TEST_P(IoMisuse, IsABugCheckThatSaysWhat) {
  const RunReport report = Play(GetParam().action);
  ASSERT_EQ(report.ending, Ending::kBugCheck);
  EXPECT_EQ(report.bug_check.code, GetParam().code);
  EXPECT_THAT(std::string(report.bug_check.message), HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    All, IoMisuse,
    ::testing::Values(Misuse{"CompleteTwice",
                             [] {
                               PIRP irp = Sent();
                               Complete(irp, STATUS_SUCCESS);
                               Complete(irp, STATUS_SUCCESS);
                             },
                             kMultipleIrpCompleteRequests, "no callee has"},
                      Misuse{"NoLocation",
                             [] {
                               PIRP irp = Sent();
                               IoSetNextIrpStackLocation(irp);
                             },
                             kNoMoreIrpStackLocations, "no stack location left of its 1"},
                      Misuse{"RoutineBeyondLocations",
                             [] {
                               IoSetCompletionRoutine(IoAllocateIrp(0, FALSE), &Note, nullptr, TRUE, TRUE,
                                                      TRUE);
                             },
                             kNoMoreIrpStackLocations, "no stack location left of its 0"},
                      Misuse{"FreeInUse", [] { IoFreeIrp(Sent()); }, kDriverVerifierIoManagerViolation,
                             "still has pending"},
                      Misuse{"ReuseInUse", [] { IoReuseIrp(Sent(), STATUS_SUCCESS); },
                             kDriverVerifierIoManagerViolation, "still has pending"},
                      Misuse{"CompletePending", [] { Complete(Sent(), STATUS_PENDING); },
                             kDriverVerifierIoManagerViolation, "with the status 0x00000103"},
                      Misuse{"CompleteWithCancelRoutine",
                             [] {
                               PIRP irp = Sent();
                               IoSetCancelRoutine(irp, &CancelAndComplete);
                               Complete(irp, STATUS_SUCCESS);
                             },
                             kDriverVerifierIoManagerViolation, "cancel routine is still set"},
                      Misuse{"CompleteUnderLock",
                             [] {
                               static KSPIN_LOCK lock;
                               KeInitializeSpinLock(&lock);
                               PIRP irp = Sent();
                               KIRQL old;
                               KeAcquireSpinLock(&lock, &old);
                               Complete(irp, STATUS_SUCCESS);
                             },
                             kDriverVerifierDetectedViolation, "while a spin lock is held"},
                      Misuse{"NobodyKeepsIt",
                             [] {
                               PIRP irp = IoAllocateIrp(1, FALSE);
                               IoSetNextIrpStackLocation(irp);
                               Complete(irp, STATUS_SUCCESS);
                             },
                             kDriverVerifierIoManagerViolation, "STATUS_MORE_PROCESSING_REQUIRED"},
                      Misuse{"CompleteNothing", [] { IoCompleteRequest(static_cast<PIRP>(nullptr), 0); },
                             kDriverVerifierIoManagerViolation, "IoCompleteRequest on no IRP"},
                      Misuse{"CancelKeepsLock",
                             [] {
                               PIRP irp = Sent();
                               IoSetCancelRoutine(irp, [](PDEVICE_OBJECT, PIRP) {});
                               IoCancelIrp(irp);
                             },
                             0x11B, "without releasing the cancel spin lock"}),
    [](const auto& info) { return std::string(info.param.name); });

#ifndef WSKCERT_ASAN
// Under AddressSanitizer the same is a use-after-free.
TEST(Misuse, AFreedIrpIsRecognised) {
  for (void (*use)(PIRP) :
       {+[](PIRP irp) { IoFreeIrp(irp); }, +[](PIRP irp) { Complete(irp, STATUS_SUCCESS); },
        +[](PIRP irp) { IoCancelIrp(irp); }}) {
    const RunReport report = Play([use] {
      PIRP irp = IoAllocateIrp(1, FALSE);
      IoFreeIrp(irp);
      use(irp);
    });
    EXPECT_EQ(report.bug_check.code, kMultipleIrpCompleteRequests);
    EXPECT_THAT(std::string(report.bug_check.message), HasSubstr("an IRP that was freed"));
  }
}
#endif

// ---- Devices and remove locks.

TEST(Devices, AreLinkedToTheirDriverAndUnlinked) {
  const RunReport report = Play([] {
    DRIVER_OBJECT driver{};
    PDEVICE_OBJECT first, second;
    ASSERT_EQ(IoCreateDevice(&driver, 0, nullptr, FILE_DEVICE_NETWORK, 0, FALSE, &first), STATUS_SUCCESS);
    ASSERT_EQ(IoCreateDevice(&driver, 16, nullptr, FILE_DEVICE_NETWORK, 0, FALSE, &second), STATUS_SUCCESS);
    EXPECT_EQ(first->DeviceExtension, nullptr);
    EXPECT_NE(second->DeviceExtension, nullptr);
    IoDeleteDevice(first);
    EXPECT_EQ(driver.DeviceObject, second);
    EXPECT_EQ(second->NextDevice, nullptr);
    IoDeleteDevice(second);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_EQ(report.leaks.pool_blocks, 0u);
}

TEST(RemoveLocks, RemovalWaitsForHolders) {
  static std::vector<int> order;
  order.clear();
  const RunReport report = Play([] {
    static IO_REMOVE_LOCK lock;
    IoInitializeRemoveLock(&lock, 'kcoL', 0, 0);
    ASSERT_EQ(IoAcquireRemoveLock(&lock, nullptr), STATUS_SUCCESS);
    HANDLE handle;
    PsCreateSystemThread(
        &handle, 0, nullptr, nullptr, nullptr,
        [](void*) {
          ASSERT_EQ(IoAcquireRemoveLock(&lock, nullptr), STATUS_SUCCESS);
          IoReleaseRemoveLockAndWait(&lock, nullptr);
          order.push_back(2);
        },
        nullptr);
    ZwClose(handle);
    Settle();
    EXPECT_EQ(IoAcquireRemoveLock(&lock, nullptr), STATUS_DELETE_PENDING);
    order.push_back(1);
    IoReleaseRemoveLock(&lock, nullptr);
    Settle();
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_THAT(order, ElementsAre(1, 2));
}

}  // namespace
}  // namespace wskcert::emulator
