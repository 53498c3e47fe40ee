#include "implementations/emulator/provider/test_connection.h"

#include <gtest/gtest.h>

namespace wskcert::emulator {
namespace {

std::string g_peers_saw;

void PeerSink(void*, const PeerEvent* event) {
  constexpr const char* kNames[] = {"connected", "data", "fin", "reset", "refused", "datagram"};
  if (event->kind == PeerEvent::kData) {
    g_peers_saw += "<" + std::string(reinterpret_cast<const char*>(event->data), event->length) + ">";
  } else {
    g_peers_saw += std::string(" ") + kNames[event->kind] + " ";
  }
}

}  // namespace

FixedRun::FixedRun(const FixedChoices& choices) : fixed(kChoiceEnd, 0xFF) {
  for (auto [kind, value] : choices) fixed[static_cast<size_t>(kind)] = value;
  options.fixed_choices = fixed.data();
  options.fixed_choice_count = fixed.size();
}

const std::string& PeersSaw() { return g_peers_saw; }

std::string WithConnection(const std::function<void(TestClient&, PWSK_SOCKET)>& function,
                           const FixedChoices& choices, bool closes) {
  EmulatorReset();
  g_peers_saw.clear();
  NetworkSetPeerSink(PeerSink, nullptr);
  TestClient client;
  FixedRun run(choices);
  RunReport report = Play(
      [&] {
        ASSERT_TRUE(client.Open());
        PWSK_SOCKET socket = client.Connect(kTestPeer);
        ASSERT_NE(socket, nullptr);
        function(client, socket);
        if (closes) client.CloseSocket(socket);
        client.Close();
      },
      run.options);
  NetworkSetPeerSink(nullptr, nullptr);
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u) << report.leaks.first;
  return client.Told();
}

NTSTATUS WskReceiveInto(PWSK_SOCKET socket, TestBuffer* buffer, TestIrp* irp, ULONG flags) {
  return TestClient::Functions(socket)->WskReceive(socket, &buffer->buffer, flags, irp->irp);
}

NTSTATUS WskSendFrom(PWSK_SOCKET socket, TestBuffer* buffer, TestIrp* irp, ULONG flags) {
  return TestClient::Functions(socket)->WskSend(socket, &buffer->buffer, flags, irp->irp);
}

NTSTATUS WskDisconnectBy(PWSK_SOCKET socket, TestIrp* irp, ULONG flags, TestBuffer* buffer) {
  return TestClient::Functions(socket)->WskDisconnect(socket, buffer != nullptr ? &buffer->buffer : nullptr,
                                                      flags, irp->irp);
}

std::string MisuseWithConnection(const std::function<void(TestClient&, PWSK_SOCKET)>& function,
                                 const FixedChoices& choices) {
  EmulatorReset();
  TestClient client;
  FixedRun run(choices);
  RunReport report = Play(
      [&] {
        if (!client.Open()) return;
        function(client, client.Connect(kTestPeer));
      },
      run.options);
  return report.ending == Ending::kBugCheck ? report.bug_check.message : "no bug check";
}

}  // namespace wskcert::emulator
