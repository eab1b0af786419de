#include "governor/memory/chunk_pool.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "governor/base/fake_clock.h"
#include "governor/budget/local_budget.h"
#include "governor/memory/test_device.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using absl::StatusCode;

// A machine of a given size that looks again before each step.
class SteppingGate final : public Gate {
 public:
  std::optional<Refusal> Admit(Bytes size) override {
    in_flight += size;
    return std::nullopt;
  }
  void Withdraw(Bytes size) override { in_flight -= size; }
  void Settle(Bytes size) override { in_flight -= size; }
  void Return(Bytes size, bool settled) override {
    if (!settled) in_flight -= size;
  }
  std::optional<Refusal> PrepareStep(Bytes step, absl::Time) override {
    if (steps.size() == refuse_from) {
      return Refusal{.headroom = MiB(1), .limited_by = "os_reserve"};
    }
    steps.push_back(step);
    return std::nullopt;
  }
  Bytes headroom() const override { return GiB(64); }

  Bytes in_flight;
  std::vector<Bytes> steps;
  size_t refuse_from = ~size_t{0};
};

class ChunkPoolTest : public testing::Test {
 protected:
  void Open(Bytes limit, Bytes max_cached, Gate* gate = nullptr) {
    budget_ =
        *LocalBudget::Create({.limit = limit, .clock = &clock_, .gate = gate});
    pool_ = ChunkPool::Create(device_.context(), budget_,
                              {.max_cached = max_cached});
  }

  std::vector<PhysicalChunk> MustObtain(Bytes size, size_t count) {
    auto chunks = pool_->Obtain(size, count, {});
    EXPECT_TRUE(chunks.ok()) << chunks.status();
    return *std::move(chunks);
  }

  DriverAnswer GiveBack(std::vector<PhysicalChunk> chunks) {
    return pool_->GiveBack(absl::MakeSpan(chunks));
  }

  TestDevice device_;
  FakeClock clock_;
  SteppingGate gate_;
  std::shared_ptr<LocalBudget> budget_;
  std::shared_ptr<ChunkPool> pool_;
};

TEST_F(ChunkPoolTest, EveryChunkIsGrantedWhileItExists) {
  Open(MiB(64), MiB(4));
  std::vector<PhysicalChunk> chunks = MustObtain(MiB(2), 3);
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(budget_->granted(), MiB(6));
  EXPECT_EQ(pool_->resident(), MiB(6));
  EXPECT_EQ(device_.PhysicalBytes(), MiB(6));
  ASSERT_TRUE(GiveBack(std::move(chunks)).ok());
  EXPECT_EQ(pool_->cached(), MiB(4));
  EXPECT_EQ(budget_->granted(), MiB(4));
  EXPECT_EQ(device_.PhysicalBytes(), MiB(4));
  EXPECT_EQ(pool_->Trim(MiB(1)), MiB(2));
  EXPECT_EQ(pool_->Trim(GiB(1)), MiB(2));
  EXPECT_EQ(device_.PhysicalBytes(), Bytes());
  EXPECT_EQ(pool_->resident(), Bytes());
}

TEST_F(ChunkPoolTest, ReusesWithoutTheDriver) {
  Open(MiB(64), MiB(64));
  ASSERT_TRUE(GiveBack(MustObtain(MiB(2), 4)).ok());
  if (device_.host() != nullptr) {
    const uint64_t before = device_.host()->total_calls();
    ASSERT_TRUE(GiveBack(MustObtain(MiB(2), 4)).ok());
    EXPECT_EQ(device_.host()->total_calls(), before);
  }
  // A chunk of another size is not taken for it.
  ASSERT_TRUE(GiveBack(MustObtain(MiB(4), 1)).ok());
  EXPECT_EQ(pool_->cached(), MiB(12));
}

