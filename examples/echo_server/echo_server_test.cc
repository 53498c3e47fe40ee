// The echo server of examples/echo_server, loaded on the emulator: peers talk to it under many schedules, and
// it is unloaded without a leak, also when memory runs out anywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "implementations/emulator/host/host.h"
#include "implementations/emulator/host/peers.h"
#include "implementations/emulator/provider/choices.h"

extern "C" int32_t DriverEntry(void* driver_object, void* registry_path);

namespace wskcert::emulator {
namespace {

constexpr uint16_t kPort = 4007;
constexpr RegistryValue kRegistry[] = {{"Parameters", "Port", nullptr, kPort}};

using Script = std::function<void(Peers&)>;

struct Hosting {
  Peers peers;
  HostReport report;
  const Script* script;
};

// The one reading of the documentation that this driver relies on: a graceful disconnect is indicated after
// the data that came before it (nc-wsk-pfn_wsk_disconnect_event.md: no further data will be received).
// Several peers are to be able to wait at once, and sockets to function. Everything else is up to the
// schedule.
const std::vector<uint8_t>& FixedChoices() {
  static const std::vector<uint8_t> fixed = [] {
    std::vector<uint8_t> choices(kChoiceEnd, 0xFF);
    choices[kChoiceDisconnectOrder] = 0;
    choices[kChoiceListenBacklog] = 0;
    choices[kChoiceSpontaneousBreak] = 0;
    return choices;
  }();
  return fixed;
}

// Hosts the driver and plays the script.
void Play(const Script& script, const RunOptions& run, Hosting* hosting) {
  HostOptions options;
  options.run = run;
  options.run.fixed_choices = FixedChoices().data();
  options.run.fixed_choice_count = FixedChoices().size();
  options.name = "EchoServer";
  options.registry = kRegistry;
  options.registry_size = 1;
  hosting->script = &script;
  HostDriver(
      &DriverEntry, options,
      [](void* context) {
        auto* self = static_cast<Hosting*>(context);
        (*self->script)(self->peers);
      },
      hosting, &hosting->report);
}

// Random bytes: who runs whenever several threads could.
std::vector<uint8_t> Schedule(uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> bytes(4096);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

constexpr uint32_t kSchedules = 300;

// Plays under the empty schedule and many random ones; `check` looks at the peers afterwards.
void PlayEverySchedule(const Script& script, const std::function<void(const Peers&)>& check) {
  for (uint32_t seed = 0; seed < kSchedules; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<uint8_t> schedule = Schedule(seed);
    RunOptions run;
    if (seed != 0) {
      run.schedule = schedule.data();
      run.schedule_size = schedule.size();
    }
    Hosting hosting;
    Play(script, run, &hosting);
    ASSERT_TRUE(Clean(hosting.report)) << hosting.report.text;
    check(hosting.peers);
  }
}

std::string Text(uint32_t peer, size_t length) {
  std::string text;
  for (size_t i = 0; i < length; ++i) text += static_cast<char>('a' + (peer * 7 + i) % 26);
  return text;
}

TEST(EchoServer, LoadsAndUnloadsWithoutATrace) {
  PlayEverySchedule([](Peers&) {}, [](const Peers&) {});
}

TEST(EchoServer, SendsBackWhatItGets) {
  PlayEverySchedule(
      [](Peers& peers) {
        ASSERT_TRUE(peers.Connect(1, kPort));
        Settle();
        ASSERT_TRUE(peers.Send(1, "hello"));
        Settle();
        ASSERT_TRUE(peers.Send(1, ", world"));
        Settle();
      },
      [](const Peers& peers) {
        EXPECT_TRUE(peers.Saw(1).connected);
        EXPECT_EQ(peers.Saw(1).received, "hello, world");
        EXPECT_TRUE(peers.Saw(1).reset) << "unloading ends what is open";
      });
}

TEST(EchoServer, ServesSeveralPeersAtOnceOverBothFamilies) {
  PlayEverySchedule(
      [](Peers& peers) {
        for (uint32_t peer = 1; peer <= 4; ++peer) ASSERT_TRUE(peers.Connect(peer, kPort, peer % 2 == 0));
        Settle();
        for (uint32_t part = 0; part < 3; ++part) {
          for (uint32_t peer = 1; peer <= 4; ++peer) {
            ASSERT_TRUE(peers.Send(peer, Text(peer, 3000).substr(part * 1000, 1000)));
          }
        }
        Settle();
        for (uint32_t peer = 1; peer <= 4; ++peer) ASSERT_TRUE(PeerDisconnect(peer));
        Settle();
      },
      [](const Peers& peers) {
        for (uint32_t peer = 1; peer <= 4; ++peer) {
          EXPECT_TRUE(peers.Saw(peer).received == Text(peer, 3000)) << peers.Saw(peer).received.size();
          EXPECT_TRUE(peers.Saw(peer).finished);
          EXPECT_FALSE(peers.Saw(peer).reset);
        }
      });
}

TEST(EchoServer, AnswersAHalfClosedConnectionEntirelyBeforeItCloses) {
  PlayEverySchedule(
      [](Peers& peers) {
        peers.Connect(1, kPort);
        Settle();
        peers.Send(1, Text(1, 20000));
        PeerDisconnect(1);
        Settle();
      },
      [](const Peers& peers) {
        EXPECT_TRUE(peers.Saw(1).received == Text(1, 20000)) << peers.Saw(1).received.size();
        EXPECT_TRUE(peers.Saw(1).finished);
        EXPECT_FALSE(peers.Saw(1).reset);
      });
}

TEST(EchoServer, SurvivesResetsAtAnyMoment) {
  PlayEverySchedule(
      [](Peers& peers) {
        for (uint32_t peer = 1; peer <= 3; ++peer) {
          peers.Connect(peer, kPort);
          if (peer != 1) Settle();
          peers.Send(peer, Text(peer, 5000));
          if (peer == 3) Settle();
          PeerReset(peer);
        }
        Settle();
        // The server still works.
        ASSERT_TRUE(peers.Connect(4, kPort));
        Settle();
        peers.Send(4, "still there?");
        Settle();
      },
      [](const Peers& peers) { EXPECT_EQ(peers.Saw(4).received, "still there?"); });
}

TEST(EchoServer, UnloadsWhileSendsAreStuck) {
  PlayEverySchedule(
      [](Peers& peers) {
        for (uint32_t peer = 1; peer <= 3; ++peer) {
          PeerStopAcknowledging(peer, true);
          peers.Connect(peer, kPort);
          Settle();
          peers.Send(peer, Text(peer, 2000));
          peers.Send(peer, Text(peer, 2000));
          if (peer == 2) PeerDisconnect(peer);
        }
        Settle();
      },
      [](const Peers& peers) { EXPECT_TRUE(peers.Saw(1).reset); });
}

TEST(EchoServer, UnloadsInTheMiddleOfEverything) {
  PlayEverySchedule(
      [](Peers& peers) {
        // Nothing settles: connections, data and disconnects race with the unload that follows.
        for (uint32_t peer = 1; peer <= 5; ++peer) {
          peers.Connect(peer, kPort);
          peers.Send(peer, Text(peer, 1000));
          if (peer % 2 == 0) PeerDisconnect(peer);
        }
      },
      [](const Peers&) {});
}

TEST(EchoServer, ClosesItsEndOfBrokenSockets) {
  PlayEverySchedule(
      [](Peers& peers) {
        peers.Connect(1, kPort);
        Settle();
        peers.Send(1, "x");
        Settle();
        NetworkBreakSocketOfPeer(1);
        Settle();
      },
      [](const Peers& peers) { EXPECT_EQ(peers.Saw(1).received, "x"); });
}

// The same over real threads: what a schedule decides above, the host's processors decide here.
TEST(EchoServer, ServesAndUnloadsOverRealThreads) {
  const Script script = [](Peers& peers) {
    for (uint32_t peer = 1; peer <= 4; ++peer) peers.Connect(peer, kPort);
    Settle();
    for (uint32_t peer = 1; peer <= 4; ++peer) peers.Send(peer, Text(peer, 4000));
    PeerStopAcknowledging(4, true);
    PeerDisconnect(1);
    PeerReset(2);
    Settle();
    for (uint32_t peer = 5; peer <= 6; ++peer) peers.Connect(peer, kPort);  // These race with the unload.
  };
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    RunOptions run;
    run.threads = Threads::kReal;
    run.seed = seed;
    Hosting hosting;
    Play(script, run, &hosting);
    ASSERT_TRUE(Clean(hosting.report)) << hosting.report.text;
    EXPECT_TRUE(hosting.peers.Saw(1).received == Text(1, 4000)) << hosting.peers.Saw(1).received.size();
    EXPECT_TRUE(hosting.peers.Saw(1).finished);
    EXPECT_TRUE(hosting.peers.Saw(3).received == Text(3, 4000)) << hosting.peers.Saw(3).received.size();
    EXPECT_TRUE(hosting.peers.Saw(3).reset) << "by the unload";
  }
}

// Whichever allocation fails: DriverEntry fails in good order, or the driver serves whom it can; and it
// unloads without a leak.
TEST(EchoServer, LeaksNothingWhicheverAllocationFails) {
  const Script script = [](Peers& peers) {
    for (uint32_t peer = 1; peer <= 3; ++peer) {
      if (!peers.Connect(peer, kPort)) continue;
      Settle();
      peers.Send(peer, Text(peer, 3000));
      peers.Send(peer, Text(peer, 10));
      Settle();
      PeerDisconnect(peer);
      Settle();
    }
  };
  Hosting all;
  Play(script, RunOptions(), &all);
  ASSERT_TRUE(Clean(all.report)) << all.report.text;
  ASSERT_GT(all.report.run.allocations, 20u);
  uint32_t failed_entries = 0, disturbed = 0;
  for (uint32_t seed = 0; seed < 3; ++seed) {
    const std::vector<uint8_t> schedule = Schedule(seed);
    for (uint32_t nth = 1; nth <= all.report.run.allocations; ++nth) {
      SCOPED_TRACE(nth);
      RunOptions run;
      run.fail_allocation = nth;
      if (seed != 0) {
        run.schedule = schedule.data();
        run.schedule_size = schedule.size();
      }
      Hosting hosting;
      Play(script, run, &hosting);
      const HostReport& report = hosting.report;
      ASSERT_EQ(report.run.ending, Ending::kFinished) << report.text;
      ASSERT_TRUE(report.unloaded);
      ASSERT_THAT(report.text, ::testing::HasSubstr("nothing left behind"));
      failed_entries += report.entry_status < 0 ? 1 : 0;
      bool whole = true;
      for (uint32_t peer = 1; peer <= 3; ++peer) {
        const PeerView& view = hosting.peers.Saw(peer);
        whole = whole && view.received == Text(peer, 3000) + Text(peer, 10);
        // What came back is right as far as it goes.
        EXPECT_TRUE(view.received == (Text(peer, 3000) + Text(peer, 10)).substr(0, view.received.size()));
      }
      disturbed += whole ? 0 : 1;
    }
  }
  EXPECT_GT(failed_entries, 5u);
  EXPECT_GT(disturbed, failed_entries) << "failures also reach connections";
}

TEST(EchoServer, DoesNotLoadWithoutWsk) {
  Hosting hosting;
  HostOptions options;
  options.ready = false;
  HostDriver(&DriverEntry, options, nullptr, nullptr, &hosting.report);
  EXPECT_EQ(static_cast<uint32_t>(hosting.report.entry_status), 0xC00000A3u);  // STATUS_DEVICE_NOT_READY
  EXPECT_STREQ(hosting.report.text, "DriverEntry failed with 0xC00000A3, nothing left behind");
}

TEST(EchoServer, ListensOnItsDefaultPortWithoutARegistryValue) {
  Hosting hosting;
  const Script script = [](Peers& peers) {
    EXPECT_TRUE(peers.Connect(1, 7));
    Settle();
  };
  hosting.script = &script;
  HostDriver(
      &DriverEntry, HostOptions(),
      [](void* context) {
        auto* self = static_cast<Hosting*>(context);
        (*self->script)(self->peers);
      },
      &hosting, &hosting.report);
  EXPECT_TRUE(Clean(hosting.report)) << hosting.report.text;
  EXPECT_TRUE(hosting.peers.Saw(1).connected);
}

}  // namespace
}  // namespace wskcert::emulator
