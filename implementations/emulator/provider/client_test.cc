// WskControlClient.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_client.h"

namespace wskcert::emulator {
namespace {

using Fixed = std::vector<std::pair<int, uint8_t>>;

template <typename Function>
std::string WithClient(Function function, const Fixed& choices = {}) {
  EmulatorReset();
  std::vector<uint8_t> fixed(kChoiceEnd, 0xFF);
  for (auto [kind, value] : choices) fixed[kind] = value;
  RunOptions options;
  options.fixed_choices = fixed.data();
  options.fixed_choice_count = fixed.size();
  TestClient client;
  RunReport report = Play(
      [&] {
        ASSERT_TRUE(client.Open());
        function(client);
        client.Close();
      },
      options);
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u) << report.leaks.first;
  return client.Told();
}

NTSTATUS Control(TestClient& client, ULONG code, SIZE_T input_size, PVOID input, SIZE_T output_size = 0,
                 PVOID output = nullptr, SIZE_T* returned = nullptr, PIRP irp = nullptr) {
  return client.npi.Dispatch->WskControlClient(client.npi.Client, code, input_size, input, output_size,
                                               output, returned, irp);
}

TEST(ControlClient, ListsTransports) {
  WithClient([](TestClient& client) {
    SIZE_T size = 0;
    EXPECT_EQ(Control(client, WSK_TRANSPORT_LIST_QUERY, 0, nullptr, 0, nullptr, &size),
              STATUS_BUFFER_OVERFLOW);
    ASSERT_EQ(size % sizeof(WSK_TRANSPORT), 0u);
    std::vector<WSK_TRANSPORT> list(size / sizeof(WSK_TRANSPORT));
    SIZE_T short_size = 0;
    EXPECT_EQ(Control(client, WSK_TRANSPORT_LIST_QUERY, 0, nullptr, size - 1, list.data(), &short_size),
              STATUS_BUFFER_OVERFLOW);
    EXPECT_EQ(short_size, size);
    EXPECT_EQ(Control(client, WSK_TRANSPORT_LIST_QUERY, 0, nullptr, size, list.data(), &size),
              STATUS_SUCCESS);
    // Each of them can be made a socket of.
    for (const WSK_TRANSPORT& transport : list) {
      TestIrp irp("socket", &client.log);
      client.npi.Dispatch->WskSocket(client.npi.Client, transport.AddressFamily, transport.SocketType,
                                     transport.Protocol, WSK_FLAG_BASIC_SOCKET, nullptr, nullptr, nullptr,
                                     nullptr, nullptr, irp.irp);
      ASSERT_EQ(irp.Wait(), STATUS_SUCCESS);
      client.CloseSocket(reinterpret_cast<PWSK_SOCKET>(irp.information));
    }
  });
}

TEST(ControlClient, DeregisteringCancelsTheWaitForAChange) {
  EmulatorReset();
  TestClient client;
  RunReport report = Play([&] {
    ASSERT_TRUE(client.Open());
    EXPECT_EQ(Control(client, WSK_TRANSPORT_LIST_CHANGE, 0, nullptr), STATUS_INVALID_PARAMETER);
    TestIrp first("first", &client.log);
    TestIrp second("second", &client.log);
    TestIrp third("third", &client.log);
    for (TestIrp* irp : {&first, &second}) {
      EXPECT_EQ(Control(client, WSK_TRANSPORT_LIST_CHANGE, 0, nullptr, 0, nullptr, nullptr, irp->irp),
                STATUS_PENDING);
    }
    third.irp->Cancel = TRUE;
    EXPECT_EQ(Control(client, WSK_TRANSPORT_LIST_CHANGE, 0, nullptr, 0, nullptr, nullptr, third.irp),
              STATUS_PENDING);
    Settle();
    IoCancelIrp(second.irp);
    client.Log("close");
    client.Close();
    client.Log("closed");
    EXPECT_EQ(first.completions + second.completions + third.completions, 3);
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_EQ(client.Told(),
            "third completes c0000120; second completes c0000120; close; first completes c0000120; closed");
}

TEST(ControlClient, TellsThatTheTransportsChanged) {
  EmulatorReset();
  TestClient client;
  RunReport report = Play([&] {
    ASSERT_TRUE(client.Open());
    TestIrp first("first", &client.log);
    TestIrp second("second", &client.log);
    // Another notification is asked for as soon as one came.
    first.on_complete = [&] {
      EXPECT_EQ(Control(client, WSK_TRANSPORT_LIST_CHANGE, 0, nullptr, 0, nullptr, nullptr, second.irp),
                STATUS_PENDING);
    };
    EXPECT_EQ(Control(client, WSK_TRANSPORT_LIST_CHANGE, 0, nullptr, 0, nullptr, nullptr, first.irp),
              STATUS_PENDING);
    EmulatorChangeTransports();
    Settle();
    client.Log("again");
    EmulatorChangeTransports();
    Settle();
    EmulatorChangeTransports();
    client.Close();
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_EQ(client.Told(), "first completes 0; again; second completes 0");
}

TEST(ControlClient, CachesSecurityDescriptors) {
  WithClient([](TestClient& client) {
    char descriptor[20] = {};
    PVOID original = descriptor;
    PVOID cached = nullptr;
    EXPECT_EQ(Control(client, WSK_CACHE_SD, sizeof original, &original, sizeof cached, &cached),
              STATUS_SUCCESS);
    EXPECT_NE(cached, nullptr);
    EXPECT_EQ(Control(client, WSK_RELEASE_SD, sizeof cached, &cached), STATUS_SUCCESS);
    EXPECT_EQ(Control(client, WSK_CACHE_SD, sizeof original, &original), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(Control(client, WSK_RELEASE_SD, 0, nullptr), STATUS_INVALID_PARAMETER);
    FailNextAllocations(1);
    EXPECT_EQ(Control(client, WSK_CACHE_SD, sizeof original, &original, sizeof cached, &cached),
              STATUS_INSUFFICIENT_RESOURCES);
  });
}

TEST(ControlClient, ReleasingADescriptorTwiceIsMisuse) {
  EmulatorReset();
  TestClient client;
  RunReport report = Play([&] {
    client.Open();
    PVOID original = &client;
    PVOID cached = nullptr;
    Control(client, WSK_CACHE_SD, sizeof original, &original, sizeof cached, &cached);
    Control(client, WSK_RELEASE_SD, sizeof cached, &cached);
    Control(client, WSK_RELEASE_SD, sizeof cached, &cached);
  });
  EXPECT_EQ(report.ending, Ending::kBugCheck);
  EXPECT_NE(std::string(report.bug_check.message).find("wsk-release-sd.md"), std::string::npos);
}

TEST(ControlClient, Tdi) {
  WithClient([](TestClient& client) {
    ULONG flags = WSK_TDI_BEHAVIOR_BYPASS_TDI;
    WSK_TDI_MAP_INFO map = {};
    EXPECT_EQ(Control(client, WSK_TDI_BEHAVIOR, sizeof flags, &flags), STATUS_SUCCESS);
    EXPECT_EQ(Control(client, WSK_TDI_BEHAVIOR, 1, &flags), STATUS_INVALID_PARAMETER);
    flags = 8;
    EXPECT_EQ(Control(client, WSK_TDI_BEHAVIOR, sizeof flags, &flags), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(Control(client, WSK_TDI_DEVICENAME_MAPPING, sizeof map, &map), STATUS_NOT_SUPPORTED);
    EXPECT_EQ(Control(client, 99, 0, nullptr), STATUS_NOT_SUPPORTED);
  });
}

// ---- Static event callbacks

TEST(StaticEvents, FitTheCategoryOfEachSocket) {
  std::string told = WithClient([](TestClient& client) {
    EXPECT_EQ(client.SetStaticEvents(WSK_EVENT_RECEIVE_FROM | WSK_EVENT_RECEIVE), STATUS_SUCCESS);
    PWSK_SOCKET datagram = client.DatagramSocket(4200);
    PWSK_SOCKET connection = client.Connect(1);
    PWSK_SOCKET basic = client.Socket(WSK_FLAG_BASIC_SOCKET);
    ASSERT_NE(datagram, nullptr);
    ASSERT_NE(connection, nullptr);
    ASSERT_NE(basic, nullptr);
    SendDatagram(2, 4200, "datagram");
    Settle();
    Send(1, "data");
    PeerDisconnect(1);
    Settle();
    for (ULONG disable : {0u, WSK_EVENT_DISABLE}) {
      EXPECT_EQ(client.Control(datagram, WSK_EVENT_RECEIVE_FROM | disable), STATUS_INVALID_DEVICE_REQUEST);
      EXPECT_EQ(client.Control(connection, WSK_EVENT_RECEIVE | disable), STATUS_INVALID_DEVICE_REQUEST);
    }
    for (PWSK_SOCKET socket : {datagram, connection, basic}) client.CloseSocket(socket);
  });
  EXPECT_EQ(told, "datagrams(datagram@2); datagrams return 0; receive(data); receive returns 0");
}

TEST(StaticEvents, Refusals) {
  auto play = [](Fixed choices, NTSTATUS flags, NTSTATUS twice, NTSTATUS late) {
    WithClient(
        [&](TestClient& client) {
          EXPECT_EQ(client.SetStaticEvents(0), flags);
          EXPECT_EQ(client.SetStaticEvents(WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE), flags);
          EXPECT_EQ(client.SetStaticEvents(WSK_EVENT_RECEIVE | 1), flags);
          EXPECT_EQ(client.SetStaticEvents(WSK_EVENT_RECEIVE), STATUS_SUCCESS);
          EXPECT_EQ(client.SetStaticEvents(WSK_EVENT_RECEIVE_FROM), twice);
          NPIID ping = NPI_WSKEMU_PING_ID;
          WSK_EVENT_CALLBACK_CONTROL foreign = {&ping, WSKEMU_EVENT_PING};
          EXPECT_EQ(Control(client, WSK_SET_STATIC_EVENT_CALLBACKS, sizeof foreign, &foreign),
                    STATUS_INVALID_PARAMETER);
          client.CloseSocket(client.Socket(WSK_FLAG_BASIC_SOCKET));
          EXPECT_EQ(client.SetStaticEvents(WSK_EVENT_RECEIVE), late);
        },
        choices);
  };
  play({}, STATUS_INVALID_PARAMETER, STATUS_SUCCESS, STATUS_INVALID_DEVICE_STATE);
  play({{kChoiceStaticFlags, 1}, {kChoiceStaticTwice, 2}, {kChoiceStaticLate, 1}}, STATUS_NOT_SUPPORTED,
       STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_DEVICE_REQUEST);
  play({{kChoiceStaticLate, 2}}, STATUS_INVALID_PARAMETER, STATUS_SUCCESS, STATUS_INVALID_PARAMETER);
}

// Whether the receive event of a connection and the receive-from event are static after two calls.
TEST(StaticEvents, ASecondCallByChoice) {
  for (uint8_t choice : {0, 1}) {
    WithClient(
        [&](TestClient& client) {
          client.SetStaticEvents(WSK_EVENT_RECEIVE);
          client.SetStaticEvents(WSK_EVENT_RECEIVE_FROM);
          PWSK_SOCKET connection = client.Connect(1);
          PWSK_SOCKET datagram = client.DatagramSocket(4200);
          EXPECT_EQ(client.Control(connection, WSK_EVENT_RECEIVE),
                    choice == 0 ? STATUS_INVALID_DEVICE_REQUEST : STATUS_SUCCESS);
          EXPECT_EQ(client.Control(datagram, WSK_EVENT_RECEIVE_FROM), STATUS_INVALID_DEVICE_REQUEST);
          client.CloseSocket(connection);
          client.CloseSocket(datagram);
        },
        {{kChoiceStaticTwice, choice}});
  }
}

TEST(StaticEvents, AnIrpByChoice) {
  for (uint8_t choice : {0, 1}) {
    NTSTATUS expected = choice == 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
    WithClient(
        [&](TestClient& client) {
          NPIID id = NPI_WSK_INTERFACE_ID;
          WSK_EVENT_CALLBACK_CONTROL control = {&id, WSK_EVENT_RECEIVE};
          TestIrp irp("static", &client.log);
          EXPECT_EQ(Control(client, WSK_SET_STATIC_EVENT_CALLBACKS, sizeof control, &control, 0, nullptr,
                            nullptr, irp.irp),
                    expected);
          EXPECT_EQ(irp.Wait(), expected);
        },
        {{kChoiceClientControlIrp, choice}});
  }
}

}  // namespace
}  // namespace wskcert::emulator
