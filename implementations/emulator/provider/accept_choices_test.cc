// The readings of accepting that choices.h names, and misuse of listening sockets.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_listener.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kPeer = 5;

using Body = std::function<void(ListenClient&, PWSK_SOCKET)>;

// The log of a run with some choices fixed, as {kind, value}, and all others 0.
std::string With(const std::vector<std::pair<int, uint8_t>>& fixed, const Body& body,
                 const ListenClient::Options& socket = {}) {
  std::vector<uint8_t> choices(kChoiceEnd, 0);
  for (const auto& [kind, value] : fixed) choices[kind] = value;
  RunOptions options;
  options.fixed_choices = choices.data();
  options.fixed_choice_count = choices.size();
  return WithListener(body, options, socket);
}

std::string With(int kind, uint8_t value, const Body& body, const ListenClient::Options& socket = {}) {
  return With({{kind, value}}, body, socket);
}

bool Has(const std::string& told, const char* what) { return told.find(what) != std::string::npos; }

TEST(AcceptChoices, CallsOfASerialEventWhileItIsBeingDisabled) {
  for (uint8_t going : {0, 1}) {
    std::string told =
        With(kChoiceCallsWhileDisabling, going, [](ListenClient& client, PWSK_SOCKET listener) {
          client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE);
          client.PeerConnects(kPeer);
          Settle();
          TestIrp disable("disable", &client.log);
          client.on_receive = [&](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) {
            if (client.receives > 1) return STATUS_SUCCESS;
            client.Control(client.accepted[0], WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE, &disable);
            Send(kPeer, "more");
            Settle();
            return STATUS_SUCCESS;
          };
          Send(kPeer, "abc");
          for (int i = 0; i < 3; ++i) Settle();
          client.CloseAccepted();
        });
    EXPECT_EQ(Has(told, "receive(more); receive returns 0; disable completes 0"), going == 1) << told;
    EXPECT_EQ(Has(told, "receive(more)"), going == 1) << told;
  }
}

TEST(AcceptChoices, EnablingWhileDisabling) {
  for (uint8_t how : {0, 1, 2}) {
    std::string told = With(kChoiceEnableWhileDisabling, how, [](ListenClient& client, PWSK_SOCKET listener) {
      client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE);
      client.PeerConnects(kPeer);
      Settle();
      TestIrp disable("disable", &client.log);
      client.on_receive = [&](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) {
        if (client.receives > 1) return STATUS_SUCCESS;
        client.Control(client.accepted[0], WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE, &disable);
        client.Log("enable %x", client.Control(client.accepted[0], WSK_EVENT_RECEIVE));
        Send(kPeer, "more");
        Settle();
        return STATUS_SUCCESS;
      };
      Send(kPeer, "abc");
      for (int i = 0; i < 3; ++i) Settle();
      client.CloseAccepted();
    });
    EXPECT_EQ(Has(told, "enable c0000184"), how == 2) << told;
    EXPECT_EQ(Has(told, "disable completes 0; receive(more)"), how == 0) << told;
    EXPECT_EQ(Has(told, "receive(more); receive returns 0; disable completes 0"), how == 1) << told;
  }
}

TEST(AcceptChoices, ADisableInsideAcceptLastsOrNot) {
  for (uint8_t late : {0, 1}) {
    std::string told = With(kChoiceInheritMoment, late, [](ListenClient& client, PWSK_SOCKET listener) {
      client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE);
      client.on_accept = [&](PWSK_SOCKET socket) {
        client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE);
        return STATUS_SUCCESS;
      };
      client.PeerConnects(kPeer);
      Settle();
      Send(kPeer, "abc");
      Settle();
      client.CloseAccepted();
    });
    EXPECT_EQ(Has(told, "receive(abc)"), late == 1) << told;
  }
}

