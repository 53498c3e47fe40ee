// Datagram sockets: what goes out, what comes in, and who gets it.
#include <gtest/gtest.h>

#include <cstring>

#include "implementations/emulator/provider/test_client.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kPeer = 9;
constexpr uint16_t kPort = 4000;

// What reached the peers, as "peer:bytes".
std::string g_seen;

void Sink(void*, const PeerEvent* event) {
  if (event->kind != PeerEvent::kDatagram) return;
  std::string bytes(reinterpret_cast<const char*>(event->data), event->length);
  if (!g_seen.empty()) g_seen += " ";
  g_seen += std::to_string(event->peer);
  g_seen += ":";
  g_seen += bytes.size() < 24 ? bytes : std::to_string(bytes.size());
}

// Choices to be made always, as {kind, value}.
using Fixed = std::vector<std::pair<int, uint8_t>>;

// Plays with a client and a datagram socket at kPort; afterwards everything must be given back.
template <typename Function>
std::string WithSocket(Function function, const Fixed& choices = {}, ULONG static_events = 0,
                       bool ipv6 = false) {
  EmulatorReset();
  NetworkSetPeerSink(Sink, nullptr);
  g_seen.clear();
  std::vector<uint8_t> fixed(kChoiceEnd, 0xFF);
  for (auto [kind, value] : choices) fixed[kind] = value;
  RunOptions options;
  options.fixed_choices = fixed.data();
  options.fixed_choice_count = fixed.size();
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
      options);
  NetworkSetPeerSink(nullptr, nullptr);
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_TRUE(played);
  EXPECT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u) << report.leaks.first;
  return client.Told();
}

SOCKADDR_INET AddressOf(uint32_t peer, bool ipv6 = false) {
  SOCKADDR_INET address = {};
  PeerAddress(peer, ipv6, &address);
  return address;
}

NTSTATUS SendTo(PWSK_SOCKET socket, TestBuffer* buffer, SOCKADDR_INET* to, TestIrp* irp) {
  return TestClient::DatagramFunctions(socket)->WskSendTo(
      socket, &buffer->buffer, 0, reinterpret_cast<PSOCKADDR>(to), 0, nullptr, irp->irp);
}

NTSTATUS ReceiveFrom(PWSK_SOCKET socket, TestBuffer* buffer, TestIrp* irp, SOCKADDR_INET* from = nullptr,
                     ULONG* flags = nullptr) {
  return TestClient::DatagramFunctions(socket)->WskReceiveFrom(
      socket, &buffer->buffer, 0, reinterpret_cast<PSOCKADDR>(from), nullptr, nullptr, flags, irp->irp);
}

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
  EXPECT_EQ(g_seen, "9:4008 10:");
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
  EXPECT_EQ(g_seen, "");
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
  EXPECT_EQ(g_seen, "9:aa 9:bbb");
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
    return g_seen;
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
  EXPECT_EQ(g_seen, "");
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
    EXPECT_EQ(g_seen, "9:y");
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

// ---- The event

TEST(Datagrams, ComeInListsByChoice) {
  auto play = [](uint8_t choice) {
    return WithSocket(
        [](TestClient& client, PWSK_SOCKET socket) {
          for (const char* text : {"a", "b", "c"}) SendDatagram(kPeer, kPort, text);
          Settle();
          client.Control(socket, WSK_EVENT_RECEIVE_FROM);
          Settle();
        },
        {{kChoiceDatagramList, choice}});
  };
  EXPECT_EQ(play(0),
            "datagrams(a@9); datagrams return 0; datagrams(b@9); datagrams return 0; datagrams(c@9); "
            "datagrams return 0");
  EXPECT_EQ(play(1), "datagrams(a@9,b@9,c@9); datagrams return 0");
  EXPECT_EQ(play(2), "datagrams(a@9,b@9); datagrams return 0; datagrams(c@9); datagrams return 0");
}

