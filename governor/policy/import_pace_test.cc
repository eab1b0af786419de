#include "governor/policy/import_pace.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr double kRate = 200e6;
constexpr Bytes kPiece(4'000'000);  // 20 ms of it

// What goes in `time`, by an importer that waits as it is told.
Bytes Import(ImportPace& pace, PressureLevel pressure, absl::Duration begin,
             absl::Duration time) {
  Bytes done;
  for (absl::Duration now = begin; now < begin + time;) {
    const absl::Duration wait = pace.Ask(kPiece, pressure, now);
    if (wait == absl::ZeroDuration()) done += kPiece;
    now += wait;
  }
  return done;
}

double Seconds(Bytes size) { return static_cast<double>(size.count()) / kRate; }

TEST(ImportPaceTest, KeepsItsRate) {
  ImportPace pace(kRate);
  const Bytes done =
      Import(pace, PressureLevel::kNone, absl::Seconds(7), absl::Seconds(10));
  EXPECT_NEAR(Seconds(done), 10, 0.08);
}

TEST(ImportPaceTest, HalvesItUnderSomePressure) {
  ImportPace pace(kRate);
  const Bytes done =
      Import(pace, PressureLevel::kSome, absl::Seconds(7), absl::Seconds(10));
  EXPECT_NEAR(Seconds(done), 5, 0.08);
}

TEST(ImportPaceTest, StopsWhenItIsCriticalAndCatchesNothingUp) {
  ImportPace pace(kRate);
  EXPECT_EQ(Import(pace, PressureLevel::kCritical, absl::Seconds(7),
                   absl::Seconds(10)),
            Bytes());
  const Bytes done =
      Import(pace, PressureLevel::kNone, absl::Seconds(17), absl::Seconds(1));
  EXPECT_NEAR(Seconds(done), 1, 0.15);
}

TEST(ImportPaceTest, APauseGivesABurstAndNoMore) {
  ImportPace pace(kRate);
  EXPECT_EQ(pace.Ask(kPiece, PressureLevel::kNone, absl::Seconds(1)),
            absl::ZeroDuration());
  Bytes at_once;
  while (pace.Ask(kPiece, PressureLevel::kNone, absl::Seconds(100)) ==
         absl::ZeroDuration()) {
    at_once += kPiece;
  }
  EXPECT_GE(Seconds(at_once), absl::ToDoubleSeconds(ImportPace::kBurst));
  EXPECT_LE(Seconds(at_once + kPiece),
            absl::ToDoubleSeconds(ImportPace::kBurst) + 0.05);
}

TEST(ImportPaceTest, ARefusalCountsNothing) {
  ImportPace pace(kRate);
  const absl::Duration begin = absl::Seconds(1);
  while (pace.Ask(kPiece, PressureLevel::kNone, begin) ==
         absl::ZeroDuration()) {
  }
  const absl::Duration wait = pace.Ask(kPiece, PressureLevel::kNone, begin);
  EXPECT_GT(wait, absl::ZeroDuration());
  EXPECT_EQ(pace.Ask(kPiece, PressureLevel::kNone, begin), wait);
  EXPECT_EQ(pace.Ask(kPiece, PressureLevel::kNone, begin + wait),
            absl::ZeroDuration());
}

}  // namespace
}  // namespace governor
