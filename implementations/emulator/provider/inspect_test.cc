// Conditional accept: so-conditional-accept.md, nc-wsk-pfn_wsk_inspect_event.md, -abort_event.md and
// -inspect_complete.md, sio-wsk-query-inspect-id.md.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_listener.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kPeer = 5;

std::string WithConditional(const std::function<void(ListenClient&, PWSK_SOCKET)>& function,
                            const RunOptions& options = {}) {
  ListenClient::Options socket;
  socket.conditional = true;
  return WithListener(function, options, socket);
}

// A choice that is fixed, for a run.
struct Fixed {
  Fixed(int kind, uint8_t value) : choices(kChoiceEnd, 0) {
    choices[kind] = value;
    options.fixed_choices = choices.data();
    options.fixed_choice_count = choices.size();
  }
  std::vector<uint8_t> choices;
  RunOptions options;
};

NTSTATUS QueryId(PWSK_SOCKET socket, WSK_INSPECT_ID* id) {
  SIZE_T returned = 0;
  NTSTATUS status = TestClient::Functions(socket)->Basic.WskControlSocket(
      socket, WskIoctl, SIO_WSK_QUERY_INSPECT_ID, 0, 0, nullptr, sizeof *id, id, &returned, nullptr);
  if (NT_SUCCESS(status)) EXPECT_EQ(returned, sizeof *id);
  return status;
}

TEST(Inspect, AcceptedBeforeTheHandshake) {
  std::string told = WithConditional([](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_ACCEPT);
    client.on_accept = [&](PWSK_SOCKET socket) {
      WSK_INSPECT_ID id = {};
      EXPECT_EQ(QueryId(socket, &id), STATUS_SUCCESS);
      EXPECT_EQ(id.Key, client.inspected[0].Key);
      EXPECT_EQ(id.SerialNumber, client.inspected[0].SerialNumber);
      return STATUS_SUCCESS;
    };
    client.PeerConnects(kPeer);
    Settle();
    WSK_INSPECT_ID id = {};
    EXPECT_EQ(QueryId(listener, &id), STATUS_INVALID_DEVICE_REQUEST);
    client.CloseAccepted();
  });
  EXPECT_EQ(
      told,
      "inspect event from 5; inspect event returns 1; peer 5 connected; accept event from 5; accept event "
      "returns 0; peer 5 reset");
}

TEST(Inspect, NoIdWithoutConditionalAccept) {
  WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_ACCEPT);
    client.PeerConnects(kPeer);
    Settle();
    ASSERT_EQ(client.accepted.size(), 1u);
    WSK_INSPECT_ID id = {};
    EXPECT_EQ(QueryId(client.accepted[0], &id), STATUS_INVALID_DEVICE_REQUEST);
    client.CloseAccepted();
  });
}

TEST(Inspect, Rejected) {
  std::string told = WithConditional([](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_ACCEPT);
    client.on_inspect = [](const WSK_INSPECT_ID&) { return WskInspectReject; };
    client.PeerConnects(kPeer);
    Settle();
  });
  EXPECT_EQ(told, "inspect event from 5; inspect event returns 0; peer 5 refused");
}

TEST(Inspect, PendedAndDecidedLater) {
  for (bool accept : {true, false}) {
    std::string told = WithConditional([&](ListenClient& client, PWSK_SOCKET listener) {
      client.on_inspect = [](const WSK_INSPECT_ID&) { return WskInspectPend; };
      TestIrp waiting("accept", &client.log), decide("decide", &client.log), again("again", &client.log);
      client.Accept(listener, &waiting);
      client.PeerConnects(kPeer);
      Settle();
      client.Log("decides");
      client.InspectComplete(client.inspected[0], accept ? WskInspectAccept : WskInspectReject, &decide);
      Settle();
      client.InspectComplete(client.inspected[0], WskInspectAccept, &again);
      Settle();
      if (accept) client.CloseSocket(reinterpret_cast<PWSK_SOCKET>(waiting.information));
      client.CloseListener();
    });
    EXPECT_EQ(told, accept
                        ? "inspect event from 5; inspect event returns 2; decides; peer 5 connected; decide "
                          "completes 0; accept completes 0; again completes c000000d; peer 5 reset"
                        : "inspect event from 5; inspect event returns 2; decides; peer 5 refused; decide "
                          "completes 0; again completes c000000d; accept completes c0000120");
  }
}

