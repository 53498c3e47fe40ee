// Receiving, refusing, retaining, sending, disconnecting, addresses.
#include <gtest/gtest.h>

#include <cstring>

#include "implementations/emulator/provider/test_client.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kPeer = 5;

std::string g_peer_saw;

void PeerSink(void*, const PeerEvent* event) {
  constexpr const char* kNames[] = {"connected", "data", "fin", "reset", "refused"};
  if (event->kind == PeerEvent::kData) {
    g_peer_saw += "<" + std::string(reinterpret_cast<const char*>(event->data), event->length) + ">";
  } else {
    g_peer_saw += std::string(" ") + kNames[event->kind] + " ";
  }
}

template <typename Function>
std::string WithSocket(Function function, const RunOptions& options = {}) {
  EmulatorReset();
  g_peer_saw.clear();
  NetworkSetPeerSink(PeerSink, nullptr);
  TestClient client;
  RunReport report = Play(
      [&] {
        ASSERT_TRUE(client.Open());
        PWSK_SOCKET socket = client.Connect(kPeer);
        ASSERT_NE(socket, nullptr);
        function(client, socket);
        client.CloseSocket(socket);
        client.Close();
      },
      options);
  NetworkSetPeerSink(nullptr, nullptr);
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u) << report.leaks.first;
  return client.Told();
}

NTSTATUS Receive(PWSK_SOCKET socket, TestBuffer* buffer, TestIrp* irp, ULONG flags = 0) {
  return TestClient::Functions(socket)->WskReceive(socket, &buffer->buffer, flags, irp->irp);
}

NTSTATUS SendFrom(PWSK_SOCKET socket, TestBuffer* buffer, TestIrp* irp) {
  return TestClient::Functions(socket)->WskSend(socket, &buffer->buffer, 0, irp->irp);
}

TEST(Receive, PendsUntilDataComesAndGoesBeforeTheEvent) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_RECEIVE);
    TestIrp irp("receive", &client.log);
    TestBuffer buffer({2, 3}, 4);
    EXPECT_EQ(Receive(socket, &buffer, &irp), STATUS_PENDING);
    Send(kPeer, "abcdefg");
    irp.Wait();
    EXPECT_EQ(irp.information, 5u);
    EXPECT_EQ(buffer.Text(5), "abcde");
    Settle();
  });
  EXPECT_EQ(told, "receive completes 0; receive(fg); receive returns 0");
}

TEST(Receive, BufferedDataSurvivesUntilAReceive) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    Send(kPeer, "abcdefg");
    Settle();
    TestIrp irp("receive", &client.log);
    TestBuffer buffer({16});
    Receive(socket, &buffer, &irp);
    irp.Wait();
    EXPECT_EQ(buffer.Text(irp.information), "abcdefg");
  });
  EXPECT_EQ(told, "receive completes 0");
}

TEST(Receive, WaitAllWaitsForAllOrTheEnd) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    TestIrp first("first", &client.log);
    TestIrp second("second", &client.log);
    TestBuffer buffer({4});
    TestBuffer rest({100});
    Receive(socket, &buffer, &first, WSK_FLAG_WAITALL);
    Send(kPeer, "abc");
    Settle();
    client.Log("three");
    Send(kPeer, "def");
    first.Wait();
    EXPECT_EQ(buffer.Text(4), "abcd");
    Receive(socket, &rest, &second, WSK_FLAG_WAITALL);
    PeerDisconnect(kPeer);
    second.Wait();
    EXPECT_EQ(second.information, 2u);
  });
  EXPECT_EQ(told, "three; first completes 0; second completes 0");
}

TEST(Receive, FinCompletesEveryReceiveBeforeTheDisconnectEvent) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_DISCONNECT);
    TestIrp first("first", &client.log);
    TestIrp second("second", &client.log);
    TestIrp late("late", &client.log);
    TestBuffer buffer({4});
    Receive(socket, &buffer, &first);
    Receive(socket, &buffer, &second);
    PeerDisconnect(kPeer);
    Settle();
    Receive(socket, &buffer, &late);
    Settle();
    EXPECT_EQ(first.information + second.information + late.information, 0u);
  });
  EXPECT_EQ(
      told,
      "first completes 0; second completes 0; disconnect(graceful); disconnect returns; late completes 0");
}

