// The simulated network's state, shared by the files that implement it. Everything is guarded by
// Network::lock unless said otherwise.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_NETWORK_STATE_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_NETWORK_STATE_H_

// wdm.h must come first.
#include <wdm.h>
#include <wsk.h>

#include "implementations/emulator/transport/network.h"
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
  UCHAR gives_up;  // 1, 2: as kChoiceAcknowledgementTimeout
  bool silent;     // nothing is said to the peer, and what it does is not told
  // A listener's.
  bool listening, dual;
  Endpoint *arrivals, **arrivals_end;  // linked through next_arrival
  Endpoint* next_listener;
  // A connection's that came in, until it is established.
  bool half_open;
  bool told;  // to the client
  bool admit_due, abandon_due, refuse_due;
  Endpoint* next_arrival;
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
using transport::Buffer;
using transport::Client;
using transport::Endpoint;
using transport::Send;

inline constexpr ULONG kEndpoints = 2048;
inline constexpr ULONG kBuffers = 4096;
inline constexpr ULONG kHeadroom = 40;   // where the headers of IPv4 and TCP would be
inline constexpr ULONG kSegment = 1460;  // payload of a full segment
inline constexpr ULONG kBufferSize = 1536;
inline constexpr SIZE_T kInitialBacklog = 65536;
inline constexpr USHORT kFirstEphemeralPort = 49152;

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
  Endpoint* listeners;
  UCHAR ports[65536 / 8];   // of IPv4
  UCHAR ports6[65536 / 8];  // of IPv6
};

extern Network network;

class Guard {
 public:
  Guard() { KeAcquireSpinLock(&network.lock, &irql_); }
  ~Guard() { KeReleaseSpinLock(&network.lock, irql_); }
  Guard(const Guard&) = delete;

 private:
  KIRQL irql_;
};

// The same, taken and left by different functions.
class Lock {
 public:
  void Take() { KeAcquireSpinLock(&network.lock, &irql_); }
  void Leave() { KeReleaseSpinLock(&network.lock, irql_); }

 private:
  KIRQL irql_;
};

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

// ---- Helpers of network.cc. With the lock held.

// An endpoint in its initial state; null if there is none left.
Endpoint* TakeEndpoint(ADDRESS_FAMILY family);
// The ports of an address family, as bits.
UCHAR* PortsOf(ADDRESS_FAMILY family);
// An empty buffer; null if there is none left.
Buffer* TakeBuffer();

// ---- Helpers of network_delivery.cc. With the lock held.

// A peer's entry, remembered for the reset.
Peer* UsePeer(ULONG number);
// Has the endpoint's work item queued if there is something to do.
void Schedule(Endpoint* endpoint);
// Drops what the peer sent and was not delivered.
void DropInbound(Endpoint* endpoint);
void FreePort(Endpoint* endpoint);
void FreeBuffers(Buffer* buffers);
// Parts endpoint and peer.
void Unlink(Endpoint* endpoint);
// Close, where nothing is under way.
bool CloseAtOnce(Endpoint* endpoint);
// The work item: tells client and peer what is due, one thing at a time. Without the lock.
void EndpointWork(PVOID endpoint);
// Tells the sink. Without the lock.
void Report(PeerEvent::Kind kind, LONG peer, const uint8_t* data = nullptr, uint32_t length = 0);

// ---- Connections that come in: network_listen.cc. With the lock held.

NTSTATUS Listen(Endpoint* endpoint, bool dual);
void Admit(Endpoint* connection);
void RemoteAddress(Endpoint* connection, SOCKADDR_INET* address);
// Whether a listener or a connection that is not established has something to do.
bool ListenerDue(const Endpoint* endpoint);
bool HalfOpenDue(const Endpoint* endpoint);
// Refuses what a listener has not looked at, and takes it out of the list of listeners.
void StopListening(Endpoint* endpoint);
// Steps of the work item: entered with the lock held, which they leave.
void StepListener(Endpoint* endpoint, Lock* lock);
void StepHalfOpen(Endpoint* endpoint, Lock* lock);

// ---- Datagrams: network_udp.cc

extern const transport::DatagramTransport kDatagramTransport;
void ResetDatagrams();

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_NETWORK_STATE_H_
