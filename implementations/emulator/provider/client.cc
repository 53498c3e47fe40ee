// WskControlClient, and the resolution of names, which is not offered.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

constexpr WSK_TRANSPORT kTransports[] = {
    {0,
     SOCK_STREAM,
     IPPROTO_TCP,
     AF_INET,
     {0xe70f1aa0, 0xab8b, 0x11cf, {0x8c, 0xa3, 0, 0x80, 0x5f, 0x48, 0xa1, 0x92}}},
    {0,
     SOCK_STREAM,
     IPPROTO_TCP,
     AF_INET6,
     {0xf9eab0c0, 0x26d4, 0x11d0, {0xbb, 0xbf, 0, 0xaa, 0, 0x6c, 0x34, 0xe4}}},
};

// wsk-set-static-event-callbacks.md
NTSTATUS SetStaticEvents(Registration* client, SIZE_T size, const VOID* input) {
  auto* control = static_cast<const WSK_EVENT_CALLBACK_CONTROL*>(input);
  constexpr ULONG kAll = kConnectionEvents | WSK_EVENT_RECEIVE_FROM | WSK_EVENT_ACCEPT;
  if (size < sizeof *control || control == nullptr || control->NpiId == nullptr)
    return STATUS_INVALID_PARAMETER;
  if (RtlCompareMemory(control->NpiId, &NPI_WSK_INTERFACE_ID, sizeof(NPIID)) != sizeof(NPIID)) {
    return STATUS_INVALID_PARAMETER;
  }
  if (control->EventMask == 0 || (control->EventMask & ~kAll) != 0) return STATUS_INVALID_PARAMETER;
  if (client->sockets_made) return STATUS_INVALID_DEVICE_STATE;
  client->static_events |= control->EventMask;
  return STATUS_SUCCESS;
}

// wsk-transport-list-query.md
NTSTATUS ListTransports(SIZE_T size, PVOID output, SIZE_T* returned) {
  if (returned == nullptr) return STATUS_INVALID_PARAMETER;
  *returned = sizeof kTransports;
  if (output == nullptr || size < sizeof kTransports) return STATUS_BUFFER_OVERFLOW;
  RtlCopyMemory(output, kTransports, sizeof kTransports);
  return STATUS_SUCCESS;
}

}  // namespace

NTSTATUS WSKAPI WspControlClient(PWSK_CLIENT handle, ULONG code, SIZE_T input_size, PVOID input,
                                 SIZE_T output_size, PVOID output, SIZE_T* returned, PIRP irp) {
  if (irp != nullptr) TakeIrp(irp, nullptr, RequestKind::kOther);
  Registration* client = EnterClient(handle);
  if (client == nullptr) return AnswerNow(nullptr, irp, STATUS_INVALID_HANDLE, 0);
  NTSTATUS status = STATUS_NOT_SUPPORTED;
  switch (code) {
    case WSK_SET_STATIC_EVENT_CALLBACKS:
      status = irp == nullptr ? SetStaticEvents(client, input_size, input) : STATUS_INVALID_PARAMETER;
      break;
    case WSK_TRANSPORT_LIST_QUERY:
      status = irp == nullptr ? ListTransports(output_size, output, returned) : STATUS_INVALID_PARAMETER;
      break;
    case WSK_TDI_BEHAVIOR:
      status = irp == nullptr && input != nullptr && input_size >= sizeof(ULONG) ? STATUS_SUCCESS
                                                                                 : STATUS_INVALID_PARAMETER;
      break;
    default:
      break;
  }
  status = AnswerNow(nullptr, irp, status, 0);
  LeaveClient(client);
  return status;
}

NTSTATUS WSKAPI WspGetAddressInfo(PWSK_CLIENT, PUNICODE_STRING, PUNICODE_STRING, ULONG, GUID*, PADDRINFOEXW,
                                  PADDRINFOEXW*, PEPROCESS, PETHREAD, PIRP irp) {
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  TakeIrp(irp, nullptr, RequestKind::kOther);
  return AnswerNow(nullptr, irp, STATUS_NOT_IMPLEMENTED, 0);
}

VOID WSKAPI WspFreeAddressInfo(PWSK_CLIENT, PADDRINFOEXW) {}

NTSTATUS WSKAPI WspGetNameInfo(PWSK_CLIENT, PSOCKADDR, ULONG, PUNICODE_STRING, PUNICODE_STRING, ULONG,
                               PEPROCESS, PETHREAD, PIRP irp) {
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  TakeIrp(irp, nullptr, RequestKind::kOther);
  return AnswerNow(nullptr, irp, STATUS_NOT_IMPLEMENTED, 0);
}

}  // namespace wskcert::provider
