#include "governor/floor_gate.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "governor/base/fake_clock.h"
#include "governor/budget/local_budget.h"
#include "governor/host/host_tree.h"

namespace governor {
namespace {

constexpr Bytes kFloor = GiB(2);

HostFigures WithAvailable(Bytes available) {
  HostFigures figures;
  figures.available = available;
  return figures;
}

class FloorGateTest : public ::testing::Test {
 protected:
  // A quiet machine with 3 GiB above its floor.
  FloorGateTest()
      : tree_(Folder("tree"), WithAvailable(kFloor + GiB(3))),
        sampler_(*HostSampler::Open(tree_.root(), clock_)),
        record_(*MachineRecord::Join(Folder("record"), "test", &clock_)) {
    clock_.Advance(absl::Seconds(1));
  }

  static std::string Folder(const std::string& name) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return ::testing::TempDir() + "/floor_gate_" + test->name() + "_" + name;
  }

  FloorGateOptions Options() {
    return {.floor = kFloor,
            .sampler = sampler_.get(),
            .record = record_.get(),
            .clock = &clock_,
            .plough = [this](Bytes size, const Clock&, absl::Time) {
              ++ploughs_;
              ploughed_ = size;
              if (after_plough_) tree_.Change(after_plough_);
              return size;
            }};
  }

  void SetAvailable(Bytes available) {
    tree_.Change([&](HostFigures& host) { host.available = available; });
  }

  FakeClock clock_;
  HostTree tree_;
  std::unique_ptr<HostSampler> sampler_;
  std::unique_ptr<MachineRecord> record_;
  int ploughs_ = 0;
  Bytes ploughed_;  // by the last
  std::function<void(HostFigures&)> after_plough_;
};

TEST_F(FloorGateTest, AdmitsWhatTheMachineCanSpareAndNotOneByteMore) {
  FloorGate gate(Options());
  EXPECT_EQ(gate.headroom(), GiB(3));
  EXPECT_TRUE(gate.Admit(GiB(3) + Bytes(1)).has_value());
  EXPECT_FALSE(gate.Admit(GiB(3)).has_value());
  EXPECT_EQ(gate.headroom(), Bytes());
  const std::optional<Refusal> refusal = gate.Admit(Bytes(1));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->limited_by, "os_reserve");
  EXPECT_EQ(refusal->headroom, Bytes());
}

TEST_F(FloorGateTest, WhatWasGrantedSinceTheReadingIsSubtracted) {
  FloorGate gate(Options());
  ASSERT_FALSE(gate.Admit(GiB(1)).has_value());
  gate.Settle(GiB(1));
  // The machine's figures do not show it yet: the reading is older.
  EXPECT_EQ(gate.headroom(), GiB(2));
  // A later reading does, and it is counted once.
  SetAvailable(kFloor + GiB(2));
  clock_.Advance(absl::Milliseconds(20));
  EXPECT_EQ(gate.headroom(), GiB(2));
}

TEST_F(FloorGateTest, AFreshReadingIsUsedWithoutReadingAgain) {
  FloorGate gate(Options());
  ASSERT_EQ(gate.headroom(), GiB(3));
  SetAvailable(kFloor + GiB(1));
  clock_.Advance(absl::Milliseconds(9));
  EXPECT_EQ(gate.headroom(), GiB(3));
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(gate.headroom(), GiB(1));
}

TEST_F(FloorGateTest, ReadsAgainBeforeItSaysNo) {
  FloorGate gate(Options());
  ASSERT_TRUE(gate.Admit(GiB(5)).has_value());
  SetAvailable(kFloor + GiB(5));
  EXPECT_FALSE(gate.Admit(GiB(5)).has_value());
}

