// Random client operations under random schedules: whatever the schedule chooses, every IRP completes once,
// nothing leaks, nothing hangs, data comes complete and in order, and a disabled event stays silent.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <random>

#include "implementations/emulator/provider/test_client.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kPeer = 1;

struct Book {
  std::vector<std::unique_ptr<TestIrp>> irps;
  std::vector<std::unique_ptr<TestBuffer>> buffers;
  std::vector<PWSK_DATA_INDICATION> retained;
  std::string sent;
  bool silent = false;  // no receive callback may run
  std::string broken;   // the first rule that was broken
  int enables = 0;      // finished
  int enabling = 0;     // begun and not finished
};

void Broke(Book& book, const char* what) {
  if (book.broken.empty()) book.broken = what;
}

class Scenario {
 public:
  Scenario(uint32_t seed, bool receives, bool second_thread = false)
      : random_(seed), receives_(receives), second_thread_(second_thread) {}

  RunReport Run(const RunOptions& options) {
    EmulatorReset();
    RunReport report = Play([this] { Body(); }, options);
    // What an interrupted run leaves behind is the runtime's by now.
    for (auto& irp : book.irps) irp.release();
    for (auto& buffer : book.buffers) buffer.release();
    return report;
  }

  TestClient client;
  Book book;

 private:
  uint32_t Random(uint32_t count) { return random_() % count; }

  TestIrp* Irp(const char* name) {
    book.irps.push_back(std::make_unique<TestIrp>(name, &client.log));
    return book.irps.back().get();
  }

  TestBuffer* Buffer(SIZE_T length) {
    book.buffers.push_back(
        std::make_unique<TestBuffer>(std::vector<SIZE_T>{1 + Random(3), length}, Random(5)));
    return book.buffers.back().get();
  }

  // An enable meanwhile, by another thread, makes the outcome of a disable worthless.
  void Silence(int enables) {
    if (enables != book.enables || book.enabling != 0) return;
    book.silent = true;
    if (client.active != 0) Broke(book, "disabled while a call is in progress");
  }

  void Disable() {
    TestIrp* irp = Random(2) ? Irp("disable") : nullptr;
    if (irp != nullptr && irp->irp == nullptr) return;
    int enables = book.enables;
    if (irp != nullptr) {
      irp->on_complete = [this, irp, enables] {
        if (irp->status == STATUS_SUCCESS) Silence(enables);
      };
    }
    NTSTATUS status = client.Control(socket_, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE, irp);
    if (status == STATUS_SUCCESS) {
      Silence(enables);
    } else if (status == STATUS_FILE_FORCED_CLOSED || status == STATUS_INVALID_DEVICE_STATE) {
      return;  // broken, or a disable waits already
    } else if (status == STATUS_PENDING ? irp == nullptr : status != STATUS_EVENT_PENDING || irp != nullptr) {
      Broke(book, "disable returned something else");
    }
  }

  void Enable() {
    ++book.enabling;
    client.Control(socket_, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT | WSK_EVENT_SEND_BACKLOG);
    book.silent = false;
    ++book.enables;
    --book.enabling;
  }

  void SendToUs() {
    // One at a time, or the peer's stream would not be known.
    if (sending_) return;
    sending_ = true;
    std::string text;
    for (uint32_t i = 0, length = 1 + Random(3000); i < length; ++i) {
      text += static_cast<char>('a' + (book.sent.size() + i) % 23);
    }
    if (Send(kPeer, text, Random(2))) book.sent += text;
    sending_ = false;
  }

  void Step() {
    auto* functions = TestClient::Functions(socket_);
    switch (Random(14)) {
      case 0:
      case 1:
        return Enable();
      case 2:
      case 3:
        return Disable();
      case 4:
      case 5:
      case 6:
        return SendToUs();
      case 7: {
        TestIrp* irp = Irp("send");
        TestBuffer* buffer = Buffer(Random(100));
        if (irp->irp != nullptr) functions->WskSend(socket_, &buffer->buffer, 0, irp->irp);
        return;
      }
      case 8: {
        TestIrp* irp = Irp("receive");
        TestBuffer* buffer = Buffer(Random(100));
        if (!receives_) buffer->buffer.Length = 0;
        if (irp->irp != nullptr) functions->WskReceive(socket_, &buffer->buffer, 0, irp->irp);
        return;
      }
      case 9:
        if (!book.irps.empty()) Cancel(Random(book.irps.size()));
        return;
      case 10:
        PeerStopAcknowledging(kPeer, Random(2));
        return;
      case 11:
        PeerSetIdealBacklog(kPeer, Random(10000));
        return;
      case 12:
        if (Random(4) == 0) Rare();
        return;
      default:
        ReleaseOne();
        if (Random(2)) Settle();
    }
  }

  void Rare() {
    switch (Random(4)) {
      case 0:
        PeerDisconnect(kPeer);
        return;
      case 1:
        PeerReset(kPeer);
        return;
      case 2:
        NetworkBreakSocketOfPeer(kPeer);
        return;
      default:
        TestIrp* irp = Irp("disconnect");
        ULONG flags = Random(2) ? WSK_FLAG_ABORTIVE : 0;
        if (irp->irp != nullptr)
          TestClient::Functions(socket_)->WskDisconnect(socket_, nullptr, flags, irp->irp);
    }
  }

  void Cancel(size_t index) {
    TestIrp* irp = book.irps[index].get();
    if (irp->irp != nullptr && irp->completions == 0) IoCancelIrp(irp->irp);
  }

  void ReleaseOne() {
    if (book.retained.empty()) return;
    PWSK_DATA_INDICATION list = book.retained.back();
    book.retained.pop_back();
    TestClient::Functions(socket_)->WskRelease(socket_, list);
  }

