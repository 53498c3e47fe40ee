// System threads, their handles and references.
#include <wdm.h>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/real_threads.h"
#include "implementations/emulator/kernel/registry_key.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {

// Handles are multiples of four, as on Windows; zero is none.
HANDLE HandleOf(const Thread* thread) {
  return reinterpret_cast<HANDLE>((uintptr_t{thread->number} + 1) * 4);
}

// Locked.
Thread* FindByHandle(HANDLE handle) {
  for (LIST_ENTRY* e = g_scheduler.threads.Flink; e != &g_scheduler.threads; e = e->Flink) {
    Thread* thread = CONTAINING_RECORD(e, Thread, all);
    if (thread->has_handle && HandleOf(thread) == handle) return thread;
  }
  return nullptr;
}

Thread* RequireThread(void* object, const char* function) {
  Thread* thread = static_cast<Thread*>(object);
  if (thread != nullptr && thread->header.Type == kThread) return thread;
  BugCheckNow(kReferenceByPointer, reinterpret_cast<uintptr_t>(object), 0, 0, 0,
              "%s on something that is no thread object", function);
}

// Their first field is a CSHORT that says what they are; a thread's is a DISPATCHER_HEADER.
bool IsDriverOrDevice(const void* object) {
  if (object == nullptr) return false;
  const CSHORT type = *static_cast<const CSHORT*>(object);
  return type == IO_TYPE_DEVICE || type == IO_TYPE_DRIVER || type == IO_TYPE_FILE;
}

POBJECT_TYPE g_thread_type = nullptr;

}  // namespace
}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

POBJECT_TYPE* PsThreadType = &g_thread_type;

NTSTATUS PsCreateSystemThread(PHANDLE handle, ULONG, POBJECT_ATTRIBUTES, HANDLE, PCLIENT_ID id,
                              PKSTART_ROUTINE start, PVOID context) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "PsCreateSystemThread");
  RuntimeLock lock;
  Thread* thread = CreateThread(start, context, /*worker=*/false);
  ReferenceThread(thread);
  thread->has_handle = true;
  *handle = HandleOf(thread);
  lock.Leave();
  if (id != nullptr) *id = CLIENT_ID{PsGetCurrentProcessId(), *handle};
  ChoicePoint(kChoiceThread);
  return STATUS_SUCCESS;
}

NTSTATUS PsTerminateSystemThread(NTSTATUS) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "PsTerminateSystemThread");
  if (CurrentThread()->worker) return STATUS_INVALID_PARAMETER;
  EndThread();
}

PKTHREAD KeGetCurrentThread(void) { return reinterpret_cast<PKTHREAD>(CurrentThread()); }
KPRIORITY KeSetPriorityThread(PKTHREAD, KPRIORITY) { return 8; }
ULONG_PTR IoGetRemainingStackSize(void) { return g_scheduler.real ? RemainingHostStack() : RemainingStack(); }
HANDLE PsGetCurrentThreadId(void) { return HandleOf(CurrentThread()); }
HANDLE PsGetThreadId(PETHREAD thread) { return HandleOf(reinterpret_cast<const Thread*>(thread)); }
HANDLE PsGetCurrentProcessId(void) { return reinterpret_cast<HANDLE>(uintptr_t{4}); }
PEPROCESS PsGetCurrentProcess(void) {
  static uint64_t process;
  return reinterpret_cast<PEPROCESS>(&process);
}

NTSTATUS ObReferenceObjectByHandle(HANDLE handle, ACCESS_MASK, POBJECT_TYPE, KPROCESSOR_MODE, PVOID* object,
                                   POBJECT_HANDLE_INFORMATION information) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "ObReferenceObjectByHandle");
  *object = nullptr;
  RuntimeLock lock;
  Thread* thread = FindByHandle(handle);
  if (thread == nullptr) return STATUS_INVALID_HANDLE;
  ReferenceThread(thread);
  *object = thread;
  if (information != nullptr) *information = OBJECT_HANDLE_INFORMATION{0, THREAD_ALL_ACCESS};
  return STATUS_SUCCESS;
}

LONG_PTR ObfReferenceObject(PVOID object) {
  if (IsDriverOrDevice(object)) return 1;
  Thread* thread = RequireThread(object, "ObReferenceObject");
  RuntimeLock lock;
  ReferenceThread(thread);
  return thread->references;
}

LONG_PTR ObfDereferenceObject(PVOID object) {
  if (IsDriverOrDevice(object)) return 1;
  Thread* thread = RequireThread(object, "ObDereferenceObject");
  RuntimeLock lock;
  const LONG_PTR left = static_cast<LONG_PTR>(thread->references) - 1;
  DereferenceThread(thread);
  return left;
}

NTSTATUS ZwClose(HANDLE handle) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "ZwClose");
  if (CloseRegistryKey(handle)) return STATUS_SUCCESS;
  RuntimeLock lock;
  Thread* thread = FindByHandle(handle);
  if (thread == nullptr) {
    BugCheckNow(0x93, reinterpret_cast<uintptr_t>(handle), 0, 0, 0, "ZwClose of a handle that is not open");
  }
  thread->has_handle = false;
  DereferenceThread(thread);
  return STATUS_SUCCESS;
}

NTSTATUS ZwWaitForSingleObject(HANDLE handle, BOOLEAN alertable, PLARGE_INTEGER timeout) {
  Thread* thread;
  {
    RuntimeLock lock;
    thread = FindByHandle(handle);
  }
  if (thread == nullptr) return STATUS_INVALID_HANDLE;
  return KeWaitForSingleObject(thread, UserRequest, KernelMode, alertable, timeout);
}

}  // extern "C"
