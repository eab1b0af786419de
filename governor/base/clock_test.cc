#include "governor/base/clock.h"

#include <thread>

#include "governor/base/fake_clock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(ClockTest, FakeClockMovesOnlyWhenTold) {
  FakeClock clock;
  const absl::Time start = clock.Now();
  EXPECT_EQ(clock.Now(), start);
  clock.Advance(absl::Seconds(5));
  EXPECT_EQ(clock.Now(), start + absl::Seconds(5));
}

TEST(ClockTest, WaitOnFakeClockEndsAtItsDeadline) {
  FakeClock clock;
  Mutex mutex;
  CondVar condition;
  const absl::Time deadline = clock.Now() + absl::Hours(1);
  std::thread waiter([&] {
    MutexLock lock(mutex);
    while (clock.WaitUntil(condition, mutex, deadline)) {
    }
  });
  clock.AwaitWaiter();
  clock.Advance(absl::Hours(1));
  waiter.join();
  EXPECT_GE(clock.Now(), deadline);
}

TEST(ClockTest, WaitPastItsDeadlineReturnsAtOnce) {
  RealClock clock;
  Mutex mutex;
  CondVar condition;
  MutexLock lock(mutex);
  EXPECT_FALSE(clock.WaitUntil(condition, mutex, absl::InfinitePast()));
  EXPECT_FALSE(clock.WaitUntil(condition, mutex, clock.Now()));
}

TEST(ClockTest, NotificationEndsAWaitWithoutDeadline) {
  RealClock clock;
  Mutex mutex;
  CondVar condition;
  bool done = false;
  std::thread notifier([&] {
    MutexLock lock(mutex);
    done = true;
    condition.NotifyAll();
  });
  {
    MutexLock lock(mutex);
    while (!done) {
      ASSERT_TRUE(clock.WaitUntil(condition, mutex, absl::InfiniteFuture()));
    }
  }
  notifier.join();
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace governor
