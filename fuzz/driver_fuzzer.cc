// libFuzzer's target: the driver's device, hosted on the emulator, under programs that are no friends of it:
// buffers, sizes, codes and orders of requests, several handles at a time, cancels, and an unload in the
// middle (driver_script.h says how bytes become that). A finding is what the sanitizers or the emulated
// kernel find, a request that is never completed, and whatever is left behind.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "implementations/driver_shim/hosted/driver_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wskcert::shim::ScriptCounts counts = {};
  const wskcert::emulator::HostReport report = wskcert::shim::RunDriverScript(data, size, &counts);
  if (wskcert::emulator::Clean(report)) return 0;
  std::fprintf(stderr, "Check failed: %s\n", report.text);
  std::abort();
}
