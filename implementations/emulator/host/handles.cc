#include "implementations/emulator/host/handles.h"

#include <wdm.h>

#include "implementations/emulator/host/exports.h"

namespace wskcert::emulator {

// The file object outlives the handle while requests name it.
struct HostHandle {
  FILE_OBJECT file;
  PDEVICE_OBJECT device;
  volatile LONG references;
  WCHAR name[64];
};

struct HostRequest {
  HostHandle* handle;
  PIRP irp;
  KEVENT done;
  PKEVENT event;
  volatile LONG completed;
  volatile LONG parted;  // completed, or abandoned: whoever is second frees it
  uint32_t output_size;
};

namespace {

constexpr ULONG kHandleTag = 0x6c646e48;  // "Hndl"

void Dereference(HostHandle* handle) {
  if (InterlockedDecrement(&handle->references) == 0) ExFreePoolWithTag(handle, kHandleTag);
}

void Free(HostRequest* request) {
  void* system = request->irp->AssociatedIrp.SystemBuffer;
  if (system != nullptr) ExFreePoolWithTag(system, kHandleTag);
  IoFreeIrp(request->irp);
  Dereference(request->handle);
  ExFreePoolWithTag(request, kHandleTag);
}

NTSTATUS Done(PDEVICE_OBJECT, PIRP, PVOID context) {
  auto* request = static_cast<HostRequest*>(context);
  if (InterlockedExchange(&request->parted, 1) != 0) {
    Free(request);
    return STATUS_MORE_PROCESSING_REQUIRED;
  }
  InterlockedExchange(&request->completed, 1);
  // Once `done` is set the request may be ended, and freed.
  PKEVENT const event = request->event;
  KeSetEvent(&request->done, IO_NO_INCREMENT, FALSE);
  if (event != nullptr) KeSetEvent(event, IO_NO_INCREMENT, FALSE);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

HostRequest* MakeRequest(HostHandle* handle, UCHAR major_function) {
  auto* request =
      static_cast<HostRequest*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(HostRequest), kHandleTag));
  if (request == nullptr) return nullptr;
  request->irp = IoAllocateIrp(handle->device->StackSize, FALSE);
  if (request->irp == nullptr) {
    ExFreePoolWithTag(request, kHandleTag);
    return nullptr;
  }
  request->handle = handle;
  InterlockedIncrement(&handle->references);
  KeInitializeEvent(&request->done, NotificationEvent, FALSE);
  PIRP irp = request->irp;
  IO_STACK_LOCATION* location = IoGetNextIrpStackLocation(irp);
  location->MajorFunction = major_function;
  location->FileObject = &handle->file;
  irp->RequestorMode = UserMode;
  irp->Tail.Overlay.Thread = PsGetCurrentThread();
  irp->Tail.Overlay.OriginalFileObject = &handle->file;
  IoSetCompletionRoutine(irp, &Done, request, TRUE, TRUE, TRUE);
  return request;
}

NTSTATUS SendPlain(HostHandle* handle, UCHAR major_function) {
  HostRequest* request = MakeRequest(handle, major_function);
  if (request == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  IoCallDriver(handle->device, request->irp);
  return HostEnd(request, nullptr, nullptr);
}

}  // namespace

int32_t HostOpen(HostHandle** handle, const char* suffix) {
  *handle = nullptr;
  PDEVICE_OBJECT device = HostedDriver()->DeviceObject;
  if (device == nullptr) return STATUS_NO_SUCH_DEVICE;
  auto* opened =
      static_cast<HostHandle*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(HostHandle), kHandleTag));
  if (opened == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  opened->references = 1;
  opened->device = device;
  opened->file.Type = IO_TYPE_FILE;
  opened->file.Size = sizeof(FILE_OBJECT);
  opened->file.DeviceObject = device;
  USHORT length = 0;
  for (; suffix != nullptr && suffix[length] != 0 && length + 1u < RTL_NUMBER_OF(opened->name); ++length) {
    opened->name[length] = static_cast<WCHAR>(suffix[length]);
  }
  opened->file.FileName.Buffer = opened->name;
  opened->file.FileName.Length = static_cast<USHORT>(length * sizeof(WCHAR));
  opened->file.FileName.MaximumLength = sizeof(opened->name);
  const NTSTATUS status = SendPlain(opened, IRP_MJ_CREATE);
  if (NT_SUCCESS(status)) {
    *handle = opened;
  } else {
    Dereference(opened);
  }
  return status;
}

HostRequest* HostPrepare(HostHandle* handle, uint32_t code, uint32_t input_size, uint32_t output_size,
                         void* event) {
  HostRequest* request = MakeRequest(handle, IRP_MJ_DEVICE_CONTROL);
  if (request == nullptr) return nullptr;
  const uint32_t size = input_size > output_size ? input_size : output_size;
  if (METHOD_FROM_CTL_CODE(code) == METHOD_BUFFERED && size != 0) {
    void* system = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED, size, kHandleTag);
    if (system == nullptr) {
      Free(request);
      return nullptr;
    }
    request->irp->AssociatedIrp.SystemBuffer = system;
  }
  request->output_size = output_size;
  request->event = static_cast<PKEVENT>(event);
  auto& parameters = IoGetNextIrpStackLocation(request->irp)->Parameters.DeviceIoControl;
  parameters.IoControlCode = code;
  parameters.InputBufferLength = input_size;
  parameters.OutputBufferLength = output_size;
  return request;
}

void* HostInput(HostRequest* request) { return request->irp->AssociatedIrp.SystemBuffer; }

void HostSend(HostRequest* request) { IoCallDriver(request->handle->device, request->irp); }

HostRequest* HostBegin(HostHandle* handle, uint32_t code, const void* input, uint32_t input_size,
                       uint32_t output_size, void* event) {
  HostRequest* request = HostPrepare(handle, code, input_size, output_size, event);
  if (request == nullptr) return nullptr;
  void* system = HostInput(request);
  if (system != nullptr && input_size != 0) RtlCopyMemory(system, input, input_size);
  HostSend(request);
  return request;
}

bool HostIsDone(HostRequest* request) { return ReadAcquire(&request->completed) != 0; }

void HostCancel(HostRequest* request) {
  if (!HostIsDone(request)) IoCancelIrp(request->irp);
}

int32_t HostEnd(HostRequest* request, void* output, uint32_t* returned) {
  KeWaitForSingleObject(&request->done, Executive, KernelMode, FALSE, nullptr);
  PIRP irp = request->irp;
  const NTSTATUS status = irp->IoStatus.Status;
  void* system = irp->AssociatedIrp.SystemBuffer;
  const ULONG_PTR information = irp->IoStatus.Information;
  const auto bytes =
      static_cast<uint32_t>(information < request->output_size ? information : request->output_size);
  if (output != nullptr && system != nullptr && !NT_ERROR(status) && bytes != 0) {
    RtlCopyMemory(output, system, bytes);
  }
  if (returned != nullptr) *returned = bytes;
  Free(request);
  return status;
}

void HostAbandon(HostRequest* request) {
  if (InterlockedExchange(&request->parted, 1) == 0) return;
  // It is, or is just being, completed.
  KeWaitForSingleObject(&request->done, Executive, KernelMode, FALSE, nullptr);
  Free(request);
}

void HostCleanup(HostHandle* handle) { SendPlain(handle, IRP_MJ_CLEANUP); }

void HostClose(HostHandle* handle) {
  SendPlain(handle, IRP_MJ_CLOSE);
  Dereference(handle);
}

void HostForget(HostHandle* handle) { Dereference(handle); }

}  // namespace wskcert::emulator
