// Validation of programs. In the driver a program is a buffer from user mode, so nothing in it is believed
// before this has passed: sizes, counts, every slot of every step, and that no callback is held in a way that
// could never end.
#ifndef WSKCERT_CONFORMANCE_EXECUTOR_PROGRAM_CHECK_H_
#define WSKCERT_CONFORMANCE_EXECUTOR_PROGRAM_CHECK_H_

#include <stddef.h>
#include <stdint.h>

#include "conformance/executor/format.h"

namespace wskcert {

enum class ProgramFault : uint8_t {
  kNone = 0,
  kTooShort,        // not even a header, or the size it states is not the size given
  kMisaligned,      // not at an address that is a multiple of 8
  kNotAProgram,     // another magic number
  kVersion,         // another version of the format
  kReserved,        // a reserved field is not zero
  kCounts,          // a count beyond its limit, or no thread
  kSize,            // the parts do not add up to the size
  kThreadRange,     // a thread's steps are not steps of the program
  kScriptRange,     // a script's steps likewise
  kScriptOverlap,   // steps of a script overlap another's or a thread's: they would not know where they run
  kScriptEvent,     // unknown event, or an unknown way to return
  kScriptSlot,      // a slot beyond those that the header declares
  kOp,              // unknown operation
  kStepSlot,        // a slot beyond those that the header declares, or missing
  kStepLevel,       // a level other than PASSIVE and DISPATCH, or DISPATCH for a call that may wait
  kStepRange,       // another field out of its range
  kWaitInScript,    // a step that waits, inside a callback or completion routine
  kHeldCompletion,  // a completion routine that would be held
  kReleaseInHold,   // a hold that only the held call itself would release
  kChoice,          // the same choice fixed twice
};

struct ProgramError {
  ProgramFault fault;
  uint32_t
      index;  // of the thread, script, step or choice; for kSize and kTooShort the size that was expected
};

// Checks all of it. Touches only [bytes, bytes + size). Linear in the size. Any level.
ProgramError ValidateProgram(const void* bytes, size_t size);

// One sentence about a fault, static.
const char* ProgramFaultText(ProgramFault fault);

// True if `op` is an operation that the format defines.
bool IsKnownOp(uint16_t op);
// Whether a call of this operation may wait, and so is made at PASSIVE_LEVEL
// (nf-wsk-wskcaptureprovidernpi.md, nf-wsk-wskderegister.md). `length` as in the step: of a capture how long
// it waits at most, in milliseconds.
bool NeedsPassiveLevel(uint16_t op, uint32_t length);
// Its name as sequences spell it ("event_callback"), or null.
const char* OpName(uint16_t op);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXECUTOR_PROGRAM_CHECK_H_
