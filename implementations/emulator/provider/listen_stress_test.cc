// Random use of a listening socket under random schedules: whatever the schedule chooses, every IRP completes
// once, nothing leaks, nothing hangs, every accepted socket is known once, inspected requests end in one way,
// and a disabled accept event stays silent.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>

#include "implementations/emulator/provider/test_listener.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kFirstPeer = 10;
constexpr uint32_t kPeerCount = 4;

class ListenScenario {
 public:
  ListenScenario(uint32_t seed, bool conditional, bool second_thread)
      : random_(seed), conditional_(conditional), second_thread_(second_thread) {}

  RunReport Run(const RunOptions& options) {
    EmulatorReset();
    RunReport report = Play([this] { Body(); }, options);
    // What an interrupted run leaves behind is the runtime's by now.
    for (auto& irp : irps_) irp.release();
    return report;
  }

  ListenClient client;
  std::string broken;  // the first rule that was broken
  int accepts = 0, inspections = 0, aborts = 0;

 private:
  uint32_t Random(uint32_t count) { return random_() % count; }
  uint32_t RandomPeer() { return kFirstPeer + Random(kPeerCount); }

  void Broke(const std::string& what) {
    if (broken.empty()) broken = what;
  }

  TestIrp* Irp(const char* name) {
    irps_.push_back(std::make_unique<TestIrp>(name, &client.log));
    return irps_.back().get();
  }

  void Take(PWSK_SOCKET socket) {
    ++accepts;
    if (!open_.insert(socket).second) Broke("a socket accepted twice");
  }

  void Enable() {
    ++enabling_;
    constexpr ULONG kFlags[] = {0, WSK_EVENT_RECEIVE, WSK_EVENT_DISCONNECT, WSK_EVENT_RECEIVE};
    client.Control(client.listener, WSK_EVENT_ACCEPT | kFlags[Random(4)]);
    silent_ = false;
    ++enables_;
    --enabling_;
  }