  NTSTATUS OnReceive(PWSK_DATA_INDICATION list, SIZE_T bytes, SIZE_T* accepted) {
    if (book.silent && book.enabling == 0) Broke(book, "a call of a disabled event");
    switch (Random(8)) {
      case 0:
        return STATUS_DATA_NOT_ACCEPTED;
      case 1:
        *accepted = Random(static_cast<uint32_t>(bytes) + 1);
        return STATUS_SUCCESS;
      case 2:
        if (closing_) return STATUS_SUCCESS;
        book.retained.push_back(list);
        return STATUS_PENDING;
      case 3:
        if (!closing_) Disable();
        return STATUS_SUCCESS;
      default:
        return STATUS_SUCCESS;
    }
  }

  void Body() {
    if (!client.Open()) return;
    socket_ = client.Connect(kPeer);
    if (socket_ != nullptr) {
      client.on_receive = [this](PWSK_DATA_INDICATION list, SIZE_T bytes, SIZE_T* accepted) {
        return OnReceive(list, bytes, accepted);
      };
      // A second thread does the same things to the same socket.
      std::optional<TestThread> other;
      if (second_thread_) {
        other.emplace([this] {
          for (int i = 0; i < 20; ++i) Step();
        });
      }
      for (int i = 0; i < 30; ++i) Step();
      other.reset();
      closing_ = true;
      // A callback that runs may be calling the socket's functions.
      if (Random(2) || client.active != 0) Settle();
      while (!book.retained.empty()) ReleaseOne();
      client.CloseSocket(socket_);
      if (client.active != 0) Broke(book, "closed with a call in progress");
      for (const auto& irp : book.irps) {
        if (irp->irp != nullptr && irp->completions > 1) Broke(book, "an IRP completed twice");
        if (irp->irp != nullptr && irp->completions == 0)
          Broke(book, ("no completion of " + irp->name).c_str());
      }
    }
    book.irps.clear();
    book.buffers.clear();
    client.Close();
    if (!receives_ && book.sent.compare(0, client.received.size(), client.received) != 0) {
      Broke(book, "received something else than was sent");
    }
  }

  std::mt19937 random_;
  bool receives_;
  bool second_thread_;
  bool sending_ = false;
  bool closing_ = false;
  PWSK_SOCKET socket_ = nullptr;
};

// Choices that change what the client's own code above relies on stay at 0.
std::vector<uint8_t> FixedReadings() {
  std::vector<uint8_t> fixed(kChoiceEnd, 0xFF);
  for (int kind : {kChoiceDisableDisabled, kChoiceCallsWhileDisabling, kChoiceEnableWhileDisabling})
    fixed[kind] = 0;
  return fixed;
}

void Check(uint32_t seed, const RunOptions& options, bool receives, bool second_thread = false) {
  Scenario scenario(seed, receives, second_thread);
  RunReport report = scenario.Run(options);
  ASSERT_EQ(report.ending, Ending::kFinished)
      << "seed " << seed << ": " << report.bug_check.message << report.deadlock << "\n"
      << scenario.client.Told();
  ASSERT_EQ(scenario.book.broken, "") << "seed " << seed << "\n" << scenario.client.Told();
  ASSERT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u)
      << "seed " << seed << ": " << report.leaks.first;
}

TEST(Stress, WithoutASchedule) {
  for (uint32_t seed = 0; seed < 2000 && !testing::Test::HasFailure(); ++seed)
    Check(seed, RunOptions{}, seed % 2);
}

TEST(Stress, RandomSchedules) {
  std::vector<uint8_t> fixed = FixedReadings();
  std::mt19937 random(7);
  for (uint32_t seed = 0; seed < 6000 && !testing::Test::HasFailure(); ++seed) {
    std::vector<uint8_t> schedule(400);
    for (uint8_t& byte : schedule) byte = random() % 3 == 0 ? random() : 0;
    RunOptions options;
    options.schedule = schedule.data();
    options.schedule_size = schedule.size();
    options.fixed_choices = fixed.data();
    options.fixed_choice_count = fixed.size();
    Check(seed, options, seed % 2);
  }
}

TEST(Stress, TwoClientThreads) {
  std::vector<uint8_t> fixed = FixedReadings();
  std::mt19937 random(13);
  for (uint32_t seed = 0; seed < 6000 && !testing::Test::HasFailure(); ++seed) {
    std::vector<uint8_t> schedule(600);
    for (uint8_t& byte : schedule) byte = random() % 2 == 0 ? random() : 0;
    RunOptions options;
    options.schedule = schedule.data();
    options.schedule_size = schedule.size();
    options.fixed_choices = fixed.data();
    options.fixed_choice_count = fixed.size();
    Check(seed, options, seed % 2, true);
  }
}

TEST(Stress, SameScheduleSameLog) {
  std::vector<uint8_t> fixed = FixedReadings();
  std::mt19937 random(11);
  for (uint32_t seed = 0; seed < 300; ++seed) {
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

TEST(Stress, AnyAllocationMayFail) {
  for (uint32_t seed = 0; seed < 20 && !testing::Test::HasFailure(); ++seed) {
    Scenario whole(seed, true);
    uint32_t allocations = whole.Run(RunOptions{}).allocations;
    ASSERT_GT(allocations, 4u);
    for (uint32_t n = 1; n <= allocations && !testing::Test::HasFailure(); ++n) {
      RunOptions options;
      options.fail_allocation = n;
      Check(seed, options, true);
    }
  }
}

}  // namespace
}  // namespace wskcert::emulator