TEST(Inspect, GivenUpWhilePended) {
  std::string told = WithConditional([](ListenClient& client, PWSK_SOCKET) {
    client.on_inspect = [](const WSK_INSPECT_ID&) { return WskInspectPend; };
    TestIrp decide("decide", &client.log);
    client.PeerConnects(kPeer);
    Settle();
    EXPECT_TRUE(PeerAbandon(kPeer));
    EXPECT_FALSE(PeerAbandon(kPeer));
    Settle();
    client.InspectComplete(client.inspected[0], WskInspectAccept, &decide);
    Settle();
    client.on_inspect = nullptr;
    client.PeerConnects(kPeer);
    Settle();
  });
  EXPECT_EQ(
      told,
      "inspect event from 5; inspect event returns 2; abort event 1; decide completes c000000d; inspect "
      "event from 5; inspect event returns 1; peer 5 connected; peer 5 reset");
}

TEST(Inspect, GivenUpDuringTheInspection) {
  for (WSK_INSPECT_ACTION action : {WskInspectReject, WskInspectAccept, WskInspectPend}) {
    std::string told = WithConditional([&](ListenClient& client, PWSK_SOCKET) {
      client.on_inspect = [&](const WSK_INSPECT_ID&) {
        EXPECT_TRUE(PeerAbandon(kPeer));
        Settle();
        return action;
      };
      client.PeerConnects(kPeer);
      for (int i = 0; i < 3; ++i) Settle();
    });
    EXPECT_EQ(told.find("abort event 1") != std::string::npos, action != WskInspectReject) << told;
    EXPECT_EQ(told.find("connected"), std::string::npos) << told;
  }
}

TEST(Inspect, DecidedBeforeTheCallbackReturned) {
  for (uint8_t refused : {0, 1}) {
    Fixed fixed(kChoiceEarlyInspectComplete, refused);
    std::string told = WithConditional(
        [](ListenClient& client, PWSK_SOCKET) {
          TestIrp decide("decide", &client.log);
          client.on_inspect = [&](const WSK_INSPECT_ID& id) {
            client.InspectComplete(id, WskInspectAccept, &decide);
            return WskInspectPend;
          };
          client.PeerConnects(kPeer);
          Settle();
          client.CloseListener();
        },
        fixed.options);
    EXPECT_EQ(told.find("peer 5 connected") != std::string::npos, refused == 0) << told;
    EXPECT_NE(told.find(refused ? "decide completes c0000184" : "decide completes 0"), std::string::npos)
        << told;
  }
}

TEST(Inspect, AbortAfterRejectionIsAChoice) {
  Fixed fixed(kChoiceAbortAfterReject, 1);
  std::string told = WithConditional(
      [](ListenClient& client, PWSK_SOCKET) {
        client.on_inspect = [](const WSK_INSPECT_ID&) { return WskInspectPend; };
        TestIrp decide("decide", &client.log);
        client.PeerConnects(kPeer);
        Settle();
        client.InspectComplete(client.inspected[0], WskInspectReject, &decide);
        Settle();
      },
      fixed.options);
  EXPECT_EQ(
      told,
      "inspect event from 5; inspect event returns 2; decide completes 0; abort event 1; peer 5 refused");
}

TEST(Inspect, TheCloseRefusesWhatIsPended) {
  std::string told = WithConditional([](ListenClient& client, PWSK_SOCKET) {
    client.on_inspect = [](const WSK_INSPECT_ID&) { return WskInspectPend; };
    client.PeerConnects(kPeer);
    client.PeerConnects(kPeer + 1);
    Settle();
    client.CloseListener();
    Settle();
  });
  EXPECT_EQ(
      told,
      "inspect event from 5; inspect event returns 2; inspect event from 6; inspect event returns 2; peer "
      "5 refused; peer 6 refused");
}

