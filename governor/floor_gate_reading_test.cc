// How old a reading may be that a gate grants by, and what makes it read again.

#include <functional>
#include <memory>
#include <string>

#include "governor/base/fake_clock.h"
#include "governor/floor_gate.h"
#include "governor/host/host_tree.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr Bytes kFloor = GiB(2);

// The kernel's coarse clock: it stands still between its ticks.
class LaggingClock final : public Clock {
 public:
  static constexpr absl::Duration kTick = absl::Milliseconds(4);

  absl::Time Now() const override { return exact_.Now(); }
  absl::Duration Monotonic() const override { return exact_.Monotonic(); }
  int64_t CoarseNanoseconds() const override {
    return absl::ToInt64Nanoseconds(absl::Floor(Monotonic(), kTick));
  }
  absl::Duration coarse_lag() const override { return kTick; }
  bool WaitUntil(CondVar& condition, Mutex& mutex, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return exact_.WaitUntil(condition, mutex, deadline);
  }
  void Advance(absl::Duration step) { exact_.Advance(step); }

 private:
  FakeClock exact_;
};

class FloorGateReadingTest : public ::testing::Test {
 protected:
  // A machine with 3 GiB above its floor.
  FloorGateReadingTest() : tree_(Folder("tree"), Figures()) {
    clock_.Advance(absl::Seconds(1));
    sampler_ = *HostSampler::Open(tree_.root(), clock_);
    record_ = *MachineRecord::Join(Folder("record"), "test", &clock_);
    options_ = {.floor = kFloor,
                .sampler = sampler_.get(),
                .record = record_.get(),
                .clock = &clock_};
  }

  static HostFigures Figures() {
    HostFigures figures;
    figures.available = kFloor + GiB(3);
    return figures;
  }
  static std::string Folder(const std::string& name) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return ::testing::TempDir() + "/floor_gate_reading_" + test->name() + "_" +
           name;
  }
  void SetAvailable(Bytes available) {
    tree_.Change([&](HostFigures& host) { host.available = available; });
  }

  LaggingClock clock_;
  HostTree tree_;
  std::unique_ptr<HostSampler> sampler_;
  std::unique_ptr<MachineRecord> record_;
  FloorGateOptions options_;
};

TEST_F(FloorGateReadingTest, AClockThatLagsMakesNoReadingFresher) {
  // Read just before a tick of the coarse clock, and asked just before another.
  clock_.Advance(absl::Milliseconds(3));
  FloorGate gate(options_);
  SetAvailable(kFloor + GiB(1));
  clock_.Advance(absl::Microseconds(9'999));
  EXPECT_EQ(gate.headroom(), GiB(3));
  clock_.Advance(absl::Microseconds(1));
  EXPECT_EQ(gate.headroom(), GiB(1));
}

// Who settles a lease and does nothing more leaves others nothing to wait for.
TEST_F(FloorGateReadingTest, ASettleUnderAnOldReadingReads) {
  Bytes created;
  options_.created = [&] { return created; };
  options_.resident = [] { return Bytes(); };
  FloorGate gate(options_);
  ASSERT_FALSE(gate.Admit(GiB(1)).has_value());
  ASSERT_FALSE(gate.Admit(MiB(512)).has_value());
  // While the reading is fresh it counts on.
  gate.Settle(MiB(512));
  EXPECT_EQ(gate.in_flight(), GiB(1) + MiB(512));
  clock_.Advance(FloorGate::kFresh);
  gate.Settle(GiB(1));
  EXPECT_EQ(gate.in_flight(), Bytes());
}

// Then what of it is untouched is known before the next reading.
TEST_F(FloorGateReadingTest, WhatIsReleasedUntouchedIsNotOnItsWay) {
  Bytes created;
  options_.created = [&] { return created; };
  options_.resident = [] { return Bytes(); };
  FloorGate gate(options_);
  ASSERT_FALSE(gate.Admit(GiB(1)).has_value());
  created = GiB(1);
  gate.Settle(GiB(1));
  // Half of it goes, and the reading is fresh.
  created = MiB(512);
  gate.Return(MiB(512), /*settled=*/true);
  EXPECT_EQ(gate.in_flight(), MiB(512));
  EXPECT_EQ(gate.headroom(), GiB(3) - MiB(512));
}

// The machine's figure has what is touched; it is not counted once more.
TEST_F(FloorGateReadingTest, WhatIsReleasedLeavesTouchedPagesTouched) {
  Bytes created = GiB(1);
  options_.created = [&] { return created; };
  options_.resident = [] { return MiB(768); };
  FloorGate gate(options_);
  EXPECT_EQ(gate.in_flight(), MiB(256));
  created -= MiB(1);
  gate.Return(MiB(1), /*settled=*/true);
  EXPECT_EQ(gate.in_flight(), MiB(256));
}

}  // namespace
}  // namespace governor
