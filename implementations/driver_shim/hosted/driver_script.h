// What a hostile or clumsy program of user mode does to the driver, out of bytes: opens and closes handles,
// in any order and without some of the steps; requests with any code, sizes and contents, several at a time;
// cancels; answers commands wrongly or not at all; and leaves the unload to find it all in the middle. The
// driver is hosted on the emulator, over its provider.
//
// Every byte string is such a script, and the same bytes do the same.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_HOSTED_DRIVER_SCRIPT_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_HOSTED_DRIVER_SCRIPT_H_

#include <cstddef>
#include <cstdint>

#include "implementations/emulator/host/host.h"

namespace wskcert::shim {

// How often a script got somewhere, so that a test can tell that scripts are worth something.
struct ScriptCounts {
  uint32_t requests;
  uint32_t succeeded;
  uint32_t refused;
  uint32_t cancelled;  // completed with STATUS_CANCELLED
  uint32_t plays;      // that gave a log
  uint32_t left;       // requests that were pending when the unload came
};

// Plays a script, unloads the driver and reports: Clean(report) unless the driver is wrong. Adds to *counts.
emulator::HostReport RunDriverScript(const uint8_t* bytes, size_t size, ScriptCounts* counts);

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_HOSTED_DRIVER_SCRIPT_H_