TEST(Inspect, BreakingTellsBothEvents) {
  for (uint8_t how : {0, 1, 2}) {
    Fixed fixed(kChoiceBrokenListener, how);
    std::string told = WithConditional(
        [](ListenClient& client, PWSK_SOCKET listener) {
          client.Control(listener, WSK_EVENT_ACCEPT);
          client.on_inspect = [](const WSK_INSPECT_ID&) { return WskInspectPend; };
          client.PeerConnects(kPeer);
          Settle();
          NetworkBreakListener(&client.port);
          Settle();
          TestIrp decide("decide", &client.log);
          client.InspectComplete(client.inspected[0], WskInspectAccept, &decide);
          decide.Wait();
        },
        fixed.options);
    EXPECT_EQ(told.find("accept event NULL") != std::string::npos, how != 2) << told;
    EXPECT_EQ(told.find("inspect event NULL") != std::string::npos, how != 1) << told;
    EXPECT_NE(told.find("peer 5 refused"), std::string::npos) << told;
    EXPECT_NE(told.find("decide completes c00000b6"), std::string::npos) << told;
  }
}

TEST(Inspect, AbortsWhenTheListenerBreaksAreAChoice) {
  Fixed fixed(kChoiceAbortOnBreak, 1);
  std::string told = WithConditional(
      [](ListenClient& client, PWSK_SOCKET) {
        client.on_inspect = [](const WSK_INSPECT_ID&) { return WskInspectPend; };
        client.PeerConnects(kPeer);
        client.PeerConnects(kPeer + 1);
        Settle();
        NetworkBreakListener(&client.port);
        Settle();
        EXPECT_EQ(client.aborted.size(), 2u);
      },
      fixed.options);
  EXPECT_NE(told.find("peer 6 refused"), std::string::npos) << told;
}

