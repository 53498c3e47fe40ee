// Device control requests that a host program makes to its driver (HostControl).
#include <gtest/gtest.h>
#include <wdm.h>

#include <string>

#include "implementations/emulator/host/host.h"

namespace wskcert::emulator {
namespace {

constexpr ULONG Code(ULONG function, ULONG method) {
  return CTL_CODE(FILE_DEVICE_UNKNOWN, function, method, FILE_ANY_ACCESS);
}
constexpr ULONG kReverse = Code(0x801, METHOD_BUFFERED);
constexpr ULONG kReverseNeither = Code(0x802, METHOD_NEITHER);
constexpr ULONG kReverseDirect = Code(0x803, METHOD_OUT_DIRECT);
constexpr ULONG kPend = Code(0x804, METHOD_BUFFERED);

std::string* g_seen;  // The major functions, as letters.
PIRP g_pended;

NTSTATUS Complete(PIRP irp, NTSTATUS status, ULONG_PTR information) {
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = information;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status;
}

NTSTATUS Open(PDEVICE_OBJECT, PIRP irp) {
  *g_seen += "ocl"[IoGetCurrentIrpStackLocation(irp)->MajorFunction == IRP_MJ_CREATE    ? 0
                   : IoGetCurrentIrpStackLocation(irp)->MajorFunction == IRP_MJ_CLEANUP ? 1
                                                                                        : 2];
  return Complete(irp, STATUS_SUCCESS, 0);
}

void Reverse(const char* from, char* to, ULONG length) {
  char copy[16];
  RtlCopyMemory(copy, from, length);
  for (ULONG i = 0; i < length; ++i) to[i] = copy[length - 1 - i];
}

NTSTATUS Control(PDEVICE_OBJECT, PIRP irp) {
  *g_seen += 'd';
  const auto& parameters = IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl;
  const ULONG length = parameters.InputBufferLength;
  auto* system = static_cast<char*>(irp->AssociatedIrp.SystemBuffer);
  EXPECT_NE(IoGetCurrentIrpStackLocation(irp)->FileObject, nullptr);
  switch (parameters.IoControlCode) {
    case kReverse:
      Reverse(system, system, length);
      return Complete(irp, STATUS_SUCCESS, length);
    case kReverseNeither:
      Reverse(static_cast<char*>(parameters.Type3InputBuffer), static_cast<char*>(irp->UserBuffer), length);
      return Complete(irp, STATUS_SUCCESS, length);
    case kReverseDirect:
      EXPECT_EQ(MmGetMdlByteCount(irp->MdlAddress), parameters.OutputBufferLength);
      Reverse(system, static_cast<char*>(MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority)),
              length);
      return Complete(irp, STATUS_SUCCESS, length);
    case kPend:
      IoMarkIrpPending(irp);
      g_pended = irp;
      HANDLE handle;
      PsCreateSystemThread(
          &handle, 0, nullptr, nullptr, nullptr, [](void*) { Complete(g_pended, STATUS_BUFFER_OVERFLOW, 3); },
          nullptr);
      ZwClose(handle);
      return STATUS_PENDING;
    default:
      return Complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
  }
}

PDEVICE_OBJECT g_device;

int32_t Entry(void* object, void*) {
  auto* driver = static_cast<PDRIVER_OBJECT>(object);
  driver->MajorFunction[IRP_MJ_CREATE] = driver->MajorFunction[IRP_MJ_CLEANUP] =
      driver->MajorFunction[IRP_MJ_CLOSE] = Open;
  driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Control;
  driver->DriverUnload = [](PDRIVER_OBJECT) { IoDeleteDevice(g_device); };
  return IoCreateDevice(driver, 0, nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE, &g_device);
}

// Hosts the driver and makes one request with "abc".
int32_t Ask(ULONG code, std::string* answer, std::string* seen, DriverEntryFunction entry = Entry) {
  struct Request {
    ULONG code;
    char output[16];
    uint32_t returned;
    int32_t status;
  } request = {code, {}, 99, 0};
  g_seen = seen;
  HostReport report;
  HostDriver(
      entry, HostOptions(),
      [](void* context) {
        auto* r = static_cast<Request*>(context);
        r->status = HostControl(r->code, "abc", 3, r->output, sizeof(r->output), &r->returned);
      },
      &request, &report);
  EXPECT_TRUE(Clean(report)) << report.text;
  *answer = std::string(request.output, request.returned);
  return request.status;
}

TEST(HostControl, PassesBuffersByEachMethod) {
  for (const ULONG code : {kReverse, kReverseNeither, kReverseDirect}) {
    std::string answer, seen;
    EXPECT_EQ(Ask(code, &answer, &seen), STATUS_SUCCESS);
    EXPECT_EQ(answer, "cba");
    EXPECT_EQ(seen, "odcl");
  }
}

TEST(HostControl, WaitsForAPendedRequestAndCopiesWithAWarning) {
  std::string answer, seen;
  EXPECT_EQ(Ask(kPend, &answer, &seen), STATUS_BUFFER_OVERFLOW);
  EXPECT_EQ(answer, "abc");
}

TEST(HostControl, TellsTheDriversRefusal) {
  std::string answer, seen;
  EXPECT_EQ(Ask(Code(0x8FF, METHOD_BUFFERED), &answer, &seen), STATUS_INVALID_DEVICE_REQUEST);
  EXPECT_EQ(answer, "");
}

TEST(HostControl, ADriverWithoutDispatchFunctionsOrDevicesRefuses) {
  std::string answer, seen;
  const DriverEntryFunction plain = [](void* driver, void*) -> int32_t {
    static_cast<PDRIVER_OBJECT>(driver)->DriverUnload = [](PDRIVER_OBJECT) { IoDeleteDevice(g_device); };
    return IoCreateDevice(static_cast<PDRIVER_OBJECT>(driver), 0, nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE,
                          &g_device);
  };
  EXPECT_EQ(Ask(kReverse, &answer, &seen, plain), STATUS_INVALID_DEVICE_REQUEST);
  const DriverEntryFunction bare = [](void* driver, void*) -> int32_t {
    static_cast<PDRIVER_OBJECT>(driver)->DriverUnload = [](PDRIVER_OBJECT) {};
    return STATUS_SUCCESS;
  };
  EXPECT_EQ(Ask(kReverse, &answer, &seen, bare), STATUS_NO_SUCH_DEVICE);
}

TEST(Host, ADriverWithoutUnloadStaysLoaded) {
  HostReport report;
  HostDriver([](void*, void*) -> int32_t { return STATUS_SUCCESS; }, HostOptions(), nullptr, nullptr,
             &report);
  EXPECT_FALSE(Clean(report));
  EXPECT_STREQ(report.text, "loaded, not unloaded: it has no DriverUnload, nothing left behind");
}

}  // namespace
}  // namespace wskcert::emulator
