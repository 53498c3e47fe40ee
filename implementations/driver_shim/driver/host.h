// What the driver asks of the machine that differs between a kernel (host_windows.cc: Windows and Wine) and
// the emulator's runtime (host_emulator.cc). Include <wdm.h> and <wsk_exports.h> first. Internal to the
// driver.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_HOST_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_HOST_H_

#include "conformance/executor/format.h"

namespace wskcert::shim {

// A device that only SYSTEM and Administrators may open, also below its name. *security tells how restricting
// it went; where that is a failure, so is the return. PASSIVE_LEVEL.
NTSTATUS HostCreateDevice(PDRIVER_OBJECT driver, PUNICODE_STRING name, PDEVICE_OBJECT* device,
                          NTSTATUS* security);

// Whether who asks for this IRP_MJ_CREATE may have the device: a second lock on the same door. PASSIVE_LEVEL.
bool HostMayOpen(PIRP irp);

// Nonpaged, not executable, zeroed, 16-byte aligned; null. Up to DISPATCH_LEVEL.
void* HostAllocate(SIZE_T bytes);
void HostFree(void* block);

// Capability bits that the host's kernel gives.
uint64_t HostCapabilities();

// The provider's functions. A pointer to static memory.
const WSK_EXPORTS* HostExports();

// Whether time passes by itself. Where it does not, everything else that can happen happens before a wait
// ends for its bound, and waits have none.
bool HostHasClock();

// Waits until nothing is left to run, where the host can tell: true. False: the caller has to wait for
// silence. PASSIVE_LEVEL.
bool HostSettle();

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_HOST_H_
