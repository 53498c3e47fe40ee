// IRPs (using-irps-with-winsock-kernel-functions.md): whoever made them, whenever and wherever they complete.
#include <gtest/gtest.h>

#include "implementations/emulator/provider/test_connection.h"

namespace wskcert::emulator {
namespace {

// An IRP that came from above: its sender's stack location lies above ours, and its completion goes on there.
class PassedDown {
 public:
  PassedDown() : irp_(IoAllocateIrp(3, FALSE)) {
    IoSetCompletionRoutine(irp_, Above, this, TRUE, TRUE, TRUE);
    IoSetNextIrpStackLocation(irp_);
    IoSetCompletionRoutine(irp_, Ours, this, TRUE, TRUE, TRUE);
  }
  ~PassedDown() { IoFreeIrp(irp_); }
  PassedDown(const PassedDown&) = delete;
  PIRP irp() { return irp_; }

  // What a call returned against what was seen.
  void Check(NTSTATUS returned, const char* what) {
    Settle();
    EXPECT_EQ(ours, 1) << what;
    EXPECT_EQ(above, 1) << what;
    EXPECT_EQ(pending, returned == STATUS_PENDING) << what;
    if (returned != STATUS_PENDING) {
      EXPECT_EQ(returned, status) << what;
    }
    if (NT_ERROR(status)) {
      EXPECT_EQ(information, 0u) << what;
    }
  }

  int ours = 0, above = 0;
  bool pending = false;
  KIRQL irql = 0;
  NTSTATUS status = STATUS_PENDING;
  ULONG_PTR information = 0;

 private:
  static NTSTATUS Ours(PDEVICE_OBJECT, PIRP irp, PVOID context) {
    auto* self = static_cast<PassedDown*>(context);
    ++self->ours;
    self->pending = irp->PendingReturned != FALSE;
    self->irql = KeGetCurrentIrql();
    self->status = irp->IoStatus.Status;
    self->information = irp->IoStatus.Information;
    if (irp->PendingReturned) IoMarkIrpPending(irp);
    return STATUS_SUCCESS;
  }
  static NTSTATUS Above(PDEVICE_OBJECT, PIRP irp, PVOID context) {
    auto* self = static_cast<PassedDown*>(context);
    ++self->above;
    EXPECT_EQ(irp->IoStatus.Status, self->status);
    EXPECT_EQ(irp->PendingReturned != FALSE, self->pending);
    return STATUS_MORE_PROCESSING_REQUIRED;
  }

