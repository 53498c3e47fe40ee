// The extension interface of wsk_emulator_extension.h, on sockets of several categories; basic sockets.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_client.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kPeer = 11;
constexpr uint16_t kPort = 4100;
constexpr ULONG kDisablePing = WSKEMU_EVENT_PING | WSK_EVENT_DISABLE;

using Fixed = std::vector<std::pair<int, uint8_t>>;

// A client that is registered for the extension on one socket.
struct Pinged {
  explicit Pinged(TestClient* of) : client(of) {}
  NTSTATUS Register(PWSK_SOCKET to, const NPIID& npi_id = NPI_WSKEMU_PING_ID, TestIrp* irp = nullptr) {
    socket = to;
    NPIID id = npi_id;
    WSK_EXTENSION_CONTROL_IN in = {&id, this, &dispatch};
    return TestClient::Functions(socket)->Basic.WskControlSocket(socket, WskIoctl, SIO_WSK_REGISTER_EXTENSION,
                                                                 0, sizeof in, &in, sizeof out, &out, nullptr,
                                                                 irp != nullptr ? irp->irp : nullptr);
  }
  NTSTATUS Ping(ULONG value) {
    return static_cast<const WSKEMU_PROVIDER_PING_DISPATCH*>(out.ProviderDispatch)
        ->Ping(out.ProviderContext, value);
  }
  NTSTATUS Control(ULONG mask, TestIrp* irp = nullptr) {
    return client->Control(socket, mask, irp, NPI_WSKEMU_PING_ID);
  }

  static NTSTATUS OnPing(PVOID context, ULONG value) {
    auto* self = static_cast<Pinged*>(context);
    self->client->Log("ping(%u)", static_cast<unsigned>(value));
    ++self->active;
    if (self->on_ping) self->on_ping();
    --self->active;
    self->client->Log("ping returns");
    return STATUS_SUCCESS;
  }

  TestClient* client;
  PWSK_SOCKET socket = nullptr;
  WSKEMU_CLIENT_PING_DISPATCH dispatch = {OnPing};
  WSK_EXTENSION_CONTROL_OUT out = {};
  std::function<void()> on_ping;
  int active = 0;
};

PWSK_SOCKET Basic(TestClient& client) { return client.Socket(WSK_FLAG_BASIC_SOCKET); }
PWSK_SOCKET Datagram(TestClient& client) { return client.DatagramSocket(kPort); }
PWSK_SOCKET Connected(TestClient& client) { return client.Connect(kPeer); }

template <typename Function>
std::string WithSocket(PWSK_SOCKET (*make)(TestClient&), Function function, const Fixed& choices = {}) {
  EmulatorReset();
  std::vector<uint8_t> fixed(kChoiceEnd, 0xFF);
  for (auto [kind, value] : choices) fixed[kind] = value;
  RunOptions options;
  options.fixed_choices = fixed.data();
  options.fixed_choice_count = fixed.size();
  TestClient client;
  Pinged pinged(&client);
  bool played = false;
  RunReport report = Play(
      [&] {
        if (!client.Open()) return;
        PWSK_SOCKET socket = make(client);
        if (socket == nullptr) return;
        function(client, socket, pinged);
        client.CloseSocket(socket);
        EXPECT_EQ(pinged.active, 0);
        client.Close();
        played = true;
      },
      options);
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_TRUE(played);
  EXPECT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u) << report.leaks.first;
  return client.Told();
}

TEST(Extension, PingsOnEveryCategory) {
  for (auto make : {Basic, Datagram, Connected}) {
    std::string told = WithSocket(make, [](TestClient& client, PWSK_SOCKET socket, Pinged& pinged) {
      EXPECT_EQ(pinged.Register(socket), STATUS_SUCCESS);
      EXPECT_EQ(pinged.Control(WSKEMU_EVENT_PING), STATUS_SUCCESS);
      EXPECT_EQ(pinged.Ping(7), STATUS_SUCCESS);
      EXPECT_EQ(pinged.Ping(8), STATUS_SUCCESS);
      client.Log("asked");
      Settle();
      EXPECT_EQ(pinged.Control(kDisablePing), STATUS_SUCCESS);
      EXPECT_EQ(pinged.Ping(9), STATUS_SUCCESS);
      Settle();
      EXPECT_EQ(pinged.Control(WSKEMU_EVENT_PING), STATUS_SUCCESS);
      Settle();
    });
    EXPECT_EQ(told, "asked; ping(7); ping returns; ping(8); ping returns");
  }
}

