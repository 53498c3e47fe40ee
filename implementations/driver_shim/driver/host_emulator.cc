// The driver on the emulator's kernel runtime.
// clang-format off
#include <wdm.h>
#include <wdmsec.h>
#include <wsk.h>
#include <wsk_exports.h>
// clang-format on

#include "implementations/driver_shim/driver/host_emulator.h"

#include "implementations/driver_shim/driver/host.h"
#include "implementations/emulator/kernel/runtime.h"

namespace wskcert::shim {
namespace {

constexpr ULONG kTag = 0x4B535753;  // "SWSK"

const WSK_EXPORTS kExports = {WskRegister, WskDeregister, WskCaptureProviderNPI, WskReleaseProviderNPI,
                              WskQueryProviderCharacteristics};

bool g_clock;

}  // namespace

NTSTATUS HostCreateDevice(PDRIVER_OBJECT driver, PUNICODE_STRING name, PDEVICE_OBJECT* device,
                          NTSTATUS* security) {
  *security = IoCreateDeviceSecure(driver, 0, name, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE,
                                   &SDDL_DEVOBJ_SYS_ALL_ADM_ALL, nullptr, device);
  return *security;
}

bool HostMayOpen(PIRP) { return true; }

void* HostAllocate(SIZE_T bytes) { return ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, kTag); }

void HostFree(void* block) { ExFreePoolWithTag(block, kTag); }

uint64_t HostCapabilities() {
  return static_cast<uint64_t>(Capability::kExactQuiescence) |
         static_cast<uint64_t>(Capability::kIrqlVisible) | static_cast<uint64_t>(Capability::kHoldAtPassive);
}

const WSK_EXPORTS* HostExports() { return &kExports; }

bool HostHasClock() { return g_clock; }

bool HostSettle() { return !g_clock && emulator::Settle(); }

void UseClock(bool clock) { g_clock = clock; }

}  // namespace wskcert::shim
