// What a budget makes of its gate's answers.
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "governor/budget/local_budget_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class FixedGate final : public Gate {
 public:
  explicit FixedGate(Bytes room) : room_(room) {}
  std::optional<Refusal> Admit(Bytes size) override {
    if (size > room_) {
      return Refusal{.limit = room_, .headroom = room_, .limited_by = "floor"};
    }
    room_ -= size;
    return std::nullopt;
  }
  void Withdraw(Bytes size) override { room_ += size; }
  void Settle(Bytes) override {}
  void Return(Bytes size, bool) override { room_ += size; }
  std::optional<Refusal> PrepareStep(Bytes, absl::Time) override {
    return std::nullopt;
  }
  Bytes headroom() const override { return room_; }

 private:
  Bytes room_;
};

TEST_F(LocalBudgetTest, TheGateIsAskedBeforeAnythingIsCounted) {
  FixedGate gate(Bytes(30));
  auto budget = Make(Bytes(100), &gate);
  const Grant held = *budget->Acquire(Bytes(20), {});
  const absl::Status status = budget->Acquire(Bytes(20), {}).status();
  EXPECT_EQ(RefusalOf(status)->limited_by, "floor");
  EXPECT_EQ(RefusalOf(status)->asked, Bytes(20));
  EXPECT_EQ(budget->granted(), Bytes(20));
  // What the budget refuses does not count against the machine.
  EXPECT_EQ(RefusalOf(budget->Acquire(Bytes(90), {}).status())->limited_by,
            "budget");
  EXPECT_EQ(gate.headroom(), Bytes(10));
  EXPECT_EQ(budget->TryAcquire(Bytes(10), Tag()).size(), Bytes(10));
}

TEST_F(LocalBudgetTest, AGrantIsInFlightUntilItIsSettledOnce) {
  CountingGate gate(Bytes(100));
  auto budget = Make(Bytes(100), &gate);
  Grant whole = *budget->Acquire(Bytes(60), {});
  EXPECT_EQ(gate.unsettled, 60u);
  Grant part = whole.Split(Bytes(20));
  part.Settle();
  part.Settle();
  EXPECT_EQ(gate.unsettled, 40u);
  part.Retag(Tag::Cached());
  Grant moved = std::move(part);
  EXPECT_TRUE(moved.is_settled());
  Grant again = moved.Split(Bytes(5));
  EXPECT_TRUE(again.is_settled());
  EXPECT_FALSE(whole.is_settled());
  again.Release();
  moved.Release();
  EXPECT_EQ(gate.unsettled, 40u);
  whole.Release();
  EXPECT_EQ(gate.unsettled, 0u);
  EXPECT_EQ(gate.headroom(), Bytes(100));
  EXPECT_TRUE(budget->Charge(Bytes(10), Tag()).is_settled());
  EXPECT_EQ(gate.unsettled, 0u);
}

TEST_F(LocalBudgetTest, ARefusalByTheGateCarriesTheBudgetsNumbersToo) {
  CountingGate gate(Bytes(30));
  auto budget = Make(Bytes(100), &gate);
  const Grant held = *budget->Acquire(Bytes(20), {});
  const Refusal refusal = *RefusalOf(budget->Acquire(Bytes(11), {}).status());
  EXPECT_EQ(refusal, (Refusal{.asked = Bytes(11),
                              .granted = Bytes(20),
                              .limit = Bytes(100),
                              .headroom = Bytes(10),
                              .limited_by = "os_reserve",
                              .tag = "untagged",
                              .holders = {{"untagged", Bytes(20)}}}));
  EXPECT_EQ(gate.headroom(), Bytes(10));
  EXPECT_EQ(budget->Describe(Bytes(1), Tag(), "driver").headroom, Bytes(10));
  EXPECT_TRUE(budget->PrepareStep(Bytes(10), {.tag = Tag()}).ok());
  EXPECT_EQ(RefusalOf(budget->PrepareStep(Bytes(11), {.tag = Tag()}))->headroom,
            Bytes(10));
}

// The machine has more again, and nobody drops a grant.
TEST_F(LocalBudgetTest, AWaitSeesWhatTheMachineGetsBack) {
  CountingGate gate(Bytes(10));
  auto budget = Make(Bytes(100), &gate);
  std::thread machine([&] {
    clock_.AwaitWaiter();
    gate.Grow(Bytes(10));
    clock_.Advance(LocalBudget::kGateSlice);
  });
  EXPECT_TRUE(
      budget->Acquire(Bytes(15), {.deadline = clock_.Now() + absl::Hours(1)})
          .ok());
  machine.join();
}

