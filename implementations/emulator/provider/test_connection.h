// A WSK client with one connection, for tests.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_CONNECTION_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_CONNECTION_H_

// wdm.h must come first.
#include <wdm.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "implementations/emulator/provider/test_client.h"

namespace wskcert::emulator {

inline constexpr uint32_t kTestPeer = 5;  // the connection's

// Choices to be made always, as {kind, value}.
using FixedChoices = std::vector<std::pair<int, uint8_t>>;

// RunOptions with fixed choices; keeps what they point to.
struct FixedRun {
  explicit FixedRun(const FixedChoices& choices);
  std::vector<uint8_t> fixed;
  RunOptions options;
};

// What the peers have seen since the last call of WithConnection, with what they said to one another apart:
// " connected <bytes> fin  reset ".
const std::string& PeersSaw();

// Plays with a client and its connection with kTestPeer, which is closed afterwards unless `closes` is false;
// then everything must be given back. Returns the client's log.
std::string WithConnection(const std::function<void(TestClient&, PWSK_SOCKET)>& function,
                           const FixedChoices& choices = {}, bool closes = true);

NTSTATUS WskReceiveInto(PWSK_SOCKET socket, TestBuffer* buffer, TestIrp* irp, ULONG flags = 0);
NTSTATUS WskSendFrom(PWSK_SOCKET socket, TestBuffer* buffer, TestIrp* irp, ULONG flags = 0);
NTSTATUS WskDisconnectBy(PWSK_SOCKET socket, TestIrp* irp, ULONG flags = 0, TestBuffer* buffer = nullptr);

// Plays with a client and its connection until the provider stops the machine; the sentence of the bug check.
std::string MisuseWithConnection(const std::function<void(TestClient&, PWSK_SOCKET)>& function,
                                 const FixedChoices& choices = {});

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_CONNECTION_H_
