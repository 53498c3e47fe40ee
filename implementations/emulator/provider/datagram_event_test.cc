// WskReceiveFromEvent: lists, refusals, retained datagrams, overlapping calls, sockets that broke.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_datagram.h"

namespace wskcert::emulator {
namespace {

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
  auto play = [](FixedChoices choices) {
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

}  // namespace
}  // namespace wskcert::emulator