TEST_F(LocalBudgetTest, AHigherRequestThatTheMachineCannotServeIsNotInTheWay) {
  CountingGate gate(Bytes(10));
  auto budget = Make(Bytes(100), &gate);
  const Grant held = *budget->Acquire(Bytes(10), {});
  const absl::Time deadline = clock_.Now() + absl::Hours(1);
  const auto ask = [&](Bytes size, int priority) {
    return std::thread([=, &budget] {
      EXPECT_TRUE(
          budget->Acquire(size, {.deadline = deadline, .priority = priority})
              .ok());
    });
  };
  std::thread high = ask(Bytes(20), 1);
  std::thread low = ask(Bytes(5), 0);
  while (budget->num_waiters() < 2) std::this_thread::yield();
  gate.Grow(Bytes(5));
  low.join();
  EXPECT_EQ(budget->num_waiters(), 1);
  gate.Grow(Bytes(20));
  high.join();
}

TEST_F(LocalBudgetTest, AShortMachineMakesCachesGive) {
  CountingGate gate(Bytes(35));
  auto budget = Make(Bytes(100), &gate);
  Grant cached = *budget->Acquire(Bytes(30), {});
  FunctionReclaimer cache([&](Bytes wanted) {
    EXPECT_EQ(wanted, Bytes(5));
    cached.Split(wanted).Release();
    return wanted;
  });
  auto registration =
      budget->Register(cache, {ReclaimerOptions::Kind::kCache, 0});
  EXPECT_TRUE(budget->Acquire(Bytes(10), {}).ok());
}

// Where the budget has room, and those who wait want what the machine lacks.
TEST_F(LocalBudgetTest, AShortMachineMakesWhoeverServesAskCallbacks) {
  CountingGate gate(Bytes(30));
  auto budget = Make(Bytes(100), &gate);
  Grant held = *budget->Acquire(Bytes(25), {});
  FunctionReclaimer callback([&](Bytes wanted) {
    EXPECT_EQ(wanted, Bytes(5));
    held.Split(wanted).Release();
    return wanted;
  });
  auto registration = budget->Register(callback, {});
  auto server = budget->RegisterServer([] {});
  std::thread asker([&] {
    EXPECT_TRUE(
        budget->Acquire(Bytes(10), {.deadline = clock_.Now() + absl::Hours(1)})
            .ok());
  });
  clock_.AwaitWaiter();
  budget->ServeRequests();
  asker.join();
  EXPECT_EQ(held.size(), Bytes(20));
}

// Refuses steps, for another reason than a number, until something came back.
class FragmentedGate final : public Gate {
 public:
  std::optional<Refusal> Admit(Bytes) override { return std::nullopt; }
  void Withdraw(Bytes) override {}
  void Settle(Bytes) override {}
  void Return(Bytes size, bool) override { returned_ += size.count(); }
  std::optional<Refusal> PrepareStep(Bytes step, absl::Time) override {
    ++asked;
    if (returned_ >= step.count()) return std::nullopt;
    return Refusal{.headroom = headroom(), .limited_by = "contiguity"};
  }
  Bytes headroom() const override { return Bytes(1000); }

  int asked = 0;

 private:
  std::atomic<uint64_t> returned_{0};
};

TEST_F(LocalBudgetTest, AStepIsTriedAgainWhenCachesGaveAllOfIt) {
  FragmentedGate gate;
  auto budget = Make(Bytes(100), &gate);
  Grant cached = *budget->Acquire(Bytes(50), {});
  FunctionReclaimer cache([&](Bytes wanted) {
    EXPECT_EQ(wanted, Bytes(20));
    cached.Split(wanted).Release();
    return wanted;
  });
  {
    auto registration =
        budget->Register(cache, {ReclaimerOptions::Kind::kCache, 0});
    EXPECT_TRUE(budget->PrepareStep(Bytes(20), {.tag = Tag()}).ok());
    EXPECT_EQ(gate.asked, 2);
  }
  // Where nothing came back it is not tried, and the gate's reason stands.
  const absl::Status status = budget->PrepareStep(Bytes(30), {.tag = Tag()});
  EXPECT_EQ(gate.asked, 3);
  EXPECT_EQ(RefusalOf(status)->limited_by, "contiguity");
  EXPECT_EQ(RefusalOf(status)->headroom, Bytes(1000));
  EXPECT_EQ(RefusalOf(status)->asked, Bytes(30));
}

TEST_F(LocalBudgetTest, AStepIsRefusedWhenCachesGaveTooLittle) {
  FragmentedGate gate;
  auto budget = Make(Bytes(100), &gate);
  Grant cached = *budget->Acquire(Bytes(10), {});
  FunctionReclaimer cache([&](Bytes) {
    const Bytes given = cached.size();
    cached.Release();
    return given;
  });
  auto registration =
      budget->Register(cache, {ReclaimerOptions::Kind::kCache, 0});
  EXPECT_EQ(
      RefusalOf(budget->PrepareStep(Bytes(20), {.tag = Tag()}))->limited_by,
      "contiguity");
  EXPECT_EQ(gate.asked, 2);
}

