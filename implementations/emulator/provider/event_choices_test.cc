// The readings of SO_WSK_EVENT_CALLBACK that choices.h names: each has its effect, completes every IRP once
// and leaves nothing behind.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_listener.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kPeer = 5;
constexpr uint16_t kPort = 4300;
constexpr ULONG kDisableReceive = WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE;

// Choices to be made always, as {kind, value}.
using Fixed = std::vector<std::pair<int, uint8_t>>;

class Options {
 public:
  explicit Options(const Fixed& choices) : fixed_(kChoiceEnd, 0xFF) {
    for (auto [kind, value] : choices) fixed_[kind] = value;
    options_.fixed_choices = fixed_.data();
    options_.fixed_choice_count = fixed_.size();
  }
  const RunOptions& get() const { return options_; }

 private:
  std::vector<uint8_t> fixed_;
  RunOptions options_;
};

// Plays with a client; afterwards everything must be given back. Returns the log.
template <typename Function>
std::string WithClient(const Fixed& choices, Function function) {
  EmulatorReset();
  TestClient client;
  bool played = false;
  Options options(choices);
  RunReport report = Play(
      [&] {
        ASSERT_TRUE(client.Open());
        function(client);
        client.Close();
        played = true;
      },
      options.get());
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_TRUE(played);
  EXPECT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u) << report.leaks.first;
  return client.Told();
}

// The same, with a connected socket.
template <typename Function>
std::string WithSocket(const Fixed& choices, Function function) {
  return WithClient(choices, [&](TestClient& client) {
    PWSK_SOCKET socket = client.Connect(kPeer);
    ASSERT_NE(socket, nullptr);
    function(client, socket);
    client.CloseSocket(socket);
  });
}

void Ask(TestClient& client, PWSK_SOCKET socket, ULONG mask, TestIrp* irp = nullptr,
         const NPIID& id = NPI_WSK_INTERFACE_ID) {
  client.Log("%x", static_cast<unsigned>(client.Control(socket, mask, irp, id)));
}

void Come(const char* text) {
  Send(kPeer, text);
  Settle();
}

// Has `body` run inside the first receive callback, which data of the peer's brings about.
template <typename Function>
void InReceive(TestClient& client, PWSK_SOCKET socket, Function body) {
  client.on_receive = [&client, body](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) {
    if (client.receives == 1) body();
    return STATUS_SUCCESS;
  };
  client.Control(socket, WSK_EVENT_RECEIVE);
  Come("a");
  client.on_receive = nullptr;
}

TEST(EventChoices, SeveralDisabledAtOnce) {
  constexpr ULONG kBoth = WSK_EVENT_RECEIVE | WSK_EVENT_SEND_BACKLOG | WSK_EVENT_DISABLE;
  std::string told = WithSocket({{kChoiceDisableSeveral, 2}}, [](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_SEND_BACKLOG);
    TestIrp irp("disable", &client.log);
    Ask(client, socket, kBoth, &irp);
    Come("a");
    PeerSetIdealBacklog(kPeer, 7);
    Settle();
  });
  EXPECT_EQ(told, "disable completes 0; 0");
  told = WithSocket({{kChoiceDisableSeveral, 2}, {kChoiceConcurrentEvents, 1}},
                    [](TestClient& client, PWSK_SOCKET socket) {
                      TestIrp irp("disable", &client.log);
                      KEVENT held;
                      KeInitializeEvent(&held, NotificationEvent, FALSE);
                      client.on_backlog = [&] {
                        KeWaitForSingleObject(&held, Executive, KernelMode, FALSE, nullptr);
                        client.Log("backlog returns");
                      };
                      client.Control(socket, WSK_EVENT_SEND_BACKLOG);
                      PeerSetIdealBacklog(kPeer, 7);
                      Settle();
                      InReceive(client, socket, [&] {
                        Ask(client, socket, kBoth, &irp);
                        Ask(client, socket, kBoth);
                      });
                      KeSetEvent(&held, 0, FALSE);
                      irp.Wait();
                      Come("b");
                    });
  EXPECT_EQ(told,
            "backlog(7); receive(a); 103; 40000013; receive returns 0; backlog returns; disable completes 0");
}

