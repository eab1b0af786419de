#include "governor/driver/host_driver/fault_plan.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr DriverCall kCreate = DriverCall::kMemCreate;
constexpr DriverCall kMap = DriverCall::kMemMap;

TEST(FaultPlanTest, LetsEverythingPassAtFirst) {
  FaultPlan plan;
  for (int i = 0; i < kDriverCallCount; ++i) {
    EXPECT_EQ(plan.OnCall(static_cast<DriverCall>(i)), std::nullopt);
  }
  EXPECT_EQ(plan.NextFree(), std::nullopt);
}

TEST(FaultPlanTest, FailsTheNthOfAKindOnce) {
  FaultPlan plan;
  plan.FailNth(kCreate, 2, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(plan.OnCall(kCreate), std::nullopt);
  EXPECT_EQ(plan.OnCall(kMap), std::nullopt);  // another kind does not count
  EXPECT_EQ(plan.OnCall(kCreate), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(plan.OnCall(kCreate), std::nullopt);
}

TEST(FaultPlanTest, FailsAKindFromTheNthOn) {
  FaultPlan plan;
  plan.FailFrom(kCreate, 2, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(plan.OnCall(kCreate), std::nullopt);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(plan.OnCall(kCreate), CUDA_ERROR_OUT_OF_MEMORY);
  }
  EXPECT_EQ(plan.OnCall(kMap), std::nullopt);
}

TEST(FaultPlanTest, CountsCallsOfEveryKind) {
  FaultPlan plan;
  plan.FailNthCall(3, CUDA_ERROR_UNKNOWN);
  EXPECT_EQ(plan.OnCall(kCreate), std::nullopt);
  EXPECT_EQ(plan.OnCall(kMap), std::nullopt);
  EXPECT_EQ(plan.OnCall(DriverCall::kInit), CUDA_ERROR_UNKNOWN);
  EXPECT_EQ(plan.OnCall(kMap), std::nullopt);

  plan.FailCallsFrom(2, CUDA_ERROR_NOT_PERMITTED);
  EXPECT_EQ(plan.OnCall(kCreate), std::nullopt);
  EXPECT_EQ(plan.OnCall(kCreate), CUDA_ERROR_NOT_PERMITTED);
  EXPECT_EQ(plan.OnCall(kMap), CUDA_ERROR_NOT_PERMITTED);
}

// n counts from the moment of planning, not from the first call ever.
TEST(FaultPlanTest, CountsFromNow) {
  FaultPlan plan;
  plan.FailNth(kMap, 100, CUDA_ERROR_UNKNOWN);  // arms the counting
  for (int i = 0; i < 10; ++i) plan.OnCall(kCreate);
  plan.FailNth(kCreate, 1, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(plan.OnCall(kCreate), CUDA_ERROR_OUT_OF_MEMORY);
}

TEST(FaultPlanTest, NeverMeetsTheZeroth) {
  FaultPlan plan;
  plan.FailNth(kCreate, 0, CUDA_ERROR_UNKNOWN);
  plan.FailFrom(kCreate, 0, CUDA_ERROR_UNKNOWN);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(plan.OnCall(kCreate), std::nullopt);
}

TEST(FaultPlanTest, LetsSeveralPlansStand) {
  FaultPlan plan;
  plan.FailNth(kCreate, 2, CUDA_ERROR_OUT_OF_MEMORY);
  plan.FailNth(kCreate, 2, CUDA_ERROR_UNKNOWN);
  plan.FailNth(kCreate, 3, CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(plan.OnCall(kCreate), std::nullopt);
  EXPECT_EQ(plan.OnCall(kCreate), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(plan.OnCall(kCreate), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(plan.OnCall(kCreate), std::nullopt);
}

TEST(FaultPlanTest, SticksToAnError) {
  FaultPlan plan;
  plan.Stick(CUDA_ERROR_ILLEGAL_ADDRESS);
  for (int i = 0; i < kDriverCallCount; ++i) {
    const DriverCall call = static_cast<DriverCall>(i);
    const bool survives = call == DriverCall::kGetErrorName ||
                          call == DriverCall::kGetErrorString ||
                          call == DriverCall::kDriverGetVersion;
    EXPECT_EQ(plan.OnCall(call),
              survives ? std::nullopt
                       : std::optional<CUresult>(CUDA_ERROR_ILLEGAL_ADDRESS))
        << call;
  }
}

TEST(FaultPlanTest, ServesFiguresThenTheFixedOne) {
  FaultPlan plan;
  plan.SetFree(MiB(64));
  EXPECT_EQ(plan.NextFree(), MiB(64));
  plan.ServeFree({MiB(1), MiB(2)});
  EXPECT_EQ(plan.NextFree(), MiB(1));
  EXPECT_EQ(plan.NextFree(), MiB(2));
  EXPECT_EQ(plan.NextFree(), MiB(64));
  EXPECT_EQ(plan.NextFree(), MiB(64));
}

TEST(FaultPlanTest, ForgetsEverything) {
  FaultPlan plan;
  plan.FailFrom(kCreate, 1, CUDA_ERROR_OUT_OF_MEMORY);
  plan.FailCallsFrom(1, CUDA_ERROR_OUT_OF_MEMORY);
  plan.Stick(CUDA_ERROR_ILLEGAL_ADDRESS);
  plan.SetFree(MiB(64));
  plan.ServeFree({MiB(1)});
  plan.Clear();
  EXPECT_EQ(plan.OnCall(kCreate), std::nullopt);
  EXPECT_EQ(plan.NextFree(), std::nullopt);
}

}  // namespace
}  // namespace governor
