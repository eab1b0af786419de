// What a budget makes of its gate's answers.
#include <memory>
#include <optional>
#include <thread>
#include <utility>

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
  EXPECT_FALSE(budget->Acquire(Bytes(90), {}).ok());
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
  EXPECT_TRUE(budget->PrepareStep(Bytes(10), Tag(), {}).ok());
  EXPECT_EQ(RefusalOf(budget->PrepareStep(Bytes(11), Tag(), {}))->headroom,
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

TEST_F(LocalBudgetTest, AShortMachineMakesCachesGive) {
  CountingGate gate(Bytes(30));
  auto budget = Make(Bytes(100), &gate);
  Grant cached = *budget->Acquire(Bytes(30), {});
  FunctionReclaimer cache([&](Bytes wanted) {
    EXPECT_EQ(wanted, Bytes(10));
    cached.Split(wanted).Release();
    return wanted;
  });
  auto registration =
      budget->Register(cache, {ReclaimerOptions::Kind::kCache, 0});
  EXPECT_TRUE(budget->Acquire(Bytes(10), {}).ok());
}

}  // namespace
}  // namespace governor