TEST_F(FloorGateTest, WithdrawnAndReturnedBytesAreThereAgain) {
  FloorGate gate(Options());
  ASSERT_FALSE(gate.Admit(GiB(2)).has_value());
  gate.Withdraw(GiB(2));
  ASSERT_FALSE(gate.Admit(GiB(3)).has_value());
  gate.Return(GiB(3), /*settled=*/false);
  EXPECT_EQ(gate.headroom(), GiB(3));
}

TEST_F(FloorGateTest, PromisesAreInFlight) {
  FloorGate gate(Options());
  gate.Promise(GiB(1));
  EXPECT_EQ(gate.headroom(), GiB(2));
  gate.Promise(MiB(512));
  EXPECT_EQ(gate.headroom(), GiB(2) + MiB(512));
  gate.Promise(Bytes());
  EXPECT_EQ(gate.headroom(), GiB(3));
}

TEST_F(FloorGateTest, UntouchedPagesStayInFlightUntilTheyAreThere) {
  Bytes created, resident;
  FloorGateOptions options = Options();
  options.created = [&] { return created; };
  options.resident = [&] { return resident; };
  FloorGate gate(options);
  ASSERT_FALSE(gate.Admit(GiB(2)).has_value());
  created = GiB(2);
  gate.Settle(GiB(2));
  EXPECT_EQ(gate.headroom(), GiB(1));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(gate.headroom(), GiB(1));
  // Half of it is touched.
  resident = GiB(1);
  SetAvailable(kFloor + GiB(2));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(gate.headroom(), GiB(1));
  // All of it is returned.
  created = Bytes();
  gate.Return(GiB(2), /*settled=*/true);
  resident = Bytes();
  SetAvailable(kFloor + GiB(3));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(gate.headroom(), GiB(3));
}

TEST_F(FloorGateTest, WhatIsSettledInNoBooksIsNotUntouched) {
  Bytes created = GiB(1);
  FloorGateOptions options = Options();
  options.created = [&] { return created; };
  options.resident = [] { return Bytes(); };
  FloorGate gate(options);
  EXPECT_EQ(gate.headroom(), GiB(2));
  // An allowance, whose bytes others take.
  ASSERT_FALSE(gate.Admit(GiB(1)).has_value());
  gate.Settle(GiB(1));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(gate.headroom(), GiB(2));
  // Debt was never admitted: that it goes makes no page less untouched.
  gate.Return(MiB(777), /*settled=*/true);
  EXPECT_EQ(gate.headroom(), GiB(2));
}

TEST_F(FloorGateTest, AnotherProcessesClaimsCount) {
  FloorGate gate(Options());
  auto other = MachineRecord::Join(Folder("record"), "other", &clock_);
  ASSERT_TRUE(other.ok()) << other.status();
  (*other)->AddInFlight(GiB(2));
  EXPECT_EQ(gate.headroom(), GiB(1));
  EXPECT_TRUE(gate.Admit(GiB(2)).has_value());
  other->reset();
  EXPECT_FALSE(gate.Admit(GiB(2)).has_value());
}

TEST_F(FloorGateTest, AnUnreadableMachineGrantsNothing) {
  FloorGate gate(Options());
  tree_.Remove("proc/meminfo");
  clock_.Advance(absl::Seconds(1));
  const std::optional<Refusal> refusal = gate.Admit(Bytes(1));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->limited_by, "host_unknown");
  EXPECT_EQ(gate.headroom(), Bytes());
  tree_.Set(tree_.figures());
  EXPECT_FALSE(gate.Admit(Bytes(1)).has_value());
}

TEST_F(FloorGateTest, WithoutZonesFreeMemoryIsTakenForMovable) {
  tree_.Change([](HostFigures& host) {
    host.available = kFloor + GiB(3);
    host.free = GiB(1);
  });
  tree_.Remove("proc/zoneinfo");
  FloorGate gate(Options());
  EXPECT_EQ(gate.headroom(), GiB(2));
  // Once they were seen the last figure counts.
  tree_.Set(tree_.figures());
  gate.Take(SampleDepth::kFull);
  EXPECT_EQ(gate.headroom(), GiB(3));
}

