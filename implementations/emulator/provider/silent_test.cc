// SIO_WSK_SET_TCP_SILENT_MODE (sio-wsk-set-tcp-silent-mode.md).
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_connection.h"

namespace wskcert::emulator {
namespace {

TEST(Silent, NothingGoesOutAndNothingComesIn) {
  std::string told = WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
    EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_TCP_SILENT_MODE, 0, nullptr), STATUS_SUCCESS);
    EXPECT_TRUE(Send(kTestPeer, "abc"));
    EXPECT_TRUE(PeerDisconnect(kTestPeer));
    Settle();
    TestIrp send("send", &client.log);
    TestIrp graceful("graceful", &client.log);
    TestIrp abortive("abortive", &client.log);
    TestIrp receive("receive", &client.log);
    TestBuffer buffer({4});
    EXPECT_EQ(WskSendFrom(socket, &buffer, &send), STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(WskDisconnectBy(socket, &graceful), STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(WskDisconnectBy(socket, &abortive, WSK_FLAG_ABORTIVE), STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(WskReceiveInto(socket, &buffer, &receive), STATUS_INVALID_DEVICE_STATE);
  });
  EXPECT_EQ(told,
            "send completes c0000184; graceful completes c0000184; abortive completes c0000184; receive "
            "completes c0000184");
  EXPECT_EQ(PeersSaw(), " connected ");
}

TEST(Silent, ResetIsDiscardedAndReceivesWaitForTheClose) {
  TestIrp* waiting = nullptr;
  std::vector<std::string> log;
  WithConnection(
      [&](TestClient& client, PWSK_SOCKET socket) {
        client.Control(socket, WSK_EVENT_DISCONNECT);
        TestIrp receive("receive", &log);
        waiting = &receive;
        TestBuffer buffer({4});
        EXPECT_EQ(WskReceiveInto(socket, &buffer, &receive), STATUS_PENDING);
        EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_TCP_SILENT_MODE, 0, nullptr), STATUS_SUCCESS);
        EXPECT_TRUE(PeerReset(kTestPeer));
        Settle();
        EXPECT_EQ(receive.completions, 0);
        EXPECT_EQ(client.disconnects, 0);
        // The peer is free for another connection.
        PWSK_SOCKET other = client.Connect(kTestPeer);
        EXPECT_NE(other, nullptr);
        if (other != nullptr) client.CloseSocket(other);
        client.CloseSocket(socket);
        EXPECT_EQ(receive.status, STATUS_CANCELLED);
      },
      {}, false);
}

TEST(Silent, NotWhileSendsOrDisconnectsPend) {
  std::string told = WithConnection(
      [](TestClient& client, PWSK_SOCKET socket) {
        PeerStopAcknowledging(kTestPeer, true);
        TestIrp send("send", &client.log);
        TestIrp graceful("graceful", &client.log);
        TestBuffer buffer({4}, 0, 'z');
        WskSendFrom(socket, &buffer, &send);
        EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_TCP_SILENT_MODE, 0, nullptr), STATUS_INVALID_DEVICE_STATE);
        IoCancelIrp(send.irp);
        send.Wait();
        WskDisconnectBy(socket, &graceful);
        EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_TCP_SILENT_MODE, 0, nullptr), STATUS_INVALID_DEVICE_STATE);
        client.CloseSocket(socket);
      },
      {}, false);
  EXPECT_EQ(told, "send completes c0000120; graceful completes c0000120");
}

TEST(Silent, OnlyOnConnectedTcpSocketsAndOnlyWhereItExists) {
  WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    PWSK_SOCKET unconnected = client.Socket();
    EXPECT_EQ(client.Ioctl(unconnected, SIO_WSK_SET_TCP_SILENT_MODE, 0, nullptr),
              STATUS_INVALID_DEVICE_STATE);
    client.CloseSocket(unconnected);
    PWSK_SOCKET datagrams = client.DatagramSocket(77);
    EXPECT_EQ(client.Ioctl(datagrams, SIO_WSK_SET_TCP_SILENT_MODE, 0, nullptr), STATUS_NOT_SUPPORTED);
    client.CloseSocket(datagrams);
    NetworkBreakSocketOfPeer(kTestPeer);
    Settle();
    EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_TCP_SILENT_MODE, 0, nullptr), STATUS_FILE_FORCED_CLOSED);
  });
  WithConnection(
      [](TestClient& client, PWSK_SOCKET socket) {
        EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_TCP_SILENT_MODE, 0, nullptr), STATUS_NOT_SUPPORTED);
      },
      {{kChoiceSilentMode, 1}});
}

TEST(Silent, DataThatNobodyTookIsDiscarded) {
  std::string told = WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    Send(kTestPeer, "abc");
    Settle();
    EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_TCP_SILENT_MODE, 0, nullptr), STATUS_SUCCESS);
    client.Control(socket, WSK_EVENT_RECEIVE);
    Settle();
  });
  EXPECT_EQ(told, "");
}

}  // namespace
}  // namespace wskcert::emulator
