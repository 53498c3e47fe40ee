// Datagrams in the simulated network: local addresses, what goes out to peers or to ourselves, what comes in.
// Each endpoint has a work item of its own, as connections have.
#include <wdm.h>
#include <wsk.h>

#include "implementations/emulator/kernel/runtime.h"
#include "implementations/emulator/provider/choices.h"
#include "implementations/emulator/transport/address.h"
#include "implementations/emulator/transport/network.h"
#include "implementations/emulator/transport/network_state.h"

namespace wskcert::transport {

// All fields are guarded by the network's lock.
struct DatagramEndpoint {
  const DatagramClient* client;
  void* context;
  ADDRESS_FAMILY family;
  SOCKADDR_INET local;
  USHORT port;  // host order; 0: not bound
  bool close_due, break_due, scheduled;
  DatagramSend *sends, **sends_end;
  Datagram *inbound, **inbound_end;
  DatagramEndpoint* next_free;
  WORK_QUEUE_ITEM work;
};

}  // namespace wskcert::transport

namespace wskcert::emulator {
namespace {

using transport::Datagram;
using transport::DatagramClient;
using transport::DatagramEndpoint;
using transport::DatagramSend;
using transport::kMaximumDatagram;

constexpr ULONG kDatagramEndpoints = 2048;
constexpr ULONG kDatagrams = 4096;
constexpr ULONG kTag = 'uNsW';

// Where a datagram goes: a peer's number, or a port of our own with this bit; nowhere.
constexpr ULONG kOwnPort = 0x80000000;
constexpr ULONG kNowhere = 0xFFFFFFFF;

struct Udp {
  ULONG endpoints_used, datagrams_used;
  DatagramEndpoint* free_endpoints;
  Datagram* free_datagrams;
  USHORT next_port;
  DatagramEndpoint endpoints[kDatagramEndpoints];
  Datagram datagrams[kDatagrams];
  DatagramEndpoint* ports[2][65536];  // who is bound, for IPv4 and IPv6
};
Udp udp;

DatagramEndpoint** PortsFor(ADDRESS_FAMILY family) { return udp.ports[family == AF_INET6 ? 1 : 0]; }

bool AllocationFails() {
  void* probe = ExAllocatePool2(POOL_FLAG_NON_PAGED, 16, kTag);
  if (probe == nullptr) return true;
  ExFreePoolWithTag(probe, kTag);
  return false;
}

// ---- Datagrams. With the lock held.

void FreeDatagrams(Datagram* list) {
  while (list != nullptr) {
    Datagram* next = list->next;
    FreeBuffers(list->buffers);
    list->next = udp.free_datagrams;
    udp.free_datagrams = list;
    list = next;
  }
}

// Null: there are no more.
Datagram* TakeDatagram() {
  Datagram* datagram = udp.free_datagrams;
  if (datagram != nullptr) {
    udp.free_datagrams = datagram->next;
  } else if (udp.datagrams_used < kDatagrams) {
    datagram = &udp.datagrams[udp.datagrams_used++];
  } else {
    return nullptr;
  }
  datagram->next = nullptr;
  datagram->buffers = nullptr;
  datagram->length = datagram->flags = datagram->control_length = 0;
  datagram->remote = SOCKADDR_INET{};
  return datagram;
}

Datagram* MakeDatagram(const uint8_t* bytes, ULONG length) {
  Datagram* datagram = TakeDatagram();
  if (datagram == nullptr) return nullptr;
  datagram->length = length;
  Buffer** end = &datagram->buffers;
  for (ULONG done = 0; done < length;) {
    Buffer* buffer = TakeBuffer();
    if (buffer == nullptr) {
      FreeDatagrams(datagram);
      return nullptr;
    }
    buffer->length = length - done < kSegment ? length - done : kSegment;
    RtlCopyMemory(buffer->base + buffer->offset, bytes + done, buffer->length);
    done += buffer->length;
    Append(&end, buffer);
  }
  return datagram;
}

// ---- Endpoints. With the lock held.

bool Due(const DatagramEndpoint* endpoint) {
  return endpoint->close_due || endpoint->sends != nullptr || endpoint->inbound != nullptr ||
         endpoint->break_due;
}

void ScheduleDatagrams(DatagramEndpoint* endpoint) {
  if (endpoint->scheduled || !Due(endpoint)) return;
  endpoint->scheduled = true;
  ExQueueWorkItem(&endpoint->work, DelayedWorkQueue);
}

void Unbind(DatagramEndpoint* endpoint) {
  if (endpoint->port == 0) return;
  PortsFor(endpoint->family)[endpoint->port] = nullptr;
  endpoint->port = 0;
}

// Who receives what is sent to an address of ours; the wildcard stands for all of them.
DatagramEndpoint* Receiver(const SOCKADDR_INET* to) {
  if (!IsLocal(to)) return nullptr;
  DatagramEndpoint* endpoint = PortsFor(to->si_family)[Port(to)];
  if (endpoint == nullptr || endpoint->close_due || endpoint->break_due) return nullptr;
  bool fits = IsWildcard(to) || IsWildcard(&endpoint->local) || SameHost(to, &endpoint->local);
  return fits ? endpoint : nullptr;
}

template <typename Information>
void AddControl(Datagram* datagram, INT level, INT type, const Information& information) {
  auto* header = reinterpret_cast<CMSGHDR*>(datagram->control);
  header->cmsg_len = sizeof *header + sizeof information;
  header->cmsg_level = level;
  header->cmsg_type = type;
  RtlCopyMemory(header + 1, &information, sizeof information);
  datagram->control_length = static_cast<ULONG>(WSA_CMSGHDR_ALIGN(header->cmsg_len));
}

// Where the datagram arrived, as control information.
void AddArrival(Datagram* datagram, const DatagramEndpoint* endpoint) {
  constexpr ULONG kInterface = 1;
  SOCKADDR_INET local = endpoint->local;
  ResolveWildcard(&local);
  if (endpoint->family == AF_INET) {
    AddControl(datagram, IPPROTO_IP, IP_PKTINFO, IN_PKTINFO{local.Ipv4.sin_addr, kInterface});
  } else {
    AddControl(datagram, IPPROTO_IPV6, IPV6_PKTINFO, IN6_PKTINFO{local.Ipv6.sin6_addr, kInterface});
  }
}

// False: no memory, or lost on the way.
bool Deliver(DatagramEndpoint* endpoint, const uint8_t* bytes, ULONG length, const SOCKADDR_INET* from,
             ULONG flags) {
  if (Choose(kChoiceDatagramLoss, 2) == 1) return false;
  Datagram* datagram = MakeDatagram(bytes, length);
  if (datagram == nullptr) return false;
  datagram->remote = *from;
  datagram->flags = flags;
  if (Choose(kChoiceControlInformation, 2) == 1) AddArrival(datagram, endpoint);
  if (endpoint->inbound != nullptr && Choose(kChoiceDatagramOrder, 2) == 1) {
    datagram->next = endpoint->inbound;
    endpoint->inbound = datagram;
  } else {
    Append(&endpoint->inbound_end, datagram);
  }
  ScheduleDatagrams(endpoint);
  return true;
}

// ---- Work. Each step is entered with the lock held and leaves it.

// Shows one datagram to whom it is sent to.
void ShowDatagram(DatagramEndpoint* endpoint, ULONG destination, const uint8_t* bytes, ULONG length) {
  if (destination == kNowhere) return;
  if (!(destination & kOwnPort)) {
    Report(PeerEvent::kDatagram, static_cast<LONG>(destination), bytes, length);
    return;
  }
  Guard guard;
  DatagramEndpoint* to = PortsFor(endpoint->family)[destination & 0xFFFF];
  if (to == nullptr || to->close_due || to->break_due) return;
  SOCKADDR_INET from = endpoint->local;
  ResolveWildcard(&from);
  Deliver(to, bytes, length, &from, 0);
}

// Collects a datagram's bytes, which the sink wants in one piece, and shows them.
NTSTATUS ShowPart(DatagramEndpoint* endpoint, ULONG destination, PMDL mdl, ULONG offset, ULONG length) {
  while (mdl != nullptr && length > 0 && offset == MmGetMdlByteCount(mdl)) {
    mdl = mdl->Next;
    offset = 0;
  }
  if (length == 0) {
    ShowDatagram(endpoint, destination, nullptr, 0);
    return STATUS_SUCCESS;
  }
  auto* bytes = static_cast<UCHAR*>(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority));
  if (bytes == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  if (MmGetMdlByteCount(mdl) - offset >= length) {
    ShowDatagram(endpoint, destination, bytes + offset, length);
    return STATUS_SUCCESS;
  }
  auto* copy = static_cast<UCHAR*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, length, kTag));
  if (copy == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  ULONG done = 0;
  for (; done < length; mdl = mdl->Next, offset = 0) {
    bytes = static_cast<UCHAR*>(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority));
    if (bytes == nullptr) break;
    ULONG count = MmGetMdlByteCount(mdl) - offset;
    if (count > length - done) count = length - done;
    RtlCopyMemory(copy + done, bytes + offset, count);
    done += count;
  }
  if (done == length) ShowDatagram(endpoint, destination, copy, length);
  ExFreePoolWithTag(copy, kTag);
  return done == length ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

void StepSend(DatagramEndpoint* endpoint, Lock* lock) {
  // The memory is safe while shown: a send in hand cannot be cancelled.
  DatagramSend* send = Pop(&endpoint->sends, &endpoint->sends_end);
  send->taken = false;
  lock->Leave();
  NTSTATUS status = STATUS_SUCCESS;
  if (!send->several) {
    status = ShowPart(endpoint, send->destination, send->mdl, send->offset, send->length);
  } else {
    for (const transport::Message* message = send->messages; message != nullptr && NT_SUCCESS(status);
         message = message->next) {
      status = ShowPart(endpoint, send->destination, message->mdl, message->offset, message->length);
    }
  }
  endpoint->client->Sent(endpoint->context, send, status);
}

void StepReceive(DatagramEndpoint* endpoint, Lock* lock) {
  Datagram* list = endpoint->inbound;
  if (list->next == nullptr || Choose(kChoiceCoalesce, 2) == 0) {
    endpoint->inbound = nullptr;
    endpoint->inbound_end = &endpoint->inbound;
  } else {
    Pop(&endpoint->inbound, &endpoint->inbound_end);
    list->next = nullptr;
  }
  lock->Leave();
  endpoint->client->Received(endpoint->context, list);
}

void DropAll(DatagramEndpoint* endpoint, Lock* lock, NTSTATUS status) {
  DatagramSend* sends = endpoint->sends;
  for (DatagramSend* send = sends; send != nullptr; send = send->next) send->taken = false;
  endpoint->sends = nullptr;
  endpoint->sends_end = &endpoint->sends;
  FreeDatagrams(endpoint->inbound);
  endpoint->inbound = nullptr;
  endpoint->inbound_end = &endpoint->inbound;
  Unbind(endpoint);
  lock->Leave();
  while (sends != nullptr) {
    DatagramSend* next = sends->next;
    endpoint->client->Sent(endpoint->context, sends, status);
    sends = next;
  }
}

void DatagramWork(PVOID context) {
  auto* endpoint = static_cast<DatagramEndpoint*>(context);
  Lock lock;
  while (true) {
    lock.Take();
    bool out = endpoint->sends != nullptr;
    bool in = endpoint->inbound != nullptr;
    if (endpoint->close_due) {
      DropAll(endpoint, &lock, STATUS_CANCELLED);
      endpoint->client->Closed(endpoint->context);
      lock.Take();
      endpoint->next_free = udp.free_endpoints;
      udp.free_endpoints = endpoint;
      lock.Leave();
      return;
    }
    if (out && (!in || Choose(kChoiceNetworkOrder, 2) == 0)) {
      StepSend(endpoint, &lock);
    } else if (in) {
      StepReceive(endpoint, &lock);
    } else if (endpoint->break_due) {
      endpoint->break_due = false;
      DropAll(endpoint, &lock, STATUS_FILE_FORCED_CLOSED);
      endpoint->client->Broken(endpoint->context);
    } else {
      endpoint->scheduled = false;
      lock.Leave();
      return;
    }
  }
}

// ---- The transport's functions

NTSTATUS Open(const DatagramClient* client, void* context, ADDRESS_FAMILY family, DatagramEndpoint** result) {
  if (family != AF_INET && family != AF_INET6) return STATUS_NOT_SUPPORTED;
  if (AllocationFails()) return STATUS_INSUFFICIENT_RESOURCES;
  Guard guard;
  DatagramEndpoint* endpoint = udp.free_endpoints;
  if (endpoint != nullptr) {
    udp.free_endpoints = endpoint->next_free;
  } else if (udp.endpoints_used < kDatagramEndpoints) {
    endpoint = &udp.endpoints[udp.endpoints_used++];
  } else {
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  *endpoint = DatagramEndpoint{};
  endpoint->client = client;
  endpoint->context = context;
  endpoint->family = family;
  endpoint->sends_end = &endpoint->sends;
  endpoint->inbound_end = &endpoint->inbound;
  ExInitializeWorkItem(&endpoint->work, DatagramWork, endpoint);
  *result = endpoint;
  return STATUS_SUCCESS;
}

NTSTATUS Bind(DatagramEndpoint* endpoint, const SOCKADDR* address) {
  Guard guard;
  if (endpoint->port != 0) return STATUS_INVALID_DEVICE_STATE;
  SOCKADDR_INET local;
  if (!CopyAddress(&local, address, endpoint->family) || !IsLocal(&local)) {
    return STATUS_INVALID_ADDRESS_COMPONENT;
  }
  DatagramEndpoint** ports = PortsFor(endpoint->family);
  USHORT port = Port(&local);
  if (port == 0) {
    ULONG tries = 65536 - kFirstEphemeralPort;
    do {
      port = static_cast<USHORT>(kFirstEphemeralPort + udp.next_port++ % (65536 - kFirstEphemeralPort));
    } while (ports[port] != nullptr && --tries > 0);
    if (tries == 0) return STATUS_INSUFFICIENT_RESOURCES;
    SetPort(&local, port);
  } else if (ports[port] != nullptr) {
    return STATUS_ADDRESS_ALREADY_EXISTS;
  }
  ports[port] = endpoint;
  endpoint->port = port;
  endpoint->local = local;
  return STATUS_SUCCESS;
}

void LocalAddress(DatagramEndpoint* endpoint, SOCKADDR_INET* address) {
  Guard guard;
  *address = endpoint->local;
}

// What is sent to an address that nobody has is lost, which its sender does not learn.
ULONG Resolve(const SOCKADDR_INET* to) {
  if (Receiver(to) != nullptr) return kOwnPort | Port(to);
  LONG peer = PeerAt(to);
  return peer >= 0 ? static_cast<ULONG>(peer) : kNowhere;
}

void SendDatagrams(DatagramEndpoint* endpoint, DatagramSend* send, const SOCKADDR* address) {
  NTSTATUS status = STATUS_CANCELLED;
  {
    Guard guard;
    SOCKADDR_INET to;
    if (!send->cancelled && endpoint->port == 0) {
      status = STATUS_FILE_FORCED_CLOSED;
    } else if (!send->cancelled) {
      send->destination = CopyAddress(&to, address, endpoint->family) ? Resolve(&to) : kNowhere;
      send->taken = true;
      Append(&endpoint->sends_end, send);
      ScheduleDatagrams(endpoint);
      return;
    }
  }
  endpoint->client->Sent(endpoint->context, send, status);
}

bool CancelSend(DatagramEndpoint* endpoint, DatagramSend* send) {
  Guard guard;
  if (!send->taken) {
    send->cancelled = true;
    return false;
  }
  for (DatagramSend** link = &endpoint->sends; *link != nullptr; link = &(*link)->next) {
    if (*link != send) continue;
    *link = send->next;
    if (endpoint->sends_end == &send->next) endpoint->sends_end = link;
    send->taken = false;
    return true;
  }
  return false;
}

void Break(DatagramEndpoint* endpoint) {
  Guard guard;
  if (endpoint->port == 0 || endpoint->close_due) return;
  FreeDatagrams(endpoint->inbound);
  endpoint->inbound = nullptr;
  endpoint->inbound_end = &endpoint->inbound;
  endpoint->break_due = true;
  ScheduleDatagrams(endpoint);
}

void ReturnDatagrams(Datagram* datagrams) {
  for (Datagram* datagram = datagrams; datagram != nullptr; datagram = datagram->next) {
    for (Buffer* buffer = datagram->buffers; buffer != nullptr; buffer = buffer->next) {
      RtlFillMemory(buffer->base, buffer->offset + buffer->length, 0xDD);
    }
    RtlFillMemory(&datagram->remote, sizeof datagram->remote, 0xDD);
    RtlFillMemory(datagram->control, sizeof datagram->control, 0xDD);
  }
  Guard guard;
  FreeDatagrams(datagrams);
}

void Close(DatagramEndpoint* endpoint) {
  Guard guard;
  endpoint->close_due = true;
  ScheduleDatagrams(endpoint);
}

bool CloseAtOnce(DatagramEndpoint* endpoint) {
  Guard guard;
  if (endpoint->scheduled) return false;
  Unbind(endpoint);
  endpoint->next_free = udp.free_endpoints;
  udp.free_endpoints = endpoint;
  return true;
}

bool ReadAddress(SOCKADDR_INET* address, const void* sockaddr) {
  auto* from = static_cast<const SOCKADDR*>(sockaddr);
  return from != nullptr && CopyAddress(address, from, from->sa_family);
}

}  // namespace

const transport::DatagramTransport kDatagramTransport = {
    Open, Bind, LocalAddress, SendDatagrams, CancelSend, Break, ReturnDatagrams, Close, CloseAtOnce};

void ResetDatagrams() {
  for (ULONG i = 0; i < udp.endpoints_used; ++i) {
    Unbind(&udp.endpoints[i]);
    udp.endpoints[i] = DatagramEndpoint{};
  }
  udp.endpoints_used = udp.datagrams_used = 0;
  udp.free_endpoints = nullptr;
  udp.free_datagrams = nullptr;
  udp.next_port = 0;
}

bool PeerSendDatagram(uint32_t peer, const void* local_sockaddr, const uint8_t* bytes, uint32_t length,
                      Cast cast) {
  constexpr ULONG kFlags[] = {0, MSG_BCAST, MSG_MCAST};
  SOCKADDR_INET to;
  if (peer >= kPeers || length > kMaximumDatagram || !ReadAddress(&to, local_sockaddr)) return false;
  SOCKADDR_INET from = {};
  WritePeerAddress(peer, to.si_family == AF_INET6, &from);
  Guard guard;
  DatagramEndpoint* endpoint = Receiver(&to);
  return endpoint != nullptr && Deliver(endpoint, bytes, length, &from, kFlags[static_cast<ULONG>(cast)]);
}

bool NetworkBreakDatagramSocket(const void* local_sockaddr) {
  SOCKADDR_INET to;
  if (!ReadAddress(&to, local_sockaddr)) return false;
  Guard guard;
  DatagramEndpoint* endpoint = Receiver(&to);
  if (endpoint == nullptr) return false;
  endpoint->break_due = true;
  ScheduleDatagrams(endpoint);
  return true;
}

}  // namespace wskcert::emulator
