// The peers of a hosted driver: commands by port, and a memory of what each peer saw. For host code; see
// host.h for an example and transport/network.h for everything that peers can do.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_PEERS_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_PEERS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "implementations/emulator/transport/network.h"

namespace wskcert::emulator {

// What one peer saw, since the beginning or since its last Connect.
struct PeerView {
  bool connected = false;
  bool refused = false;   // Its attempt to connect failed.
  bool finished = false;  // The driver closed its direction.
  bool reset = false;     // The driver reset the connection.
  std::string received;   // The bytes of the connection.
  std::vector<std::string> datagrams;
};

// While one exists, it is the network's sink; one at a time. The commands are those of network.h, inside a
// run.
class Peers {
 public:
  Peers();
  ~Peers();
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  // What it has seen by now; look when nothing runs, after Settle or after the run.
  const PeerView& Saw(uint32_t peer) const;

  // The peer connects to a port of the host (host byte order), at its IPv4 or IPv6 address. False: it is
  // connected already.
  bool Connect(uint32_t peer, uint16_t port, bool ipv6 = false);
  // The peer sends over its connection, or a datagram to a port of the host.
  bool Send(uint32_t peer, std::string_view bytes);
  bool SendDatagram(uint32_t peer, uint16_t port, std::string_view bytes, bool ipv6 = false);

 private:
  static void OnEvent(void* peers, const PeerEvent* event);

  // Over real threads (RunOptions::threads) peers see things at the same time.
  std::mutex lock_;
  std::map<uint32_t, PeerView> views_;
};

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_PEERS_H_
