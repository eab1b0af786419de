#include "governor/plan_request.h"

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;

// A device that counts how often it was asked.
class PlanRequestTest : public testing::Test {
 protected:
  PlanRequest Complete(const GovernorOptions& options,
                       const PlanRequest& request = {}) {
    return Try(options, request).value();
  }

  absl::StatusOr<PlanRequest> Try(const GovernorOptions& options,
                                  const PlanRequest& request = {}) {
    return CompletePlanRequest(
        request, options,
        [this] {
          ++asked_;
          return device_;
        },
        declared_, keeps_capability_);
  }

  DeviceMemorySize device_{.total = GiB(8)};
  std::optional<DeviceMemorySize> declared_;
  bool keeps_capability_ = false;
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

TEST_F(PlanRequestTest, NothingIsKeptBackFromMemoryOfItsOwn) {
  declared_ = DeviceMemorySize{.total = GiB(32), .is_integrated = false};
  PlanRequest request = Complete({});
  EXPECT_EQ(request.budget, GiB(32));
  EXPECT_EQ(request.os_reserve, std::nullopt);
  request = Complete({.os_reserve = GiB(2)});
  EXPECT_EQ(request.budget, GiB(32));
  EXPECT_EQ(request.os_reserve, std::nullopt);
  EXPECT_EQ(asked_, 0);
}

TEST_F(PlanRequestTest, TellsWhatIsKnownOfTheDevice) {
  PlanRequest request = Complete({});
  EXPECT_EQ(request.device_memory, GiB(8));
  EXPECT_TRUE(request.is_integrated);
  // A device that is not asked is not known.
  EXPECT_EQ(Complete({.budget = GiB(2)}).device_memory, std::nullopt);
  declared_ = DeviceMemorySize{.total = GiB(32), .is_integrated = false};
  for (const PlanRequest& given :
       {PlanRequest(), PlanRequest{.kv_memory = GiB(1)}}) {
    request = Complete({}, given);
    EXPECT_EQ(request.device_memory, GiB(32));
    EXPECT_FALSE(request.is_integrated);
  }
  EXPECT_EQ(Complete({.budget = GiB(2)}).device_memory, GiB(32));
}

TEST_F(PlanRequestTest, ADeviceThatIsAskedSaysItsComputeCapability) {
  const ComputeCapability hopper = {9, 0};
  device_.compute_capability = hopper;
  EXPECT_EQ(Complete({}).layout.compute_capability, hopper);
  // Not where one was given, and not where nobody is asked.
  keeps_capability_ = true;
  EXPECT_EQ(Complete({}).layout.compute_capability, kDgxSpark);
  keeps_capability_ = false;
  EXPECT_EQ(Complete({.budget = GiB(2)}).layout.compute_capability, kDgxSpark);
}

TEST_F(PlanRequestTest, TakesAPercentageOfTheWholeDevice) {
  const PlanRequest request = Complete(
      {.budget = SizeSpec::Parse("50%").value(), .os_reserve = GiB(2)});
  EXPECT_EQ(request.os_reserve, GiB(2));
  EXPECT_EQ(request.budget, GiB(4));
}

// As Governor::Create has it: 95 % of 128 GiB are 121.6, though the reserve
// would leave 120.
TEST_F(PlanRequestTest, TheDefaultReserveCutsNoDeclaredBudget) {
  declared_ = DeviceMemorySize{.total = GiB(128)};
  const SizeSpec most = SizeSpec::Parse("95%").value();
  PlanRequest request = Complete({.budget = most});
  EXPECT_EQ(request.budget, SizeSpec(most).Resolve(GiB(128)));
  EXPECT_EQ(request.os_reserve, std::nullopt);
  request = Complete({});
  EXPECT_EQ(request.budget, GiB(120));
  EXPECT_EQ(request.os_reserve, GiB(8));
  EXPECT_EQ(Try({.budget = most, .os_reserve = GiB(8)}).status().code(),
            absl::StatusCode::kInvalidArgument);
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

TEST_F(PlanRequestTest, ADeclaredDeviceStandsInForTheDriver) {
  declared_ = DeviceMemorySize{.total = GiB(16)};
  EXPECT_EQ(Complete({}).budget, GiB(14));
  EXPECT_EQ(Complete({.budget = SizeSpec::Parse("50%").value()}).budget,
            GiB(8));
  // Nothing is kept back from a budget in bytes.
  const PlanRequest request = Complete({.budget = GiB(2)});
  EXPECT_EQ(request.budget, GiB(2));
  EXPECT_EQ(request.os_reserve, std::nullopt);
  EXPECT_EQ(asked_, 0);
}

// As Governor::Create does.
TEST_F(PlanRequestTest, RefusesABudgetThatTheDeviceCannotHold) {
  declared_ = DeviceMemorySize{.total = GiB(8)};
  EXPECT_EQ(Complete({.budget = GiB(8)}).budget, GiB(8));
  absl::Status status = Try({.budget = Bytes(GiB(8).count() + 1)}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("8589934593"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("8589934592"));

  // With a declared reserve, less of it may be promised.
  const GovernorOptions just = {.budget = GiB(6), .os_reserve = GiB(2)};
  const GovernorOptions above = {.budget = Bytes(GiB(6).count() + 1),
                                 .os_reserve = GiB(2)};
  EXPECT_EQ(Complete(just).budget, GiB(6));
  EXPECT_EQ(Try(above).status().code(), absl::StatusCode::kInvalidArgument);
  // The same where the driver says the size.
  declared_.reset();
  EXPECT_EQ(Complete(just).budget, GiB(6));
  EXPECT_EQ(Try(above).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(asked_, 2);
  // Memory of its own is not reduced by a reserve.
  device_.is_integrated = false;
  EXPECT_EQ(Complete(above).budget, above.budget->Resolve(Bytes()));
}

TEST_F(PlanRequestTest, RefusesAReserveThatTakesAll) {
  const absl::Status status = Try({.os_reserve = GiB(8)}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("OS reserve"));
}

TEST_F(PlanRequestTest, KeepsTheRest) {
  PlanRequest given = {.activations = MiB(5), .graphs = MiB(6)};
  given.layout = {.engine = Engine::kLlamaCpp, .block_tokens = 32};
  given.max_model_len = 7;
  given.max_seqs = 3;
  const PlanRequest request = Complete({.budget = GiB(2)}, given);
  EXPECT_EQ(request.activations, MiB(5));
  EXPECT_EQ(request.graphs, MiB(6));
  EXPECT_EQ(request.layout.engine, Engine::kLlamaCpp);
  EXPECT_EQ(request.layout.block_tokens, 32u);
  EXPECT_EQ(request.max_model_len, 7u);
  EXPECT_EQ(request.max_seqs, 3u);
}

TEST_F(PlanRequestTest, PassesOnWhatTheDeviceSays) {
  EXPECT_EQ(
      CompletePlanRequest({}, {}, [] { return absl::UnavailableError("none"); })
          .status(),
      absl::UnavailableError("none"));
}

TEST_F(PlanRequestTest, EachHostDriverHasItsComputeCapability) {
  std::string why_host;
  const auto ask = [&](const char* host_driver) {
    return AskDriver(
               {.driver = DriverChoice::kHost, .host_driver = host_driver},
               &why_host)
        .value()
        .compute_capability;
  };
  EXPECT_EQ(ask("gb10,memory=4GiB"), kDgxSpark);
  EXPECT_EQ(ask("h200,memory=4GiB"), (ComputeCapability{9, 0}));
}

TEST_F(PlanRequestTest, AsksTheDriver) {
  std::string why_host;
  const DeviceMemorySize memory = AskDriver({.driver = DriverChoice::kHost,
                                             .host_driver = "hmm,memory=4GiB"},
                                            &why_host)
                                      .value();
  EXPECT_EQ(memory.total, GiB(4));
  EXPECT_FALSE(memory.is_integrated);
  EXPECT_NE(memory.name, "");
  EXPECT_EQ(memory.driver, "host driver");
  EXPECT_EQ(why_host, "");
  EXPECT_EQ(AskDriver({.device = 7, .driver = DriverChoice::kHost}, &why_host)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace governor
