// When a HostWatch does not ask: what it causes itself, what comes to nothing.

#include <memory>
#include <optional>
#include <utility>

#include "governor/host/fake_process_pages.h"
#include "governor/host/page_back.h"
#include "governor/host_watch.h"
#include "governor/host_watch_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class HostWatchReliefTest : public HostWatchTest {
 protected:
  // A round of a watch of the test's own, after `step`.
  absl::Duration RoundAfter(HostWatch& watch, absl::Duration step) {
    clock_.Advance(step);
    return watch.Tick(clock_.Now());
  }
  size_t asked() const { return holder_.asked().size(); }
  void SetShortfall(Bytes shortfall) {
    tree_.Change(
        [&](HostFigures& host) { host.available = kFloor - shortfall; });
  }
};

// What a commit makes the machine stall for while it makes room.
TEST_F(HostWatchReliefTest, StallsOfOwnStepsAreNoPressure) {
  constexpr Bytes kStep = MiB(256);
  plough_ = [this] {
    clock_.Advance(absl::Milliseconds(95));
    tree_.Change([](HostFigures& host) {
      Stall(host);
      host.huge_free = GiB(1);
    });
  };
  TickAfter(absl::Milliseconds(100));
  for (int i = 0; i < 10; ++i) {
    tree_.Change([](HostFigures& host) { host.huge_free = Bytes(); });
    clock_.Advance(absl::Milliseconds(10));
    ASSERT_FALSE(gate_.PrepareStep(kStep, absl::InfinitePast()).has_value());
    gate_.Settle(kStep);
    TickAfter(absl::ZeroDuration());
  }
  EXPECT_EQ(gate_.own_stall(), absl::Milliseconds(950));
  EXPECT_EQ(watch_.pressure().level, PressureLevel::kNone);
  EXPECT_EQ(asked(), 0u);
  // The same stalls by others are.
  for (int i = 0; i < 10; ++i) {
    tree_.Change(&Stall);
    TickAfter(absl::Milliseconds(105));
  }
  EXPECT_NE(watch_.pressure().level, PressureLevel::kNone);
}

// A driver that keeps what is released keeps more and more of it, while nobody
// but the driver is better off.
TEST_F(HostWatchReliefTest, ADriverThatKeepsWhatItGotIsLeftAloneForAWhile) {
  HostWatchOptions options = Options();
  options.driver_keeps_released = true;
  HostWatch watch(options);
  SetShortfall(MiB(300));
  RoundAfter(watch, absl::Seconds(1));
  ASSERT_EQ(asked(), 1u);
  ASSERT_EQ(holder_.held(), GiB(4) - MiB(512));
  // Of 512 MiB less than half came back to the machine.
  SetShortfall(MiB(45));
  RoundAfter(watch, absl::Milliseconds(10));
  for (int i = 0; i < 9; ++i) RoundAfter(watch, absl::Milliseconds(110));
  EXPECT_EQ(asked(), 1u);
  // After a second it is tried once more.
  RoundAfter(watch, absl::Milliseconds(10));
  EXPECT_EQ(asked(), 2u);
}

TEST_F(HostWatchReliefTest, ADriverOfWhichHalfComesBackIsAskedOn) {
  HostWatchOptions options = Options();
  options.driver_keeps_released = true;
  HostWatch watch(options);
  SetShortfall(MiB(300));
  RoundAfter(watch, absl::Seconds(1));
  SetShortfall(MiB(300 - 256));
  RoundAfter(watch, absl::Milliseconds(10));
  EXPECT_EQ(asked(), 2u);
}

TEST_F(HostWatchReliefTest, ADriverThatKeepsNothingIsAskedOn) {
  SetShortfall(MiB(300));
  TickAfter(absl::Seconds(1));
  SetShortfall(MiB(299));
  TickAfter(absl::Milliseconds(10));
  EXPECT_EQ(asked(), 2u);
}

