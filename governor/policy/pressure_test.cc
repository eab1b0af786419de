#include "governor/policy/pressure.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/policy/pressured_machine.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr absl::Duration kSecond = absl::Seconds(1);

// `avg10=5.00` is 5 %, and `total=` grows by 50,000 a second with it. Read as a
// fraction it would be 500 %, and read as percent of a percent nothing.
TEST(PressureUnitTest, AT45StallsAreSharesOfTheTimeFromTotals) {
  PressuredMachine five;
  five.stalled = 0.05;
  EXPECT_EQ(five.Run(10 * kSecond).level, PressureLevel::kNone);
  EXPECT_EQ(five.now.stall->some, absl::Microseconds(500000));

  PressuredMachine twelve;
  twelve.stalled = 0.12;
  const PressureVerdict verdict = twelve.Run(10 * kSecond);
  EXPECT_EQ(verdict.level, PressureLevel::kSome);
  EXPECT_EQ(verdict.reason, "stalled 12.0 % of the time");

  // The trap: 5.00 taken for the share. It is clamped to the whole time, and
  // another answer, so the first lines of this test would fail.
  PressuredMachine trap;
  trap.stalled = 5.00;
  EXPECT_EQ(trap.Run(10 * kSecond).level, PressureLevel::kSome);
  trap.now.vmstat.reset();
  EXPECT_EQ(trap.Run(10 * kSecond).level, PressureLevel::kCritical);
  EXPECT_EQ(trap.judge.verdict().reason, "stalled 100.0 % of the time");
}

TEST(PressureJudgeTest, ColdPagesInSwapAreNoPressure) {
  PressuredMachine machine;
  machine.now.meminfo->swap_free = Bytes();
  EXPECT_EQ(machine.Run(10 * kSecond).level, PressureLevel::kNone);
  EXPECT_EQ(machine.judge.verdict().reason, "");
}

TEST(PressureJudgeTest, SwapInIsSomeAndNamed) {
  PressuredMachine machine;
  machine.swap_in = machine.growth = 41.2;
  const PressureVerdict verdict = machine.Run(10 * kSecond);
  EXPECT_EQ(verdict.level, PressureLevel::kSome);
  EXPECT_EQ(verdict.reason, "swap-in 41.2 MiB/s");
}

TEST(PressureJudgeTest, BelowTheLimitsIsNone) {
  PressuredMachine machine;
  machine.swap_in = machine.growth = 15;
  machine.refaults = 100;  // of 1 GiB, in a second
  machine.scanned = 60;
  machine.stalled = 0.09;
  EXPECT_EQ(machine.Run(10 * kSecond).level, PressureLevel::kNone);
}

TEST(PressureJudgeTest, WorkingSetInSwapIsCriticalWithinASecond) {
  PressuredMachine machine;
  machine.Run(kSecond);
  machine.swap_in = 140;
  machine.stalled = 0.33;
  EXPECT_EQ(machine.Run(absl::Milliseconds(100)).level, PressureLevel::kSome);
  const PressureVerdict verdict = machine.Run(absl::Milliseconds(900));
  EXPECT_EQ(verdict.level, PressureLevel::kCritical);
  EXPECT_TRUE(absl::StrContains(verdict.reason, "swap-in"));
}

// PSI does not count pages that were not known to be in use.
TEST(PressureJudgeTest, ChurnIsCriticalThoughPsiHardlySeesIt) {
  PressuredMachine machine;
  machine.swap_in = 140;
  machine.stalled = 0.115;
  const PressureVerdict verdict = machine.Run(2 * kSecond);
  EXPECT_EQ(verdict.level, PressureLevel::kCritical);
  EXPECT_TRUE(absl::StrContains(verdict.reason, "while as much goes"));
}

// page_back() at 200 MB/s, or a program that wakes up: pages come and stay.
TEST(PressureJudgeTest, PagesThatComeBackForGoodAreNeverCritical) {
  PressuredMachine machine;
  machine.swap_in = machine.growth = 190;
  machine.stalled = 0.9;
  EXPECT_EQ(machine.Run(10 * kSecond).level, PressureLevel::kSome);
  // The same while others are swapped out for them.
  machine.swap_out = 190;
  EXPECT_EQ(machine.Run(kSecond).level, PressureLevel::kCritical);
}

