// Fast mutexes, push locks, executive spin locks, ERESOURCE, rundown protection, interlocked lists.
//
// All block on their own address until it is free and look again; under the runtime's lock nothing happens
// between the look and the change.
#include <wdm.h>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/ke.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {

constexpr ULONG_PTR kExclusive = 1;  // Push locks; each sharer counts 2.
constexpr LONG kSpinExclusive = static_cast<LONG>(0x80000000);

void AcquireFastMutex(FAST_MUTEX* mutex) {
  ChoicePoint(kChoiceLock);
  RuntimeLock guard;
  PKTHREAD self = KeGetCurrentThread();
  if (mutex->Owner == self) {
    BugCheckNow(kSpinLockAlreadyOwned, reinterpret_cast<uintptr_t>(mutex), 0, 0, 0,
                "a fast mutex was acquired by the thread that holds it");
  }
  while (mutex->Count != 1) {
    ++mutex->Contention;
    BlockOnAddress(mutex, "a fast mutex", kChoiceLock);
  }
  mutex->Count = 0;
  mutex->Owner = self;
  Acquired(mutex);
}

void ReleaseFastMutex(FAST_MUTEX* mutex) {
  if (mutex->Owner != KeGetCurrentThread()) {
    BugCheckNow(kSpinLockNotOwned, reinterpret_cast<uintptr_t>(mutex), 0, 0, 0,
                "a fast mutex was released by a thread that does not hold it");
  }
  Released(mutex);
  RuntimeLock guard;
  mutex->Owner = nullptr;
  mutex->Count = 1;
  WakeAddress(mutex);
}

void RequireCanBlock(const char* function) { RequireIrqlAtMost(APC_LEVEL, function); }

}  // namespace
}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

VOID ExInitializeFastMutex(PFAST_MUTEX mutex) {
  mutex->Count = 1;
  mutex->Owner = nullptr;
  mutex->Contention = 0;
  KeInitializeEvent(&mutex->Event, SynchronizationEvent, FALSE);
}

VOID ExAcquireFastMutex(PFAST_MUTEX mutex) {
  RequireCanBlock("ExAcquireFastMutex");
  const KIRQL old = KfRaiseIrql(APC_LEVEL);
  AcquireFastMutex(mutex);
  mutex->OldIrql = old;
}
VOID ExAcquireFastMutexUnsafe(PFAST_MUTEX mutex) {
  RequireCanBlock("ExAcquireFastMutexUnsafe");
  AcquireFastMutex(mutex);
}
BOOLEAN ExTryToAcquireFastMutex(PFAST_MUTEX mutex) {
  RequireCanBlock("ExTryToAcquireFastMutex");
  ChoicePoint(kChoiceLock);
  RuntimeLock guard;
  if (mutex->Count != 1) return FALSE;
  mutex->Count = 0;
  mutex->Owner = KeGetCurrentThread();
  Acquired(mutex);
  guard.Leave();
  mutex->OldIrql = KfRaiseIrql(APC_LEVEL);
  return TRUE;
}
VOID ExReleaseFastMutex(PFAST_MUTEX mutex) {
  const KIRQL old = static_cast<KIRQL>(mutex->OldIrql);
  ReleaseFastMutex(mutex);
  KeLowerIrql(old);
  ChoicePoint(kChoiceUnlock);
}
VOID ExReleaseFastMutexUnsafe(PFAST_MUTEX mutex) {
  ReleaseFastMutex(mutex);
  ChoicePoint(kChoiceUnlock);
}

VOID ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK lock, ULONG) {
  RequireCanBlock("ExAcquirePushLockExclusive");
  ChoicePoint(kChoiceLock);
  RuntimeLock guard;
  while (*lock != 0) BlockOnAddress(lock, "a push lock, exclusive", kChoiceLock);
  *lock = kExclusive;
  Acquired(lock);
}
VOID ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK lock, ULONG) {
  Released(lock);
  RuntimeLock guard;
  if (*lock != kExclusive) {
    BugCheckNow(kResourceNotOwned, reinterpret_cast<uintptr_t>(lock), 0, 0, 0,
                "a push lock was released that nobody holds exclusively");
  }
  *lock = 0;
  WakeAddress(lock);
  guard.Leave();
  ChoicePoint(kChoiceUnlock);
}
VOID ExAcquirePushLockSharedEx(PEX_PUSH_LOCK lock, ULONG) {
  RequireCanBlock("ExAcquirePushLockShared");
  ChoicePoint(kChoiceLock);
  RuntimeLock guard;
  while (*lock == kExclusive) BlockOnAddress(lock, "a push lock, shared", kChoiceLock);
  *lock += 2;
  Acquired(lock);
}
VOID ExReleasePushLockSharedEx(PEX_PUSH_LOCK lock, ULONG) {
  Released(lock);
  RuntimeLock guard;
  if (*lock < 2) {
    BugCheckNow(kResourceNotOwned, reinterpret_cast<uintptr_t>(lock), 0, 0, 0,
                "a push lock was released that nobody holds shared");
  }
  *lock -= 2;
  WakeAddress(lock);
  guard.Leave();
  ChoicePoint(kChoiceUnlock);
}

