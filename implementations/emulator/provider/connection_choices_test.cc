// What transports and readings leave open on a connection, each way that choices.h names.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_connection.h"

namespace wskcert::emulator {
namespace {

bool Has(const std::string& told, const char* what) { return told.find(what) != std::string::npos; }

TEST(ConnectionChoices, TransportFlags) {
  for (uint8_t how : {0, 1}) {
    std::string told = WithConnection(
        [](TestClient& client, PWSK_SOCKET socket) {
          TestIrp all("all", &client.log);
          TestIrp drain("drain", &client.log);
          TestIrp send("send", &client.log);
          TestBuffer buffer({4});
          WSK_BUF none = {};
          WskReceiveInto(socket, &buffer, &all, WSK_FLAG_WAITALL);
          TestClient::Functions(socket)->WskReceive(socket, &none, WSK_FLAG_DRAIN, drain.irp);
          WskSendFrom(socket, &buffer, &send, WSK_FLAG_NODELAY);
          PeerDisconnect(kTestPeer);
          Settle();
          EXPECT_EQ(all.completions + drain.completions + send.completions, 3);
        },
        {{kChoiceTransportFlags, how}});
    EXPECT_EQ(told, how == 0 ? "send completes 0; all completes 0; drain completes 0"
                             : "all completes c00000bb; drain completes c00000bb; send completes c00000bb");
  }
}

TEST(ConnectionChoices, TransportGivesUpWithoutAcknowledgements) {
  for (uint8_t how : {0, 1, 2}) {
    std::string told = WithConnection(
        [](TestClient& client, PWSK_SOCKET socket) {
          client.Control(socket, WSK_EVENT_DISCONNECT | WSK_EVENT_RECEIVE);
          PeerStopAcknowledging(kTestPeer, true);
          TestIrp graceful("graceful", &client.log);
          TestBuffer buffer({4}, 0, 'z');
          WskDisconnectBy(socket, &graceful, 0, &buffer);
          Settle();
          client.Log("quiet");
          client.CloseSocket(socket);
        },
        {{kChoiceAcknowledgementTimeout, how}}, false);
    constexpr const char* kTold[] = {
        "quiet; graceful completes c0000120",
        "graceful completes c00000b5; disconnect(abortive); disconnect returns; quiet",
        "graceful completes c00000b6; receive NULL; quiet"};
    EXPECT_EQ(told, kTold[how]);
    EXPECT_EQ(PeersSaw(), " connected <zzzz> reset ");
  }
}

TEST(ConnectionChoices, BacklogGrowsWithAcknowledgedSends) {
  std::string told = WithConnection(
      [](TestClient& client, PWSK_SOCKET socket) {
        client.Control(socket, WSK_EVENT_SEND_BACKLOG);
        TestIrp send("send", &client.log);
        TestBuffer buffer({4}, 0, 'z');
        WskSendFrom(socket, &buffer, &send);
        Settle();
      },
      {{kChoiceBacklogGrows, 1}});
  EXPECT_EQ(told, "send completes 0; backlog(66996)");
}

TEST(ConnectionChoices, ABacklogThatChangedWhileItsEventWasDisabled) {
  for (uint8_t how : {0, 1}) {
    std::string told = WithConnection(
        [](TestClient& client, PWSK_SOCKET socket) {
          PeerSetIdealBacklog(kTestPeer, 1000);
          PeerSetIdealBacklog(kTestPeer, 2000);
          Settle();
          client.Control(socket, WSK_EVENT_SEND_BACKLOG);
          Settle();
        },
        {{kChoiceLateBacklog, how}});
    EXPECT_EQ(told, how == 0 ? "" : "backlog(2000)");
  }
}

TEST(ConnectionChoices, TheEventWinsTheRaceWithAReceive) {
  for (uint8_t how : {0, 1}) {
    std::string told = WithConnection(
        [&](TestClient& client, PWSK_SOCKET socket) {
          Send(kTestPeer, "abc");
          Settle();
          TestIrp receive("receive", &client.log);
          TestBuffer buffer({4});
          // The call is queued and has not begun when the receive comes.
          client.Control(socket, WSK_EVENT_RECEIVE);
          WskReceiveInto(socket, &buffer, &receive);
          Settle();
          client.Log("then");
          Send(kTestPeer, "def");
          Settle();
          EXPECT_EQ(receive.completions, 1);
          EXPECT_EQ(buffer.Text(receive.information), how == 0 ? "abc" : "def");
        },
        {{kChoiceReceiveRace, how}});
    EXPECT_EQ(told, how == 0 ? "receive completes 0; then; receive(def); receive returns 0"
                             : "receive(abc); receive returns 0; then; receive completes 0");
  }
}

TEST(ConnectionChoices, ADisabledEventDoesNotWinTheRace) {
  std::string told = WithConnection(
      [](TestClient& client, PWSK_SOCKET socket) {
        Send(kTestPeer, "abc");
        Settle();
        TestIrp receive("receive", &client.log);
        TestBuffer buffer({4});
        client.Control(socket, WSK_EVENT_RECEIVE);
        WskReceiveInto(socket, &buffer, &receive);
        client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE);
        Settle();
        EXPECT_EQ(receive.completions, 1);
      },
      {{kChoiceReceiveRace, 1}});
  EXPECT_EQ(told, "receive completes 0");
}

TEST(ConnectionChoices, NullIndications) {
  constexpr const char* kTold[] = {"receive NULL", "", "receive NULL; receive NULL"};
  for (uint8_t how : {0, 1, 2}) {
    std::string told = WithConnection(
        [](TestClient& client, PWSK_SOCKET socket) {
          client.Control(socket, WSK_EVENT_RECEIVE);
          NetworkBreakSocketOfPeer(kTestPeer);
          Settle();
          EXPECT_EQ(client.Control(socket, WSK_EVENT_DISCONNECT), STATUS_FILE_FORCED_CLOSED);
        },
        {{kChoiceNullIndication, how}});
    EXPECT_EQ(told, kTold[how]);
  }
}

TEST(ConnectionChoices, CancelledReceiveThatWaitsForAll) {
  for (uint8_t how : {0, 1, 2}) {
    std::string told = WithConnection(
        [&](TestClient& client, PWSK_SOCKET socket) {
          TestIrp first("first", &client.log);
          TestIrp second("second", &client.log);
          TestBuffer buffer({8});
          TestBuffer rest({8});
          WskReceiveInto(socket, &buffer, &first, WSK_FLAG_WAITALL);
          Send(kTestPeer, "abc");
          Settle();
          IoCancelIrp(first.irp);
          EXPECT_EQ(first.completions, 1);
          EXPECT_EQ(buffer.Text(first.information), how == 0 ? "" : "abc");
          Send(kTestPeer, "def");
          Settle();
          WskReceiveInto(socket, &rest, &second);
          Settle();
          EXPECT_EQ(rest.Text(second.information), how == 0 ? "abcdef" : "def");
        },
        {{kChoiceCancelledReceive, how}});
    EXPECT_EQ(told, how == 1 ? "first completes 0; second completes 0"
                             : "first completes c0000120; second completes 0");
  }
}

TEST(ConnectionChoices, ReceivesThatWaitForMoreWhenTheConnectionIsAborted) {
  for (uint8_t how : {0, 1}) {
    for (bool ours : {false, true}) {
      std::string told = WithConnection(
          [&](TestClient& client, PWSK_SOCKET socket) {
            TestIrp all("all", &client.log);
            TestIrp drain("drain", &client.log);
            TestIrp abort("abort", &client.log);
            TestBuffer buffer({8});
            WSK_BUF none = {};
            WskReceiveInto(socket, &buffer, &all, WSK_FLAG_WAITALL);
            TestClient::Functions(socket)->WskReceive(socket, &none, WSK_FLAG_DRAIN, drain.irp);
            Send(kTestPeer, "abc");
            Settle();
            if (ours) {
              WskDisconnectBy(socket, &abort, WSK_FLAG_ABORTIVE);
            } else {
              PeerReset(kTestPeer);
            }
            Settle();
            EXPECT_EQ(buffer.Text(all.information), how == 0 ? "" : "abc");
            EXPECT_EQ(all.completions + drain.completions, 2);
          },
          {{kChoiceAbortiveReceive, how}});
      EXPECT_EQ(Has(told, "all completes 0; drain completes 0"), how == 1) << told;
    }
  }
}

TEST(ConnectionChoices, DataBeforeAReset) {
  for (uint8_t how : {0, 1}) {
    std::string told = WithConnection(
        [](TestClient& client, PWSK_SOCKET socket) {
          Send(kTestPeer, "abc");
          Settle();
          PeerReset(kTestPeer);
          Settle();
          client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
          Settle();
        },
        {{kChoiceDataBeforeReset, how}});
    EXPECT_EQ(told, how == 0 ? "disconnect(abortive); disconnect returns"
                             : "receive(abc); receive returns 0; disconnect(abortive); disconnect returns");
  }
}

TEST(ConnectionChoices, NoDataAfterAResetWasTold) {
  std::string told = WithConnection(
      [](TestClient& client, PWSK_SOCKET socket) {
        Send(kTestPeer, "abc");
        Settle();
        client.Control(socket, WSK_EVENT_DISCONNECT);
        PeerReset(kTestPeer);
        Settle();
        client.Control(socket, WSK_EVENT_RECEIVE);
        Settle();
      },
      {{kChoiceDataBeforeReset, 1}});
  EXPECT_EQ(told, "disconnect(abortive); disconnect returns");
}

TEST(ConnectionChoices, CancelledDisconnect) {
  for (uint8_t how : {0, 1}) {
    std::string told = WithConnection(
        [](TestClient& client, PWSK_SOCKET socket) {
          PeerStopAcknowledging(kTestPeer, true);
          TestIrp graceful("graceful", &client.log);
          WskDisconnectBy(socket, &graceful);
          Settle();
          IoCancelIrp(graceful.irp);
          Settle();
          client.Log("then");
          PeerStopAcknowledging(kTestPeer, false);
          Settle();
          EXPECT_EQ(graceful.completions, 1);
        },
        {{kChoiceCancelDisconnect, how}});
    EXPECT_EQ(told, how == 0 ? "then; graceful completes 0" : "graceful completes c0000120; then");
  }
}

TEST(ConnectionChoices, SmallBuffers) {
  constexpr NTSTATUS kAnswers[] = {STATUS_INVALID_PARAMETER, STATUS_BUFFER_OVERFLOW, STATUS_BUFFER_TOO_SMALL};
  for (uint8_t how : {0, 1, 2}) {
    WithConnection(
        [&](TestClient& client, PWSK_SOCKET socket) {
          UCHAR small[4];
          for (ULONG code : {SIO_WSK_QUERY_IDEAL_SEND_BACKLOG, SIO_WSK_QUERY_RECEIVE_BACKLOG}) {
            for (PVOID output : {static_cast<PVOID>(small), static_cast<PVOID>(nullptr)}) {
              TestIrp irp("query", &client.log);
              TestClient::Functions(socket)->Basic.WskControlSocket(socket, WskIoctl, code, 0, 0, nullptr,
                                                                    output != nullptr ? sizeof small : 0,
                                                                    output, nullptr, irp.irp);
              EXPECT_EQ(irp.Wait(), kAnswers[how]);
              EXPECT_EQ(irp.information, 0u);
            }
          }
        },
        {{kChoiceSmallBuffer, how}});
  }
}

TEST(ConnectionChoices, TheSocketBreaksInsteadOfTelling) {
  std::string told = WithConnection(
      [](TestClient& client, PWSK_SOCKET socket) {
        client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
        PeerStopAcknowledging(kTestPeer, true);
        TestIrp send("send", &client.log);
        TestIrp late("late", &client.log);
        TestBuffer buffer({4}, 0, 'z');
        WskSendFrom(socket, &buffer, &send);
        Send(kTestPeer, "abc");
        Settle();
        EXPECT_EQ(WskSendFrom(socket, &buffer, &late), STATUS_FILE_FORCED_CLOSED);
      },
      {{kChoiceSpontaneousBreak, 1}});
  EXPECT_EQ(told, "receive NULL; send completes c00000b6; late completes c00000b6");
  EXPECT_EQ(PeersSaw(), " connected <zzzz> reset ");
}

// Data given with a disconnect, in each way it can end.
TEST(Disconnect, WithDataThatIsAcknowledged) {
  WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    TestIrp graceful("graceful", &client.log);
    TestIrp send("send", &client.log);
    TestBuffer buffer({2, 2}, 1, 'z');
    EXPECT_EQ(WskDisconnectBy(socket, &graceful, 0, &buffer), STATUS_PENDING);
    EXPECT_EQ(WskSendFrom(socket, &buffer, &send), STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(graceful.Wait(), STATUS_SUCCESS);
    EXPECT_EQ(graceful.information, 0u);
  });
  EXPECT_EQ(PeersSaw(), " connected <zz><zz> fin  reset ");
}

