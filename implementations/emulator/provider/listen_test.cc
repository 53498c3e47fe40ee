// Listening sockets: binding, WskAccept, WskAcceptEvent, inheritance and stream sockets.
#include <gtest/gtest.h>

#include <memory>

#include "implementations/emulator/provider/test_listener.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kPeer = 5;

TEST(Listen, AcceptThatWaitsGetsTheConnection) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    TestIrp accept("accept", &client.log);
    SOCKADDR_INET local = {}, remote = {};
    client.Log("returns %x", client.Accept(listener, &accept, &local, &remote));
    Settle();
    client.Log("peer");
    client.PeerConnects(kPeer);
    Settle();
    EXPECT_EQ(PeerOfAddress(&remote), kPeer);
    EXPECT_EQ(local.Ipv4.sin_port, client.port.Ipv4.sin_port);
    auto* accepted = reinterpret_cast<PWSK_SOCKET>(accept.information);
    client.Control(accepted, WSK_EVENT_RECEIVE);
    Send(kPeer, "abc");
    Settle();
    client.CloseSocket(accepted);
    Settle();
  });
  EXPECT_EQ(
      told,
      "returns 103; peer; peer 5 connected; accept completes 0; receive(abc); receive returns 0; peer 5 "
      "reset");
}

TEST(Listen, ConnectionThatWaitsIsAcceptedAtOnce) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    client.PeerConnects(kPeer);
    Settle();
    Send(kPeer, "early");
    Settle();
    TestIrp accept("accept", &client.log);
    client.Log("returns %x", client.Accept(listener, &accept));
    auto* accepted = reinterpret_cast<PWSK_SOCKET>(accept.information);
    client.Control(accepted, WSK_EVENT_RECEIVE);
    Settle();
    client.CloseSocket(accepted);
  });
  EXPECT_EQ(
      told,
      "peer 5 connected; accept completes 0; returns 0; receive(early); receive returns 0; peer 5 reset");
}

TEST(Listen, AcceptsAreServedInOrderAndCancelledByTheClose) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    auto first = std::make_unique<TestIrp>("first", &client.log);
    auto second = std::make_unique<TestIrp>("second", &client.log);
    auto third = std::make_unique<TestIrp>("third", &client.log);
    client.Accept(listener, first.get());
    client.Accept(listener, second.get());
    client.Accept(listener, third.get());
    IoCancelIrp(first->irp);
    client.PeerConnects(kPeer);
    Settle();
    client.CloseSocket(reinterpret_cast<PWSK_SOCKET>(second->information));
    client.CloseListener();
    EXPECT_EQ(third->information, 0u);
  });
  EXPECT_EQ(told,
            "first completes c0000120; peer 5 connected; second completes 0; peer 5 reset; third completes "
            "c0000120");
}

TEST(Listen, NobodyListensOrTheListenerIsClosed) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET) {
    SOCKADDR_INET other = client.port;
    other.Ipv4.sin_port ^= 0x100;
    EXPECT_TRUE(PeerConnect(kPeer, &other));
    EXPECT_FALSE(PeerConnect(kPeer, &other));
    Settle();
    client.PeerConnects(kPeer);
    Settle();
    client.CloseListener();
    Settle();
    client.PeerConnects(kPeer);
    Settle();
  });
  EXPECT_EQ(told, "peer 5 refused; peer 5 connected; peer 5 reset; peer 5 refused");
}

TEST(Listen, BindTwiceAndWithoutBinding) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET) {
    PWSK_SOCKET other = client.Socket(WSK_FLAG_LISTEN_SOCKET);
    TestIrp early("early", &client.log), bind("bind", &client.log), again("again", &client.log);
    client.Accept(other, &early);
    early.Wait();
    client.Log("enable %x", client.Control(other, WSK_EVENT_ACCEPT));
    client.Bind(other, &bind, &client.port);
    bind.Wait();
    SOCKADDR_INET any = {};
    any.si_family = AF_INET;
    client.Bind(other, &again, &any);
    again.Wait();
    client.Log("enable %x", client.Control(other, WSK_EVENT_ACCEPT));
    client.CloseSocket(other);
  });
  EXPECT_EQ(
      told,
      "early completes c0000184; enable c0000184; bind completes c000020a; again completes 0; enable 0");
}

