// Enabling and disabling event callbacks, as so-wsk-event-callback.md and
// enabling-and-disabling-event-callback-functions.md describe it.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_client.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kPeer = 3;

// Plays with a client and a socket connected with kPeer; afterwards everything must be given back.
template <typename Function>
std::string WithSocket(Function function, const RunOptions& options = {}) {
  EmulatorReset();
  TestClient client;
  RunReport report = Play(
      [&] {
        if (!client.Open()) return;
        PWSK_SOCKET socket = client.Connect(kPeer);
        if (socket == nullptr) return;
        function(client, socket);
        client.CloseSocket(socket);
        client.Close();
      },
      options);
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u) << report.leaks.first;
  return client.Told();
}

TEST(Events, DisabledAtFirst) {
  std::string told = WithSocket([](TestClient&, PWSK_SOCKET) {
    Send(kPeer, "abc");
    PeerSetIdealBacklog(kPeer, 7);
    PeerDisconnect(kPeer);
    Settle();
  });
  EXPECT_EQ(told, "");
}

TEST(Events, ListingEnablesDisconnectAndReceive) {
  NTSTATUS enabled = STATUS_PENDING;
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    enabled = client.Control(socket, WSK_EVENT_DISCONNECT | WSK_EVENT_RECEIVE);
    Send(kPeer, "abc");
    PeerDisconnect(kPeer);
    Settle();
  });
  EXPECT_EQ(enabled, STATUS_SUCCESS);
  EXPECT_EQ(told, "receive(abc); receive returns 0; disconnect(graceful); disconnect returns");
}

TEST(Events, ListingDisablesDisconnectWithIrp) {
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_DISCONNECT | WSK_EVENT_RECEIVE);
    TestIrp irp("disable", &client.log);
    client.Log("returns %x",
               static_cast<unsigned>(client.Control(socket, WSK_EVENT_DISCONNECT | WSK_EVENT_DISABLE, &irp)));
    Send(kPeer, "abc");
    PeerDisconnect(kPeer);
    Settle();
  });
  EXPECT_EQ(told, "disable completes 0; returns 0; receive(abc); receive returns 0");
}

TEST(Events, IdleDisableWithoutIrpSucceeds) {
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_RECEIVE);
    client.Log("returns %x",
               static_cast<unsigned>(client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE)));
    Send(kPeer, "abc");
    Settle();
    client.Log("again");
    client.Control(socket, WSK_EVENT_RECEIVE);
    Settle();
  });
  EXPECT_EQ(told, "returns 0; again; receive(abc); receive returns 0");
}

TEST(Events, DisableFromInsideWithIrpCompletesAfterTheReturn) {
  TestIrp* irp = nullptr;
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    irp = new TestIrp("disable", &client.log);
    client.on_receive = [&, socket](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) {
      client.Log("%x",
                 static_cast<unsigned>(client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE, irp)));
      return STATUS_SUCCESS;
    };
    client.Control(socket, WSK_EVENT_RECEIVE);
    Send(kPeer, "abc");
    irp->Wait();
    Send(kPeer, "def");
    Settle();
    delete irp;
  });
  EXPECT_EQ(told, "receive(abc); 103; receive returns 0; disable completes 0");
}

TEST(Events, DisableFromInsideWithoutIrpIsEventPending) {
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    client.on_receive = [&, socket](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) {
      client.Log("%x", static_cast<unsigned>(client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE)));
      return STATUS_SUCCESS;
    };
    client.Control(socket, WSK_EVENT_RECEIVE);
    Send(kPeer, "abc");
    Settle();
    Send(kPeer, "def");
    Settle();
  });
  EXPECT_EQ(told, "receive(abc); 40000013; receive returns 0");
}

