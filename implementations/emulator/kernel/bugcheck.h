// Bug checks: what ends a run because kernel code broke a rule of the kernel.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_BUGCHECK_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_BUGCHECK_H_

#include <wdm.h>

#include <cstdint>

#include "implementations/emulator/kernel/runtime.h"

namespace wskcert::emulator {

// Windows' codes, as far as the runtime uses them.
enum BugCheckCode : uint32_t {
  kIrqlNotLessOrEqual = 0x0A,
  kMaximumWaitObjectsExceeded = 0x0C,
  kSpinLockAlreadyOwned = 0x0F,
  kSpinLockNotOwned = 0x10,
  kReferenceByPointer = 0x18,
  kInconsistentIrp = 0x2A,
  kNoMoreIrpStackLocations = 0x35,
  kMultipleIrpCompleteRequests = 0x44,
  kResourceNotOwned = 0xE3,
  kSpecialPoolCorruption = 0xC1,
  kBadPoolCaller = 0xC2,
  kDriverVerifierDetectedViolation = 0xC4,
  kIrqlUnexpectedValue = 0xC8,
  kDriverVerifierIoManagerViolation = 0xC9,
  kWorkerThreadReturnedAtBadIrql = 0xE1,
  kThreadTerminateHeldMutex = 0x4000008A,
};

// Records the bug check, with "thread N at IRQL x, step s: " before the text, and ends the run. Outside a run
// prints it and aborts the process. printf's format language.
[[noreturn]] void BugCheckNow(uint32_t code, uint64_t p1, uint64_t p2, uint64_t p3, uint64_t p4,
                              const char* format, ...) __attribute__((format(printf, 6, 7)));

// The record of the last one in this run.
BugCheck& RecordedBugCheck();

// Bug check 0x0A unless the caller runs at `maximum` or below.
inline void RequireIrqlAtMost(KIRQL maximum, const char* function);

[[noreturn]] void IrqlTooHigh(KIRQL maximum, const char* function);

}  // namespace wskcert::emulator

#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
inline void RequireIrqlAtMost(KIRQL maximum, const char* function) {
  if (__builtin_expect(CurrentThread()->irql > maximum, 0)) IrqlTooHigh(maximum, function);
}
}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_BUGCHECK_H_