TEST(Receive, DrainDiscards) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    TestIrp irp("drain", &client.log);
    WSK_BUF empty = {};
    TestClient::Functions(socket)->WskReceive(socket, &empty, WSK_FLAG_DRAIN, irp.irp);
    Send(kPeer, "abc");
    Settle();
    client.Log("still");
    PeerDisconnect(kPeer);
    irp.Wait();
  });
  EXPECT_EQ(told, "still; drain completes 0");
}

TEST(Receive, ResetFailsReceivesAndSends) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    PeerStopAcknowledging(kPeer, true);
    TestIrp receive("receive", &client.log);
    TestIrp send("send", &client.log);
    TestBuffer buffer({4});
    Receive(socket, &buffer, &receive);
    SendFrom(socket, &buffer, &send);
    Settle();
    PeerReset(kPeer);
    Settle();
  });
  EXPECT_EQ(told, "send completes c000020d; receive completes c000020d");
}

TEST(Receive, CancelledReceiveLetsTheNextOneHaveTheData) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    TestIrp first("first", &client.log);
    TestIrp second("second", &client.log);
    TestBuffer buffer({4});
    TestBuffer other({4});
    Receive(socket, &buffer, &first);
    Receive(socket, &other, &second);
    IoCancelIrp(first.irp);
    Send(kPeer, "abc");
    second.Wait();
    EXPECT_EQ(other.Text(3), "abc");
    EXPECT_EQ(first.completions, 1);
  });
  EXPECT_EQ(told, "first completes c0000120; second completes 0");
}

TEST(ReceiveEvent, PartialAcceptanceSuspendsUntilAReceive) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    client.on_receive = [&](PWSK_DATA_INDICATION, SIZE_T bytes, SIZE_T* accepted) {
      if (bytes > 3) *accepted = 2;
      return STATUS_SUCCESS;
    };
    client.Control(socket, WSK_EVENT_RECEIVE);
    Send(kPeer, "abcdef");
    Settle();
    Send(kPeer, "gh");
    Settle();
    TestIrp irp("receive", &client.log);
    TestBuffer buffer({3});
    Receive(socket, &buffer, &irp);
    irp.Wait();
    EXPECT_EQ(buffer.Text(3), "cde");
    Settle();
    EXPECT_EQ(client.received, "abfgh");
  });
  EXPECT_EQ(told, "receive(abcdef); receive returns 0; receive completes 0; receive(fgh); receive returns 0");
}

TEST(ReceiveEvent, RefusedDataComesAgainAfterAZeroLengthReceive) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    client.on_receive = [&](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) {
      return client.receives == 1 ? STATUS_DATA_NOT_ACCEPTED : STATUS_SUCCESS;
    };
    client.Control(socket, WSK_EVENT_RECEIVE);
    Send(kPeer, "abc");
    Settle();
    Send(kPeer, "def");
    Settle();
    TestIrp irp("receive", &client.log);
    WSK_BUF empty = {};
    TestClient::Functions(socket)->WskReceive(socket, &empty, 0, irp.irp);
    Settle();
    EXPECT_EQ(irp.information, 0u);
  });
  EXPECT_EQ(
      told,
      "receive(abc); receive returns c000021b; receive completes 0; receive(abcdef); receive returns 0");
}

TEST(ReceiveEvent, RetainedListsStayUntilReleasedNodeByNode) {
  uint8_t fixed[kChoiceEnd];
  memset(fixed, 0xFF, sizeof fixed);
  fixed[kChoiceIndicationNodes] = 1;
  fixed[kChoiceSegments] = 2;
  RunOptions options;
  options.fixed_choices = fixed;
  options.fixed_choice_count = sizeof fixed;
  PWSK_DATA_INDICATION retained = nullptr;
  std::string told = WithSocket(
      [&](TestClient& client, PWSK_SOCKET socket) {
        client.on_receive = [&](PWSK_DATA_INDICATION list, SIZE_T, SIZE_T*) {
          retained = list;
          return STATUS_PENDING;
        };
        client.Control(socket, WSK_EVENT_RECEIVE);
        Send(kPeer, "abcdefgh");
        Settle();
        ASSERT_NE(retained, nullptr);
        ASSERT_NE(retained->Next, nullptr);
        EXPECT_GT(retained->Buffer.Offset, 0u);
        EXPECT_EQ(TextOf(retained), "abcdefgh");
        PWSK_DATA_INDICATION rest = retained->Next;
        retained->Next = nullptr;
        EXPECT_EQ(TestClient::Functions(socket)->WskRelease(socket, retained), STATUS_SUCCESS);
        EXPECT_EQ(TextOf(rest), "cdefgh");
        EXPECT_EQ(TestClient::Functions(socket)->WskRelease(socket, rest), STATUS_SUCCESS);
        EXPECT_EQ(TestClient::Functions(socket)->WskRelease(socket, nullptr), STATUS_INVALID_PARAMETER);
      },
      options);
  EXPECT_EQ(told, "receive(abcdefgh); receive returns 103");
}

