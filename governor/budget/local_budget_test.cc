#include "governor/budget/local_budget.h"

#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "governor/budget/local_budget_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST_F(LocalBudgetTest, GrantsUpToTheLastByteAndNotOneMore) {
  auto budget = Make(Bytes(100));
  absl::StatusOr<Grant> most = budget->Acquire(Bytes(99), {});
  ASSERT_TRUE(most.ok());
  EXPECT_EQ(budget->Acquire(Bytes(2), {}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(budget->granted(), Bytes(99));
  absl::StatusOr<Grant> rest = budget->Acquire(Bytes(1), {});
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(budget->granted(), Bytes(100));
  most->Release();
  EXPECT_EQ(budget->granted(), Bytes(1));
  EXPECT_EQ(budget->peak(), Bytes(100));
}

TEST_F(LocalBudgetTest, RefusalCarriesItsNumbers) {
  auto budget = Make(Bytes(100));
  const Tag kv = *Tag::Named("kv");
  const Grant held = *budget->Acquire(Bytes(70), {.tag = kv});
  const Grant other = *budget->Acquire(Bytes(10), {});
  const absl::Status status =
      budget->Acquire(Bytes(21), {.tag = *Tag::Named("draft")}).status();
  EXPECT_EQ(RefusalOf(status),
            (Refusal{.asked = Bytes(21),
                     .granted = Bytes(80),
                     .limit = Bytes(100),
                     .headroom = Bytes(20),
                     .limited_by = "budget",
                     .tag = "draft",
                     .holders = {{"kv", Bytes(70)}, {"untagged", Bytes(10)}}}));
  EXPECT_EQ(budget->granted(kv), Bytes(70));
}

TEST_F(LocalBudgetTest, HugeRequestsDoNotWrap) {
  auto budget = Make(Bytes((uint64_t{1} << 63) - 1));
  const Grant held = *budget->Acquire(Bytes(10), {});
  for (uint64_t size : {~uint64_t{0}, ~uint64_t{0} - 9, uint64_t{1} << 63,
                        (uint64_t{1} << 63) - 10}) {
    EXPECT_FALSE(budget->Acquire(Bytes(size), {}).ok()) << size;
    EXPECT_EQ(budget->granted(), Bytes(10));
  }
}

TEST_F(LocalBudgetTest, RefusesACallersMistakesBeforeAnyEffect) {
  auto budget = Make(Bytes(100));
  EXPECT_EQ(budget->Acquire(Bytes(0), {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(budget->TryAcquire(Bytes(0), Tag()).size(), Bytes(0));
  EXPECT_EQ(LocalBudget::Create({.limit = Bytes(0), .clock = &clock_})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(
      LocalBudget::Create({.limit = Bytes(uint64_t{1} << 63), .clock = &clock_})
          .ok());
  EXPECT_FALSE(LocalBudget::Create({.limit = Bytes(1)}).ok());
}

TEST_F(LocalBudgetTest, GrantsMoveSplitAndRetagWithoutChangingTheSum) {
  auto budget = Make(Bytes(100));
  Grant a = *budget->Acquire(Bytes(60), {});
  Grant b = a.Split(Bytes(20));
  EXPECT_EQ(a.size(), Bytes(40));
  EXPECT_EQ(b.size(), Bytes(20));
  EXPECT_EQ(a.Split(Bytes(41)).size(), Bytes(0));
  b.Retag(Tag::Cached());
  EXPECT_EQ(budget->granted(Tag::Cached()), Bytes(20));
  EXPECT_EQ(budget->granted(Tag()), Bytes(40));
  a = std::move(b);  // drops what `a` held
  EXPECT_EQ(budget->granted(), Bytes(20));
  Grant whole = a.Split(Bytes(20));
  EXPECT_EQ(a.size(), Bytes(0));
  a.Release();
  EXPECT_EQ(budget->granted(), Bytes(20));
  whole.Forfeit();
  whole.Release();
  EXPECT_EQ(budget->granted(), Bytes(20));
}

TEST_F(LocalBudgetTest, ChargeCountsPastTheLimitAndStopsGrants) {
  auto budget = Make(Bytes(100));
  Grant debt = budget->Charge(Bytes(130), *Tag::Named("charged"));
  EXPECT_EQ(budget->granted(), Bytes(130));
  const absl::Status status = budget->Acquire(Bytes(1), {}).status();
  EXPECT_EQ(RefusalOf(status)->headroom, Bytes(0));
  debt.Release();
  EXPECT_TRUE(budget->Acquire(Bytes(100), {}).ok());
}

TEST_F(LocalBudgetTest, WaitsForADroppedGrantUntilTheDeadline) {
  auto budget = Make(Bytes(100));
  Grant held = *budget->Acquire(Bytes(100), {});
  std::thread dropper([&] {
    clock_.AwaitWaiter();
    held.Release();
  });
  const absl::StatusOr<Grant> granted =
      budget->Acquire(Bytes(50), {.deadline = clock_.Now() + absl::Seconds(5)});
  dropper.join();
  ASSERT_TRUE(granted.ok()) << granted.status();
  EXPECT_EQ(budget->granted(), Bytes(50));
}

TEST_F(LocalBudgetTest, AWaitThatNobodyAnswersEndsAtItsDeadline) {
  auto budget = Make(Bytes(100));
  const Grant held = *budget->Acquire(Bytes(100), {});
  const absl::Time deadline = clock_.Now() + absl::Seconds(5);
  std::thread mover([&] {
    clock_.AwaitWaiter();
    clock_.Advance(absl::Seconds(5));
  });
  EXPECT_EQ(budget->Acquire(Bytes(1), {.deadline = deadline}).status().code(),
            absl::StatusCode::kResourceExhausted);
  mover.join();
  EXPECT_EQ(budget->granted(), Bytes(100));
}

TEST_F(LocalBudgetTest, WhatCanNeverFitDoesNotWait) {
  auto budget = Make(Bytes(100));
  EXPECT_FALSE(
      budget->Acquire(Bytes(101), {.deadline = absl::InfiniteFuture()}).ok());
}

TEST_F(LocalBudgetTest, TheHigherPriorityThatFitsIsServedFirst) {
  auto budget = Make(Bytes(100));
  Grant held = *budget->Acquire(Bytes(100), {});
  const absl::Time deadline = clock_.Now() + absl::Hours(1);
  std::atomic<int> waiting{0};
  std::vector<int> order;
  Mutex mutex;
  const auto wait_for_all = [&](int priority) {
    ++waiting;
    absl::StatusOr<Grant> grant = budget->Acquire(
        Bytes(100), {.deadline = deadline, .priority = priority});
    ASSERT_TRUE(grant.ok());
    MutexLock lock(mutex);
    order.push_back(priority);
  };
  // The low one waits first; the high one is known to wait when the reclaimer
  // that its request asks has been called.
  std::thread low([&] { wait_for_all(1); });
  clock_.AwaitWaiter();
  std::atomic<bool> high_is_in{false};
  FunctionReclaimer seen([&](Bytes) {
    high_is_in = true;
    return Bytes();
  });
  auto registration = budget->Register(seen, {});
  std::thread high([&] { wait_for_all(9); });
  while (!high_is_in) std::this_thread::yield();
  while (budget->num_waiters() < 2) std::this_thread::yield();
  held.Release();
  low.join();
  high.join();
  EXPECT_EQ(order, (std::vector<int>{9, 1}));
}

TEST_F(LocalBudgetTest, NamesWhereItsLimitComesFrom) {
  auto budget = LocalBudget::Create(
      {.limit = Bytes(10), .clock = &clock_, .limited_by = "cgroup"});
  EXPECT_EQ(RefusalOf((*budget)->Acquire(Bytes(11), {}).status())->limited_by,
            "cgroup");
}

TEST_F(LocalBudgetTest, AForkedChildOwnsNothing) {
  auto budget = Make(Bytes(100));
  Grant held = *budget->Acquire(Bytes(60), {});
  const pid_t child = fork();
  if (child == 0) {
    const bool refused = budget->Acquire(Bytes(1), {}).status().code() ==
                         absl::StatusCode::kFailedPrecondition;
    held.Release();
    const bool unchanged = budget->granted() == Bytes(60);
    _exit(refused && unchanged ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

// Threads of the parent are not there in the child, though its copy of the
// budget was waited on.
TEST_F(LocalBudgetTest, AForkedChildCanEndWhatItsParentWaitsOn) {
  auto budget = Make(Bytes(100));
  Grant held = *budget->Acquire(Bytes(100), {});
  std::thread waiter([&] {
    EXPECT_TRUE(
        budget->Acquire(Bytes(1), {.deadline = absl::InfiniteFuture()}).ok());
  });
  clock_.AwaitWaiter();
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);  // a hang is a failure
    held = Grant();
    budget.reset();
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  held.Release();
  waiter.join();
}

}  // namespace
}  // namespace governor