TEST(EventChoices, OddRequests) {
  constexpr NPIID kNobody = {1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}};
  for (uint8_t choice : {0, 1}) {
    std::string told = WithSocket({{kChoiceOddRequest, choice}}, [&](TestClient& client, PWSK_SOCKET socket) {
      for (ULONG mask : {ULONG{0}, ULONG{WSK_EVENT_DISABLE}, ULONG{WSK_EVENT_ACCEPT},
                         ULONG{WSK_EVENT_RECEIVE_FROM | WSK_EVENT_DISABLE}, ULONG{0x4000}}) {
        TestIrp irp("odd", &client.log);
        NTSTATUS status = client.Control(socket, mask, &irp);
        EXPECT_EQ(status, choice == 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS);
        EXPECT_EQ(irp.Wait(), status);
        EXPECT_EQ(irp.completions, 1);
      }
      Ask(client, socket, WSK_EVENT_RECEIVE, nullptr, kNobody);
      Come("a");
    });
    std::string one = choice == 0 ? "odd completes c000000d; " : "odd completes 0; ";
    EXPECT_EQ(told, one + one + one + one + one + (choice == 0 ? "c000000d" : "0"));
  }
}

TEST(EventChoices, PartlyInvalid) {
  for (uint8_t choice : {0, 1}) {
    std::string told =
        WithSocket({{kChoicePartlyInvalid, choice}}, [](TestClient& client, PWSK_SOCKET socket) {
          Ask(client, socket, WSK_EVENT_RECEIVE | WSK_EVENT_ACCEPT);
          Come("a");
        });
    EXPECT_EQ(told, choice == 0 ? "c000000d" : "0; receive(a); receive returns 0");
  }
}

TEST(EventChoices, StaticEventsWithoutEffect) {
  std::string told = WithClient({{kChoiceStaticEvent, 3}}, [](TestClient& client) {
    client.SetStaticEvents(WSK_EVENT_RECEIVE);
    PWSK_SOCKET socket = client.Connect(kPeer);
    Ask(client, socket, WSK_EVENT_RECEIVE | WSK_EVENT_SEND_BACKLOG);
    TestIrp irp("disable", &client.log);
    Ask(client, socket, kDisableReceive, &irp);
    Come("a");
    PeerSetIdealBacklog(kPeer, 7);
    Settle();
    client.CloseSocket(socket);
  });
  EXPECT_EQ(told, "0; disable completes 0; 0; receive(a); receive returns 0; backlog(7)");
}

// Binds and connects a socket of WskSocket.
void ConnectNow(TestClient& client, PWSK_SOCKET socket) {
  std::vector<std::string> ignored;
  TestIrp bind("bind", &ignored), connect("connect", &ignored);
  SOCKADDR_INET local = WildcardAddress(0), remote = {};
  PeerAddress(kPeer, false, &remote);
  TestClient::Functions(socket)->WskBind(socket, reinterpret_cast<PSOCKADDR>(&local), 0, bind.irp);
  EXPECT_EQ(bind.Wait(), STATUS_SUCCESS);
  TestClient::Functions(socket)->WskConnect(socket, reinterpret_cast<PSOCKADDR>(&remote), 0, connect.irp);
  EXPECT_EQ(connect.Wait(), STATUS_SUCCESS);
}

TEST(EventChoices, EnabledBeforeTheConnection) {
  auto play = [](uint8_t choice) {
    return WithClient({{kChoiceNotConnected, choice}}, [](TestClient& client) {
      PWSK_SOCKET socket = client.Socket();
      TestIrp irp("enable", &client.log);
      Ask(client, socket, WSK_EVENT_RECEIVE | WSK_EVENT_SEND_BACKLOG, &irp);
      Ask(client, socket, WSK_EVENT_SEND_BACKLOG | WSK_EVENT_DISABLE);
      ConnectNow(client, socket);
      PeerSetIdealBacklog(kPeer, 7);
      Come("a");
      client.CloseSocket(socket);
    });
  };
  EXPECT_EQ(play(1), "enable completes c0000010; c0000010; c0000010");
  EXPECT_EQ(play(2), "enable completes 0; 0; 0; receive(a); receive returns 0");
  EXPECT_EQ(play(3), "enable completes 0; 0; 0");
}