TEST_F(FloorGateTest, AT09_AContainersLimitIsNamed) {
  tree_.Change([](HostFigures& host) {
    host.cgroup_limit = GiB(2);
    host.cgroup_used = GiB(1);
  });
  // A limit that came after the sampler was opened is found by a new one.
  sampler_ = *HostSampler::Open(tree_.root(), clock_);
  FloorGate gate(Options());
  EXPECT_EQ(gate.headroom(), GiB(1));
  const std::optional<Refusal> refusal = gate.Admit(GiB(1) + Bytes(1));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->limited_by, "cgroup");
}

TEST_F(FloorGateTest, AStepWithRoomIsTakenAsItIs) {
  FloorGate gate(Options());
  ASSERT_FALSE(gate.Admit(GiB(1)).has_value());
  EXPECT_FALSE(gate.PrepareStep(MiB(256), absl::InfinitePast()).has_value());
  EXPECT_EQ(ploughs_, 0);
}

TEST_F(FloorGateTest, AStepIsRefusedWhenOthersTookTheMemoryMeanwhile) {
  FloorGate gate(Options());
  ASSERT_FALSE(gate.Admit(GiB(2)).has_value());
  SetAvailable(kFloor + GiB(1));
  clock_.Advance(absl::Milliseconds(20));
  const std::optional<Refusal> refusal =
      gate.PrepareStep(MiB(256), absl::InfinitePast());
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->limited_by, "os_reserve");
  EXPECT_EQ(ploughs_, 0);
}

TEST_F(FloorGateTest, AT29_AFullPageCacheIsPloughedAndGranted) {
  tree_.Change([](HostFigures& host) {
    host.free = MiB(222);
    host.huge_free = MiB(156);
  });
  after_plough_ = [](HostFigures& host) {
    host.free = MiB(500);
    host.huge_free = MiB(300);
  };
  FloorGate gate(Options());
  ASSERT_FALSE(gate.Admit(MiB(256)).has_value());
  EXPECT_FALSE(gate.PrepareStep(MiB(256), absl::InfinitePast()).has_value());
  EXPECT_EQ(ploughs_, 1);
}

// A freed huge page that a processor keeps to itself is in no reading.
TEST_F(FloorGateTest, AStepPloughsMoreThanItNeedsButNotBelowTheFloor) {
  tree_.Change([](HostFigures& host) { host.huge_free = Bytes(); });
  after_plough_ = [](HostFigures& host) { host.huge_free = MiB(256); };
  FloorGate gate(Options());
  ASSERT_FALSE(gate.Admit(MiB(256)).has_value());
  EXPECT_FALSE(gate.PrepareStep(MiB(256), absl::InfinitePast()).has_value());
  EXPECT_GE(ploughed_, MiB(256 + 16));

  tree_.Change([](HostFigures& host) {
    host.huge_free = Bytes();
    host.available = kFloor + MiB(260);
  });
  clock_.Advance(FloorGate::kFresh);
  EXPECT_FALSE(gate.PrepareStep(MiB(256), absl::InfinitePast()).has_value());
  EXPECT_EQ(ploughed_, MiB(257));
}

TEST_F(FloorGateTest, AT29_ATrueShortageOfContiguityIsRefusedAfterPloughing) {
  tree_.Change([](HostFigures& host) {
    host.total = GiB(128);
    host.available = GiB(60);
    host.free = GiB(59);
    host.huge_free = Bytes();
  });
  FloorGate gate(Options());
  ASSERT_FALSE(gate.Admit(MiB(256)).has_value());
  const std::optional<Refusal> refusal =
      gate.PrepareStep(MiB(256), absl::InfinitePast());
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->limited_by, "contiguity");
  EXPECT_EQ(refusal->headroom, Bytes());
  EXPECT_GE(ploughs_, 1);
}

