// A driver in the C of older and newer WDKs at once: annotations of both generations, tracing, structured
// exceptions, paged code, IRPs inside other structures, lookaside lists. It answers datagrams, and checks
// itself as it goes.
#pragma warning(push)
#pragma warning(disable : 4201)
#include <ip2string.h>
#include <mstcpip.h>
#include <ntifs.h>
#include <ntintsafe.h>
#include <ntstrsafe.h>
#include <wdm.h>
#include <wdmsec.h>
#include <wsk.h>
#pragma warning(pop)
#include <TraceLoggingProvider.h>
#include <evntrace.h>

#define WPP_CONTROL_GUIDS \
  WPP_DEFINE_CONTROL_GUID(StyleGuid, (1b2c3d4e, 0102, 0304, 0506, 0708090a0b0c), WPP_DEFINE_BIT(STYLE_ALL))
#include "test_driver_c.tmh"

TRACELOGGING_DEFINE_PROVIDER(StyleProvider, "Style", (0x1, 0x2, 0x3, 0, 0, 0, 0, 0, 0, 0, 0));

#define STYLE_TAG 'lytS'
#define STYLE_PORT 4010
C_ASSERT(STYLE_PORT < 65536);
static_assert(sizeof(ULONG) == 4, "Windows' numbers");

DRIVER_INITIALIZE StyleEntryC;
static DRIVER_UNLOAD StyleUnload;
static IO_COMPLETION_ROUTINE StyleSent;

#ifdef ALLOC_PRAGMA
#pragma alloc_text(INIT, StyleEntryC)
#pragma alloc_text(PAGE, StyleUnload)
#endif

typedef union _STYLE_IRP {
  IRP Irp;
  UCHAR IrpBuffer[sizeof(IRP) + sizeof(IO_STACK_LOCATION)];
} STYLE_IRP;

typedef struct _STYLE_SEND {
  STYLE_IRP;
  WSK_BUF_LIST Buffers;
  PMDL Mdl;
  SOCKADDR_INET Remote;
  UCHAR Bytes[ANYSIZE_ARRAY];
} STYLE_SEND, *PSTYLE_SEND;

static WSK_REGISTRATION StyleRegistration;
static WSK_PROVIDER_NPI StyleNpi;
static PWSK_SOCKET StyleSocket;
static LOOKASIDE_ALIGN LOOKASIDE_LIST_EX StyleSends;
static EX_RUNDOWN_REF StyleInFlight;
static CONST WSK_CLIENT_DISPATCH StyleClient = {.Version = MAKE_WSK_VERSION(1, 0)};

#define STYLE_SEND_BYTES 64

// Annotations as they were before 2012.
__drv_maxIRQL(DISPATCH_LEVEL) static __checkReturn NTSTATUS
    StyleCopy(__in_bcount(Length) const VOID *From, __in ULONG Length, __out_bcount(Length) VOID *To) {
  NTSTATUS status = STATUS_UNSUCCESSFUL;
  __try {
    if (Length == 0) {
      status = STATUS_INVALID_PARAMETER;
      __leave;
    }
    RtlCopyMemory(To, From, Length);
    status = STATUS_SUCCESS;
  } __except (GetExceptionCode() == STATUS_ACCESS_VIOLATION ? EXCEPTION_EXECUTE_HANDLER
                                                            : EXCEPTION_CONTINUE_SEARCH) {
    status = GetExceptionCode();
  }
  return status;
}

