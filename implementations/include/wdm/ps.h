// System threads and object references.
#ifndef WSKCERT_INCLUDE_WDM_PS_H_
#define WSKCERT_INCLUDE_WDM_PS_H_

#include <ntdef.h>
#include <wdm/io.h>

EXTERN_C_START

typedef VOID KSTART_ROUTINE(PVOID StartContext);
typedef KSTART_ROUTINE* PKSTART_ROUTINE;
typedef struct _OBJECT_TYPE* POBJECT_TYPE;
typedef struct _OBJECT_HANDLE_INFORMATION {
  ULONG HandleAttributes;
  ACCESS_MASK GrantedAccess;
} OBJECT_HANDLE_INFORMATION, *POBJECT_HANDLE_INFORMATION;
typedef struct _CLIENT_ID {
  HANDLE UniqueProcess;
  HANDLE UniqueThread;
} CLIENT_ID, *PCLIENT_ID;

extern POBJECT_TYPE* PsThreadType;

#define DELETE 0x00010000
#define SYNCHRONIZE 0x00100000
#define STANDARD_RIGHTS_REQUIRED 0x000F0000
#define STANDARD_RIGHTS_ALL 0x001F0000
#define THREAD_ALL_ACCESS 0x001FFFFF
#define GENERIC_READ 0x80000000
#define GENERIC_WRITE 0x40000000
#define GENERIC_EXECUTE 0x20000000
#define GENERIC_ALL 0x10000000

// The thread starts at PASSIVE_LEVEL and is runnable at once. It ends by returning or by
// PsTerminateSystemThread, at PASSIVE_LEVEL with no lock held. PASSIVE_LEVEL, all of these except references
// and KeGetCurrentThread.
NTSTATUS PsCreateSystemThread(PHANDLE ThreadHandle, ULONG DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                              HANDLE ProcessHandle, PCLIENT_ID ClientId, PKSTART_ROUTINE StartRoutine,
                              PVOID StartContext);
NTSTATUS PsTerminateSystemThread(NTSTATUS ExitStatus);
// Bytes of the current thread's stack that are free: 64 KiB in all, 256 KiB under sanitizers. Any IRQL.
ULONG_PTR IoGetRemainingStackSize(void);
HANDLE PsGetCurrentThreadId(void);
HANDLE PsGetThreadId(PETHREAD Thread);
HANDLE PsGetCurrentProcessId(void);
#define PsGetCurrentThreadProcessId() PsGetCurrentProcessId()
#define PsGetProcessId(p) ((void)(p), PsGetCurrentProcessId())
#define PsIsSystemThread(t) ((void)(t), (BOOLEAN)TRUE)
PEPROCESS PsGetCurrentProcess(void);
#define IoGetCurrentProcess() PsGetCurrentProcess()
#define PsGetCurrentThread() ((PETHREAD)KeGetCurrentThread())

// Handles and objects here are threads'; other kinds come with device hosting.
NTSTATUS ObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                                   KPROCESSOR_MODE AccessMode, PVOID* Object,
                                   POBJECT_HANDLE_INFORMATION Information);
LONG_PTR ObfReferenceObject(PVOID Object);
LONG_PTR ObfDereferenceObject(PVOID Object);
// Threads, and drivers and devices, whose references are not counted.
FORCEINLINE NTSTATUS ObReferenceObjectByPointer(PVOID Object, ACCESS_MASK DesiredAccess,
                                                POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode) {
  UNREFERENCED_PARAMETER(DesiredAccess);
  UNREFERENCED_PARAMETER(ObjectType);
  UNREFERENCED_PARAMETER(AccessMode);
  ObfReferenceObject(Object);
  return (NTSTATUS)0;
}
#define ObReferenceObjectWithTag(o, t) ObfReferenceObject(o)
#define ObDereferenceObjectWithTag(o, t) ObfDereferenceObject(o)
#define ObDereferenceObjectDeferDelete(o) ObfDereferenceObject(o)
#define ZwCurrentProcess() ((HANDLE)(LONG_PTR)-1)
#define NtCurrentProcess() ZwCurrentProcess()
#define ZwCurrentThread() ((HANDLE)(LONG_PTR)-2)
#define ObReferenceObject(o) ObfReferenceObject(o)
#define ObDereferenceObject(o) ObfDereferenceObject(o)
NTSTATUS ZwClose(HANDLE Handle);
NTSTATUS ZwWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout);

EXTERN_C_END

#endif  // WSKCERT_INCLUDE_WDM_PS_H_
