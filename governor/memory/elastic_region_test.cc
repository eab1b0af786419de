#include "governor/memory/elastic_region.h"

#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include "governor/base/clock.h"
#include "governor/budget/local_budget.h"
#include "governor/memory/test_device.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using absl::StatusCode;

class ElasticRegionTest : public testing::Test {
 protected:
  void Open(Bytes limit, Bytes max_cached = Bytes()) {
    budget_ = *LocalBudget::Create({.limit = limit, .clock = &clock_});
    pool_ = ChunkPool::Create(device_.context(), budget_,
                              {.max_cached = max_cached});
  }

  std::unique_ptr<ElasticRegion> MakeRegion(Bytes size,
                                            Bytes block_size = MiB(2)) {
    auto region =
        ElasticRegion::Create(pool_, {.size = size, .block_size = block_size});
    EXPECT_TRUE(region.ok()) << region.status();
    return *std::move(region);
  }

  CUdeviceptr AddressOf(const ElasticRegion& region, size_t block) {
    return region.address() + region.block_size().count() * block;
  }

  TestDevice device_;
  RealClock clock_;
  std::shared_ptr<LocalBudget> budget_;
  std::shared_ptr<ChunkPool> pool_;
};

TEST_F(ElasticRegionTest, AReservationHoldsNothing) {
  Open(MiB(8));
  auto region = MakeRegion(GiB(16));
  EXPECT_EQ(region->num_blocks(), 8192u);
  EXPECT_EQ(region->size(), GiB(16));
  EXPECT_EQ(region->resident(), Bytes());
  EXPECT_EQ(device_.PhysicalBytes(), Bytes());
  EXPECT_EQ(budget_->granted(), Bytes());
}

TEST_F(ElasticRegionTest, CommittedBlocksHoldDataAndAreCharged) {
  Open(MiB(64));
  auto region = MakeRegion(MiB(64));
  const ScopedTag tag(*Tag::Named("kv"));
  ASSERT_TRUE(region->Commit(3, 4).ok());
  EXPECT_EQ(region->resident(), MiB(8));
  EXPECT_EQ(budget_->granted(*Tag::Named("kv")), MiB(8));
  EXPECT_EQ(device_.PhysicalBytes(), MiB(8));
  EXPECT_TRUE(region->is_committed(3));
  EXPECT_FALSE(region->is_committed(2));
  EXPECT_FALSE(region->is_committed(7));
  device_.Fill(AddressOf(*region, 3), MiB(8), 7);
  EXPECT_TRUE(device_.Holds(AddressOf(*region, 3), MiB(8), 7));
}

// Each call of Decommit lowers the driver's own count by exactly one block;
// the other blocks keep their bytes, and the base stays where it is.
TEST_F(ElasticRegionTest, GivesBackEveryOddBlockOfOneCommit) {
  constexpr size_t kBlocks = 1024;
  Open(GiB(2));
  auto region = MakeRegion(GiB(2));
  const CUdeviceptr base = region->address();
  ASSERT_TRUE(region->Commit(0, kBlocks).ok());
  EXPECT_EQ(device_.PhysicalBytes(), GiB(2));
  for (size_t i = 0; i < kBlocks; ++i) {
    device_.Fill(AddressOf(*region, i), KiB(64), i);
  }
  Bytes expected = GiB(2);
  for (size_t i = 1; i < kBlocks; i += 2) {
    ASSERT_TRUE(region->Decommit(i, 1).ok());
    expected -= MiB(2);
    ASSERT_EQ(device_.PhysicalBytes(), expected) << "after block " << i;
    ASSERT_EQ(budget_->granted(), expected);
  }
  for (size_t i = 0; i < kBlocks; i += 2) {
    EXPECT_TRUE(device_.Holds(AddressOf(*region, i), KiB(64), i)) << i;
  }
  EXPECT_EQ(region->address(), base);
  ASSERT_TRUE(region->Commit(1, 1).ok());
  EXPECT_EQ(region->address(), base);
}