TEST(Listen, OverUdpItCannotBeBound) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET) {
    PWSK_SOCKET udp = client.Socket(WSK_FLAG_LISTEN_SOCKET, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    ASSERT_NE(udp, nullptr);
    TestIrp bind("bind", &client.log);
    client.Bind(udp, &bind, &client.port);
    bind.Wait();
    client.CloseSocket(udp);
  });
  EXPECT_EQ(told, "bind completes c0000002");
}

TEST(AcceptEvent, InheritedCallbacksBeginAfterItReturned) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
    client.on_accept = [&](PWSK_SOCKET) {
      Send(kPeer, "abc");
      PeerDisconnect(kPeer);
      Yield(kChoiceWait);
      return STATUS_SUCCESS;
    };
    client.PeerConnects(kPeer);
    Settle();
    client.CloseAccepted();
  });
  EXPECT_EQ(told,
            "peer 5 connected; accept event from 5; accept event returns 0; receive(abc); receive returns 0; "
            "disconnect(graceful); disconnect returns; peer 5 reset");
}

TEST(AcceptEvent, NothingIsInheritedThroughWskAccept) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_RECEIVE);
    client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_DISCONNECT);
    TestIrp accept("accept", &client.log);
    client.Accept(listener, &accept);
    client.PeerConnects(kPeer);
    Settle();
    Send(kPeer, "abc");
    Settle();
    client.CloseSocket(reinterpret_cast<PWSK_SOCKET>(accept.information));
  });
  EXPECT_EQ(told, "peer 5 connected; accept completes 0; peer 5 reset");
}

TEST(AcceptEvent, InheritanceSurvivesDisablingAndCannotBeDisabled) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE);
    client.Log("receive %x", client.Control(listener, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE));
    client.Log("accept %x", client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_DISABLE));
    client.PeerConnects(kPeer);
    Settle();
    client.Log("again");
    client.Control(listener, WSK_EVENT_ACCEPT);
    Settle();
    Send(kPeer, "abc");
    Settle();
    client.CloseAccepted();
  });
  EXPECT_EQ(
      told,
      "receive c000000d; accept 0; peer 5 connected; again; accept event from 5; accept event returns 0; "
      "receive(abc); receive returns 0; peer 5 reset");
}

TEST(AcceptEvent, RefusedIsClosed) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE);
    client.on_accept = [&](PWSK_SOCKET) { return STATUS_REQUEST_NOT_ACCEPTED; };
    client.PeerConnects(kPeer);
    Settle();
  });
  EXPECT_EQ(told, "peer 5 connected; accept event from 5; accept event returns c00000d0; peer 5 reset");
}

TEST(AcceptEvent, TheAcceptedSocketCanBeUsedInside) {
  auto buffer = std::unique_ptr<TestBuffer>();
  auto irp = std::unique_ptr<TestIrp>();
  std::string told = WithListener([&](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_ACCEPT);
    client.on_accept = [&](PWSK_SOCKET accepted) {
      buffer = std::make_unique<TestBuffer>(std::vector<SIZE_T>{3}, 0, 'x');
      irp = std::make_unique<TestIrp>("send", &client.log);
      client.Log("enable %x", client.Control(accepted, WSK_EVENT_RECEIVE));
      TestClient::Functions(accepted)->WskSend(accepted, &buffer->buffer, 0, irp->irp);
      return STATUS_SUCCESS;
    };
    client.PeerConnects(kPeer);
    Settle();
    Send(kPeer, "abc");
    Settle();
    client.CloseAccepted();
    irp.reset();
    buffer.reset();
  });
  EXPECT_EQ(told,
            "peer 5 connected; accept event from 5; enable 0; accept event returns 0; peer 5 sees xxx; send "
            "completes 0; receive(abc); receive returns 0; peer 5 reset");
}

