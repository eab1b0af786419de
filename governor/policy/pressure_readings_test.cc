#include <cstdint>
#include <random>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"
#include "governor/policy/pressure.h"
#include "governor/policy/pressured_machine.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr absl::Duration kSecond = absl::Seconds(1);

TEST(PressureReadingTest, TheFirstReadingSaysNothing) {
  PressuredMachine machine;
  machine.now.stall->some = absl::Hours(100);
  machine.now.vmstat->swapped_in = 1 << 30;
  EXPECT_EQ(machine.judge.Observe(machine.now).level, PressureLevel::kNone);
}

TEST(PressureReadingTest, TimeThatStandsStillOrGoesBackSaysNothing) {
  PressuredMachine machine;
  machine.Run(kSecond);
  HostSnapshot again = machine.now;
  again.vmstat->swapped_in += 1 << 20;
  again.stall->some += 10 * kSecond;
  EXPECT_EQ(machine.judge.Observe(again).level, PressureLevel::kNone);
  again.taken_at -= absl::Milliseconds(500);
  EXPECT_EQ(machine.judge.Observe(again).level, PressureLevel::kNone);
  EXPECT_EQ(machine.Run(kSecond).level, PressureLevel::kNone);
}

TEST(PressureReadingTest, CloseReadingsAreMergedIntoTheNext) {
  PressuredMachine machine;
  machine.Run(kSecond);
  machine.stalled = 1;
  EXPECT_EQ(machine.Run(absl::Milliseconds(4), absl::Milliseconds(1)).level,
            PressureLevel::kNone);
  EXPECT_EQ(machine.Run(absl::Milliseconds(40), absl::Milliseconds(1)).level,
            PressureLevel::kSome);
}

TEST(PressureReadingTest, CountersThatGoBackwardsMoveNoLevel) {
  PressuredMachine machine;
  machine.now.stall->some = absl::Hours(1);
  machine.now.vmstat->swapped_in = 1000000;
  machine.Run(kSecond);
  machine.now.stall = HostSnapshot::Stall();
  machine.now.vmstat->swapped_in = 0;
  machine.now.vmstat->refaulted_anonymous = 0;
  EXPECT_EQ(machine.Run(10 * kSecond).level, PressureLevel::kNone);
  // And it sees what comes after.
  machine.swap_in = 140;
  machine.stalled = 0.4;
  EXPECT_EQ(machine.Run(2 * kSecond).level, PressureLevel::kCritical);
  machine.now.vmstat->swapped_in = 0;
  machine.now.vmstat->refaulted_anonymous = 0;
  EXPECT_EQ(machine.Run(absl::Milliseconds(100)).level,
            PressureLevel::kCritical);
}

TEST(PressureReadingTest, WithoutBothSourcesTheLevelStays) {
  PressuredMachine machine;
  machine.swap_in = 140;
  machine.stalled = 0.4;
  ASSERT_EQ(machine.Run(2 * kSecond).level, PressureLevel::kCritical);
  machine.now.stall.reset();
  machine.now.vmstat.reset();
  EXPECT_EQ(machine.Run(60 * kSecond).level, PressureLevel::kCritical);
}

TEST(PressureReadingTest, WithoutVmstatStallsDecide) {
  PressuredMachine machine;
  machine.now.vmstat.reset();
  machine.stalled = 0.12;
  EXPECT_EQ(machine.Run(2 * kSecond).level, PressureLevel::kSome);
  machine.stalled = 0.4;
  EXPECT_EQ(machine.Run(2 * kSecond).level, PressureLevel::kCritical);
}

TEST(PressureReadingTest, WithoutPsiWhatComesAndGoesDecides) {
  PressuredMachine machine;
  machine.now.stall.reset();
  machine.swap_in = machine.growth = 190;
  EXPECT_EQ(machine.Run(10 * kSecond).level, PressureLevel::kSome);
  // Others end meanwhile.
  machine.growth = 0;
  EXPECT_EQ(machine.Run(10 * kSecond).level, PressureLevel::kSome);
  machine.swap_out = 60;
  EXPECT_EQ(machine.Run(2 * kSecond).level, PressureLevel::kCritical);
}

// A source that falls silent is not judged by what it said long ago.
TEST(PressureReadingTest, SilentSourcesAreForgotten) {
  PressuredMachine machine;
  machine.stalled = 0.12;
  ASSERT_EQ(machine.Run(2 * kSecond).level, PressureLevel::kSome);
  machine.now.stall.reset();
  EXPECT_EQ(machine.Run(8 * kSecond).level, PressureLevel::kNone);
}

// Fast readings, without vmstat, between those with it.
TEST(PressureReadingTest, FastReadingsBetweenDoNotBreakTheRates) {
  PressuredMachine machine;
  machine.swap_in = machine.growth = 40;
  for (int i = 0; i < 200; ++i) {
    machine.Pass(absl::Milliseconds(10));
    HostSnapshot reading = machine.now;
    if (i % 10 != 0) reading.vmstat.reset();
    machine.judge.Observe(reading);
  }
  // In ten milliseconds only whole pages pass.
  EXPECT_TRUE(absl::StrContains(machine.judge.verdict().reason, "swap-in 39"))
      << machine.judge.verdict().reason;
}

// Numbers of any size: no crash under the sanitizers, and it goes on to work.
TEST(PressureReadingTest, NumbersOfAnySizeDoNoHarm) {
  std::mt19937_64 random(45);
  PressureJudge judge;
  HostSnapshot now;
  for (int i = 0; i < 20000; ++i) {
    now.taken_at += absl::Milliseconds(random() % 200);
    const auto any = [&] { return random() >> (random() % 64); };
    now.meminfo.reset();
    if (random() % 8 != 0) {
      now.meminfo.emplace();
      now.meminfo->anonymous = Bytes(any());
      now.meminfo->swap_cached = Bytes(any());
      now.meminfo->active_file = Bytes(any());
      now.meminfo->inactive_file = Bytes(any());
    }
    now.stall.emplace();
    now.stall->some = random() % 9 == 0
                          ? absl::InfiniteDuration()
                          : absl::Microseconds(static_cast<int64_t>(any()));
    now.vmstat = HostSnapshot::Vmstat();
    now.vmstat->page_size = Bytes(random() % 3 == 0 ? 4096 : any());
    for (uint64_t* counter :
         {&now.vmstat->swapped_in, &now.vmstat->swapped_out,
          &now.vmstat->refaulted_anonymous, &now.vmstat->refaulted_file,
          &now.vmstat->scanned_direct, &now.vmstat->stolen_direct}) {
      *counter = any();
    }
    const PressureVerdict verdict = judge.Observe(now);
    ASSERT_EQ(verdict.reason.empty(), verdict.level == PressureLevel::kNone);
    ASSERT_LE(verdict.reason.size(), 120u);
  }
  PressuredMachine machine;
  machine.judge = judge;
  machine.now.taken_at = now.taken_at;
  EXPECT_EQ(machine.Run(60 * kSecond).level, PressureLevel::kNone);
}

}  // namespace
}  // namespace governor
