// Drivers that are written as for Windows (test_driver_c.c, test_driver_cc.cc) compile, and run, over the
// project's headers.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "implementations/emulator/host/host.h"
#include "implementations/emulator/host/peers.h"

extern "C" {
int32_t StyleEntryC(void* driver, void* path);
int32_t StyleEntryCpp(void* driver, void* path);
unsigned long long StyleBytesSeen();
void StyleRemoteAddress(void* address) { wskcert::emulator::PeerAddress(5, /*ipv6=*/false, address); }
}

namespace wskcert::emulator {
namespace {

TEST(DriverStyle, CAnswersDatagrams) {
  Peers peers;
  HostReport report;
  HostDriver(
      &StyleEntryC, HostOptions(),
      [](void* context) {
        auto* p = static_cast<Peers*>(context);
        EXPECT_TRUE(p->SendDatagram(1, 4010, "ping"));
        EXPECT_TRUE(p->SendDatagram(2, 4010, "pong"));
        Settle();
      },
      &peers, &report);
  EXPECT_TRUE(Clean(report)) << report.text;
  ASSERT_EQ(peers.Saw(1).datagrams.size(), 1u);
  EXPECT_EQ(peers.Saw(1).datagrams[0], "ping");
  ASSERT_EQ(peers.Saw(2).datagrams.size(), 1u);
  EXPECT_EQ(peers.Saw(2).datagrams[0], "pong");
}

TEST(DriverStyle, CLeaksNothingWhicheverAllocationFails) {
  Peers peers;
  HostReport all;
  const auto script = [](void* context) {
    static_cast<Peers*>(context)->SendDatagram(1, 4010, "ping");
    Settle();
  };
  HostDriver(&StyleEntryC, HostOptions(), script, &peers, &all);
  ASSERT_GT(all.run.allocations, 3u);
  for (uint32_t nth = 1; nth <= all.run.allocations; ++nth) {
    HostOptions options;
    options.run.fail_allocation = nth;
    HostReport report;
    HostDriver(&StyleEntryC, options, script, &peers, &report);
    EXPECT_EQ(report.run.ending, Ending::kFinished) << nth << ": " << report.text;
    EXPECT_NE(std::string(report.text).find("nothing left behind"), std::string::npos) << report.text;
  }
}

TEST(DriverStyle, CppConnectsAndReceives) {
  Peers peers;
  HostReport report;
  HostDriver(
      &StyleEntryCpp, HostOptions(),
      [](void* context) {
        Settle();
        EXPECT_TRUE(static_cast<Peers*>(context)->Send(5, "twelve bytes"));
        Settle();
      },
      &peers, &report);
  EXPECT_TRUE(Clean(report)) << report.text;
  EXPECT_TRUE(peers.Saw(5).connected);
  EXPECT_EQ(StyleBytesSeen(), 12u);
}

}  // namespace
}  // namespace wskcert::emulator