TEST(Disconnect, StuckIsEndedByAnAbort) {
  for (bool data : {false, true}) {
    std::string told = WithConnection([&](TestClient& client, PWSK_SOCKET socket) {
      PeerStopAcknowledging(kTestPeer, true);
      TestIrp graceful("graceful", &client.log);
      TestIrp abort("abort", &client.log);
      TestBuffer buffer({4}, 0, 'z');
      WskDisconnectBy(socket, &graceful, 0, data ? &buffer : nullptr);
      Settle();
      client.Log("stuck");
      EXPECT_TRUE(NT_SUCCESS(WskDisconnectBy(socket, &abort, WSK_FLAG_ABORTIVE)));
      Settle();
      EXPECT_FALSE(NT_SUCCESS(graceful.status));
      EXPECT_EQ(abort.status, STATUS_SUCCESS);
    });
    EXPECT_EQ(told.substr(0, 27), "stuck; graceful completes c");
  }
}

// Wherever the abort falls between the data and the end of the stream, the graceful disconnect ends once.
TEST(Disconnect, WithDataRacingAnAbort) {
  for (uint32_t round = 0; round < 300 && !testing::Test::HasFailure(); ++round) {
    EmulatorReset();
    std::vector<uint8_t> schedule(80);
    for (size_t i = 0; i < schedule.size(); ++i) {
      schedule[i] = static_cast<uint8_t>((round * 2654435761u + i * 40503u) >> (i % 13));
    }
    RunOptions options;
    options.schedule = schedule.data();
    options.schedule_size = schedule.size();
    TestClient client;
    RunReport report = Play(
        [&] {
          ASSERT_TRUE(client.Open());
          PWSK_SOCKET socket = client.Connect(kTestPeer);
          ASSERT_NE(socket, nullptr);
          TestIrp graceful("graceful", &client.log);
          TestIrp abort("abort", &client.log);
          TestBuffer buffer({4}, 0, 'z');
          WskDisconnectBy(socket, &graceful, 0, &buffer);
          for (uint32_t i = 0; i < round % 7; ++i) Yield(kChoiceYield);
          WskDisconnectBy(socket, &abort, WSK_FLAG_ABORTIVE);
          Settle();
          EXPECT_EQ(graceful.completions, 1);
          EXPECT_EQ(abort.completions, 1);
          client.CloseSocket(socket);
          client.Close();
        },
        options);
    ASSERT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  }
}

}  // namespace
}  // namespace wskcert::emulator