TEST(Datagrams, ARefusalDisablesTheEventAndKeepsThem) {
  auto play = [](Fixed choices) {
    return WithSocket(
        [](TestClient& client, PWSK_SOCKET socket) {
          client.on_datagrams = [&](PWSK_DATAGRAM_INDICATION) {
            return client.datagram_calls == 1 ? STATUS_DATA_NOT_ACCEPTED : STATUS_SUCCESS;
          };
          client.Control(socket, WSK_EVENT_RECEIVE_FROM);
          SendDatagram(kPeer, kPort, "a");
          Settle();
          SendDatagram(kPeer, kPort, "b");
          Settle();
          client.Log("enable");
          client.Control(socket, WSK_EVENT_RECEIVE_FROM);
          Settle();
        },
        choices);
  };
  EXPECT_EQ(play({}),
            "datagrams(a@9); datagrams return c000021b; enable; datagrams(a@9); datagrams return 0; "
            "datagrams(b@9); datagrams return 0");
  EXPECT_EQ(play({{kChoiceRefusedDatagrams, 1}}),
            "datagrams(a@9); datagrams return c000021b; enable; datagrams(b@9); datagrams return 0");
  EXPECT_EQ(play({{kChoiceUnwantedDatagrams, 1}}),
            "datagrams(a@9); datagrams return c000021b; enable; datagrams(a@9); datagrams return 0");
}

TEST(Datagrams, ARefusalLeavesAStaticEventEnabled) {
  auto play = [](uint8_t choice) {
    return WithSocket(
        [](TestClient& client, PWSK_SOCKET) {
          client.on_datagrams = [&](PWSK_DATAGRAM_INDICATION) {
            return client.datagram_calls == 1 ? STATUS_DATA_NOT_ACCEPTED : STATUS_SUCCESS;
          };
          SendDatagram(kPeer, kPort, "a");
          Settle();
          client.Log("b comes");
          SendDatagram(kPeer, kPort, "b");
          Settle();
        },
        {{kChoiceStaticRefusal, choice}}, WSK_EVENT_RECEIVE_FROM | WSK_EVENT_RECEIVE);
  };
  EXPECT_EQ(play(0),
            "datagrams(a@9); datagrams return c000021b; b comes; datagrams(b@9); datagrams return 0");
  EXPECT_EQ(play(1),
            "datagrams(a@9); datagrams return c000021b; b comes; datagrams(a@9); datagrams return 0; "
            "datagrams(b@9); datagrams return 0");
}

TEST(Datagrams, ARefusedDatagramGoesToAReceive) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    client.on_datagrams = [](PWSK_DATAGRAM_INDICATION) { return STATUS_DATA_NOT_ACCEPTED; };
    client.Control(socket, WSK_EVENT_RECEIVE_FROM);
    SendDatagram(kPeer, kPort, "a");
    Settle();
    TestIrp irp("receive", &client.log);
    TestBuffer buffer({8});
    ReceiveFrom(socket, &buffer, &irp);
    irp.Wait();
    EXPECT_EQ(buffer.Text(irp.information), "a");
  });
  EXPECT_EQ(told, "datagrams(a@9); datagrams return c000021b; receive completes 0");
}

TEST(Datagrams, AnEnableDuringARefusedCall) {
  auto play = [](uint8_t choice) {
    return WithSocket(
        [](TestClient& client, PWSK_SOCKET socket) {
          client.on_datagrams = [&](PWSK_DATAGRAM_INDICATION) {
            if (client.datagram_calls > 1) return STATUS_SUCCESS;
            client.Control(socket, WSK_EVENT_RECEIVE_FROM);
            return STATUS_DATA_NOT_ACCEPTED;
          };
          client.Control(socket, WSK_EVENT_RECEIVE_FROM);
          SendDatagram(kPeer, kPort, "a");
          Settle();
        },
        {{kChoiceEnableBeforeRefusal, choice}});
  };
  EXPECT_EQ(play(0), "datagrams(a@9); datagrams return c000021b");
  EXPECT_EQ(play(1), "datagrams(a@9); datagrams return c000021b; datagrams(a@9); datagrams return 0");
}

