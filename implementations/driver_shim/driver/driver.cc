// wskshim.sys: loading, unloading, and the dispatch of requests.
#include "implementations/driver_shim/driver/shim.h"

namespace wskcert::shim {

Shim g_shim;

NTSTATUS Complete(PIRP irp, NTSTATUS status, ULONG_PTR information) {
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = information;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status;
}

namespace {

// As RTL_CONSTANT_STRING makes it, which differs in where it takes `const`.
template <size_t size>
UNICODE_STRING Name(const WCHAR (&text)[size]) {
  UNICODE_STRING name;
  name.Length = static_cast<USHORT>((size - 1) * sizeof(WCHAR));
  name.MaximumLength = static_cast<USHORT>(size * sizeof(WCHAR));
  name.Buffer = const_cast<PWSTR>(text);
  return name;
}

OpenFile* FileOf(PIRP irp) {
  PFILE_OBJECT file = IoGetCurrentIrpStackLocation(irp)->FileObject;
  return file != nullptr ? static_cast<OpenFile*>(file->FsContext) : nullptr;
}

NTSTATUS OnCreate(PDEVICE_OBJECT, PIRP irp) { return Complete(irp, OpenSession(irp), 0); }

NTSTATUS OnCleanup(PDEVICE_OBJECT, PIRP irp) {
  if (OpenFile* file = FileOf(irp)) EndSession(file);
  return Complete(irp, STATUS_SUCCESS, 0);
}

NTSTATUS OnClose(PDEVICE_OBJECT, PIRP irp) {
  if (OpenFile* file = FileOf(irp)) {
    IoGetCurrentIrpStackLocation(irp)->FileObject->FsContext = nullptr;
    CloseSession(file);
  }
  return Complete(irp, STATUS_SUCCESS, 0);
}

NTSTATUS ReadStatus(PIRP irp, ULONG output_size) {
  if (output_size < sizeof(StatusReply)) return Complete(irp, STATUS_BUFFER_TOO_SMALL, 0);
  StatusReply reply = {};
  reply.size = sizeof(reply);
  reply.protocol_version = kProtocolVersion;
  reply.format_version = kFormatVersion;
  reply.capabilities = HostCapabilities();
  reply.security = g_shim.security;
  reply.max_log_capacity = kMaxLogCapacity;
  KIRQL irql;
  KeAcquireSpinLock(&g_shim.lock, &irql);
  reply.state = g_shim.state;
  reply.sessions = g_shim.file_count;
  reply.plays = g_shim.run_count;
  reply.quarantined = g_shim.quarantined;
  reply.quarantined_bytes = g_shim.quarantined_bytes;
  reply.orphaned_irps = g_shim.orphaned_irps;
  reply.stuck_threads = g_shim.stuck_threads;
  KeReleaseSpinLock(&g_shim.lock, irql);
  RtlCopyMemory(irp->AssociatedIrp.SystemBuffer, &reply, sizeof(reply));
  return Complete(irp, STATUS_SUCCESS, sizeof(reply));
}

NTSTATUS OnControl(PDEVICE_OBJECT, PIRP irp) {
  OpenFile* file = FileOf(irp);
  if (file == nullptr) return Complete(irp, STATUS_INVALID_DEVICE_STATE, 0);
  const auto& parameters = IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl;
  const ULONG input_size = parameters.InputBufferLength;
  const ULONG output_size = parameters.OutputBufferLength;
  Reap(false);
  switch (parameters.IoControlCode) {
    case kStatus:
      return ReadStatus(irp, output_size);
    case kPlay:
      return StartPlay(file, irp, input_size, output_size);
    case kStop: {
      KIRQL irql;
      KeAcquireSpinLock(&file->lock, &irql);
      if (file->run != nullptr) StopRun(file->run);
      KeReleaseSpinLock(&file->lock, irql);
      return Complete(irp, STATUS_SUCCESS, 0);
    }
    case kNextCommand:
      return NextCommand(file, irp);
    case kReport:
      return Report(file, irp, input_size);
    default:
      return Complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
  }
}

// Every session ends; what is left of one when its last reference goes was freed before this returns.
void EndSessions() {
  for (;;) {
    OpenFile* file = nullptr;
    KIRQL irql;
    KeAcquireSpinLock(&g_shim.lock, &irql);
    if (!IsListEmpty(&g_shim.files)) {
      file = CONTAINING_RECORD(g_shim.files.Flink, OpenFile, link);
      ReferenceFile(file);
    }
    KeReleaseSpinLock(&g_shim.lock, irql);
    if (file == nullptr) return;
    // Where a handle is still open (Wine unloads despite that), its device goes away with it.
    CloseSession(file);
    DereferenceFile(file);
  }
}

void OnUnload(PDRIVER_OBJECT) {
  KIRQL irql;
  KeAcquireSpinLock(&g_shim.lock, &irql);
  g_shim.state = State::kUnloading;
  KeReleaseSpinLock(&g_shim.lock, irql);
  UNICODE_STRING link = Name(L"\\DosDevices\\WskShim");
  IoDeleteSymbolicLink(&link);
  EndSessions();
  Reap(true);
  WaitForQuarantine();
  IoDeleteDevice(g_shim.device);
}

}  // namespace
}  // namespace wskcert::shim

extern "C" NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING) {
  using namespace wskcert::shim;  // NOLINT(google-build-using-namespace): the one function outside
  RtlZeroMemory(&g_shim, sizeof(g_shim));
  g_shim.driver = driver;
  KeInitializeSpinLock(&g_shim.lock);
  InitializeListHead(&g_shim.files);
  InitializeListHead(&g_shim.runs);
  InitializeListHead(&g_shim.over);
  InitializeListHead(&g_shim.quarantine);
  UNICODE_STRING name = Name(L"\\Device\\WskShim");
  NTSTATUS status = HostCreateDevice(driver, &name, &g_shim.device, &g_shim.security);
  if (!NT_SUCCESS(status)) return status;
  driver->MajorFunction[IRP_MJ_CREATE] = OnCreate;
  driver->MajorFunction[IRP_MJ_CLEANUP] = OnCleanup;
  driver->MajorFunction[IRP_MJ_CLOSE] = OnClose;
  driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = OnControl;
  driver->DriverUnload = OnUnload;
  // Only now does it get the name by which programs can open it.
  UNICODE_STRING link = Name(L"\\DosDevices\\WskShim");
  status = IoCreateSymbolicLink(&link, &name);
  if (!NT_SUCCESS(status)) {
    IoDeleteDevice(g_shim.device);
    return status;
  }
  g_shim.device->Flags |= DO_BUFFERED_IO;
  g_shim.device->Flags &= ~DO_DEVICE_INITIALIZING;
  return STATUS_SUCCESS;
}
