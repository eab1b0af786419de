#ifndef GOVERNOR_HOST_WATCH_FIXTURE_H_
#define GOVERNOR_HOST_WATCH_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "governor/base/fake_clock.h"
#include "governor/budget/local_budget.h"
#include "governor/host/host_tree.h"
#include "governor/host_watch.h"
#include "gtest/gtest.h"

namespace governor {

// Holds grants of 256 MiB each and drops as many as it is asked for.
class Holder final : public Reclaimer {
 public:
  Holder(Budget& budget, int grants) {
    for (int i = 0; i < grants; ++i) {
      grants_.push_back(*budget.Acquire(MiB(256), {}));
      grants_.back().Settle();
    }
  }

  Bytes Reclaim(Bytes wanted, absl::Time) override {
    asked_.push_back(wanted);
    Bytes given;
    while (given < wanted && !grants_.empty()) {
      given += grants_.back().size();
      grants_.pop_back();
    }
    return given;
  }

  const std::vector<Bytes>& asked() const { return asked_; }
  Bytes held() const { return MiB(256) * grants_.size(); }

 private:
  std::vector<Grant> grants_;
  std::vector<Bytes> asked_;
};

// A HostWatch over a budget of 16 GiB, of which a holder has 4 GiB, on a
// machine that does what the test says.
class HostWatchTest : public ::testing::Test {
 protected:
  static constexpr Bytes kFloor = GiB(2);

  HostWatchTest()
      : tree_(Folder("tree")),
        sampler_(*HostSampler::Open(tree_.root(), clock_)),
        record_(*MachineRecord::Join(Folder("record"), "test", &clock_)),
        gate_({.floor = kFloor,
               .sampler = sampler_.get(),
               .record = record_.get(),
               .clock = &clock_,
               .plough =
                   [this](Bytes size, const Clock&, absl::Time) {
                     if (plough_) plough_();
                     return size;
                   }}),
        budget_(*LocalBudget::Create(
            {.limit = GiB(16), .clock = &clock_, .gate = &gate_})),
        holder_(*budget_, 16),
        registration_(budget_->Register(holder_, {})),
        watch_(Options()) {
    clock_.Advance(absl::Seconds(1));
  }

  static std::string Folder(const std::string& name) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return ::testing::TempDir() + "/host_watch_" + test->name() + "_" + name;
  }

  HostWatchOptions Options() {
    return {.clock = &clock_,
            .gate = &gate_,
            .sampler = sampler_.get(),
            .budget = budget_.get(),
            .measure = [this] { ++measured_; }};
  }

  // A round after `step`.
  absl::Duration TickAfter(absl::Duration step) {
    clock_.Advance(step);
    return watch_.Tick(clock_.Now());
  }

  // A tenth of a second in which the machine stalls for nearly all of it.
  static void Stall(HostFigures& host) {
    host.stall_some += absl::Milliseconds(95);
    host.stall_full += absl::Milliseconds(90);
  }

  FakeClock clock_;
  HostTree tree_;
  std::unique_ptr<HostSampler> sampler_;
  std::unique_ptr<MachineRecord> record_;
  FloorGate gate_;
  std::unique_ptr<LocalBudget> budget_;
  Holder holder_;
  std::unique_ptr<Budget::Registration> registration_;
  int measured_ = 0;
  // Called when the gate makes room for a step.
  std::function<void()> plough_;
  HostWatch watch_;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_WATCH_FIXTURE_H_
