#include "governor/plan_request.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

// A device that counts how often it was asked.
class PlanRequestTest : public testing::Test {
 protected:
  PlanRequest Complete(const GovernorOptions& options,
                       const PlanRequest& request = {}) {
    return CompletePlanRequest(request, options,
                               [this] {
                                 ++asked_;
                                 return device_;
                               })
        .value();
  }

  DeviceMemorySize device_{GiB(8), true};
  int asked_ = 0;
};

TEST_F(PlanRequestTest, NeedsNoDeviceForABudgetInBytes) {
  const PlanRequest request = Complete({.budget = GiB(2)});
  EXPECT_EQ(request.budget, GiB(2));
  EXPECT_EQ(request.os_reserve, std::nullopt);
  EXPECT_EQ(request.allowance, std::nullopt);
  EXPECT_EQ(asked_, 0);
}

TEST_F(PlanRequestTest, NeedsNoDeviceForTheBlocksOfAKvCache) {
  const PlanRequest request = Complete({}, {.kv_memory = GiB(1)});
  EXPECT_EQ(request.budget, std::nullopt);
  EXPECT_EQ(asked_, 0);
  // A budget must hold them.
  EXPECT_EQ(Complete({.budget = SizeSpec::Parse("50%").value()},
                     {.kv_memory = GiB(1)})
                .budget,
            GiB(4));
}

TEST_F(PlanRequestTest, TakesWhatTheDeviceHas) {
  const PlanRequest request = Complete({});
  EXPECT_EQ(request.os_reserve, GiB(1));
  EXPECT_EQ(request.budget, GiB(7));
  EXPECT_EQ(asked_, 1);
  // On memory of its own the reserve limits nothing.
  device_.is_integrated = false;
  EXPECT_EQ(Complete({}).budget, GiB(8));
}

TEST_F(PlanRequestTest, TakesAPercentageOfTheWholeDevice) {
  const PlanRequest request = Complete(
      {.budget = SizeSpec::Parse("50%").value(), .os_reserve = GiB(2)});
  EXPECT_EQ(request.os_reserve, GiB(2));
  EXPECT_EQ(request.budget, GiB(4));
}

TEST_F(PlanRequestTest, TakesAnAllowanceOfTheBudget) {
  const SizeSpec tenth = SizeSpec::Parse("10%").value();
  EXPECT_EQ(Complete({.budget = GiB(10), .allowance = tenth}).allowance,
            GiB(1));
  EXPECT_EQ(Complete({.allowance = tenth}).allowance,
            SizeSpec(tenth).Resolve(GiB(7)));
  EXPECT_EQ(Complete({.budget = GiB(2), .allowance = MiB(3)}).allowance,
            MiB(3));
  // Without a budget: bytes are bytes, a percentage is of nothing known.
  const PlanRequest blocks = {.kv_memory = GiB(1)};
  EXPECT_EQ(Complete({.allowance = MiB(3)}, blocks).allowance, MiB(3));
  EXPECT_EQ(Complete({.allowance = tenth}, blocks).allowance, std::nullopt);
}

TEST_F(PlanRequestTest, KeepsTheRest) {
  const PlanRequest request =
      Complete({.budget = GiB(2)}, {.activations = MiB(5),
                                    .block_tokens = 32,
                                    .max_model_len = 7,
                                    .max_seqs = 3});
  EXPECT_EQ(request.activations, MiB(5));
  EXPECT_EQ(request.block_tokens, 32u);
  EXPECT_EQ(request.max_model_len, 7u);
  EXPECT_EQ(request.max_seqs, 3u);
}

TEST_F(PlanRequestTest, PassesOnWhatTheDeviceSays) {
  EXPECT_EQ(
      CompletePlanRequest({}, {}, [] { return absl::UnavailableError("none"); })
          .status(),
      absl::UnavailableError("none"));
}

TEST_F(PlanRequestTest, AsksTheDriver) {
  std::string why_host;
  const DeviceMemorySize memory = AskDriver({.driver = DriverChoice::kHost,
                                             .host_driver = "hmm,memory=4GiB"},
                                            &why_host)
                                      .value();
  EXPECT_EQ(memory.total, GiB(4));
  EXPECT_FALSE(memory.is_integrated);
  EXPECT_EQ(why_host, "");
  EXPECT_EQ(AskDriver({.device = 7, .driver = DriverChoice::kHost}, &why_host)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace governor
