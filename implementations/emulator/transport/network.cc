#include "implementations/emulator/transport/network.h"

#include <wdm.h>
#include <wsk.h>

#include "implementations/emulator/kernel/runtime.h"
#include "implementations/emulator/provider/choices.h"
#include "implementations/emulator/transport/address.h"
#include "implementations/emulator/transport/transport.h"

namespace wskcert::transport {

// One of our ends. All fields are guarded by the network's lock.
struct Endpoint {
  const Client* client;
  void* context;
  ADDRESS_FAMILY family;
  SOCKADDR_INET local;
  SOCKADDR_INET remote;
  USHORT port;  // host order; 0: not bound
  bool connecting, connected;
  bool connect_due;  // the attempt has not reached the peer yet
  bool fin_due, fin_seen, fin_acknowledged;
  bool reset_due;  // an abortive disconnect has not reached the peer yet
  bool close_due;
  bool peer_fin_due, peer_fin_seen, peer_reset_due, break_due, backlog_due;
  bool scheduled;
  LONG peer;  // -1: none
  SIZE_T ideal_backlog, new_backlog;
  Send *sends, **sends_end;      // not yet seen by the peer
  Send *unacked, **unacked_end;  // seen, not acknowledged
  Buffer *inbound, **inbound_end;
  Endpoint* next_free;
  WORK_QUEUE_ITEM work;
};

}  // namespace wskcert::transport

namespace wskcert::emulator {
namespace {

using transport::Buffer;
using transport::Client;
using transport::Endpoint;
using transport::Send;

constexpr ULONG kEndpoints = 2048;
constexpr ULONG kBuffers = 4096;
constexpr ULONG kHeadroom = 40;   // where the headers of IPv4 and TCP would be
constexpr ULONG kSegment = 1460;  // payload of a full segment
constexpr ULONG kBufferSize = 1536;
constexpr SIZE_T kInitialBacklog = 65536;
constexpr USHORT kFirstEphemeralPort = 49152;

struct Peer {
  Endpoint* endpoint;  // of the connection, as long as the peer has one
  ConnectPolicy policy;
  bool holds_acks;
  bool fin_sent;  // by the peer
  bool used;
};

struct Network {
  KSPIN_LOCK lock;
  void (*sink)(void* context, const PeerEvent* event);
  void* sink_context;
  ULONG endpoints_used, buffers_used, peers_used;
  Endpoint* free_endpoints;
  Buffer* free_buffers;
  USHORT next_port;
  Endpoint endpoints[kEndpoints];
  Buffer buffers[kBuffers];
  Peer peers[kPeers];
  uint16_t peer_list[kPeers];  // those used, for the reset
  UCHAR ports[65536 / 8];
};

Network network;
alignas(4096) UCHAR buffer_memory[kBuffers][kBufferSize];

class Guard {
 public:
  Guard() { KeAcquireSpinLock(&network.lock, &irql_); }
  ~Guard() { KeReleaseSpinLock(&network.lock, irql_); }
  Guard(const Guard&) = delete;

