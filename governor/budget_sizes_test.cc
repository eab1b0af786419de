#include "governor/budget_sizes.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "governor/driver/host_driver/host_driver.h"
#include "governor/driver_choice.h"

namespace governor {
namespace {

// A device with 15.9 GiB of memory, the machine's or its own.
class BudgetSizesTest : public ::testing::Test {
 protected:
  Device Open(const std::string& name) {
    driver_ = *HostDriver::Create(
        *ParseHostDriver(name + ",memory=16280MiB,context=0"));
    return *Device::Open(driver_->api(), 0);
  }
  const Device& Integrated() {
    device_ = std::make_unique<Device>(Open("gb10"));
    return *device_;
  }
  const Device& Discrete() {
    device_ = std::make_unique<Device>(Open("h200"));
    return *device_;
  }

  // The message of a refusal.
  static std::string Refused(const GovernorOptions& options,
                             const Device& device) {
    const auto sizes = BudgetSizesOf(options, device);
    EXPECT_EQ(sizes.status().code(), absl::StatusCode::kInvalidArgument)
        << sizes.status();
    return std::string(sizes.status().message());
  }

  static constexpr Bytes kMemory = MiB(16280);
  // Rounded down to 256 MiB.
  static constexpr Bytes kTotal = MiB(16128);

  std::unique_ptr<HostDriver> driver_;
  std::unique_ptr<Device> device_;
};

TEST_F(BudgetSizesTest, WithoutOptionsTheReserveIsOffAndTheAllowanceIn) {
  const auto sizes = BudgetSizesOf({}, Integrated());
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  // An eighth of it.
  EXPECT_EQ(sizes->os_reserve, MiB(16128 / 8));
  EXPECT_EQ(sizes->budget, kTotal - sizes->os_reserve);
  EXPECT_EQ(sizes->allowance, GiB(1));
}

TEST_F(BudgetSizesTest, ADeviceWithMemoryOfItsOwnLeavesNobodyAnything) {
  const auto sizes = BudgetSizesOf({.os_reserve = GiB(4)}, Discrete());
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  EXPECT_EQ(sizes->os_reserve, Bytes());
  EXPECT_EQ(sizes->budget, kTotal);
}

TEST_F(BudgetSizesTest, PercentagesAreOfWhatIsLikeOnLikeMachines) {
  const auto sizes = BudgetSizesOf(
      {.budget = *SizeSpec::Parse("50%"), .allowance = *SizeSpec::Parse("10%")},
      Integrated());
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  EXPECT_EQ(sizes->budget, MiB(16128 / 2));
  EXPECT_EQ(sizes->allowance.count(), sizes->budget.count() / 10);
}

TEST_F(BudgetSizesTest, ABudgetIsAtMostWhatTheDeviceHas) {
  const Device& device = Integrated();
  EXPECT_TRUE(BudgetSizesOf({.budget = kMemory}, device).ok());
  const std::string why = Refused({.budget = kMemory + Bytes(1)}, device);
  EXPECT_NE(why.find("17070817281 bytes"), std::string::npos) << why;
  EXPECT_NE(why.find("the device's memory"), std::string::npos) << why;
  EXPECT_NE(why.find("choose a smaller budget"), std::string::npos) << why;
}

TEST_F(BudgetSizesTest, ABudgetLeavesTheReserveThatWasDeclared) {
  const Device& device = Integrated();
  const Bytes rest = kTotal - GiB(4);
  EXPECT_TRUE(
      BudgetSizesOf({.budget = rest, .os_reserve = GiB(4)}, device).ok());
  const std::string why =
      Refused({.budget = rest + Bytes(1), .os_reserve = GiB(4)}, device);
  EXPECT_NE(why.find("the declared OS reserve leaves"), std::string::npos)
      << why;
}

TEST_F(BudgetSizesTest, AReserveOfEverythingIsRefused) {
  const std::string why = Refused({.os_reserve = kTotal}, Integrated());
  EXPECT_NE(why.find("OS reserve is too large"), std::string::npos) << why;
  EXPECT_NE(why.find("choose a smaller os_reserve"), std::string::npos) << why;
}

TEST_F(BudgetSizesTest, AnAllowanceFitsTheBudget) {
  const Device& device = Discrete();
  EXPECT_TRUE(
      BudgetSizesOf({.budget = MiB(64), .allowance = MiB(64)}, device).ok());
  const std::string why =
      Refused({.budget = MiB(64), .allowance = MiB(64) + Bytes(1)}, device);
  EXPECT_NE(why.find("allowance for unmanaged memory"), std::string::npos)
      << why;
  EXPECT_NE(why.find("GOVERNOR_ALLOWANCE"), std::string::npos) << why;
  // The default as well.
  Refused({.budget = MiB(64)}, device);
}

// Unmanaged bytes are the device's.
TEST_F(BudgetSizesTest, ABudgetOfPinnedMemoryHasNoAllowanceUnlessDeclared) {
  const Device& device = Discrete();
  EXPECT_EQ(BudgetSizesOf({.pinned_host = true}, device)->allowance, Bytes());
  EXPECT_EQ(BudgetSizesOf({.allowance = MiB(8), .pinned_host = true}, device)
                ->allowance,
            MiB(8));
}

TEST_F(BudgetSizesTest, TheFloorIsOfWhatTheMachineSaysThatItHas) {
  HostSnapshot machine;
  EXPECT_EQ(FloorOfMachine(machine, GiB(4)), Bytes());
  machine.meminfo.emplace();
  machine.meminfo->total = kMemory;
  EXPECT_EQ(FloorOfMachine(machine, std::nullopt), MiB(16128 / 8));
  EXPECT_EQ(FloorOfMachine(machine, GiB(4)), GiB(4));
}

}  // namespace
}  // namespace governor
