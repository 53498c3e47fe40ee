// The driver on a kernel: Windows, and Wine's.
// clang-format off
#include <wdm.h>
#include <wsk.h>
#include <wsk_exports.h>
// clang-format on

#include "implementations/driver_shim/driver/host.h"
#include "implementations/driver_shim/driver/security.h"

// Of ntifs.h, which this wdm.h does not go together with.
extern "C" NTSTATUS NTAPI ObOpenObjectByPointer(PVOID, ULONG, PVOID, ACCESS_MASK, PVOID, KPROCESSOR_MODE,
                                                PHANDLE);
extern "C" NTSTATUS NTAPI ZwSetSecurityObject(HANDLE, SECURITY_INFORMATION, PSECURITY_DESCRIPTOR);
extern "C" BOOLEAN NTAPI SeSinglePrivilegeCheck(LUID, KPROCESSOR_MODE);

namespace wskcert::shim {
namespace {

constexpr ULONG kTag = 0x4B535753;  // "SWSK"

const WSK_EXPORTS kExports = {WskRegister, WskDeregister, WskCaptureProviderNPI, WskReleaseProviderNPI,
                              WskQueryProviderCharacteristics};

// What IoCreateDeviceSecure does, which no library of mingw-w64 has: by a kernel handle to the device.
NTSTATUS Restrict(PDEVICE_OBJECT device) {
  HANDLE handle;
  NTSTATUS status =
      ObOpenObjectByPointer(device, OBJ_KERNEL_HANDLE, nullptr, WRITE_DAC, nullptr, KernelMode, &handle);
  if (!NT_SUCCESS(status)) return status;
  uint8_t* descriptor = const_cast<uint8_t*>(kSystemAndAdministrators);
  status = ZwSetSecurityObject(handle, DACL_SECURITY_INFORMATION, descriptor);
  ZwClose(handle);
  return status;
}

}  // namespace

NTSTATUS HostCreateDevice(PDRIVER_OBJECT driver, PUNICODE_STRING name, PDEVICE_OBJECT* device,
                          NTSTATUS* security) {
  NTSTATUS status =
      IoCreateDevice(driver, 0, name, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, device);
  if (!NT_SUCCESS(status)) return status;
  *security = Restrict(*device);
  if (!NT_SUCCESS(*security)) IoDeleteDevice(*device);
  return *security;
}

bool HostMayOpen(PIRP irp) {
  if (irp->RequestorMode == KernelMode) return true;
  // Whoever may load drivers can do all that this one does.
  const LUID load_driver = {10, 0};  // SE_LOAD_DRIVER_PRIVILEGE
  return SeSinglePrivilegeCheck(load_driver, irp->RequestorMode) != FALSE;
}

// Not ExAllocatePool2: it exists since Windows 10 2004 only, and not on Wine.
void* HostAllocate(SIZE_T bytes) {
  void* block = ExAllocatePoolWithTag(NonPagedPoolNx, bytes, kTag);
  if (block != nullptr) RtlZeroMemory(block, bytes);
  return block;
}

void HostFree(void* block) { ExFreePoolWithTag(block, kTag); }

uint64_t HostCapabilities() {
  return static_cast<uint64_t>(Capability::kIrqlVisible) | static_cast<uint64_t>(Capability::kHoldAtPassive);
}

const WSK_EXPORTS* HostExports() { return &kExports; }

bool HostHasClock() { return true; }

bool HostSettle() { return false; }

}  // namespace wskcert::shim
