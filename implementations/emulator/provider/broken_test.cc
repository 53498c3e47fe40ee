// Sockets that stop functioning: what pends ends with STATUS_FILE_FORCED_CLOSED, and so does whatever is
// called afterwards, but for the close and the release of lists.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_connection.h"
#include "implementations/emulator/provider/test_listener.h"

namespace wskcert::emulator {
namespace {

using Call = std::function<NTSTATUS(PIRP)>;

// Makes a call; what it returned and what the IRP was completed with must be the same.
void ExpectForcedClosed(TestClient& client, const char* what, const Call& call) {
  std::vector<std::string> ignored;
  TestIrp irp(what, &ignored);
  EXPECT_EQ(call(irp.irp), STATUS_FILE_FORCED_CLOSED) << what;
  EXPECT_EQ(irp.completions, 1) << what;
  EXPECT_EQ(irp.status, STATUS_FILE_FORCED_CLOSED) << what;
  EXPECT_EQ(irp.information, 0u) << what;
}

// What every socket has.
void ExpectControlsForcedClosed(TestClient& client, PWSK_SOCKET socket) {
  auto* functions = static_cast<const WSK_PROVIDER_BASIC_DISPATCH*>(socket->Dispatch);
  UCHAR output[16];
  ULONG value = 1;
  ExpectForcedClosed(client, "an option", [&](PIRP irp) {
    return functions->WskControlSocket(socket, WskSetOption, SO_RCVBUF, SOL_SOCKET, sizeof value, &value, 0,
                                       nullptr, nullptr, irp);
  });
  constexpr ULONG kCodes[] = {
      static_cast<ULONG>(SIO_WSK_QUERY_IDEAL_SEND_BACKLOG), static_cast<ULONG>(SIO_WSK_QUERY_RECEIVE_BACKLOG),
      static_cast<ULONG>(SIO_WSK_QUERY_INSPECT_ID), static_cast<ULONG>(SIO_WSK_SET_TCP_SILENT_MODE),
      static_cast<ULONG>(SIO_WSK_SET_REMOTE_ADDRESS)};
  for (ULONG code : kCodes) {
    ExpectForcedClosed(client, "an ioctl", [&](PIRP irp) {
      return functions->WskControlSocket(socket, WskIoctl, code, 0, 0, nullptr, sizeof output, output,
                                         nullptr, irp);
    });
  }
}

TEST(Broken, EveryFunctionOfAConnection) {
  WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    TestBuffer buffer({8});
    SOCKADDR_INET address = {};
    auto* sockaddr = reinterpret_cast<PSOCKADDR>(&address);
    auto* functions = TestClient::Functions(socket);
    NetworkBreakSocketOfPeer(kTestPeer);
    Settle();
    address.si_family = AF_INET;
    ExpectForcedClosed(client, "WskBind",
                       [&](PIRP irp) { return functions->WskBind(socket, sockaddr, 0, irp); });
    ExpectForcedClosed(client, "WskConnect",
                       [&](PIRP irp) { return functions->WskConnect(socket, sockaddr, 0, irp); });
    ExpectForcedClosed(client, "WskConnectEx",
                       [&](PIRP irp) { return functions->WskConnectEx(socket, sockaddr, nullptr, 0, irp); });
    ExpectForcedClosed(client, "WskGetLocalAddress",
                       [&](PIRP irp) { return functions->WskGetLocalAddress(socket, sockaddr, irp); });
    ExpectForcedClosed(client, "WskGetRemoteAddress",
                       [&](PIRP irp) { return functions->WskGetRemoteAddress(socket, sockaddr, irp); });
    ExpectForcedClosed(client, "WskSend",
                       [&](PIRP irp) { return functions->WskSend(socket, &buffer.buffer, 0, irp); });
    ExpectForcedClosed(client, "WskReceive",
                       [&](PIRP irp) { return functions->WskReceive(socket, &buffer.buffer, 0, irp); });
    for (ULONG flags : {0u, static_cast<ULONG>(WSK_FLAG_ABORTIVE)}) {
      ExpectForcedClosed(client, "WskDisconnect",
                         [&](PIRP irp) { return functions->WskDisconnect(socket, nullptr, flags, irp); });
    }
    EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE), STATUS_FILE_FORCED_CLOSED);
    EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE), STATUS_FILE_FORCED_CLOSED);
    ExpectControlsForcedClosed(client, socket);
  });
}

