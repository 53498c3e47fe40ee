// Registration, capture, and what the provider's table declines.
#include "small.h"

const char WskcertProviderName[] = "small";
const char WskcertProviderVersion[] = "1.0";

VOID SmallReferenceClient(PSMALL_CLIENT Client) { InterlockedIncrement(&Client->References); }

VOID SmallReleaseClient(PSMALL_CLIENT Client) {
  if (InterlockedDecrement(&Client->References) == 0) KeSetEvent(&Client->Idle, 0, FALSE);
}

VOID SmallBegin(PIRP Irp) { IoSetNextIrpStackLocation(Irp); }

NTSTATUS SmallComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information) {
  Irp->IoStatus.Status = Status;
  Irp->IoStatus.Information = Information;
  IoCompleteRequest(Irp, IO_NO_INCREMENT);
  return Status;
}

NTSTATUS SmallDecline(PIRP Irp) {
  if (Irp == NULL) return STATUS_NOT_SUPPORTED;
  SmallBegin(Irp);
  return SmallComplete(Irp, STATUS_NOT_SUPPORTED, 0);
}

static NTSTATUS WSKAPI SmallControlClient(PWSK_CLIENT Client, ULONG ControlCode, SIZE_T InputSize,
                                          PVOID InputBuffer, SIZE_T OutputSize, PVOID OutputBuffer,
                                          SIZE_T* OutputSizeReturned, PIRP Irp) {
  return SmallDecline(Irp);
}

static NTSTATUS WSKAPI SmallGetAddressInfo(PWSK_CLIENT Client, PUNICODE_STRING NodeName,
                                           PUNICODE_STRING ServiceName, ULONG NameSpace, GUID* Provider,
                                           PADDRINFOEXW Hints, PADDRINFOEXW* Result, PEPROCESS Process,
                                           PETHREAD Thread, PIRP Irp) {
  return SmallDecline(Irp);
}

static VOID WSKAPI SmallFreeAddressInfo(PWSK_CLIENT Client, PADDRINFOEXW AddrInfo) {}

static NTSTATUS WSKAPI SmallGetNameInfo(PWSK_CLIENT Client, PSOCKADDR SockAddr, ULONG SockAddrLength,
                                        PUNICODE_STRING NodeName, PUNICODE_STRING ServiceName, ULONG Flags,
                                        PEPROCESS Process, PETHREAD Thread, PIRP Irp) {
  return SmallDecline(Irp);
}

static const WSK_PROVIDER_DISPATCH SmallProviderDispatch = {MAKE_WSK_VERSION(1, 0),
                                                            0,
                                                            SmallSocket,
                                                            SmallSocketConnect,
                                                            SmallControlClient,
                                                            SmallGetAddressInfo,
                                                            SmallFreeAddressInfo,
                                                            SmallGetNameInfo};

NTSTATUS WSKAPI WskRegister(PWSK_CLIENT_NPI WskClientNpi, PWSK_REGISTRATION WskRegistration) {
  PSMALL_CLIENT client = (PSMALL_CLIENT)ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*client), SMALL_TAG);
  if (client == NULL) return STATUS_INSUFFICIENT_RESOURCES;
  client->Npi = *WskClientNpi;
  client->References = 1;
  KeInitializeEvent(&client->Idle, NotificationEvent, FALSE);
  WskRegistration->ReservedRegistrationContext = client;
  return STATUS_SUCCESS;
}

VOID WSKAPI WskDeregister(PWSK_REGISTRATION WskRegistration) {
  PSMALL_CLIENT client = (PSMALL_CLIENT)WskRegistration->ReservedRegistrationContext;
  client->Leaving = TRUE;
  SmallReleaseClient(client);
  KeWaitForSingleObject(&client->Idle, Executive, KernelMode, FALSE, NULL);
  WskRegistration->ReservedRegistrationContext = NULL;
  ExFreePoolWithTag(client, SMALL_TAG);
}

NTSTATUS WSKAPI WskCaptureProviderNPI(PWSK_REGISTRATION WskRegistration, ULONG WaitTimeout,
                                      PWSK_PROVIDER_NPI WskProviderNpi) {
  PSMALL_CLIENT client = (PSMALL_CLIENT)WskRegistration->ReservedRegistrationContext;
  if (client == NULL || client->Leaving) return STATUS_DEVICE_NOT_READY;
  if (client->Npi.Dispatch->Version != MAKE_WSK_VERSION(1, 0)) return STATUS_NOINTERFACE;
  SmallReferenceClient(client);
  WskProviderNpi->Client = (PWSK_CLIENT)client;
  WskProviderNpi->Dispatch = &SmallProviderDispatch;
  return STATUS_SUCCESS;
}

VOID WSKAPI WskReleaseProviderNPI(PWSK_REGISTRATION WskRegistration) {
  SmallReleaseClient((PSMALL_CLIENT)WskRegistration->ReservedRegistrationContext);
}

NTSTATUS WSKAPI WskQueryProviderCharacteristics(PWSK_REGISTRATION WskRegistration,
                                                PWSK_PROVIDER_CHARACTERISTICS WskProviderCharacteristics) {
  WskProviderCharacteristics->HighestVersion = MAKE_WSK_VERSION(1, 0);
  WskProviderCharacteristics->LowestVersion = MAKE_WSK_VERSION(1, 0);
  return STATUS_SUCCESS;
}