TEST(PressureJudgeTest, RefaultsAreRelativeToTheFilePages) {
  PressuredMachine machine;
  machine.refaults = 400;
  const PressureVerdict verdict = machine.Run(2 * kSecond);
  EXPECT_EQ(verdict.level, PressureLevel::kSome);
  EXPECT_EQ(verdict.reason, "file refaults 400.0 MiB/s");

  PressuredMachine roomy;
  roomy.refaults = 400;
  roomy.now.meminfo->active_file = GiB(40);
  EXPECT_EQ(roomy.Run(2 * kSecond).level, PressureLevel::kNone);
}

TEST(PressureJudgeTest, FilePagesOfNoNumberAreAsIfNotTold) {
  PressuredMachine machine;
  machine.refaults = 60;
  machine.now.meminfo->active_file = Bytes(~uint64_t{0});
  EXPECT_EQ(machine.Run(2 * kSecond).level, PressureLevel::kSome);
}

TEST(PressureJudgeTest, StandingStillIsCriticalOnlyWhileMemoryInUseGoes) {
  PressuredMachine machine;
  machine.stalled = machine.stalled_full = 0.5;
  EXPECT_EQ(machine.Run(4 * kSecond).level, PressureLevel::kSome);
  machine.refaults = 200;
  const PressureVerdict verdict = machine.Run(4 * kSecond);
  EXPECT_EQ(verdict.level, PressureLevel::kCritical);
  EXPECT_TRUE(absl::StrContains(verdict.reason, "stalled 50.0 %"));
  EXPECT_TRUE(absl::StrContains(verdict.reason, "file refaults"));
}

TEST(PressureJudgeTest, AllTasksStandingStillCountsSooner) {
  PressuredMachine machine;
  machine.refaults = 200;
  machine.stalled = 0.17;
  EXPECT_EQ(machine.Run(10 * kSecond).level, PressureLevel::kSome);
  machine.stalled_full = 0.17;
  EXPECT_EQ(machine.Run(10 * kSecond).level, PressureLevel::kCritical);
}

TEST(PressureJudgeTest, DirectReclaimCountsWhereLittleCanBeHad) {
  PressuredMachine machine;
  machine.scanned = 3700;
  machine.stolen = 3600;
  EXPECT_EQ(machine.Run(2 * kSecond).level, PressureLevel::kNone);
  machine.stolen = 1000;
  const PressureVerdict verdict = machine.Run(2 * kSecond);
  EXPECT_EQ(verdict.level, PressureLevel::kSome);
  EXPECT_TRUE(absl::StrContains(verdict.reason, "direct reclaim"));
}

TEST(PressureJudgeTest, AStallShowsWithinFiftyMilliseconds) {
  PressuredMachine machine;
  machine.Run(kSecond);
  machine.stalled = 0.5;
  EXPECT_EQ(machine.Run(absl::Milliseconds(50), absl::Milliseconds(10)).level,
            PressureLevel::kSome);
}

TEST(PressureJudgeTest, OwnStallsAreLeftOut) {
  PressuredMachine machine;
  machine.stalled = 0.3;
  machine.Pass(kSecond);
  machine.judge.Observe(machine.now);
  for (int i = 0; i < 20; ++i) {
    machine.Pass(absl::Milliseconds(100));
    EXPECT_EQ(machine.judge.Observe(machine.now, absl::Milliseconds(25)).level,
              PressureLevel::kNone);
  }
  // Those of a reading that was merged count for the next.
  machine.Pass(absl::Milliseconds(4));
  machine.judge.Observe(machine.now, absl::Milliseconds(25));
  machine.Pass(absl::Milliseconds(96));
  EXPECT_EQ(machine.judge.Observe(machine.now).level, PressureLevel::kNone);
  EXPECT_EQ(machine.Run(kSecond).level, PressureLevel::kSome);
}

TEST(PressureLevelTest, HasNames) {
  EXPECT_STREQ(ToString(PressureLevel::kNone), "none");
  EXPECT_STREQ(ToString(PressureLevel::kSome), "some");
  EXPECT_STREQ(ToString(PressureLevel::kCritical), "critical");
}

}  // namespace
}  // namespace governor
