// How a step of a commit makes room, how long it may, and whose stalls its own
// are.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "governor/base/fake_clock.h"
#include "governor/floor_gate.h"
#include "governor/host/host_tree.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr Bytes kFloor = GiB(2);
constexpr Bytes kStep = MiB(256);

class FloorGateStepTest : public ::testing::Test {
 protected:
  // A machine with 1 GiB above its floor, of which nothing is contiguous.
  FloorGateStepTest()
      : tree_(Folder("tree"), Figures()),
        sampler_(*HostSampler::Open(tree_.root(), clock_)),
        record_(*MachineRecord::Join(Folder("record"), "test", &clock_)) {
    clock_.Advance(absl::Seconds(1));
    gate_ = std::make_unique<FloorGate>(FloorGateOptions{
        .floor = kFloor,
        .sampler = sampler_.get(),
        .record = record_.get(),
        .clock = &clock_,
        .plough = [this](Bytes size, const Clock&, absl::Time deadline) {
          return Plough(size, deadline);
        }});
  }

  static HostFigures Figures() {
    HostFigures figures;
    figures.available = kFloor + GiB(1);
    figures.huge_free = Bytes();
    return figures;
  }

  static std::string Folder(const std::string& name) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return ::testing::TempDir() + "/floor_gate_step_" + test->name() + "_" +
           name;
  }

  Bytes Plough(Bytes size, absl::Time deadline) {
    sizes_.push_back(size);
    deadlines_.push_back(deadline);
    clock_.Advance(plough_takes_);
    tree_.Change([&](HostFigures& host) { host.huge_free = plough_brings_; });
    return ploughed_.value_or(size);
  }

  // A step that needs a plough, which takes as long as the test says.
  void TakeStep(Bytes step = kStep) {
    ASSERT_FALSE(gate_->Admit(step).has_value());
    plough_brings_ = GiB(1);
    ASSERT_FALSE(gate_->PrepareStep(step, absl::InfinitePast()).has_value());
  }

  // Others stall from here on, within the floor's reach.
  void LetOthersStall() {
    clock_.Advance(FloorGate::kFresh);
    gate_->Take(SampleDepth::kVmstat);
    clock_.Advance(absl::Milliseconds(50));
    tree_.Change([](HostFigures& host) {
      host.huge_free = GiB(1);
      host.stall_some += absl::Milliseconds(40);
    });
  }

  FakeClock clock_;
  HostTree tree_;
  std::unique_ptr<HostSampler> sampler_;
  std::unique_ptr<MachineRecord> record_;
  std::unique_ptr<FloorGate> gate_;
  // What each plough was asked for, how long it takes, what is contiguous then,
  // and how much it says that it made: by default, all.
  std::vector<Bytes> sizes_;
  std::vector<absl::Time> deadlines_;
  absl::Duration plough_takes_;
  Bytes plough_brings_;
  std::optional<Bytes> ploughed_;
};

TEST_F(FloorGateStepTest, WhoGaveNoDeadlineIsPloughedForForALimitedTime) {
  plough_brings_ = kStep;
  ASSERT_FALSE(gate_->Admit(kStep).has_value());
  const absl::Time before = clock_.Now();
  EXPECT_FALSE(gate_->PrepareStep(kStep, absl::InfinitePast()).has_value());
  ASSERT_EQ(deadlines_.size(), 1u);
  EXPECT_EQ(deadlines_[0], before + FloorGate::kPloughTime);
}

TEST_F(FloorGateStepTest, AStepIsPloughedForUntilItsDeadlineAndThenRefused) {
  plough_brings_ = MiB(64);
  plough_takes_ = absl::Milliseconds(30);
  ASSERT_FALSE(gate_->Admit(kStep).has_value());
  const absl::Time deadline = clock_.Now() + absl::Milliseconds(20);
  const auto refusal = gate_->PrepareStep(kStep, deadline);
  // The first brought something, so that the step may be taken, late as it is.
  EXPECT_FALSE(refusal.has_value());
  EXPECT_EQ(deadlines_, std::vector<absl::Time>{deadline});

  // One that brings nothing is not repeated when the time is over.
  clock_.Advance(FloorGate::kFresh);
  plough_brings_ = Bytes();
  tree_.Change([](HostFigures& host) { host.huge_free = Bytes(); });
  deadlines_.clear();
  const absl::Time next = clock_.Now() + absl::Milliseconds(20);
  const auto late = gate_->PrepareStep(kStep, next);
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->limited_by, "contiguity");
  EXPECT_EQ(deadlines_, std::vector<absl::Time>{next});
}

