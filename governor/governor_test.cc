#include "governor/governor.h"

#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace governor {
namespace {

using absl::StatusCode;

constexpr char kMachine[] = "gb10,memory=8GiB,context=300MiB";

GovernorOptions OnHost(GovernorOptions options = {}) {
  options.driver = DriverChoice::kHost;
  if (!options.host_driver) options.host_driver = kMachine;
  return options;
}

std::unique_ptr<Governor> MustOpen(GovernorOptions options) {
  auto governor = Governor::Create(OnHost(std::move(options)));
  EXPECT_TRUE(governor.ok()) << governor.status();
  return *std::move(governor);
}

StatusCode CodeOf(GovernorOptions options) {
  return Governor::Create(OnHost(std::move(options))).status().code();
}

TEST(GovernorTest, MemGetInfoIsArithmetic) {
  auto governor = MustOpen({.budget = GiB(4), .allowance = MiB(512)});
  EXPECT_EQ(governor->mem_get_info().total, GiB(4));
  EXPECT_EQ(governor->mem_get_info().free, GiB(4) - MiB(512));
  EXPECT_EQ(governor->granted(), Bytes());
  auto region = *governor->CreateRegion({.size = GiB(1)});
  ASSERT_TRUE(region->Commit(0, 100).ok());
  EXPECT_EQ(governor->granted(), MiB(200));
  EXPECT_EQ(governor->mem_get_info().free, GiB(4) - MiB(712));
  EXPECT_EQ(governor->headroom(), GiB(4) - MiB(712));
  const Grant lease = *governor->Lease(GiB(1));
  EXPECT_EQ(governor->mem_get_info().free, GiB(3) - MiB(712));
  // Governed memory and allowance never pass the budget.
  EXPECT_EQ(region->Commit(100, 412).code(), StatusCode::kOk);
  EXPECT_EQ(governor->Lease(GiB(2)).status().code(),
            StatusCode::kResourceExhausted);
}

// Two like machines, whatever their moment, give one default.
TEST(GovernorTest, TheDefaultBudgetIsTheDeviceLessTheReserve) {
  EXPECT_EQ(MustOpen({})->budget(), GiB(7));
  EXPECT_EQ(MustOpen({.os_reserve = GiB(3)})->budget(), GiB(5));
  EXPECT_EQ(MustOpen({.budget = *SizeSpec::Parse("50%")})->budget(), GiB(4));
  EXPECT_EQ(MustOpen({.host_driver = "gb10,memory=8300MiB"})->budget(),
            MustOpen({.host_driver = "gb10,memory=8306MiB"})->budget());
}

TEST(GovernorTest, RefusesSizesThatCannotHold) {
  EXPECT_EQ(CodeOf({.budget = Bytes(0)}), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf({.budget = GiB(9)}), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf({.os_reserve = GiB(8)}), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf({.budget = GiB(6), .os_reserve = GiB(4)}),
            StatusCode::kInvalidArgument);
  // Below the default allowance of 1 GiB.
  EXPECT_EQ(CodeOf({.budget = MiB(512)}), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf({.budget = MiB(512), .allowance = MiB(100)}),
            StatusCode::kOk);
  EXPECT_EQ(CodeOf({.device = 1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf({.device = -1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf({.host_driver = "gb11"}), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf({.host_driver = "old"}), StatusCode::kUnimplemented);
}

TEST(GovernorTest, ASnapshotAddsUp) {
  auto governor = MustOpen({.budget = GiB(4), .allowance = MiB(512)});
  auto region = *governor->CreateRegion({.size = GiB(1)});
  const ScopedTag tag(*Tag::Named("kv"));
  ASSERT_TRUE(region->Commit(0, 64).ok());
  ASSERT_TRUE(region->Decommit(0, 4).ok());
  const Snapshot s = *governor->TakeSnapshot();
  EXPECT_EQ(s.governed + s.unmanaged + s.other_processes + s.os + s.evictable +
                s.free,
            s.total);
  EXPECT_EQ(s.total, GiB(8));
  EXPECT_EQ(s.governed, MiB(128));
  EXPECT_EQ(s.unmanaged, MiB(300));  // the context
  EXPECT_EQ(s.granted, MiB(128));
  EXPECT_EQ(s.cached, MiB(8));
  EXPECT_EQ(s.allowance, MiB(512));
  EXPECT_EQ(s.headroom, GiB(4) - MiB(640));
  EXPECT_EQ(s.peak_granted, MiB(128));
  EXPECT_EQ(s.driver, "host");
  ASSERT_FALSE(s.holders.empty());
  EXPECT_EQ(s.holders[0].tag, "allowance");
  EXPECT_EQ(s.holders[1], (Refusal::Holder{"kv", MiB(120)}));
}

TEST(GovernorTest, ClosesOnlyWhenNothingIsOut) {
  auto governor = MustOpen({.budget = GiB(4)});
  auto region = *governor->CreateRegion({.size = GiB(1)});
  ASSERT_TRUE(region->Commit(0, 4).ok());
  EXPECT_EQ(governor->Close().code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(governor->is_closed());
  ASSERT_TRUE(region->Decommit(0, 4).ok());
  ASSERT_TRUE(governor->Close().ok());
  EXPECT_TRUE(governor->Close().ok());
  EXPECT_EQ(governor->granted(), Bytes());
  EXPECT_EQ(governor->CreateRegion({.size = GiB(1)}).status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(governor->Lease(MiB(1)).status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(governor->TakeSnapshot().status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(region->Commit(0, 1).code(), StatusCode::kFailedPrecondition);
}

TEST(GovernorTest, ARegionMayOutliveItsGovernor) {
  auto governor = MustOpen({.budget = GiB(2)});
  auto region = *governor->CreateRegion({.size = GiB(2)});
  ASSERT_TRUE(region->Commit(0, 4).ok());
  governor.reset();
  EXPECT_TRUE(region->Commit(4, 4).ok());
  // The context is still there, and so its allowance is still set aside.
  const absl::Status status = region->Commit(8, 505);
  ASSERT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(RefusalOf(status)->granted, GiB(1) + MiB(16));
  EXPECT_TRUE(region->Close().ok());
}

TEST(GovernorTest, GovernorsOfOneProcessShareTheHostDriver) {
  auto first = MustOpen({.budget = GiB(4)});
  auto second = MustOpen({.budget = GiB(4)});
  EXPECT_EQ(first->host_driver(), second->host_driver());
  auto region = *first->CreateRegion({.size = MiB(64)});
  ASSERT_TRUE(region->Commit(0, 1).ok());
  // What one governs is unmanaged to the other.
  EXPECT_EQ(second->TakeSnapshot()->unmanaged, MiB(302));
  EXPECT_NE(first->host_driver(),
            MustOpen({.host_driver = "gb10,memory=4GiB"})->host_driver());
}

TEST(GovernorTest, AForkedChildIsToldAndMayOpenItsOwn) {
  auto governor = MustOpen({.budget = GiB(4)});
  auto region = *governor->CreateRegion({.size = GiB(1)});
  ASSERT_TRUE(region->Commit(0, 1).ok());
  const pid_t child = fork();
  if (child == 0) {
    const auto is_told = [](const absl::Status& status) {
      return status.code() == StatusCode::kFailedPrecondition;
    };
    const bool told =
        is_told(governor->CreateRegion({.size = GiB(1)}).status()) &&
        is_told(governor->Lease(MiB(1)).status()) &&
        is_told(governor->TakeSnapshot().status()) &&
        is_told(governor->Close());
    region.reset();
    governor.reset();
    auto own = Governor::Create(OnHost({.budget = GiB(2)}));
    const bool works =
        own.ok() &&
        (*(*own)->CreateRegion({.size = MiB(64)}))->Commit(0, 1).ok();
    _exit(told ? (works ? 0 : 2) : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(governor->host_driver()->physical_bytes(), MiB(2));
  EXPECT_TRUE(region->Close().ok());
}

}  // namespace
}  // namespace governor