TEST(EventChoices, EnabledBeforeTheBindOfADatagramSocket) {
  auto play = [](uint8_t choice) {
    return WithClient({{kChoiceNotConnected, choice}}, [](TestClient& client) {
      std::vector<std::string> ignored;
      TestIrp made("socket", &ignored), bind("bind", &ignored);
      client.npi.Dispatch->WskSocket(client.npi.Client, AF_INET, SOCK_DGRAM, IPPROTO_UDP,
                                     WSK_FLAG_DATAGRAM_SOCKET, &client, &client.datagram_dispatch, nullptr,
                                     nullptr, nullptr, made.irp);
      made.Wait();
      auto* socket = reinterpret_cast<PWSK_SOCKET>(made.information);
      Ask(client, socket, WSK_EVENT_RECEIVE_FROM);
      SOCKADDR_INET local = WildcardAddress(kPort);
      TestClient::DatagramFunctions(socket)->WskBind(socket, reinterpret_cast<PSOCKADDR>(&local), 0,
                                                     bind.irp);
      bind.Wait();
      SendDatagram(kPeer, kPort, "a");
      Settle();
      client.CloseSocket(socket);
    });
  };
  EXPECT_EQ(play(2), "0; datagrams(a@5); datagrams return 0");
  EXPECT_EQ(play(3), "0");
}

TEST(EventChoices, EnabledBeforeTheBindOfAListeningSocket) {
  for (uint8_t choice : {2, 3}) {
    Options options({{kChoiceNotConnected, choice}});
    std::string told = WithListener(
        [](ListenClient& client, PWSK_SOCKET) {
          PWSK_SOCKET other = client.Socket(WSK_FLAG_LISTEN_SOCKET);
          Ask(client, other, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE);
          client.CloseListener();
          TestIrp bind("bind", &client.log);
          SOCKADDR_INET address = client.port;
          client.Bind(other, &bind, &address);
          bind.Wait();
          client.PeerConnects(kPeer);
          Settle();
          Come("a");
          client.CloseAccepted();
          client.CloseSocket(other);
        },
        options.get());
    EXPECT_EQ(told.find("accept event") != std::string::npos, choice == 2) << told;
    EXPECT_EQ(told.find("receive(a)") != std::string::npos, choice == 2) << told;
  }
}

TEST(EventChoices, AnEnableThatPends) {
  std::string told = WithSocket({{kChoiceEnableWithIrp, 2}}, [](TestClient& client, PWSK_SOCKET socket) {
    TestIrp irp("enable", &client.log), odd("odd", &client.log);
    Ask(client, socket, WSK_EVENT_RECEIVE, &irp);
    irp.Wait();
    EXPECT_EQ(irp.completions, 1);
    Ask(client, socket, WSK_EVENT_ACCEPT, &odd);
    Come("a");
  });
  EXPECT_EQ(told, "103; enable completes 0; odd completes c000000d; c000000d; receive(a); receive returns 0");
}

TEST(EventChoices, ASecondDisable) {
  for (uint8_t choice : {0, 1}) {
    std::string told =
        WithSocket({{kChoiceDisableWhileDisabling, choice}}, [](TestClient& client, PWSK_SOCKET socket) {
          TestIrp first("first", &client.log), second("second", &client.log);
          InReceive(client, socket, [&] {
            Ask(client, socket, kDisableReceive, &first);
            Ask(client, socket, kDisableReceive, &second);
            Ask(client, socket, kDisableReceive);
          });
          EXPECT_EQ(first.completions + second.completions, 2);
          Come("b");
        });
    EXPECT_EQ(told, choice == 0 ? "receive(a); 103; 103; 40000013; receive returns 0; first completes 0; "
                                  "second completes 0"
                                : "receive(a); 103; second completes c0000184; c0000184; c0000184; receive "
                                  "returns 0; first completes 0");
  }
}

TEST(EventChoices, ADisableAfterAnEnableIsNoSecondOne) {
  for (uint8_t enable : {0, 1}) {
    const std::vector<std::pair<int, uint8_t>> fixed = {{kChoiceDisableWhileDisabling, 1},
                                                        {kChoiceEnableWhileDisabling, enable}};
    std::string told = WithSocket(fixed, [](TestClient& client, PWSK_SOCKET socket) {
      TestIrp first("first", &client.log), again("again", &client.log);
      InReceive(client, socket, [&] {
        Ask(client, socket, kDisableReceive, &first);
        Ask(client, socket, WSK_EVENT_RECEIVE);
        Ask(client, socket, kDisableReceive, &again);
        Ask(client, socket, kDisableReceive);
      });
      EXPECT_EQ(first.completions + again.completions, 2);
      Come("b");
    });
    EXPECT_EQ(told,
              "receive(a); 103; 0; 103; c0000184; receive returns 0; first completes 0; again completes 0");
  }
}