  // An enable meanwhile, by another thread, makes the outcome of a disable worthless.
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
    NTSTATUS status = client.Control(client.listener, WSK_EVENT_ACCEPT | WSK_EVENT_DISABLE, irp);
    if (status == STATUS_SUCCESS) {
      Silence(enables, calls);
    } else if (status == STATUS_FILE_FORCED_CLOSED || status == STATUS_INVALID_DEVICE_STATE) {
      return;  // broken, or a disable waits already
    } else if (status == STATUS_PENDING ? irp == nullptr : status != STATUS_EVENT_PENDING || irp != nullptr) {
      Broke("disable returned something else");
    }
  }

  void Accept() {
    TestIrp* irp = Irp("accept");
    if (irp->irp == nullptr) return;
    irp->on_complete = [this, irp] {
      if (irp->status == STATUS_SUCCESS) Take(reinterpret_cast<PWSK_SOCKET>(irp->information));
    };
    client.Accept(client.listener, irp);
  }

  // Only sockets that no callback uses right now.
  void CloseOne() {
    if (open_.empty() || client.active != 0) return;
    PWSK_SOCKET socket = *std::next(open_.begin(), Random(static_cast<uint32_t>(open_.size())));
    if (!closing_.insert(socket).second) return;
    open_.erase(socket);
    client.CloseSocket(socket);
    closing_.erase(socket);
  }

  void Decide() {
    if (client.inspected.empty()) return;
    TestIrp* irp = Irp("decide");
    if (irp->irp == nullptr) return;
    WSK_INSPECT_ID id = client.inspected[Random(static_cast<uint32_t>(client.inspected.size()))];
    client.InspectComplete(id, Random(3) ? WskInspectAccept : WskInspectReject, irp);
  }

  void Step() {
    switch (Random(16)) {
      case 0:
      case 1:
        return Enable();
      case 2:
      case 3:
        return Disable();
      case 4:
      case 5:
      case 6:
      case 7:
        PeerConnect(RandomPeer(), &client.port);
        return;
      case 8:
        for (uint32_t peer = kFirstPeer; peer < kFirstPeer + kPeerCount && !PeerAbandon(peer); ++peer) {
        }
        return;
      case 9:
        Send(RandomPeer(), "abc");
        return;
      case 10:
        if (Random(2)) {
          PeerReset(RandomPeer());
        } else {
          PeerDisconnect(RandomPeer());
        }
        return;
      case 11:
        return Accept();
      case 12:
        return Decide();
      case 13:
        if (!irps_.empty()) Cancel(Random(static_cast<uint32_t>(irps_.size())));
        return;
      case 14:
        if (Random(2)) return CloseOne();
        if (Random(8) == 0) NetworkBreakListener(&client.port);
        return;
      default:
        if (Random(2)) Settle();
    }
  }

  void Cancel(size_t index) {
    TestIrp* irp = irps_[index].get();
    if (irp->irp != nullptr && irp->completions == 0) IoCancelIrp(irp->irp);
  }

  NTSTATUS OnAccept(PWSK_SOCKET socket) {
    if (silent_ && enabling_ == 0) Broke("a call of a disabled event");
    ++accepting_;
    int call = ++calls_;
    running_.insert(call);
    NTSTATUS status = Random(4) ? STATUS_SUCCESS : STATUS_REQUEST_NOT_ACCEPTED;
    if (status == STATUS_SUCCESS && Random(3) == 0) client.Control(socket, WSK_EVENT_RECEIVE);
    if (!finishing_ && Random(6) == 0) Disable();
    if (Random(4) == 0) Yield(kChoiceWait);
    if (status == STATUS_SUCCESS) Take(socket);
    running_.erase(call);
    --accepting_;
    return status;
  }

  WSK_INSPECT_ACTION OnInspect(const WSK_INSPECT_ID& id) {
    ++inspections;
    for (size_t i = 0; i + 1 < client.inspected.size(); ++i) {
      const WSK_INSPECT_ID& other = client.inspected[i];
      if (other.Key == id.Key && other.SerialNumber == id.SerialNumber) Broke("an inspect id used twice");
    }
    if (!finishing_ && Random(6) == 0) Decide();
    if (Random(4) == 0) Yield(kChoiceWait);
    auto action = static_cast<WSK_INSPECT_ACTION>(Random(3));
    if (action != WskInspectReject) undecided_[{id.Key, id.SerialNumber}] = 0;
    return action;
  }

  void OnAbort(const WSK_INSPECT_ID& id) {
    ++aborts;
    auto found = undecided_.find({id.Key, id.SerialNumber});
    if (found == undecided_.end()) return Broke("an abort of what was not inspected, or was rejected");
    if (++found->second > 1) Broke("aborted twice");
  }

  void Play30() {
    client.on_accept = [this](PWSK_SOCKET socket) { return OnAccept(socket); };
    client.on_inspect = [this](const WSK_INSPECT_ID& id) { return OnInspect(id); };
    client.on_abort = [this](const WSK_INSPECT_ID& id) { OnAbort(id); };
    // A second thread does the same things to the same socket.
    std::optional<TestThread> other;
    if (second_thread_) {
      other.emplace([this] {
        for (int i = 0; i < 20; ++i) Step();
      });
    }
    for (int i = 0; i < 30; ++i) Step();
    other.reset();
    finishing_ = true;
    // A callback that runs may be calling a socket's functions.
    if (Random(2) || client.active != 0 || accepting_ != 0 || client.listener_calls != 0) Settle();
    client.CloseListener();
    if (accepting_ != 0) Broke("closed with a call in progress");
    for (const auto& irp : irps_) {
      if (irp->irp != nullptr && irp->completions > 1) Broke("an IRP completed twice");
      if (irp->irp != nullptr && irp->completions == 0) Broke("no completion of " + irp->name);
    }
    Settle();
    for (PWSK_SOCKET socket : open_) client.CloseSocket(socket);
    if (client.active != 0) Broke("closed with a call in progress");
  }

  void Body() {
    if (!client.Open()) return;
    ListenClient::Options options;
    options.conditional = conditional_;
    if (client.Listen(options)) Play30();
    irps_.clear();
    client.Close();
  }

  std::mt19937 random_;
  bool conditional_, second_thread_;
  std::vector<std::unique_ptr<TestIrp>> irps_;
  std::set<PWSK_SOCKET> open_, closing_;
  std::map<std::pair<ULONG_PTR, ULONG>, int> undecided_;
  bool silent_ = true, finishing_ = false;
  int enables_ = 0, enabling_ = 0, accepting_ = 0, calls_ = 0;
  std::set<int> running_;  // calls of the accept event
};