TEST(Extension, DisablesWaitForCallsInProgress) {
  std::string told = WithSocket(Basic, [](TestClient& client, PWSK_SOCKET socket, Pinged& pinged) {
    TestIrp irp("disable", &client.log);
    pinged.Register(socket);
    pinged.Control(WSKEMU_EVENT_PING);
    pinged.on_ping = [&] {
      EXPECT_EQ(pinged.Control(kDisablePing), STATUS_EVENT_PENDING);
      EXPECT_EQ(pinged.Control(kDisablePing, &irp), STATUS_PENDING);
      EXPECT_EQ(irp.completions, 0);
      pinged.Ping(2);
    };
    pinged.Ping(1);
    irp.Wait();
    Settle();
    pinged.on_ping = nullptr;
    pinged.Control(WSKEMU_EVENT_PING);
    pinged.Ping(3);
    Settle();
  });
  EXPECT_EQ(told, "ping(1); ping returns; disable completes 0; ping(3); ping returns");
}

TEST(Extension, ItsEventsAreNotTheStandardOnes) {
  std::string told = WithSocket(Connected, [](TestClient& client, PWSK_SOCKET socket, Pinged& pinged) {
    pinged.Register(socket);
    // The number is that of the receive event.
    EXPECT_EQ(pinged.Control(WSKEMU_EVENT_PING), STATUS_SUCCESS);
    Send(kPeer, "abc");
    pinged.Ping(1);
    Settle();
    EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE), STATUS_SUCCESS);
    EXPECT_EQ(pinged.Control(kDisablePing), STATUS_SUCCESS);
    Settle();
    EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE), STATUS_SUCCESS);
    EXPECT_EQ(pinged.Control(WSK_EVENT_DISCONNECT), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(pinged.Control(WSKEMU_EVENT_PING | WSK_EVENT_DISCONNECT), STATUS_INVALID_PARAMETER);
  });
  EXPECT_EQ(told, "ping(1); ping returns; receive(abc); receive returns 0");
}

TEST(Extension, Refusals) {
  constexpr NPIID kOther = {1, 2, 3, {4}};
  WithSocket(Basic, [&](TestClient& client, PWSK_SOCKET socket, Pinged& pinged) {
    EXPECT_EQ(pinged.Register(socket, kOther), STATUS_NOT_SUPPORTED);
    EXPECT_EQ(client.Control(socket, WSKEMU_EVENT_PING, nullptr, NPI_WSKEMU_PING_ID),
              STATUS_INVALID_PARAMETER);
    EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(pinged.Register(socket), STATUS_SUCCESS);
    EXPECT_EQ(pinged.Register(socket), STATUS_INVALID_DEVICE_STATE);
    EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(client.Control(socket, WSKEMU_EVENT_PING, nullptr, kOther), STATUS_INVALID_PARAMETER);
    pinged.dispatch.PingEvent = nullptr;
    EXPECT_EQ(pinged.Control(WSKEMU_EVENT_PING), STATUS_INVALID_PARAMETER);
  });
  WithSocket(Basic,
             [&](TestClient& client, PWSK_SOCKET socket, Pinged& pinged) {
               EXPECT_EQ(client.Control(socket, WSKEMU_EVENT_PING, nullptr, NPI_WSKEMU_PING_ID),
                         STATUS_NOT_SUPPORTED);
               EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE), STATUS_INVALID_DEVICE_REQUEST);
               TestIrp irp("register", &client.log);
               EXPECT_EQ(pinged.Register(socket, NPI_WSKEMU_PING_ID, &irp), STATUS_INVALID_PARAMETER);
               EXPECT_EQ(irp.Wait(), STATUS_INVALID_PARAMETER);
               EXPECT_EQ(pinged.Register(socket), STATUS_SUCCESS);
               EXPECT_EQ(pinged.Register(socket), STATUS_SUCCESS);
             },
             {{kChoiceUnregisteredExtension, 1},
              {kChoiceBasicSocketEvents, 2},
              {kChoiceRegisterWithIrp, 1},
              {kChoiceRegisterTwice, 1}});
}

