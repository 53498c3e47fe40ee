// Integer arithmetic and conversions that notice overflow: STATUS_INTEGER_OVERFLOW, with the result all ones.
#ifndef WSKCERT_INCLUDE_NTINTSAFE_H_
#define WSKCERT_INCLUDE_NTINTSAFE_H_

#include <wdm.h>

#define WSKCERT_INTSAFE_OPERATION(name, builtin, type)      \
  FORCEINLINE NTSTATUS name(type a, type b, type* result) { \
    if (!builtin(a, b, result)) return STATUS_SUCCESS;      \
    *result = (type) ~(type)0;                              \
    return STATUS_INTEGER_OVERFLOW;                         \
  }
#define WSKCERT_INTSAFE_TYPE(name, type)                                  \
  WSKCERT_INTSAFE_OPERATION(Rtl##name##Add, __builtin_add_overflow, type) \
  WSKCERT_INTSAFE_OPERATION(Rtl##name##Sub, __builtin_sub_overflow, type) \
  WSKCERT_INTSAFE_OPERATION(Rtl##name##Mult, __builtin_mul_overflow, type)
WSKCERT_INTSAFE_TYPE(UInt8, UINT8)
WSKCERT_INTSAFE_TYPE(UShort, USHORT)
WSKCERT_INTSAFE_TYPE(ULong, ULONG)
WSKCERT_INTSAFE_TYPE(ULongLong, ULONGLONG)
WSKCERT_INTSAFE_TYPE(ULongPtr, ULONG_PTR)
WSKCERT_INTSAFE_TYPE(SizeT, SIZE_T)
#undef WSKCERT_INTSAFE_TYPE
#undef WSKCERT_INTSAFE_OPERATION

#define WSKCERT_INTSAFE_CONVERSION(name, from, to)         \
  FORCEINLINE NTSTATUS name(from value, to* result) {      \
    if (!__builtin_add_overflow(value, (from)0, result)) { \
      return STATUS_SUCCESS;                               \
    }                                                      \
    *result = (to) ~(to)0;                                 \
    return STATUS_INTEGER_OVERFLOW;                        \
  }
WSKCERT_INTSAFE_CONVERSION(RtlULongToUShort, ULONG, USHORT)
WSKCERT_INTSAFE_CONVERSION(RtlULongToUInt8, ULONG, UINT8)
WSKCERT_INTSAFE_CONVERSION(RtlULongToLong, ULONG, LONG)
WSKCERT_INTSAFE_CONVERSION(RtlLongToULong, LONG, ULONG)
WSKCERT_INTSAFE_CONVERSION(RtlSizeTToULong, SIZE_T, ULONG)
WSKCERT_INTSAFE_CONVERSION(RtlSizeTToUShort, SIZE_T, USHORT)
WSKCERT_INTSAFE_CONVERSION(RtlULongLongToULong, ULONGLONG, ULONG)
WSKCERT_INTSAFE_CONVERSION(RtlULongLongToUShort, ULONGLONG, USHORT)
WSKCERT_INTSAFE_CONVERSION(RtlULongPtrToULong, ULONG_PTR, ULONG)
#undef WSKCERT_INTSAFE_CONVERSION

#endif  // WSKCERT_INCLUDE_NTINTSAFE_H_
