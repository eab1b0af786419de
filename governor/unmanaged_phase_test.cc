// A phase that takes memory past the library, on a host driver: what the device
// really held, by its books, against the budget.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "governor/base/clock.h"
#include "governor/budget/local_budget.h"
#include "governor/driver/device.h"
#include "governor/driver/host_driver/host_driver.h"
#include "governor/driver/host_driver/personality.h"
#include "governor/driver/primary_context.h"
#include "governor/host/unmanaged_memory.h"
#include "governor/unmanaged_account.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr Bytes kBudget = GiB(8);
constexpr Bytes kContext = MiB(512);
constexpr Bytes kAllowance = GiB(1);
constexpr Bytes kPiece = MiB(64);

// Memory under grants, in pieces. No page of it is touched.
class Holder {
 public:
  Holder(const Device& device, Budget& budget)
      : device_(device), budget_(budget) {}
  ~Holder() { GiveBack(size()); }

  Bytes size() const { return kPiece * pieces_.size(); }

  // As much of `wanted` as there is room for.
  void Grow(Bytes wanted) {
    while (wanted >= kPiece) {
      Grant grant = budget_.TryAcquire(kPiece, Tag());
      if (grant.size().is_zero()) return;
      const CUmemAllocationProp properties = device_.allocation_properties();
      CUmemGenericAllocationHandle chunk = 0;
      ASSERT_EQ(device_.api().MemCreate(&chunk, kPiece.count(), &properties, 0),
                CUDA_SUCCESS);
      grant.Settle();
      pieces_.emplace_back(chunk, std::move(grant));
      wanted -= kPiece;
    }
  }

  Bytes GiveBack(Bytes wanted) {
    const Bytes before = size();
    while (!pieces_.empty() && before - size() < wanted) {
      device_.api().MemRelease(pieces_.back().first);
      pieces_.pop_back();
    }
    return before - size();
  }

 private:
  const Device& device_;
  Budget& budget_;
  std::vector<std::pair<CUmemGenericAllocationHandle, Grant>> pieces_;
};

// A tenant whose cache may shrink.
class CacheTenant final : public Reclaimer {
 public:
  explicit CacheTenant(Holder& holder) : holder_(holder) {}
  Bytes Reclaim(Bytes wanted, absl::Time) override {
    return holder_.GiveBack(wanted);
  }

 private:
  Holder& holder_;
};

class UnmanagedPhaseTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto personality =
        ParsePersonality("gb10,memory=16GiB,context=512MiB", GiB(16));
    ASSERT_TRUE(personality.ok()) << personality.status();
    auto driver = HostDriver::Create(*personality);
    ASSERT_TRUE(driver.ok()) << driver.status();
    driver_ = *std::move(driver);
    auto device = Device::Open(driver_->api(), 0);
    ASSERT_TRUE(device.ok()) << device.status();
    device_ = *device;
    auto budget = LocalBudget::Create({.limit = kBudget, .clock = &clock_});
    ASSERT_TRUE(budget.ok()) << budget.status();
    budget_ = *std::move(budget);
    auto account = UnmanagedAccount::Open(budget_, {.allowance = kAllowance});
    ASSERT_TRUE(account.ok()) << account.status();
    account_ = *std::move(account);
    UnmanagedMeterOptions options;
    options.host_driver = driver_.get();
    UnmanagedBaseline baseline = TakeUnmanagedBaseline(*device_, options);
    auto context = PrimaryContext::Retain(*device_);
    ASSERT_TRUE(context.ok()) << context.status();
    context_ = *context;
    ASSERT_EQ(driver_->api().CtxSetCurrent(context_->handle()), CUDA_SUCCESS);
    meter_ = MakeUnmanagedMeter(context_, std::move(baseline));

    // 6 GiB that stay, allowance included, and a cache that has the rest.
    engine_.emplace(*device_, *budget_);
    engine_->Grow(GiB(6) - kAllowance);
    cache_.emplace(*device_, *budget_);
    cache_->Grow(kBudget);
    ASSERT_EQ(cache_->size(), GiB(2));
    ASSERT_EQ(budget_->granted(), kBudget);
    Measure();
  }

  void Measure() {
    const absl::StatusOr<UnmanagedReading> reading =
        meter_->Read(engine_->size() + cache_->size());
    ASSERT_TRUE(reading.ok()) << reading.status();
    ASSERT_EQ(reading->uncertainty, Bytes());
    account_->Observe(reading->unmanaged);
  }

  // The most that the device ever held, by its own books.
  Bytes HighWater() const { return driver_->physical_high_water() + kContext; }

  void Allocate(Bytes size) {
    ASSERT_EQ(driver_->api().MemAlloc(&spike_, size.count()), CUDA_SUCCESS);
  }
  void Free() { ASSERT_EQ(driver_->api().MemFree(spike_), CUDA_SUCCESS); }

  RealClock clock_;
  std::unique_ptr<HostDriver> driver_;
  std::optional<Device> device_;
  std::shared_ptr<LocalBudget> budget_;
  std::shared_ptr<UnmanagedAccount> account_;
  std::shared_ptr<PrimaryContext> context_;
  std::unique_ptr<UnmanagedMeter> meter_;
  std::optional<Holder> engine_;
  std::optional<Holder> cache_;
  CUdeviceptr spike_ = 0;
};

