// Requests to a hosted driver's device, as a program of user mode makes them.
#include <wdm.h>

#include "implementations/emulator/host/exports.h"
#include "implementations/emulator/host/host.h"

namespace wskcert::emulator {
namespace {

constexpr ULONG kControlTag = 0x6c727443;  // "Ctrl"

// One open handle's file object and the IRP of the request under way.
struct Request {
  PDEVICE_OBJECT device;
  FILE_OBJECT file;
  PIRP irp;
  KEVENT done;
};

NTSTATUS Done(PDEVICE_OBJECT, PIRP, PVOID event) {
  KeSetEvent(static_cast<PKEVENT>(event), IO_NO_INCREMENT, FALSE);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

// What was prepared of the IRP and its next stack location stays as it is.
NTSTATUS Send(Request* request, UCHAR major_function) {
  PIRP irp = request->irp;
  IO_STACK_LOCATION* location = IoGetNextIrpStackLocation(irp);
  location->MajorFunction = major_function;
  location->FileObject = &request->file;
  irp->RequestorMode = UserMode;
  irp->Tail.Overlay.Thread = PsGetCurrentThread();
  irp->Tail.Overlay.OriginalFileObject = &request->file;
  IoSetCompletionRoutine(irp, &Done, &request->done, TRUE, TRUE, TRUE);
  IoCallDriver(request->device, irp);
  KeWaitForSingleObject(&request->done, Executive, KernelMode, FALSE, nullptr);
  const NTSTATUS status = irp->IoStatus.Status;
  return status;
}

NTSTATUS SendPlain(Request* request, UCHAR major_function) {
  IoReuseIrp(request->irp, STATUS_SUCCESS);
  return Send(request, major_function);
}

// The buffers, as the code's method has them.
struct Buffers {
  const void* input;
  uint32_t input_size;
  void* output;
  uint32_t output_size;
};

NTSTATUS SendControl(Request* request, uint32_t code, const Buffers& buffers, uint32_t* returned) {
  const ULONG method = METHOD_FROM_CTL_CODE(code);
  const uint32_t size = buffers.input_size > buffers.output_size ? buffers.input_size : buffers.output_size;
  PIRP irp = request->irp;
  IoReuseIrp(irp, STATUS_SUCCESS);
  void* system = nullptr;
  if (method != METHOD_NEITHER && size != 0) {
    system = ExAllocatePool2(POOL_FLAG_NON_PAGED, size, kControlTag);
    if (system == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    if (buffers.input_size != 0) RtlCopyMemory(system, buffers.input, buffers.input_size);
  }
  PMDL mdl = nullptr;
  if ((method == METHOD_IN_DIRECT || method == METHOD_OUT_DIRECT) && buffers.output_size != 0) {
    mdl = IoAllocateMdl(buffers.output, buffers.output_size, FALSE, FALSE, nullptr);
    if (mdl == nullptr) {
      if (system != nullptr) ExFreePoolWithTag(system, kControlTag);
      return STATUS_INSUFFICIENT_RESOURCES;
    }
    MmProbeAndLockPages(mdl, KernelMode, method == METHOD_IN_DIRECT ? IoReadAccess : IoWriteAccess);
  }
  irp->AssociatedIrp.SystemBuffer = system;
  irp->MdlAddress = mdl;
  irp->UserBuffer = buffers.output;
  auto& parameters = IoGetNextIrpStackLocation(irp)->Parameters.DeviceIoControl;
  parameters.IoControlCode = code;
  parameters.InputBufferLength = buffers.input_size;
  parameters.OutputBufferLength = buffers.output_size;
  parameters.Type3InputBuffer = method == METHOD_NEITHER ? const_cast<void*>(buffers.input) : nullptr;
  const NTSTATUS status = Send(request, IRP_MJ_DEVICE_CONTROL);
  // The I/O manager copies what a buffered request returned, unless it failed.
  const ULONG_PTR information = irp->IoStatus.Information;
  const auto bytes =
      static_cast<uint32_t>(information < buffers.output_size ? information : buffers.output_size);
  if (method == METHOD_BUFFERED && !NT_ERROR(status) && bytes != 0)
    RtlCopyMemory(buffers.output, system, bytes);
  if (returned != nullptr) *returned = bytes;
  if (mdl != nullptr) {
    MmUnlockPages(mdl);
    IoFreeMdl(mdl);
  }
  if (system != nullptr) ExFreePoolWithTag(system, kControlTag);
  return status;
}

}  // namespace

int32_t HostControl(uint32_t code, const void* input, uint32_t input_size, void* output, uint32_t output_size,
                    uint32_t* returned) {
  Request request = {};
  if (returned != nullptr) *returned = 0;
  request.device = HostedDriver()->DeviceObject;
  if (request.device == nullptr) return STATUS_NO_SUCH_DEVICE;
  request.file.Type = IO_TYPE_FILE;
  request.file.Size = sizeof(FILE_OBJECT);
  request.file.DeviceObject = request.device;
  KeInitializeEvent(&request.done, SynchronizationEvent, FALSE);
  request.irp = IoAllocateIrp(request.device->StackSize, FALSE);
  if (request.irp == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  NTSTATUS status = SendPlain(&request, IRP_MJ_CREATE);
  if (NT_SUCCESS(status)) {
    status = SendControl(&request, code, Buffers{input, input_size, output, output_size}, returned);
    SendPlain(&request, IRP_MJ_CLEANUP);
    SendPlain(&request, IRP_MJ_CLOSE);
  }
  IoFreeIrp(request.irp);
  return status;
}

}  // namespace wskcert::emulator
