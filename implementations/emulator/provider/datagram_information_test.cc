// What is told of datagrams beside their bytes, and misuse of datagram sockets.
#include <gtest/gtest.h>

#include <cstring>

#include "implementations/emulator/provider/test_datagram.h"

namespace wskcert::emulator {
namespace {

// ---- Broadcast and multicast

TEST(Cast, IsToldOfADatagramAndOfAllOfACall) {
  std::string told = WithSocket(
      [](TestClient& client, PWSK_SOCKET socket) {
        SendDatagram(kPeer, kPort, "a", false, Cast::kBroadcast);
        SendDatagram(kPeer, kPort, "b", false, Cast::kBroadcast);
        SendDatagram(kPeer, kPort, "c", false, Cast::kMulticast);
        SendDatagram(kPeer, kPort, "d");
        Settle();
        client.Control(socket, WSK_EVENT_RECEIVE_FROM);
        Settle();
      },
      {{kChoiceDatagramList, 1}});
  EXPECT_EQ(told,
            "datagrams(a@9,b@9 broadcast); datagrams return 0; datagrams(c@9 multicast); datagrams return 0; "
            "datagrams(d@9); datagrams return 0");
}

TEST(Cast, IsTheReceivesControlFlag) {
  WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    constexpr ULONG kExpected[] = {MSG_BCAST, MSG_MCAST | MSG_TRUNC, 0};
    SendDatagram(kPeer, kPort, "a", false, Cast::kBroadcast);
    SendDatagram(kPeer, kPort, "too long", false, Cast::kMulticast);
    SendDatagram(kPeer, kPort, "c");
    for (ULONG expected : kExpected) {
      TestIrp irp("receive", &client.log);
      TestBuffer buffer({4});
      ULONG flags = 99;
      TestClient::DatagramFunctions(socket)->WskReceiveFrom(socket, &buffer.buffer, 0, nullptr, nullptr,
                                                            nullptr, &flags, irp.irp);
      EXPECT_EQ(irp.Wait(), STATUS_SUCCESS);
      EXPECT_EQ(flags, expected);
    }
  });
}

// ---- Control information

TEST(ControlInformation, OfAnIndication) {
  for (bool ipv6 : {false, true}) {
    std::string told = WithSocket(
        [&](TestClient& client, PWSK_SOCKET socket) {
          client.on_datagrams = [&](PWSK_DATAGRAM_INDICATION list) {
            PCMSGHDR header = list->ControlInfo;
            if (header == nullptr) return STATUS_SUCCESS;
            EXPECT_EQ(header->cmsg_level, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP);
            EXPECT_EQ(header->cmsg_type, IP_PKTINFO);
            EXPECT_EQ(header->cmsg_len, sizeof *header + (ipv6 ? sizeof(IN6_PKTINFO) : sizeof(IN_PKTINFO)));
            client.Log("control %u", static_cast<unsigned>(list->ControlInfoLength));
            return STATUS_SUCCESS;
          };
          client.Control(socket, WSK_EVENT_RECEIVE_FROM);
          SendDatagram(kPeer, kPort, "abc", ipv6);
          Settle();
        },
        {{kChoiceControlInformation, 1}}, 0, ipv6);
    EXPECT_EQ(told, ipv6 ? "datagrams(abc@9); control 40; datagrams return 0"
                         : "datagrams(abc@9); control 24; datagrams return 0");
  }
}

