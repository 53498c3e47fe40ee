// Hosting a driver: loads a WSK client that was written for Windows on the emulator, lets peers talk to it,
// unloads it and reports. Plain C++ without <wdm.h>, for test programs of whoever writes the driver.
//
//   extern "C" int32_t DriverEntry(void* driver_object, void* registry_path);    // the driver's own
//
//   void Talk(void* context) {                  // on a thread of the emulated kernel, at PASSIVE_LEVEL
//     auto* peers = static_cast<Peers*>(context);
//     peers->Connect(1, 7);                     // peer 1 connects to port 7 of the host
//     Settle();                                 // until nothing is left to run
//     peers->Send(1, "hello");
//     Settle();
//   }
//
//   int main() {
//     Peers peers;                              // remembers what the peers see
//     HostOptions options;
//     options.run.schedule = bytes;             // who runs when: other bytes, other interleavings
//     options.run.schedule_size = size;
//     HostReport report;
//     HostDriver(&DriverEntry, options, &Talk, &peers, &report);
//     puts(report.text);                        // "loaded, unloaded, nothing left behind"
//     return Clean(report) && peers.Saw(1).received == "hello" ? 0 : 1;
//   }
//
// docs/hosting.md has a whole program, how to build it, and the messages for misuse. One driver at a time, as
// with Run (runtime.h).
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_HOST_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_HOST_H_

#include <cstddef>
#include <cstdint>

#include "implementations/emulator/kernel/registry.h"
#include "implementations/emulator/kernel/runtime.h"

namespace wskcert::emulator {

// DRIVER_INITIALIZE, as a program without <wdm.h> sees it.
using DriverEntryFunction = int32_t (*)(void* driver_object, void* registry_path);

struct HostOptions {
  RunOptions run;  // Schedule, fixed choices, step budget, the allocation that fails.
  // The driver is \Driver\NAME and its registry path
  // \Registry\Machine\System\CurrentControlSet\Services\NAME.
  const char* name = "Hosted";
  // What stands in the registry. Must live until HostDriver returns.
  const RegistryValue* registry = nullptr;
  size_t registry_size = 0;
  // The provider that the driver's WskRegister and its like reach: a const WSK_EXPORTS* (wsk_exports.h), for
  // instance of an interposer; null: the emulator's own.
  const void* exports = nullptr;
  // Whether the subsystem is ready when the driver starts; if not, EmulatorSetReady (emulator.h) makes it so.
  bool ready = true;
};

struct HostReport {
  RunReport run;
  bool entered;  // DriverEntry has returned.
  int32_t
      entry_status;  // What it returned, an NTSTATUS. If it is a failure, neither script nor unload follow.
  bool unloaded;     // DriverUnload has returned, or there was nothing to unload after a failure.
  // What happened, in a sentence: how the run ended and why, or what was not given back.
  char text[1400];
};

// Loads the driver, plays script(context) if DriverEntry succeeded, and unloads the driver; a script that
// does not Settle at its end leaves the unload to race with what it began. All this happens on the first
// thread of a new run, over an emulator that was reset. What outlives the unload ends the run with bug check
// 0xCE: threads of the driver that have not ended, timers still set, registrations with WSK or the NMR;
// devices that were not deleted are leaks. A driver without DriverUnload stays loaded, which the report says.
void HostDriver(DriverEntryFunction entry, const HostOptions& options, void (*script)(void* context),
                void* context, HostReport* report);

// For scripts: opens the driver's device (the last that it created), makes one device control request with
// these buffers, and closes it again. Returns the NTSTATUS of the request, or of the create request if that
// failed; *returned is how many bytes of `output` the driver filled.
int32_t HostControl(uint32_t code, const void* input, uint32_t input_size, void* output, uint32_t output_size,
                    uint32_t* returned);

// Whether the run finished, the driver was loaded and unloaded, and nothing was left behind.
bool Clean(const HostReport& report);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_HOST_H_
