// What the provider and the runtime find wrong with a client: each sentence of docs/emulator.md, "Misuse",
// with the page whose obligation was broken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_connection.h"

namespace wskcert::emulator {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr uint32_t kPeer = kTestPeer;

std::string MisuseOf(const std::function<void(TestClient&, PWSK_SOCKET)>& function) {
  return MisuseWithConnection(function);
}

TEST(Misuse, IsNamed) {
  EXPECT_NE(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
              client.CloseSocket(socket);
              client.Control(socket, WSK_EVENT_RECEIVE);
            }).find("after WskCloseSocket was called (socket 0, since step "),
            std::string::npos);
  EXPECT_NE(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
              client.CloseSocket(socket);
              client.CloseSocket(socket);
            }).find("after WskCloseSocket was called"),
            std::string::npos);
  EXPECT_NE(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
              client.on_receive = [](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) { return STATUS_PENDING; };
              client.Control(socket, WSK_EVENT_RECEIVE);
              Send(kPeer, "abc");
              Settle();
              client.CloseSocket(socket);
            }).find("before all retained indications were released"),
            std::string::npos);
  EXPECT_NE(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
              PWSK_DATA_INDICATION kept = nullptr;
              client.on_receive = [&](PWSK_DATA_INDICATION list, SIZE_T, SIZE_T*) {
                kept = list;
                return STATUS_PENDING;
              };
              client.Control(socket, WSK_EVENT_RECEIVE);
              Send(kPeer, "abc");
              Settle();
              TestClient::Functions(socket)->WskRelease(socket, kept);
              TestClient::Functions(socket)->WskRelease(socket, kept);
            }).find("released before"),
            std::string::npos);
  EXPECT_NE(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
              TestIrp irp("send", &client.log);
              TestBuffer buffer({4});
              buffer.buffer.Length = 5;
              TestClient::Functions(socket)->WskSend(socket, &buffer.buffer, 0, irp.irp);
            }).find("longer than its MDLs"),
            std::string::npos);
  EXPECT_NE(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
              client.on_receive = [](PWSK_DATA_INDICATION, SIZE_T bytes, SIZE_T* accepted) {
                *accepted = bytes + 1;
                return STATUS_SUCCESS;
              };
              client.Control(socket, WSK_EVENT_RECEIVE);
              Send(kPeer, "abc");
              Settle();
            }).find("more bytes accepted than indicated"),
            std::string::npos);
}

NTSTATUS Close(PWSK_SOCKET socket, TestIrp* irp) {
  return TestClient::Functions(socket)->Basic.WskCloseSocket(socket, irp->irp);
}

TEST(Misuse, TellsSinceWhen) {
  std::string told = MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
    client.CloseSocket(socket);
    for (int i = 0; i < 100; ++i) Yield(kChoiceYield);
    client.Control(socket, WSK_EVENT_RECEIVE);
  });
  unsigned long long now = 0, since = 0;
  ASSERT_EQ(sscanf(told.c_str(),
                   "thread 0 at IRQL 0, step %llu: WSK client misuse: a call on a socket after "
                   "WskCloseSocket was called (socket 0, since step %llu; closing-a-socket.md)",
                   &now, &since),
            2)
      << told;
  EXPECT_GE(now, since + 100);
}

TEST(Misuse, CloseBesideACall) {
  // The receive is inside its call while the other thread closes: between is a choice point.
  std::string told;
  for (uint32_t round = 0; round < 200 && told.find("in progress") == std::string::npos; ++round) {
    EmulatorReset();
    std::vector<uint8_t> schedule(60);
    for (size_t i = 0; i < schedule.size(); ++i) {
      schedule[i] = static_cast<uint8_t>((round * 2654435761u + i * 40503u) >> 9);
    }
    RunOptions options;
    options.schedule = schedule.data();
    options.schedule_size = schedule.size();
    TestClient client;
    RunReport report = Play(
        [&] {
          if (!client.Open()) return;
          PWSK_SOCKET socket = client.Connect(kPeer);
          TestIrp receive("receive", &client.log);
          TestIrp close("close", &client.log);
          TestBuffer buffer({4});
          {
            TestThread other([&] { Close(socket, &close); });
            WskReceiveInto(socket, &buffer, &receive);
            Settle();
          }
          client.Close();
        },
        options);
    if (report.ending == Ending::kBugCheck) told = report.bug_check.message;
  }
  EXPECT_THAT(
      told, AllOf(HasSubstr("WskCloseSocket while another call on the socket is in progress (socket 0, since "
                            "step "),
                  HasSubstr("nc-wsk-pfn_wsk_close_socket.md")));
}

