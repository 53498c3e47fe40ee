// IRQL and spin locks.
#include <wdm.h>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/ke.h"
#include "implementations/emulator/kernel/real_threads.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {

// A spin lock holds its owner, with bit 0 set when others wait.
inline ULONG_PTR Owned(const Thread* thread) { return reinterpret_cast<ULONG_PTR>(thread); }

[[noreturn]] void AcquiredTwice(const volatile KSPIN_LOCK* lock) {
  BugCheckNow(kSpinLockAlreadyOwned, reinterpret_cast<uintptr_t>(lock), 0, 0, 0,
              "a spin lock was acquired by the thread that holds it");
}

// One try with real threads. On failure `value` is what the lock holds.
bool TryReal(PKSPIN_LOCK lock, const Thread* thread, ULONG_PTR* value) {
  *value = 0;
  return __atomic_compare_exchange_n(lock, value, Owned(thread), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

// Who has spun for long blocks, so that the holder can run, and so that a lock which nobody will release
// shows as a deadlock.
[[gnu::noinline, gnu::cold]] void AcquireReal(PKSPIN_LOCK lock, Thread* thread) {
  constexpr int kSpins = 64;
  ULONG_PTR value;
  for (int spins = 1; !TryReal(lock, thread, &value); ++spins) {
    if ((value & ~ULONG_PTR{1}) == Owned(thread)) AcquiredTwice(lock);
    if (spins % kSpins != 0) {
      SpinHost();
      continue;
    }
    RuntimeLock guard;
    // Whoever releases a lock with this bit set wakes its address afterwards, under the lock held here.
    if (__atomic_compare_exchange_n(lock, &value, value | 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
      BlockOnAddress(lock, "a spin lock", kChoiceLock);
    }
  }
  ++thread->locks;
}

[[noreturn]] void ReleasedByAnother(const volatile KSPIN_LOCK* lock, ULONG_PTR value) {
  BugCheckNow(kSpinLockNotOwned, reinterpret_cast<uintptr_t>(lock), 0, 0, 0,
              "a spin lock was released that %s", value == 0 ? "nobody holds" : "another thread holds");
}

[[gnu::noinline, gnu::cold]] void ReleaseReal(PKSPIN_LOCK lock, Thread* thread) {
  ULONG_PTR value = __atomic_load_n(lock, __ATOMIC_RELAXED);
  if ((value & ~ULONG_PTR{1}) != Owned(thread)) ReleasedByAnother(lock, value);
  --thread->locks;
  value = __atomic_exchange_n(lock, 0, __ATOMIC_RELEASE);
  if ((value & 1) == 0) return;
  RuntimeLock guard;
  WakeAddress(lock);
}

void Acquire(PKSPIN_LOCK lock) {
  Thread* thread = CurrentThread();
  ChoicePoint(kChoiceLock);
  if (__builtin_expect(g_scheduler.real, 0)) return AcquireReal(lock, thread);
  while (*lock != 0) {
    if ((*lock & ~ULONG_PTR{1}) == Owned(thread)) AcquiredTwice(lock);
    *lock |= 1;
    BlockOnAddress(lock, "a spin lock", kChoiceLock);
  }
  *lock = Owned(thread);
  ++thread->locks;
}

[[gnu::always_inline]] inline void Release(PKSPIN_LOCK lock) {
  Thread* thread = CurrentThread();
  if (__builtin_expect(g_scheduler.real, 0)) return ReleaseReal(lock, thread);
  const ULONG_PTR value = *lock;
  if ((value & ~ULONG_PTR{1}) != Owned(thread)) ReleasedByAnother(lock, value);
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
  ULONG_PTR value;
  if (!TryReal(lock, CurrentThread(), &value)) return FALSE;
  ++CurrentThread()->locks;
  return TRUE;
}

BOOLEAN KeTestSpinLock(PKSPIN_LOCK lock) { return __atomic_load_n(lock, __ATOMIC_RELAXED) == 0; }

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
