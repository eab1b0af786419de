#include "governor/host_watch.h"

#include "governor/host_watch_fixture.h"
#include "governor/watch_thread.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST_F(HostWatchTest, AQuietMachineIsLeftAlone) {
  for (int i = 0; i < 20; ++i) TickAfter(absl::Milliseconds(500));
  EXPECT_TRUE(holder_.asked().empty());
  EXPECT_EQ(watch_.shortfall(), Bytes());
  EXPECT_EQ(watch_.pressure().level, PressureLevel::kNone);
}

TEST_F(HostWatchTest, TheNextRoundIsDueBeforeTheMachineCouldBeFull) {
  tree_.Change([](HostFigures& host) { host.available = kFloor + GiB(9); });
  EXPECT_EQ(TickAfter(absl::Seconds(1)), absl::Milliseconds(500));
  tree_.Change([](HostFigures& host) { host.available = kFloor + MiB(1); });
  EXPECT_EQ(TickAfter(absl::Seconds(1)), HostWatch::kSoonest);
}

TEST_F(HostWatchTest, WhatIsMissingOfTheFloorIsGivenBackWithAMargin) {
  tree_.Change([](HostFigures& host) { host.available = kFloor - MiB(300); });
  EXPECT_EQ(TickAfter(absl::Seconds(1)), HostWatch::kSoonest);
  EXPECT_EQ(watch_.shortfall(), MiB(300));
  // A sixteenth of the floor beyond it.
  ASSERT_EQ(holder_.asked().size(), 1u);
  EXPECT_EQ(holder_.asked()[0], MiB(300 + 128));
  EXPECT_EQ(holder_.held(), GiB(4) - MiB(512));
  // It came back: nobody is asked again.
  tree_.Change([](HostFigures& host) { host.available = kFloor + MiB(212); });
  TickAfter(absl::Milliseconds(10));
  EXPECT_EQ(holder_.asked().size(), 1u);
  EXPECT_EQ(watch_.shortfall(), Bytes());
}

TEST_F(HostWatchTest, UnderPressureAPartIsGivenBackAtABoundedRate) {
  TickAfter(absl::Milliseconds(100));
  for (int i = 0; i < 10; ++i) {
    tree_.Change([](HostFigures& host) {
      host.stall_some += absl::Milliseconds(95);
      host.stall_full += absl::Milliseconds(90);
      host.swapped_in += 8000;
      host.major_faults += 4000;
      host.refaulted_anonymous += 8000;
    });
    TickAfter(absl::Milliseconds(100));
  }
  EXPECT_EQ(watch_.pressure().level, PressureLevel::kCritical);
  EXPECT_FALSE(watch_.pressure().reason.empty());
  EXPECT_GE(holder_.asked().size(), 5u);
  EXPECT_LE(holder_.asked().size(), 10u);
  EXPECT_LT(holder_.held(), GiB(4));
  EXPECT_EQ(watch_.shortfall(), Bytes());
}