TEST_F(FloorGateStepTest, AfterTheDeadlineNothingIsPloughed) {
  ASSERT_FALSE(gate_->Admit(kStep).has_value());
  const auto refusal = gate_->PrepareStep(kStep, clock_.Now());
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->limited_by, "contiguity");
  EXPECT_TRUE(deadlines_.empty());
  // With room there is no need to.
  tree_.Change([](HostFigures& host) { host.huge_free = GiB(1); });
  clock_.Advance(FloorGate::kFresh);
  EXPECT_FALSE(gate_->PrepareStep(kStep, clock_.Now()).has_value());
}

TEST_F(FloorGateStepTest, WithTimeOneMoreVainPloughIsTried) {
  ASSERT_FALSE(gate_->Admit(kStep).has_value());
  const auto refusal =
      gate_->PrepareStep(kStep, clock_.Now() + absl::Seconds(1));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->limited_by, "contiguity");
  // First a little more than the step; then much more, a quarter of what is
  // left of 1 GiB at most.
  EXPECT_EQ(sizes_,
            (std::vector<Bytes>{kStep + MiB(32), kStep + MiB(768 / 4)}));
}

// Others' step or ours: what was seen is there once.
TEST_F(FloorGateStepTest, StepsUseUpTheContiguousMemoryThatWasSeen) {
  tree_.Change([](HostFigures& host) { host.huge_free = kStep * 2; });
  plough_brings_ = kStep;
  ASSERT_FALSE(gate_->Admit(kStep * 3).has_value());
  EXPECT_FALSE(gate_->PrepareStep(kStep, absl::InfinitePast()).has_value());
  tree_.Change([](HostFigures& host) { host.huge_free = Bytes(); });
  EXPECT_FALSE(gate_->PrepareStep(kStep, absl::InfinitePast()).has_value());
  EXPECT_TRUE(deadlines_.empty());
  EXPECT_FALSE(gate_->PrepareStep(kStep, absl::InfinitePast()).has_value());
  EXPECT_EQ(deadlines_.size(), 1u);
}

TEST_F(FloorGateStepTest, AFreshShallowReadingSaysNothingOfContiguity) {
  tree_.Change([](HostFigures& host) { host.huge_free = kStep * 3; });
  plough_brings_ = kStep;
  ASSERT_FALSE(gate_->Admit(kStep * 2).has_value());
  EXPECT_FALSE(gate_->PrepareStep(kStep, absl::InfinitePast()).has_value());
  tree_.Change([](HostFigures& host) { host.huge_free = Bytes(); });
  clock_.Advance(FloorGate::kFresh);
  gate_->Take(SampleDepth::kFast);
  EXPECT_FALSE(gate_->PrepareStep(kStep, absl::InfinitePast()).has_value());
  EXPECT_EQ(deadlines_.size(), 1u);
}

// Where no reading of free lists finds them.
TEST_F(FloorGateStepTest, WhatAPloughLeftWithAProcessorCounts) {
  ASSERT_FALSE(gate_->Admit(kStep).has_value());
  tree_.Change([](HostFigures& host) { host.per_cpu = MiB(4); });
  EXPECT_FALSE(gate_->PrepareStep(kStep, absl::InfinitePast()).has_value());
  EXPECT_EQ(deadlines_.size(), 1u);
}

// The headroom of such a refusal is what could be taken as it is.
TEST_F(FloorGateStepTest, WhereReclaimIsInTheWayAndNoRoomIsMadeItIsNamed) {
  ploughed_ = kStep - Bytes(1);
  plough_brings_ = GiB(1);
  ASSERT_FALSE(gate_->Admit(kStep).has_value());
  LetOthersStall();
  const auto refusal = gate_->PrepareStep(kStep, absl::InfinitePast());
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->limited_by, "reclaim");
  EXPECT_EQ(refusal->headroom, GiB(1));
  EXPECT_EQ(deadlines_.size(), 1u);
  // The same machine, whose stalls nobody adds to, has no obstacle.
  clock_.Advance(FloorGate::kFresh);
  EXPECT_FALSE(gate_->PrepareStep(kStep, absl::InfinitePast()).has_value());
  EXPECT_EQ(deadlines_.size(), 1u);
}

TEST_F(FloorGateStepTest, StallsOfOthersLongAgoAreNoObstacle) {
  ASSERT_FALSE(gate_->Admit(kStep).has_value());
  LetOthersStall();
  clock_.Advance(absl::Milliseconds(200));
  EXPECT_FALSE(gate_->PrepareStep(kStep, absl::InfinitePast()).has_value());
  EXPECT_TRUE(deadlines_.empty());
}

