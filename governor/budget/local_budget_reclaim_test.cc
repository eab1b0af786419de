// Whom a budget asks to give back, in what order, and what comes of it.
#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "governor/budget/local_budget_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST_F(LocalBudgetTest, AsksCachesAlwaysAndCallbacksOnlyWithTimeToWait) {
  auto budget = Make(Bytes(100));
  Grant cache = *budget->Acquire(Bytes(60), {});
  Grant callback = *budget->Acquire(Bytes(40), {});
  std::vector<std::string> asked;
  FunctionReclaimer trims([&](Bytes wanted) {
    asked.push_back("cache");
    const Bytes given = std::min(wanted, cache.size());
    cache.Split(given).Release();
    return given;
  });
  FunctionReclaimer evicts([&](Bytes wanted) {
    asked.push_back("callback");
    const Bytes given = std::min(wanted, callback.size());
    callback.Split(given).Release();
    return given;
  });
  auto second = budget->Register(evicts, {});
  auto first = budget->Register(trims, {ReclaimerOptions::Kind::kCache, 0});

  const Grant a = *budget->Acquire(Bytes(50), {});
  EXPECT_EQ(cache.size(), Bytes(10));
  EXPECT_FALSE(budget->Acquire(Bytes(20), {}).ok());
  EXPECT_EQ(callback.size(), Bytes(40));
  const absl::StatusOr<Grant> b =
      budget->Acquire(Bytes(20), {.deadline = clock_.Now() + absl::Seconds(1)});
  ASSERT_TRUE(b.ok());
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "callback"), 1);
  EXPECT_LE(budget->granted(), Bytes(100));
}

TEST_F(LocalBudgetTest, AsksLowPrioritiesFirstAndNoMoreThanNeeded) {
  auto budget = Make(Bytes(100));
  Grant held = *budget->Acquire(Bytes(100), {});
  std::vector<int> asked;
  const auto giver = [&](int name) {
    return FunctionReclaimer([&asked, &held, name](Bytes wanted) {
      asked.push_back(name);
      const Bytes given = std::min(wanted, Bytes(10));
      held.Split(given).Release();
      return given;
    });
  };
  FunctionReclaimer high = giver(3), low = giver(1), middle = giver(2);
  auto r3 = budget->Register(high, {.priority = 3});
  auto r1 = budget->Register(low, {.priority = 1});
  auto r2 = budget->Register(middle, {.priority = 2});
  const absl::Time deadline = clock_.Now() + absl::Seconds(1);
  EXPECT_TRUE(budget->Acquire(Bytes(15), {.deadline = deadline}).ok());
  EXPECT_EQ(asked, (std::vector<int>{1, 2}));
  r1.reset();
  asked.clear();
  const Grant refill = *budget->Acquire(Bytes(15), {});
  EXPECT_TRUE(budget->Acquire(Bytes(5), {.deadline = deadline}).ok());
  EXPECT_EQ(asked, (std::vector<int>{2}));
}

// A reclaimer may itself ask for memory and drop its own grant while Acquire
// runs it; it is not asked again for its own request.
TEST_F(LocalBudgetTest, AReclaimerMayReenter) {
  auto budget = Make(Bytes(100));
  Grant held = *budget->Acquire(Bytes(100), {});
  int depth = 0;
  FunctionReclaimer greedy([&](Bytes) {
    ++depth;
    EXPECT_EQ(depth, 1);
    EXPECT_FALSE(budget
                     ->Acquire(Bytes(1), {.deadline = clock_.Now() +
                                                      absl::Nanoseconds(1)})
                     .ok());
    held.Release();
    --depth;
    return Bytes(100);
  });
  auto registration =
      budget->Register(greedy, {ReclaimerOptions::Kind::kCache, 0});
  std::thread mover([&] {
    clock_.AwaitWaiter();
    clock_.Advance(absl::Seconds(1));
  });
  EXPECT_TRUE(budget->Acquire(Bytes(100), {}).ok());
  mover.join();
}

TEST_F(LocalBudgetTest, WhatAReclaimerThrowsPassesAndChangesNothing) {
  auto budget = Make(Bytes(100));
  Grant held = *budget->Acquire(Bytes(100), {});
  bool throws = true;
  FunctionReclaimer reclaimer([&](Bytes wanted) {
    if (throws) throw std::runtime_error("a user's");
    held.Release();
    return wanted;
  });
  auto registration = budget->Register(reclaimer, {});
  const AcquireOptions in_time = {.deadline = clock_.Now() + absl::Seconds(1)};
  EXPECT_THROW(static_cast<void>(budget->Acquire(Bytes(10), in_time)),
               std::runtime_error);
  EXPECT_EQ(budget->granted(), Bytes(100));
  // It is asked again by this thread, and its registration waits for nobody.
  throws = false;
  EXPECT_TRUE(budget->Acquire(Bytes(10), in_time).ok());
  registration.reset();
}

