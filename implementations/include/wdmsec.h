// Devices with a security descriptor.
#ifndef WSKCERT_INCLUDE_WDMSEC_H_
#define WSKCERT_INCLUDE_WDMSEC_H_

#include <wdm.h>

EXTERN_C_START
// As IoCreateDevice; the SDDL text and the class are accepted and have no effect here. PASSIVE_LEVEL.
NTSTATUS IoCreateDeviceSecure(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize,
                              PUNICODE_STRING DeviceName, DEVICE_TYPE DeviceType, ULONG DeviceCharacteristics,
                              BOOLEAN Exclusive, PCUNICODE_STRING DefaultSDDLString,
                              const GUID* DeviceClassGuid, PDEVICE_OBJECT* DeviceObject);
EXTERN_C_END

#define WSKCERT_SDDL(name, text) static const UNICODE_STRING name = RTL_CONSTANT_STRING(text)
WSKCERT_SDDL(SDDL_DEVOBJ_KERNEL_ONLY, L"D:P");
WSKCERT_SDDL(SDDL_DEVOBJ_SYS_ALL, L"D:P(A;;GA;;;SY)");
WSKCERT_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_ALL, L"D:P(A;;GA;;;SY)(A;;GA;;;BA)");

#endif  // WSKCERT_INCLUDE_WDMSEC_H_
