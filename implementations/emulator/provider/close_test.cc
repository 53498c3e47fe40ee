// WskCloseSocket (nc-wsk-pfn_wsk_close_socket.md): what it ends, and when it is over.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_connection.h"

namespace wskcert::emulator {
namespace {

NTSTATUS Close(PWSK_SOCKET socket, TestIrp* irp) {
  return TestClient::Functions(socket)->Basic.WskCloseSocket(socket, irp->irp);
}

TEST(Close, IsOverAtOnceWhereNothingIsLeft) {
  for (ULONG category : {WSK_FLAG_BASIC_SOCKET, WSK_FLAG_CONNECTION_SOCKET, WSK_FLAG_LISTEN_SOCKET,
                         WSK_FLAG_STREAM_SOCKET, WSK_FLAG_DATAGRAM_SOCKET}) {
    for (uint8_t how : {1, 3}) {
      WithConnection(
          [&](TestClient& client, PWSK_SOCKET) {
            PWSK_SOCKET socket =
                category == WSK_FLAG_DATAGRAM_SOCKET ? client.DatagramSocket(70) : client.Socket(category);
            ASSERT_NE(socket, nullptr);
            TestIrp close("close", &client.log);
            EXPECT_EQ(Close(socket, &close), how == 1 ? STATUS_SUCCESS : STATUS_PENDING);
            EXPECT_EQ(close.completions, 1);
            EXPECT_EQ(close.status, STATUS_SUCCESS);
          },
          {{kChoiceCompletion, how}});
    }
  }
}

TEST(Close, AtOnceResetsAConnection) {
  WithConnection(
      [](TestClient& client, PWSK_SOCKET socket) {
        TestIrp close("close", &client.log);
        EXPECT_EQ(Close(socket, &close), STATUS_SUCCESS);
        EXPECT_EQ(PeersSaw(), " connected  reset ");
        // The peer can be connected to again.
        PWSK_SOCKET other = client.Connect(kTestPeer);
        ASSERT_NE(other, nullptr);
        client.CloseSocket(other);
      },
      {{kChoiceCompletion, 1}}, false);
}

TEST(Close, WaitsForWhatPends) {
  std::string told = WithConnection(
      [](TestClient& client, PWSK_SOCKET socket) {
        PeerStopAcknowledging(kTestPeer, true);
        TestIrp send("send", &client.log);
        TestIrp receive("receive", &client.log);
        TestIrp graceful("graceful", &client.log);
        TestIrp close("close", &client.log);
        TestBuffer buffer({4}, 0, 'z');
        WskReceiveInto(socket, &buffer, &receive);
        WskSendFrom(socket, &buffer, &send);
        WskDisconnectBy(socket, &graceful);
        EXPECT_EQ(Close(socket, &close), STATUS_PENDING);
        close.Wait();
      },
      {{kChoiceCompletion, 1}}, false);
  EXPECT_EQ(
      told,
      "receive completes c0000120; graceful completes c0000120; send completes c0000120; close completes "
      "0");
}

TEST(Close, InsideItsOwnCallbackWaitsForTheReturn) {
  std::vector<std::string> log;
  WithConnection(
      [&](TestClient& client, PWSK_SOCKET socket) {
        TestIrp close("close", &client.log);
        client.on_receive = [&](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) {
          EXPECT_EQ(Close(socket, &close), STATUS_PENDING);
          EXPECT_EQ(close.completions, 0);
          return STATUS_SUCCESS;
        };
        client.Control(socket, WSK_EVENT_RECEIVE);
        Send(kTestPeer, "abc");
        close.Wait();
        log = client.log;
      },
      {{kChoiceCompletion, 1}}, false);
  EXPECT_EQ(log, (std::vector<std::string>{"receive(abc)", "receive returns 0", "close completes 0"}));
}

TEST(Close, DisconnectedBothWaysResetsNothing) {
  WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    TestIrp graceful("graceful", &client.log);
    PeerDisconnect(kTestPeer);
    Settle();
    WskDisconnectBy(socket, &graceful);
    graceful.Wait();
  });
  EXPECT_EQ(PeersSaw(), " connected  fin ");
}

}  // namespace
}  // namespace wskcert::emulator