TEST_F(ChunkPoolTest, KeptChunksCountTowardsARequestInOneStep) {
  Open(MiB(8), MiB(8));
  ASSERT_TRUE(GiveBack(MustObtain(MiB(2), 3)).ok());
  // 6 MiB kept and 2 MiB free: four chunks fit, five do not.
  EXPECT_EQ(pool_->Obtain(MiB(2), 5, {}).status().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(MustObtain(MiB(2), 4).size(), 4u);
}

TEST_F(ChunkPoolTest, RefusesACallersMistakes) {
  Open(MiB(8), MiB(8));
  EXPECT_EQ(pool_->Obtain(MiB(2), 0, {}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(pool_->Obtain(MiB(2), ~size_t{0}, {}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(pool_->Obtain(KiB(4), 1, {}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(budget_->granted(), Bytes());
}

// What is given back while somebody waits is not kept from them.
TEST_F(ChunkPoolTest, AChunkGivenBackServesWhoeverWaits) {
  Open(MiB(8), MiB(64));
  std::vector<PhysicalChunk> chunks = MustObtain(MiB(2), 4);
  absl::Status waited;
  std::thread waiter([&] {
    auto obtained =
        pool_->Obtain(MiB(4), 2, {.deadline = clock_.Now() + absl::Seconds(5)});
    waited = obtained.status();
    if (obtained.ok()) waited.Update(GiveBack(*std::move(obtained)).ToStatus());
  });
  clock_.AwaitWaiter();
  ASSERT_TRUE(GiveBack(std::move(chunks)).ok());
  waiter.join();
  EXPECT_TRUE(waited.ok()) << waited;
}

// What the driver will not release stays here: granted, and tried again.
TEST_F(ChunkPoolTest, AChunkThatCannotBeReleasedStaysCharged) {
  if (device_.host() == nullptr) return;  // hardware fails when it wants to
  Open(MiB(64), Bytes());
  std::vector<PhysicalChunk> chunks = MustObtain(MiB(2), 2);
  FaultPlan& faults = device_.host()->faults();
  faults.FailFrom(DriverCall::kMemRelease, 1, CUDA_ERROR_UNKNOWN);
  EXPECT_EQ(GiveBack(std::move(chunks)).result, CUDA_ERROR_UNKNOWN);
  EXPECT_EQ(pool_->cached(), MiB(4));
  EXPECT_EQ(budget_->granted(), device_.PhysicalBytes());
  EXPECT_EQ(pool_->Close().result, CUDA_ERROR_UNKNOWN);
  EXPECT_EQ(budget_->granted(), MiB(4));
  faults.Clear();
  EXPECT_TRUE(pool_->Close().ok());
  EXPECT_EQ(device_.PhysicalBytes(), Bytes());
  EXPECT_EQ(budget_->granted(), Bytes());
}

// A driver that never lets go leaves the bytes charged, not forgotten.
TEST_F(ChunkPoolTest, WhatIsLostForGoodStaysChargedForGood) {
  if (device_.host() == nullptr) return;
  Open(MiB(64), Bytes());
  std::vector<PhysicalChunk> chunks = MustObtain(MiB(2), 2);
  device_.host()->faults().FailFrom(DriverCall::kMemRelease, 1,
                                    CUDA_ERROR_UNKNOWN);
  EXPECT_FALSE(GiveBack(std::move(chunks)).ok());
  pool_.reset();
  EXPECT_EQ(budget_->granted(), MiB(4));
  EXPECT_EQ(device_.PhysicalBytes(), MiB(4));
}

TEST_F(ChunkPoolTest, ADeviceThatIsFullIsNamedAsTheLimit) {
  if (device_.host() == nullptr) return;
  Open(GiB(64), Bytes());  // more than the device has
  const absl::Status status = pool_->Obtain(GiB(1), 9, {}).status();
  ASSERT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(RefusalOf(status)->limited_by, "driver");
  EXPECT_EQ(RefusalOf(status)->asked, GiB(9));
  EXPECT_EQ(budget_->granted(), Bytes());
  EXPECT_EQ(device_.PhysicalBytes(), Bytes());
}

TEST_F(ChunkPoolTest, LooksAtTheMachineBeforeEachStep) {
  SteppingGate& gate = gate_;
  Open(GiB(4), MiB(64), &gate);
  const auto steps_of = [&](Bytes size, size_t count) {
    gate.steps.clear();
    EXPECT_TRUE(GiveBack(MustObtain(size, count)).ok());
    EXPECT_EQ(gate.in_flight, Bytes());
    pool_->Trim(GiB(4));
    return gate.steps;
  };
  EXPECT_EQ(steps_of(MiB(2), 1), (std::vector<Bytes>{MiB(2)}));
  EXPECT_EQ(steps_of(MiB(2), 300),
            (std::vector<Bytes>{MiB(256), MiB(256), MiB(88)}));
  EXPECT_EQ(steps_of(MiB(96), 3), (std::vector<Bytes>{MiB(192), MiB(96)}));
  EXPECT_EQ(steps_of(GiB(1), 2), (std::vector<Bytes>{GiB(1), GiB(1)}));
  // What is kept is memory already.
  ASSERT_TRUE(GiveBack(MustObtain(MiB(2), 4)).ok());
  gate.steps.clear();
  ASSERT_TRUE(GiveBack(MustObtain(MiB(2), 4)).ok());
  EXPECT_TRUE(gate.steps.empty());
}

TEST_F(ChunkPoolTest, AStepThatIsRefusedGivesBackAllBeforeIt) {
  SteppingGate& gate = gate_;
  Open(GiB(4), MiB(64), &gate);
  gate.refuse_from = 2;
  const absl::Status status = pool_->Obtain(MiB(2), 300, {}).status();
  ASSERT_TRUE(RefusalOf(status).has_value()) << status;
  EXPECT_EQ(RefusalOf(status)->limited_by, "os_reserve");
  EXPECT_EQ(RefusalOf(status)->headroom, MiB(1));
  EXPECT_EQ(RefusalOf(status)->limit, GiB(4));
  EXPECT_EQ(gate.steps.size(), 2u);
  EXPECT_EQ(budget_->granted(), Bytes());
  EXPECT_EQ(gate.in_flight, Bytes());
  EXPECT_EQ(device_.PhysicalBytes(), Bytes());
}

TEST_F(ChunkPoolTest, AsMuchAsFitsKeepsTheStepsBeforeARefusal) {
  SteppingGate& gate = gate_;
  Open(GiB(4), MiB(64), &gate);
  gate.refuse_from = 2;
  auto chunks = pool_->ObtainAsFits(MiB(2), 300, {});
  ASSERT_TRUE(chunks.ok()) << chunks.status();
  EXPECT_EQ(chunks->size(), 256u);
  EXPECT_EQ(budget_->granted(), MiB(512));
  EXPECT_EQ(gate.in_flight, Bytes());
  EXPECT_EQ(device_.PhysicalBytes(), MiB(512));
  ASSERT_TRUE(GiveBack(*std::move(chunks)).ok());
  pool_->Trim(GiB(4));
  gate.steps.clear();
  gate.refuse_from = 0;
  EXPECT_EQ(pool_->ObtainAsFits(MiB(2), 300, {}).status().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(budget_->granted(), Bytes());
}

TEST_F(ChunkPoolTest, AsMuchAsFitsIsWhatTheBudgetHas) {
  Open(MiB(16), MiB(16));
  const Grant lease = *budget_->Acquire(MiB(5), {});
  ASSERT_TRUE(GiveBack(MustObtain(MiB(2), 2)).ok());  // kept ones count
  auto chunks = pool_->ObtainAsFits(MiB(2), 100, {});
  ASSERT_TRUE(chunks.ok()) << chunks.status();
  EXPECT_EQ(chunks->size(), 5u);
  EXPECT_EQ(pool_->ObtainAsFits(MiB(2), 100, {}).status().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(pool_->ObtainAsFits(MiB(32), 1, {}).status().code(),
            StatusCode::kResourceExhausted);
  ASSERT_TRUE(GiveBack(*std::move(chunks)).ok());
  EXPECT_EQ(budget_->granted(), device_.PhysicalBytes() + MiB(5));
}

// The driver fails at any creation: all or nothing, or what there was before.
TEST_F(ChunkPoolTest, AFailureAtAnyStepLeavesNothingBehind) {
  if (device_.host() == nullptr) return;
  for (const bool as_fits : {false, true}) {
    for (const CUresult error :
         {CUDA_ERROR_OUT_OF_MEMORY, CUDA_ERROR_UNKNOWN}) {
      for (int k = 1; k <= 6; ++k) {
        SteppingGate& gate = gate_;
        gate.steps.clear();
        Open(GiB(4), Bytes(), &gate);
        FaultPlan& faults = device_.host()->faults();
        faults.FailFrom(DriverCall::kMemCreate, k, error);
        auto chunks = as_fits ? pool_->ObtainAsFits(MiB(96), 6, {})
                              : pool_->Obtain(MiB(96), 6, {});
        faults.Clear();
        const bool keeps =
            as_fits && error == CUDA_ERROR_OUT_OF_MEMORY && k > 1;
        ASSERT_EQ(chunks.ok(), keeps) << k << " " << chunks.status();
        const Bytes held = keeps ? MiB(96) * (k - 1) : Bytes();
        EXPECT_EQ(budget_->granted(), held);
        EXPECT_EQ(device_.PhysicalBytes(), held);
        EXPECT_EQ(gate.in_flight, Bytes());
        if (keeps) {
          ASSERT_TRUE(GiveBack(*std::move(chunks)).ok());
        }
        pool_.reset();
        budget_.reset();
      }
    }
  }
}

}  // namespace
}  // namespace governor
