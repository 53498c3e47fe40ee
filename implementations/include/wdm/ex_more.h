// More of the executive: timers that are allocated, spin locks at DISPATCH_LEVEL, resources within critical
// regions, cache-aware rundown protection, interlocked counters and lists.
#ifndef WSKCERT_INCLUDE_WDM_EX_MORE_H_
#define WSKCERT_INCLUDE_WDM_EX_MORE_H_

#include <wdm/ex.h>

EXTERN_C_START

// ---- Timers, up to DISPATCH_LEVEL. The callback runs at DISPATCH_LEVEL. Times in units of 100 ns, as
// KeSetTimer's.
typedef struct _EX_TIMER* PEX_TIMER;
typedef VOID EXT_CALLBACK(PEX_TIMER Timer, PVOID Context);
typedef EXT_CALLBACK* PEXT_CALLBACK;
typedef VOID EXT_DELETE_CALLBACK(PVOID Context);
typedef EXT_DELETE_CALLBACK* PEXT_DELETE_CALLBACK;
typedef struct _EXT_SET_PARAMETERS_V0 {
  ULONG Version;
  ULONG Reserved;
  LONGLONG NoWakeTolerance;
} EXT_SET_PARAMETERS, *PEXT_SET_PARAMETERS;
typedef struct _EXT_DELETE_PARAMETERS {
  ULONG Version;
  ULONG Reserved;
  PEXT_DELETE_CALLBACK DeleteCallback;
  PVOID DeleteContext;
} EXT_DELETE_PARAMETERS, *PEXT_DELETE_PARAMETERS;
#define EX_TIMER_HIGH_RESOLUTION 4
#define EX_TIMER_NO_WAKE 8
#define EX_TIMER_NOTIFICATION 0x80000000
FORCEINLINE VOID ExInitializeSetTimerParameters(PEXT_SET_PARAMETERS Parameters) {
  __builtin_memset(Parameters, 0, sizeof(*Parameters));
}
FORCEINLINE VOID ExInitializeDeleteTimerParameters(PEXT_DELETE_PARAMETERS Parameters) {
  __builtin_memset(Parameters, 0, sizeof(*Parameters));
}
PEX_TIMER ExAllocateTimer(PEXT_CALLBACK Callback, PVOID CallbackContext, ULONG Attributes);
// Both return whether the timer was set before.
BOOLEAN ExSetTimer(PEX_TIMER Timer, LONGLONG DueTime, LONGLONG Period, PEXT_SET_PARAMETERS Parameters);
BOOLEAN ExCancelTimer(PEX_TIMER Timer, PVOID Parameters);
// Wait, with Cancel and at PASSIVE_LEVEL: for a callback in progress.
BOOLEAN ExDeleteTimer(PEX_TIMER Timer, BOOLEAN Cancel, BOOLEAN Wait, PEXT_DELETE_PARAMETERS Parameters);

// ---- Executive spin locks, for callers at DISPATCH_LEVEL.
VOID ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK SpinLock);
VOID ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK SpinLock);
VOID ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK SpinLock);
VOID ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK SpinLock);

// ---- Resources.
PVOID ExEnterCriticalRegionAndAcquireResourceExclusive(PERESOURCE Resource);
PVOID ExEnterCriticalRegionAndAcquireResourceShared(PERESOURCE Resource);
VOID ExReleaseResourceAndLeaveCriticalRegion(PERESOURCE Resource);
ULONG ExIsResourceAcquiredSharedLite(PERESOURCE Resource);
#define ExReinitializeResourceLite(r) ExInitializeResourceLite(r)
#define ExGetCurrentResourceThread() ((ERESOURCE_THREAD)KeGetCurrentThread())

// ---- Rundown protection that Windows keeps per processor; here it is the ordinary one, in pool.
typedef struct _EX_RUNDOWN_REF_CACHE_AWARE* PEX_RUNDOWN_REF_CACHE_AWARE;
PEX_RUNDOWN_REF_CACHE_AWARE ExAllocateCacheAwareRundownProtection(POOL_TYPE PoolType, ULONG PoolTag);
VOID ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);
BOOLEAN ExAcquireRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);
VOID ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);
VOID ExWaitForRundownProtectionReleaseCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);
VOID ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);
VOID ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);

// ---- Interlocked counters and lists under a spin lock.
PSINGLE_LIST_ENTRY ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead, PSINGLE_LIST_ENTRY ListEntry,
                                              PKSPIN_LOCK Lock);
PSINGLE_LIST_ENTRY ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead, PKSPIN_LOCK Lock);
FORCEINLINE VOID ExInterlockedAddLargeStatistic(PLARGE_INTEGER Addend, ULONG Increment) {
  InterlockedAdd64(&Addend->QuadPart, (LONG64)Increment);
}
FORCEINLINE ULONG ExInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock) {
  UNREFERENCED_PARAMETER(Lock);
  return (ULONG)InterlockedExchangeAdd((volatile LONG*)Addend, (LONG)Increment);
}

// ---- Pool, older and newer forms.
PVOID ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
#define ExAllocatePoolWithQuota(t, n) ExAllocatePoolWithQuotaTag((t), (n), 'enoN')
#define ExAllocatePoolQuotaUninitialized(t, n, tag) ExAllocatePoolUninitialized((t), (n), (tag))
#define POOL_QUOTA_FAIL_INSTEAD_OF_RAISE 8
#define LOOKASIDE_ALIGN DECLSPEC_CACHEALIGN
#define EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL 0x1
#define EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE 0x2
FORCEINLINE VOID ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside) { UNREFERENCED_PARAMETER(Lookaside); }

EXTERN_C_END

#endif  // WSKCERT_INCLUDE_WDM_EX_MORE_H_