TEST(Extension, BeforeTheConnection) {
  auto unconnected = [](TestClient& client) { return client.Socket(WSK_FLAG_CONNECTION_SOCKET); };
  for (uint8_t early : {0, 1}) {
    WithSocket(unconnected,
               [&](TestClient&, PWSK_SOCKET socket, Pinged& pinged) {
                 EXPECT_EQ(pinged.Register(socket), STATUS_SUCCESS);
                 EXPECT_EQ(pinged.Control(WSKEMU_EVENT_PING),
                           early ? STATUS_SUCCESS : STATUS_INVALID_DEVICE_STATE);
               },
               {{kChoiceExtensionEarly, early}});
  }
}

TEST(Extension, PingsAreLimited) {
  std::string told = WithSocket(Basic, [](TestClient&, PWSK_SOCKET socket, Pinged& pinged) {
    pinged.Register(socket);
    pinged.Control(WSKEMU_EVENT_PING);
    int taken = 0;
    while (taken < 100 && pinged.Ping(taken) == STATUS_SUCCESS) ++taken;
    EXPECT_EQ(taken, 16);
    Settle();
    EXPECT_EQ(pinged.Ping(99), STATUS_SUCCESS);
    Settle();
  });
  EXPECT_NE(told.find("ping(15); ping returns; ping(99)"), std::string::npos);
}

TEST(Extension, ACloseDrainsIt) {
  std::string told = WithSocket(Basic, [](TestClient& client, PWSK_SOCKET socket, Pinged& pinged) {
    KEVENT inside;
    KeInitializeEvent(&inside, NotificationEvent, FALSE);
    pinged.Register(socket);
    pinged.Control(WSKEMU_EVENT_PING);
    pinged.on_ping = [&] {
      KeSetEvent(&inside, IO_NO_INCREMENT, FALSE);
      LARGE_INTEGER second;
      second.QuadPart = -10'000'000;
      KeDelayExecutionThread(KernelMode, FALSE, &second);
      client.Log("still here");
      pinged.on_ping = nullptr;
    };
    pinged.Ping(1);
    pinged.Ping(2);
    KeWaitForSingleObject(&inside, Executive, KernelMode, FALSE, nullptr);
  });
  EXPECT_EQ(told, "ping(1); still here; ping returns");
}

TEST(Extension, APingAfterTheCloseIsMisuse) {
  EmulatorReset();
  TestClient client;
  Pinged pinged(&client);
  RunReport report = Play([&] {
    client.Open();
    PWSK_SOCKET socket = Basic(client);
    pinged.Register(socket);
    client.CloseSocket(socket);
    pinged.Ping(1);
  });
  EXPECT_EQ(report.ending, Ending::kBugCheck);
  EXPECT_NE(std::string(report.bug_check.message).find("after WskCloseSocket was called"), std::string::npos);
}

TEST(BasicSocket, ControlsAndCloses) {
  std::string told = WithSocket(Basic, [](TestClient& client, PWSK_SOCKET socket, Pinged&) {
    TestIrp set("set", &client.log);
    TestIrp get("get", &client.log);
    ULONG value = 5000;
    auto* functions = static_cast<const WSK_PROVIDER_BASIC_DISPATCH*>(socket->Dispatch);
    functions->WskControlSocket(socket, WskSetOption, SO_RCVBUF, SOL_SOCKET, sizeof value, &value, 0, nullptr,
                                nullptr, set.irp);
    set.Wait();
    value = 0;
    functions->WskControlSocket(socket, WskGetOption, SO_RCVBUF, SOL_SOCKET, 0, nullptr, sizeof value, &value,
                                nullptr, get.irp);
    get.Wait();
    EXPECT_EQ(value, 5000u);
    EXPECT_EQ(get.information, sizeof value);
    EXPECT_EQ(client.Ioctl(socket, SIO_WSK_QUERY_RECEIVE_BACKLOG, 0, nullptr), STATUS_NOT_SUPPORTED);
  });
  EXPECT_EQ(told, "set completes 0; get completes 0");
}

}  // namespace
}  // namespace wskcert::emulator
