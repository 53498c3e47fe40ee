// The emulator as a whole: the provider over the simulated network over the kernel runtime. Plain C++,
// without <wdm.h>. The parts have headers of their own: kernel/runtime.h (running and scheduling),
// transport/network.h (peers), provider/choices.h (what schedules decide).
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_EMULATOR_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_EMULATOR_H_

#include <cstdint>

namespace wskcert::emulator {

// The provider's five functions: a const WSK_EXPORTS* of wsk_exports.h. The same for the life of the process.
const void* EmulatorExports();

// Brings provider and network back to their initial state, in time proportional to what was used, whatever
// was going on; also after a run that was abandoned. Call it between runs, not during one.
void EmulatorReset();

// A number over everything of provider and network that outlives a run, but for what lies beyond their counts
// of what is used. The same after each EmulatorReset(), or something of a run was left. A microsecond.
uint64_t EmulatorDigest();

// Whether the provider can be captured; true initially. False models a client that starts before the
// subsystem is ready.
void EmulatorSetReady(bool ready);

// The list of transports changes, as far as a client can notice: what waits for that is told. What the list
// says stays the same. Inside a run.
void EmulatorChangeTransports();

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_EMULATOR_H_
