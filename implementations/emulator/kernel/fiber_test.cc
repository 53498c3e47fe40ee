#include "implementations/emulator/kernel/fiber.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

namespace wskcert::emulator {
namespace {

std::vector<int> g_log;
Fiber* g_other = nullptr;

TEST(Fiber, SwitchesForthAndBackKeepingLocals) {
  g_log.clear();
  Fiber* fiber = AcquireFiber(
      [](void* argument) {
        int local = *static_cast<int*>(argument);
        for (;;) {
          g_log.push_back(local++);
          SwitchFiber(MainFiber());
        }
      },
      new int(5));
  int* argument = static_cast<int*>(fiber->argument);
  for (int i = 0; i < 3; ++i) SwitchFiber(fiber);
  EXPECT_EQ(g_log, (std::vector<int>{5, 6, 7}));
  ReleaseFiber(fiber);
  delete argument;
}

TEST(Fiber, SwitchesBetweenFibersWithoutTheMainStack) {
  g_log.clear();
  g_other = AcquireFiber(
      [](void*) {
        g_log.push_back(2);
        SwitchFiber(MainFiber());
      },
      nullptr);
  Fiber* first = AcquireFiber(
      [](void*) {
        g_log.push_back(1);
        SwitchFiber(g_other);
      },
      nullptr);
  SwitchFiber(first);
  EXPECT_EQ(g_log, (std::vector<int>{1, 2}));
  ReleaseFiber(first);
  ReleaseFiber(g_other);
}

// Leaves frames with redzones on the stack for the next life.
__attribute__((noinline)) void Descend(int depth) {
  volatile char frame[200];
  for (size_t i = 0; i < sizeof(frame); ++i) frame[i] = static_cast<char>(depth);
  if (depth == 0) SwitchFiber(MainFiber());
  if (depth != 0) Descend(depth - 1);
  frame[0] = frame[1];
}

TEST(Fiber, AbandonedStacksAreUsedAgain) {
  std::set<char*> stacks;
  for (int i = 0; i < 100; ++i) {
    Fiber* fiber = AcquireFiber([](void*) { Descend(20); }, nullptr);
    stacks.insert(fiber->stack);
    SwitchFiber(fiber);
    ReleaseFiber(fiber);
  }
  EXPECT_EQ(stacks.size(), 1u);
}

TEST(Fiber, KnowsWhatIsLeftOfTheStack) {
  static size_t deep, shallow;
  EXPECT_EQ(RemainingStack(), SIZE_MAX);
  Fiber* fiber = AcquireFiber(
      [](void*) {
        shallow = RemainingStack();
        [] {
          volatile char frame[4096];
          frame[0] = 0;
          deep = RemainingStack();
          frame[1] = frame[0];
        }();
        SwitchFiber(MainFiber());
      },
      nullptr);
  SwitchFiber(fiber);
  EXPECT_LT(shallow, fiber->stack_size);
  EXPECT_LT(deep + 4000, shallow + 4000 + 1);
  ReleaseFiber(fiber);
}

__attribute__((noinline)) int Overflow(int depth) {
  volatile char frame[1024];
  frame[depth % 1024] = static_cast<char>(depth);
  return depth < 0 ? 0 : Overflow(depth + 1) + frame[depth % 1024];
}

TEST(FiberDeathTest, AnOverflowMeetsTheGuardPage) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        SwitchFiber(AcquireFiber(
            [](void*) {
              g_log.push_back(Overflow(0));
              SwitchFiber(MainFiber());
            },
            nullptr));
      },
      "");
}

}  // namespace
}  // namespace wskcert::emulator