TEST(EventChoices, AnEnableThatCancelsTheDisable) {
  std::string told =
      WithSocket({{kChoiceEnableWhileDisabling, 3}}, [](TestClient& client, PWSK_SOCKET socket) {
        TestIrp disable("disable", &client.log);
        InReceive(client, socket, [&] {
          Ask(client, socket, kDisableReceive, &disable);
          Ask(client, socket, WSK_EVENT_RECEIVE);
          disable.Wait();
        });
        EXPECT_EQ(disable.completions, 1);
        Come("b");
      });
  EXPECT_EQ(
      told,
      "receive(a); 103; 0; disable completes c0000120; receive returns 0; receive(b); receive returns 0");
}

TEST(EventChoices, AClosePassesOrAwaitsTheDisable) {
  for (uint8_t choice : {0, 1}) {
    std::string told = WithClient({{kChoiceClosePendedDisable, choice}}, [](TestClient& client) {
      PWSK_SOCKET socket = client.Connect(kPeer);
      TestIrp disable("disable", &client.log), close("close", &client.log);
      InReceive(client, socket, [&] {
        client.Control(socket, kDisableReceive, &disable);
        client.Functions(socket)->Basic.WskCloseSocket(socket, close.irp);
        Settle();
      });
      close.Wait();
      EXPECT_EQ(disable.completions, 1);
    });
    EXPECT_EQ(told, choice == 0
                        ? "receive(a); disable completes c0000120; receive returns 0; close completes 0"
                        : "receive(a); receive returns 0; disable completes 0; close completes 0");
  }
}

TEST(EventChoices, EarlyData) {
  for (uint8_t choice : {0, 1}) {
    std::string told = WithSocket({{kChoiceEarlyData, choice}}, [](TestClient& client, PWSK_SOCKET socket) {
      Come("a");
      Ask(client, socket, WSK_EVENT_RECEIVE);
      Settle();
      client.Log("more");
      Come("b");
    });
    EXPECT_EQ(told, choice == 0 ? "0; receive(a); receive returns 0; more; receive(b); receive returns 0"
                                : "0; more; receive(ab); receive returns 0");
  }
}

