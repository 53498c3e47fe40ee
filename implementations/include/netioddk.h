// The Network Module Registrar's types, through which older WSK clients attach
// (using-nmr-for-wsk-registration-and-unregistration.md) and in whose terms WSK names its interfaces. Include
// <wdm.h> first.
#ifndef _NETIODDK_
#define _NETIODDK_

#ifdef __cplusplus
extern "C" {
#endif

// Names a programming interface between network modules; two are the same when the GUIDs have the same
// content, wherever they lie.
typedef GUID NPIID;
typedef CONST NPIID* PNPIID;

typedef enum { MIT_GUID = 1, MIT_IF_LUID } NPI_MODULEID_TYPE;

// Names a network module, by a GUID of its own or by an interface's identifier.
typedef struct _NPI_MODULEID {
  USHORT Length;  // sizeof(NPI_MODULEID)
  NPI_MODULEID_TYPE Type;
  union {
    GUID Guid;
    LUID IfLuid;
  };
} NPI_MODULEID;
typedef CONST NPI_MODULEID* PNPI_MODULEID;

// One side of an attachment: which interface, which module, and the interface's own characteristics.
typedef struct _NPI_REGISTRATION_INSTANCE {
  USHORT Version;  // 0
  USHORT Size;     // sizeof(NPI_REGISTRATION_INSTANCE)
  PNPIID NpiId;
  PNPI_MODULEID ModuleId;
  ULONG Number;
  CONST VOID* NpiSpecificCharacteristics;
} NPI_REGISTRATION_INSTANCE;
typedef CONST NPI_REGISTRATION_INSTANCE* PNPI_REGISTRATION_INSTANCE;

// Called when the other side appears; returns whether it attached.
typedef NTSTATUS(NTAPI NPI_CLIENT_ATTACH_PROVIDER_FN)(
    HANDLE NmrBindingHandle, PVOID ClientContext, PNPI_REGISTRATION_INSTANCE ProviderRegistrationInstance);
typedef NPI_CLIENT_ATTACH_PROVIDER_FN* PNPI_CLIENT_ATTACH_PROVIDER_FN;
typedef NTSTATUS(NTAPI NPI_CLIENT_DETACH_PROVIDER_FN)(PVOID ClientBindingContext);
typedef NPI_CLIENT_DETACH_PROVIDER_FN* PNPI_CLIENT_DETACH_PROVIDER_FN;
typedef VOID(NTAPI NPI_CLIENT_CLEANUP_BINDING_CONTEXT_FN)(PVOID ClientBindingContext);
typedef NPI_CLIENT_CLEANUP_BINDING_CONTEXT_FN* PNPI_CLIENT_CLEANUP_BINDING_CONTEXT_FN;

typedef NTSTATUS(NTAPI NPI_PROVIDER_ATTACH_CLIENT_FN)(HANDLE NmrBindingHandle, PVOID ProviderContext,
                                                      PNPI_REGISTRATION_INSTANCE ClientRegistrationInstance,
                                                      PVOID ClientBindingContext, CONST VOID* ClientDispatch,
                                                      PVOID* ProviderBindingContext,
                                                      CONST VOID** ProviderDispatch);
typedef NPI_PROVIDER_ATTACH_CLIENT_FN* PNPI_PROVIDER_ATTACH_CLIENT_FN;
typedef NTSTATUS(NTAPI NPI_PROVIDER_DETACH_CLIENT_FN)(PVOID ProviderBindingContext);
typedef NPI_PROVIDER_DETACH_CLIENT_FN* PNPI_PROVIDER_DETACH_CLIENT_FN;
typedef VOID(NTAPI NPI_PROVIDER_CLEANUP_BINDING_CONTEXT_FN)(PVOID ProviderBindingContext);
typedef NPI_PROVIDER_CLEANUP_BINDING_CONTEXT_FN* PNPI_PROVIDER_CLEANUP_BINDING_CONTEXT_FN;

typedef struct _NPI_CLIENT_CHARACTERISTICS {
  USHORT Version;
  USHORT Length;
  PNPI_CLIENT_ATTACH_PROVIDER_FN ClientAttachProvider;
  PNPI_CLIENT_DETACH_PROVIDER_FN ClientDetachProvider;
  PNPI_CLIENT_CLEANUP_BINDING_CONTEXT_FN ClientCleanupBindingContext;
  NPI_REGISTRATION_INSTANCE ClientRegistrationInstance;
} NPI_CLIENT_CHARACTERISTICS;
typedef CONST NPI_CLIENT_CHARACTERISTICS* PNPI_CLIENT_CHARACTERISTICS;

typedef struct _NPI_PROVIDER_CHARACTERISTICS {
  USHORT Version;
  USHORT Length;
  PNPI_PROVIDER_ATTACH_CLIENT_FN ProviderAttachClient;
  PNPI_PROVIDER_DETACH_CLIENT_FN ProviderDetachClient;
  PNPI_PROVIDER_CLEANUP_BINDING_CONTEXT_FN ProviderCleanupBindingContext;
  NPI_REGISTRATION_INSTANCE ProviderRegistrationInstance;
} NPI_PROVIDER_CHARACTERISTICS;
typedef CONST NPI_PROVIDER_CHARACTERISTICS* PNPI_PROVIDER_CHARACTERISTICS;

// ---- The client's side; nothing here lets a driver be a provider of its own. IRQL: PASSIVE_LEVEL, except
// NmrClientDetachProviderComplete, which may be called up to DISPATCH_LEVEL.

// Registers and, as soon as the provider is there, calls ClientAttachProvider. The characteristics stay the
// client's and must remain valid. Undone by NmrDeregisterClient.
NTSTATUS NTAPI NmrRegisterClient(PNPI_CLIENT_CHARACTERISTICS ClientCharacteristics, PVOID ClientContext,
                                 HANDLE* NmrClientHandle);
// Calls ClientDetachProvider if the client is attached. STATUS_PENDING: wait with the next function, which
// returns when both sides have detached and all sockets are closed.
NTSTATUS NTAPI NmrDeregisterClient(HANDLE NmrClientHandle);
NTSTATUS NTAPI NmrWaitForClientDeregisterComplete(HANDLE NmrClientHandle);
// Within ClientAttachProvider: attaches. For WSK the contexts are a PWSK_CLIENT and its
// WSK_PROVIDER_DISPATCH. STATUS_NOINTERFACE: try another version.
NTSTATUS NTAPI NmrClientAttachProvider(HANDLE NmrBindingHandle, PVOID ClientBindingContext,
                                       CONST VOID* ClientDispatch, PVOID* ProviderBindingContext,
                                       CONST VOID** ProviderDispatch);
// Ends a detachment for which ClientDetachProvider returned STATUS_PENDING.
VOID NTAPI NmrClientDetachProviderComplete(HANDLE NmrBindingHandle);

#ifdef __cplusplus
}
#endif

#endif  // _NETIODDK_
