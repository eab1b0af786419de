// Waits that their caller ends: for room, and for a call of a reclaimer.

#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "governor/base/clock.h"
#include "governor/budget/local_budget.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr Bytes kLimit(100);

class Callback final : public Reclaimer {
 public:
  explicit Callback(std::function<void()> call) : call_(std::move(call)) {}
  Bytes Reclaim(Bytes, absl::Time deadline) override {
    ++calls;
    told = deadline;
    call_();
    return Bytes();
  }

  int calls = 0;
  absl::Time told;

 private:
  std::function<void()> call_;
};

class InterruptedWaitTest : public ::testing::Test {
 protected:
  absl::StatusOr<Grant> Ask(ShouldStop should_stop) {
    return budget_->Acquire(
        kLimit, {.deadline = in_an_hour_, .should_stop = should_stop});
  }

  RealClock clock_;
  const absl::Time in_an_hour_ = clock_.Now() + absl::Hours(1);
  std::unique_ptr<LocalBudget> budget_ =
      *LocalBudget::Create({.limit = kLimit, .clock = &clock_});
  Grant held_ = *budget_->Acquire(Bytes(60), {});
};

TEST_F(InterruptedWaitTest, ARequestThatLooksUpIsOneWaiterWithItsOwnDeadline) {
  Callback callback([this] { held_.Release(); });
  const auto registration = budget_->Register(callback, {});
  const auto server = budget_->RegisterServer([] {});
  int looks = 0;
  const absl::StatusOr<Grant> grant = Ask([&] {
    EXPECT_EQ(budget_->num_waiters(), 1);
    if (++looks == 3) budget_->ServeRequests();
    return false;
  });
  ASSERT_TRUE(grant.ok()) << grant.status();
  EXPECT_EQ(looks, 3);
  EXPECT_EQ(callback.calls, 1);
  EXPECT_EQ(callback.told, in_an_hour_);
}

TEST_F(InterruptedWaitTest, AWaitThatIsEndedIsNoRefusalAndHoldsNothing) {
  const absl::Status status = Ask([] { return true; }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(RefusalOf(status));
  EXPECT_EQ(budget_->granted(), Bytes(60));
  EXPECT_FALSE(budget_->has_waiters());
  held_.Release();
  EXPECT_TRUE(Ask([] { return true; }).ok());
}

TEST_F(InterruptedWaitTest, WhatIsFreedBetweenTwoLooksIsSeen) {
  const absl::StatusOr<Grant> grant = Ask([this] {
    // Nobody hears of it: the request is not waiting now.
    held_.Release();
    return false;
  });
  EXPECT_TRUE(grant.ok()) << grant.status();
}

TEST_F(InterruptedWaitTest, TheDeadlineEndsAWaitThatIsNotEnded) {
  const absl::Status status =
      budget_
          ->Acquire(kLimit, {.deadline = clock_.Now() + 2.5 * kStopSlice,
                             .should_stop = [] { return false; }})
          .status();
  ASSERT_TRUE(RefusalOf(status)) << status;
  EXPECT_EQ(RefusalOf(status)->headroom, Bytes(40));
}

TEST_F(InterruptedWaitTest, WhoDoesNotWaitIsNotAsked) {
  bool asked = false;
  const ShouldStop should_stop = [&asked] { return asked = true; };
  EXPECT_TRUE(RefusalOf(
      budget_->Acquire(kLimit, {.should_stop = should_stop}).status()));
  EXPECT_TRUE(budget_->Acquire(Bytes(40), {.should_stop = should_stop}).ok());
  EXPECT_FALSE(asked);
}

TEST_F(InterruptedWaitTest, TheEndOfARegistrationCanBeWaitedForAgain) {
  std::promise<void> entered, leave;
  Callback callback([&] {
    entered.set_value();
    leave.get_future().wait();
  });
  const auto registration = budget_->Register(callback, {});
  const auto server = budget_->RegisterServer([&] {});
  std::thread server_thread;
  const absl::Status status =
      Ask([&] {
        server_thread = std::thread([&] { budget_->ServeRequests(); });
        entered.get_future().wait();
        return true;
      }).status();
  EXPECT_TRUE(absl::IsCancelled(status));
  EXPECT_FALSE(registration->End([] { return true; }));
  // It is asked no more, also while the call goes on.
  EXPECT_TRUE(absl::IsCancelled(Ask([&] {
                                  budget_->ServeRequests();
                                  return true;
                                }).status()));
  EXPECT_EQ(callback.calls, 1);
  bool has_left = false;
  EXPECT_TRUE(registration->End([&] {
    if (!has_left) leave.set_value();
    has_left = true;
    return false;
  }));
  EXPECT_TRUE(registration->End([] { return true; }));
  server_thread.join();
}

// Its caller's code may take for ever, or need what others would have.
TEST_F(InterruptedWaitTest, NobodyStepsBackForARequestThatLooksUp) {
  absl::StatusOr<Grant> low;
  const auto high = budget_->Acquire(
      kLimit, {.deadline = in_an_hour_, .priority = 1, .should_stop = [&] {
                 std::thread lower([&] {
                   low = budget_->Acquire(Bytes(50), {.deadline = in_an_hour_});
                 });
                 while (budget_->num_waiters() < 2) std::this_thread::yield();
                 // Now the higher one would fit, too.
                 held_.Release();
                 lower.join();
                 return true;
               }});
  EXPECT_TRUE(absl::IsCancelled(high.status()));
  EXPECT_TRUE(low.ok()) << low.status();
}

}  // namespace
}  // namespace governor
