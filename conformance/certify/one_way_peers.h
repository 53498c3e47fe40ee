// Peers whose transport has no half-open connections. What such a peer sends after it has seen our end of the
// connection goes nowhere: to the simulated network the connection still has two directions.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_ONE_WAY_PEERS_H_
#define WSKCERT_CONFORMANCE_CERTIFY_ONE_WAY_PEERS_H_

#include <cstdint>
#include <mutex>
#include <vector>

#include "implementations/emulator/transport/network.h"

namespace wskcert {

class OneWayPeers {
 public:
  // False if there is no connection whose transport that could be.
  bool Mark(uint32_t peer) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (peer >= states_.size() || !states_[peer].connected) return false;
    states_[peer].marked = true;
    return true;
  }
  void Saw(const emulator::PeerEvent& event) {
    using Kind = emulator::PeerEvent::Kind;
    if (event.kind != Kind::kConnected && event.kind != Kind::kFin && event.kind != Kind::kReset) return;
    std::lock_guard<std::mutex> lock(mutex_);
    if (event.peer >= states_.size()) states_.resize(event.peer + 1);
    State& state = states_[event.peer];
    if (event.kind == Kind::kFin) {
      state.over = true;
    } else {
      state = {};
      state.connected = event.kind == Kind::kConnected;
    }
  }
  bool Swallows(uint32_t peer) {
    std::lock_guard<std::mutex> lock(mutex_);
    return peer < states_.size() && states_[peer].marked && states_[peer].over;
  }
  void Clear() { states_.clear(); }

 private:
  struct State {
    bool connected = false;
    bool marked = false;
    bool over = false;
  };
  std::mutex mutex_;  // With real threads peers are seen on several. Guards states_.
  std::vector<State> states_;
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_ONE_WAY_PEERS_H_
