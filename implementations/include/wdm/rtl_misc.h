// Calendar time, one-time initialisation, the system's version, wide integers.
#ifndef WSKCERT_INCLUDE_WDM_RTL_MISC_H_
#define WSKCERT_INCLUDE_WDM_RTL_MISC_H_

#include <wdm/rtl.h>

EXTERN_C_START

// ---- Time in units of 100 ns since 1601. Any IRQL.
typedef struct _TIME_FIELDS {
  CSHORT Year;  // From 1601.
  CSHORT Month;
  CSHORT Day;
  CSHORT Hour;
  CSHORT Minute;
  CSHORT Second;
  CSHORT Milliseconds;
  CSHORT Weekday;  // 0: Sunday.
} TIME_FIELDS, *PTIME_FIELDS;
VOID RtlTimeToTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields);
BOOLEAN RtlTimeFieldsToTime(PTIME_FIELDS TimeFields, PLARGE_INTEGER Time);  // FALSE: no such date.
BOOLEAN RtlTimeToSecondsSince1970(PLARGE_INTEGER Time, PULONG ElapsedSeconds);
VOID RtlSecondsSince1970ToTime(ULONG ElapsedSeconds, PLARGE_INTEGER Time);

// ---- One-time initialisation, up to APC_LEVEL. Whoever comes second waits for the first.
typedef union _RTL_RUN_ONCE {
  PVOID Ptr;
} RTL_RUN_ONCE, *PRTL_RUN_ONCE;
#define RTL_RUN_ONCE_INIT \
  { 0 }
#define RTL_RUN_ONCE_CHECK_ONLY 0x00000001UL
#define RTL_RUN_ONCE_ASYNC 0x00000002UL
#define RTL_RUN_ONCE_INIT_FAILED 0x00000004UL
#define RTL_RUN_ONCE_CTX_RESERVED_BITS 2
typedef ULONG NTAPI RTL_RUN_ONCE_INIT_FN(PRTL_RUN_ONCE RunOnce, PVOID Parameter, PVOID* Context);
typedef RTL_RUN_ONCE_INIT_FN* PRTL_RUN_ONCE_INIT_FN;
VOID RtlRunOnceInitialize(PRTL_RUN_ONCE RunOnce);
// STATUS_UNSUCCESSFUL: the function returned 0; the next caller tries again.
NTSTATUS RtlRunOnceExecuteOnce(PRTL_RUN_ONCE RunOnce, PRTL_RUN_ONCE_INIT_FN InitFn, PVOID Parameter,
                               PVOID* Context);
// STATUS_PENDING: the caller initialises, then completes. Asynchronous initialisation is not offered.
NTSTATUS RtlRunOnceBeginInitialize(PRTL_RUN_ONCE RunOnce, ULONG Flags, PVOID* Context);
NTSTATUS RtlRunOnceComplete(PRTL_RUN_ONCE RunOnce, ULONG Flags, PVOID Context);

// ---- The version that is claimed: Windows 10. PASSIVE_LEVEL.
typedef struct _OSVERSIONINFOW {
  ULONG dwOSVersionInfoSize;
  ULONG dwMajorVersion;
  ULONG dwMinorVersion;
  ULONG dwBuildNumber;
  ULONG dwPlatformId;
  WCHAR szCSDVersion[128];
} OSVERSIONINFOW, *POSVERSIONINFOW, RTL_OSVERSIONINFOW, *PRTL_OSVERSIONINFOW;
typedef struct _OSVERSIONINFOEXW {
  ULONG dwOSVersionInfoSize;
  ULONG dwMajorVersion;
  ULONG dwMinorVersion;
  ULONG dwBuildNumber;
  ULONG dwPlatformId;
  WCHAR szCSDVersion[128];
  USHORT wServicePackMajor;
  USHORT wServicePackMinor;
  USHORT wSuiteMask;
  UCHAR wProductType;
  UCHAR wReserved;
} OSVERSIONINFOEXW, *POSVERSIONINFOEXW, RTL_OSVERSIONINFOEXW, *PRTL_OSVERSIONINFOEXW;
NTSTATUS RtlGetVersion(PRTL_OSVERSIONINFOW VersionInformation);
BOOLEAN RtlIsNtDdiVersionAvailable(ULONG Version);

// ---- Bits and wide integers. Any IRQL.
FORCEINLINE CCHAR RtlFindMostSignificantBit(ULONGLONG Set) {
  return (CCHAR)(Set == 0 ? -1 : 63 - __builtin_clzll(Set));
}
FORCEINLINE CCHAR RtlFindLeastSignificantBit(ULONGLONG Set) {
  return (CCHAR)(Set == 0 ? -1 : __builtin_ctzll(Set));
}
FORCEINLINE LARGE_INTEGER RtlConvertLongToLargeInteger(LONG Value) {
  LARGE_INTEGER result;
  result.QuadPart = Value;
  return result;
}
FORCEINLINE LARGE_INTEGER RtlConvertUlongToLargeInteger(ULONG Value) {
  LARGE_INTEGER result;
  result.QuadPart = Value;
  return result;
}
#define Int32x32To64(a, b) ((LONGLONG)(LONG)(a) * (LONG)(b))
#define UInt32x32To64(a, b) ((ULONGLONG)(ULONG)(a) * (ULONG)(b))

EXTERN_C_END

#endif  // WSKCERT_INCLUDE_WDM_RTL_MISC_H_
