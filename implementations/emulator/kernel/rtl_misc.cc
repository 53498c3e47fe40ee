// Calendar time, one-time initialisation, the system's version.
#include <wdm.h>

#include "implementations/emulator/kernel/bugcheck.h"

namespace {

constexpr LONGLONG kSecond = 10'000'000;
constexpr LONGLONG kDay = 86'400 * kSecond;
constexpr LONGLONG kSecondsTo1970 = 11'644'473'600;

// Days from 1601-01-01 of the proleptic Gregorian calendar, months and days counted from 1.
LONGLONG DaysBefore(LONGLONG year, LONGLONG month, LONGLONG day) {
  // Years that begin in March, so that the leap day is a year's last.
  const LONGLONG shifted = month <= 2 ? year - 1 : year;
  const LONGLONG months = month <= 2 ? month + 9 : month - 3;
  const LONGLONG days =
      shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (months * 153 + 2) / 5 + day - 1;
  constexpr LONGLONG kBefore1601 = 1600LL * 365 + 1600 / 4 - 1600 / 100 + 1600 / 400 + 306;
  return days - kBefore1601;
}

bool LeapYear(LONGLONG year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

LONGLONG DaysIn(LONGLONG year, LONGLONG month) {
  constexpr UCHAR kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && LeapYear(year) ? 29 : kDays[month - 1];
}

constexpr ULONG_PTR kInProgress = 1;
constexpr ULONG_PTR kDone = 2;

// Begins, or waits until somebody else has ended: true if the caller is to initialise.
bool BeginOnce(RTL_RUN_ONCE* once) {
  for (;;) {
    const auto state = reinterpret_cast<ULONG_PTR>(
        InterlockedCompareExchangePointer(&once->Ptr, reinterpret_cast<PVOID>(kInProgress), nullptr));
    if (state == 0) return true;
    if (state & kDone) return false;
    LARGE_INTEGER pause;
    pause.QuadPart = -kSecond / 1000;
    KeDelayExecutionThread(KernelMode, FALSE, &pause);
  }
}

PVOID ContextOf(const RTL_RUN_ONCE* once) {
  return reinterpret_cast<PVOID>(reinterpret_cast<ULONG_PTR>(once->Ptr) & ~(kInProgress | kDone));
}

void EndOnce(RTL_RUN_ONCE* once, bool succeeded, PVOID context) {
  const ULONG_PTR state = succeeded ? reinterpret_cast<ULONG_PTR>(context) | kDone : 0;
  InterlockedExchangePointer(&once->Ptr, reinterpret_cast<PVOID>(state));
}

}  // namespace

using wskcert::emulator::RequireIrqlAtMost;

extern "C" {

VOID RtlTimeToTimeFields(PLARGE_INTEGER time, PTIME_FIELDS fields) {
  const LONGLONG days = time->QuadPart / kDay;
  const LONGLONG rest = time->QuadPart % kDay;
  LONGLONG year = 1601 + days / 366;
  while (DaysBefore(year + 1, 1, 1) <= days) ++year;
  LONGLONG month = 1;
  while (month < 12 && DaysBefore(year, month + 1, 1) <= days) ++month;
  fields->Year = static_cast<CSHORT>(year);
  fields->Month = static_cast<CSHORT>(month);
  fields->Day = static_cast<CSHORT>(days - DaysBefore(year, month, 1) + 1);
  fields->Hour = static_cast<CSHORT>(rest / (3600 * kSecond));
  fields->Minute = static_cast<CSHORT>(rest / (60 * kSecond) % 60);
  fields->Second = static_cast<CSHORT>(rest / kSecond % 60);
  fields->Milliseconds = static_cast<CSHORT>(rest / (kSecond / 1000) % 1000);
  fields->Weekday = static_cast<CSHORT>((days + 1) % 7);  // 1601-01-01 was a Monday.
}

BOOLEAN RtlTimeFieldsToTime(PTIME_FIELDS fields, PLARGE_INTEGER time) {
  if (fields->Year < 1601 || fields->Month < 1 || fields->Month > 12 || fields->Day < 1 ||
      fields->Day > DaysIn(fields->Year, fields->Month) || fields->Hour < 0 || fields->Hour > 23 ||
      fields->Minute < 0 || fields->Minute > 59 || fields->Second < 0 || fields->Second > 59 ||
      fields->Milliseconds < 0 || fields->Milliseconds > 999) {
    return FALSE;
  }
  time->QuadPart = DaysBefore(fields->Year, fields->Month, fields->Day) * kDay +
                   (fields->Hour * 3600 + fields->Minute * 60 + fields->Second) * kSecond +
                   fields->Milliseconds * (kSecond / 1000);
  return TRUE;
}

BOOLEAN RtlTimeToSecondsSince1970(PLARGE_INTEGER time, PULONG seconds) {
  const LONGLONG since = time->QuadPart / kSecond - kSecondsTo1970;
  if (since < 0 || since > MAXULONG) return FALSE;
  *seconds = static_cast<ULONG>(since);
  return TRUE;
}

VOID RtlSecondsSince1970ToTime(ULONG seconds, PLARGE_INTEGER time) {
  time->QuadPart = (kSecondsTo1970 + seconds) * kSecond;
}

VOID RtlRunOnceInitialize(PRTL_RUN_ONCE once) { once->Ptr = nullptr; }

NTSTATUS RtlRunOnceExecuteOnce(PRTL_RUN_ONCE once, PRTL_RUN_ONCE_INIT_FN function, PVOID parameter,
                               PVOID* context) {
  RequireIrqlAtMost(APC_LEVEL, "RtlRunOnceExecuteOnce");
  if (BeginOnce(once)) {
    const bool succeeded = function(once, parameter, context) != 0;
    EndOnce(once, succeeded, succeeded && context != nullptr ? *context : nullptr);
    return succeeded ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
  }
  if (context != nullptr) *context = ContextOf(once);
  return STATUS_SUCCESS;
}

NTSTATUS RtlRunOnceBeginInitialize(PRTL_RUN_ONCE once, ULONG flags, PVOID* context) {
  RequireIrqlAtMost(APC_LEVEL, "RtlRunOnceBeginInitialize");
  if (flags & RTL_RUN_ONCE_ASYNC) return STATUS_NOT_SUPPORTED;
  if (flags & RTL_RUN_ONCE_CHECK_ONLY) {
    if (!(reinterpret_cast<ULONG_PTR>(once->Ptr) & kDone)) return STATUS_UNSUCCESSFUL;
  } else if (BeginOnce(once)) {
    return STATUS_PENDING;
  }
  if (context != nullptr) *context = ContextOf(once);
  return STATUS_SUCCESS;
}

NTSTATUS RtlRunOnceComplete(PRTL_RUN_ONCE once, ULONG flags, PVOID context) {
  if (reinterpret_cast<ULONG_PTR>(once->Ptr) != kInProgress) return STATUS_UNSUCCESSFUL;
  EndOnce(once, !(flags & RTL_RUN_ONCE_INIT_FAILED), context);
  return STATUS_SUCCESS;
}

NTSTATUS RtlGetVersion(PRTL_OSVERSIONINFOW version) {
  version->dwMajorVersion = 10;
  version->dwMinorVersion = 0;
  version->dwBuildNumber = 19041;
  version->dwPlatformId = 2;
  version->szCSDVersion[0] = 0;
  if (version->dwOSVersionInfoSize >= sizeof(OSVERSIONINFOEXW)) {
    auto* extended = reinterpret_cast<OSVERSIONINFOEXW*>(version);
    extended->wServicePackMajor = extended->wServicePackMinor = extended->wSuiteMask = 0;
    extended->wProductType = 1;
    extended->wReserved = 0;
  }
  return STATUS_SUCCESS;
}

BOOLEAN RtlIsNtDdiVersionAvailable(ULONG version) { return version <= NTDDI_WIN10_VB; }

}  // extern "C"