TEST(EventChoices, EarlyDataBeforeTheEndOfTheConnection) {
  std::string told = WithSocket({{kChoiceEarlyData, 1}}, [](TestClient& client, PWSK_SOCKET socket) {
    Come("a");
    Ask(client, socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
    PeerDisconnect(kPeer);
    Settle();
  });
  EXPECT_EQ(told, "0; receive(a); receive returns 0; disconnect(graceful); disconnect returns");
}

TEST(EventChoices, EarlyDatagrams) {
  std::string told = WithClient({{kChoiceEarlyData, 1}}, [](TestClient& client) {
    PWSK_SOCKET socket = client.DatagramSocket(kPort);
    SendDatagram(kPeer, kPort, "a");
    Settle();
    Ask(client, socket, WSK_EVENT_RECEIVE_FROM);
    Settle();
    client.Log("more");
    SendDatagram(kPeer, kPort, "b");
    Settle();
    client.CloseSocket(socket);
  });
  EXPECT_EQ(told, "0; more; datagrams(a@5); datagrams return 0; datagrams(b@5); datagrams return 0");
}

TEST(EventChoices, EarlyConnections) {
  Options options({{kChoiceEarlyData, 1}});
  WithListener(
      [](ListenClient& client, PWSK_SOCKET listener) {
        client.PeerConnects(kPeer);
        Settle();
        client.Control(listener, WSK_EVENT_ACCEPT);
        Settle();
        EXPECT_TRUE(client.accepted.empty());
        client.PeerConnects(kPeer + 1);
        Settle();
        EXPECT_EQ(client.accepted.size(), 2u);
        client.CloseAccepted();
      },
      options.get());
}

// Two calls of a datagram event overlap; the first of them was in progress when the disable was asked for.
TEST(EventChoices, ADisableWaitsOnlyForTheCallsOfItsTime) {
  for (uint8_t choice : {0, 1, 2}) {
    std::string told = WithClient(
        {{kChoiceCallsWhileDisabling, choice}, {kChoiceOverlappingDatagrams, 1}}, [](TestClient& client) {
          PWSK_SOCKET socket = client.DatagramSocket(kPort);
          KEVENT release[3];
          for (KEVENT& event : release) KeInitializeEvent(&event, NotificationEvent, FALSE);
          client.on_datagrams = [&](PWSK_DATAGRAM_INDICATION) {
            KeWaitForSingleObject(&release[client.datagram_calls - 1], Executive, KernelMode, FALSE, nullptr);
            return STATUS_SUCCESS;
          };
          client.Control(socket, WSK_EVENT_RECEIVE_FROM);
          SendDatagram(kPeer, kPort, "a");
          Settle();
          TestIrp disable("disable", &client.log);
          client.Control(socket, WSK_EVENT_RECEIVE_FROM | WSK_EVENT_DISABLE, &disable);
          SendDatagram(kPeer, kPort, "b");
          Settle();
          client.Log("first");
          KeSetEvent(&release[0], 0, FALSE);
          Settle();
          SendDatagram(kPeer, kPort, "c");
          Settle();
          client.Log("others");
          for (KEVENT& event : release) KeSetEvent(&event, 0, FALSE);
          Settle();
          EXPECT_EQ(disable.completions, 1);
          client.CloseSocket(socket);
        });
    constexpr const char* kTold[] = {
        "datagrams(a@5); first; datagrams return 0; disable completes 0; others",
        "datagrams(a@5); datagrams(b@5); first; datagrams return 0; datagrams(c@5); others; datagrams return "
        "0; datagrams return 0; disable completes 0",
        "datagrams(a@5); datagrams(b@5); first; datagrams return 0; disable completes 0; others; datagrams "
        "return 0"};
    EXPECT_EQ(told, kTold[choice]);
  }
}

TEST(EventChoices, ALateStaticMaskIsForLaterSockets) {
  std::string told = WithClient({{kChoiceStaticLate, 3}}, [](TestClient& client) {
    PWSK_SOCKET before = client.Connect(kPeer);
    client.Log("%x", static_cast<unsigned>(client.SetStaticEvents(WSK_EVENT_RECEIVE)));
    PWSK_SOCKET after = client.Connect(kPeer + 1);
    Come("a");
    Send(kPeer + 1, "b");
    Settle();
    client.CloseSocket(before);
    client.CloseSocket(after);
  });
  EXPECT_EQ(told, "0; receive(b); receive returns 0");
}

TEST(EventChoices, RefusedStaticDatagramsGoToReceives) {
  std::string told = WithClient({{kChoiceStaticRefusal, 2}}, [](TestClient& client) {
    client.SetStaticEvents(WSK_EVENT_RECEIVE_FROM);
    PWSK_SOCKET socket = client.DatagramSocket(kPort);
    client.on_datagrams = [&](PWSK_DATAGRAM_INDICATION) {
      return client.datagram_calls <= 2 ? STATUS_DATA_NOT_ACCEPTED : STATUS_SUCCESS;
    };
    for (const char* text : {"a", "b", "c"}) {
      SendDatagram(kPeer, kPort, text);
      Settle();
    }
    TestBuffer buffer({8});
    TestIrp receive("receive", &client.log);
    TestClient::DatagramFunctions(socket)->WskReceiveFrom(socket, &buffer.buffer, 0, nullptr, nullptr,
                                                          nullptr, nullptr, receive.irp);
    receive.Wait();
    EXPECT_EQ(buffer.Text(receive.information), "a");
    client.CloseSocket(socket);  // one is left
  });
  EXPECT_EQ(told,
            "datagrams(a@5); datagrams return c000021b; datagrams(b@5); datagrams return c000021b; "
            "datagrams(c@5); datagrams return 0; receive completes 0");
}

TEST(EventChoices, InheritingThroughTheFunction) {
  for (uint8_t choice : {0, 1}) {
    Options options({{kChoiceInheritByFunction, choice}});
    std::string told = WithListener(
        [](ListenClient& client, PWSK_SOCKET listener) {
          client.Control(listener, WSK_EVENT_RECEIVE);
          TestIrp accept("accept", &client.log);
          client.Accept(listener, &accept);
          client.PeerConnects(kPeer);
          accept.Wait();
          Come("a");
          client.CloseSocket(reinterpret_cast<PWSK_SOCKET>(accept.information));
        },
        options.get());
    EXPECT_EQ(told.find("receive(a)") != std::string::npos, choice == 1) << told;
  }
}

TEST(EventChoices, DisablingWhatAcceptedSocketsGetWithoutEffect) {
  Options options({{kChoiceDisableInherited, 3}});
  std::string told = WithListener(
      [](ListenClient& client, PWSK_SOCKET listener) {
        client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE);
        TestIrp irp("disable", &client.log);
        EXPECT_EQ(client.Control(listener, kDisableReceive, &irp), STATUS_SUCCESS);
        client.PeerConnects(kPeer);
        Settle();
        Come("a");
        client.CloseAccepted();
      },
      options.get());
  EXPECT_NE(told.find("receive(a)"), std::string::npos) << told;
  EXPECT_NE(told.find("disable completes 0"), std::string::npos) << told;
}

}  // namespace
}  // namespace wskcert::emulator
