// Registration.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_client.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kPeer = 5;

TEST(Registration, DeregisterWaitsForSocketsAndNpi) {
  EmulatorReset();
  TestClient client;
  RunReport report = Play([&] {
    ASSERT_TRUE(client.Open());
    client.Connect(kPeer);
    client.Close();
  });
  EXPECT_EQ(report.ending, Ending::kDeadlock);
}

TEST(Registration, VersionsAndLateCaptures) {
  EmulatorReset();
  TestClient client;
  RunReport report = Play([&] {
    client.client_dispatch.Version = MAKE_WSK_VERSION(2, 0);
    WSK_CLIENT_NPI own = {&client, &client.client_dispatch};
    ASSERT_EQ(client.exports->Register(&own, &client.registration), STATUS_SUCCESS);
    EXPECT_EQ(client.exports->CaptureProviderNPI(&client.registration, WSK_INFINITE_WAIT, &client.npi),
              STATUS_NOINTERFACE);
    WSK_PROVIDER_CHARACTERISTICS versions = {};
    EXPECT_EQ(client.exports->QueryProviderCharacteristics(&client.registration, &versions), STATUS_SUCCESS);
    EXPECT_EQ(versions.HighestVersion, MAKE_WSK_VERSION(1, 0));
    client.client_dispatch.Version = MAKE_WSK_VERSION(1, 0);
    EmulatorSetReady(false);
    EXPECT_EQ(client.exports->CaptureProviderNPI(&client.registration, WSK_NO_WAIT, &client.npi),
              STATUS_DEVICE_NOT_READY);
    EXPECT_EQ(client.exports->CaptureProviderNPI(&client.registration, 1000, &client.npi),
              STATUS_DEVICE_NOT_READY);
    EmulatorSetReady(true);
    client.exports->Deregister(&client.registration);
    EXPECT_EQ(client.exports->CaptureProviderNPI(&client.registration, WSK_NO_WAIT, &client.npi),
              STATUS_DEVICE_NOT_READY);
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
}

// A thread that captures without a bound.
struct Capturer {
  explicit Capturer(TestClient* its_client) : client(its_client) {
    PsCreateSystemThread(&handle, 0, nullptr, nullptr, nullptr, Run, this);
  }
  static VOID Run(PVOID context) {
    auto* self = static_cast<Capturer*>(context);
    self->status =
        self->client->exports->CaptureProviderNPI(&self->client->registration, WSK_INFINITE_WAIT, &self->npi);
    self->returned = true;
    PsTerminateSystemThread(STATUS_SUCCESS);
  }

  TestClient* client;
  HANDLE handle = nullptr;
  WSK_PROVIDER_NPI npi = {};
  NTSTATUS status = STATUS_PENDING;
  bool returned = false;
};

TEST(Registration, CapturesWaitUntilTheProviderIsReady) {
  EmulatorReset();
  TestClient client;
  RunReport report = Play([&] {
    WSK_CLIENT_NPI own = {&client, &client.client_dispatch};
    ASSERT_EQ(client.exports->Register(&own, &client.registration), STATUS_SUCCESS);
    EmulatorSetReady(false);
    Capturer one(&client);
    Capturer two(&client);
    Settle();
    EXPECT_FALSE(one.returned || two.returned);
    WSK_PROVIDER_CHARACTERISTICS versions = {};
    EXPECT_EQ(client.exports->QueryProviderCharacteristics(&client.registration, &versions),
              STATUS_DEVICE_NOT_READY);
    EmulatorSetReady(true);
    Settle();
    EXPECT_EQ(one.status, STATUS_SUCCESS);
    EXPECT_EQ(two.status, STATUS_SUCCESS);
    client.exports->ReleaseProviderNPI(&client.registration);
    client.exports->ReleaseProviderNPI(&client.registration);
    client.exports->Deregister(&client.registration);
    ZwClose(one.handle);
    ZwClose(two.handle);
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
}

// Wherever the threads stand: a registration's end ends what waits on it, and the next registration is
// another.
TEST(Registration, DeregisterEndsCapturesThatWait) {
  for (uint32_t round = 0; round < 200; ++round) {
    EmulatorReset();
    TestClient client;
    TestClient next;
    std::vector<uint8_t> schedule(64);
    for (size_t i = 0; i < schedule.size(); ++i)
      schedule[i] = static_cast<uint8_t>((round * 2654435761u) >> (i % 24));
    RunOptions options;
    options.schedule = schedule.data();
    options.schedule_size = round == 0 ? 0 : schedule.size();
    RunReport report = Play(
        [&] {
          WSK_CLIENT_NPI own = {&client, &client.client_dispatch};
          ASSERT_EQ(client.exports->Register(&own, &client.registration), STATUS_SUCCESS);
          EmulatorSetReady(false);
          Capturer one(&client);
          if (round % 2 == 0) Settle();
          client.exports->Deregister(&client.registration);
          EmulatorSetReady(true);
          ASSERT_TRUE(next.Open());
          Settle();
          EXPECT_TRUE(one.returned);
          EXPECT_EQ(one.status, STATUS_DEVICE_NOT_READY);
          next.Close();
          ZwClose(one.handle);
        },
        options);
    ASSERT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  }
}

TEST(Registration, WhatNeedsAnIrpOrAClient) {
  EmulatorReset();
  TestClient client;
  RunReport report = Play([&] {
    ASSERT_TRUE(client.Open());
    auto make = [&](PWSK_CLIENT handle, ULONG flags, PIRP irp) {
      return client.npi.Dispatch->WskSocket(handle, AF_INET, SOCK_STREAM, IPPROTO_TCP, flags, nullptr,
                                            nullptr, nullptr, nullptr, nullptr, irp);
    };
    TestIrp no_client("no client", &client.log);
    TestIrp datagram("datagram", &client.log);
    EXPECT_EQ(make(client.npi.Client, WSK_FLAG_CONNECTION_SOCKET, nullptr), STATUS_INVALID_PARAMETER);
    EXPECT_EQ(make(nullptr, WSK_FLAG_CONNECTION_SOCKET, no_client.irp), STATUS_INVALID_HANDLE);
    // TCP is not for datagrams.
    EXPECT_EQ(make(client.npi.Client, WSK_FLAG_DATAGRAM_SOCKET, datagram.irp), STATUS_NOT_SUPPORTED);
    client.Close();
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
  EXPECT_EQ(client.Told(), "no client completes c0000008; datagram completes c00000bb");
}

}  // namespace
}  // namespace wskcert::emulator