TEST_F(HostWatchTest, MoreRoundsTakeNoMoreBack) {
  const Grant lease = *budget_->Acquire(MiB(512), {});
  TickAfter(absl::Milliseconds(100));
  for (int i = 0; i < 100; ++i) {
    tree_.Change([](HostFigures& host) {
      host.stall_some += absl::Microseconds(9'500);
      host.stall_full += absl::Milliseconds(9);
      host.swapped_in += 800;
      host.refaulted_anonymous += 800;
    });
    TickAfter(absl::Milliseconds(10));
  }
  ASSERT_EQ(watch_.pressure().level, PressureLevel::kCritical);
  EXPECT_GE(holder_.asked().size(), 5u);
  EXPECT_LE(holder_.asked().size(), 10u);
  EXPECT_EQ(TickAfter(absl::Milliseconds(10)), HostWatch::kSoonest);
}

// Not only at the next of the readings that cost more, of which one in 100 ms
// is enough while nobody stalls.
TEST_F(HostWatchTest, AStallIsJudgedAtOnce) {
  TickAfter(absl::Milliseconds(100));
  for (int i = 0; i < 5; ++i) {
    tree_.Change(
        [](HostFigures& host) { host.stall_some += absl::Milliseconds(9); });
    TickAfter(absl::Milliseconds(10));
  }
  EXPECT_EQ(watch_.pressure().level, PressureLevel::kSome);
}

TEST_F(HostWatchTest, ALevelThatIsMerelyHeldTakesNothingBack) {
  // Of this a part could always be asked for.
  const Grant lease = *budget_->Acquire(MiB(512), {});
  TickAfter(absl::Milliseconds(100));
  for (int i = 0; i < 3; ++i) {
    tree_.Change([](HostFigures& host) {
      host.stall_some += absl::Milliseconds(95);
      host.stall_full += absl::Milliseconds(90);
      host.swapped_in += 8000;
      host.refaulted_anonymous += 8000;
    });
    TickAfter(absl::Milliseconds(100));
  }
  ASSERT_EQ(watch_.pressure().level, PressureLevel::kCritical);
  // Quiet from here on. The rates are means over a second or two.
  for (int i = 0; i < 20; ++i) TickAfter(absl::Milliseconds(100));
  const size_t asked = holder_.asked().size();
  for (int i = 0; i < 20; ++i) TickAfter(absl::Milliseconds(100));
  EXPECT_NE(watch_.pressure().level, PressureLevel::kNone);
  EXPECT_EQ(holder_.asked().size(), asked);
}

TEST_F(HostWatchTest, InSomePressureOnlyThoseAreAskedWhoGiveCheaply) {
  Holder cheap(*budget_, 16);
  const auto registration = budget_->Register(
      cheap, {.priority = 5, .cost = ReclaimerOptions::Cost::kCheap});
  TickAfter(absl::Milliseconds(100));
  for (int i = 0; i < 5; ++i) {
    // 40 MiB/s of swap-in, and nobody stands still.
    tree_.Change([](HostFigures& host) { host.swapped_in += 1024; });
    TickAfter(absl::Milliseconds(100));
  }
  ASSERT_EQ(watch_.pressure().level, PressureLevel::kSome);
  EXPECT_FALSE(cheap.asked().empty());
  EXPECT_TRUE(holder_.asked().empty());
}

TEST_F(HostWatchTest, SwapThatIsFullAndColdIsNoPressure) {
  tree_.Change([](HostFigures& host) {
    host.swap_size = GiB(8);
    host.swap_used = GiB(8);
  });
  for (int i = 0; i < 10; ++i) TickAfter(absl::Milliseconds(100));
  EXPECT_EQ(watch_.pressure().level, PressureLevel::kNone);
  EXPECT_TRUE(holder_.asked().empty());
}

TEST_F(HostWatchTest, MeasuresTwiceASecond) {
  for (int i = 0; i < 100; ++i) TickAfter(absl::Milliseconds(10));
  EXPECT_EQ(measured_, 2);
}

TEST_F(HostWatchTest, TheNextRoundIsDueWhenItIsTimeToMeasure) {
  HostWatchOptions options = Options();
  options.measure_every = absl::Milliseconds(50);
  HostWatch watch(options);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(watch.Tick(clock_.Now()), absl::Milliseconds(50));
}

// A device with memory of its own: it judges the machine, and takes nothing.
TEST_F(HostWatchTest, WithoutAGateNothingIsGivenBack) {
  HostWatchOptions options = Options();
  options.gate = nullptr;
  HostWatch watch(options);
  tree_.Change([](HostFigures& host) { host.available = kFloor - GiB(1); });
  for (int i = 0; i < 10; ++i) {
    tree_.Change(&Stall);
    clock_.Advance(absl::Milliseconds(100));
    EXPECT_EQ(watch.Tick(clock_.Now()), absl::Milliseconds(100));
  }
  EXPECT_NE(watch.pressure().level, PressureLevel::kNone);
  EXPECT_EQ(watch.shortfall(), Bytes());
  EXPECT_TRUE(holder_.asked().empty());
}

TEST_F(HostWatchTest, WherePeaksMatterItMeasuresEvery20Milliseconds) {
  bool peaks_matter = true;
  HostWatchOptions options = Options();
  options.peaks_matter = [&] { return peaks_matter; };
  HostWatch watch(options);
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(absl::Milliseconds(10));
    EXPECT_LE(watch.Tick(clock_.Now()), absl::Milliseconds(20));
  }
  EXPECT_EQ(measured_, 50);
  peaks_matter = false;
  clock_.Advance(absl::Milliseconds(20));
  EXPECT_GT(watch.Tick(clock_.Now()), absl::Milliseconds(20));
  EXPECT_EQ(measured_, 50);
}

TEST_F(HostWatchTest, ATickFromInsideARoundDoesNothing) {
  class Ticker final : public Reclaimer {
   public:
    Ticker(HostWatch& watch, FakeClock& clock) : watch_(watch), clock_(clock) {}
    Bytes Reclaim(Bytes, absl::Time) override {
      ++calls;
      EXPECT_TRUE(watch_.is_inside_on_this_thread());
      watch_.Tick(clock_.Now());
      return Bytes();
    }
    int calls = 0;

   private:
    HostWatch& watch_;
    FakeClock& clock_;
  };
  Ticker ticker(watch_, clock_);
  const auto registration = budget_->Register(ticker, {.priority = -1});
  tree_.Change([](HostFigures& host) { host.available = kFloor - MiB(1); });
  TickAfter(absl::Seconds(1));
  EXPECT_EQ(ticker.calls, 1);
  EXPECT_FALSE(watch_.is_inside_on_this_thread());
}

TEST_F(HostWatchTest, AnUnreadableMachineTakesNothingBack) {
  tree_.Remove("proc/meminfo");
  tree_.Remove("proc/vmstat");
  tree_.Remove("proc/pressure/memory");
  for (int i = 0; i < 5; ++i) TickAfter(absl::Milliseconds(100));
  EXPECT_TRUE(holder_.asked().empty());
}

TEST_F(HostWatchTest, TheThreadRunsRoundsUntilItsEnd) {
  // Counts its calls; the first is awaited, and one more after a wake.
  class Counter final : public Reclaimer {
   public:
    Bytes Reclaim(Bytes, absl::Time) override {
      MutexLock lock(mutex_);
      ++calls_;
      called_.NotifyAll();
      return Bytes();
    }
    void Await(int calls) {
      MutexLock lock(mutex_);
      while (calls_ < calls) called_.Wait(mutex_);
    }

   private:
    Mutex mutex_;
    CondVar called_;
    int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  };
  Counter counter;
  const auto registration = budget_->Register(counter, {.priority = -1});
  tree_.Change([](HostFigures& host) { host.available = kFloor - GiB(1); });
  clock_.Advance(absl::Seconds(1));
  WatchThread thread(watch_);
  counter.Await(1);
  clock_.Advance(absl::Seconds(1));
  thread.Wake();
  counter.Await(2);
}

}  // namespace
}  // namespace governor