TEST(Datagrams, AreRetainedAndReleasedInParts) {
  std::string told = WithSocket(
      [](TestClient& client, PWSK_SOCKET socket) {
        PWSK_DATAGRAM_INDICATION kept = nullptr;
        client.on_datagrams = [&](PWSK_DATAGRAM_INDICATION list) {
          // The first is given back inside the call, the others afterwards.
          kept = list->Next;
          list->Next = nullptr;
          EXPECT_EQ(TestClient::DatagramFunctions(socket)->WskRelease(socket, list), STATUS_SUCCESS);
          return STATUS_PENDING;
        };
        for (const char* text : {"a", "b", "c"}) SendDatagram(kPeer, kPort, text);
        Settle();
        client.Control(socket, WSK_EVENT_RECEIVE_FROM);
        Settle();
        ASSERT_NE(kept, nullptr);
        EXPECT_EQ(TextOf(kept->Buffer), "b");
        EXPECT_EQ(PeerOfAddress(kept->RemoteAddress), kPeer);
        EXPECT_EQ(kept->ControlInfo, nullptr);
        PWSK_DATAGRAM_INDICATION last = kept->Next;
        EXPECT_EQ(TestClient::DatagramFunctions(socket)->WskRelease(socket, last), STATUS_SUCCESS);
        kept->Next = nullptr;
        EXPECT_EQ(TestClient::DatagramFunctions(socket)->WskRelease(socket, kept), STATUS_SUCCESS);
        EXPECT_EQ(TestClient::DatagramFunctions(socket)->WskRelease(socket, nullptr),
                  STATUS_INVALID_PARAMETER);
      },
      {{kChoiceDatagramList, 1}});
  EXPECT_EQ(told, "datagrams(a@9,b@9,c@9); datagrams return 103");
}

// Calls overlap: while one is in progress on a worker, another begins.
TEST(Datagrams, CallsOverlapByChoice) {
  auto play = [](uint8_t choice) {
    int most = 0;
    WithSocket(
        [&](TestClient& client, PWSK_SOCKET socket) {
          KEVENT go_on;
          KeInitializeEvent(&go_on, NotificationEvent, FALSE);
          client.on_datagrams = [&](PWSK_DATAGRAM_INDICATION) {
            most = std::max(most, client.active);
            if (client.datagram_calls == 1) {
              KeWaitForSingleObject(&go_on, Executive, KernelMode, FALSE, nullptr);
            }
            return STATUS_SUCCESS;
          };
          client.Control(socket, WSK_EVENT_RECEIVE_FROM);
          SendDatagram(kPeer, kPort, "a");
          Settle();
          SendDatagram(kPeer, kPort, "b");
          Settle();
          // A disable waits for all of them.
          TestIrp irp("disable", &client.log);
          EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE_FROM | WSK_EVENT_DISABLE, &irp), STATUS_PENDING);
          KeSetEvent(&go_on, IO_NO_INCREMENT, FALSE);
          EXPECT_EQ(irp.Wait(), STATUS_SUCCESS);
          EXPECT_EQ(client.active, 0);
        },
        {{kChoiceOverlappingDatagrams, choice}});
    return most;
  };
  EXPECT_EQ(play(0), 1);
  EXPECT_EQ(play(1), 2);
}

TEST(Datagrams, ABrokenSocketSaysSo) {
  std::string told = WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_RECEIVE_FROM);
    TestIrp receive("receive", &client.log);
    TestIrp late("late", &client.log);
    TestBuffer buffer({8});
    ReceiveFrom(socket, &buffer, &receive);
    SOCKADDR_INET local = WildcardAddress(kPort);
    EXPECT_TRUE(NetworkBreakDatagramSocket(&local));
    Settle();
    SOCKADDR_INET to = AddressOf(kPeer);
    EXPECT_EQ(SendTo(socket, &buffer, &to, &late), STATUS_FILE_FORCED_CLOSED);
    EXPECT_FALSE(SendDatagram(kPeer, kPort, "x"));
    EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE_FROM), STATUS_FILE_FORCED_CLOSED);
  });
  EXPECT_EQ(told, "receive completes c00000b6; datagrams(NULL); datagrams return 0; late completes c00000b6");
}

TEST(Datagrams, WhatABrokenSocketAnswersIsReturned) {
  WithSocket(
      [](TestClient& client, PWSK_SOCKET socket) {
        SOCKADDR_INET local = WildcardAddress(kPort);
        NetworkBreakDatagramSocket(&local);
        Settle();
        TestIrp irp("disable", &client.log);
        EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE_FROM | WSK_EVENT_DISABLE, &irp),
                  STATUS_FILE_FORCED_CLOSED);
        EXPECT_EQ(irp.Wait(), STATUS_FILE_FORCED_CLOSED);
      },
      {{kChoiceFailure, 1}});
}