TEST_F(ElasticRegionTest, TheCacheKeepsItsBoundAndNoMore) {
  Open(MiB(64), /*max_cached=*/MiB(8));
  auto region = MakeRegion(MiB(32));
  ASSERT_TRUE(region->Commit(0, 16).ok());
  ASSERT_TRUE(region->Decommit(0, 16).ok());
  EXPECT_EQ(pool_->cached(), MiB(8));
  EXPECT_EQ(device_.PhysicalBytes(), MiB(8));
  EXPECT_EQ(budget_->granted(Tag::Cached()), MiB(8));
  // Kept chunks serve the next commit, and are that commit's bytes then.
  const ScopedTag tag(*Tag::Named("kv"));
  ASSERT_TRUE(region->Commit(0, 6).ok());
  EXPECT_EQ(pool_->cached(), Bytes());
  EXPECT_EQ(budget_->granted(*Tag::Named("kv")), MiB(12));
}

TEST_F(ElasticRegionTest, KeptChunksGoBeforeAnybodyIsRefused) {
  Open(MiB(16), /*max_cached=*/MiB(16));
  auto small = MakeRegion(MiB(16), MiB(2));
  auto large = MakeRegion(MiB(16), MiB(8));
  ASSERT_TRUE(small->Commit(0, 8).ok());
  ASSERT_TRUE(small->Decommit(0, 8).ok());
  EXPECT_EQ(budget_->granted(), MiB(16));
  // Of another size: nothing to reuse, so they are released.
  ASSERT_TRUE(large->Commit(0, 2).ok());
  EXPECT_EQ(device_.PhysicalBytes(), MiB(16));
  ASSERT_TRUE(large->Decommit(0, 2).ok());
  // A lease needs no chunk at all.
  EXPECT_TRUE(budget_->Acquire(MiB(16), {}).ok());
  EXPECT_EQ(device_.PhysicalBytes(), Bytes());
}

// The driver is called once per block for each thing that it must do, and once
// for what it can do for a whole run.
TEST_F(ElasticRegionTest, MakesNoMoreDriverCallsThanItMust) {
  if (device_.host() == nullptr) return;  // hardware does not count calls
  Open(MiB(64));
  auto region = MakeRegion(MiB(64));
  const auto calls_of = [&](auto action) {
    const uint64_t before = device_.host()->total_calls();
    EXPECT_TRUE(action().ok());
    return device_.host()->total_calls() - before;
  };
  // 8 x (create, map), access.
  EXPECT_EQ(calls_of([&] { return region->Commit(0, 8); }), 17u);
  // Push, synchronize, pop, 8 x (unmap, release).
  EXPECT_EQ(calls_of([&] { return region->Decommit(0, 8); }), 19u);
  // A refusal costs the driver nothing.
  const uint64_t before = device_.host()->total_calls();
  EXPECT_FALSE(budget_->Acquire(MiB(65), {}).ok());
  EXPECT_EQ(device_.host()->total_calls(), before);
}

