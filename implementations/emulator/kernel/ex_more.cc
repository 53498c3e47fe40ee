// Allocated timers, and what is made of other locks and lists.
#include <wdm.h>

#include "implementations/emulator/kernel/bugcheck.h"

struct _EX_TIMER {
  KTIMER timer;
  KDPC dpc;
  PEXT_CALLBACK callback;
  PVOID context;
};

struct _EX_RUNDOWN_REF_CACHE_AWARE {
  EX_RUNDOWN_REF ref;
};

namespace wskcert::emulator {
namespace {

constexpr ULONG kTimerTag = 0x6d547845;  // "ExTm"
constexpr LONGLONG kUnitsPerMillisecond = 10'000;

void CallBack(KDPC*, PVOID context, PVOID, PVOID) {
  auto* timer = static_cast<PEX_TIMER>(context);
  timer->callback(timer, timer->context);
}

void RequireDispatch(const char* function) {
  if (KeGetCurrentIrql() != DISPATCH_LEVEL)
    BugCheckNow(kIrqlUnexpectedValue, KeGetCurrentIrql(), DISPATCH_LEVEL, 0, 0,
                "%s at another level than DISPATCH_LEVEL", function);
}

}  // namespace
}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

PEX_TIMER ExAllocateTimer(PEXT_CALLBACK callback, PVOID context, ULONG attributes) {
  auto* timer = static_cast<PEX_TIMER>(ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(_EX_TIMER), kTimerTag));
  if (timer == nullptr) return nullptr;
  KeInitializeTimerEx(&timer->timer,
                      attributes & EX_TIMER_NOTIFICATION ? NotificationTimer : SynchronizationTimer);
  KeInitializeDpc(&timer->dpc, &CallBack, timer);
  timer->callback = callback;
  timer->context = context;
  return timer;
}

BOOLEAN ExSetTimer(PEX_TIMER timer, LONGLONG due_time, LONGLONG period, PEXT_SET_PARAMETERS) {
  LARGE_INTEGER due;
  due.QuadPart = due_time;
  return KeSetTimerEx(&timer->timer, due,
                      static_cast<LONG>((period + kUnitsPerMillisecond - 1) / kUnitsPerMillisecond),
                      timer->callback != nullptr ? &timer->dpc : nullptr);
}

BOOLEAN ExCancelTimer(PEX_TIMER timer, PVOID) { return KeCancelTimer(&timer->timer); }

BOOLEAN ExDeleteTimer(PEX_TIMER timer, BOOLEAN cancel, BOOLEAN wait, PEXT_DELETE_PARAMETERS parameters) {
  const BOOLEAN was_set = cancel && KeCancelTimer(&timer->timer);
  if (!cancel && timer->timer.Header.Reserved1 != 0) {
    BugCheckNow(kDriverVerifierDetectedViolation, reinterpret_cast<uintptr_t>(timer), 0, 0, 0,
                "ExDeleteTimer without Cancel on a timer that is set");
  }
  // A callback in progress, or queued, uses the timer.
  if (wait) {
    RequireIrqlAtMost(APC_LEVEL, "ExDeleteTimer that waits");
    KeFlushQueuedDpcs();
  } else {
    KeRemoveQueueDpc(&timer->dpc);
  }
  ExFreePoolWithTag(timer, kTimerTag);
  if (parameters != nullptr && parameters->DeleteCallback != nullptr)
    parameters->DeleteCallback(parameters->DeleteContext);
  return was_set;
}

VOID ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK lock) {
  RequireDispatch("ExAcquireSpinLockExclusiveAtDpcLevel");
  ExAcquireSpinLockExclusive(lock);
}
VOID ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK lock) {
  ExReleaseSpinLockExclusive(lock, DISPATCH_LEVEL);
}
VOID ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK lock) {
  RequireDispatch("ExAcquireSpinLockSharedAtDpcLevel");
  ExAcquireSpinLockShared(lock);
}
VOID ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK lock) {
  ExReleaseSpinLockShared(lock, DISPATCH_LEVEL);
}

PVOID ExEnterCriticalRegionAndAcquireResourceExclusive(PERESOURCE resource) {
  KeEnterCriticalRegion();
  ExAcquireResourceExclusiveLite(resource, TRUE);
  return nullptr;
}
PVOID ExEnterCriticalRegionAndAcquireResourceShared(PERESOURCE resource) {
  KeEnterCriticalRegion();
  ExAcquireResourceSharedLite(resource, TRUE);
  return nullptr;
}
VOID ExReleaseResourceAndLeaveCriticalRegion(PERESOURCE resource) {
  ExReleaseResourceLite(resource);
  KeLeaveCriticalRegion();
}
ULONG ExIsResourceAcquiredSharedLite(PERESOURCE resource) {
  const bool other = resource->OwnerEntry.OwnerThread != 0 && !ExIsResourceAcquiredExclusiveLite(resource);
  return other ? 0 : static_cast<ULONG>(resource->ActiveCount);
}

PEX_RUNDOWN_REF_CACHE_AWARE ExAllocateCacheAwareRundownProtection(POOL_TYPE type, ULONG tag) {
  return static_cast<PEX_RUNDOWN_REF_CACHE_AWARE>(
      ExAllocatePoolZero(type, sizeof(_EX_RUNDOWN_REF_CACHE_AWARE), tag));
}
VOID ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE ref) { ExFreePool(ref); }
BOOLEAN ExAcquireRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE ref) {
  return ExAcquireRundownProtection(&ref->ref);
}
VOID ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE ref) {
  ExReleaseRundownProtection(&ref->ref);
}
VOID ExWaitForRundownProtectionReleaseCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE ref) {
  ExWaitForRundownProtectionRelease(&ref->ref);
}
VOID ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE ref) {
  ExReInitializeRundownProtection(&ref->ref);
}
VOID ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE ref) { ExRundownCompleted(&ref->ref); }

PSINGLE_LIST_ENTRY ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY head, PSINGLE_LIST_ENTRY entry,
                                              PKSPIN_LOCK lock) {
  const KIRQL irql = KeAcquireSpinLockRaiseToDpc(lock);
  PSINGLE_LIST_ENTRY first = head->Next;
  PushEntryList(head, entry);
  KeReleaseSpinLock(lock, irql);
  return first;
}
PSINGLE_LIST_ENTRY ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY head, PKSPIN_LOCK lock) {
  const KIRQL irql = KeAcquireSpinLockRaiseToDpc(lock);
  PSINGLE_LIST_ENTRY first = PopEntryList(head);
  KeReleaseSpinLock(lock, irql);
  return first;
}

PVOID ExAllocatePoolWithQuotaTag(POOL_TYPE type, SIZE_T size, ULONG tag) {
  const bool raise = (type & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE) == 0;
  PVOID block =
      ExAllocatePoolWithTag(static_cast<POOL_TYPE>(type & ~POOL_QUOTA_FAIL_INSTEAD_OF_RAISE), size, tag);
  if (block == nullptr && raise) ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
  return block;
}

}  // extern "C"