KIRQL ExAcquireSpinLockExclusive(PEX_SPIN_LOCK lock) {
  const KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
  ChoicePoint(kChoiceLock);
  RuntimeLock guard;
  while (*lock != 0) BlockOnAddress(const_cast<LONG*>(lock), "a spin lock, exclusive", kChoiceLock);
  *lock = kSpinExclusive;
  Acquired(lock);
  return old;
}
VOID ExReleaseSpinLockExclusive(PEX_SPIN_LOCK lock, KIRQL irql) {
  Released(lock);
  RuntimeLock guard;
  if (*lock != kSpinExclusive) {
    BugCheckNow(kSpinLockNotOwned, 0, 0, 0, 0, "a spin lock was released that nobody holds exclusively");
  }
  *lock = 0;
  WakeAddress(const_cast<LONG*>(lock));
  guard.Leave();
  KeLowerIrql(irql);
  ChoicePoint(kChoiceUnlock);
}
KIRQL ExAcquireSpinLockShared(PEX_SPIN_LOCK lock) {
  const KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
  ChoicePoint(kChoiceLock);
  RuntimeLock guard;
  while (*lock < 0) BlockOnAddress(const_cast<LONG*>(lock), "a spin lock, shared", kChoiceLock);
  *lock = *lock + 1;
  Acquired(lock);
  return old;
}
VOID ExReleaseSpinLockShared(PEX_SPIN_LOCK lock, KIRQL irql) {
  Released(lock);
  RuntimeLock guard;
  if (*lock <= 0)
    BugCheckNow(kSpinLockNotOwned, 0, 0, 0, 0, "a spin lock was released that nobody holds shared");
  *lock = *lock - 1;
  WakeAddress(const_cast<LONG*>(lock));
  guard.Leave();
  KeLowerIrql(irql);
  ChoicePoint(kChoiceUnlock);
}

// ActiveCount counts acquisitions; OwnerEntry.OwnerThread is set while they are exclusive.
NTSTATUS ExInitializeResourceLite(PERESOURCE resource) {
  *resource = ERESOURCE{};
  return STATUS_SUCCESS;
}
NTSTATUS ExDeleteResourceLite(PERESOURCE resource) {
  if (resource->ActiveCount != 0) {
    BugCheckNow(kResourceNotOwned, reinterpret_cast<uintptr_t>(resource), 0, 0, 0,
                "an ERESOURCE was deleted while held");
  }
  return STATUS_SUCCESS;
}
BOOLEAN ExAcquireResourceExclusiveLite(PERESOURCE resource, BOOLEAN wait) {
  RequireCanBlock("ExAcquireResourceExclusiveLite");
  ChoicePoint(kChoiceLock);
  const auto self = reinterpret_cast<ERESOURCE_THREAD>(KeGetCurrentThread());
  RuntimeLock guard;
  while (resource->ActiveCount != 0 && resource->OwnerEntry.OwnerThread != self) {
    if (!wait) return FALSE;
    ++resource->ContentionCount;
    BlockOnAddress(resource, "an ERESOURCE, exclusive", kChoiceLock);
  }
  ++resource->ActiveCount;
  resource->OwnerEntry.OwnerThread = self;
  Acquired(resource);
  return TRUE;
}
BOOLEAN ExAcquireResourceSharedLite(PERESOURCE resource, BOOLEAN wait) {
  RequireCanBlock("ExAcquireResourceSharedLite");
  ChoicePoint(kChoiceLock);
  const auto self = reinterpret_cast<ERESOURCE_THREAD>(KeGetCurrentThread());
  RuntimeLock guard;
  while (resource->OwnerEntry.OwnerThread != 0 && resource->OwnerEntry.OwnerThread != self) {
    if (!wait) return FALSE;
    ++resource->ContentionCount;
    BlockOnAddress(resource, "an ERESOURCE, shared", kChoiceLock);
  }
  ++resource->ActiveCount;
  Acquired(resource);
  return TRUE;
}
VOID ExReleaseResourceLite(PERESOURCE resource) {
  Released(resource);
  RuntimeLock guard;
  if (resource->ActiveCount <= 0) {
    BugCheckNow(kResourceNotOwned, reinterpret_cast<uintptr_t>(resource), 0, 0, 0,
                "an ERESOURCE was released that nobody holds");
  }
  if (--resource->ActiveCount == 0) {
    resource->OwnerEntry.OwnerThread = 0;
    WakeAddress(resource);
  }
  guard.Leave();
  ChoicePoint(kChoiceUnlock);
}
BOOLEAN ExIsResourceAcquiredExclusiveLite(PERESOURCE resource) {
  RuntimeLock guard;
  return resource->OwnerEntry.OwnerThread == reinterpret_cast<ERESOURCE_THREAD>(KeGetCurrentThread());
}