TEST(Send, PendsUntilAcknowledged) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    PeerStopAcknowledging(kPeer, true);
    TestIrp irp("send", &client.log);
    TestBuffer buffer({2, 3}, 7, 'x');
    EXPECT_EQ(SendFrom(socket, &buffer, &irp), STATUS_PENDING);
    Settle();
    client.Log("peer saw%s", g_peer_saw.c_str());
    PeerStopAcknowledging(kPeer, false);
    irp.Wait();
    EXPECT_EQ(irp.information, 5u);
  });
  EXPECT_EQ(told, "peer saw connected <xx><xxx>; send completes 0");
}

TEST(Send, CancelledSendCompletesOnce) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    PeerStopAcknowledging(kPeer, true);
    TestIrp irp("send", &client.log);
    TestBuffer buffer({4});
    SendFrom(socket, &buffer, &irp);
    Settle();
    IoCancelIrp(irp.irp);
    PeerStopAcknowledging(kPeer, false);
    Settle();
    EXPECT_EQ(irp.completions, 1);
  });
  EXPECT_EQ(told, "send completes c0000120");
}

TEST(Close, CancelsWhatPends) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET) {
    PWSK_SOCKET socket = client.Connect(6);
    PeerStopAcknowledging(6, true);
    TestIrp send("send", &client.log);
    TestIrp receive("receive", &client.log);
    TestIrp disconnect("disconnect", &client.log);
    TestIrp close("close", &client.log);
    TestBuffer buffer({4});
    SendFrom(socket, &buffer, &send);
    Receive(socket, &buffer, &receive);
    TestClient::Functions(socket)->WskDisconnect(socket, &buffer.buffer, 0, disconnect.irp);
    Settle();
    EXPECT_EQ(TestClient::Functions(socket)->Basic.WskCloseSocket(socket, close.irp), STATUS_PENDING);
    close.Wait();
    EXPECT_EQ(close.information, 0u);
  });
  EXPECT_EQ(told,
            "receive completes c0000120; send completes c0000120; disconnect completes c0000120; close "
            "completes 0");
}

TEST(Disconnect, GracefulSendsItsDataAndCompletesWhenAcknowledged) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    PeerStopAcknowledging(kPeer, true);
    TestIrp irp("disconnect", &client.log);
    TestIrp send("send", &client.log);
    TestBuffer buffer({4}, 1, 'y');
    TestClient::Functions(socket)->WskDisconnect(socket, &buffer.buffer, 0, irp.irp);
    Settle();
    SendFrom(socket, &buffer, &send);
    client.Log("acknowledge");
    PeerStopAcknowledging(kPeer, false);
    irp.Wait();
    // Half open: the peer may still send.
    Send(kPeer, "abc");
    TestIrp receive("receive", &client.log);
    TestBuffer in({8});
    Receive(socket, &in, &receive);
    receive.Wait();
    EXPECT_EQ(in.Text(3), "abc");
    PeerDisconnect(kPeer);
    Settle();
  });
  EXPECT_EQ(told, "send completes c0000184; acknowledge; disconnect completes 0; receive completes 0");
  EXPECT_EQ(g_peer_saw, " connected <yyyy> fin ");
}

