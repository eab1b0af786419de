#include "governor/policy/checked_count.h"

#include <limits>

#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(CheckedCountTest, AddsMultipliesAndDivides) {
  EXPECT_EQ((CheckedCount(3) * 4 + 5).value(), 17u);
  EXPECT_EQ((CheckedCount(7)).DividedBy(2).value(), 3u);
  EXPECT_EQ((CheckedCount(7)).DividedUpBy(2).value(), 4u);
  EXPECT_EQ((CheckedCount(8)).DividedUpBy(2).value(), 4u);
  EXPECT_EQ((CheckedCount(kMax)).DividedUpBy(2).value(), kMax / 2 + 1);
  EXPECT_EQ((CheckedCount(6) * 7).bytes(), Bytes(42));
}

TEST(CheckedCountTest, OneStepTooLargeIsRememberedThroughAllOthers) {
  const CheckedCount wrapped = CheckedCount(kMax) + 1;
  EXPECT_EQ(wrapped.value(), std::nullopt);
  EXPECT_EQ((wrapped * 0).value(), std::nullopt);
  EXPECT_EQ((CheckedCount(1) + wrapped).value(), std::nullopt);
  EXPECT_EQ((CheckedCount(2) * wrapped).value(), std::nullopt);
  EXPECT_EQ(wrapped.DividedBy(2).value(), std::nullopt);
  EXPECT_EQ(wrapped.DividedUpBy(2).bytes(), std::nullopt);
  EXPECT_EQ((CheckedCount(kMax) * 2).value(), std::nullopt);
  EXPECT_EQ((CheckedCount(kMax) * 1).value(), kMax);
}

}  // namespace
}  // namespace governor
