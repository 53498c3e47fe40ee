// Datagram sockets: what goes out, and what comes in for WskReceiveFrom.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_datagram.h"

namespace wskcert::emulator {
namespace {

// ---- Sending

TEST(Datagrams, AreSentWhole) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    TestIrp irp("send", &client.log);
    TestIrp empty("empty", &client.log);
    TestBuffer buffer({3, 4000, 5}, 2, 'x');
    TestBuffer nothing({0});
    SOCKADDR_INET to = AddressOf(kPeer);
    EXPECT_EQ(SendTo(socket, &buffer, &to, &irp), STATUS_PENDING);
    to = {};
    EXPECT_EQ(irp.Wait(), STATUS_SUCCESS);
    EXPECT_EQ(irp.information, 4008u);
    to = AddressOf(kPeer + 1);
    SendTo(socket, &nothing, &to, &empty);
    EXPECT_EQ(empty.Wait(), STATUS_SUCCESS);
    EXPECT_EQ(empty.information, 0u);
  });
  EXPECT_EQ(DatagramsSeen(), "9:4008 10:");
  EXPECT_EQ(told, "send completes 0; empty completes 0");
}

TEST(Datagrams, ToNobodyAreLostSilently) {
  WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    TestIrp irp("send", &client.log);
    TestBuffer buffer({3}, 0, 'x');
    SOCKADDR_INET to = AddressOf(kPeer);
    to.Ipv4.sin_port = 1;
    SendTo(socket, &buffer, &to, &irp);
    EXPECT_EQ(irp.Wait(), STATUS_SUCCESS);
    EXPECT_EQ(irp.information, 3u);
  });
  EXPECT_EQ(DatagramsSeen(), "");
}

TEST(Datagrams, SeveralMessagesAndTheirListNeedNotLast) {
  WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    TestIrp irp("send", &client.log);
    TestBuffer one({2}, 0, 'a');
    TestBuffer two({3}, 0, 'b');
    WSK_BUF_LIST second = {nullptr, two.buffer};
    WSK_BUF_LIST first = {&second, one.buffer};
    SOCKADDR_INET to = AddressOf(kPeer);
    EXPECT_EQ(TestClient::DatagramFunctions(socket)->WskSendMessages(
                  socket, &first, 0, reinterpret_cast<PSOCKADDR>(&to), 0, nullptr, irp.irp),
              STATUS_PENDING);
    first = second = {};
    EXPECT_EQ(irp.Wait(), STATUS_SUCCESS);
    EXPECT_EQ(irp.information, 5u);
  });
  EXPECT_EQ(DatagramsSeen(), "9:aa 9:bbb");
}

TEST(Datagrams, FixedAddresses) {
  auto play = [](uint8_t choice) {
    WithSocket(
        [](TestClient& client, PWSK_SOCKET socket) {
          auto send = [&](SOCKADDR_INET* to) {
            TestIrp irp("send", &client.log);
            TestBuffer buffer({1}, 0, 'x');
            SendTo(socket, &buffer, to, &irp);
            return irp.Wait();
          };
          EXPECT_EQ(send(nullptr), STATUS_INVALID_PARAMETER);
          SOCKADDR_INET remote = AddressOf(1);
          SOCKADDR_INET destination = AddressOf(2);
          SOCKADDR_INET other = AddressOf(3);
          EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_SENDTO_ADDRESS, sizeof destination, &destination),
                    STATUS_SUCCESS);
          EXPECT_EQ(send(nullptr), STATUS_SUCCESS);  // to 2
          EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_REMOTE_ADDRESS, sizeof remote, &remote), STATUS_SUCCESS);
          EXPECT_EQ(send(nullptr), STATUS_SUCCESS);  // to 1 or 2
          EXPECT_EQ(send(&other), STATUS_SUCCESS);   // to 3
          EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_SENDTO_ADDRESS, 0, nullptr), STATUS_SUCCESS);
          EXPECT_EQ(send(nullptr), STATUS_SUCCESS);  // to 1
          EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_REMOTE_ADDRESS, 0, nullptr), STATUS_SUCCESS);
          EXPECT_EQ(send(nullptr), STATUS_INVALID_PARAMETER);
        },
        {{kChoiceTwoFixedAddresses, choice}});
    return DatagramsSeen();
  };
  EXPECT_EQ(play(0), "2:x 1:x 3:x 1:x");
  EXPECT_EQ(play(1), "2:x 2:x 3:x 1:x");
}