// Holds the receive callback until `release` is set.
void Hold(TestClient& client, KEVENT* held, KEVENT* release) {
  KeInitializeEvent(held, NotificationEvent, FALSE);
  KeInitializeEvent(release, NotificationEvent, FALSE);
  client.on_receive = [held, release](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) {
    KeSetEvent(held, 0, FALSE);
    KeWaitForSingleObject(release, Executive, KernelMode, FALSE, nullptr);
    return STATUS_SUCCESS;
  };
}

TEST(Events, HeldCallbackKeepsBothDisablesPending) {
  KEVENT held, release;
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    Hold(client, &held, &release);
    client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
    Send(kPeer, "abc");
    KeWaitForSingleObject(&held, Executive, KernelMode, FALSE, nullptr);
    TestIrp first("first", &client.log);
    TestIrp second("second", &client.log);
    TestIrp other("other", &client.log);
    client.Log("%x",
               static_cast<unsigned>(client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE, &first)));
    client.Log("%x", static_cast<unsigned>(client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE)));
    client.Log("%x",
               static_cast<unsigned>(client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE, &second)));
    // Another event has no call in progress.
    client.Log("%x", static_cast<unsigned>(
                         client.Control(socket, WSK_EVENT_DISCONNECT | WSK_EVENT_DISABLE, &other)));
    Send(kPeer, "def");
    KeSetEvent(&release, 0, FALSE);
    first.Wait();
    second.Wait();
    Settle();
  });
  EXPECT_EQ(told,
            "receive(abc); 103; 40000013; 103; other completes 0; 0; receive returns 0; first completes 0; "
            "second completes 0");
}

TEST(Events, CloseWaitsForTheCallbackAndCancelsItsDisable) {
  KEVENT held, release;
  EmulatorReset();
  TestClient client;
  RunReport report = Play([&] {
    ASSERT_TRUE(client.Open());
    PWSK_SOCKET socket = client.Connect(kPeer);
    Hold(client, &held, &release);
    client.Control(socket, WSK_EVENT_RECEIVE);
    Send(kPeer, "abc");
    KeWaitForSingleObject(&held, Executive, KernelMode, FALSE, nullptr);
    TestIrp disable("disable", &client.log);
    TestIrp close("close", &client.log);
    client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE, &disable);
    client.Log("%x",
               static_cast<unsigned>(client.Functions(socket)->Basic.WskCloseSocket(socket, close.irp)));
    Settle();
    client.Log("release");
    KeSetEvent(&release, 0, FALSE);
    close.Wait();
    client.Close();
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_EQ(client.Told(),
            "receive(abc); 103; disable completes c0000120; release; receive returns 0; close completes 0");
}

TEST(Events, CloseFromInsideTheCallback) {
  EmulatorReset();
  TestClient client;
  RunReport report = Play([&] {
    ASSERT_TRUE(client.Open());
    PWSK_SOCKET socket = client.Connect(kPeer);
    TestIrp close("close", &client.log);
    client.on_receive = [&](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) {
      client.Log("%x",
                 static_cast<unsigned>(client.Functions(socket)->Basic.WskCloseSocket(socket, close.irp)));
      return STATUS_SUCCESS;
    };
    client.Control(socket, WSK_EVENT_RECEIVE);
    Send(kPeer, "abc");
    close.Wait();
    client.Close();
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_EQ(client.Told(), "receive(abc); 103; receive returns 0; close completes 0");
}

TEST(Events, CancelledDisableIsDisabledAllTheSame) {
  KEVENT held, release;
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    Hold(client, &held, &release);
    client.Control(socket, WSK_EVENT_RECEIVE);
    Send(kPeer, "abc");
    KeWaitForSingleObject(&held, Executive, KernelMode, FALSE, nullptr);
    TestIrp disable("disable", &client.log);
    client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE, &disable);
    IoCancelIrp(disable.irp);
    Send(kPeer, "def");
    KeSetEvent(&release, 0, FALSE);
    Settle();
    EXPECT_EQ(disable.completions, 1);
  });
  EXPECT_EQ(told, "receive(abc); disable completes c0000120; receive returns 0");
}

