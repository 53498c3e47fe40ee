// Stimuli on the emulated network: what the executor's environment does when the peers are the emulator's.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_EMULATED_PEERS_H_
#define WSKCERT_CONFORMANCE_CERTIFY_EMULATED_PEERS_H_

#include "conformance/certify/one_way_peers.h"
#include "conformance/executor/environment.h"

namespace wskcert {

// Performs a stimulus. False: impossible now, or not something that the emulated network does.
bool PerformOnEmulator(OneWayPeers* one_way, const Stimulus& stimulus);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_EMULATED_PEERS_H_
