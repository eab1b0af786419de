#include "governor/host_watch.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "governor/base/fake_clock.h"
#include "governor/budget/local_budget.h"
#include "governor/host/host_tree.h"
#include "governor/watch_thread.h"

namespace governor {
namespace {

constexpr Bytes kFloor = GiB(2);

// Holds grants of 256 MiB each and drops as many as it is asked for.
class Holder final : public Reclaimer {
 public:
  Holder(Budget& budget, int grants) {
    for (int i = 0; i < grants; ++i) {
      grants_.push_back(*budget.Acquire(MiB(256), {}));
      grants_.back().Settle();
    }
  }

  Bytes Reclaim(Bytes wanted, absl::Time) override {
    asked_.push_back(wanted);
    Bytes given;
    while (given < wanted && !grants_.empty()) {
      given += grants_.back().size();
      grants_.pop_back();
    }
    return given;
  }

  const std::vector<Bytes>& asked() const { return asked_; }
  Bytes held() const { return MiB(256) * grants_.size(); }

 private:
  std::vector<Grant> grants_;
  std::vector<Bytes> asked_;
};

class HostWatchTest : public ::testing::Test {
 protected:
  HostWatchTest()
      : tree_(Folder("tree")),
        sampler_(*HostSampler::Open(tree_.root(), clock_)),
        record_(*MachineRecord::Join(Folder("record"), "test", &clock_)),
        gate_({.floor = kFloor,
               .sampler = sampler_.get(),
               .record = record_.get(),
               .clock = &clock_}),
        budget_(*LocalBudget::Create(
            {.limit = GiB(16), .clock = &clock_, .gate = &gate_})),
        holder_(*budget_, 16),
        registration_(budget_->Register(holder_, {})),
        watch_(Options()) {
    clock_.Advance(absl::Seconds(1));
  }

  static std::string Folder(const std::string& name) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return ::testing::TempDir() + "/host_watch_" + test->name() + "_" + name;
  }

  HostWatchOptions Options() {
    return {.clock = &clock_,
            .gate = &gate_,
            .sampler = sampler_.get(),
            .budget = budget_.get(),
            .measure = [this] { ++measured_; }};
  }

  // A round after `step`.
  absl::Duration TickAfter(absl::Duration step) {
    clock_.Advance(step);
    return watch_.Tick(clock_.Now());
  }

  FakeClock clock_;
  HostTree tree_;
  std::unique_ptr<HostSampler> sampler_;
  std::unique_ptr<MachineRecord> record_;
  FloorGate gate_;
  std::unique_ptr<LocalBudget> budget_;
  Holder holder_;
  std::unique_ptr<Budget::Registration> registration_;
  int measured_ = 0;
  HostWatch watch_;
};

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

TEST_F(HostWatchTest, ALevelThatIsMerelyHeldTakesNothingBack) {
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
  // Quiet from here on. The rates are means over a second at most.
  for (int i = 0; i < 15; ++i) TickAfter(absl::Milliseconds(100));
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