TEST_F(LocalBudgetTest, ARequestThatLeavesByAnExceptionWaitsNoMore) {
  auto budget = Make(Bytes(100));
  const Grant held = *budget->Acquire(Bytes(100), {});
  // Caches are asked once more when the request is among those who wait.
  FunctionReclaimer cache([&](Bytes) {
    if (budget->has_waiters()) throw std::bad_alloc();
    return Bytes();
  });
  auto registration =
      budget->Register(cache, {ReclaimerOptions::Kind::kCache, 0});
  EXPECT_THROW(static_cast<void>(budget->Acquire(
                   Bytes(10), {.deadline = clock_.Now() + absl::Seconds(1)})),
               std::bad_alloc);
  EXPECT_EQ(budget->num_waiters(), 0);
  EXPECT_EQ(budget->granted(), Bytes(100));
}

TEST_F(LocalBudgetTest, ShrinksToItsTargetInTheDocumentedOrder) {
  auto budget = Make(Bytes(100));
  std::vector<Grant> held;
  std::vector<std::string> asked;
  std::vector<std::unique_ptr<FunctionReclaimer>> reclaimers;
  std::vector<std::unique_ptr<Budget::Registration>> registrations;
  const auto add = [&](const std::string& name, ReclaimerOptions options) {
    const size_t i = held.size();
    held.push_back(*budget->Acquire(Bytes(20), {}));
    reclaimers.push_back(
        std::make_unique<FunctionReclaimer>([&, i, name](Bytes wanted) {
          EXPECT_EQ(budget->announced()->target, Bytes(30));
          if (held[i].size().is_zero()) return Bytes();
          asked.push_back(name);
          const Bytes given = std::min(wanted, held[i].size());
          held[i].Split(given).Release();
          return given;
        }));
    registrations.push_back(budget->Register(*reclaimers.back(), options));
  };
  using Options = ReclaimerOptions;
  held.reserve(4);
  add("dear", {.priority = 1});
  add("cheap", {.priority = 9, .cost = Options::Cost::kCheap});
  add("cache", {.kind = Options::Kind::kCache, .priority = 5});
  add("dearest", {.priority = 2});
  EXPECT_EQ(budget->Shrink(Bytes(50), clock_.Now() + absl::Seconds(1)),
            Bytes(50));
  EXPECT_EQ(asked, (std::vector<std::string>{"cache", "cheap", "dear"}));
  EXPECT_EQ(budget->granted(), Bytes(30));
  EXPECT_FALSE(budget->announced());
}

// One budget's reclaimer may have another budget's asked.
TEST_F(LocalBudgetTest, AReclaimerMayAskAnotherBudget) {
  auto budget = Make(Bytes(100));
  auto other = Make(Bytes(100));
  Grant held = *budget->Acquire(Bytes(100), {});
  Grant others = *other->Acquire(Bytes(100), {});
  FunctionReclaimer gives([&](Bytes wanted) {
    others.Release();
    return wanted;
  });
  FunctionReclaimer moves([&](Bytes wanted) {
    EXPECT_TRUE(other->Acquire(Bytes(50), {}).ok());
    held.Release();
    return wanted;
  });
  using Options = ReclaimerOptions;
  auto first = other->Register(gives, {.kind = Options::Kind::kCache});
  auto second = budget->Register(moves, {.kind = Options::Kind::kCache});
  EXPECT_TRUE(budget->Acquire(Bytes(50), {}).ok());
}

// A callback may find the room gone and the memory in a cache: what was kept
// before anybody was seen to wait is asked for once more, all of it.
TEST_F(LocalBudgetTest, WhatWentIntoACacheMeanwhileIsFound) {
  auto budget = Make(Bytes(100));
  Grant used = *budget->Acquire(Bytes(92), {});
  Grant cached, taken;
  FunctionReclaimer cache([&](Bytes wanted) {
    const Bytes given = std::min(wanted, cached.size());
    cached.Split(given).Release();
    return given;
  });
  FunctionReclaimer others([&](Bytes) {
    // Others take the 8 that were free, and give the 92 to the cache.
    taken = *budget->Acquire(Bytes(8), {});
    cached = std::move(used);
    return Bytes();
  });
  auto first = budget->Register(cache, {ReclaimerOptions::Kind::kCache, 0});
  auto second = budget->Register(others, {});
  EXPECT_TRUE(
      budget->Acquire(Bytes(10), {.deadline = absl::InfiniteFuture()}).ok());
}

}  // namespace
}  // namespace governor