TEST(Misuse, RetainingFromAClosedSocket) {
  EXPECT_THAT(
      MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
        TestIrp close("close", &client.log);
        client.on_receive = [&](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) {
          Close(socket, &close);
          return STATUS_PENDING;
        };
        client.Control(socket, WSK_EVENT_RECEIVE);
        Send(kPeer, "abc");
        Settle();
      }),
      AllOf(HasSubstr("data retained from a socket that WskCloseSocket was called on (socket 0, since step "),
            HasSubstr("nc-wsk-pfn_wsk_release_data_indication_list.md")));
}

TEST(Misuse, WhatCallbacksReturn) {
  EXPECT_THAT(
      MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
        client.on_receive = [](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) { return STATUS_UNSUCCESSFUL; };
        client.Control(socket, WSK_EVENT_RECEIVE);
        Send(kPeer, "abc");
        Settle();
      }),
      HasSubstr("a receive event callback that returned a status that the page does not list (socket 0; "
                "nc-wsk-pfn_wsk_receive_event.md)"));
  EXPECT_THAT(
      MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
        client.dispatch.WskDisconnectEvent = [](PVOID, ULONG) -> NTSTATUS { return STATUS_PENDING; };
        client.Control(socket, WSK_EVENT_DISCONNECT);
        PeerDisconnect(kPeer);
        Settle();
      }),
      HasSubstr("a disconnect event callback that returned something else than STATUS_SUCCESS (socket 0; "
                "nc-wsk-pfn_wsk_disconnect_event.md)"));
  EXPECT_THAT(
      MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
        client.dispatch.WskSendBacklogEvent = [](PVOID, SIZE_T) -> NTSTATUS { return STATUS_PENDING; };
        client.Control(socket, WSK_EVENT_SEND_BACKLOG);
        PeerSetIdealBacklog(kPeer, 1);
        Settle();
      }),
      HasSubstr("a send backlog event callback that returned something else than STATUS_SUCCESS (socket 0; "
                "nc-wsk-pfn_wsk_send_backlog_event.md)"));
}

TEST(Misuse, CallbacksThatReturnAtAnotherIrql) {
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
                client.on_disconnect = [] {
                  KIRQL irql;
                  KeRaiseIrql(DISPATCH_LEVEL, &irql);
                };
                client.Control(socket, WSK_EVENT_DISCONNECT);
                PeerDisconnect(kPeer);
                Settle();
              }),
              HasSubstr("an event callback that returned at another IRQL than it was called at"));
}

TEST(Misuse, DeregisteringInsideACallback) {
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
                client.on_disconnect = [&] { client.Close(); };
                client.Control(socket, WSK_EVENT_DISCONNECT);
                PeerDisconnect(kPeer);
                Settle();
              }),
              HasSubstr("WskDeregister inside an event callback, whose return it would wait for (client 0; "
                        "nf-wsk-wskderegister.md)"));
}