TEST(Broken, WhatPendsOnAConnectionAndNoOtherIndication) {
  std::string told = WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT | WSK_EVENT_SEND_BACKLOG);
    PeerStopAcknowledging(kTestPeer, true);
    TestIrp receive("receive", &client.log);
    TestIrp all("all", &client.log);
    TestIrp send("send", &client.log);
    TestIrp graceful("graceful", &client.log);
    TestBuffer buffer({8}, 0, 'z');
    WskReceiveInto(socket, &buffer, &receive);
    WskReceiveInto(socket, &buffer, &all, WSK_FLAG_WAITALL);
    WskSendFrom(socket, &buffer, &send);
    WskDisconnectBy(socket, &graceful);
    Settle();
    NetworkBreakSocketOfPeer(kTestPeer);
    Settle();
    EXPECT_FALSE(PeerReset(kTestPeer));
    Settle();
    for (TestIrp* irp : {&receive, &all, &send, &graceful}) {
      EXPECT_EQ(irp->completions, 1);
      EXPECT_EQ(irp->status, STATUS_FILE_FORCED_CLOSED);
    }
  });
  EXPECT_EQ(told.find("disconnect("), std::string::npos) << told;
  EXPECT_NE(told.find("receive NULL"), std::string::npos) << told;
}

TEST(Broken, RetainedListsAreReleasedBeforeTheClose) {
  std::string told = WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    PWSK_DATA_INDICATION kept = nullptr;
    client.on_receive = [&](PWSK_DATA_INDICATION list, SIZE_T, SIZE_T*) {
      kept = list;
      return STATUS_PENDING;
    };
    client.Control(socket, WSK_EVENT_RECEIVE);
    Send(kTestPeer, "abc");
    Settle();
    NetworkBreakSocketOfPeer(kTestPeer);
    Settle();
    ASSERT_NE(kept, nullptr);
    EXPECT_EQ(TextOf(kept), "abc");
    EXPECT_EQ(TestClient::Functions(socket)->WskRelease(socket, kept), STATUS_SUCCESS);
    EXPECT_EQ(TestClient::Functions(socket)->WskRelease(socket, nullptr), STATUS_INVALID_PARAMETER);
  });
  EXPECT_EQ(told, "receive(abc); receive returns 103; receive NULL");
}

TEST(Broken, TheNullIndicationWaitsForTheEventToBeEnabledNoLonger) {
  // Enabled too late, there is nothing to tell: the enable says so.
  std::string told = WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    NetworkBreakSocketOfPeer(kTestPeer);
    Settle();
    EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE), STATUS_FILE_FORCED_CLOSED);
    Settle();
  });
  EXPECT_EQ(told, "");
}

TEST(Broken, EveryFunctionOfAListener) {
  ListenClient::Options conditional;
  conditional.conditional = true;
  for (const ListenClient::Options& options : {ListenClient::Options(), conditional}) {
    WithListener(
        [](ListenClient& client, PWSK_SOCKET listener) {
          auto* functions = static_cast<const WSK_PROVIDER_LISTEN_DISPATCH*>(listener->Dispatch);
          TestIrp accept("accept", &client.log);
          client.Accept(listener, &accept);
          NetworkBreakListener(&client.port);
          Settle();
          EXPECT_EQ(accept.status, STATUS_FILE_FORCED_CLOSED);
          SOCKADDR_INET address = client.port;
          auto* sockaddr = reinterpret_cast<PSOCKADDR>(&address);
          ExpectForcedClosed(client, "WskBind",
                             [&](PIRP irp) { return functions->WskBind(listener, sockaddr, 0, irp); });
          ExpectForcedClosed(client, "WskAccept", [&](PIRP irp) {
            return functions->WskAccept(listener, 0, nullptr, nullptr, nullptr, nullptr, irp);
          });
          WSK_INSPECT_ID id = {};
          ExpectForcedClosed(client, "WskInspectComplete", [&](PIRP irp) {
            return functions->WskInspectComplete(listener, &id, WskInspectAccept, irp);
          });
          ExpectForcedClosed(client, "WskGetLocalAddress", [&](PIRP irp) {
            return functions->WskGetLocalAddress(listener, sockaddr, irp);
          });
          EXPECT_EQ(client.Control(listener, WSK_EVENT_ACCEPT), STATUS_FILE_FORCED_CLOSED);
          ExpectControlsForcedClosed(client, listener);
        },
        {}, options);
  }
}

