// Connections that peers make: looked for among the listeners, told to the listener's client, established
// when the client admits them.
//
// Until then a connection is half-open: it has an endpoint and a peer, but nothing can be sent either way.
// One that nobody listens for has no client; it lives until its own work item has told the peer.
#include <wdm.h>
#include <wsk.h>

#include "implementations/emulator/transport/address.h"
#include "implementations/emulator/transport/network.h"
#include "implementations/emulator/transport/network_state.h"

namespace wskcert::emulator {
namespace {

// How well a listener's address fits a peer's destination. 0: not at all; more is better.
int Fit(const Endpoint* listener, const SOCKADDR_INET* local) {
  if (Port(local) != listener->port) return 0;
  if (local->si_family != listener->family) return listener->dual ? 1 : 0;
  if (IsWildcard(&listener->local)) return 2;
  SOCKADDR_INET own = listener->local;
  SOCKADDR_INET wanted = *local;
  ResolveWildcard(&wanted);
  return SameHost(&own, &wanted) ? 3 : 0;
}

Endpoint* FindListener(const SOCKADDR_INET* local) {
  Endpoint* best = nullptr;
  for (Endpoint* listener = network.listeners; listener != nullptr; listener = listener->next_listener) {
    if (listener->close_due || listener->break_due) continue;
    int fit = Fit(listener, local);
    if (fit > 0 && (best == nullptr || fit > Fit(best, local))) best = listener;
  }
  return best;
}

bool ReadLocal(SOCKADDR_INET* local, const void* sockaddr) {
  auto* from = static_cast<const SOCKADDR*>(sockaddr);
  return from != nullptr && CopyAddress(local, from, from->sa_family) && IsLocal(local);
}

// Nobody wants the connection: the peer is told by its own work item.
void Refuse(Endpoint* connection) {
  connection->refuse_due = true;
  Schedule(connection);
}

}  // namespace

// ---- The transport's functions

NTSTATUS Listen(Endpoint* endpoint, bool dual) {
  Guard guard;
  dual = dual && endpoint->family == AF_INET6 && IsWildcard(&endpoint->local);
  UCHAR bit = 1 << (endpoint->port % 8);
  UCHAR* ports = &network.ports[endpoint->port / 8];
  if (dual && (*ports & bit)) {
    FreePort(endpoint);
    return STATUS_ADDRESS_ALREADY_EXISTS;
  }
  if (dual) *ports |= bit;
  endpoint->dual = dual;
  endpoint->listening = true;
  endpoint->next_listener = network.listeners;
  network.listeners = endpoint;
  return STATUS_SUCCESS;
}

void Admit(Endpoint* connection) {
  Guard guard;
  connection->admit_due = true;
  Schedule(connection);
}

void RemoteAddress(Endpoint* connection, SOCKADDR_INET* address) {
  Guard guard;
  *address = connection->remote;
}

// ---- Work

bool ListenerDue(const Endpoint* endpoint) {
  return endpoint->listening && (endpoint->arrivals != nullptr || endpoint->break_due);
}

bool HalfOpenDue(const Endpoint* endpoint) {
  if (endpoint->refuse_due) return true;
  return endpoint->half_open && endpoint->told && (endpoint->admit_due || endpoint->abandon_due);
}

void StopListening(Endpoint* endpoint) {
  Endpoint** link = &network.listeners;
  while (*link != endpoint) link = &(*link)->next_listener;
  *link = endpoint->next_listener;
  endpoint->listening = false;
  while (endpoint->arrivals != nullptr) {
    Endpoint* connection = endpoint->arrivals;
    endpoint->arrivals = connection->next_arrival;
    Refuse(connection);
  }
}

void StepListener(Endpoint* endpoint, Lock* lock) {
  const transport::Client* client = endpoint->client;
  void* context = endpoint->context;
  if (endpoint->break_due) {
    endpoint->break_due = false;
    StopListening(endpoint);
    lock->Leave();
    client->Broken(context);
    return;
  }
  Endpoint* connection = endpoint->arrivals;
  endpoint->arrivals = connection->next_arrival;
  if (endpoint->arrivals == nullptr) endpoint->arrivals_end = &endpoint->arrivals;
  if (connection->abandon_due) {
    Refuse(connection);
    lock->Leave();
    return;
  }
  lock->Leave();
  void* told = client->Incoming(context, connection);
  lock->Take();
  if (told != nullptr) {
    connection->client = client;
    connection->context = told;
    connection->told = true;
    Schedule(connection);
  } else {
    Refuse(connection);
  }
  lock->Leave();
}

void StepHalfOpen(Endpoint* endpoint, Lock* lock) {
  bool abandoned = endpoint->abandon_due;
  endpoint->half_open = endpoint->admit_due = endpoint->abandon_due = false;
  LONG peer = endpoint->peer;
  if (!abandoned) endpoint->connected = true;
  const transport::Client* client = endpoint->client;
  void* context = endpoint->context;
  lock->Leave();
  if (!abandoned) Report(PeerEvent::kConnected, peer);
  client->Connected(context, abandoned ? STATUS_CONNECTION_ABORTED : STATUS_SUCCESS);
}

// ---- The host's commands

bool PeerConnect(uint32_t number, const void* local_sockaddr) {
  SOCKADDR_INET local;
  if (number >= kPeers || !ReadLocal(&local, local_sockaddr) || Port(&local) == 0) return false;
  Guard guard;
  Peer* peer = UsePeer(number);
  if (peer->endpoint != nullptr) return false;
  Endpoint* listener = FindListener(&local);
  Endpoint* connection = TakeEndpoint(local.si_family);
  if (connection == nullptr) return false;
  peer->endpoint = connection;
  peer->fin_sent = false;
  connection->peer = static_cast<LONG>(number);
  connection->half_open = true;
  WritePeerAddress(number, local.si_family == AF_INET6, &connection->remote);
  ResolveWildcard(&local);
  connection->local = local;
  if (listener == nullptr) {
    Refuse(connection);
    return true;
  }
  if (listener->family != local.si_family) {
    connection->family = listener->family;
    MapIntoIpv6(&connection->local);
    MapIntoIpv6(&connection->remote);
  }
  *listener->arrivals_end = connection;
  listener->arrivals_end = &connection->next_arrival;
  Schedule(listener);
  return true;
}

bool PeerAbandon(uint32_t number) {
  Guard guard;
  if (number >= kPeers) return false;
  Endpoint* endpoint = network.peers[number].endpoint;
  if (endpoint == nullptr || !endpoint->half_open || endpoint->refuse_due) return false;
  Unlink(endpoint);
  endpoint->abandon_due = true;
  Schedule(endpoint);
  return true;
}

uint32_t PeerOfAddress(const void* sockaddr) {
  auto* from = static_cast<const SOCKADDR*>(sockaddr);
  SOCKADDR_INET address;
  if (from == nullptr || !CopyAddress(&address, from, from->sa_family)) return UINT32_MAX;
  UnmapFromIpv6(&address);
  LONG peer = PeerAt(&address);
  return peer >= 0 ? static_cast<uint32_t>(peer) : UINT32_MAX;
}

bool NetworkBreakListener(const void* local_sockaddr) {
  SOCKADDR_INET local;
  if (!ReadLocal(&local, local_sockaddr)) return false;
  Guard guard;
  Endpoint* listener = FindListener(&local);
  if (listener == nullptr) return false;
  listener->break_due = true;
  Schedule(listener);
  return true;
}

}  // namespace wskcert::emulator
