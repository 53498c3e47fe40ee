// A WSK client with a datagram socket, for tests.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_DATAGRAM_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_DATAGRAM_H_

// wdm.h must come first.
#include <wdm.h>

#include <functional>
#include <string>

#include "implementations/emulator/provider/test_connection.h"

namespace wskcert::emulator {

inline constexpr uint32_t kPeer = 9;
inline constexpr uint16_t kPort = 4000;  // the socket's

// The datagrams that reached the peers since the last call of WithSocket, as "peer:bytes" (of long ones the
// number of bytes).
const std::string& DatagramsSeen();

// Plays with a client and a datagram socket at kPort; afterwards everything must be given back. Returns the
// client's log.
std::string WithSocket(const std::function<void(TestClient&, PWSK_SOCKET)>& function,
                       const FixedChoices& choices = {}, ULONG static_events = 0, bool ipv6 = false);

SOCKADDR_INET AddressOf(uint32_t peer, bool ipv6 = false);
NTSTATUS SendTo(PWSK_SOCKET socket, TestBuffer* buffer, SOCKADDR_INET* to, TestIrp* irp);
NTSTATUS ReceiveFrom(PWSK_SOCKET socket, TestBuffer* buffer, TestIrp* irp, SOCKADDR_INET* from = nullptr,
                     ULONG* flags = nullptr);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_DATAGRAM_H_
