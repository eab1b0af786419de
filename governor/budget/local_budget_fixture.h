#ifndef GOVERNOR_BUDGET_LOCAL_BUDGET_FIXTURE_H_
#define GOVERNOR_BUDGET_LOCAL_BUDGET_FIXTURE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "governor/base/fake_clock.h"
#include "governor/budget/local_budget.h"
#include "gtest/gtest.h"

namespace governor {

class LocalBudgetTest : public testing::Test {
 protected:
  std::unique_ptr<LocalBudget> Make(Bytes limit, Gate* gate = nullptr) {
    auto budget =
        LocalBudget::Create({.limit = limit, .clock = &clock_, .gate = gate});
    EXPECT_TRUE(budget.ok()) << budget.status();
    return *std::move(budget);
  }

  FakeClock clock_;
};

// Calls a function when it is asked.
class FunctionReclaimer final : public Reclaimer {
 public:
  explicit FunctionReclaimer(std::function<Bytes(Bytes)> reclaim)
      : reclaim_(std::move(reclaim)) {}
  Bytes Reclaim(Bytes wanted, absl::Time) override { return reclaim_(wanted); }

 private:
  std::function<Bytes(Bytes)> reclaim_;
};

// What a machine has, in one word.
class CountingGate final : public Gate {
 public:
  explicit CountingGate(Bytes room) : room_(room.count()) {}
  std::optional<Refusal> Admit(Bytes size) override {
    uint64_t room = room_;
    do {
      if (size.count() > room) {
        return Refusal{.headroom = Bytes(room), .limited_by = "os_reserve"};
      }
    } while (!room_.compare_exchange_weak(room, room - size.count()));
    unsettled += size.count();
    if (lets_others_run) std::this_thread::yield();
    return std::nullopt;
  }
  void Withdraw(Bytes size) override { Return(size, false); }
  void Settle(Bytes size) override { unsettled -= size.count(); }
  void Return(Bytes size, bool settled) override {
    if (!settled) unsettled -= size.count();
    room_ += size.count();
  }
  std::optional<Refusal> PrepareStep(Bytes step, absl::Time) override {
    if (step.count() <= room_) return std::nullopt;
    return Refusal{.headroom = headroom(), .limited_by = "os_reserve"};
  }
  Bytes headroom() const override { return Bytes(room_); }
  void Grow(Bytes by) { room_ += by.count(); }

  std::atomic<uint64_t> unsettled{0};
  // Between its answer and what the budget makes of it.
  bool lets_others_run = false;

 private:
  std::atomic<uint64_t> room_;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_LOCAL_BUDGET_FIXTURE_H_
