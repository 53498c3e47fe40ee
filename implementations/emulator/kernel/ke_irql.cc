// IRQL and spin locks.
#include <wdm.h>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/ke.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {

// A spin lock holds its owner, with bit 0 set when others wait.
inline ULONG_PTR Owned(const Thread* thread) { return reinterpret_cast<ULONG_PTR>(thread); }

void Acquire(PKSPIN_LOCK lock) {
  Thread* thread = CurrentThread();
  ChoicePoint(kChoiceLock);
  while (*lock != 0) {
    if ((*lock & ~ULONG_PTR{1}) == Owned(thread)) {
      BugCheckNow(kSpinLockAlreadyOwned, reinterpret_cast<uintptr_t>(lock), 0, 0, 0,
                  "a spin lock was acquired by the thread that holds it");
    }
    *lock |= 1;
    BlockOnAddress(lock, "a spin lock", kChoiceLock);
  }
  *lock = Owned(thread);
  ++thread->locks;
}

void Release(PKSPIN_LOCK lock) {
  Thread* thread = CurrentThread();
  const ULONG_PTR value = *lock;
  if ((value & ~ULONG_PTR{1}) != Owned(thread)) {
    BugCheckNow(kSpinLockNotOwned, reinterpret_cast<uintptr_t>(lock), 0, 0, 0,
                "a spin lock was released that %s", value == 0 ? "nobody holds" : "another thread holds");
  }
  *lock = 0;
  --thread->locks;
  if (value & 1) WakeAddress(lock);
}

void RequireDispatch(const char* function) {
  if (CurrentThread()->irql < DISPATCH_LEVEL) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0x40, CurrentThread()->irql, 0, 0,
                "%s called below DISPATCH_LEVEL", function);
  }
}

}  // namespace

void CheckThreadEnd() {
  const Thread* thread = CurrentThread();
  if (thread->locks != 0) {
    BugCheckNow(kThreadTerminateHeldMutex, reinterpret_cast<uintptr_t>(thread), thread->locks, 0, 0,
                "the thread ends while it holds %u spin locks", thread->locks);
  }
  if (thread->irql != PASSIVE_LEVEL) {
    BugCheckNow(kIrqlUnexpectedValue, thread->irql, PASSIVE_LEVEL, 0, 0,
                "the thread ends above PASSIVE_LEVEL");
  }
}

}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

KIRQL KeGetCurrentIrql(void) { return CurrentThread()->irql; }

KIRQL KfRaiseIrql(KIRQL irql) {
  Thread* thread = CurrentThread();
  const KIRQL old = thread->irql;
  if (irql < old) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0x30, old, irql, 0, "KeRaiseIrql from %u to %u", old, irql);
  }
  thread->irql = irql;
  return old;
}

VOID KeLowerIrql(KIRQL irql) {
  Thread* thread = CurrentThread();
  if (irql > thread->irql) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0x31, thread->irql, irql, 0, "KeLowerIrql from %u to %u",
                thread->irql, irql);
  }
  if (irql < DISPATCH_LEVEL && thread->locks != 0) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0x31, thread->irql, irql, thread->locks,
                "KeLowerIrql to %u while %u spin locks are held", irql, thread->locks);
  }
  thread->irql = irql;
}

KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK lock) {
  RequireIrqlAtMost(DISPATCH_LEVEL, "KeAcquireSpinLock");
  Thread* thread = CurrentThread();
  const KIRQL old = thread->irql;
  thread->irql = DISPATCH_LEVEL;
  Acquire(lock);
  return old;
}

VOID KeReleaseSpinLock(PKSPIN_LOCK lock, KIRQL irql) {
  Thread* thread = CurrentThread();
  Release(lock);
  if (irql > thread->irql) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0x32, thread->irql, irql, 0,
                "KeReleaseSpinLock to IRQL %u: the IRQL saved is not the one at acquisition", irql);
  }
  thread->irql = irql;
  ChoicePoint(kChoiceUnlock);
}

VOID KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK lock) {
  RequireDispatch("KeAcquireSpinLockAtDpcLevel");
  Acquire(lock);
}

VOID KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK lock) {
  RequireDispatch("KeReleaseSpinLockFromDpcLevel");
  Release(lock);
  ChoicePoint(kChoiceUnlock);
}

BOOLEAN KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK lock) {
  RequireDispatch("KeTryToAcquireSpinLockAtDpcLevel");
  ChoicePoint(kChoiceLock);
  if (*lock != 0) return FALSE;
  *lock = Owned(CurrentThread());
  ++CurrentThread()->locks;
  return TRUE;
}

BOOLEAN KeTestSpinLock(PKSPIN_LOCK lock) { return *lock == 0; }

KIRQL KeAcquireSpinLockForDpc(PKSPIN_LOCK lock) { return KeAcquireSpinLockRaiseToDpc(lock); }
VOID KeReleaseSpinLockForDpc(PKSPIN_LOCK lock, KIRQL irql) { KeReleaseSpinLock(lock, irql); }

VOID KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle) {
  handle->LockQueue.Lock = lock;
  handle->OldIrql = KeAcquireSpinLockRaiseToDpc(lock);
}
VOID KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE handle) {
  KeReleaseSpinLock(handle->LockQueue.Lock, handle->OldIrql);
}
VOID KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle) {
  handle->LockQueue.Lock = lock;
  KeAcquireSpinLockAtDpcLevel(lock);
}
VOID KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE handle) {
  KeReleaseSpinLockFromDpcLevel(handle->LockQueue.Lock);
}

VOID KeEnterCriticalRegion(void) { ++CurrentThread()->critical_regions; }
VOID KeLeaveCriticalRegion(void) { --CurrentThread()->critical_regions; }
BOOLEAN KeAreApcsDisabled(void) { return CurrentThread()->critical_regions != 0; }

}  // extern "C"
