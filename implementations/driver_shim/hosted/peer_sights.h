// What a peer of the emulated network saw, in the format's words: for whoever tells an executor of it.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_HOSTED_PEER_SIGHTS_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_HOSTED_PEER_SIGHTS_H_

#include "conformance/executor/format.h"
#include "implementations/emulator/transport/network.h"

namespace wskcert {

constexpr PeerSight SightOf(emulator::PeerEvent::Kind kind) {
  switch (kind) {
    case emulator::PeerEvent::kConnected:
      return PeerSight::kConnected;
    case emulator::PeerEvent::kData:
      return PeerSight::kData;
    case emulator::PeerEvent::kFin:
      return PeerSight::kFin;
    case emulator::PeerEvent::kReset:
      return PeerSight::kReset;
    case emulator::PeerEvent::kDatagram:
      return PeerSight::kDatagram;
    case emulator::PeerEvent::kRefused:
      return PeerSight::kRefused;
  }
  return PeerSight::kRefused;
}

}  // namespace wskcert

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_HOSTED_PEER_SIGHTS_H_