TEST(ControlInformation, OfAReceiveWithAndWithoutRoom) {
  WithSocket(
      [](TestClient& client, PWSK_SOCKET socket) {
        alignas(8) UCHAR control[64];
        for (ULONG room : {64u, 24u, 16u, 0u}) {
          TestIrp irp("receive", &client.log);
          TestBuffer buffer({8});
          ULONG length = room;
          ULONG flags = 99;
          memset(control, 0xEE, sizeof control);
          TestClient::DatagramFunctions(socket)->WskReceiveFrom(socket, &buffer.buffer, 0, nullptr, &length,
                                                                reinterpret_cast<PCMSGHDR>(control), &flags,
                                                                irp.irp);
          SendDatagram(kPeer, kPort, "abc");
          EXPECT_EQ(irp.Wait(), STATUS_SUCCESS);
          EXPECT_EQ(length, 24u);
          EXPECT_EQ(flags, room < 24 ? static_cast<ULONG>(MSG_CTRUNC) : 0u);
          EXPECT_EQ(control[room < 24 ? room : 24], 0xEE);
          if (room >= 24) {
            EXPECT_EQ(reinterpret_cast<PCMSGHDR>(control)->cmsg_type, IP_PKTINFO);
          }
        }
        // Without a length, control information is of no interest.
        TestIrp irp("receive", &client.log);
        TestBuffer buffer({8});
        ULONG flags = 99;
        SendDatagram(kPeer, kPort, "abc");
        TestClient::DatagramFunctions(socket)->WskReceiveFrom(socket, &buffer.buffer, 0, nullptr, nullptr,
                                                              nullptr, &flags, irp.irp);
        EXPECT_EQ(irp.Wait(), STATUS_SUCCESS);
        EXPECT_EQ(flags, 0u);
      },
      {{kChoiceControlInformation, 1}});
}

// ---- Misuse

TEST(DatagramMisuse, IsNamed) {
  auto misuse = [](auto function) {
    EmulatorReset();
    TestClient client;
    RunReport report = Play([&] {
      if (client.Open()) function(client, client.DatagramSocket(kPort));
    });
    return std::string(report.ending == Ending::kBugCheck ? report.bug_check.message : "no bug check");
  };
  EXPECT_NE(misuse([](TestClient& client, PWSK_SOCKET socket) {
              client.on_datagrams = [](PWSK_DATAGRAM_INDICATION) { return STATUS_PENDING; };
              client.Control(socket, WSK_EVENT_RECEIVE_FROM);
              SendDatagram(kPeer, kPort, "abc");
              Settle();
              client.CloseSocket(socket);
            }).find("before all retained indications were released"),
            std::string::npos);
  EXPECT_NE(misuse([](TestClient& client, PWSK_SOCKET socket) {
              PWSK_DATAGRAM_INDICATION kept = nullptr;
              client.on_datagrams = [&](PWSK_DATAGRAM_INDICATION list) {
                kept = list;
                return STATUS_PENDING;
              };
              client.Control(socket, WSK_EVENT_RECEIVE_FROM);
              SendDatagram(kPeer, kPort, "abc");
              Settle();
              TestClient::DatagramFunctions(socket)->WskRelease(socket, kept);
              TestClient::DatagramFunctions(socket)->WskRelease(socket, kept);
            }).find("released before"),
            std::string::npos);
  EXPECT_NE(misuse([](TestClient& client, PWSK_SOCKET socket) {
              client.on_datagrams = [](PWSK_DATAGRAM_INDICATION) { return STATUS_CANCELLED; };
              client.Control(socket, WSK_EVENT_RECEIVE_FROM);
              SendDatagram(kPeer, kPort, "abc");
              Settle();
            }).find("nc-wsk-pfn_wsk_receive_from_event.md"),
            std::string::npos);
  EXPECT_NE(misuse([](TestClient& client, PWSK_SOCKET socket) {
              TestIrp close("close", &client.log);
              client.on_datagrams = [&](PWSK_DATAGRAM_INDICATION) {
                TestClient::Functions(socket)->Basic.WskCloseSocket(socket, close.irp);
                return STATUS_PENDING;
              };
              client.Control(socket, WSK_EVENT_RECEIVE_FROM);
              SendDatagram(kPeer, kPort, "abc");
              Settle();
            }).find("datagrams retained from a socket that WskCloseSocket was called on"),
            std::string::npos);
}

}  // namespace
}  // namespace wskcert::emulator
