// A simulated network in memory, as its host sees it: numbered peers, each at an address of its own, that
// connect, send, disconnect and reset on command, and report what reaches them.
//
// Plain C++: no <wdm.h> here, so tests, executor glue and reports can include it. Commands may be given from
// any thread of the emulator; they queue a stimulus and return. What they cause comes later, on threads of
// the emulated kernel, in order per connection. How segments are cut and joined and how the connections
// interleave is the schedule's choice.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_NETWORK_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_NETWORK_H_

#include <cstdint>

namespace wskcert::transport {
struct Transport;
}

namespace wskcert::emulator {

// Peers are numbered 0 .. kPeers-1. Each has one connection at most.
inline constexpr uint32_t kPeers = 4096;

// What a peer sees.
struct PeerEvent {
  enum Kind : uint8_t {
    kConnected,  // a connection is established
    kData,       // bytes came: `data`, `length`; valid during the call
    kFin,        // our side closed its direction
    kReset,      // our side reset the connection
    kRefused,    // the peer's own attempt to connect failed: nobody listens, or our side said no
    kDatagram    // a datagram came: `data`, `length`; valid during the call
  };
  Kind kind;
  uint32_t peer;
  const uint8_t* data;
  uint32_t length;
};

// What a peer does when our side connects to it.
enum class ConnectPolicy : uint8_t { kAccept, kRefuse, kIgnore /* never answers */ };

// Back to the initial state, in time proportional to what was used, whatever was going on.
void NetworkReset();

// What NetworkReset() sets back, as a number: counts, lists, and which ports are taken.
uint64_t NetworkDigest();

// Who is told what peers see: called on threads of the emulated kernel, without locks. May be null.
void NetworkSetPeerSink(void (*sink)(void* context, const PeerEvent* event), void* context);

// Writes the address of `peer` as a SOCKADDR_IN or SOCKADDR_IN6 of ws2def.h (16 or 28 bytes); returns its
// length, 0 if there is no such peer. No two peers share an address or a port.
uint32_t PeerAddress(uint32_t peer, bool ipv6, void* sockaddr_out);

// The peer at an address, IPv4, IPv6 or IPv4 mapped into IPv6; UINT32_MAX if it is nobody's.
uint32_t PeerOfAddress(const void* sockaddr);

// What the peer will do with attempts to connect from now on. The default is to accept.
void PeerSetConnectPolicy(uint32_t peer, ConnectPolicy policy);

// The commands. False: impossible now (no such peer, no connection, direction already closed, no memory);
// nothing happens then.

// The peer connects to an address of ours: the wildcard stands for the host's own, so what a listener was
// bound to can be given. Ends in kConnected or kRefused; until then the connection is half-open, which lasts
// while our side inspects it.
bool PeerConnect(uint32_t peer, const void* local_sockaddr);
// The peer drops its half-open connection. It can connect again at once.
bool PeerAbandon(uint32_t peer);
// The peer sends; the bytes are copied. `push` sets TCP's push bit on the last segment.
bool PeerSend(uint32_t peer, const uint8_t* bytes, uint32_t length, bool push);
// The peer closes its direction.
bool PeerDisconnect(uint32_t peer);
// The peer resets the connection.
bool PeerReset(uint32_t peer);
// The peer stops acknowledging what reaches it, or resumes. Holds for later connections too. True for every
// peer.
bool PeerStopAcknowledging(uint32_t peer, bool stop);
// The ideal send backlog of our end of the peer's connection becomes `bytes`.
bool PeerSetIdealBacklog(uint32_t peer, uint64_t bytes);
// The local socket connected with the peer stops working.
bool NetworkBreakSocketOfPeer(uint32_t peer);

// The socket that listens at a local address of ours stops working; connections that it accepted are not
// affected.
bool NetworkBreakListener(const void* local_sockaddr);

// How a datagram travelled: to one host, as a broadcast, or to a multicast group.
enum class Cast : uint8_t { kUnicast, kBroadcast, kMulticast };

// The peer sends a datagram of up to 65507 bytes, which are copied, to an address of ours: the wildcard
// stands for all of them, so what a socket was bound to can be given. Whatever the cast, the address names
// the socket. False: nobody is bound there, no memory, or the datagram was lost on the way: whoever judges
// what follows must not wait for it.
bool PeerSendDatagram(uint32_t peer, const void* local_sockaddr, const uint8_t* bytes, uint32_t length,
                      Cast cast = Cast::kUnicast);
// The datagram socket bound to an address of ours stops working, after what was sent to it so far.
bool NetworkBreakDatagramSocket(const void* local_sockaddr);

// The network as the provider sees it (transport.h).
const transport::Transport* NetworkTransport();

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_NETWORK_H_