TEST(Events, EnableWhileDisablingTakesEffectAfterwards) {
  KEVENT held, release;
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    Hold(client, &held, &release);
    client.Control(socket, WSK_EVENT_RECEIVE);
    Send(kPeer, "abc");
    KeWaitForSingleObject(&held, Executive, KernelMode, FALSE, nullptr);
    TestIrp disable("disable", &client.log);
    client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE, &disable);
    client.Log("%x", static_cast<unsigned>(client.Control(socket, WSK_EVENT_RECEIVE)));
    Send(kPeer, "def");
    KeSetEvent(&release, 0, FALSE);
    Settle();
  });
  EXPECT_EQ(told, "receive(abc); 0; receive returns 0; disable completes 0; receive(def); receive returns 0");
}

TEST(Events, RefusedMasks) {
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    constexpr ULONG kMasks[] = {0, WSK_EVENT_DISABLE, WSK_EVENT_ACCEPT,
                                WSK_EVENT_RECEIVE | WSK_EVENT_RECEIVE_FROM,
                                WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT | WSK_EVENT_DISABLE};
    for (ULONG mask : kMasks) {
      client.Log("%x", static_cast<unsigned>(client.Control(socket, mask)));
    }
    PWSK_SOCKET unbound = client.Socket();
    client.Log("%x", static_cast<unsigned>(client.Control(unbound, WSK_EVENT_RECEIVE)));
    client.CloseSocket(unbound);
  });
  EXPECT_EQ(told, "c000000d; c000000d; c000000d; c000000d; c000000d; c0000184");
}

TEST(Events, AFailingControlCompletesItsIrp) {
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    TestIrp irp("control", &client.log);
    client.Control(socket, WSK_EVENT_ACCEPT | WSK_EVENT_DISABLE, &irp);
    EXPECT_EQ(irp.completions, 1);
  });
  EXPECT_EQ(told, "control completes c000000d");
}

TEST(Events, BacklogAndAbortiveDisconnect) {
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_SEND_BACKLOG | WSK_EVENT_DISCONNECT);
    PeerSetIdealBacklog(kPeer, 4096);
    Settle();
    PeerReset(kPeer);
    Settle();
  });
  EXPECT_EQ(told, "backlog(4096); disconnect(abortive); disconnect returns");
}

TEST(Events, BrokenSocketIndicatesNull) {
  std::string told = WithSocket([&](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
    NetworkBreakSocketOfPeer(kPeer);
    Settle();
    client.Log("%x", static_cast<unsigned>(client.Control(socket, WSK_EVENT_SEND_BACKLOG)));
  });
  EXPECT_EQ(told, "receive NULL; c00000b6");
}

TEST(Events, StaticEventsNeedNoEnableAndCannotBeDisabled) {
  EmulatorReset();
  TestClient client;
  RunReport report = Play([&] {
    ASSERT_TRUE(client.Open());
    NPIID id = NPI_WSK_INTERFACE_ID;
    WSK_EVENT_CALLBACK_CONTROL control = {&id, WSK_EVENT_RECEIVE | WSK_EVENT_RECEIVE_FROM};
    auto set = [&] {
      return client.npi.Dispatch->WskControlClient(client.npi.Client, WSK_SET_STATIC_EVENT_CALLBACKS,
                                                   sizeof control, &control, 0, nullptr, nullptr, nullptr);
    };
    client.Log("%x", static_cast<unsigned>(set()));
    PWSK_SOCKET socket = client.Connect(kPeer);
    client.Log("%x", static_cast<unsigned>(set()));
    client.Log("%x", static_cast<unsigned>(client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE)));
    Send(kPeer, "abc");
    Settle();
    client.CloseSocket(socket);
    client.Close();
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_EQ(client.Told(), "0; c0000184; c0000010; receive(abc); receive returns 0");
}

}  // namespace
}  // namespace wskcert::emulator
