// The peers of a program: sockets of user mode on this machine's loopback interface.
//
// Peer p listens at a TCP port of its own, has the UDP port of the same number, and connects from a port that
// it bound before, so that the driver knows the peer of a connection by its address. One thread; whatever
// happens on any of the sockets sets event().
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_PEERS_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_PEERS_H_

#include <winsock2.h>

#include <functional>
#include <vector>

#include "implementations/driver_shim/ioctl.h"

namespace wskcert::shim {

class Peers {
 public:
  // What a peer saw, with the bytes.
  using Sink = std::function<void(uint32_t peer, PeerSight sight, const uint8_t* bytes, uint32_t length)>;

  Peers();
  ~Peers();
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  // What they can do and bring about: Capability bits.
  static uint64_t Capabilities();

  // Makes peers 0 .. count-1 ready for a new program: no connections, all of them accept. Empty if there are
  // no sockets for them.
  std::vector<PeerEntry> Prepare(uint32_t count);
  // All connections are gone, and what was on its way to the peers.
  void Reset();

  // Performs a command. False: it cannot be. *connects_from: where the peer will connect from next, if that
  // changed.
  bool Perform(const PeerCommand& command, const uint8_t* bytes, uint16_t* connects_from);
  // Looks at all sockets, and tells what was seen. After event() was set.
  void Look(const Sink& sink);
  HANDLE event() const { return event_; }

 private:
  struct Peer {
    SOCKET listener = INVALID_SOCKET;
    SOCKET datagrams = INVALID_SOCKET;
    SOCKET next = INVALID_SOCKET;  // bound, for its next connection
    SOCKET connection = INVALID_SOCKET;
    uint16_t port = 0;
    uint16_t next_port = 0;
    bool refuses = false;
    bool used = false;  // somebody connected to it
    bool connecting = false;
    bool over = false;  // it saw the end of the connection
    bool shut = false;  // it is to close its direction once everything is sent
    std::vector<uint8_t> unsent;
  };

  bool MakeReachable(Peer* peer);
  bool MakeNext(Peer* peer);
  void Unreach(Peer* peer);
  void CloseConnection(Peer* peer, bool reset);
  bool SetPolicy(Peer* peer, uint32_t code);
  bool Connect(Peer* peer, const uint8_t* address, uint16_t* connects_from);
  void Send(Peer* peer);
  void Accept(Peer* peer, uint32_t index, const Sink& sink);
  void Receive(Peer* peer, uint32_t index, int error, const Sink& sink);
  void ReceiveDatagrams(const Peer& peer, uint32_t index, const Sink& sink);
  void LookAt(Peer* peer, uint32_t index, const Sink& sink);

  HANDLE event_;
  std::vector<Peer> peers_;
  uint32_t count_ = 0;  // of the current program
  std::vector<uint8_t> buffer_;
};

// A port from which on `count` ports are free, for the sockets of the provider. They differ from call to
// call, so that connections which the machine still remembers are in nobody's way. 0: none found.
uint16_t FreePorts(uint32_t count);

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_PEERS_H_
