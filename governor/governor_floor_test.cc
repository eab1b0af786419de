// What a whole governor says where the machine, not the budget, is short.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "governor/driver/host_driver/host_driver.h"
#include "governor/eventful_clock.h"
#include "governor/governor.h"
#include "governor/tree_machine.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using absl::StatusCode;

constexpr Bytes kSpare = TreeMachine::kSpare;
constexpr Bytes kBlock = MiB(64);

class GovernorFloorTest : public ::testing::Test {
 protected:
  // A region of 8 GiB in blocks of 64 MiB.
  static std::unique_ptr<ElasticRegion> RegionOf(Governor& governor) {
    auto region = governor.CreateRegion({.size = GiB(8), .block_size = kBlock});
    EXPECT_TRUE(region.ok()) << region.status();
    return *std::move(region);
  }

  static uint64_t Creates(const Governor& governor) {
    return governor.host_driver()->calls(DriverCall::kMemCreate);
  }

  // Plain memory that no governor knows of; dropped, it is free again.
  static auto PlainMemory(const Governor& governor, Bytes size) {
    const DriverApi& api = governor.device().api();
    EXPECT_EQ(api.CtxPushCurrent(governor.context().handle()), CUDA_SUCCESS);
    CUdeviceptr memory = 0;
    EXPECT_EQ(api.MemAlloc(&memory, size.count()), CUDA_SUCCESS);
    CUcontext before = nullptr;
    EXPECT_EQ(api.CtxPopCurrent(&before), CUDA_SUCCESS);
    return absl::MakeCleanup(
        [&api, context = governor.context().handle(), memory] {
          CUcontext popped = nullptr;
          EXPECT_EQ(api.CtxPushCurrent(context), CUDA_SUCCESS);
          EXPECT_EQ(api.MemFree(memory), CUDA_SUCCESS);
          EXPECT_EQ(api.CtxPopCurrent(&popped), CUDA_SUCCESS);
        });
  }

  void Tick(Governor& governor) {
    machine_.clock().Advance(absl::Seconds(1));
    governor.Tick(machine_.clock().Now());
  }

  TreeMachine machine_;
};

TEST_F(GovernorFloorTest, ACommitBelowTheFloorNeverReachesTheDriver) {
  auto governor = machine_.MustOpen();
  auto region = RegionOf(*governor);
  EXPECT_EQ(governor->headroom(), kSpare);
  const uint64_t before = Creates(*governor);
  const absl::Status status = region->Commit(0, 49);
  ASSERT_EQ(status.code(), StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(Creates(*governor), before);
  const std::optional<Refusal> refusal = RefusalOf(status);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->limited_by, "os_reserve");
  EXPECT_EQ(refusal->headroom, kSpare);
  EXPECT_EQ(refusal->asked, kSpare + kBlock);
  EXPECT_EQ(refusal->limit, GiB(12));
  EXPECT_EQ(governor->granted(), Bytes());
  // What fits is granted to the last byte, and counts though no page of it is
  // touched.
  EXPECT_TRUE(region->Commit(0, 48).ok());
  EXPECT_EQ(Creates(*governor), before + 48);
  EXPECT_EQ(governor->headroom(), Bytes());
  EXPECT_EQ(governor->Lease(Bytes(1)).status().code(),
            StatusCode::kResourceExhausted);
  ASSERT_TRUE(region->Close().ok());
}

