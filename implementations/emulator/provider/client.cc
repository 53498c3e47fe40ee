// WskControlClient, and the resolution of names, which is not offered.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

constexpr GUID kTcpIp = {0xe70f1aa0, 0xab8b, 0x11cf, {0x8c, 0xa3, 0, 0x80, 0x5f, 0x48, 0xa1, 0x92}};
constexpr GUID kTcpIpv6 = {0xf9eab0c0, 0x26d4, 0x11d0, {0xbb, 0xbf, 0, 0xaa, 0, 0x6c, 0x34, 0xe4}};

constexpr WSK_TRANSPORT kTransports[] = {
    {0, SOCK_STREAM, IPPROTO_TCP, AF_INET, kTcpIp},
    {0, SOCK_STREAM, IPPROTO_TCP, AF_INET6, kTcpIpv6},
    {0, SOCK_DGRAM, IPPROTO_UDP, AF_INET, kTcpIp},
    {0, SOCK_DGRAM, IPPROTO_UDP, AF_INET6, kTcpIpv6},
};

class ProviderLock {
 public:
  ProviderLock() { KeAcquireSpinLock(&provider.lock, &irql_); }
  ~ProviderLock() { KeReleaseSpinLock(&provider.lock, irql_); }
  ProviderLock(const ProviderLock&) = delete;

 private:
  KIRQL irql_;
};

struct Buffers {
  SIZE_T input_size;
  const VOID* input;
  SIZE_T output_size;
  PVOID output;
};

// ---- WSK_SET_STATIC_EVENT_CALLBACKS (wsk-set-static-event-callbacks.md)

// What the call answers when there are sockets already. Success: the mask is for later ones.
NTSTATUS LateStatus() {
  constexpr NTSTATUS kAnswers[] = {STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_DEVICE_REQUEST,
                                   STATUS_INVALID_PARAMETER, STATUS_SUCCESS};
  return kAnswers[WspChoose(emulator::kChoiceStaticLate, 4)];
}

NTSTATUS SetStaticEvents(Registration* client, const Buffers& buffers) {
  auto* control = static_cast<const WSK_EVENT_CALLBACK_CONTROL*>(buffers.input);
  constexpr ULONG kAll = kConnectionEvents | WSK_EVENT_RECEIVE_FROM | WSK_EVENT_ACCEPT;
  if (control == nullptr || buffers.input_size < sizeof *control || control->NpiId == nullptr) {
    return STATUS_INVALID_PARAMETER;
  }
  if (RtlCompareMemory(control->NpiId, &NPI_WSK_INTERFACE_ID, sizeof(NPIID)) != sizeof(NPIID)) {
    return STATUS_INVALID_PARAMETER;
  }
  ULONG mask = control->EventMask;
  if (mask == 0 || (mask & ~kAll) != 0) {
    return WspChoose(emulator::kChoiceStaticFlags, 2) == 0 ? STATUS_INVALID_PARAMETER : STATUS_NOT_SUPPORTED;
  }
  ProviderLock lock;
  if (client->sockets_made) {
    if (NTSTATUS status = LateStatus(); !NT_SUCCESS(status)) return status;
  }
  ULONG again = client->static_set ? WspChoose(emulator::kChoiceStaticTwice, 3) : 0;
  if (again == 2) return STATUS_INVALID_DEVICE_STATE;
  client->static_events = again == 1 ? mask : client->static_events | mask;
  client->static_set = TRUE;
  return STATUS_SUCCESS;
}

// ---- The list of transports (wsk-transport-list-query.md, wsk-transport-list-change.md)

NTSTATUS ListTransports(const Buffers& buffers, SIZE_T* returned) {
  if (returned == nullptr) return STATUS_INVALID_PARAMETER;
  *returned = sizeof kTransports;
  if (buffers.output == nullptr || buffers.output_size < sizeof kTransports) return STATUS_BUFFER_OVERFLOW;
  RtlCopyMemory(buffers.output, kTransports, sizeof kTransports);
  return STATUS_SUCCESS;
}

// The client that a notification's IRP belongs to.
Registration** OwnerOf(PIRP irp) {
  return reinterpret_cast<Registration**>(&irp->Tail.Overlay.DriverContext[0]);
}

void EndNotification(Registration* client, PIRP irp, NTSTATUS status) {
  Complete(irp, status, 0);
  LeaveClient(client);
}

void CancelNotification(PDEVICE_OBJECT, PIRP irp) {
  IoReleaseCancelSpinLock(irp->CancelIrql);
  Registration* client = *OwnerOf(irp);
  {
    ProviderLock lock;
    RemoveEntryList(&irp->Tail.Overlay.ListEntry);
  }
  EndNotification(client, irp, STATUS_CANCELLED);
}

// Pends until the list changes or the client deregisters. The IRP takes over the
// caller's entry into the client.
NTSTATUS AwaitTransports(Registration* client, PIRP irp) {
  bool ended;
  IoMarkIrpPending(irp);
  *OwnerOf(irp) = client;
  {
    ProviderLock lock;
    IoSetCancelRoutine(irp, CancelNotification);
    // Where a cancel routine is on its way, it finds the IRP in the list.
    ended =
        (ReadBooleanAcquire(&irp->Cancel) || client->closing) && IoSetCancelRoutine(irp, nullptr) != nullptr;
    if (!ended) InsertTailList(&client->notifications, &irp->Tail.Overlay.ListEntry);
  }
  if (ended) EndNotification(client, irp, STATUS_CANCELLED);
  return STATUS_PENDING;
}