TEST(Broken, AcceptedConnectionsOutliveTheirListener) {
  std::string told = WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_ACCEPT);
    client.PeerConnects(kTestPeer);
    Settle();
    NetworkBreakListener(&client.port);
    Settle();
    ASSERT_EQ(client.accepted.size(), 1u);
    TestIrp receive("receive", &client.log);
    TestBuffer buffer({8});
    WskReceiveInto(client.accepted[0], &buffer, &receive);
    Send(kTestPeer, "abc");
    EXPECT_EQ(receive.Wait(), STATUS_SUCCESS);
    EXPECT_EQ(buffer.Text(receive.information), "abc");
    client.CloseAccepted();
  });
}

TEST(Broken, EveryFunctionOfADatagramSocket) {
  WithConnection([](TestClient& client, PWSK_SOCKET) {
    PWSK_SOCKET socket = client.DatagramSocket(71);
    ASSERT_NE(socket, nullptr);
    auto* functions = TestClient::DatagramFunctions(socket);
    TestBuffer buffer({8});
    TestIrp waiting("waiting", &client.log);
    functions->WskReceiveFrom(socket, &buffer.buffer, 0, nullptr, nullptr, nullptr, nullptr, waiting.irp);
    SOCKADDR_INET address = WildcardAddress(71);
    auto* sockaddr = reinterpret_cast<PSOCKADDR>(&address);
    NetworkBreakDatagramSocket(&address);
    Settle();
    EXPECT_EQ(waiting.status, STATUS_FILE_FORCED_CLOSED);
    ExpectForcedClosed(client, "WskBind",
                       [&](PIRP irp) { return functions->WskBind(socket, sockaddr, 0, irp); });
    ExpectForcedClosed(client, "WskSendTo", [&](PIRP irp) {
      return functions->WskSendTo(socket, &buffer.buffer, 0, sockaddr, 0, nullptr, irp);
    });
    WSK_BUF_LIST list = {nullptr, buffer.buffer};
    ExpectForcedClosed(client, "WskSendMessages", [&](PIRP irp) {
      return functions->WskSendMessages(socket, &list, 0, sockaddr, 0, nullptr, irp);
    });
    ExpectForcedClosed(client, "WskReceiveFrom", [&](PIRP irp) {
      return functions->WskReceiveFrom(socket, &buffer.buffer, 0, nullptr, nullptr, nullptr, nullptr, irp);
    });
    ExpectForcedClosed(client, "WskGetLocalAddress",
                       [&](PIRP irp) { return functions->WskGetLocalAddress(socket, sockaddr, irp); });
    ExpectControlsForcedClosed(client, socket);
    client.CloseSocket(socket);
  });
}

// ---- What functions there are for which socket

TEST(Queries, OnEveryKindOfSocket) {
  WithListener([](ListenClient& client, PWSK_SOCKET listener) {
    client.Control(listener, WSK_EVENT_ACCEPT);
    client.PeerConnects(kTestPeer);
    Settle();
    ASSERT_EQ(client.accepted.size(), 1u);
    PWSK_SOCKET basic = static_cast<TestClient&>(client).Socket(WSK_FLAG_BASIC_SOCKET);
    PWSK_SOCKET unconnected = static_cast<TestClient&>(client).Socket(WSK_FLAG_CONNECTION_SOCKET);
    PWSK_SOCKET datagrams = client.DatagramSocket(71);
    struct {
      PWSK_SOCKET socket;
      NTSTATUS backlog;
    } kinds[] = {{basic, STATUS_NOT_SUPPORTED},
                 {datagrams, STATUS_NOT_SUPPORTED},
                 {listener, STATUS_INVALID_DEVICE_STATE},
                 {unconnected, STATUS_INVALID_DEVICE_STATE},
                 {client.accepted[0], STATUS_SUCCESS}};
    for (const auto& kind : kinds) {
      auto* functions = static_cast<const WSK_PROVIDER_BASIC_DISPATCH*>(kind.socket->Dispatch);
      SIZE_T value = 0;
      WSK_INSPECT_ID id = {};
      SIZE_T returned = 99;
      for (ULONG code : {SIO_WSK_QUERY_IDEAL_SEND_BACKLOG, SIO_WSK_QUERY_RECEIVE_BACKLOG}) {
        TestIrp irp("query", &client.log);
        functions->WskControlSocket(kind.socket, WskIoctl, code, 0, 0, nullptr, sizeof value, &value, nullptr,
                                    irp.irp);
        EXPECT_EQ(irp.Wait(), kind.backlog);
        EXPECT_EQ(irp.information, NT_SUCCESS(kind.backlog) ? sizeof value : 0u);
        // The pages ask for an IRP.
        EXPECT_EQ(functions->WskControlSocket(kind.socket, WskIoctl, code, 0, 0, nullptr, sizeof value,
                                              &value, &returned, nullptr),
                  STATUS_REQUEST_NOT_ACCEPTED);
      }
      EXPECT_EQ(functions->WskControlSocket(kind.socket, WskIoctl, SIO_WSK_QUERY_INSPECT_ID, 0, 0, nullptr,
                                            sizeof id, &id, &returned, nullptr),
                STATUS_INVALID_DEVICE_REQUEST);
      EXPECT_EQ(returned, 0u);
    }
    for (PWSK_SOCKET socket : {basic, unconnected, datagrams}) client.CloseSocket(socket);
    client.CloseAccepted();
  });
}