// To another thread the call may be over.
TEST(AcceptChoices, ADisableBesideAcceptLasts) {
  for (uint8_t late : {0, 1}) {
    for (uint8_t odd : {0, 1}) {
      std::string told =
          With({{kChoiceInheritMoment, late}, {kChoiceDisableDisabled, odd}},
               [](ListenClient& client, PWSK_SOCKET listener) {
                 client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE);
                 client.on_accept = [&](PWSK_SOCKET socket) {
                   TestThread other([&] {
                     client.Log("disable %x", client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE));
                   });
                   return STATUS_SUCCESS;
                 };
                 client.PeerConnects(kPeer);
                 Settle();
                 Send(kPeer, "abc");
                 Settle();
                 client.CloseAccepted();
               });
      EXPECT_TRUE(Has(told, "disable 0")) << told;
      EXPECT_FALSE(Has(told, "receive(abc)")) << told;
    }
  }
}

TEST(AcceptChoices, ADisconnectBesideAcceptIsTold) {
  for (uint8_t late : {0, 1}) {
    std::string told = With({{kChoiceInheritMoment, late}, {kChoiceLateDisconnect, 1}},
                            [](ListenClient& client, PWSK_SOCKET listener) {
                              client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_DISCONNECT);
                              client.on_accept = [&](PWSK_SOCKET) {
                                PeerDisconnect(kPeer);
                                Settle();
                                return STATUS_SUCCESS;
                              };
                              client.PeerConnects(kPeer);
                              for (int i = 0; i < 3; ++i) Settle();
                              client.CloseAccepted();
                            });
    EXPECT_TRUE(Has(told, "accept event returns 0; disconnect")) << told;
  }
}

TEST(AcceptChoices, WhatAcceptEnablesBeginsAtOnceOrLater) {
  for (uint8_t late : {0, 1}) {
    std::string told = With(kChoiceEnabledInAccept, late, [](ListenClient& client, PWSK_SOCKET listener) {
      client.Control(listener, WSK_EVENT_ACCEPT);
      client.on_accept = [&](PWSK_SOCKET socket) {
        client.Control(socket, WSK_EVENT_RECEIVE);
        Send(kPeer, "abc");
        Settle();
        return STATUS_SUCCESS;
      };
      client.PeerConnects(kPeer);
      for (int i = 0; i < 3; ++i) Settle();
      client.CloseAccepted();
    });
    EXPECT_EQ(Has(told, "receive(abc); receive returns 0; accept event returns 0"), late == 0) << told;
    EXPECT_EQ(Has(told, "accept event returns 0; receive(abc)"), late == 1) << told;
  }
}

TEST(AcceptChoices, StaticEventsOnSocketsFromWskAccept) {
  ListenClient::Options socket;
  socket.static_events = WSK_EVENT_RECEIVE;
  for (uint8_t not_static : {0, 1}) {
    std::string told = With(
        kChoiceStaticOnAccepted, not_static,
        [](ListenClient& client, PWSK_SOCKET listener) {
          TestIrp accept("accept", &client.log);
          client.Accept(listener, &accept);
          client.PeerConnects(kPeer);
          Send(kPeer, "abc");
          Settle();
          Send(kPeer, "abc");
          Settle();
          client.CloseSocket(reinterpret_cast<PWSK_SOCKET>(accept.information));
        },
        socket);
    EXPECT_EQ(Has(told, "accept completes 0; receive(abc)"), not_static == 0) << told;
    EXPECT_EQ(Has(told, "receive(abc)"), not_static == 0) << told;
  }
}

TEST(AcceptChoices, ResetWhileItWaits) {
  for (uint8_t forgotten : {0, 1}) {
    std::string told =
        With(kChoiceResetBeforeAccept, forgotten, [](ListenClient& client, PWSK_SOCKET listener) {
          client.PeerConnects(kPeer);
          Settle();
          EXPECT_TRUE(PeerReset(kPeer));
          Settle();
          client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_DISCONNECT);
          Settle();
          client.CloseAccepted();
        });
    EXPECT_EQ(Has(told, "accept event returns 0; disconnect(abortive)"), forgotten == 0) << told;
    EXPECT_EQ(Has(told, "accept event"), forgotten == 0) << told;
  }
}