TEST_F(ElasticRegionTest, ADriverShortInTheMiddleIsARefusalToo) {
  if (device_.host() == nullptr) return;
  Open(MiB(64), MiB(8));
  auto region = MakeRegion(MiB(64));
  for (DriverCall call : {DriverCall::kMemCreate, DriverCall::kMemMap,
                          DriverCall::kMemSetAccess}) {
    device_.host()->faults().FailFrom(call, 1, CUDA_ERROR_OUT_OF_MEMORY);
    const absl::Status status = region->Commit(0, 4);
    device_.host()->faults().Clear();
    ASSERT_EQ(status.code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(RefusalOf(status)->limited_by, "driver") << status;
    EXPECT_EQ(RefusalOf(status)->asked, MiB(8));
    // A full device is not left with what we only keep.
    EXPECT_EQ(device_.PhysicalBytes(), Bytes());
  }
}

// Whose arguments were they? Not the caller's.
TEST_F(ElasticRegionTest, AnArgumentOfOursThatTheDriverRefusesIsInternal) {
  if (device_.host() == nullptr) return;
  Open(MiB(64));
  auto region = MakeRegion(MiB(64));
  FaultPlan& faults = device_.host()->faults();
  for (const DriverCall call : {DriverCall::kMemCreate, DriverCall::kMemMap,
                                DriverCall::kMemSetAccess}) {
    faults.FailNth(call, 1, CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(region->Commit(0, 4).code(), StatusCode::kInternal) << call;
    faults.Clear();
  }
  for (const DriverCall call :
       {DriverCall::kCtxSynchronize, DriverCall::kMemUnmap,
        DriverCall::kMemRelease}) {
    ASSERT_TRUE(region->Commit(0, 1).ok());
    faults.FailNth(call, 1, CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(region->Decommit(0, 1).code(), StatusCode::kInternal) << call;
    faults.Clear();
    if (region->is_committed(0)) {
      ASSERT_TRUE(region->Decommit(0, 1).ok());
    }
  }
  faults.FailNth(DriverCall::kMemAddressReserve, 1, CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(ElasticRegion::Create(pool_, {.size = MiB(2)}).status().code(),
            StatusCode::kInternal);
  faults.Clear();
}

// Before the device is called full, it gets back what is only kept.
TEST_F(ElasticRegionTest, AFullDeviceGetsTheKeptChunksFirst) {
  if (device_.host() == nullptr) return;
  Open(GiB(16), GiB(4));  // the budget is above the device's 8 GiB
  auto small = MakeRegion(GiB(4));
  auto large = MakeRegion(GiB(8), GiB(1));
  ASSERT_TRUE(small->Commit(0, 2048).ok());
  ASSERT_TRUE(small->Decommit(0, 2048).ok());
  EXPECT_EQ(pool_->cached(), GiB(4));
  EXPECT_TRUE(large->Commit(0, 6).ok());
}

TEST_F(ElasticRegionTest, ARefusedCommitChangesNothing) {
  Open(MiB(8));
  auto region = MakeRegion(MiB(32));
  ASSERT_TRUE(region->Commit(0, 3).ok());
  const absl::Status status = region->Commit(4, 2);
  ASSERT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(RefusalOf(status)->asked, MiB(4));
  EXPECT_EQ(RefusalOf(status)->limit, MiB(8));
  EXPECT_EQ(RefusalOf(status)->headroom, MiB(2));
  EXPECT_EQ(RefusalOf(status)->limited_by, "budget");
  EXPECT_EQ(device_.PhysicalBytes(), MiB(6));
  EXPECT_FALSE(region->is_committed(4));
  EXPECT_TRUE(region->Commit(4, 1).ok());
}

TEST_F(ElasticRegionTest, CallersMistakesAreNamedAndChangeNothing) {
  Open(MiB(64));
  auto region = MakeRegion(MiB(16));
  ASSERT_TRUE(region->Commit(2, 2).ok());
  const struct {
    size_t first, count;
  } kOutside[] = {{0, 0}, {8, 1},          {0, 9},
                  {7, 2}, {~size_t{0}, 1}, {1, ~size_t{0}}};
  for (const auto& c : kOutside) {
    EXPECT_EQ(region->Commit(c.first, c.count).code(),
              StatusCode::kInvalidArgument);
    EXPECT_EQ(region->Decommit(c.first, c.count).code(),
              StatusCode::kInvalidArgument);
  }
  // Double commit, and decommit of what is not committed, at either end.
  EXPECT_EQ(region->Commit(3, 2).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(region->Commit(1, 2).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(region->Decommit(3, 2).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(region->Decommit(0, 1).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(region->resident(), MiB(4));
  EXPECT_EQ(device_.PhysicalBytes(), MiB(4));
  EXPECT_TRUE(region->is_committed(2) && region->is_committed(3));
}

TEST_F(ElasticRegionTest, RefusesSizesThatCannotBe) {
  Open(MiB(64));
  const ElasticRegionOptions kBad[] = {
      {.size = Bytes(0)},
      {.size = MiB(4), .block_size = Bytes(0)},
      {.size = MiB(4), .block_size = MiB(3)},
      {.size = MiB(4), .block_size = KiB(4)},
      {.size = Bytes(~uint64_t{0})},
      {.size = Bytes(uint64_t{1} << 62)},
  };
  for (const ElasticRegionOptions& options : kBad) {
    EXPECT_EQ(ElasticRegion::Create(pool_, options).status().code(),
              StatusCode::kInvalidArgument);
  }
  auto rounded = ElasticRegion::Create(pool_, {.size = Bytes(1)});
  ASSERT_TRUE(rounded.ok());
  EXPECT_EQ((*rounded)->size(), MiB(2));
}

TEST_F(ElasticRegionTest, AClosedRegionSaysSo) {
  Open(MiB(64), MiB(64));
  auto region = MakeRegion(MiB(16));
  ASSERT_TRUE(region->Commit(0, 8).ok());
  ASSERT_TRUE(region->Close().ok());
  EXPECT_TRUE(region->Close().ok());
  EXPECT_TRUE(region->is_closed());
  EXPECT_EQ(region->Commit(0, 1).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(region->Decommit(0, 1).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(region->resident(), Bytes());
  ASSERT_TRUE(pool_->Close().ok());
  EXPECT_EQ(device_.PhysicalBytes(), Bytes());
  EXPECT_EQ(budget_->granted(), Bytes());
}

TEST_F(ElasticRegionTest, AClosedPoolGivesNoChunks) {
  Open(MiB(64));
  auto region = MakeRegion(MiB(16));
  ASSERT_TRUE(pool_->Close().ok());
  EXPECT_EQ(region->Commit(0, 1).code(), StatusCode::kFailedPrecondition);
}

TEST_F(ElasticRegionTest, AForkedChildIsToldAndHarmsNothing) {
  Open(MiB(64));
  auto region = MakeRegion(MiB(16));
  ASSERT_TRUE(region->Commit(0, 4).ok());
  device_.Fill(region->address(), MiB(2), 1);
  const pid_t child = fork();
  if (child == 0) {
    const bool told =
        region->Commit(5, 1).code() == StatusCode::kFailedPrecondition &&
        region->Decommit(0, 1).code() == StatusCode::kFailedPrecondition &&
        region->Close().code() == StatusCode::kFailedPrecondition;
    region.reset();
    pool_.reset();
    _exit(told ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(device_.PhysicalBytes(), MiB(8));
  EXPECT_TRUE(device_.Holds(region->address(), MiB(2), 1));
  EXPECT_TRUE(region->Decommit(0, 4).ok());
}

TEST_F(ElasticRegionTest, BlocksOfEverySizeWork) {
  Open(GiB(3));
  for (Bytes block_size : {MiB(2), MiB(32), GiB(1)}) {
    auto region = MakeRegion(GiB(2), block_size);
    ASSERT_TRUE(region->Commit(0, region->num_blocks()).ok());
    EXPECT_EQ(device_.PhysicalBytes(), GiB(2));
    const CUdeviceptr last = region->address() + (GiB(2) - MiB(1)).count();
    device_.Fill(last, MiB(1), 5);
    EXPECT_TRUE(device_.Holds(last, MiB(1), 5));
    ASSERT_TRUE(region->Close().ok());
    EXPECT_EQ(device_.PhysicalBytes(), Bytes());
  }
}

TEST_F(ElasticRegionTest, CommitsAsMuchAsFits) {
  Open(MiB(8));
  auto region = MakeRegion(MiB(32));
  ASSERT_TRUE(region->Commit(0, 1).ok());
  EXPECT_EQ(*region->CommitAsFits(2, 10), 3u);
  EXPECT_EQ(region->resident(), MiB(8));
  EXPECT_TRUE(region->is_committed(4));
  EXPECT_FALSE(region->is_committed(5));
  device_.Fill(AddressOf(*region, 2), MiB(6), 3);
  EXPECT_TRUE(device_.Holds(AddressOf(*region, 2), MiB(6), 3));
  EXPECT_EQ(region->CommitAsFits(5, 10).status().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(region->CommitAsFits(4, 2).status().code(),
            StatusCode::kInvalidArgument);
  ASSERT_TRUE(region->Decommit(2, 3).ok());
  EXPECT_EQ(*region->CommitAsFits(5, 2), 2u);
}

}  // namespace
}  // namespace governor
