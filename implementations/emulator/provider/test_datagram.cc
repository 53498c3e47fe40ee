#include "implementations/emulator/provider/test_datagram.h"

#include <gtest/gtest.h>

namespace wskcert::emulator {
namespace {

std::string g_seen;

void Sink(void*, const PeerEvent* event) {
  if (event->kind != PeerEvent::kDatagram) return;
  std::string bytes(reinterpret_cast<const char*>(event->data), event->length);
  if (!g_seen.empty()) g_seen += " ";
  g_seen += std::to_string(event->peer);
  g_seen += ":";
  g_seen += bytes.size() < 24 ? bytes : std::to_string(bytes.size());
}
}  // namespace

const std::string& DatagramsSeen() { return g_seen; }

std::string WithSocket(const std::function<void(TestClient&, PWSK_SOCKET)>& function,
                       const FixedChoices& choices, ULONG static_events, bool ipv6) {
  EmulatorReset();
  NetworkSetPeerSink(Sink, nullptr);
  g_seen.clear();
  const FixedRun fixed(choices);
  TestClient client;
  bool played = false;
  RunReport report = Play(
      [&] {
        if (!client.Open()) return;
        if (static_events != 0) {
          EXPECT_EQ(client.SetStaticEvents(static_events), STATUS_SUCCESS);
        }
        PWSK_SOCKET socket = client.DatagramSocket(kPort, ipv6);
        if (socket == nullptr) return;
        function(client, socket);
        client.CloseSocket(socket);
        client.Close();
        played = true;
      },
      fixed.options);
  NetworkSetPeerSink(nullptr, nullptr);
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_TRUE(played);
  EXPECT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u) << report.leaks.first;
  return client.Told();
}

SOCKADDR_INET AddressOf(uint32_t peer, bool ipv6) {
  SOCKADDR_INET address = {};
  PeerAddress(peer, ipv6, &address);
  return address;
}

NTSTATUS SendTo(PWSK_SOCKET socket, TestBuffer* buffer, SOCKADDR_INET* to, TestIrp* irp) {
  return TestClient::DatagramFunctions(socket)->WskSendTo(
      socket, &buffer->buffer, 0, reinterpret_cast<PSOCKADDR>(to), 0, nullptr, irp->irp);
}

NTSTATUS ReceiveFrom(PWSK_SOCKET socket, TestBuffer* buffer, TestIrp* irp, SOCKADDR_INET* from,
                     ULONG* flags) {
  return TestClient::DatagramFunctions(socket)->WskReceiveFrom(
      socket, &buffer->buffer, 0, reinterpret_cast<PSOCKADDR>(from), nullptr, nullptr, flags, irp->irp);
}

}  // namespace wskcert::emulator