struct Totals {
  int accepts = 0, inspections = 0, aborts = 0;
};

void Check(uint32_t seed, const RunOptions& options, bool second_thread, Totals* totals = nullptr) {
  ListenScenario scenario(seed, seed % 2 != 0, second_thread);
  RunReport report = scenario.Run(options);
  ASSERT_EQ(report.ending, Ending::kFinished)
      << "seed " << seed << ": " << report.bug_check.message << report.deadlock << "\n"
      << scenario.client.Told();
  ASSERT_EQ(scenario.broken, "") << "seed " << seed << "\n" << scenario.client.Told();
  ASSERT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u)
      << "seed " << seed << ": " << report.leaks.first;
  if (totals == nullptr) return;
  totals->accepts += scenario.accepts;
  totals->inspections += scenario.inspections;
  totals->aborts += scenario.aborts;
}

// Choices that change what the client's own code above relies on stay at 0.
std::vector<uint8_t> FixedReadings() {
  std::vector<uint8_t> fixed(kChoiceEnd, 0xFF);
  for (int kind : {kChoiceDisableDisabled, kChoiceCallsWhileDisabling, kChoiceEnableWhileDisabling})
    fixed[kind] = 0;
  return fixed;
}

TEST(ListenStress, WithoutASchedule) {
  Totals totals;
  for (uint32_t seed = 0; seed < 2000 && !testing::Test::HasFailure(); ++seed)
    Check(seed, RunOptions{}, false, &totals);
  // The runs do what they are for.
  EXPECT_GT(totals.accepts, 1000);
  EXPECT_GT(totals.inspections, 1000);
  EXPECT_GT(totals.aborts, 50);
}

void CheckSchedules(uint32_t first_seed, bool second_thread) {
  std::vector<uint8_t> fixed = FixedReadings();
  std::mt19937 random(first_seed);
  for (uint32_t seed = first_seed; seed < first_seed + 6000 && !testing::Test::HasFailure(); ++seed) {
    std::vector<uint8_t> schedule(500);
    for (uint8_t& byte : schedule) byte = random() % 2 == 0 ? random() : 0;
    RunOptions options;
    options.schedule = schedule.data();
    options.schedule_size = schedule.size();
    options.fixed_choices = fixed.data();
    options.fixed_choice_count = fixed.size();
    Check(seed, options, second_thread);
  }
}

TEST(ListenStress, RandomSchedules) { CheckSchedules(0, false); }
TEST(ListenStress, TwoClientThreads) { CheckSchedules(100000, true); }

TEST(ListenStress, AnyAllocationMayFail) {
  for (uint32_t seed = 0; seed < 20 && !testing::Test::HasFailure(); ++seed) {
    ListenScenario whole(seed, seed % 2 != 0, false);
    uint32_t allocations = whole.Run(RunOptions{}).allocations;
    ASSERT_GT(allocations, 4u);
    for (uint32_t n = 1; n <= allocations && !testing::Test::HasFailure(); ++n) {
      RunOptions options;
      options.fail_allocation = n;
      Check(seed, options, false);
    }
  }
}

}  // namespace
}  // namespace wskcert::emulator