TEST(Disconnect, AbortiveEndsEverything) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    PeerStopAcknowledging(kPeer, true);
    TestIrp send("send", &client.log);
    TestIrp graceful("graceful", &client.log);
    TestIrp receive("receive", &client.log);
    TestIrp abortive("abortive", &client.log);
    TestBuffer buffer({4}, 0, 'z');
    SendFrom(socket, &buffer, &send);
    TestClient::Functions(socket)->WskDisconnect(socket, nullptr, 0, graceful.irp);
    Receive(socket, &buffer, &receive);
    Settle();
    TestClient::Functions(socket)->WskDisconnect(socket, nullptr, WSK_FLAG_ABORTIVE, abortive.irp);
    Settle();
  });
  EXPECT_EQ(told,
            "send completes c0000120; receive completes c0000241; graceful completes c0000241; abortive "
            "completes 0");
  EXPECT_EQ(g_peer_saw, " connected <zzzz> fin  reset ");
}

TEST(Disconnect, CloseOfAnOpenConnectionResetsIt) {
  WithSocket([](TestClient&, PWSK_SOCKET) {});
  EXPECT_EQ(g_peer_saw, " connected  reset ");
}

TEST(Sockets, BindConnectAndAddresses) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET) {
    PWSK_SOCKET socket = client.Socket();
    auto* functions = TestClient::Functions(socket);
    TestIrp early("early", &client.log);
    TestIrp bind("bind", &client.log);
    TestIrp connect("connect", &client.log);
    TestIrp local("local", &client.log);
    TestIrp remote("remote", &client.log);
    SOCKADDR_INET own = {};
    SOCKADDR_INET peer = {};
    SOCKADDR_INET found_local = {};
    SOCKADDR_INET found_remote = {};
    own.si_family = AF_INET;
    PeerAddress(9, false, &peer);
    functions->WskConnect(socket, reinterpret_cast<PSOCKADDR>(&peer), 0, early.irp);
    functions->WskBind(socket, reinterpret_cast<PSOCKADDR>(&own), 0, bind.irp);
    bind.Wait();
    functions->WskConnect(socket, reinterpret_cast<PSOCKADDR>(&peer), 0, connect.irp);
    connect.Wait();
    functions->WskGetLocalAddress(socket, reinterpret_cast<PSOCKADDR>(&found_local), local.irp);
    functions->WskGetRemoteAddress(socket, reinterpret_cast<PSOCKADDR>(&found_remote), remote.irp);
    local.Wait();
    remote.Wait();
    EXPECT_EQ(found_local.Ipv4.sin_addr.s_addr, 0x0100000au);
    EXPECT_NE(found_local.Ipv4.sin_port, 0);
    EXPECT_EQ(memcmp(&found_remote, &peer, sizeof(SOCKADDR_IN)), 0);
    client.CloseSocket(socket);
  });
  EXPECT_EQ(told,
            "early completes c0000184; bind completes 0; connect completes 0; local completes 0; remote "
            "completes 0");
}

TEST(Sockets, RefusedAndUnansweredConnects) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET) {
    PeerSetConnectPolicy(7, ConnectPolicy::kRefuse);
    EXPECT_EQ(client.Connect(7), nullptr);
    PWSK_SOCKET socket = client.Connect(8, true);
    ASSERT_NE(socket, nullptr);
    EXPECT_EQ(client.Connect(8), nullptr);  // it has a connection
    client.CloseSocket(socket);
    PeerSetConnectPolicy(7, ConnectPolicy::kIgnore);
    socket = client.Socket();
    SOCKADDR_INET own = {};
    SOCKADDR_INET peer = {};
    own.si_family = AF_INET;
    PeerAddress(7, false, &peer);
    TestIrp bind("bind", &client.log);
    TestIrp connect("connect", &client.log);
    TestClient::Functions(socket)->WskBind(socket, reinterpret_cast<PSOCKADDR>(&own), 0, bind.irp);
    bind.Wait();
    TestClient::Functions(socket)->WskConnect(socket, reinterpret_cast<PSOCKADDR>(&peer), 0, connect.irp);
    Settle();
    client.Log("unanswered");
    IoCancelIrp(connect.irp);
    connect.Wait();
    client.CloseSocket(socket);
  });
  EXPECT_EQ(told, "bind completes 0; unanswered; connect completes c0000120");
}

}  // namespace
}  // namespace wskcert::emulator
