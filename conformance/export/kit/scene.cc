// The scene on the emulator: scene.h in terms of the simulated network and the kernel runtime.
#include "conformance/export/kit/scene.h"

#include "conformance/certify/one_way_peers.h"
#include "conformance/export/kit/recorder.h"
#include "implementations/emulator/emulator.h"
#include "implementations/emulator/kernel/runtime.h"
#include "implementations/emulator/transport/network.h"

namespace emulator = wskcert::emulator;

namespace wskcert {
namespace {

OneWayPeers& OneWay() {
  static auto* const peers = new OneWayPeers();
  return *peers;
}

int SightOf(emulator::PeerEvent::Kind kind) {
  switch (kind) {
    case emulator::PeerEvent::kConnected:
      return SCENE_CONNECTED;
    case emulator::PeerEvent::kData:
      return SCENE_DATA;
    case emulator::PeerEvent::kFin:
      return SCENE_FIN;
    case emulator::PeerEvent::kReset:
      return SCENE_RESET;
    case emulator::PeerEvent::kDatagram:
      return SCENE_DATAGRAM;
    case emulator::PeerEvent::kRefused:
      return SCENE_REFUSED;
  }
  return SCENE_REFUSED;
}

void (*g_peer_saw)(int, unsigned, const unsigned char*, unsigned);

void OnPeerEvent(void*, const emulator::PeerEvent* event) {
  OneWay().Saw(*event);
  g_peer_saw(SightOf(event->kind), event->peer, event->data, event->length);
}

}  // namespace

void SetScene(void (*peer_saw)(int, unsigned, const unsigned char*, unsigned)) {
  g_peer_saw = peer_saw;
  emulator::NetworkSetPeerSink(peer_saw != nullptr ? OnPeerEvent : nullptr, nullptr);
}

}  // namespace wskcert

using wskcert::OneWay;

extern "C" {

void SceneSettle(void) { emulator::Settle(); }
void SceneYield(void) { emulator::Yield(emulator::kChoiceYield); }
unsigned SceneThread(void) { return emulator::CurrentThreadNumber(); }
void SceneNote(const char* text) { emulator::SetBlockedNote(text); }

unsigned ScenePeerAddress(unsigned peer, int ipv6, void* address) {
  return emulator::PeerAddress(peer, ipv6 != 0, address);
}
unsigned ScenePeerOfAddress(const void* address) { return emulator::PeerOfAddress(address); }

int ScenePeerConnect(unsigned peer, const void* local_address) {
  return emulator::PeerConnect(peer, local_address) ? 1 : 0;
}
int ScenePeerSend(unsigned peer, const unsigned char* bytes, unsigned length, int push) {
  return OneWay().Swallows(peer) || emulator::PeerSend(peer, bytes, length, push != 0) ? 1 : 0;
}
int ScenePeerSendDatagram(unsigned peer, const void* local_address, const unsigned char* bytes,
                          unsigned length, unsigned cast) {
  return emulator::PeerSendDatagram(peer, local_address, bytes, length, static_cast<emulator::Cast>(cast % 3))
             ? 1
             : 0;
}
int ScenePeerDisconnect(unsigned peer) { return emulator::PeerDisconnect(peer) ? 1 : 0; }
int ScenePeerReset(unsigned peer) { return emulator::PeerReset(peer) ? 1 : 0; }
int ScenePeerAbandon(unsigned peer) { return emulator::PeerAbandon(peer) ? 1 : 0; }
int ScenePeerHoldAcks(unsigned peer, int hold) {
  return emulator::PeerStopAcknowledging(peer, hold != 0) ? 1 : 0;
}
int ScenePeerListen(unsigned peer, unsigned policy) {
  emulator::PeerSetConnectPolicy(peer, static_cast<emulator::ConnectPolicy>(policy % 3));
  return 1;
}
int SceneSetIdealBacklog(unsigned peer, unsigned bytes) {
  return emulator::PeerSetIdealBacklog(peer, bytes) ? 1 : 0;
}
int SceneBreakSocket(unsigned peer) { return emulator::NetworkBreakSocketOfPeer(peer) ? 1 : 0; }
int SceneBreakBound(const void* local_address) {
  return emulator::NetworkBreakListener(local_address) || emulator::NetworkBreakDatagramSocket(local_address)
             ? 1
             : 0;
}
int SceneNoHalfOpen(unsigned peer) { return OneWay().Mark(peer) ? 1 : 0; }
int SceneFailAllocations(unsigned count) {
  emulator::FailNextAllocations(count);
  return 1;
}
int SceneSetReady(int ready) {
  emulator::EmulatorSetReady(ready != 0);
  return 1;
}
int SceneTransportListChange(void) {
  emulator::EmulatorChangeTransports();
  return 1;
}

}  // extern "C"