TEST(Datagrams, WhatTheCategoryDoesNotHave) {
  WithSocket([](TestClient& client, PWSK_SOCKET socket) {
    for (ULONG mask : {WSK_EVENT_RECEIVE, WSK_EVENT_ACCEPT, WSK_EVENT_RECEIVE_FROM | WSK_EVENT_RECEIVE}) {
      EXPECT_EQ(client.Control(socket, mask), STATUS_INVALID_PARAMETER);
    }
    PWSK_SOCKET connection = client.Connect(kPeer);
    ASSERT_NE(connection, nullptr);
    EXPECT_EQ(client.Control(connection, WSK_EVENT_RECEIVE_FROM), STATUS_INVALID_PARAMETER);
    SOCKADDR_INET remote = AddressOf(kPeer);
    EXPECT_EQ(client.Ioctl(connection, SIO_WSK_SET_REMOTE_ADDRESS, sizeof remote, &remote),
              STATUS_NOT_SUPPORTED);
    EXPECT_EQ(client.Ioctl(socket, SIO_WSK_QUERY_IDEAL_SEND_BACKLOG, 0, nullptr), STATUS_NOT_SUPPORTED);
    client.CloseSocket(connection);
  });
}

TEST(Datagrams, NothingBeforeTheBind) {
  EmulatorReset();
  TestClient client;
  RunReport report = Play([&] {
    ASSERT_TRUE(client.Open());
    TestIrp made("socket", &client.log);
    client.npi.Dispatch->WskSocket(client.npi.Client, AF_INET, SOCK_DGRAM, IPPROTO_UDP,
                                   WSK_FLAG_DATAGRAM_SOCKET, &client, &client.datagram_dispatch, nullptr,
                                   nullptr, nullptr, made.irp);
    made.Wait();
    auto* socket = reinterpret_cast<PWSK_SOCKET>(made.information);
    EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE_FROM), STATUS_INVALID_DEVICE_STATE);
    SOCKADDR_INET remote = AddressOf(kPeer);
    EXPECT_EQ(client.Ioctl(socket, SIO_WSK_SET_SENDTO_ADDRESS, sizeof remote, &remote),
              STATUS_INVALID_DEVICE_STATE);
    TestIrp send("send", &client.log);
    TestIrp receive("receive", &client.log);
    TestBuffer buffer({8});
    EXPECT_EQ(SendTo(socket, &buffer, &remote, &send), STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(ReceiveFrom(socket, &buffer, &receive), STATUS_INVALID_DEVICE_STATE);
    client.CloseSocket(socket);
    client.Close();
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
}

TEST(Datagrams, NullIndications) {
  constexpr const char* kTold[] = {
      "datagrams(NULL); datagrams return 0", "",
      "datagrams(NULL); datagrams return 0; datagrams(NULL); datagrams return 0"};
  for (uint8_t how : {0, 1, 2}) {
    std::string told = WithSocket(
        [](TestClient& client, PWSK_SOCKET socket) {
          client.Control(socket, WSK_EVENT_RECEIVE_FROM);
          SOCKADDR_INET local = WildcardAddress(kPort);
          NetworkBreakDatagramSocket(&local);
          Settle();
        },
        {{kChoiceNullIndication, how}});
    EXPECT_EQ(told, kTold[how]);
  }
}

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

TEST(Datagrams, TheSocketBreaksInsteadOfTelling) {
  std::string told = WithSocket(
      [](TestClient& client, PWSK_SOCKET socket) {
        client.Control(socket, WSK_EVENT_RECEIVE_FROM);
        SendDatagram(kPeer, kPort, "abc");
        Settle();
        TestIrp receive("receive", &client.log);
        TestBuffer buffer({8});
        EXPECT_EQ(ReceiveFrom(socket, &buffer, &receive), STATUS_FILE_FORCED_CLOSED);
        EXPECT_FALSE(SendDatagram(kPeer, kPort, "def"));
      },
      {{kChoiceSpontaneousBreak, 1}});
  EXPECT_EQ(told, "datagrams(NULL); datagrams return 0; receive completes c00000b6");
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