_Use_decl_annotations_ static NTSTATUS StyleSent(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context) {
  PSTYLE_SEND send = Context;
  UNREFERENCED_PARAMETER(DeviceObject);
  UNREFERENCED_PARAMETER(Irp);
  _Analysis_assume_(send);
  IoFreeMdl(send->Mdl);
  ExFreeToLookasideListEx(&StyleSends, send);
  ExReleaseRundownProtection(&StyleInFlight);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID StyleAnswer(_In_ const SOCKADDR *To, _In_reads_bytes_(Length) const VOID *Bytes,
                        _In_ ULONG Length) {
  const WSK_PROVIDER_DATAGRAM_DISPATCH *dispatch = StyleSocket->Dispatch;
  PSTYLE_SEND send;

  if (Length > STYLE_SEND_BYTES || !ExAcquireRundownProtection(&StyleInFlight)) return;
  send = ExAllocateFromLookasideListEx(&StyleSends);
  if (send == NULL) {
    ExReleaseRundownProtection(&StyleInFlight);
    return;
  }
  RtlZeroMemory(send, sizeof(*send));
  send->Mdl = IoAllocateMdl(send->Bytes, STYLE_SEND_BYTES, FALSE, FALSE, NULL);
  if (send->Mdl == NULL || !NT_SUCCESS(StyleCopy(Bytes, Length, send->Bytes))) {
    if (send->Mdl != NULL) IoFreeMdl(send->Mdl);
    ExFreeToLookasideListEx(&StyleSends, send);
    ExReleaseRundownProtection(&StyleInFlight);
    return;
  }
  MmBuildMdlForNonPagedPool(send->Mdl);
  RtlCopyMemory(&send->Remote, To, sizeof(SOCKADDR_IN));
  send->Buffers.Buffer.Mdl = send->Mdl;
  send->Buffers.Buffer.Length = Length;
  IoInitializeIrp(&send->Irp, sizeof(send->IrpBuffer), 1);
  IoSetCompletionRoutine(&send->Irp, StyleSent, send, TRUE, TRUE, TRUE);
  dispatch->WskSendMessages(StyleSocket, &send->Buffers, 0, (PSOCKADDR)&send->Remote, 0, NULL, &send->Irp);
}

static NTSTATUS WSKAPI StyleReceive(_In_opt_ PVOID SocketContext, _In_ ULONG Flags,
                                    _In_opt_ PWSK_DATAGRAM_INDICATION DataIndication) {
  UNREFERENCED_PARAMETER(SocketContext);
  UNREFERENCED_PARAMETER(Flags);
  for (; DataIndication != NULL; DataIndication = DataIndication->Next) {
    PUCHAR bytes =
        MmGetSystemAddressForMdlSafe(DataIndication->Buffer.Mdl, NormalPagePriority | MdlMappingNoExecute);
    if (bytes == NULL) return STATUS_DATA_NOT_ACCEPTED;
    DoTraceMessage(STYLE_ALL, "%Iu bytes from %p", DataIndication->Buffer.Length,
                   DataIndication->RemoteAddress);
    StyleAnswer(DataIndication->RemoteAddress, bytes + DataIndication->Buffer.Offset,
                (ULONG)DataIndication->Buffer.Length);
  }
  return STATUS_SUCCESS;
}

static CONST WSK_CLIENT_DATAGRAM_DISPATCH StyleDatagram = {StyleReceive};

static NTSTATUS StyleDone(PDEVICE_OBJECT DeviceObject, PIRP Irp, PKEVENT Event) {
  UNREFERENCED_PARAMETER(DeviceObject);
  UNREFERENCED_PARAMETER(Irp);
  KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID StylePrepare(PIRP Irp, PKEVENT Event) {
  IoReuseIrp(Irp, STATUS_UNSUCCESSFUL);
  IoSetCompletionRoutine(Irp, &StyleDone, Event, TRUE, TRUE, TRUE);
}

static NTSTATUS StyleWait(NTSTATUS Status, PIRP Irp, PKEVENT Event) {
  if (Status == STATUS_PENDING) {
    KeWaitForSingleObject(Event, Executive, KernelMode, FALSE, NULL);
    Status = Irp->IoStatus.Status;
  }
  return Status;
}

_Use_decl_annotations_ static VOID StyleUnload(PDRIVER_OBJECT DriverObject) {
  const WSK_PROVIDER_DATAGRAM_DISPATCH *dispatch = StyleSocket->Dispatch;
  KEVENT event;
  STYLE_IRP irp;

  PAGED_CODE();
  TraceLoggingWrite(StyleProvider, "Unload", TraceLoggingLevel(TRACE_LEVEL_INFORMATION));
  ExWaitForRundownProtectionRelease(&StyleInFlight);
  KeInitializeEvent(&event, SynchronizationEvent, FALSE);
  IoInitializeIrp(&irp.Irp, sizeof(irp), 1);
  IoSetCompletionRoutine(&irp.Irp, &StyleDone, &event, TRUE, TRUE, TRUE);
  // Both ways to name a basic function.
  StyleWait(dispatch->Basic.WskCloseSocket(StyleSocket, &irp.Irp), &irp.Irp, &event);
  C_ASSERT(FIELD_OFFSET(WSK_PROVIDER_DATAGRAM_DISPATCH, WskCloseSocket) ==
           FIELD_OFFSET(WSK_PROVIDER_DATAGRAM_DISPATCH, Basic.WskCloseSocket));
  IoCleanupIrp(&irp.Irp);
  WskReleaseProviderNPI(&StyleRegistration);
  WskDeregister(&StyleRegistration);
  ExDeleteLookasideListEx(&StyleSends);
  TraceLoggingUnregister(StyleProvider);
  WPP_CLEANUP(DriverObject);
  UNREFERENCED_PARAMETER(DriverObject);
}

static NTSTATUS StyleOpen(VOID) {
  const WSK_PROVIDER_DATAGRAM_DISPATCH *dispatch;
  SOCKADDR_IN address = {.sin_family = AF_INET, .sin_port = RtlUshortByteSwap(STYLE_PORT)};
  WSK_EVENT_CALLBACK_CONTROL events = {&NPI_WSK_INTERFACE_ID, WSK_EVENT_RECEIVE_FROM};
  KEVENT event;
  NTSTATUS status;
  PIRP irp = IoAllocateIrp(1, FALSE);

  if (irp == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  KeInitializeEvent(&event, SynchronizationEvent, FALSE);
  status = StyleNpi.Dispatch->WskControlClient(StyleNpi.Client, WSK_SET_STATIC_EVENT_CALLBACKS,
                                               sizeof(events), &events, 0, NULL, NULL, NULL);
  if (NT_SUCCESS(status)) {
    StylePrepare(irp, &event);
    status = StyleWait(
        StyleNpi.Dispatch->WskSocket(StyleNpi.Client, AF_INET, SOCK_DGRAM, IPPROTO_UDP,
                                     WSK_FLAG_DATAGRAM_SOCKET, NULL, &StyleDatagram, NULL, NULL, NULL, irp),
        irp, &event);
  }
  if (NT_SUCCESS(status)) {
    StyleSocket = (PWSK_SOCKET)irp->IoStatus.Information;
    dispatch = StyleSocket->Dispatch;
    StylePrepare(irp, &event);
    status = StyleWait(dispatch->WskBind(StyleSocket, (PSOCKADDR)&address, 0, irp), irp, &event);
    if (!NT_SUCCESS(status)) {
      StylePrepare(irp, &event);
      StyleWait(dispatch->WskCloseSocket(StyleSocket, irp), irp, &event);
    }
  }
  IoFreeIrp(irp);
  return status;
}

// Functions that clients use besides.
static NTSTATUS StyleChecks(_In_ PUNICODE_STRING RegistryPath) {
  WCHAR text[64];
  UNICODE_STRING string = RTL_CONSTANT_STRING(L"\\Registry\\");
  ULONG sum;
  LONG flags = 0;
  CHAR address[16];
  IN_ADDR loopback = {.s_addr = RtlUlongByteSwap(INADDR_LOOPBACK)};

  if (!RtlPrefixUnicodeString(&string, RegistryPath, TRUE) || wcslen(L"wide") != 4 ||
      _wcsicmp(L"ABC", L"abc") != 0)
    return STATUS_INVALID_PARAMETER_1;
  if (!NT_SUCCESS(RtlStringCbPrintfW(text, sizeof(text), L"%s:%d", L"port", STYLE_PORT)) ||
      wcscmp(text, L"port:4010") != 0)
    return STATUS_INVALID_PARAMETER_2;
  if (RtlULongAdd(MAXULONG, 1, &sum) != STATUS_INTEGER_OVERFLOW || min(1, 2) != 1)
    return STATUS_INVALID_PARAMETER_3;
  if (InterlockedBitTestAndSet(&flags, 3) || !BitTest(&flags, 3)) return STATUS_INVALID_PARAMETER_4;
  RtlIpv4AddressToStringA(&loopback, address);
  if (strcmp(address, "127.0.0.1") != 0 || !IN4_IS_ADDR_LOOPBACK(&loopback))
    return STATUS_INVALID_PARAMETER_5;
  if (WSA_CMSG_SPACE(sizeof(IN_PKTINFO)) < WSA_CMSG_LEN(sizeof(IN_PKTINFO)))
    return STATUS_INVALID_PARAMETER_6;
  return STATUS_SUCCESS;
}

_Use_decl_annotations_ NTSTATUS StyleEntryC(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath) {
  WSK_CLIENT_NPI client = {NULL, &StyleClient};
  NTSTATUS status;

  PAGED_CODE();
  ExInitializeDriverRuntime(DrvRtPoolNxOptIn);
  WPP_INIT_TRACING(DriverObject, RegistryPath);
  TraceLoggingRegister(StyleProvider);
  StyleTrace(TRACE_LEVEL_VERBOSE, "a macro of the driver's own");
  status = StyleChecks(RegistryPath);
  if (!NT_SUCCESS(status)) return status;
  ExInitializeRundownProtection(&StyleInFlight);
  status = ExInitializeLookasideListEx(&StyleSends, NULL, NULL, NonPagedPoolNx, 0,
                                       sizeof(STYLE_SEND) + STYLE_SEND_BYTES, STYLE_TAG, 0);
  if (!NT_SUCCESS(status)) return status;
  status = WskRegister(&client, &StyleRegistration);
  if (!NT_SUCCESS(status)) goto DeleteLookaside;
  status = WskCaptureProviderNPI(&StyleRegistration, WSK_NO_WAIT, &StyleNpi);
  if (!NT_SUCCESS(status)) goto Deregister;
  status = StyleOpen();
  if (!NT_SUCCESS(status)) goto Release;
  DriverObject->DriverUnload = StyleUnload;
  return STATUS_SUCCESS;

Release:
  WskReleaseProviderNPI(&StyleRegistration);
Deregister:
  WskDeregister(&StyleRegistration);
DeleteLookaside:
  ExDeleteLookasideListEx(&StyleSends);
  return status;
}