TEST(Inspect, TheOption) {
  WithConditional([](ListenClient& client, PWSK_SOCKET listener) {
    auto get = [&](PWSK_SOCKET socket, ULONG* value) {
      TestIrp irp("get", &client.log);
      auto* functions = static_cast<const WSK_PROVIDER_BASIC_DISPATCH*>(socket->Dispatch);
      functions->WskControlSocket(socket, WskGetOption, SO_CONDITIONAL_ACCEPT, SOL_SOCKET, 0, nullptr,
                                  sizeof *value, value, nullptr, irp.irp);
      return irp.Wait();
    };
    ULONG value = 7;
    EXPECT_EQ(get(listener, &value), STATUS_SUCCESS);
    EXPECT_EQ(value, 1u);
    EXPECT_EQ(client.SetConditional(listener, 0), STATUS_INVALID_DEVICE_STATE);
    PWSK_SOCKET other = client.Socket(WSK_FLAG_LISTEN_SOCKET);
    EXPECT_EQ(get(other, &value), STATUS_SUCCESS);
    EXPECT_EQ(value, 0u);
    EXPECT_EQ(client.SetConditional(other, 2), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(client.SetConditional(other, 1), STATUS_SUCCESS);
    EXPECT_EQ(client.SetConditional(other, 0), STATUS_SUCCESS);
    EXPECT_EQ(get(other, &value), STATUS_SUCCESS);
    EXPECT_EQ(value, 0u);
    // Nothing but the accept event can be enabled or disabled by its flag.
    EXPECT_EQ(client.Control(listener, WSK_EVENT_RECEIVE_FROM), STATUS_INVALID_PARAMETER);
    client.CloseSocket(other);
  });
}

TEST(Inspect, CompleteWithWhatItDoesNotKnow) {
  std::string told = WithConditional([](ListenClient& client, PWSK_SOCKET) {
    TestIrp unknown("unknown", &client.log), action("action", &client.log);
    client.InspectComplete({1, 1}, WskInspectAccept, &unknown);
    unknown.Wait();
    client.on_inspect = [](const WSK_INSPECT_ID&) { return WskInspectPend; };
    client.PeerConnects(kPeer);
    Settle();
    client.InspectComplete(client.inspected[0], WskInspectPend, &action);
    action.Wait();
  });
  EXPECT_EQ(told,
            "unknown completes c000000d; inspect event from 5; inspect event returns 2; action completes "
            "c000000d; peer 5 refused");
}

TEST(Inspect, ATransportWithoutConditionalAccept) {
  Fixed without(kChoiceConditionalUnsupported, 1);
  WithListener(
      [](ListenClient& client, PWSK_SOCKET) {
        PWSK_SOCKET other = client.Socket(WSK_FLAG_LISTEN_SOCKET);
        EXPECT_EQ(client.SetConditional(other, 1), STATUS_NOT_SUPPORTED);
        EXPECT_EQ(client.SetConditional(other, 0), STATUS_SUCCESS);
        client.CloseSocket(other);
      },
      without.options);
}

TEST(Inspect, WithoutAFunctionForIt) {
  for (uint8_t how : {0, 1}) {
    Fixed fixed(kChoiceConditionalWithoutInspect, how);
    std::string told = WithListener(
        [](ListenClient& client, PWSK_SOCKET) {
          client.listen_dispatch.WskInspectEvent = nullptr;
          PWSK_SOCKET listener = client.Socket(WSK_FLAG_LISTEN_SOCKET);
          EXPECT_EQ(client.SetConditional(listener, 1), STATUS_SUCCESS);
          SOCKADDR_INET local = WildcardAddress(81);
          TestIrp bind("bind", &client.log);
          client.Bind(listener, &bind, &local);
          bind.Wait();
          PeerConnect(kPeer, &local);
          Settle();
          client.CloseSocket(listener);
        },
        fixed.options);
    EXPECT_EQ(told, how == 0 ? "bind completes 0; peer 5 refused"
                             : "bind completes 0; peer 5 connected; peer 5 reset");
  }
}

TEST(Inspect, DroppedByOurSideAfterIt) {
  Fixed fixed(kChoiceHandshakeFails, 1);
  std::string told = WithConditional(
      [](ListenClient& client, PWSK_SOCKET listener) {
        client.Control(listener, WSK_EVENT_ACCEPT);
        client.PeerConnects(kPeer);
        Settle();
        ASSERT_EQ(client.aborted.size(), 1u);
        EXPECT_EQ(client.aborted[0].SerialNumber, client.inspected[0].SerialNumber);
        client.on_inspect = [](const WSK_INSPECT_ID&) { return WskInspectPend; };
        client.PeerConnects(kPeer + 1);
        Settle();
        TestIrp complete("complete", &client.log);
        client.InspectComplete(client.inspected[1], WskInspectAccept, &complete);
        EXPECT_EQ(complete.Wait(), STATUS_SUCCESS);
        Settle();
        EXPECT_EQ(client.aborted.size(), 2u);
        EXPECT_TRUE(client.accepted.empty());
      },
      fixed.options);
  EXPECT_EQ(
      told,
      "inspect event from 5; inspect event returns 1; abort event 1; peer 5 refused; inspect event from "
      "6; inspect event returns 2; complete completes 0; abort event 2; peer 6 refused");
}

TEST(Inspect, AbortsAreToldBeforeACloseCompletes) {
  for (uint8_t how : {0, 1}) {
    Fixed fixed(kChoiceAbortOnClose, how);
    std::string told = WithConditional(
        [](ListenClient& client, PWSK_SOCKET listener) {
          client.on_inspect = [](const WSK_INSPECT_ID&) { return WskInspectPend; };
          client.PeerConnects(kPeer);
          client.PeerConnects(kPeer + 1);
          Settle();
          TestIrp close("close", &client.log);
          TestClient::Functions(listener)->Basic.WskCloseSocket(listener, close.irp);
          close.Wait();
          client.listener = nullptr;
        },
        fixed.options);
    EXPECT_EQ(told.substr(told.find("inspect event returns 2; abort") == std::string::npos
                              ? told.rfind("peer 5 refused")
                              : told.find("abort event 1")),
              how == 0 ? "peer 5 refused; peer 6 refused; close completes 0"
                       : "abort event 1; abort event 2; close completes 0; peer 5 refused; peer 6 refused");
  }
}

}  // namespace
}  // namespace wskcert::emulator
