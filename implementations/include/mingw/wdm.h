// For builds with mingw-w64: its DDK's wdm.h, which g++ accepts only without the definitions that repeat
// <intrin.h>'s, and what it lacks.
#ifndef WSKCERT_IMPLEMENTATIONS_INCLUDE_MINGW_WDM_H_
#define WSKCERT_IMPLEMENTATIONS_INCLUDE_MINGW_WDM_H_

#include <intrin.h>

#define InterlockedBitTestAndSet WdmInterlockedBitTestAndSet
#define InterlockedBitTestAndReset WdmInterlockedBitTestAndReset
#include <ddk/wdm.h>
#undef InterlockedBitTestAndSet
#undef InterlockedBitTestAndReset

// What the WDK's wdm.h has and this one lacks.
#ifndef ReadAcquire
static inline LONG ReadAcquire(const volatile LONG* p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
#endif
#ifndef WriteRelease
static inline void WriteRelease(volatile LONG* p, LONG value) {
  __atomic_store_n(p, value, __ATOMIC_RELEASE);
}
#endif
#ifndef ReadBooleanAcquire
static inline BOOLEAN ReadBooleanAcquire(const volatile BOOLEAN* p) {
  return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
#endif
#ifndef WriteBooleanRelease
static inline void WriteBooleanRelease(volatile BOOLEAN* p, BOOLEAN value) {
  __atomic_store_n(p, value, __ATOMIC_RELEASE);
}
#endif
#ifndef ReadPointerAcquire
static inline PVOID ReadPointerAcquire(PVOID const volatile* p) {
  return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
#endif

// Of ntddk.h, which this wdm.h cannot be included with.
extern "C" HANDLE NTAPI PsGetCurrentThreadId(VOID);

#endif  // WSKCERT_IMPLEMENTATIONS_INCLUDE_MINGW_WDM_H_
