#include "governor/host/plough.h"

#include <gtest/gtest.h>

#include "governor/base/fake_clock.h"

namespace governor {
namespace {

TEST(PloughTest, TakesWhatWasAskedAndGivesItBack) {
  FakeClock clock;
  EXPECT_EQ(Plough(MiB(48), clock, clock.Now() + absl::Seconds(1)), MiB(48));
}

TEST(PloughTest, AnOddSizeIsTakenWhole) {
  FakeClock clock;
  EXPECT_EQ(Plough(Bytes(4097), clock, clock.Now() + absl::Seconds(1)),
            Bytes(4097));
}

TEST(PloughTest, NothingIsTakenAfterTheDeadline) {
  FakeClock clock;
  EXPECT_EQ(Plough(MiB(2), clock, clock.Now()), Bytes());
}

TEST(PloughTest, NothingIsTakenOfNothing) {
  FakeClock clock;
  EXPECT_EQ(Plough(Bytes(), clock, clock.Now() + absl::Seconds(1)), Bytes());
}

TEST(PloughTest, MoreAddressesThanThereAreAreNoCrash) {
  FakeClock clock;
  EXPECT_EQ(
      Plough(Bytes(uint64_t{1} << 62), clock, clock.Now() + absl::Seconds(1)),
      Bytes());
  EXPECT_EQ(Plough(Bytes(~uint64_t{0}), clock, clock.Now() + absl::Seconds(1)),
            Bytes());
}

}  // namespace
}  // namespace governor