TEST(Datagrams, OnlyTheFixedRemoteAddressIsHeard) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    SOCKADDR_INET remote = AddressOf(kPeer);
    client.Ioctl(socket, SIO_WSK_SET_REMOTE_ADDRESS, sizeof remote, &remote);
    client.Control(socket, WSK_EVENT_RECEIVE_FROM);
    SendDatagram(kPeer + 1, kPort, "no");
    SendDatagram(kPeer, kPort, "yes");
    Settle();
  });
  EXPECT_EQ(told, "datagrams(yes@9); datagrams return 0");
}

TEST(Datagrams, ACancelledSendDoesNotGoOut) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    TestIrp one("one", &client.log);
    TestIrp several("several", &client.log);
    TestIrp late("late", &client.log);
    TestBuffer buffer({2}, 0, 'a');
    SOCKADDR_INET to = AddressOf(kPeer);
    WSK_BUF_LIST list = {nullptr, buffer.buffer};
    SendTo(socket, &buffer, &to, &one);
    TestClient::DatagramFunctions(socket)->WskSendMessages(socket, &list, 0, reinterpret_cast<PSOCKADDR>(&to),
                                                           0, nullptr, several.irp);
    IoCancelIrp(one.irp);
    IoCancelIrp(several.irp);
    late.irp->Cancel = TRUE;
    EXPECT_EQ(SendTo(socket, &buffer, &to, &late), STATUS_PENDING);
    Settle();
    EXPECT_EQ(one.information + several.information + late.information, 0u);
  });
  EXPECT_EQ(DatagramsSeen(), "");
  EXPECT_EQ(told, "one completes c0000120; several completes c0000120; late completes c0000120");
}

// The network's and the provider's reserves are given back by all that uses them.
TEST(Datagrams, NothingRunsOut) {
  WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_RECEIVE_FROM);
    SOCKADDR_INET to = AddressOf(kPeer);
    for (int i = 0; i < 6000; ++i) {
      ASSERT_TRUE(SendDatagram(kPeer, kPort, std::string(2000, 'x')));
      TestIrp irp("send", &client.log);
      TestBuffer buffer({2}, 0, 'a');
      WSK_BUF_LIST list = {nullptr, buffer.buffer};
      TestClient::DatagramFunctions(socket)->WskSendMessages(
          socket, &list, 0, reinterpret_cast<PSOCKADDR>(&to), 0, nullptr, irp.irp);
      if (i % 2 != 0) IoCancelIrp(irp.irp);
      ASSERT_EQ(irp.Wait(), i % 2 == 0 ? STATUS_SUCCESS : STATUS_CANCELLED);
      client.log.clear();
    }
    Settle();
    EXPECT_EQ(client.datagram_calls, 6000);
  });
}

// ---- Receiving

TEST(Datagrams, QueueForReceives) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    EXPECT_TRUE(SendDatagram(kPeer, kPort, "one"));
    EXPECT_TRUE(SendDatagram(kPeer, kPort, "three"));
    Settle();
    SOCKADDR_INET from = {};
    ULONG flags = 99;
    TestIrp first("first", &client.log);
    TestIrp second("second", &client.log);
    TestIrp third("third", &client.log);
    TestBuffer buffer({1, 8}, 3);
    EXPECT_EQ(ReceiveFrom(socket, &buffer, &first, &from, &flags), STATUS_PENDING);
    first.Wait();
    EXPECT_EQ(first.information, 3u);
    EXPECT_EQ(buffer.Text(3), "one");
    EXPECT_EQ(flags, 0u);
    EXPECT_EQ(PeerOfAddress(&from), kPeer);
    // The rest of a datagram that is too long is gone.
    buffer.buffer.Length = 2;
    ReceiveFrom(socket, &buffer, &second, nullptr, &flags);
    EXPECT_EQ(second.Wait(), STATUS_SUCCESS);
    EXPECT_EQ(second.information, 2u);
    EXPECT_EQ(buffer.Text(3), "the");
    EXPECT_EQ(flags, static_cast<ULONG>(MSG_TRUNC));
    EXPECT_EQ(ReceiveFrom(socket, &buffer, &third), STATUS_PENDING);
    Settle();
    client.Log("waits");
    IoCancelIrp(third.irp);
    EXPECT_EQ(third.Wait(), STATUS_CANCELLED);
  });
  EXPECT_EQ(told, "first completes 0; second completes 0; waits; third completes c0000120");
}

