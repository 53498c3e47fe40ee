// Random operations on a datagram socket that is registered for the extension, under random schedules:
// whatever the schedule chooses, every IRP completes once, nothing leaks, nothing hangs, no datagram is told
// twice or torn, and a disabled event stays silent.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <set>

#include "implementations/emulator/provider/test_client.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kPeer = 3;
constexpr uint16_t kPort = 5000;
constexpr ULONG kDisable = WSK_EVENT_RECEIVE_FROM | WSK_EVENT_DISABLE;

class Scenario {
 public:
  Scenario(uint32_t seed, bool two_threads) : random_(seed), two_threads_(two_threads) {}

  RunReport Run(const RunOptions& options) {
    EmulatorReset();
    RunReport report = Play([this] { Body(); }, options);
    // What an interrupted run leaves behind is the runtime's by now.
    for (auto& irp : irps_) irp.release();
    for (auto& buffer : buffers_) buffer.release();
    return report;
  }

  TestClient client;
  std::string broken;  // the first rule that was broken

 private:
  uint32_t Random(uint32_t count) { return random_() % count; }

  void Broke(const std::string& what) {
    if (broken.empty()) broken = what;
  }

  TestIrp* Irp(const char* name) {
    irps_.push_back(std::make_unique<TestIrp>(name, &client.log));
    return irps_.back().get();
  }

  TestBuffer* Buffer(SIZE_T length) {
    buffers_.push_back(std::make_unique<TestBuffer>(std::vector<SIZE_T>{1 + Random(3), length}, Random(5)));
    return buffers_.back().get();
  }

  // Each datagram begins with its number and goes on with a pattern of it.
  std::string Next() {
    std::string text = std::to_string(++sent_) + ":";
    return text +
           std::string(Random(4) == 0 ? Random(5000) : Random(20), static_cast<char>('a' + sent_ % 26));
  }

  // What came as one datagram: whole unless it was cut, known, not seen before.
  void Got(const std::string& text, bool cut) {
    size_t colon = text.find(':');
    if (colon == std::string::npos) {
      if (!cut) Broke("a datagram without a number");
      return;
    }
    int number = atoi(text.c_str());
    if (number < 1 || number > sent_ || !seen_.insert(number).second) Broke("a datagram that is told twice");
    for (size_t i = colon + 1; i < text.size(); ++i) {
      if (text[i] != 'a' + number % 26) return Broke("a datagram with something else in it");
    }
  }

  // Whether the outcome of a disable still holds: no enable came since.
  // Calls that began after the disable was asked for, and those alone, may outlast it.
  void Silence(int enables, int calls) {
    if (enables != enables_ || enabling_ != 0) return;
    silent_ = true;
    if (!running_.empty() && *running_.begin() <= calls) Broke("disabled while a call is in progress");
  }

  void Disable() {
    TestIrp* irp = Random(2) ? Irp("disable") : nullptr;
    if (irp != nullptr && irp->irp == nullptr) return;
    int enables = enables_, calls = calls_;
    if (irp != nullptr) {
      irp->on_complete = [this, irp, enables, calls] {
        if (irp->status == STATUS_SUCCESS) Silence(enables, calls);
      };
    }
    NTSTATUS status = client.Control(socket_, kDisable, irp);
    if (status == STATUS_SUCCESS) {
      Silence(enables, calls);
    } else if (status == STATUS_FILE_FORCED_CLOSED || status == STATUS_INVALID_DEVICE_STATE) {
      return;  // broken, or a disable waits already
    } else if (status == STATUS_PENDING ? irp == nullptr : status != STATUS_EVENT_PENDING || irp != nullptr) {
      Broke("disable returned something else");
    }
  }

  void Enable() {
    ++enabling_;
    client.Control(socket_, WSK_EVENT_RECEIVE_FROM);
    silent_ = false;
    ++enables_;
    --enabling_;
  }

  void Receive() {
    TestIrp* irp = Irp("receive");
    TestBuffer* buffer = Buffer(Random(100));
    if (irp->irp == nullptr) return;
    auto flags = std::make_shared<ULONG>(0);
    irp->on_complete = [this, irp, buffer, flags] {
      if (irp->status != STATUS_SUCCESS) return;
      Got(buffer->Text(irp->information), (*flags & MSG_TRUNC) != 0);
    };
    TestClient::DatagramFunctions(socket_)->WskReceiveFrom(socket_, &buffer->buffer, 0, nullptr, nullptr,
                                                           nullptr, flags.get(), irp->irp);
  }

