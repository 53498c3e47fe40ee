// The simulated network's surface: the transport's functions below the provider, and the host's commands.
#include "implementations/emulator/transport/network.h"

#include <wdm.h>
#include <wsk.h>

#include <cstring>

#include "implementations/emulator/kernel/runtime.h"
#include "implementations/emulator/provider/choices.h"
#include "implementations/emulator/transport/address.h"
#include "implementations/emulator/transport/network_state.h"

namespace wskcert::emulator {
namespace {

alignas(4096) UCHAR buffer_memory[kBuffers][kBufferSize];

// Whether the allocation that a slab stands for fails, when the runtime is told to fail one.
bool AllocationFails() {
  void* probe = ExAllocatePool2(POOL_FLAG_NON_PAGED, 16, 'tNsW');
  if (probe == nullptr) return true;
  ExFreePoolWithTag(probe, 'tNsW');
  return false;
}

}  // namespace

Endpoint* TakeEndpoint(ADDRESS_FAMILY family) {
  Endpoint* endpoint = network.free_endpoints;
  if (endpoint != nullptr) {
    network.free_endpoints = endpoint->next_free;
  } else if (network.endpoints_used < kEndpoints) {
    endpoint = &network.endpoints[network.endpoints_used++];
  } else {
    return nullptr;
  }
  *endpoint = Endpoint{};
  endpoint->family = family;
  endpoint->peer = -1;
  endpoint->ideal_backlog = kInitialBacklog;
  endpoint->sends_end = &endpoint->sends;
  endpoint->unacked_end = &endpoint->unacked;
  endpoint->inbound_end = &endpoint->inbound;
  endpoint->arrivals_end = &endpoint->arrivals;
  ExInitializeWorkItem(&endpoint->work, EndpointWork, endpoint);
  return endpoint;
}

UCHAR* PortsOf(ADDRESS_FAMILY family) { return family == AF_INET ? network.ports : network.ports6; }

namespace {

// ---- The transport's functions

NTSTATUS Open(const Client* client, void* context, ADDRESS_FAMILY family, Endpoint** result) {
  if (family != AF_INET && family != AF_INET6) return STATUS_NOT_SUPPORTED;
  if (AllocationFails()) return STATUS_INSUFFICIENT_RESOURCES;
  Guard guard;
  Endpoint* endpoint = TakeEndpoint(family);
  if (endpoint == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  endpoint->client = client;
  endpoint->context = context;
  *result = endpoint;
  return STATUS_SUCCESS;
}

bool PortTaken(const UCHAR* ports, USHORT port) { return (ports[port / 8] >> (port % 8)) & 1; }

NTSTATUS Bind(Endpoint* endpoint, const SOCKADDR* address) {
  Guard guard;
  if (endpoint->port != 0) return STATUS_INVALID_DEVICE_STATE;
  SOCKADDR_INET local;
  if (!CopyAddress(&local, address, endpoint->family) || !IsLocal(&local)) {
    return STATUS_INVALID_ADDRESS_COMPONENT;
  }
  USHORT port = Port(&local);
  UCHAR* ports = PortsOf(endpoint->family);
  if (port == 0) {
    ULONG tries = 65536 - kFirstEphemeralPort;
    do {
      port = static_cast<USHORT>(kFirstEphemeralPort + network.next_port++ % (65536 - kFirstEphemeralPort));
    } while (PortTaken(ports, port) && --tries > 0);
    if (tries == 0) return STATUS_INSUFFICIENT_RESOURCES;
    SetPort(&local, port);
  } else if (PortTaken(ports, port)) {
    return STATUS_ADDRESS_ALREADY_EXISTS;
  }
  ports[port / 8] |= 1 << (port % 8);
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
  NTSTATUS status;
  {
    Guard guard;
    if (endpoint->connected && !endpoint->reset_due && !send->cancelled) {
      send->taken = true;
      Append(&endpoint->sends_end, send);
      Schedule(endpoint);
      return;
    }
    status = send->cancelled ? STATUS_CANCELLED : STATUS_CONNECTION_ABORTED;
  }
  endpoint->client->Sent(endpoint->context, send, status);
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

void Silence(Endpoint* endpoint) {
  Guard guard;
  endpoint->silent = true;
  Schedule(endpoint);
}

void Break(Endpoint* endpoint) {
  Guard guard;
  if ((!endpoint->connected && !endpoint->listening) || endpoint->close_due || endpoint->reset_due) return;
  DropInbound(endpoint);
  endpoint->break_due = true;
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

constexpr transport::Transport kTransport = {
    Open,        Bind,    LocalAddress, Connect,       SendBytes,          CancelSend,
    Disconnect,  Silence, Break,        ReturnBuffers, IdealBacklog,       Close,
    CloseAtOnce, Listen,  Admit,        RemoteAddress, &kDatagramTransport};

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
  if (peer->endpoint == nullptr || !peer->endpoint->connected) return nullptr;
  if (peer->fin_sent || peer->endpoint->peer_reset_due) return nullptr;
  return peer->endpoint->close_due || peer->endpoint->reset_due ? nullptr : peer->endpoint;
}

// The endpoint of a peer that has a connection, or null. With the lock held.
Endpoint* EndpointOf(uint32_t number) {
  if (number >= kPeers || network.peers[number].endpoint == nullptr) return nullptr;
  Endpoint* endpoint = network.peers[number].endpoint;
  if (!endpoint->connected) return nullptr;
  return endpoint->close_due || endpoint->reset_due || endpoint->peer_reset_due ? nullptr : endpoint;
}

}  // namespace

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

void NetworkReset() {
  ResetDatagrams();
  for (ULONG i = 0; i < network.endpoints_used; ++i) {
    FreePort(&network.endpoints[i]);
    network.endpoints[i] = Endpoint{};
  }
  for (ULONG i = 0; i < network.peers_used; ++i) network.peers[network.peer_list[i]] = Peer{};
  network.endpoints_used = network.buffers_used = network.peers_used = 0;
  network.free_endpoints = network.listeners = nullptr;
  network.free_buffers = nullptr;
  network.next_port = 0;
  network.lock = 0;
}

// Sums of words: a compiler can make vectors of them, and all of it is looked at after each run.
static uint64_t PortsDigest(const UCHAR (&ports)[65536 / 8]) {
  uint64_t digest = 0;
  for (size_t at = 0; at < sizeof(ports); at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, ports + at, sizeof(word));
    digest += word;
  }
  return digest;
}

uint64_t NetworkDigest() {
  const uint64_t parts[] = {network.endpoints_used,
                            network.buffers_used,
                            network.peers_used,
                            network.free_endpoints != nullptr,
                            network.free_buffers != nullptr,
                            network.next_port,
                            network.listeners != nullptr,
                            network.lock};
  uint64_t digest = PortsDigest(network.ports) * 31 + PortsDigest(network.ports6);
  for (uint64_t part : parts) digest = digest * 31 + part;
  return digest;
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
