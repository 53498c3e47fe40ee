// Interlocked operations, full barriers as on Windows.
#ifndef WSKCERT_INCLUDE_WDM_INTERLOCKED_H_
#define WSKCERT_INCLUDE_WDM_INTERLOCKED_H_

#include <ntdef.h>

#define WSKCERT_INTERLOCKED(suffix, type)                                                        \
  FORCEINLINE type InterlockedIncrement##suffix(volatile type* p) {                              \
    return __atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST);                                           \
  }                                                                                              \
  FORCEINLINE type InterlockedDecrement##suffix(volatile type* p) {                              \
    return __atomic_sub_fetch(p, 1, __ATOMIC_SEQ_CST);                                           \
  }                                                                                              \
  FORCEINLINE type InterlockedExchangeAdd##suffix(volatile type* p, type v) {                    \
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                                           \
  }                                                                                              \
  FORCEINLINE type InterlockedAdd##suffix(volatile type* p, type v) {                            \
    return __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST);                                           \
  }                                                                                              \
  FORCEINLINE type InterlockedExchange##suffix(volatile type* p, type v) {                       \
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                          \
  }                                                                                              \
  FORCEINLINE type InterlockedCompareExchange##suffix(volatile type* p, type v, type expected) { \
    __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);     \
    return expected;                                                                             \
  }                                                                                              \
  FORCEINLINE type InterlockedAnd##suffix(volatile type* p, type v) {                            \
    return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                                           \
  }                                                                                              \
  FORCEINLINE type InterlockedOr##suffix(volatile type* p, type v) {                             \
    return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                                            \
  }                                                                                              \
  FORCEINLINE type InterlockedXor##suffix(volatile type* p, type v) {                            \
    return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);                                           \
  }

#ifndef __cplusplus
#include <stdbool.h>
#endif

WSKCERT_INTERLOCKED(, LONG)
WSKCERT_INTERLOCKED(64, LONG64)
WSKCERT_INTERLOCKED(16, SHORT)
WSKCERT_INTERLOCKED(8, CHAR)
#undef WSKCERT_INTERLOCKED

#define InterlockedIncrementAcquire InterlockedIncrement
#define InterlockedIncrementRelease InterlockedIncrement
#define InterlockedIncrementNoFence InterlockedIncrement
#define InterlockedDecrementAcquire InterlockedDecrement
#define InterlockedDecrementRelease InterlockedDecrement
#define InterlockedDecrementNoFence InterlockedDecrement
#define InterlockedCompareExchangeAcquire InterlockedCompareExchange
#define InterlockedCompareExchangeRelease InterlockedCompareExchange
#define InterlockedExchangeAddNoFence InterlockedExchangeAdd
#define InterlockedAddNoFence InterlockedAdd
#define InterlockedAdd64NoFence InterlockedAdd64

FORCEINLINE PVOID WskcertExchangePointer(PVOID volatile* p, PVOID v) {
  return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}
FORCEINLINE PVOID WskcertCompareExchangePointer(PVOID volatile* p, PVOID v, PVOID expected) {
  __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return expected;
}
// Macros, because callers pass pointers to pointers of any type.
#define InterlockedExchangePointer(p, v) WskcertExchangePointer((PVOID volatile*)(p), (PVOID)(v))
#define InterlockedCompareExchangePointer(p, v, e) \
  WskcertCompareExchangePointer((PVOID volatile*)(p), (PVOID)(v), (PVOID)(e))

FORCEINLINE UCHAR InterlockedBitTestAndSet(volatile LONG* p, LONG bit) {
  return (UCHAR)((InterlockedOr(&p[bit >> 5], (LONG)(1u << (bit & 31))) >> (bit & 31)) & 1);
}
FORCEINLINE UCHAR InterlockedBitTestAndReset(volatile LONG* p, LONG bit) {
  return (UCHAR)((InterlockedAnd(&p[bit >> 5], (LONG) ~(1u << (bit & 31))) >> (bit & 31)) & 1);
}