  PIRP irp_;
};

// Calls every function that takes an IRP, so that it succeeds and so that it fails.
void CallEverything(TestClient& client, PWSK_SOCKET socket) {
  auto* functions = TestClient::Functions(socket);
  SOCKADDR_INET local = {};
  SOCKADDR_INET remote = {};
  local.si_family = AF_INET;
  PeerAddress(9, false, &remote);
  auto* local_address = reinterpret_cast<PSOCKADDR>(&local);
  auto* remote_address = reinterpret_cast<PSOCKADDR>(&remote);
  TestBuffer buffer({16}, 0, 'z');
  const auto check = [](const char* what, const std::function<NTSTATUS(PIRP)>& call) {
    PassedDown irp;
    irp.Check(call(irp.irp()), what);
    return irp.information;
  };
  const auto make = [&](USHORT type, ULONG protocol, ULONG category, const void* table) {
    return check("WskSocket", [&](PIRP irp) {
      return client.npi.Dispatch->WskSocket(client.npi.Client, AF_INET, type, protocol, category, &client,
                                            table, nullptr, nullptr, nullptr, irp);
    });
  };
  auto* made = reinterpret_cast<PWSK_SOCKET>(
      make(SOCK_STREAM, IPPROTO_TCP, WSK_FLAG_CONNECTION_SOCKET, &client.dispatch));
  EXPECT_EQ(make(SOCK_RAW, 0, WSK_FLAG_CONNECTION_SOCKET, &client.dispatch), 0u);
  ASSERT_NE(made, nullptr);
  check("WskConnect early", [&](PIRP irp) { return functions->WskConnect(made, remote_address, 0, irp); });
  check("WskGetLocalAddress early",
        [&](PIRP irp) { return functions->WskGetLocalAddress(made, local_address, irp); });
  local.si_family = AF_INET;
  check("WskBind", [&](PIRP irp) { return functions->WskBind(made, local_address, 0, irp); });
  check("WskBind again", [&](PIRP irp) { return functions->WskBind(made, local_address, 0, irp); });
  check("WskConnectEx with flags",
        [&](PIRP irp) { return functions->WskConnectEx(made, remote_address, nullptr, 1, irp); });
  check("WskConnectEx",
        [&](PIRP irp) { return functions->WskConnectEx(made, remote_address, &buffer.buffer, 0, irp); });
  check("WskSend", [&](PIRP irp) { return functions->WskSend(made, &buffer.buffer, 0, irp); });
  check("WskSend with a foreign flag",
        [&](PIRP irp) { return functions->WskSend(made, &buffer.buffer, 0x80, irp); });
  Send(9, "abc");
  Settle();
  check("WskReceive", [&](PIRP irp) { return functions->WskReceive(made, &buffer.buffer, 0, irp); });
  check("WskGetRemoteAddress",
        [&](PIRP irp) { return functions->WskGetRemoteAddress(made, remote_address, irp); });
  check("WskDisconnect", [&](PIRP irp) { return functions->WskDisconnect(made, nullptr, 0, irp); });
  check("WskDisconnect again", [&](PIRP irp) { return functions->WskDisconnect(made, nullptr, 0, irp); });
  check("WskDisconnect, abortive",
        [&](PIRP irp) { return functions->WskDisconnect(made, nullptr, WSK_FLAG_ABORTIVE, irp); });
  check("an option", [&](PIRP irp) {
    ULONG value = 1;
    return functions->Basic.WskControlSocket(made, WskSetOption, SO_KEEPALIVE, SOL_SOCKET, sizeof value,
                                             &value, 0, nullptr, nullptr, irp);
  });
  check("an unknown ioctl", [&](PIRP irp) {
    return functions->Basic.WskControlSocket(made, WskIoctl, 12345, 0, 0, nullptr, 0, nullptr, nullptr, irp);
  });
  check("WskCloseSocket", [&](PIRP irp) { return functions->Basic.WskCloseSocket(made, irp); });
}

TEST(Irps, PendingIsMarkedWhereItIsReturned) {
  for (uint8_t completion : {0, 1, 2, 3}) {
    for (uint8_t failure : {0, 1}) {
      WithConnection([](TestClient& client, PWSK_SOCKET socket) { CallEverything(client, socket); },
                     {{kChoiceCompletion, completion}, {kChoiceFailure, failure}});
      if (HasFailure()) FAIL() << "completion " << int{completion} << ", failure " << int{failure};
    }
  }
}

TEST(Irps, PendingIsMarkedUnderAnySchedule) {
  for (uint32_t round = 0; round < 200 && !HasFailure(); ++round) {
    EmulatorReset();
    std::vector<uint8_t> schedule(600);
    uint32_t state = round * 2654435761u + 1;
    for (uint8_t& byte : schedule) {
      state = state * 1664525u + 1013904223u;
      byte = (state >> 30) == 0 ? static_cast<uint8_t>(state >> 16) : 0;
    }
    FixedRun run({{kChoiceSpontaneousBreak, 0}, {kChoiceAcknowledgementTimeout, 0}});
    run.options.schedule = schedule.data();
    run.options.schedule_size = schedule.size();
    TestClient client;
    RunReport report = Play(
        [&] {
          ASSERT_TRUE(client.Open());
          PWSK_SOCKET socket = client.Connect(kTestPeer);
          ASSERT_NE(socket, nullptr);
          CallEverything(client, socket);
          client.CloseSocket(socket);
          client.Close();
        },
        run.options);
    ASSERT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock;
    ASSERT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u) << report.leaks.first;
  }
}

TEST(Irps, CompleteAtDispatchLevelIfTheScheduleSaysSo) {
  for (uint8_t level : {0, 1}) {
    WithConnection(
        [&](TestClient&, PWSK_SOCKET socket) {
          SOCKADDR_INET found;
          PassedDown irp;
          irp.Check(TestClient::Functions(socket)->WskGetLocalAddress(
                        socket, reinterpret_cast<PSOCKADDR>(&found), irp.irp()),
                    "WskGetLocalAddress");
          EXPECT_EQ(irp.irql, level == 0 ? PASSIVE_LEVEL : DISPATCH_LEVEL);
        },
        {{kChoiceCompletionIrql, level}});
  }
}

TEST(Irps, OneStackLocationIsEnough) {
  WithConnection([](TestClient&, PWSK_SOCKET socket) {
    struct Seen {
      int count = 0;
      PDEVICE_OBJECT device = nullptr;
    } seen;
    PIRP irp = IoAllocateIrp(1, FALSE);
    auto routine = [](PDEVICE_OBJECT device, PIRP, PVOID context) -> NTSTATUS {
      auto* self = static_cast<Seen*>(context);
      ++self->count;
      self->device = device;
      return STATUS_MORE_PROCESSING_REQUIRED;
    };
    SOCKADDR_INET found;
    for (int i = 1; i <= 3; ++i) {
      IoReuseIrp(irp, STATUS_SUCCESS);
      IoSetCompletionRoutine(irp, routine, &seen, TRUE, TRUE, TRUE);
      TestClient::Functions(socket)->WskGetLocalAddress(socket, reinterpret_cast<PSOCKADDR>(&found), irp);
      Settle();
      EXPECT_EQ(seen.count, i);
      EXPECT_EQ(seen.device, nullptr);
    }
    IoFreeIrp(irp);
  });
}

// Calls that wait, each with its IRP cancelled: before the call, while it waits, and racing what it waits
// for.
TEST(Irps, EveryWaitingCallCanBeCancelled) {
  for (bool before : {false, true}) {
    WithConnection([&](TestClient& client, PWSK_SOCKET socket) {
      auto* functions = TestClient::Functions(socket);
      TestBuffer buffer({16}, 0, 'z');
      PeerStopAcknowledging(kTestPeer, true);
      const auto cancel = [&](const char* what, const std::function<NTSTATUS(PIRP)>& call) {
        PassedDown irp;
        if (before) IoCancelIrp(irp.irp());
        NTSTATUS returned = call(irp.irp());
        Settle();
        EXPECT_EQ(irp.ours, before ? 1 : 0) << what;
        if (!before) IoCancelIrp(irp.irp());
        irp.Check(returned, what);
        EXPECT_EQ(irp.status, STATUS_CANCELLED) << what;
      };
      cancel("WskReceive", [&](PIRP irp) { return functions->WskReceive(socket, &buffer.buffer, 0, irp); });
      cancel("WskReceive, all",
             [&](PIRP irp) { return functions->WskReceive(socket, &buffer.buffer, WSK_FLAG_WAITALL, irp); });
      cancel("WskSend", [&](PIRP irp) { return functions->WskSend(socket, &buffer.buffer, 0, irp); });
      PWSK_SOCKET datagrams = client.DatagramSocket(71);
      cancel("WskReceiveFrom", [&](PIRP irp) {
        return TestClient::DatagramFunctions(datagrams)->WskReceiveFrom(datagrams, &buffer.buffer, 0, nullptr,
                                                                        nullptr, nullptr, nullptr, irp);
      });
      client.CloseSocket(datagrams);
      SOCKADDR_INET local = {};
      SOCKADDR_INET remote = {};
      local.si_family = AF_INET;
      PeerAddress(9, false, &remote);
      PeerSetConnectPolicy(9, ConnectPolicy::kIgnore);
      cancel("WskSocketConnect", [&](PIRP irp) {
        return client.npi.Dispatch->WskSocketConnect(client.npi.Client, SOCK_STREAM, IPPROTO_TCP,
                                                     reinterpret_cast<PSOCKADDR>(&local),
                                                     reinterpret_cast<PSOCKADDR>(&remote), 0, &client,
                                                     &client.dispatch, nullptr, nullptr, nullptr, irp);
      });
      cancel("WSK_TRANSPORT_LIST_CHANGE", [&](PIRP irp) {
        return client.npi.Dispatch->WskControlClient(client.npi.Client, WSK_TRANSPORT_LIST_CHANGE, 0, nullptr,
                                                     0, nullptr, nullptr, irp);
      });
      PeerStopAcknowledging(kTestPeer, false);
    });
  }
}

TEST(Irps, AConnectExThatIsCancelledWhileItsDataWaits) {
  std::string told = WithConnection([](TestClient& client, PWSK_SOCKET) {
    PWSK_SOCKET socket = client.Socket();
    auto* functions = TestClient::Functions(socket);
    SOCKADDR_INET local = {};
    SOCKADDR_INET remote = {};
    local.si_family = AF_INET;
    PeerAddress(9, false, &remote);
    PeerStopAcknowledging(9, true);
    TestIrp bind("bind", &client.log);
    TestIrp connect("connect", &client.log);
    TestIrp late("late", &client.log);
    TestBuffer buffer({4}, 0, 'z');
    functions->WskBind(socket, reinterpret_cast<PSOCKADDR>(&local), 0, bind.irp);
    bind.Wait();
    EXPECT_EQ(
        functions->WskConnectEx(socket, reinterpret_cast<PSOCKADDR>(&remote), &buffer.buffer, 0, connect.irp),
        STATUS_PENDING);
    Settle();
    EXPECT_EQ(connect.completions, 0);
    IoCancelIrp(connect.irp);
    Settle();
    WskSendFrom(socket, &buffer, &late);
    client.CloseSocket(socket);
  });
  EXPECT_EQ(told, "bind completes 0; connect completes c0000120; late completes c0000241");
}

TEST(Irps, ACancelledDisableHasNoEffectOnTheDisable) {
  WithConnection([](TestClient& client, PWSK_SOCKET socket) {
    TestIrp disable("disable", &client.log);
    client.on_receive = [&](PWSK_DATA_INDICATION, SIZE_T, SIZE_T*) {
      if (client.receives > 1) return STATUS_SUCCESS;
      EXPECT_EQ(client.Control(socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE, &disable), STATUS_PENDING);
      IoCancelIrp(disable.irp);
      EXPECT_EQ(disable.status, STATUS_CANCELLED);
      return STATUS_SUCCESS;
    };
    client.Control(socket, WSK_EVENT_RECEIVE);
    Send(kTestPeer, "abc");
    Settle();
    Send(kTestPeer, "def");
    Settle();
    EXPECT_EQ(client.receives, 1);
    EXPECT_EQ(disable.completions, 1);
  });
}

}  // namespace
}  // namespace wskcert::emulator