  void SendOut(bool several) {
    TestIrp* irp = Irp("send");
    TestBuffer* one = Buffer(Random(3000));
    TestBuffer* two = Buffer(Random(10));
    if (irp->irp == nullptr) return;
    SOCKADDR_INET to = {};
    PeerAddress(kPeer, false, &to);
    auto* address = reinterpret_cast<PSOCKADDR>(&to);
    auto* functions = TestClient::DatagramFunctions(socket_);
    if (several) {
      WSK_BUF_LIST second = {nullptr, two->buffer};
      WSK_BUF_LIST first = {&second, one->buffer};
      functions->WskSendMessages(socket_, &first, 0, address, 0, nullptr, irp->irp);
    } else {
      functions->WskSendTo(socket_, &one->buffer, 0, address, 0, nullptr, irp->irp);
    }
  }

  void Step() {
    switch (Random(14)) {
      case 0:
      case 1:
        return Enable();
      case 2:
        return Disable();
      case 3:
      case 4:
      case 5:
      case 6:
        SendDatagram(kPeer, kPort, Next());
        return;
      case 7:
        return SendOut(Random(3) == 0);
      case 8:
        return Receive();
      case 9:
        if (!irps_.empty()) Cancel(Random(irps_.size()));
        return;
      case 10:
        if (registered_) Ping();
        return;
      case 11:
        if (Random(12) == 0) {
          SOCKADDR_INET local = WildcardAddress(kPort);
          NetworkBreakDatagramSocket(&local);
        }
        return;
      default:
        ReleaseOne();
        if (Random(2)) Settle();
    }
  }

  void Ping() {
    switch (Random(3)) {
      case 0:
        pings_silent_ = false;
        client.Control(socket_, WSKEMU_EVENT_PING, nullptr, NPI_WSKEMU_PING_ID);
        return;
      case 1:
        if (two_threads_) return;
        if (client.Control(socket_, WSKEMU_EVENT_PING | WSK_EVENT_DISABLE, nullptr, NPI_WSKEMU_PING_ID) ==
            STATUS_SUCCESS) {
          pings_silent_ = true;
        }
        return;
      default:
        static_cast<const WSKEMU_PROVIDER_PING_DISPATCH*>(extension_.ProviderDispatch)
            ->Ping(extension_.ProviderContext, 1);
    }
  }

  static NTSTATUS OnPing(PVOID context, ULONG) {
    auto* self = static_cast<Scenario*>(context);
    if (self->pings_silent_) self->Broke("a ping of a disabled event");
    ++self->active_pings_;
    self->client.Log("ping");
    --self->active_pings_;
    return STATUS_SUCCESS;
  }

  void Register() {
    NPIID id = NPI_WSKEMU_PING_ID;
    WSK_EXTENSION_CONTROL_IN in = {&id, this, &ping_dispatch_};
    registered_ = TestClient::Functions(socket_)->Basic.WskControlSocket(
                      socket_, WskIoctl, SIO_WSK_REGISTER_EXTENSION, 0, sizeof in, &in, sizeof extension_,
                      &extension_, nullptr, nullptr) == STATUS_SUCCESS;
  }

  void Cancel(size_t index) {
    TestIrp* irp = irps_[index].get();
    if (irp->irp != nullptr && irp->completions == 0) IoCancelIrp(irp->irp);
  }

  void ReleaseOne() {
    if (retained_.empty()) return;
    PWSK_DATAGRAM_INDICATION list = retained_.back();
    retained_.pop_back();
    TestClient::DatagramFunctions(socket_)->WskRelease(socket_, list);
  }

  NTSTATUS OnDatagrams(PWSK_DATAGRAM_INDICATION list) {
    if (silent_ && enabling_ == 0) Broke("a call of a disabled event");
    uint32_t what = Random(8);
    if (list == nullptr) return STATUS_SUCCESS;
    if (what == 0) return STATUS_DATA_NOT_ACCEPTED;
    for (PWSK_DATAGRAM_INDICATION node = list; node != nullptr; node = node->Next) {
      if (PeerOfAddress(node->RemoteAddress) != kPeer) Broke("a wrong address");
      Got(TextOf(node->Buffer), false);
    }
    if (what < 3 && !closing_) {
      if (what == 2 && list->Next != nullptr) {
        retained_.push_back(list->Next);
        list->Next = nullptr;
        TestClient::DatagramFunctions(socket_)->WskRelease(socket_, list);
      } else {
        retained_.push_back(list);
      }
      return STATUS_PENDING;
    }
    if (what == 3 && !closing_) Disable();
    if (what == 4 && !closing_) Receive();
    return STATUS_SUCCESS;
  }

  void Body() {
    if (!client.Open()) return;
    socket_ = client.DatagramSocket(kPort);
    if (socket_ != nullptr) {
      client.on_datagrams = [this](PWSK_DATAGRAM_INDICATION list) {
        int call = ++calls_;
        running_.insert(call);
        NTSTATUS status = OnDatagrams(list);
        running_.erase(call);
        return status;
      };
      Register();
      // A second thread does the same things to the same socket.
      std::optional<TestThread> other;
      if (two_threads_) {
        other.emplace([this] {
          for (int i = 0; i < 20; ++i) Step();
        });
      }
      for (int i = 0; i < 40; ++i) Step();
      other.reset();
      closing_ = true;
      // A callback that runs may be calling the socket's functions.
      if (Random(2) || client.active != 0) Settle();
      while (!retained_.empty()) ReleaseOne();
      client.CloseSocket(socket_);
      if (client.active != 0 || active_pings_ != 0) Broke("closed with a call in progress");
      for (const auto& irp : irps_) {
        if (irp->irp != nullptr && irp->completions != 1) Broke("completions of " + irp->name);
      }
    }
    irps_.clear();
    buffers_.clear();
    client.Close();
  }