TEST(Queries, TheReceiveBacklogIsWhatWaits) {
  WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    const auto backlog = [&] {
      SIZE_T value = 99;
      TestIrp irp("query", &client.log);
      TestClient::Functions(socket)->Basic.WskControlSocket(socket, WskIoctl, SIO_WSK_QUERY_RECEIVE_BACKLOG,
                                                            0, 0, nullptr, sizeof value, &value, nullptr,
                                                            irp.irp);
      EXPECT_EQ(irp.Wait(), STATUS_SUCCESS);
      return value;
    };
    EXPECT_EQ(backlog(), 0u);
    Send(kTestPeer, "abcdef");
    Settle();
    EXPECT_EQ(backlog(), 6u);
    TestIrp receive("receive", &client.log);
    TestBuffer buffer({4});
    WskReceiveInto(socket, &buffer, &receive);
    Settle();
    EXPECT_EQ(backlog(), 2u);
  });
}

TEST(ReceiveEvent, ThePushBitIsTold) {
  for (bool push : {false, true}) {
    ULONG seen = 99;
    static ULONG* flags_seen;
    flags_seen = &seen;
    WithConnection([&](TestClient& client, PWSK_SOCKET socket) {
      client.dispatch.WskReceiveEvent = [](PVOID, ULONG flags, PWSK_DATA_INDICATION, SIZE_T,
                                           SIZE_T*) -> NTSTATUS {
        *flags_seen = flags;
        return STATUS_SUCCESS;
      };
      client.Control(socket, WSK_EVENT_RECEIVE);
      Send(kTestPeer, std::string(4000, 'x'), push);
      Settle();
    });
    EXPECT_EQ(seen, push ? static_cast<ULONG>(WSK_FLAG_ENTIRE_MESSAGE) : 0u);
  }
}

TEST(Disconnect, HalfClosedByUsThePeerGoesOn) {
  std::string told = WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
    TestIrp graceful("graceful", &client.log);
    WskDisconnectBy(socket, &graceful);
    graceful.Wait();
    Send(kTestPeer, "abc");
    Settle();
    PeerDisconnect(kTestPeer);
    Settle();
  });
  EXPECT_EQ(
      told,
      "graceful completes 0; receive(abc); receive returns 0; disconnect(graceful); disconnect returns");
  EXPECT_EQ(PeersSaw(), " connected  fin ");
}

TEST(Disconnect, HalfClosedByThePeerWeGoOn) {
  std::string told = WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    client.Control(socket, WSK_EVENT_DISCONNECT);
    PeerDisconnect(kTestPeer);
    Settle();
    TestIrp send("send", &client.log);
    TestIrp graceful("graceful", &client.log);
    TestBuffer buffer({4}, 0, 'z');
    WskSendFrom(socket, &buffer, &send);
    WskDisconnectBy(socket, &graceful);
    graceful.Wait();
  });
  EXPECT_EQ(told, "disconnect(graceful); disconnect returns; send completes 0; graceful completes 0");
  EXPECT_EQ(PeersSaw(), " connected <zzzz> fin ");
}

TEST(Zero, LengthSendsAndDisconnectsNeedNoMdl) {
  std::string told = WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    TestIrp send("send", &client.log);
    TestIrp graceful("graceful", &client.log);
    WSK_BUF none = {};
    TestClient::Functions(socket)->WskSend(socket, &none, 0, send.irp);
    EXPECT_EQ(send.Wait(), STATUS_SUCCESS);
    EXPECT_EQ(send.information, 0u);
    TestClient::Functions(socket)->WskDisconnect(socket, &none, 0, graceful.irp);
    graceful.Wait();
  });
  EXPECT_EQ(told, "send completes 0; graceful completes 0");
  EXPECT_EQ(PeersSaw(), " connected  fin  reset ");
}

}  // namespace
}  // namespace wskcert::emulator