TEST_F(HostWatchReliefTest, WhoHasNothingToGiveIsNotAskedAgainAtOnce) {
  holder_.Reclaim(GiB(4), absl::InfiniteFuture());
  ASSERT_EQ(holder_.held(), Bytes());
  // Somebody has something still, and nobody who can be asked.
  const Grant lease = *budget_->Acquire(MiB(512), {});
  const size_t before = asked();
  SetShortfall(MiB(300));
  TickAfter(absl::Seconds(1));
  EXPECT_EQ(asked(), before + 1);
  for (int i = 0; i < 3; ++i) {
    // Due soon all the same: others may grow.
    EXPECT_EQ(TickAfter(absl::Milliseconds(10)), HostWatch::kSoonest);
  }
  EXPECT_EQ(asked(), before + 1);
  TickAfter(absl::Milliseconds(10));
  EXPECT_EQ(asked(), before + 2);
}

TEST_F(HostWatchReliefTest, TheMarginIsASixteenthOfTheFloorUpToABound) {
  FloorGate large({.floor = GiB(8),
                   .sampler = sampler_.get(),
                   .record = record_.get(),
                   .clock = &clock_});
  HostWatchOptions options = Options();
  options.gate = &large;
  HostWatch watch(options);
  tree_.Change([](HostFigures& host) { host.available = GiB(8) - MiB(100); });
  RoundAfter(watch, absl::Seconds(1));
  ASSERT_EQ(asked(), 1u);
  EXPECT_EQ(holder_.asked()[0], MiB(100 + 256));
}

class BringingBackTest : public HostWatchReliefTest {
 protected:
  // 40 MB of pages of this process, all in swap.
  static constexpr uint64_t kPages = 10'000;

  BringingBackTest() {
    pages_.Swap(1, kPages);
    range_ =
        *page_back_.Register({.address = FakeProcessPages::kPage,
                              .size = Bytes(FakeProcessPages::kPage) * kPages});
  }

  // The machine reads what is brought in, and what others do.
  void SwapIn(uint64_t pages) {
    tree_.Change([&](HostFigures& host) {
      host.swapped_in += pages;
      host.refaulted_anonymous += pages;
    });
  }
  HostWatchOptions WithPageBack() {
    HostWatchOptions options = Options();
    options.page_back = &page_back_;
    return options;
  }

  FakeProcessPages pages_;
  PageBack page_back_{pages_, {}};
  std::unique_ptr<PageBack::Registration> range_;
};

TEST_F(BringingBackTest, WhatIsBroughtBackIsNoPressure) {
  HostWatch watch(WithPageBack());
  uint64_t swapped = pages_.swapped_pages();
  while (pages_.swapped_pages() > 0) {
    const bool is_soon =
        RoundAfter(watch, absl::Milliseconds(100)) == HostWatch::kSoonest;
    EXPECT_EQ(is_soon, pages_.swapped_pages() < swapped);
    SwapIn(swapped - pages_.swapped_pages());
    swapped = pages_.swapped_pages();
    ASSERT_EQ(watch.pressure().level, PressureLevel::kNone)
        << watch.pressure().reason;
  }
  RoundAfter(watch, absl::Milliseconds(100));
  EXPECT_EQ(watch.pressure().level, PressureLevel::kNone);
  // The same by others is.
  SwapIn(kPages / 2);
  RoundAfter(watch, absl::Milliseconds(100));
  EXPECT_EQ(watch.pressure().level, PressureLevel::kSome);
}

TEST_F(BringingBackTest, UnderPressureAndBelowTheFloorNothingIsBroughtBack) {
  HostWatch watch(WithPageBack());
  SetShortfall(MiB(1));
  for (int i = 0; i < 5; ++i) RoundAfter(watch, absl::Milliseconds(100));
  EXPECT_EQ(watch.BringPagesBack(), Bytes());
  EXPECT_EQ(pages_.swapped_pages(), kPages);
  tree_.Change([](HostFigures& host) { host.available = kFloor + GiB(3); });
  SwapIn(kPages / 2);
  for (int i = 0; i < 5; ++i) RoundAfter(watch, absl::Milliseconds(100));
  ASSERT_EQ(watch.pressure().level, PressureLevel::kSome);
  EXPECT_EQ(pages_.swapped_pages(), kPages);
  // Both are over.
  for (int i = 0; i < 100; ++i) RoundAfter(watch, absl::Milliseconds(100));
  EXPECT_EQ(pages_.swapped_pages(), 0u);
}

}  // namespace
}  // namespace governor
