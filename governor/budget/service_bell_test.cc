#include "governor/budget/service_bell.h"

#include <atomic>
#include <memory>
#include <thread>

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(ServiceBellTest, NobodyServesUnlessHeRegistered) {
  ServiceBell bell;
  EXPECT_FALSE(bell.is_served());
  bell.Ring();
  int woken = 0;
  {
    const auto registration = bell.Register([&] { ++woken; });
    EXPECT_TRUE(bell.is_served());
    bell.Ring();
    bell.Ring();
    EXPECT_EQ(woken, 2);
  }
  EXPECT_FALSE(bell.is_served());
  bell.Ring();
  EXPECT_EQ(woken, 2);
}

TEST(ServiceBellTest, TheLatestIsCalledAndEndsAlone) {
  ServiceBell bell;
  int first = 0, second = 0;
  auto registration = bell.Register([&] { ++first; });
  auto latest = bell.Register([&] { ++second; });
  bell.Ring();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  // That an older one ends changes nothing.
  registration.reset();
  EXPECT_TRUE(bell.is_served());
  bell.Ring();
  EXPECT_EQ(second, 2);
  latest.reset();
  EXPECT_FALSE(bell.is_served());
}

TEST(ServiceBellTest, ARingMayRegisterAnotherAndEndItself) {
  ServiceBell bell;
  int second = 0;
  std::unique_ptr<Budget::Registration> one, other;
  one = bell.Register([&] {
    other = bell.Register([&] { ++second; });
    one.reset();
  });
  bell.Ring();
  EXPECT_EQ(one, nullptr);
  bell.Ring();
  EXPECT_EQ(second, 1);
}

TEST(ServiceBellTest, TheEndWaitsForCallsThatOthersAreIn) {
  ServiceBell bell;
  std::atomic<bool> entered{false};
  std::atomic<bool> left{false};
  auto registration = bell.Register([&] {
    entered = true;
    // Until the end is under way.
    while (bell.is_served()) std::this_thread::yield();
    left = true;
  });
  std::thread caller([&] { bell.Ring(); });
  while (!entered) std::this_thread::yield();
  registration.reset();
  EXPECT_TRUE(left);
  caller.join();
}

}  // namespace
}  // namespace governor