TEST(Datagrams, ReceivesGoBeforeTheEvent) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_RECEIVE_FROM);
    TestIrp irp("receive", &client.log);
    TestBuffer buffer({8});
    ReceiveFrom(socket, &buffer, &irp);
    SendDatagram(kPeer, kPort, "one");
    SendDatagram(kPeer, kPort, "two");
    Settle();
    EXPECT_EQ(buffer.Text(irp.information), "one");
  });
  EXPECT_EQ(told, "receive completes 0; datagrams(two@9); datagrams return 0");
}

TEST(Datagrams, TheRaceOfReceiveAndEvent) {
  std::string told = WithSocket(
      [](TestClient& client, PWSK_SOCKET socket) {
        SendDatagram(kPeer, kPort, "one");
        Settle();
        TestIrp irp("receive", &client.log);
        TestBuffer buffer({8});
        // The call is queued and has not begun when the request comes.
        client.Control(socket, WSK_EVENT_RECEIVE_FROM);
        EXPECT_EQ(ReceiveFrom(socket, &buffer, &irp), STATUS_PENDING);
        Settle();
        // Only an event that is disabled leaves everything to the receives.
        client.Control(socket, WSK_EVENT_RECEIVE_FROM | WSK_EVENT_DISABLE);
        SendDatagram(kPeer, kPort, "two");
        irp.Wait();
      },
      {{kChoiceReceiveFromRace, 1}});
  EXPECT_EQ(told, "datagrams(one@9); datagrams return 0; receive completes 0");
}

TEST(Datagrams, AreDroppedBeyondTheLimit) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    std::string text(30000, 'x');
    for (int i = 0; i < 6; ++i) {
      EXPECT_TRUE(SendDatagram(kPeer, kPort, text));
      Settle();
    }
    client.Control(socket, WSK_EVENT_RECEIVE_FROM);
    Settle();
    EXPECT_EQ(client.datagram_calls, 4);
    // There is room again.
    SendDatagram(kPeer, kPort, "x");
    Settle();
    EXPECT_EQ(client.datagram_calls, 5);
  });
  EXPECT_NE(told.find("datagrams(x@9)"), std::string::npos);
}

TEST(Datagrams, AnyLengthAndBothFamilies) {
  for (bool ipv6 : {false, true}) {
    std::string told = WithSocket(
        [&](TestClient& client, PWSK_SOCKET socket) {
          client.Control(socket, WSK_EVENT_RECEIVE_FROM);
          EXPECT_TRUE(SendDatagram(kPeer, kPort, "", ipv6));
          EXPECT_TRUE(SendDatagram(kPeer, kPort, std::string(65507, 'x'), ipv6));
          EXPECT_FALSE(SendDatagram(kPeer, kPort, std::string(65508, 'x'), ipv6));
          EXPECT_FALSE(SendDatagram(kPeer, kPort + 1, "", ipv6));
          EXPECT_FALSE(SendDatagram(kPeer, kPort, "", !ipv6));
          Settle();
          TestIrp irp("send", &client.log);
          TestBuffer buffer({1}, 0, 'y');
          SOCKADDR_INET to = AddressOf(kPeer, ipv6);
          SendTo(socket, &buffer, &to, &irp);
          irp.Wait();
          SOCKADDR_INET local = {};
          TestIrp address("address", &client.log);
          TestClient::DatagramFunctions(socket)->WskGetLocalAddress(
              socket, reinterpret_cast<PSOCKADDR>(&local), address.irp);
          address.Wait();
          EXPECT_EQ(ipv6 ? local.Ipv6.sin6_port : local.Ipv4.sin_port, __builtin_bswap16(kPort));
        },
        {}, 0, ipv6);
    EXPECT_EQ(told,
              "datagrams(@9); datagrams return 0; datagrams(65507@9); datagrams return 0; send completes 0; "
              "address completes 0");
    EXPECT_EQ(DatagramsSeen(), "9:y");
  }
}

TEST(Datagrams, BetweenOwnSockets) {
  WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    PWSK_SOCKET other = client.DatagramSocket(kPort + 1);
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(client.DatagramSocket(kPort + 1), nullptr);  // in use
    TestIrp send("send", &client.log);
    TestIrp receive("receive", &client.log);
    TestBuffer out({2}, 0, 'x');
    TestBuffer in({8});
    SOCKADDR_INET from = {};
    ReceiveFrom(other, &in, &receive, &from);
    SOCKADDR_INET to = WildcardAddress(kPort + 1);
    SendTo(socket, &out, &to, &send);
    send.Wait();
    receive.Wait();
    EXPECT_EQ(in.Text(receive.information), "xx");
    EXPECT_EQ(from.Ipv4.sin_port, __builtin_bswap16(kPort));
    client.CloseSocket(other);
  });
}

}  // namespace
}  // namespace wskcert::emulator
