#include "conformance/certify/emulated_peers.h"

#include "implementations/emulator/emulator.h"
#include "implementations/emulator/kernel/runtime.h"

namespace wskcert {

bool PerformOnEmulator(OneWayPeers* one_way, const Stimulus& stimulus) {
  switch (stimulus.op) {
    case Op::kPeerListen:
      emulator::PeerSetConnectPolicy(stimulus.peer, static_cast<emulator::ConnectPolicy>(stimulus.code % 3));
      return true;
    case Op::kPeerSend:
      if (one_way->Swallows(stimulus.peer)) return true;
      return emulator::PeerSend(stimulus.peer, stimulus.bytes, stimulus.length, stimulus.push);
    case Op::kPeerDisconnect:
      return emulator::PeerDisconnect(stimulus.peer);
    case Op::kPeerReset:
      return emulator::PeerReset(stimulus.peer);
    case Op::kPeerHoldAcks:
      return emulator::PeerStopAcknowledging(stimulus.peer, stimulus.code != 0);
    case Op::kSetIdealBacklog:
      return emulator::PeerSetIdealBacklog(stimulus.peer, stimulus.length);
    case Op::kBreakBound:
      return emulator::NetworkBreakListener(stimulus.address) ||
             emulator::NetworkBreakDatagramSocket(stimulus.address);
    case Op::kPeerConnect:
      return emulator::PeerConnect(stimulus.peer, stimulus.address);
    case Op::kPeerAbandon:
      return emulator::PeerAbandon(stimulus.peer);
    case Op::kPeerSendDatagram:
      return emulator::PeerSendDatagram(stimulus.peer, stimulus.address, stimulus.bytes, stimulus.length,
                                        static_cast<emulator::Cast>(stimulus.code % 3));
    case Op::kFailAllocations:
      emulator::FailNextAllocations(stimulus.length);
      return true;
    case Op::kNoHalfOpen:
      return one_way->Mark(stimulus.peer);
    case Op::kSetReady:
      emulator::EmulatorSetReady(stimulus.code != 0);
      return true;
    case Op::kBreakSocket:
      return emulator::NetworkBreakSocketOfPeer(stimulus.peer);
    case Op::kTransportListChange:
      emulator::EmulatorChangeTransports();
      return true;
    default:
      return false;
  }
}

}  // namespace wskcert
