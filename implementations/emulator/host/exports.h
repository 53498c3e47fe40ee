// The provider that the functions of wsk.h and netioddk.h reach in this process.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_EXPORTS_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_EXPORTS_H_

// wdm.h must come first.
#include <wdm.h>
#include <wsk_exports.h>

namespace wskcert::emulator {

// The driver that HostDriver hosts, in its run.
PDRIVER_OBJECT HostedDriver();

// Null: the emulator's own. Between runs.
void SetExports(const WSK_EXPORTS* exports);
const WSK_EXPORTS* Exports();

// The NMR forgets everybody. Between runs.
void ResetNmr();
// How many clients are registered with the NMR.
ULONG NmrClients();

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_EXPORTS_H_