TEST_F(FloorGateStepTest, OwnStallIsTheMakingOfRoomAndTheDriversCalls) {
  EXPECT_EQ(gate_->own_stall(), absl::ZeroDuration());
  plough_takes_ = absl::Milliseconds(30);
  TakeStep();
  EXPECT_EQ(gate_->own_stall(), absl::Milliseconds(30));
  // Two chunks, one after the other.
  clock_.Advance(absl::Milliseconds(5));
  gate_->Settle(MiB(128));
  EXPECT_EQ(gate_->own_stall(), absl::Milliseconds(35));
  clock_.Advance(absl::Milliseconds(2));
  gate_->Settle(MiB(128));
  EXPECT_EQ(gate_->own_stall(), absl::Milliseconds(37));
}

TEST_F(FloorGateStepTest, AStepForWhichAReadingIsFreshStallsInTheDriverToo) {
  TakeStep();
  gate_->Settle(kStep);
  ASSERT_FALSE(gate_->Admit(kStep).has_value());
  const absl::Duration before = gate_->own_stall();
  ASSERT_FALSE(gate_->PrepareStep(kStep, absl::InfinitePast()).has_value());
  EXPECT_EQ(deadlines_.size(), 1u);  // of the first
  clock_.Advance(absl::Milliseconds(5));
  gate_->Settle(kStep);
  EXPECT_EQ(gate_->own_stall() - before, absl::Milliseconds(5));
}

TEST_F(FloorGateStepTest, ACallOfTheDriverIsCountedWhileItRuns) {
  TakeStep();
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(gate_->own_stall(), absl::Minutes(1));
  clock_.Advance(absl::Minutes(1));
  gate_->Settle(kStep);
  EXPECT_EQ(gate_->own_stall(), absl::Minutes(2));
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(gate_->own_stall(), absl::Minutes(2));
}

// Of two threads that commit at once.
TEST_F(FloorGateStepTest, StepsThatOverlapAreCountedOnce) {
  TakeStep();
  clock_.Advance(absl::Milliseconds(3));
  TakeStep();
  clock_.Advance(absl::Milliseconds(4));
  gate_->Settle(kStep);
  EXPECT_EQ(gate_->own_stall(), absl::Milliseconds(7));
  clock_.Advance(absl::Milliseconds(5));
  gate_->Settle(kStep);
  clock_.Advance(absl::Milliseconds(500));
  EXPECT_EQ(gate_->own_stall(), absl::Milliseconds(12));
}

TEST_F(FloorGateStepTest, AStepThatTheDriverFailsEndsWithItsGrant) {
  TakeStep();
  clock_.Advance(absl::Milliseconds(3));
  gate_->Return(kStep, /*settled=*/false);
  clock_.Advance(absl::Milliseconds(500));
  ASSERT_FALSE(gate_->Admit(MiB(1)).has_value());
  gate_->Settle(MiB(1));
  EXPECT_EQ(gate_->own_stall(), absl::Milliseconds(3));
}

// Leases and allowances, for whose memory somebody else asks.
TEST_F(FloorGateStepTest, WhatIsSettledWithoutAStepIsNobodysStall) {
  const auto settle_one = [&] {
    ASSERT_FALSE(gate_->Admit(MiB(1)).has_value());
    clock_.Advance(absl::Milliseconds(500));
    gate_->Settle(MiB(1));
  };
  settle_one();
  settle_one();
  EXPECT_EQ(gate_->own_stall(), absl::ZeroDuration());
  // Nor after a step that is settled.
  TakeStep();
  gate_->Settle(kStep);
  settle_one();
  settle_one();
  EXPECT_EQ(gate_->own_stall(), absl::ZeroDuration());
}

TEST_F(FloorGateStepTest, ARefusedStepStallsOnlyUntilItIsRefused) {
  plough_takes_ = absl::Milliseconds(30);
  ASSERT_FALSE(gate_->Admit(kStep).has_value());
  ASSERT_TRUE(gate_->PrepareStep(kStep, absl::InfinitePast()).has_value());
  EXPECT_EQ(gate_->own_stall(),
            absl::Milliseconds(30) * FloorGate::kVainPloughs);
  clock_.Advance(absl::Milliseconds(500));
  gate_->Settle(MiB(1));
  EXPECT_EQ(gate_->own_stall(),
            absl::Milliseconds(30) * FloorGate::kVainPloughs);
}

}  // namespace
}  // namespace governor