  std::mt19937 random_;
  bool two_threads_;
  bool closing_ = false;
  bool registered_ = false;
  bool silent_ = false;  // no receive-from callback may begin
  int calls_ = 0;
  std::set<int> running_;  // receive-from callbacks
  bool pings_silent_ = true;
  int enables_ = 0;   // finished
  int enabling_ = 0;  // begun and not finished
  int sent_ = 0;
  int active_pings_ = 0;
  std::set<int> seen_;
  PWSK_SOCKET socket_ = nullptr;
  WSKEMU_CLIENT_PING_DISPATCH ping_dispatch_ = {OnPing};
  WSK_EXTENSION_CONTROL_OUT extension_ = {};
  std::vector<std::unique_ptr<TestIrp>> irps_;
  std::vector<std::unique_ptr<TestBuffer>> buffers_;
  std::vector<PWSK_DATAGRAM_INDICATION> retained_;
};

// Choices that change what the client's own code above relies on stay at 0.
std::vector<uint8_t> FixedReadings() {
  std::vector<uint8_t> fixed(kChoiceEnd, 0xFF);
  for (int kind : {kChoiceDisableDisabled, kChoiceCallsWhileDisabling, kChoiceEnableWhileDisabling})
    fixed[kind] = 0;
  return fixed;
}

void Check(uint32_t seed, const RunOptions& options, bool two_threads = false) {
  Scenario scenario(seed, two_threads);
  RunReport report = scenario.Run(options);
  ASSERT_EQ(report.ending, Ending::kFinished)
      << "seed " << seed << ": " << report.bug_check.message << report.deadlock << "\n"
      << scenario.client.Told();
  ASSERT_EQ(scenario.broken, "") << "seed " << seed << "\n" << scenario.client.Told();
  ASSERT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u)
      << "seed " << seed << ": " << report.leaks.first;
}

void CheckSchedules(uint32_t seeds, uint32_t one_in, bool two_threads) {
  std::vector<uint8_t> fixed = FixedReadings();
  std::mt19937 random(17);
  for (uint32_t seed = 0; seed < seeds && !testing::Test::HasFailure(); ++seed) {
    std::vector<uint8_t> schedule(500);
    for (uint8_t& byte : schedule) byte = random() % one_in == 0 ? random() : 0;
    RunOptions options;
    options.schedule = schedule.data();
    options.schedule_size = schedule.size();
    options.fixed_choices = fixed.data();
    options.fixed_choice_count = fixed.size();
    Check(seed, options, two_threads);
  }
}

TEST(DatagramStress, WithoutASchedule) {
  for (uint32_t seed = 0; seed < 2000 && !testing::Test::HasFailure(); ++seed) Check(seed, RunOptions{});
}

TEST(DatagramStress, RandomSchedules) { CheckSchedules(4000, 3, false); }

TEST(DatagramStress, TwoClientThreads) { CheckSchedules(4000, 2, true); }

TEST(DatagramStress, SameScheduleSameLog) {
  std::vector<uint8_t> fixed = FixedReadings();
  std::mt19937 random(11);
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::vector<uint8_t> schedule(300);
    for (uint8_t& byte : schedule) byte = random();
    RunOptions options;
    options.schedule = schedule.data();
    options.schedule_size = schedule.size();
    options.fixed_choices = fixed.data();
    options.fixed_choice_count = fixed.size();
    Scenario first(seed, true);
    Scenario second(seed, true);
    RunReport one = first.Run(options);
    RunReport two = second.Run(options);
    ASSERT_EQ(first.client.Told(), second.client.Told()) << "seed " << seed;
    ASSERT_EQ(one.steps, two.steps);
    ASSERT_EQ(one.allocations, two.allocations);
  }
}

TEST(DatagramStress, AnyAllocationMayFail) {
  for (uint32_t seed = 0; seed < 20 && !testing::Test::HasFailure(); ++seed) {
    Scenario whole(seed, false);
    uint32_t allocations = whole.Run(RunOptions{}).allocations;
    ASSERT_GT(allocations, 4u);
    for (uint32_t n = 1; n <= allocations && !testing::Test::HasFailure(); ++n) {
      RunOptions options;
      options.fail_allocation = n;
      Check(seed, options);
    }
  }
}

}  // namespace
}  // namespace wskcert::emulator