TEST(Misuse, OfTheRegistration) {
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET) { client.Open(); }),
              HasSubstr("WskRegister with a WSK_REGISTRATION that is in use"));
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET) {
                client.exports->ReleaseProviderNPI(&client.registration);
                client.exports->ReleaseProviderNPI(&client.registration);
              }),
              HasSubstr("WskReleaseProviderNPI without a capture"));
  EXPECT_THAT(
      MisuseOf([](TestClient& client, PWSK_SOCKET) {
        client.exports->ReleaseProviderNPI(&client.registration);
        client.Socket();
      }),
      AllOf(HasSubstr(
                "a call through WSK_PROVIDER_DISPATCH after WskReleaseProviderNPI (client 0, since step "),
            HasSubstr("registering-a-winsock-kernel-application.md")));
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
                client.CloseSocket(socket);
                client.Close();
                client.exports->Deregister(&client.registration);
              }),
              HasSubstr("WskDeregister of what is not registered"));
}

TEST(Misuse, AtDispatchLevel) {
  const auto raised = [](const std::function<void()>& function) {
    KIRQL irql;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    function();
    KeLowerIrql(irql);
  };
  EXPECT_THAT(MisuseOf([&](TestClient& client, PWSK_SOCKET) {
                raised([&] { client.exports->Deregister(&client.registration); });
              }),
              HasSubstr("WskDeregister above PASSIVE_LEVEL"));
  EXPECT_THAT(MisuseOf([&](TestClient& client, PWSK_SOCKET) {
                raised([&] {
                  WSK_PROVIDER_NPI npi;
                  client.exports->CaptureProviderNPI(&client.registration, 1, &npi);
                });
              }),
              HasSubstr("WskCaptureProviderNPI that may wait, above PASSIVE_LEVEL"));
  EXPECT_THAT(MisuseOf([&](TestClient& client, PWSK_SOCKET socket) {
                raised([&] { client.Ioctl(socket, SIO_ADDRESS_LIST_QUERY, 0, nullptr); });
              }),
              HasSubstr("an address list ioctl above PASSIVE_LEVEL"));
}

TEST(Misuse, OfIrps) {
  // Freed, reused or passed again while the provider has it; freed before.
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
                TestIrp receive("receive", &client.log);
                TestBuffer buffer({4});
                WskReceiveInto(socket, &buffer, &receive);
                IoFreeIrp(receive.irp);
              }),
              HasSubstr("IoFreeIrp on an IRP"));
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
                TestIrp receive("receive", &client.log);
                TestBuffer buffer({4});
                WskReceiveInto(socket, &buffer, &receive);
                IoReuseIrp(receive.irp, STATUS_SUCCESS);
              }),
              HasSubstr("that a callee still has pending"));
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
                TestIrp receive("receive", &client.log);
                TestBuffer buffer({4});
                WskReceiveInto(socket, &buffer, &receive);
                WskReceiveInto(socket, &buffer, &receive);
              }),
              HasSubstr("has no stack location left of its 1"));
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
                TestIrp receive("receive", &client.log);
                TestBuffer buffer({4});
                receive.irp->Type = 0;
                WskReceiveInto(socket, &buffer, &receive);
              }),
              HasSubstr("memory that is no IRP, or with an IRP that was freed"));
}

TEST(Misuse, OfBuffers) {
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
                TestIrp irp("send", &client.log);
                TestBuffer buffer({4});
                buffer.buffer.Offset = 5;
                WskSendFrom(socket, &buffer, &irp);
              }),
              HasSubstr("a WSK_BUF whose offset is beyond its first MDL (socket 0; ns-wsk-_wsk_buf.md)"));
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
                TestIrp irp("send", &client.log);
                WSK_BUF buffer = {nullptr, 0, 4};
                TestClient::Functions(socket)->WskSend(socket, &buffer, 0, irp.irp);
              }),
              HasSubstr("a WSK_BUF with a length but no MDL"));
}

TEST(Misuse, OfWhatIsNoSocket) {
  EXPECT_THAT(MisuseOf([](TestClient& client, PWSK_SOCKET socket) {
                WSK_SOCKET copy = *socket;
                client.Control(&copy, WSK_EVENT_RECEIVE);
              }),
              HasSubstr("a call with a pointer that is no socket"));
}

}  // namespace
}  // namespace wskcert::emulator