TEST(AcceptEvent, DisablingWhileACallIsInProgress) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    TestIrp disable("disable", &client.log);
    client.Control(listener, WSK_EVENT_ACCEPT);
    client.on_accept = [&](PWSK_SOCKET) {
      client.Log("returns %x", client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_DISABLE, &disable));
      client.Log("returns %x", client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_DISABLE));
      return STATUS_SUCCESS;
    };
    client.PeerConnects(kPeer);
    client.PeerConnects(kPeer + 1);
    Settle();
    client.CloseAccepted();
  });
  EXPECT_EQ(told,
            "peer 5 connected; peer 6 connected; accept event from 5; returns 103; returns 40000013; accept "
            "event returns 0; disable completes 0; peer 5 reset; peer 6 reset");
}

// A choice that is fixed, for a run.
struct Fixed {
  explicit Fixed(std::vector<std::pair<int, uint8_t>> values) : choices(kChoiceEnd, 0) {
    for (auto [kind, value] : values) choices[kind] = value;
    options.fixed_choices = choices.data();
    options.fixed_choice_count = choices.size();
  }
  std::vector<uint8_t> choices;
  RunOptions options;
};

TEST(AcceptEvent, CallsMayOverlapIfTheChoiceSaysSo) {
  for (uint8_t overlapping : {0, 1}) {
    Fixed fixed({{kChoiceOverlappingCalls, overlapping}});
    int most = 0;
    WithListener(
        [&](ListenClient& client, PWSK_SOCKET listener) {
          client.Control(listener, WSK_EVENT_ACCEPT);
          int running = 0;
          client.on_accept = [&](PWSK_SOCKET) {
            if (++running > most) most = running;
            Settle();
            --running;
            return STATUS_SUCCESS;
          };
          client.PeerConnects(kPeer);
          client.PeerConnects(kPeer + 1);
          for (int i = 0; i < 4; ++i) Settle();
          client.CloseAccepted();
        },
        fixed.options);
    EXPECT_EQ(most, overlapping ? 2 : 1);
  }
}

TEST(AcceptEvent, CallsWhileDisablingIfTheChoiceSaysSo) {
  for (uint8_t going : {0, 1}) {
    Fixed fixed({{kChoiceCallsWhileDisabling, going}});
    std::string told = WithListener(
        [&](ListenClient& client, PWSK_SOCKET listener) {
          client.Control(listener, WSK_EVENT_ACCEPT);
          TestIrp disable("disable", &client.log);
          bool first = true;
          client.on_accept = [&](PWSK_SOCKET) {
            if (first) {
              first = false;
              Settle();
              client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_DISABLE, &disable);
            }
            return STATUS_SUCCESS;
          };
          client.PeerConnects(kPeer);
          client.PeerConnects(kPeer + 1);
          for (int i = 0; i < 4; ++i) Settle();
          client.CloseAccepted();
        },
        fixed.options);
    EXPECT_EQ(told.find("accept event from 6") != std::string::npos, going == 1) << told;
    if (going == 1) EXPECT_LT(told.find("accept event from 6"), told.find("disable completes 0"));
  }
}

TEST(AcceptEvent, ABrokenListenerTellsOnce) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_ACCEPT);
    EXPECT_TRUE(NetworkBreakListener(&client.port));
    Settle();
    TestIrp accept("accept", &client.log);
    client.Accept(listener, &accept);
    accept.Wait();
    client.Log("enable %x", client.Control(listener, WSK_EVENT_RECEIVE));
    client.PeerConnects(kPeer);
    Settle();
  });
  EXPECT_EQ(told, "accept event NULL; accept completes c00000b6; enable c00000b6; peer 5 refused");
}