TEST_F(GovernorFloorTest, AsMuchAsFitsKeepsWhatFitted) {
  auto governor = machine_.MustOpen();
  auto region = RegionOf(*governor);
  const auto fitted = region->CommitAsFits(0, 128);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_EQ(*fitted, 48u);
  EXPECT_EQ(region->resident(), kSpare);
  EXPECT_EQ(governor->headroom(), Bytes());
  const auto none = region->CommitAsFits(48, 80);
  EXPECT_EQ(none.status().code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE(region->Close().ok());
}

// Somebody else takes memory while the third step of four is about to be made.
class StepsTest : public GovernorFloorTest {
 protected:
  static constexpr int kBlocksOfAStep = ChunkPool::kStep / kBlock;

  StepsTest() : clock_(machine_.clock()) {
    clock_.event = [this] {
      if (governor_ == nullptr || is_taken_ ||
          Creates(*governor_) < before_ + 2 * kBlocksOfAStep) {
        return;
      }
      is_taken_ = true;
      machine_.SetAvailable(TreeMachine::kFloor + MiB(100));
    };
    governor_ = machine_.MustOpen({.max_cached = Bytes(), .clock = &clock_});
    region_ = RegionOf(*governor_);
    before_ = Creates(*governor_);
  }
  ~StepsTest() override { EXPECT_TRUE(region_->Close().ok()); }

  EventfulClock clock_;
  bool is_taken_ = false;
  uint64_t before_ = 0;
  std::unique_ptr<Governor> governor_;
  std::unique_ptr<ElasticRegion> region_;
};

TEST_F(StepsTest, OneThatTheMachineRefusesGivesBackThoseBefore) {
  const absl::Status status = region_->Commit(0, 4 * kBlocksOfAStep);
  ASSERT_EQ(status.code(), StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(RefusalOf(status)->limited_by, "os_reserve");
  EXPECT_EQ(RefusalOf(status)->asked, ChunkPool::kStep);
  EXPECT_EQ(Creates(*governor_), before_ + 2 * kBlocksOfAStep);
  EXPECT_EQ(governor_->host_driver()->physical_bytes(), Bytes());
  EXPECT_EQ(governor_->granted(), Bytes());
  EXPECT_EQ(region_->resident(), Bytes());
  // Nothing of it is on its way any more.
  EXPECT_EQ(governor_->headroom(), MiB(100));
}

TEST_F(StepsTest, AsMuchAsFitsKeepsThoseBefore) {
  const auto fitted = region_->CommitAsFits(0, 4 * kBlocksOfAStep);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_EQ(*fitted, 2u * kBlocksOfAStep);
  EXPECT_EQ(region_->resident(), ChunkPool::kStep * 2);
  EXPECT_EQ(governor_->granted(), ChunkPool::kStep * 2);
}

TEST_F(GovernorFloorTest, AT09_AContainersLimitBelowTheBudgetIsTheBudget) {
  machine_.tree().Change([](HostFigures& host) {
    host.available = GiB(12);
    host.cgroup_limit = GiB(2);
  });
  auto governor = machine_.MustOpen({.budget = GiB(6)});
  EXPECT_EQ(governor->budget(), GiB(2));
  EXPECT_EQ(governor->mem_get_info().total, GiB(2));
  auto region = RegionOf(*governor);
  size_t blocks = 0;
  absl::Status status;
  while ((status = region->Commit(blocks, 1)).ok()) ++blocks;
  ASSERT_EQ(status.code(), StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(RefusalOf(status)->limited_by, "cgroup");
  EXPECT_NE(status.message().find("cgroup"), std::string::npos) << status;
  // The context has its 16 MiB of the 2 GiB.
  EXPECT_EQ(kBlock * (blocks + 1), GiB(2));
  EXPECT_EQ(governor->TakeSnapshot()->limited_by, "cgroup");
  ASSERT_TRUE(region->Close().ok());
}

TEST_F(GovernorFloorTest, AFullPageCacheIsNotAFullMachine) {
  machine_.tree().Change([](HostFigures& host) {
    host.free = MiB(200);
    host.huge_free = MiB(200);
    host.cached = GiB(10);
    host.available = GiB(9);
  });
  auto governor = machine_.MustOpen();
  EXPECT_EQ(governor->headroom(), GiB(7));
  EXPECT_TRUE(governor->Lease(GiB(7)).ok());
  // Dirty pages are on no disk yet: they are not to be had.
  machine_.tree().Change([](HostFigures& host) { host.dirty = GiB(8); });
  machine_.clock().Advance(absl::Seconds(1));
  EXPECT_LT(governor->headroom(), GiB(1));
  const auto refused = governor->Lease(GiB(7));
  ASSERT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
}

TEST_F(GovernorFloorTest, AMachineThatTellsNothingIsGrantedNothing) {
  auto governor = machine_.MustOpen();
  machine_.tree().Remove("proc/meminfo");
  machine_.clock().Advance(absl::Seconds(1));
  const auto refused = governor->Lease(Bytes(1));
  ASSERT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(RefusalOf(refused.status())->limited_by, "host_unknown");
  EXPECT_EQ(governor->headroom(), Bytes());
  machine_.tree().Set(machine_.tree().figures());
  EXPECT_TRUE(governor->Lease(kSpare).ok());
}

TEST_F(GovernorFloorTest, OnAMachineThatNeverToldNothingIsOpened) {
  machine_.tree().Remove("proc/meminfo");
  const auto governor = Governor::Create(machine_.On());
  // The allowance is a grant like any other.
  ASSERT_EQ(governor.status().code(), StatusCode::kResourceExhausted)
      << governor.status();
  EXPECT_EQ(RefusalOf(governor.status())->limited_by, "host_unknown");
}

TEST_F(GovernorFloorTest, MemGetInfoKnowsNothingOfTheMachine) {
  auto governor = machine_.MustOpen();
  const auto before = governor->mem_get_info();
  EXPECT_EQ(before.total, GiB(12));
  EXPECT_EQ(before.free, GiB(12) - TreeMachine::kContext);
  for (const Bytes available : {Bytes(), GiB(1), GiB(15)}) {
    machine_.SetAvailable(available);
    governor->Tick(machine_.clock().Now());
    EXPECT_EQ(governor->mem_get_info().free, before.free);
    EXPECT_EQ(governor->mem_get_info().total, before.total);
  }
}

TEST_F(GovernorFloorTest, WithoutTicksPlainMemoryIsSeenByTheNextRequest) {
  auto governor = machine_.MustOpen({.budget = GiB(2)});
  const Bytes headroom = governor->headroom();
  auto region = *governor->CreateRegion(
      {.size = AlignDown(headroom, MiB(64)), .block_size = MiB(64)});
  {
    const auto plain = PlainMemory(*governor, MiB(777));
    machine_.clock().Advance(absl::Seconds(1));
    EXPECT_TRUE(RefusalOf(governor->Lease(headroom).status()));
    machine_.clock().Advance(absl::Seconds(1));
    EXPECT_TRUE(RefusalOf(region->Commit(0, region->num_blocks())));
    EXPECT_EQ(governor->headroom(), headroom - MiB(777));
  }
  // What is gone refuses nobody, however soon he asks.
  EXPECT_TRUE(region->Commit(0, region->num_blocks()).ok());
  EXPECT_TRUE(region->Decommit(0, region->num_blocks()).ok());
  EXPECT_TRUE(governor->Lease(headroom).ok());
}

TEST_F(GovernorFloorTest, PlainMemoryOf777MiBIsSeenWithinATickAndIsDebtThen) {
  constexpr Bytes kTaken = MiB(777);
  auto governor = machine_.MustOpen({.budget = GiB(2)});
  Tick(*governor);
  const Bytes unmanaged = governor->TakeSnapshot()->unmanaged;
  const Bytes headroom = governor->headroom();
  EXPECT_EQ(unmanaged, TreeMachine::kContext);
  {
    const auto plain = PlainMemory(*governor, kTaken);
    Tick(*governor);
    EXPECT_EQ(governor->headroom(), headroom - kTaken);
    const Snapshot seen = *governor->TakeSnapshot();
    EXPECT_GE(seen.unmanaged, unmanaged + kTaken - MiB(2));
    EXPECT_LE(seen.unmanaged, unmanaged + kTaken + MiB(2));
    EXPECT_EQ(seen.debt, kTaken);
  }
  Tick(*governor);
  EXPECT_EQ(governor->headroom(), headroom);
  EXPECT_EQ(governor->TakeSnapshot()->debt, Bytes());
  // The same when the budget is full: it is owed above the budget, nothing is
  // granted meanwhile, and it clears.
  Grant all = *governor->Lease(headroom);
  {
    const auto plain = PlainMemory(*governor, kTaken);
    Tick(*governor);
    const Snapshot seen = *governor->TakeSnapshot();
    EXPECT_EQ(seen.debt, kTaken);
    EXPECT_EQ(seen.headroom, Bytes());
    EXPECT_EQ(seen.granted, headroom);
    all.Release();
    EXPECT_EQ(governor->headroom(), headroom - kTaken);
    EXPECT_FALSE(governor->Lease(headroom).ok());
  }
  Tick(*governor);
  EXPECT_EQ(governor->TakeSnapshot()->debt, Bytes());
  EXPECT_TRUE(governor->Lease(headroom).ok());
}

TEST_F(GovernorFloorTest, RefusalsOfAllGovernorsAreRememberedTheNewestFirst) {
  auto first = machine_.MustOpen({.budget = GiB(12)});
  auto second = machine_.MustOpen({.budget = GiB(1)});
  {
    const ScopedTag tag(*Tag::Named("kv"));
    EXPECT_FALSE(first->Lease(GiB(4)).ok());
  }
  machine_.clock().Advance(absl::Seconds(1));
  {
    const ScopedTag tag(*Tag::Named("weights"));
    EXPECT_FALSE(second->Lease(GiB(2)).ok());
  }
  machine_.clock().Advance(absl::Seconds(1));
  for (const Governor* asked : {first.get(), second.get()}) {
    const auto refusals = asked->Refusals(10);
    ASSERT_EQ(refusals.size(), 2u);
    EXPECT_EQ(refusals[0].refusal.tag, "weights");
    EXPECT_EQ(refusals[0].refusal.asked, GiB(2));
    EXPECT_EQ(refusals[0].refusal.limit, GiB(1));
    EXPECT_EQ(refusals[0].refusal.limited_by, "budget");
    EXPECT_EQ(refusals[1].refusal.tag, "kv");
    EXPECT_EQ(refusals[1].refusal.asked, GiB(4));
    EXPECT_EQ(refusals[1].refusal.limited_by, "os_reserve");
    EXPECT_EQ(refusals[1].refusal.headroom, kSpare);
    EXPECT_LT(refusals[1].when, refusals[0].when);
    EXPECT_EQ(asked->Refusals(1).size(), 1u);
  }
}

TEST_F(GovernorFloorTest, WhatTheDriverRefusesIsRememberedToo) {
  auto governor = machine_.MustOpen();
  auto region = RegionOf(*governor);
  auto& driver = const_cast<HostDriver&>(*governor->host_driver());
  driver.faults().FailNth(DriverCall::kMemCreate, 3, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(region->Commit(0, 16).code(), StatusCode::kResourceExhausted);
  driver.faults().Clear();
  const auto refusals = governor->Refusals(10);
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].refusal.limited_by, "driver");
  EXPECT_EQ(refusals[0].refusal.asked, GiB(1));
  EXPECT_EQ(governor->granted(), Bytes());
  EXPECT_TRUE(region->Commit(0, 16).ok());
  ASSERT_TRUE(region->Close().ok());
}

}  // namespace
}  // namespace governor
