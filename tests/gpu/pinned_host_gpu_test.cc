// AT-23: AT-22 with pinned memory of the host as the tenant's: what a GPU's
// driver holds, and neither swap nor reclaim can take, gives way before the
// machine falls below what the operating system keeps.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "absl/time/time.h"
#include "governor/governor.h"
#include "gtest/gtest.h"
#include "tests/pressure/hog_process.h"
#include "tests/pressure/machine_counters.h"
#include "tests/pressure/machine_log.h"

namespace governor {
namespace {

constexpr Bytes kBlock = MiB(64);
constexpr Bytes kStep = MiB(256);
// One step of the hog and one reaction.
constexpr Bytes kSlack = MiB(512);

bool HasGpu() {
  const char* const driver = std::getenv("GOVERNOR_TEST_DRIVER");
  return driver != nullptr && std::string(driver) == "cuda";
}

// Gives back its last blocks when it is asked.
class PinnedTenant final : public Reclaimer {
 public:
  explicit PinnedTenant(ElasticRegion& region) : region_(region) {
    held_ = region.num_blocks();
  }
  Bytes Reclaim(Bytes wanted, absl::Time) override {
    Bytes given;
    while (given < wanted && held_ > 0) {
      if (!region_.Decommit(held_ - 1, 1, {.synchronize = false}).ok()) break;
      --held_;
      given += kBlock;
    }
    return given;
  }
  Bytes held() const { return kBlock * held_; }

 private:
  ElasticRegion& region_;
  std::atomic<size_t> held_;
};

TEST(PinnedHostGpuTest, AT23_PinnedPagesGiveWay) {
  if (!HasGpu()) GTEST_SKIP() << "no GPU: GOVERNOR_TEST_DRIVER is not cuda";
  {
    // A machine whose memory is initialised when it is first used shows what it
    // has only then.
    std::printf("MemTotal %s before, ", ToString(Meminfo("MemTotal")).c_str());
    HogProcess filler(HogPath(), {GiB(1), absl::ZeroDuration(),
                                  Meminfo("MemAvailable") - GiB(4)});
    filler.WaitUntilDone();
  }
  std::printf("%s after it was filled once\n",
              ToString(Meminfo("MemTotal")).c_str());
  const Bytes tenant_size = GiB(10);
  const Bytes available = AlignDown(Meminfo("MemAvailable"), kStep);
  ASSERT_GT(available, tenant_size + GiB(4));
  GovernorOptions options;
  options.driver = DriverChoice::kCuda;
  options.pinned_host = true;
  options.budget = SizeSpec(tenant_size);
  options.os_reserve = SizeSpec(available - tenant_size - GiB(1));
  options.max_cached = Bytes();
  auto governor = Governor::Create(options);
  ASSERT_TRUE(governor.ok()) << governor.status();
  const Bytes floor = (*governor)->os_reserve();
  auto region =
      (*governor)->CreateRegion({.size = tenant_size, .block_size = kBlock});
  ASSERT_TRUE(region.ok()) << region.status();
  const absl::Status committed = (*region)->Commit(0, (*region)->num_blocks());
  ASSERT_TRUE(committed.ok()) << committed;
  // Real pages of the machine, at once.
  EXPECT_LE(Meminfo("MemAvailable"), available - tenant_size + GiB(1));

  PinnedTenant tenant(**region);
  auto registration = (*governor)->OnReclaim(tenant);
  ASSERT_TRUE(registration.ok()) << registration.status();
  MachineLog log(absl::Milliseconds(10), [&] { return tenant.held(); });
  {
    HogProcess hog(HogPath(), {kStep, absl::Milliseconds(100),
                               available - floor + GiB(1)});
    hog.WaitUntilDone();
  }
  log.Stop();
  const Bytes least = log.LeastAvailableWhileHeld();
  std::printf(
      "floor %s, least available %s (%s below), swapped in %llu pages, "
      "PSI full %.2f %%\n",
      ToString(floor).c_str(), ToString(least).c_str(),
      ToString(SaturatingSubtract(floor, least)).c_str(),
      static_cast<unsigned long long>(log.pages_swapped_in()),
      log.full_stall_fraction() * 100);
  EXPECT_EQ(tenant.held(), Bytes());
  EXPECT_GE(least + kSlack, floor);
  EXPECT_EQ(log.pages_swapped_in(), 0u);
  EXPECT_LE(log.full_stall_fraction(), 0.01);
  registration->reset();
}

// The floor is checked before the driver is asked for pages of the host.
TEST(PinnedHostGpuTest, WhatTheFloorForbidsNeverReachesTheDriver) {
  if (!HasGpu()) GTEST_SKIP() << "no GPU: GOVERNOR_TEST_DRIVER is not cuda";
  GovernorOptions options;
  options.driver = DriverChoice::kCuda;
  options.pinned_host = true;
  const Bytes available = AlignDown(Meminfo("MemAvailable"), kStep);
  options.budget = SizeSpec(GiB(2));
  options.os_reserve = SizeSpec(available - GiB(1));
  auto governor = Governor::Create(options);
  ASSERT_TRUE(governor.ok()) << governor.status();
  auto region =
      (*governor)->CreateRegion({.size = GiB(2), .block_size = kBlock});
  ASSERT_TRUE(region.ok()) << region.status();
  const absl::Status refused = (*region)->Commit(0, (*region)->num_blocks());
  ASSERT_TRUE(RefusalOf(refused).has_value()) << refused;
  EXPECT_EQ(RefusalOf(refused)->limited_by, "os_reserve");
  EXPECT_EQ((*region)->resident(), Bytes());
  EXPECT_GE(Meminfo("MemAvailable") + MiB(512), available);
}

}  // namespace
}  // namespace governor