TEST_F(FloorGateTest, SmallPagesNeedNoContiguity) {
  tree_.Change([](HostFigures& host) { host.huge_free = Bytes(); });
  FloorGateOptions options = Options();
  options.needs_contiguity = false;
  FloorGate gate(options);
  ASSERT_FALSE(gate.Admit(MiB(256)).has_value());
  clock_.Advance(FloorGate::kFresh);
  EXPECT_FALSE(gate.PrepareStep(MiB(256), absl::InfinitePast()).has_value());
  EXPECT_EQ(ploughs_, 0);
}

TEST_F(FloorGateTest, AT29_LittleMemoryIsRefusedByTheFloorWithoutPloughing) {
  SetAvailable(kFloor);
  FloorGate gate(Options());
  const std::optional<Refusal> refusal = gate.Admit(MiB(2));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->limited_by, "os_reserve");
  EXPECT_EQ(ploughs_, 0);
}

// What others stall for is made room for, or the step is not taken.
TEST_F(FloorGateTest, AStepForWhichNoRoomWasMadeIsRefused) {
  for (const Bytes made : {MiB(256), MiB(255)}) {
    SetAvailable(kFloor + GiB(1));
    FloorGateOptions options = Options();
    options.plough = [&](Bytes, const Clock&, absl::Time) {
      ++ploughs_;
      return made;
    };
    FloorGate gate(options);
    ASSERT_FALSE(gate.Admit(MiB(256)).has_value());
    clock_.Advance(absl::Milliseconds(50));
    tree_.Change([](HostFigures& host) {
      host.reclaim_stalls += 1000;
      host.stall_some += absl::Milliseconds(40);
      host.stall_full += absl::Milliseconds(40);
    });
    const int before = ploughs_;
    const auto refusal = gate.PrepareStep(MiB(256), absl::InfinitePast());
    EXPECT_EQ(ploughs_, before + 1);
    EXPECT_EQ(refusal.has_value(), made < MiB(256));
    if (refusal) {
      EXPECT_EQ(refusal->limited_by, "reclaim");
    }
    gate.Return(MiB(256), /*settled=*/false);
  }
}

// A page that is touched between the two looks is counted twice at worst, never
// not at all.
TEST_F(FloorGateTest, APageTouchedWhileTheMachineIsReadIsCounted) {
  bool touches = false;
  Bytes resident;
  FloorGateOptions options = Options();
  options.created = [] { return GiB(1); };
  options.resident = [&] {
    if (touches) {
      SetAvailable(kFloor + GiB(2));
      resident = GiB(1);
    }
    return resident;
  };
  FloorGate gate(options);
  ASSERT_EQ(gate.headroom(), GiB(2));
  touches = true;
  clock_.Advance(absl::Seconds(1));
  EXPECT_LE(gate.headroom(), GiB(2));
}

// What became memory just before the machine is read is in that reading, and
// in nobody's way besides.
TEST_F(FloorGateTest, WhatFitsRightAfterASettleIsGranted) {
  FloorGate gate(Options());
  ASSERT_FALSE(gate.Admit(GiB(2)).has_value());
  clock_.Advance(absl::Seconds(1));
  gate.Settle(GiB(2));
  SetAvailable(kFloor + GiB(1));
  clock_.Advance(absl::Microseconds(1));
  EXPECT_FALSE(gate.Admit(GiB(1)).has_value());
}

TEST_F(FloorGateTest, AT03_SwapIsNeverCapacity) {
  FloorGate gate(Options());
  for (Bytes used; used < GiB(16); used += GiB(1)) {
    tree_.Change([&](HostFigures& host) {
      host.swap_size = GiB(16);
      host.swap_used = used;
    });
    clock_.Advance(absl::Seconds(1));
    EXPECT_EQ(gate.headroom(), GiB(3)) << used.count();
  }
}

}  // namespace
}  // namespace governor