TEST_F(LocalBudgetTest, AStepWithTimeHasCallbacksAsked) {
  FragmentedGate gate;
  auto budget = Make(Bytes(100), &gate);
  Grant held = *budget->Acquire(Bytes(50), {});
  const absl::Time deadline = clock_.Now() + absl::Seconds(5);
  FunctionReclaimer callback([&](Bytes wanted) {
    EXPECT_EQ(wanted, Bytes(20));
    held.Split(wanted).Release();
    return wanted;
  });
  auto registration = budget->Register(callback, {});
  EXPECT_TRUE(RefusalOf(budget->PrepareStep(Bytes(20), {.tag = Tag()})));
  EXPECT_TRUE(
      budget->PrepareStep(Bytes(20), {.deadline = deadline, .tag = Tag()})
          .ok());
  EXPECT_EQ(held.size(), Bytes(30));
}

TEST_F(LocalBudgetTest, AStepWaitsForWhatOthersDrop) {
  FragmentedGate gate;
  auto budget = Make(Bytes(100), &gate);
  Grant held = *budget->Acquire(Bytes(50), {});
  absl::Status status;
  std::thread asker([&] {
    status = budget->PrepareStep(
        Bytes(20), {.deadline = absl::InfiniteFuture(), .tag = Tag()});
  });
  clock_.AwaitWaiter();
  EXPECT_TRUE(budget->has_waiters());
  held.Release();
  asker.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_FALSE(budget->has_waiters());
}

TEST_F(LocalBudgetTest, AStepIsRefusedAtItsDeadline) {
  FragmentedGate gate;
  auto budget = Make(Bytes(100), &gate);
  absl::Status status;
  std::thread asker([&] {
    status = budget->PrepareStep(
        Bytes(20), {.deadline = clock_.Now() + absl::Seconds(5), .tag = Tag()});
  });
  clock_.AwaitWaiter();
  clock_.Advance(absl::Seconds(6));
  asker.join();
  EXPECT_EQ(RefusalOf(status)->limited_by, "contiguity");
}

TEST_F(LocalBudgetTest, AStepThatWaitsCanBeInterrupted) {
  FragmentedGate gate;
  auto budget = Make(Bytes(100), &gate);
  EXPECT_TRUE(absl::IsCancelled(
      budget->PrepareStep(Bytes(20), {.deadline = absl::InfiniteFuture(),
                                      .tag = Tag(),
                                      .should_stop = [] { return true; }})));
  EXPECT_FALSE(budget->has_waiters());
}

// Debt, which asks no gate, may come between the gate's yes and the claim.
TEST_F(LocalBudgetTest, WhatTheGateAdmittedInVainIsWithdrawn) {
  class Meanwhile final : public Gate {
   public:
    std::optional<Refusal> Admit(Bytes size) override {
      admitted += size;
      if (on_admit) on_admit();
      return std::nullopt;
    }
    void Withdraw(Bytes size) override { admitted -= size; }
    void Settle(Bytes) override {}
    void Return(Bytes, bool) override {}
    std::optional<Refusal> PrepareStep(Bytes, absl::Time) override {
      return std::nullopt;
    }
    Bytes headroom() const override { return Bytes(1000); }

    Bytes admitted;
    std::function<void()> on_admit;
  } gate;
  auto budget = Make(Bytes(100), &gate);
  Grant debt;
  gate.on_admit = [&] { debt = budget->Charge(Bytes(60), Tag::Debt()); };
  EXPECT_EQ(budget->TryAcquire(Bytes(50), Tag()).size(), Bytes());
  EXPECT_EQ(gate.admitted, Bytes());
  EXPECT_EQ(budget->granted(), Bytes(60));
}

// How long a wait sleeps when nobody rings.
class WaitRecordingClock final : public Clock {
 public:
  absl::Time Now() const override { return fake.Now(); }
  absl::Duration Monotonic() const override { return fake.Monotonic(); }
  int64_t CoarseNanoseconds() const override {
    return fake.CoarseNanoseconds();
  }
  absl::Duration coarse_lag() const override { return fake.coarse_lag(); }
  bool WaitUntil(CondVar&, Mutex&, absl::Time until) override {
    sleeps.push_back(until - Now());
    fake.Advance(sleeps.back());
    return false;
  }

  FakeClock fake;
  std::vector<absl::Duration> sleeps;
};

TEST_F(LocalBudgetTest, WhoWaitsForTheMachineLooksAtItEverySlice) {
  WaitRecordingClock clock;
  CountingGate gate(Bytes(10));
  auto budget = *LocalBudget::Create(
      {.limit = Bytes(100), .clock = &clock, .gate = &gate});
  EXPECT_FALSE(
      budget->Acquire(Bytes(15), {.deadline = clock.Now() + absl::Minutes(1)})
          .ok());
  EXPECT_EQ(clock.sleeps.size(), absl::Minutes(1) / LocalBudget::kGateSlice);
  EXPECT_EQ(clock.sleeps[0], LocalBudget::kGateSlice);
  // For the budget's own room somebody rings.
  clock.sleeps.clear();
  const Grant held = budget->Charge(Bytes(95), Tag());
  EXPECT_FALSE(
      budget->Acquire(Bytes(15), {.deadline = clock.Now() + absl::Minutes(1)})
          .ok());
  EXPECT_EQ(clock.sleeps, std::vector<absl::Duration>{absl::Minutes(1)});
}

}  // namespace
}  // namespace governor