VOID ExInitializeRundownProtection(PEX_RUNDOWN_REF ref) { ref->Count = 0; }
VOID ExReInitializeRundownProtection(PEX_RUNDOWN_REF ref) { ref->Count = 0; }
BOOLEAN ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF ref, ULONG count) {
  ChoicePoint(kChoiceLock);
  RuntimeLock guard;
  if (ref->Count & 1) return FALSE;
  ref->Count += ULONG_PTR{2} * count;
  return TRUE;
}
BOOLEAN ExAcquireRundownProtection(PEX_RUNDOWN_REF ref) { return ExAcquireRundownProtectionEx(ref, 1); }
VOID ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF ref, ULONG count) {
  Released(ref);
  RuntimeLock guard;
  if (ref->Count < ULONG_PTR{2} * count) {
    BugCheckNow(kResourceNotOwned, reinterpret_cast<uintptr_t>(ref), 0, 0, 0,
                "rundown protection was released more often than acquired");
  }
  ref->Count -= ULONG_PTR{2} * count;
  if (ref->Count == 1) WakeAddress(ref);
  guard.Leave();
  ChoicePoint(kChoiceUnlock);
}
VOID ExReleaseRundownProtection(PEX_RUNDOWN_REF ref) { ExReleaseRundownProtectionEx(ref, 1); }
VOID ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF ref) {
  RequireCanBlock("ExWaitForRundownProtectionRelease");
  {
    RuntimeLock guard;
    ref->Count |= 1;
    while (ref->Count != 1) BlockOnAddress(ref, "rundown protection", kChoiceWait);
  }
  Acquired(ref);
  ChoicePoint(kChoiceWait);
}
VOID ExRundownCompleted(PEX_RUNDOWN_REF ref) { ref->Count = 1; }

VOID InitializeSListHead(PSLIST_HEADER head) { *head = SLIST_HEADER{}; }
PSLIST_ENTRY ExpInterlockedPopEntrySList(PSLIST_HEADER head) {
  RuntimeLock guard;
  SLIST_ENTRY* entry = head->Wskcert.Next;
  Acquired(head);
  if (entry == nullptr) return nullptr;
  head->Wskcert.Next = entry->Next;
  --head->Wskcert.Depth;
  return entry;
}
PSLIST_ENTRY ExpInterlockedPushEntrySList(PSLIST_HEADER head, PSLIST_ENTRY entry) {
  Released(head);
  RuntimeLock guard;
  SLIST_ENTRY* old = head->Wskcert.Next;
  entry->Next = old;
  head->Wskcert.Next = entry;
  ++head->Wskcert.Depth;
  return old;
}
PSLIST_ENTRY ExpInterlockedFlushSList(PSLIST_HEADER head) {
  RuntimeLock guard;
  SLIST_ENTRY* old = head->Wskcert.Next;
  Acquired(head);
  *head = SLIST_HEADER{};
  return old;
}
USHORT ExQueryDepthSList(PSLIST_HEADER head) {
  RuntimeLock guard;
  return head->Wskcert.Depth;
}

PLIST_ENTRY ExInterlockedInsertHeadList(PLIST_ENTRY head, PLIST_ENTRY entry, PKSPIN_LOCK lock) {
  const KIRQL irql = KeAcquireSpinLockRaiseToDpc(lock);
  PLIST_ENTRY first = IsListEmpty(head) ? nullptr : head->Flink;
  InsertHeadList(head, entry);
  KeReleaseSpinLock(lock, irql);
  return first;
}
PLIST_ENTRY ExInterlockedInsertTailList(PLIST_ENTRY head, PLIST_ENTRY entry, PKSPIN_LOCK lock) {
  const KIRQL irql = KeAcquireSpinLockRaiseToDpc(lock);
  PLIST_ENTRY last = IsListEmpty(head) ? nullptr : head->Blink;
  InsertTailList(head, entry);
  KeReleaseSpinLock(lock, irql);
  return last;
}
PLIST_ENTRY ExInterlockedRemoveHeadList(PLIST_ENTRY head, PKSPIN_LOCK lock) {
  const KIRQL irql = KeAcquireSpinLockRaiseToDpc(lock);
  PLIST_ENTRY entry = IsListEmpty(head) ? nullptr : RemoveHeadList(head);
  KeReleaseSpinLock(lock, irql);
  return entry;
}

ULONG ExGetPreviousMode(void) { return KernelMode; }
VOID ExRaiseStatus(NTSTATUS status) {
  BugCheckNow(0x1E, static_cast<ULONG>(status), 0, 0, 0, "exception 0x%08X was raised",
              static_cast<ULONG>(status));
}
BOOLEAN ExIsProcessorFeaturePresent(ULONG) { return FALSE; }
VOID ExLocalTimeToSystemTime(PLARGE_INTEGER local, PLARGE_INTEGER system) { *system = *local; }
VOID ExSystemTimeToLocalTime(PLARGE_INTEGER system, PLARGE_INTEGER local) { *local = *system; }
NTSTATUS ExUuidCreate(GUID* uuid) {
  // Unique within a run, the same in every run; version and variant bits of a random UUID.
  const uint64_t step = LookAtClock();
  *uuid = GUID{static_cast<ULONG>(step),
               static_cast<USHORT>(step >> 32),
               0x4000,
               {0x80, 'w', 's', 'k', 'c', 'e', 'r', 't'}};
  return STATUS_SUCCESS;
}

}  // extern "C"