FORCEINLINE UCHAR InterlockedBitTestAndSet64(volatile LONG64* p, LONG64 bit) {
  return (UCHAR)((InterlockedOr64(&p[bit >> 6], (LONG64)(1ull << (bit & 63))) >> (bit & 63)) & 1);
}
FORCEINLINE UCHAR InterlockedBitTestAndReset64(volatile LONG64* p, LONG64 bit) {
  return (UCHAR)((InterlockedAnd64(&p[bit >> 6], (LONG64) ~(1ull << (bit & 63))) >> (bit & 63)) & 1);
}
// Not interlocked.
FORCEINLINE UCHAR BitTest(const LONG* p, LONG bit) { return (UCHAR)(((ULONG)p[bit >> 5] >> (bit & 31)) & 1); }
FORCEINLINE UCHAR BitTest64(const LONG64* p, LONG64 bit) {
  return (UCHAR)(((ULONG64)p[bit >> 6] >> (bit & 63)) & 1);
}
FORCEINLINE UCHAR BitScanForward(ULONG* Index, ULONG Mask) {
  if (Mask != 0) *Index = (ULONG)__builtin_ctz(Mask);
  return Mask != 0;
}
FORCEINLINE UCHAR BitScanReverse(ULONG* Index, ULONG Mask) {
  if (Mask != 0) *Index = 31u - (ULONG)__builtin_clz(Mask);
  return Mask != 0;
}
FORCEINLINE UCHAR BitScanForward64(ULONG* Index, ULONG64 Mask) {
  if (Mask != 0) *Index = (ULONG)__builtin_ctzll(Mask);
  return Mask != 0;
}
FORCEINLINE UCHAR BitScanReverse64(ULONG* Index, ULONG64 Mask) {
  if (Mask != 0) *Index = 63u - (ULONG)__builtin_clzll(Mask);
  return Mask != 0;
}

// Sizes, and the compiler's own names for all of these.
#define InterlockedIncrementSizeT(p) ((SIZE_T)InterlockedIncrement64((volatile LONG64*)(p)))
#define InterlockedDecrementSizeT(p) ((SIZE_T)InterlockedDecrement64((volatile LONG64*)(p)))
#define InterlockedExchangeAddSizeT(p, v) \
  ((SIZE_T)InterlockedExchangeAdd64((volatile LONG64*)(p), (LONG64)(v)))
#define InterlockedAddSizeT(p, v) ((SIZE_T)InterlockedAdd64((volatile LONG64*)(p), (LONG64)(v)))
#define _InterlockedIncrement InterlockedIncrement
#define _InterlockedDecrement InterlockedDecrement
#define _InterlockedExchange InterlockedExchange
#define _InterlockedExchangeAdd InterlockedExchangeAdd
#define _InterlockedCompareExchange InterlockedCompareExchange
#define _InterlockedOr InterlockedOr
#define _InterlockedAnd InterlockedAnd
#define _InterlockedIncrement64 InterlockedIncrement64
#define _InterlockedDecrement64 InterlockedDecrement64
#define _InterlockedExchange64 InterlockedExchange64
#define _InterlockedExchangeAdd64 InterlockedExchangeAdd64
#define _InterlockedCompareExchange64 InterlockedCompareExchange64
#define _InterlockedExchangePointer InterlockedExchangePointer
#define _InterlockedCompareExchangePointer InterlockedCompareExchangePointer
#define _bittest BitTest
#define _interlockedbittestandset InterlockedBitTestAndSet
#define _interlockedbittestandreset InterlockedBitTestAndReset
#define _BitScanForward BitScanForward
#define _BitScanReverse BitScanReverse
#define _BitScanForward64 BitScanForward64
#define _BitScanReverse64 BitScanReverse64

#define WSKCERT_READ_WRITE(suffix, type)                              \
  FORCEINLINE type Read##suffix##Acquire(const volatile type* p) {    \
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);                      \
  }                                                                   \
  FORCEINLINE type Read##suffix##NoFence(const volatile type* p) {    \
    return __atomic_load_n(p, __ATOMIC_RELAXED);                      \
  }                                                                   \
  FORCEINLINE void Write##suffix##Release(volatile type* p, type v) { \
    __atomic_store_n(p, v, __ATOMIC_RELEASE);                         \
  }                                                                   \
  FORCEINLINE void Write##suffix##NoFence(volatile type* p, type v) { \
    __atomic_store_n(p, v, __ATOMIC_RELAXED);                         \
  }
WSKCERT_READ_WRITE(, LONG)
WSKCERT_READ_WRITE(64, LONG64)
WSKCERT_READ_WRITE(U, ULONG)
WSKCERT_READ_WRITE(U64, ULONG64)
WSKCERT_READ_WRITE(Boolean, BOOLEAN)
WSKCERT_READ_WRITE(Pointer, PVOID)
#undef WSKCERT_READ_WRITE
#define ReadULongAcquire ReadUAcquire
#define ReadULongNoFence ReadUNoFence
#define WriteULongRelease WriteURelease
#define WriteULongNoFence WriteUNoFence
#define ReadULong64NoFence ReadU64NoFence
#define ReadULong64Acquire ReadU64Acquire

#define MemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define KeMemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define KeMemoryBarrierWithoutFence() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define YieldProcessor() KeYieldProcessor()
#define _ReadWriteBarrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)

EXTERN_C_START
// What a spin loop says to the processor: another thread may run here. Any IRQL.
void KeYieldProcessor(void);
EXTERN_C_END

#endif  // WSKCERT_INCLUDE_WDM_INTERLOCKED_H_