TEST(AcceptChoices, RefusalsHaveTheirStatus) {
  constexpr const char* kAnswers[] = {"disable c000000d", "disable c0000010", "disable c00000bb"};
  for (uint8_t how : {0, 1, 2}) {
    std::string told = With(kChoiceDisableInherited, how, [](ListenClient& client, PWSK_SOCKET listener) {
      client.Control(listener, WSK_EVENT_RECEIVE);
      client.Log("disable %x", client.Control(listener, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE));
    });
    EXPECT_EQ(told, kAnswers[how]);
  }
  ListenClient::Options socket;
  socket.static_events = WSK_EVENT_RECEIVE;
  for (uint8_t how : {0, 1}) {
    std::string told = With(
        kChoiceInheritStatic, how,
        [](ListenClient& client, PWSK_SOCKET listener) {
          client.Log("enable %x", client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE));
        },
        socket);
    EXPECT_EQ(told, how == 0 ? "enable 0" : "enable c0000010");
  }
}

TEST(AcceptChoices, CompletingTheInspectionOfWhatIsGone) {
  ListenClient::Options socket;
  socket.conditional = true;
  for (uint8_t success : {0, 1}) {
    std::string told = With(
        kChoiceInspectCompleteGone, success,
        [](ListenClient& client, PWSK_SOCKET) {
          client.on_inspect = [](const WSK_INSPECT_ID&) { return WskInspectPend; };
          client.PeerConnects(kPeer);
          Settle();
          PeerAbandon(kPeer);
          Settle();
          TestIrp decide("decide", &client.log), unknown("unknown", &client.log);
          client.InspectComplete(client.inspected[0], WskInspectAccept, &decide);
          client.InspectComplete({77, 77}, WskInspectAccept, &unknown);
          Settle();
        },
        socket);
    EXPECT_EQ(Has(told, "decide completes 0"), success == 1) << told;
    EXPECT_TRUE(Has(told, "unknown completes c000000d")) << told;
    EXPECT_FALSE(Has(told, "connected")) << told;
  }
}

TEST(AcceptChoices, AStreamSocketThatFailedToConnect) {
  for (uint8_t committed : {0, 1}) {
    std::string told = With(kChoiceStreamCommit, committed, [](ListenClient& client, PWSK_SOCKET) {
      PWSK_SOCKET stream = client.Socket(WSK_FLAG_STREAM_SOCKET);
      auto* functions = static_cast<const WSK_PROVIDER_STREAM_DISPATCH*>(stream->Dispatch);
      TestIrp bind("bind", &client.log), connect("connect", &client.log), listen("listen", &client.log);
      SOCKADDR_INET address = {};
      address.si_family = AF_INET;
      client.Bind(stream, &bind, &address);
      bind.Wait();
      PeerSetConnectPolicy(kPeer, ConnectPolicy::kRefuse);
      PeerAddress(kPeer, false, &address);
      functions->WskConnect(stream, reinterpret_cast<PSOCKADDR>(&address), 0, connect.irp);
      connect.Wait();
      functions->WskListen(stream, listen.irp);
      listen.Wait();
      client.CloseSocket(stream);
    });
    EXPECT_EQ(Has(told, "listen completes 0"), committed == 0) << told;
    EXPECT_EQ(Has(told, "listen completes c0000184"), committed == 1) << told;
  }
}

// ---- Misuse

std::string MisuseOf(const Body& body) {
  EmulatorReset();
  ListenClient client;
  RunReport report = Play([&] {
    if (!client.Open() || !client.Listen({})) return;
    body(client, client.listener);
  });
  return report.ending == Ending::kBugCheck ? report.bug_check.message : "no bug check";
}

TEST(AcceptChoices, TheEventWinsTheRaceWithAccept) {
  for (uint8_t how : {0, 1}) {
    std::string told = With(kChoiceAcceptRace, how, [&](ListenClient& client, PWSK_SOCKET listener) {
      client.PeerConnects(kPeer);
      Settle();
      // The call is queued and has not begun when the request comes.
      client.Control(listener, WSK_EVENT_ACCEPT);
      TestIrp accept("accept", &client.log);
      EXPECT_EQ(client.Accept(listener, &accept), how == 0 ? STATUS_SUCCESS : STATUS_PENDING);
      Settle();
      EXPECT_EQ(client.accepted.size(), how);
      // Later connections go to the request.
      client.PeerConnects(kPeer + 1);
      Settle();
      EXPECT_EQ(accept.status, STATUS_SUCCESS);
      client.CloseAccepted();
      client.CloseSocket(reinterpret_cast<PWSK_SOCKET>(accept.information));
    });
    EXPECT_EQ(Has(told, "accept event from 5"), how == 1) << told;
    EXPECT_EQ(Has(told, "accept event from 6"), how == 0) << told;
  }
}

