#include "bindings/deadline.h"

#include <limits>

#include "gtest/gtest.h"

namespace governor {
namespace {

using Limits = std::numeric_limits<double>;

constexpr absl::Time kNow = absl::UnixEpoch();

TEST(DeadlineTest, IsSecondsFromNow) {
  EXPECT_EQ(*DeadlineAfter(kNow, 1.5), kNow + absl::Milliseconds(1500));
  EXPECT_EQ(*DeadlineAfter(kNow, 1e-9), kNow + absl::Nanoseconds(1));
}

TEST(DeadlineTest, ZeroDoesNotWait) {
  EXPECT_EQ(*DeadlineAfter(kNow, 0), absl::InfinitePast());
  EXPECT_EQ(*DeadlineAfter(kNow, -0.0), absl::InfinitePast());
}

TEST(DeadlineTest, WhatIsTooLargeToCountIsForEver) {
  EXPECT_EQ(*DeadlineAfter(kNow, Limits::infinity()), absl::InfiniteFuture());
  EXPECT_EQ(*DeadlineAfter(kNow, Limits::max()), absl::InfiniteFuture());
}

TEST(DeadlineTest, RefusesWhatIsNotATime) {
  for (double seconds : {-1.0, -1e-300, -Limits::infinity(),
                         Limits::quiet_NaN(), -Limits::quiet_NaN()}) {
    EXPECT_EQ(DeadlineAfter(kNow, seconds).status().code(),
              absl::StatusCode::kInvalidArgument)
        << seconds;
  }
}

}  // namespace
}  // namespace governor