// ---- Security descriptors (wsk-cache-sd.md, wsk-release-sd.md)

// The variable that a buffer is; null if it is too small.
PVOID* Variable(const VOID* buffer, SIZE_T size) {
  return size < sizeof(PVOID) ? nullptr : static_cast<PVOID*>(const_cast<VOID*>(buffer));
}

NTSTATUS CacheDescriptor(Registration* client, const Buffers& buffers) {
  const PVOID* original = Variable(buffers.input, buffers.input_size);
  PVOID* cached = Variable(buffers.output, buffers.output_size);
  if (original == nullptr || *original == nullptr || cached == nullptr) return STATUS_INVALID_PARAMETER;
  if (WspAllocationFails()) return STATUS_INSUFFICIENT_RESOURCES;
  ProviderLock lock;
  for (ULONG i = 0; i < kDescriptors; ++i) {
    CachedDescriptor& descriptor = provider.descriptors[i];
    if (descriptor.client != nullptr) continue;
    if (i >= provider.descriptors_used) provider.descriptors_used = i + 1;
    descriptor = {client, *original};
    *cached = &descriptor;
    return STATUS_SUCCESS;
  }
  return STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS ReleaseDescriptor(Registration* client, const Buffers& buffers) {
  const PVOID* cached = Variable(buffers.input, buffers.input_size);
  if (cached == nullptr || *cached == nullptr) return STATUS_INVALID_PARAMETER;
  ProviderLock lock;
  for (ULONG i = 0; i < provider.descriptors_used; ++i) {
    CachedDescriptor& descriptor = provider.descriptors[i];
    if (*cached != &descriptor) continue;
    if (descriptor.client != client) break;
    descriptor = {};
    return STATUS_SUCCESS;
  }
  WspMisuse("WSK_RELEASE_SD of a security descriptor that is not cached, or was released before",
            "wsk-release-sd.md", client);
}

// wsk-tdi-behavior.md. There is no TDI here to bypass.
NTSTATUS SetTdiBehavior(Registration* client, const Buffers& buffers) {
  if (buffers.input == nullptr || buffers.input_size < sizeof(ULONG)) return STATUS_INVALID_PARAMETER;
  ULONG flags = *static_cast<const ULONG*>(buffers.input);
  if ((flags & ~WSK_TDI_BEHAVIOR_BYPASS_TDI) != 0) return STATUS_INVALID_PARAMETER;
  return client->sockets_made ? STATUS_INVALID_DEVICE_STATE : STATUS_SUCCESS;
}

NTSTATUS ControlWithoutIrp(Registration* client, ULONG code, const Buffers& buffers, SIZE_T* returned) {
  switch (code) {
    case WSK_SET_STATIC_EVENT_CALLBACKS:
      return SetStaticEvents(client, buffers);
    case WSK_TRANSPORT_LIST_QUERY:
      return ListTransports(buffers, returned);
    case WSK_CACHE_SD:
      return CacheDescriptor(client, buffers);
    case WSK_RELEASE_SD:
      return ReleaseDescriptor(client, buffers);
    case WSK_TDI_BEHAVIOR:
      return SetTdiBehavior(client, buffers);
    default:
      // WSK_TDI_DEVICENAME_MAPPING among them: Windows has no TDI transports any more either.
      return STATUS_NOT_SUPPORTED;
  }
}

}  // namespace

void EndNotifications(Registration* client, NTSTATUS status) {
  // Those that are there now: a client may queue another when it is told.
  ULONG left = 0;
  {
    ProviderLock lock;
    for (PLIST_ENTRY link = client->notifications.Flink; link != &client->notifications; link = link->Flink)
      ++left;
  }
  for (; left > 0; --left) {
    PIRP irp = nullptr;
    {
      ProviderLock lock;
      for (PLIST_ENTRY link = client->notifications.Flink; link != &client->notifications;
           link = link->Flink) {
        // Those that are being cancelled end by themselves.
        if (IoSetCancelRoutine(IrpOf(link), nullptr) == nullptr) continue;
        irp = IrpOf(link);
        RemoveEntryList(link);
        break;
      }
    }
    if (irp == nullptr) return;
    EndNotification(client, irp, status);
  }
}

void ForgetDescriptors(const Registration* client) {
  for (ULONG i = 0; i < provider.descriptors_used; ++i) {
    if (provider.descriptors[i].client == client) provider.descriptors[i] = {};
  }
}

NTSTATUS WSKAPI WspControlClient(PWSK_CLIENT handle, ULONG code, SIZE_T input_size, PVOID input,
                                 SIZE_T output_size, PVOID output, SIZE_T* returned, PIRP irp) {
  if (irp != nullptr) TakeIrp(irp, nullptr, RequestKind::kOther);
  Registration* client = EnterClient(handle);
  if (client == nullptr) return AnswerNow(nullptr, irp, STATUS_INVALID_HANDLE, 0);
  NTSTATUS status = STATUS_INVALID_PARAMETER;
  if (code == WSK_TRANSPORT_LIST_CHANGE) {
    if (irp != nullptr) return AwaitTransports(client, irp);
  } else if (irp == nullptr || WspChoose(emulator::kChoiceClientControlIrp, 2) == 1) {
    status = ControlWithoutIrp(client, code, {input_size, input, output_size, output}, returned);
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
