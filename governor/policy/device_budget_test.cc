#include "governor/policy/device_budget.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(DeviceBudgetTest, LikeMachinesOfferTheSame) {
  const DeviceBudget a = DeviceBudgetOf(GiB(121) + MiB(700), true, {});
  const DeviceBudget b = DeviceBudgetOf(GiB(121) + MiB(513), true, {});
  EXPECT_EQ(a.total, GiB(121) + MiB(512));
  EXPECT_EQ(a.total, b.total);
  EXPECT_EQ(a.budget, b.budget);
}

TEST(DeviceBudgetTest, TheReserveComesOutOfTheMachinesOwnMemory) {
  EXPECT_EQ(DeviceBudgetOf(GiB(128), true, {}).budget, GiB(120));
  EXPECT_EQ(DeviceBudgetOf(GiB(128), true, GiB(20)).budget, GiB(108));
  EXPECT_EQ(DeviceBudgetOf(GiB(128), true, *SizeSpec::Parse("25%")).budget,
            GiB(96));
}

TEST(DeviceBudgetTest, ADeviceWithItsOwnMemoryGivesItNothing) {
  const DeviceBudget device = DeviceBudgetOf(GiB(140), false, GiB(20));
  EXPECT_EQ(device.budget, GiB(140));
  EXPECT_EQ(device.os_reserve, GiB(20));
}

TEST(DeviceBudgetTest, AReserveAboveTheTotalLeavesNothing) {
  EXPECT_EQ(DeviceBudgetOf(GiB(8), true, GiB(9)).budget, Bytes(0));
  EXPECT_EQ(DeviceBudgetOf(MiB(100), true, MiB(1)).budget, MiB(99));
}

TEST(DeviceBudgetTest, OfADeclaredBudgetTheDefaultReserveLeavesTheRest) {
  EXPECT_EQ(UsableOfDeclared(GiB(121), GiB(128)), GiB(120));
  EXPECT_EQ(UsableOfDeclared(GiB(120), GiB(128)), std::nullopt);
  EXPECT_EQ(UsableOfDeclared(GiB(128), GiB(128)), GiB(120));
}

}  // namespace
}  // namespace governor
