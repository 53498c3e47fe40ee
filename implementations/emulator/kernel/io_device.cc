// Devices, as far as a driver that creates one needs them to start, and remove locks.
#include <wdm.h>
#include <wdmsec.h>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {
constexpr ULONG kDeviceTag = 0x69766544;  // "Devi"
}  // namespace
}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

NTSTATUS IoCreateDevice(PDRIVER_OBJECT driver, ULONG extension_size, PUNICODE_STRING, DEVICE_TYPE type,
                        ULONG characteristics, BOOLEAN exclusive, PDEVICE_OBJECT* device) {
  RequireIrqlAtMost(APC_LEVEL, "IoCreateDevice");
  *device = nullptr;
  auto* object = static_cast<DEVICE_OBJECT*>(
      ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(DEVICE_OBJECT) + extension_size, kDeviceTag));
  if (object == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  object->Type = IO_TYPE_DEVICE;
  object->Size = static_cast<USHORT>(sizeof(DEVICE_OBJECT) + extension_size);
  object->DriverObject = driver;
  object->DeviceType = type;
  object->Characteristics = characteristics;
  object->StackSize = 1;
  object->Flags = DO_DEVICE_INITIALIZING | (exclusive ? DO_EXCLUSIVE : 0);
  object->DeviceExtension = extension_size != 0 ? object + 1 : nullptr;
  KeInitializeEvent(&object->DeviceLock, SynchronizationEvent, TRUE);
  if (driver != nullptr) {
    object->NextDevice = driver->DeviceObject;
    driver->DeviceObject = object;
  }
  *device = object;
  return STATUS_SUCCESS;
}

NTSTATUS IoCreateDeviceSecure(PDRIVER_OBJECT driver, ULONG extension_size, PUNICODE_STRING name,
                              DEVICE_TYPE type, ULONG characteristics, BOOLEAN exclusive, PCUNICODE_STRING,
                              const GUID*, PDEVICE_OBJECT* device) {
  return IoCreateDevice(driver, extension_size, name, type, characteristics, exclusive, device);
}

VOID IoDeleteDevice(PDEVICE_OBJECT device) {
  if (device->DriverObject != nullptr) {
    DEVICE_OBJECT** link = &device->DriverObject->DeviceObject;
    while (*link != nullptr && *link != device) link = &(*link)->NextDevice;
    if (*link == device) *link = device->NextDevice;
  }
  ExFreePoolWithTag(device, kDeviceTag);
}

NTSTATUS IoCreateSymbolicLink(PUNICODE_STRING, PUNICODE_STRING) { return STATUS_SUCCESS; }
NTSTATUS IoDeleteSymbolicLink(PUNICODE_STRING) { return STATUS_SUCCESS; }

VOID IoInitializeRemoveLockEx(PIO_REMOVE_LOCK lock, ULONG, ULONG, ULONG, ULONG) {
  lock->Common.Removed = FALSE;
  lock->Common.IoCount = 1;
  KeInitializeEvent(&lock->Common.RemoveEvent, SynchronizationEvent, FALSE);
}

NTSTATUS IoAcquireRemoveLockEx(PIO_REMOVE_LOCK lock, PVOID, PCSTR, ULONG, ULONG) {
  ChoicePoint(kChoiceLock);
  InterlockedIncrement(&lock->Common.IoCount);
  if (__atomic_load_n(&lock->Common.Removed, __ATOMIC_SEQ_CST)) {
    IoReleaseRemoveLockEx(lock, nullptr, 0);
    return STATUS_DELETE_PENDING;
  }
  return STATUS_SUCCESS;
}

VOID IoReleaseRemoveLockEx(PIO_REMOVE_LOCK lock, PVOID, ULONG) {
  const LONG left = InterlockedDecrement(&lock->Common.IoCount);
  if (left < 0) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0xA6, reinterpret_cast<uintptr_t>(lock), 0, 0,
                "a remove lock was released more often than acquired");
  }
  if (left == 0) KeSetEvent(&lock->Common.RemoveEvent, IO_NO_INCREMENT, FALSE);
  ChoicePoint(kChoiceUnlock);
}

VOID IoReleaseRemoveLockAndWaitEx(PIO_REMOVE_LOCK lock, PVOID, ULONG) {
  __atomic_store_n(&lock->Common.Removed, TRUE, __ATOMIC_SEQ_CST);
  InterlockedDecrement(&lock->Common.IoCount);
  // Its own reference is dropped first, then the initial one.
  if (InterlockedDecrement(&lock->Common.IoCount) > 0) {
    KeWaitForSingleObject(&lock->Common.RemoveEvent, Executive, KernelMode, FALSE, nullptr);
  }
}

}  // extern "C"
