#include <random>

#include "absl/time/time.h"
#include "governor/policy/pressure.h"
#include "governor/policy/pressured_machine.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr absl::Duration kSecond = absl::Seconds(1);

TEST(PressureHysteresisTest, FallsOneLevelAfterFiveSecondsWithout) {
  PressuredMachine machine;
  machine.swap_in = 140;
  machine.stalled = 0.4;
  ASSERT_EQ(machine.Run(2 * kSecond).level, PressureLevel::kCritical);
  machine.swap_in = 0;
  machine.stalled = 0;
  EXPECT_EQ(machine.Run(5 * kSecond).level, PressureLevel::kCritical);
  const PressureVerdict some = machine.Run(4 * kSecond);
  EXPECT_EQ(some.level, PressureLevel::kSome);
  EXPECT_FALSE(some.reason.empty());
  const PressureVerdict none = machine.Run(4 * kSecond);
  EXPECT_EQ(none.level, PressureLevel::kNone);
  EXPECT_EQ(none.reason, "");
}

TEST(PressureHysteresisTest, NothingSpeaksForALevelThatWasFallenTo) {
  PressuredMachine machine;
  machine.swap_in = 140;
  machine.stalled = 0.4;
  ASSERT_EQ(machine.Run(2 * kSecond).level, PressureLevel::kCritical);
  EXPECT_EQ(machine.judge.supported_at(), machine.now.taken_at);
  machine.swap_in = 0;
  machine.stalled = 0;
  // Until the rates are at rest.
  machine.Run(2 * kSecond);
  const absl::Duration spoken_for = machine.judge.supported_at();
  for (int i = 0; i < 300; ++i) {
    const PressureLevel before = machine.judge.verdict().level;
    machine.Run(absl::Milliseconds(50), absl::Milliseconds(50));
    if (machine.judge.verdict().level == PressureLevel::kSome &&
        before == PressureLevel::kCritical) {
      EXPECT_EQ(machine.judge.supported_at(), spoken_for);
      return;
    }
  }
  FAIL() << "it never fell";
}

TEST(PressureHysteresisTest, HalfOfWhatRaisedALevelHoldsIt) {
  PressuredMachine machine;
  machine.swap_in = machine.growth = 20;
  ASSERT_EQ(machine.Run(2 * kSecond).level, PressureLevel::kSome);
  machine.swap_in = machine.growth = 9;
  EXPECT_EQ(machine.Run(30 * kSecond).level, PressureLevel::kSome);
  EXPECT_EQ(machine.judge.verdict().reason, "swap-in 9.0 MiB/s");
  machine.swap_in = machine.growth = 7;
  EXPECT_EQ(machine.Run(8 * kSecond).level, PressureLevel::kNone);
}

// Whatever the rates do, a level does not fall twice within 5 s, nor soon after
// it rose.
TEST(PressureHysteresisTest, NeverFallsWithinFiveSecondsOfAChange) {
  std::mt19937_64 random(20261121);
  PressuredMachine machine;
  PressureLevel level = PressureLevel::kNone;
  absl::Duration changed_at = -absl::InfiniteDuration();
  int falls = 0;
  for (int i = 0; i < 20000; ++i) {
    const double scale = (i / 200) % 2 == 0 ? 1 : 0;
    machine.swap_in = scale * (random() % 60);
    machine.growth = scale * (random() % 60);
    machine.stalled = scale * (random() % 40) / 100;
    machine.Run(absl::Milliseconds(50), absl::Milliseconds(50));
    const PressureLevel next = machine.judge.verdict().level;
    if (next < level) {
      ++falls;
      ASSERT_GE(machine.now.taken_at - changed_at, 5 * kSecond);
    }
    if (next != level) changed_at = machine.now.taken_at;
    level = next;
  }
  EXPECT_GE(falls, 20);
}

}  // namespace
}  // namespace governor