// Without a reservation the spike is an overrun, which is shown as debt.
TEST_F(UnmanagedPhaseTest, AT13SpikeWithoutReservationIsAnOverrun) {
  Allocate(GiB(1) + MiB(512));
  Measure();
  EXPECT_GT(HighWater(), kBudget);
  EXPECT_EQ(account_->debt(), GiB(1));
  EXPECT_EQ(budget_->granted(), kBudget + GiB(1));
  EXPECT_EQ(budget_->TryAcquire(Bytes(1), Tag()).size(), Bytes());
  Free();
  Measure();
  EXPECT_EQ(account_->debt(), Bytes());
  EXPECT_EQ(budget_->granted(), kBudget);
}

// With one the cache makes room first, and has it back afterwards.
TEST_F(UnmanagedPhaseTest, AT13SpikeWithReservationFits) {
  constexpr Bytes kSpike = GiB(1) + MiB(512);
  CacheTenant tenant(*cache_);
  const auto registration = budget_->Register(tenant, {});
  auto transient = account_->Begin(
      "graph_capture", kSpike, {.deadline = clock_.Now() + absl::Seconds(30)});
  ASSERT_TRUE(transient.ok()) << transient.status();
  EXPECT_EQ(cache_->size(), GiB(2) - kSpike);

  Allocate(kSpike);
  Measure();
  EXPECT_EQ(account_->debt(), Bytes());
  EXPECT_EQ((*transient)->peak(), kSpike);
  EXPECT_LE(driver_->physical_bytes() + kContext, kBudget);
  Free();
  Measure();
  transient->reset();
  EXPECT_EQ(account_->debt(), Bytes());

  cache_->Grow(kBudget);
  EXPECT_EQ(cache_->size(), GiB(2));
  EXPECT_EQ(budget_->granted(), kBudget);
  EXPECT_EQ(budget_->peak(), kBudget);
  EXPECT_LE(HighWater(), kBudget);
  ASSERT_EQ(account_->peaks().size(), 1u);
  EXPECT_EQ(account_->peaks()[0].measured, kSpike);
}

TEST_F(UnmanagedPhaseTest, PlainAllocationShowsWithinTwoMebibytes) {
  const Bytes before = account_->unmanaged();
  EXPECT_EQ(before, kContext);
  Allocate(MiB(777));
  Measure();
  const Bytes grown = account_->unmanaged() - before;
  EXPECT_GE(grown, MiB(775));
  EXPECT_LE(grown, MiB(779));
  EXPECT_EQ(account_->debt(), kContext + grown - kAllowance);
  Free();
  Measure();
  EXPECT_EQ(account_->unmanaged(), before);
  EXPECT_EQ(account_->debt(), Bytes());
}

}  // namespace
}  // namespace governor