 private:
  KIRQL irql_;
};

// Whether the allocation that a slab stands for fails, when the runtime is told to fail one.
bool AllocationFails() {
  void* probe = ExAllocatePool2(POOL_FLAG_NON_PAGED, 16, 'tNsW');
  if (probe == nullptr) return true;
  ExFreePoolWithTag(probe, 'tNsW');
  return false;
}

Peer* UsePeer(ULONG number) {
  Peer* peer = &network.peers[number];
  if (!peer->used) {
    peer->used = true;
    network.peer_list[network.peers_used++] = static_cast<uint16_t>(number);
  }
  return peer;
}

void Report(PeerEvent::Kind kind, LONG peer, const uint8_t* data = nullptr, uint32_t length = 0) {
  if (network.sink == nullptr || peer < 0) return;
  PeerEvent event = {kind, static_cast<uint32_t>(peer), data, length};
  network.sink(network.sink_context, &event);
}

template <typename T>
void Append(T*** end, T* item) {
  item->next = nullptr;
  **end = item;
  *end = &item->next;
}

template <typename T>
T* Pop(T** head, T*** end) {
  T* item = *head;
  *head = item->next;
  if (*head == nullptr) *end = head;
  return item;
}

// ---- Buffers. With the lock held.

Buffer* TakeBuffer() {
  Buffer* buffer = network.free_buffers;
  if (buffer != nullptr) {
    network.free_buffers = buffer->next;
  } else if (network.buffers_used < kBuffers) {
    buffer = &network.buffers[network.buffers_used];
    buffer->base = buffer_memory[network.buffers_used++];
    buffer->capacity = kBufferSize;
  } else {
    return nullptr;
  }
  buffer->next = nullptr;
  buffer->offset = kHeadroom;
  buffer->length = 0;
  buffer->push = false;
  return buffer;
}

void FreeBuffers(Buffer* buffers) {
  while (buffers != nullptr) {
    Buffer* next = buffers->next;
    buffers->next = network.free_buffers;
    network.free_buffers = buffers;
    buffers = next;
  }
}

// ---- Endpoints and their connection. With the lock held.

bool OutboundDue(const Endpoint* endpoint) {
  if (endpoint->close_due || endpoint->reset_due || endpoint->connect_due) return true;
  if (!endpoint->connected || endpoint->peer < 0) return false;
  if (endpoint->sends != nullptr || endpoint->fin_due) return true;
  bool unacked = endpoint->unacked != nullptr || (endpoint->fin_seen && !endpoint->fin_acknowledged);
  return unacked && !network.peers[endpoint->peer].holds_acks;
}

bool InboundDue(const Endpoint* endpoint) {
  if (!endpoint->connected) return false;
  return endpoint->inbound != nullptr || endpoint->peer_fin_due || endpoint->peer_reset_due ||
         endpoint->break_due || endpoint->backlog_due;
}

void Schedule(Endpoint* endpoint) {
  if (endpoint->scheduled || (!OutboundDue(endpoint) && !InboundDue(endpoint))) return;
  endpoint->scheduled = true;
  ExQueueWorkItem(&endpoint->work, DelayedWorkQueue);
}

void Unlink(Endpoint* endpoint) {
  if (endpoint->peer >= 0) network.peers[endpoint->peer].endpoint = nullptr;
  endpoint->peer = -1;
}

void DropInbound(Endpoint* endpoint) {
  FreeBuffers(endpoint->inbound);
  endpoint->inbound = nullptr;
  endpoint->inbound_end = &endpoint->inbound;
  endpoint->peer_fin_due = endpoint->peer_reset_due = endpoint->break_due = endpoint->backlog_due = false;
}

void EndConnection(Endpoint* endpoint) {
  endpoint->connected = endpoint->connecting = endpoint->connect_due = false;
  endpoint->fin_due = endpoint->fin_seen = endpoint->fin_acknowledged = false;
  endpoint->peer_fin_seen = false;
  DropInbound(endpoint);
  Unlink(endpoint);
}

void FreePort(Endpoint* endpoint) {
  if (endpoint->port != 0) network.ports[endpoint->port / 8] &= ~(1 << (endpoint->port % 8));
  endpoint->port = 0;
}

// ---- What an endpoint's work item does, one thing at a time. Each is entered with the lock held and leaves
// it, since it calls out.

class Lock {
 public:
  void Take() { KeAcquireSpinLock(&network.lock, &irql_); }
  void Leave() { KeReleaseSpinLock(&network.lock, irql_); }