TEST(AcceptChoices, RoomForOneConnection) {
  std::string told = With(kChoiceListenBacklog, 1, [](ListenClient& client, PWSK_SOCKET) {
    client.PeerConnects(kPeer);
    client.PeerConnects(kPeer + 1);
    Settle();
  });
  EXPECT_EQ(told, "peer 5 connected; peer 6 refused; peer 5 reset");
}

TEST(AcceptChoices, TheListenerBreaksInsteadOfTelling) {
  std::string told = With(kChoiceSpontaneousBreak, 1, [](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_ACCEPT);
    client.PeerConnects(kPeer);
    Settle();
    TestIrp accept("accept", &client.log);
    EXPECT_EQ(client.Accept(listener, &accept), STATUS_FILE_FORCED_CLOSED);
    client.PeerConnects(kPeer);
    Settle();
  });
  EXPECT_EQ(told.substr(0, 70), "peer 5 connected; accept event NULL; peer 5 reset; accept completes c0");
  EXPECT_TRUE(Has(told, "peer 5 refused")) << told;
}

TEST(AcceptChoices, NullIndicationsOfAListener) {
  for (uint8_t how : {0, 1, 2}) {
    std::string told = With(kChoiceNullIndication, how, [](ListenClient& client, PWSK_SOCKET listener) {
      client.Control(listener, WSK_EVENT_ACCEPT);
      NetworkBreakListener(&client.port);
      Settle();
      TestIrp accept("accept", &client.log);
      EXPECT_EQ(client.Accept(listener, &accept), STATUS_FILE_FORCED_CLOSED);
    });
    size_t first = told.find("accept event NULL");
    EXPECT_EQ(first != std::string::npos, how != 1) << told;
    if (how != 1) {
      EXPECT_EQ(told.find("accept event NULL", first + 1) != std::string::npos, how == 2) << told;
    }
  }
}

TEST(ListenMisuse, IsNamed) {
  EXPECT_TRUE(Has(MisuseOf([](ListenClient& client, PWSK_SOCKET listener) {
                    client.on_accept = [](PWSK_SOCKET) { return STATUS_PENDING; };
                    client.Control(listener, WSK_EVENT_ACCEPT);
                    client.PeerConnects(kPeer);
                    Settle();
                  }),
                  "a status that the page does not list"));
  // Kept until the run is over: it does not complete.
  TestIrp* close = nullptr;
  EXPECT_TRUE(Has(MisuseOf([&](ListenClient& client, PWSK_SOCKET listener) {
                    client.on_accept = [&](PWSK_SOCKET socket) {
                      close = new TestIrp("close", &client.log);
                      TestClient::Functions(socket)->Basic.WskCloseSocket(socket, close->irp);
                      return STATUS_REQUEST_NOT_ACCEPTED;
                    };
                    client.Control(listener, WSK_EVENT_ACCEPT);
                    client.PeerConnects(kPeer);
                    Settle();
                  }),
                  "closed the accepted socket and then refused it"));
  close->irp = nullptr;
  delete close;
  EXPECT_TRUE(Has(MisuseOf([](ListenClient& client, PWSK_SOCKET listener) {
                    PWSK_SOCKET refused = nullptr;
                    client.on_accept = [&](PWSK_SOCKET socket) {
                      refused = socket;
                      return STATUS_REQUEST_NOT_ACCEPTED;
                    };
                    client.Control(listener, WSK_EVENT_ACCEPT);
                    client.PeerConnects(kPeer);
                    Settle();
                    client.Control(refused, WSK_EVENT_RECEIVE);
                  }),
                  "after WskCloseSocket was called"));
}

}  // namespace
}  // namespace wskcert::emulator