TEST(AcceptEvent, StaticCallbacks) {
  ListenClient::Options options;
  options.static_events = WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE;
  std::string told = WithListener(
      [](ListenClient& client, PWSK_SOCKET listener) {
        client.PeerConnects(kPeer);
        Settle();
        Send(kPeer, "abc");
        Settle();
        client.Log("disable %x", client.Control(listener, WSK_EVENT_ACCEPT | WSK_EVENT_DISABLE));
        client.CloseAccepted();
      },
      {}, options);
  EXPECT_EQ(told,
            "peer 5 connected; accept event from 5; accept event returns 0; receive(abc); receive returns 0; "
            "disable c0000010; peer 5 reset");
}

TEST(Listen, Ipv6TakesIpv4InDualMode) {
  for (ULONG only : {1, 0}) {
    ListenClient::Options options;
    options.family = AF_INET6;
    options.v6_only = only;
    std::string told = WithListener(
        [](ListenClient& client, PWSK_SOCKET listener) {
          client.Control(listener, WSK_EVENT_ACCEPT);
          SOCKADDR_INET four = {};
          four.Ipv4.sin_family = AF_INET;
          four.Ipv4.sin_port = client.port.Ipv6.sin6_port;
          EXPECT_TRUE(PeerConnect(kPeer, &four));
          EXPECT_TRUE(PeerConnect(kPeer + 1, &client.port));
          Settle();
          client.CloseAccepted();
        },
        {}, options);
    if (only) {
      EXPECT_EQ(
          told,
          "peer 5 refused; peer 6 connected; accept event from 6; accept event returns 0; peer 6 reset");
    } else {
      EXPECT_NE(told.find("accept event from 5"), std::string::npos) << told;
      EXPECT_NE(told.find("accept event from 6"), std::string::npos) << told;
    }
  }
}

TEST(Stream, ListensAndThenCannotConnect) {
  ListenClient::Options options;
  options.category = WSK_FLAG_STREAM_SOCKET;
  std::string told = WithListener(
      [](ListenClient& client, PWSK_SOCKET stream) {
        auto* functions = static_cast<const WSK_PROVIDER_STREAM_DISPATCH*>(stream->Dispatch);
        client.Control(stream, WSK_EVENT_ACCEPT);
        TestIrp connect("connect", &client.log);
        SOCKADDR_INET peer;
        PeerAddress(kPeer, false, &peer);
        functions->WskConnect(stream, reinterpret_cast<PSOCKADDR>(&peer), 0, connect.irp);
        connect.Wait();
        client.PeerConnects(kPeer);
        Settle();
        client.CloseAccepted();
      },
      {}, options);
  EXPECT_EQ(
      told,
      "connect completes c0000184; peer 5 connected; accept event from 5; accept event returns 0; peer 5 "
      "reset");
}

TEST(Stream, ConnectsAndThenCannotListen) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET) {
    PWSK_SOCKET stream = client.Socket(WSK_FLAG_STREAM_SOCKET);
    auto* functions = static_cast<const WSK_PROVIDER_STREAM_DISPATCH*>(stream->Dispatch);
    TestIrp bind("bind", &client.log), connect("connect", &client.log), listen("listen", &client.log);
    SOCKADDR_INET address = {};
    address.si_family = AF_INET;
    client.Bind(stream, &bind, &address);
    bind.Wait();
    client.Log("enable %x", client.Control(stream, WSK_EVENT_RECEIVE));
    PeerAddress(kPeer, false, &address);
    functions->WskConnect(stream, reinterpret_cast<PSOCKADDR>(&address), 0, connect.irp);
    connect.Wait();
    functions->WskListen(stream, listen.irp);
    listen.Wait();
    client.Log("enable %x", client.Control(stream, WSK_EVENT_RECEIVE));
    client.Log("enable %x", client.Control(stream, WSK_EVENT_ACCEPT));
    Send(kPeer, "abc");
    Settle();
    client.CloseSocket(stream);
  });
  EXPECT_EQ(told,
            "bind completes 0; enable c0000184; peer 5 connected; connect completes 0; listen completes "
            "c0000184; enable 0; enable c000000d; receive(abc); receive returns 0; peer 5 reset");
}

}  // namespace
}  // namespace wskcert::emulator