 private:
  KIRQL irql_;
};

void StepClose(Endpoint* endpoint, Lock* lock) {
  LONG peer = endpoint->peer;
  bool reset = endpoint->connected && peer >= 0;
  const Client* client = endpoint->client;
  void* context = endpoint->context;
  EndConnection(endpoint);
  FreePort(endpoint);
  endpoint->client = nullptr;
  endpoint->close_due = endpoint->reset_due = false;
  lock->Leave();
  if (reset) Report(PeerEvent::kReset, peer);
  client->Closed(context);
}

// With the lock: takes all sends that are not over.
Send* TakeSends(Endpoint* endpoint) {
  *endpoint->unacked_end = endpoint->sends;
  Send* sends = endpoint->unacked;
  for (Send* send = sends; send != nullptr; send = send->next) send->taken = false;
  endpoint->sends = endpoint->unacked = nullptr;
  endpoint->sends_end = &endpoint->sends;
  endpoint->unacked_end = &endpoint->unacked;
  return sends;
}

void FailSends(Endpoint* endpoint, Send* sends, NTSTATUS status) {
  while (sends != nullptr) {
    Send* next = sends->next;
    endpoint->client->Sent(endpoint->context, sends, status);
    sends = next;
  }
}

void StepReset(Endpoint* endpoint, Lock* lock) {
  LONG peer = endpoint->peer;
  bool connected = endpoint->connected;
  endpoint->reset_due = false;
  // Sends that raced with the disconnect; the client took back the others.
  Send* sends = TakeSends(endpoint);
  EndConnection(endpoint);
  lock->Leave();
  FailSends(endpoint, sends, STATUS_CONNECTION_ABORTED);
  if (connected) Report(PeerEvent::kReset, peer);
}

void StepConnect(Endpoint* endpoint, Lock* lock) {
  endpoint->connect_due = false;
  LONG number = PeerAt(&endpoint->remote);
  Peer* peer = number >= 0 ? UsePeer(number) : nullptr;
  NTSTATUS status = STATUS_SUCCESS;
  if (peer == nullptr) {
    status = STATUS_HOST_UNREACHABLE;
  } else if (peer->policy == ConnectPolicy::kIgnore) {
    lock->Leave();
    return;
  } else if (peer->policy == ConnectPolicy::kRefuse || peer->endpoint != nullptr) {
    status = STATUS_CONNECTION_REFUSED;
  }
  endpoint->connecting = false;
  if (NT_SUCCESS(status)) {
    peer->endpoint = endpoint;
    peer->fin_sent = false;
    endpoint->peer = number;
    endpoint->connected = true;
    endpoint->ideal_backlog = kInitialBacklog;
    ResolveWildcard(&endpoint->local);
  }
  const Client* client = endpoint->client;
  void* context = endpoint->context;
  lock->Leave();
  if (NT_SUCCESS(status)) Report(PeerEvent::kConnected, number);
  client->Connected(context, status);
}

// Shows the bytes of a send to the peer, piece by piece.
void ShowSend(LONG peer, const Send* send) {
  SIZE_T left = send->length;
  SIZE_T offset = send->offset;
  for (PMDL mdl = send->mdl; left > 0 && mdl != nullptr; mdl = mdl->Next, offset = 0) {
    SIZE_T count = MmGetMdlByteCount(mdl) - offset;
    if (count > left) count = left;
    auto* bytes = static_cast<UCHAR*>(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority));
    if (bytes == nullptr) return;
    if (count > 0) Report(PeerEvent::kData, peer, bytes + offset, static_cast<uint32_t>(count));
    left -= count;
  }
}

// The peer sees a send or our end of the stream; unless it holds them back, acknowledgements follow.
void StepOutbound(Endpoint* endpoint, Lock* lock) {
  LONG peer = endpoint->peer;
  bool holds = network.peers[peer].holds_acks;
  if (!holds && endpoint->unacked != nullptr) {
    Send* send = Pop(&endpoint->unacked, &endpoint->unacked_end);
    send->taken = false;
    lock->Leave();
    endpoint->client->Sent(endpoint->context, send, STATUS_SUCCESS);
  } else if (!holds && endpoint->fin_seen && !endpoint->fin_acknowledged) {
    endpoint->fin_acknowledged = true;
    if (endpoint->peer_fin_seen) Unlink(endpoint);
    lock->Leave();
    endpoint->client->DisconnectDone(endpoint->context, STATUS_SUCCESS);
  } else if (endpoint->sends != nullptr) {
    // The memory is safe while shown: a send in hand cannot be cancelled.
    Send* send = Pop(&endpoint->sends, &endpoint->sends_end);
    send->taken = false;
    lock->Leave();
    ShowSend(peer, send);
    if (!holds) {
      endpoint->client->Sent(endpoint->context, send, STATUS_SUCCESS);
      return;
    }
    lock->Take();
    bool over = !endpoint->connected || send->cancelled;
    if (!over) {
      send->taken = true;
      Append(&endpoint->unacked_end, send);
    }
    lock->Leave();
    if (over) endpoint->client->Sent(endpoint->context, send, STATUS_CONNECTION_ABORTED);
  } else {
    endpoint->fin_due = false;
    endpoint->fin_seen = true;
    lock->Leave();
    Report(PeerEvent::kFin, peer);
  }
}

// Ends what waits for the peer, then says that there is no peer any more.
void StepPeerReset(Endpoint* endpoint, Lock* lock) {
  Send* sends = TakeSends(endpoint);
  bool fin = endpoint->fin_due || (endpoint->fin_seen && !endpoint->fin_acknowledged);
  EndConnection(endpoint);
  const Client* client = endpoint->client;
  void* context = endpoint->context;
  lock->Leave();
  FailSends(endpoint, sends, STATUS_CONNECTION_RESET);
  if (fin) client->DisconnectDone(context, STATUS_CONNECTION_RESET);
  client->Disconnected(context, true);
}

void StepInbound(Endpoint* endpoint, Lock* lock) {
  const Client* client = endpoint->client;
  void* context = endpoint->context;
  if (endpoint->inbound != nullptr) {
    Buffer* buffers = endpoint->inbound;
    if (buffers->next == nullptr || Choose(kChoiceCoalesce, 2) == 0) {
      endpoint->inbound = nullptr;
      endpoint->inbound_end = &endpoint->inbound;
    } else {
      Pop(&endpoint->inbound, &endpoint->inbound_end);
      buffers->next = nullptr;
    }
    lock->Leave();
    client->Received(context, buffers);
  } else if (endpoint->peer_reset_due) {
    StepPeerReset(endpoint, lock);
  } else if (endpoint->peer_fin_due) {
    endpoint->peer_fin_due = false;
    endpoint->peer_fin_seen = true;
    if (endpoint->fin_acknowledged) Unlink(endpoint);
    lock->Leave();
    client->Disconnected(context, false);
  } else if (endpoint->backlog_due) {
    endpoint->backlog_due = false;
    SIZE_T bytes = endpoint->ideal_backlog = endpoint->new_backlog;
    lock->Leave();
    client->BacklogChanged(context, bytes);
  } else {
    LONG peer = endpoint->peer;
    EndConnection(endpoint);
    lock->Leave();
    Report(PeerEvent::kReset, peer);
    client->Broken(context);
  }
}

void EndpointWork(PVOID context) {
  auto* endpoint = static_cast<Endpoint*>(context);
  Lock lock;
  while (true) {
    lock.Take();
    bool out = OutboundDue(endpoint);
    bool in = InboundDue(endpoint);
    if (endpoint->close_due) {
      StepClose(endpoint, &lock);
      // The client is gone; the endpoint can be used again.
      lock.Take();
      endpoint->scheduled = false;
      endpoint->next_free = network.free_endpoints;
      network.free_endpoints = endpoint;
      lock.Leave();
      return;
    }
    if (endpoint->reset_due) {
      StepReset(endpoint, &lock);
    } else if (endpoint->connect_due) {
      StepConnect(endpoint, &lock);
    } else if (out && (!in || Choose(kChoiceNetworkOrder, 2) == 0)) {
      StepOutbound(endpoint, &lock);
    } else if (in) {
      StepInbound(endpoint, &lock);
    } else {
      endpoint->scheduled = false;
      lock.Leave();
      return;
    }
  }
}

// ---- The transport's functions

NTSTATUS Open(const Client* client, void* context, ADDRESS_FAMILY family, Endpoint** result) {
  if (family != AF_INET && family != AF_INET6) return STATUS_NOT_SUPPORTED;
  if (AllocationFails()) return STATUS_INSUFFICIENT_RESOURCES;
  Guard guard;
  Endpoint* endpoint = network.free_endpoints;
  if (endpoint != nullptr) {
    network.free_endpoints = endpoint->next_free;
  } else if (network.endpoints_used < kEndpoints) {
    endpoint = &network.endpoints[network.endpoints_used++];
  } else {
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  *endpoint = Endpoint{};
  endpoint->client = client;
  endpoint->context = context;
  endpoint->family = family;
  endpoint->peer = -1;
  endpoint->ideal_backlog = kInitialBacklog;
  endpoint->sends_end = &endpoint->sends;
  endpoint->unacked_end = &endpoint->unacked;
  endpoint->inbound_end = &endpoint->inbound;
  ExInitializeWorkItem(&endpoint->work, EndpointWork, endpoint);
  *result = endpoint;
  return STATUS_SUCCESS;
}

bool PortTaken(USHORT port) { return (network.ports[port / 8] >> (port % 8)) & 1; }

NTSTATUS Bind(Endpoint* endpoint, const SOCKADDR* address) {
  Guard guard;
  if (endpoint->port != 0) return STATUS_INVALID_DEVICE_STATE;
  SOCKADDR_INET local;
  if (!CopyAddress(&local, address, endpoint->family) || !IsLocal(&local)) {
    return STATUS_INVALID_ADDRESS_COMPONENT;
  }
  USHORT port = Port(&local);
  if (port == 0) {
    ULONG tries = 65536 - kFirstEphemeralPort;
    do {
      port = static_cast<USHORT>(kFirstEphemeralPort + network.next_port++ % (65536 - kFirstEphemeralPort));
    } while (PortTaken(port) && --tries > 0);
    if (tries == 0) return STATUS_INSUFFICIENT_RESOURCES;
    SetPort(&local, port);
  } else if (PortTaken(port)) {
    return STATUS_ADDRESS_ALREADY_EXISTS;
  }
  network.ports[port / 8] |= 1 << (port % 8);
  endpoint->port = port;
  endpoint->local = local;
  return STATUS_SUCCESS;
}

void LocalAddress(Endpoint* endpoint, SOCKADDR_INET* address) {
  Guard guard;
  *address = endpoint->local;
}

void Connect(Endpoint* endpoint, const SOCKADDR* address) {
  Guard guard;
  if (!CopyAddress(&endpoint->remote, address, endpoint->family)) endpoint->remote = SOCKADDR_INET{};
  endpoint->connecting = endpoint->connect_due = true;
  Schedule(endpoint);
}

void SendBytes(Endpoint* endpoint, Send* send) {
  {
    Guard guard;
    send->cancelled = false;
    if (endpoint->connected && !endpoint->reset_due) {
      send->taken = true;
      Append(&endpoint->sends_end, send);
      Schedule(endpoint);
      return;
    }
  }
  endpoint->client->Sent(endpoint->context, send, STATUS_CONNECTION_ABORTED);
}

bool CancelIn(Send** head, Send*** end, Send* send) {
  for (Send** link = head; *link != nullptr; link = &(*link)->next) {
    if (*link != send) continue;
    *link = send->next;
    if (*end == &send->next) *end = link;
    send->taken = false;
    return true;
  }
  return false;
}

bool CancelSend(Endpoint* endpoint, Send* send) {
  Guard guard;
  if (!send->taken) {
    send->cancelled = true;
    return false;
  }
  return CancelIn(&endpoint->sends, &endpoint->sends_end, send) ||
         CancelIn(&endpoint->unacked, &endpoint->unacked_end, send);
}

void Disconnect(Endpoint* endpoint, bool abortive) {
  Guard guard;
  if (!abortive) {
    if (endpoint->connected) endpoint->fin_due = true;
  } else if (endpoint->connected || endpoint->connecting) {
    endpoint->connect_due = endpoint->connecting = false;
    endpoint->fin_due = false;
    endpoint->reset_due = true;
    DropInbound(endpoint);
  }
  Schedule(endpoint);
}

void ReturnBuffers(Buffer* buffers) {
  for (Buffer* buffer = buffers; buffer != nullptr; buffer = buffer->next) {
    RtlFillMemory(buffer->base, buffer->offset + buffer->length, 0xDD);
  }
  Guard guard;
  FreeBuffers(buffers);
}

SIZE_T IdealBacklog(Endpoint* endpoint) {
  Guard guard;
  return endpoint->ideal_backlog;
}

void Close(Endpoint* endpoint) {
  Guard guard;
  endpoint->close_due = true;
  Schedule(endpoint);
}

constexpr transport::Transport kTransport = {Open,       Bind,       LocalAddress,  Connect,      SendBytes,
                                             CancelSend, Disconnect, ReturnBuffers, IdealBacklog, Close};

// Cuts a peer's bytes into segments and appends them. With the lock held. False: out of buffers; nothing was
// queued.
bool QueueBytes(Endpoint* endpoint, const uint8_t* bytes, uint32_t length, bool push) {
  uint32_t pieces = length >= 4 ? 1u << Choose(kChoiceSegments, 3) : 1;
  uint32_t size = (length + pieces - 1) / pieces;
  if (size > kSegment) size = kSegment;
  Buffer* head = nullptr;
  Buffer** end = &head;
  for (uint32_t done = 0; done < length;) {
    Buffer* buffer = TakeBuffer();
    if (buffer == nullptr) {
      FreeBuffers(head);
      return false;
    }
    buffer->length = length - done < size ? length - done : size;
    RtlCopyMemory(buffer->base + buffer->offset, bytes + done, buffer->length);
    done += buffer->length;
    buffer->push = push && done == length;
    Append(&end, buffer);
  }
  if (head == nullptr) return true;
  *endpoint->inbound_end = head;
  endpoint->inbound_end = end;
  return true;
}

// The endpoint of a peer whose direction is still open, or null. With the lock held.
Endpoint* OpenEndpointOf(uint32_t number) {
  if (number >= kPeers) return nullptr;
  Peer* peer = &network.peers[number];
  if (peer->endpoint == nullptr || peer->fin_sent || peer->endpoint->peer_reset_due) return nullptr;
  return peer->endpoint->close_due || peer->endpoint->reset_due ? nullptr : peer->endpoint;
}

// The endpoint of a peer that has a connection, or null. With the lock held.
Endpoint* EndpointOf(uint32_t number) {
  if (number >= kPeers || network.peers[number].endpoint == nullptr) return nullptr;
  Endpoint* endpoint = network.peers[number].endpoint;
  return endpoint->close_due || endpoint->reset_due || endpoint->peer_reset_due ? nullptr : endpoint;
}

}  // namespace

void NetworkReset() {
  for (ULONG i = 0; i < network.endpoints_used; ++i) {
    FreePort(&network.endpoints[i]);
    network.endpoints[i] = Endpoint{};
  }
  for (ULONG i = 0; i < network.peers_used; ++i) network.peers[network.peer_list[i]] = Peer{};
  network.endpoints_used = network.buffers_used = network.peers_used = 0;
  network.free_endpoints = nullptr;
  network.free_buffers = nullptr;
  network.next_port = 0;
  network.lock = 0;
}

void NetworkSetPeerSink(void (*sink)(void* context, const PeerEvent* event), void* context) {
  network.sink = sink;
  network.sink_context = context;
}

uint32_t PeerAddress(uint32_t peer, bool ipv6, void* sockaddr_out) {
  if (peer >= kPeers) return 0;
  return WritePeerAddress(peer, ipv6, sockaddr_out);
}

void PeerSetConnectPolicy(uint32_t peer, ConnectPolicy policy) {
  Guard guard;
  if (peer < kPeers) UsePeer(peer)->policy = policy;
}

bool PeerConnect(uint32_t, const void*) { return false; }

bool PeerSend(uint32_t peer, const uint8_t* bytes, uint32_t length, bool push) {
  Guard guard;
  Endpoint* endpoint = OpenEndpointOf(peer);
  if (endpoint == nullptr || !QueueBytes(endpoint, bytes, length, push)) return false;
  Schedule(endpoint);
  return true;
}

bool PeerDisconnect(uint32_t peer) {
  Guard guard;
  Endpoint* endpoint = OpenEndpointOf(peer);
  if (endpoint == nullptr) return false;
  network.peers[peer].fin_sent = true;
  endpoint->peer_fin_due = true;
  Schedule(endpoint);
  return true;
}

bool PeerReset(uint32_t peer) {
  Guard guard;
  Endpoint* endpoint = EndpointOf(peer);
  if (endpoint == nullptr) return false;
  endpoint->peer_reset_due = true;
  Schedule(endpoint);
  return true;
}

bool PeerStopAcknowledging(uint32_t peer, bool stop) {
  if (peer >= kPeers) return false;
  Guard guard;
  UsePeer(peer)->holds_acks = stop;
  if (network.peers[peer].endpoint != nullptr) Schedule(network.peers[peer].endpoint);
  return true;
}

bool PeerSetIdealBacklog(uint32_t peer, uint64_t bytes) {
  Guard guard;
  Endpoint* endpoint = EndpointOf(peer);
  if (endpoint == nullptr) return false;
  endpoint->new_backlog = bytes;
  endpoint->backlog_due = true;
  Schedule(endpoint);
  return true;
}

bool NetworkBreakSocketOfPeer(uint32_t peer) {
  Guard guard;
  Endpoint* endpoint = EndpointOf(peer);
  if (endpoint == nullptr) return false;
  endpoint->break_due = true;
  Schedule(endpoint);
  return true;
}

const transport::Transport* NetworkTransport() { return &kTransport; }

}  // namespace wskcert::emulator
