#include "governor/budget/local_budget.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "governor/base/fake_clock.h"
#include "governor/budget/refusal_oracle.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

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

 private:
  std::atomic<uint64_t> room_;
};

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

TEST_F(LocalBudgetTest, NamesWhereItsLimitComesFrom) {
  auto budget = LocalBudget::Create(
      {.limit = Bytes(10), .clock = &clock_, .limited_by = "cgroup"});
  EXPECT_EQ(RefusalOf((*budget)->Acquire(Bytes(11), {}).status())->limited_by,
            "cgroup");
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

// A name may be new while another thread is refused and lists the holders.
TEST_F(LocalBudgetTest, HoldersAreNamedWhileNamesAppear) {
  auto budget = Make(Bytes(1000));
  std::atomic<bool> done{false};
  std::thread refused([&] {
    while (!done) {
      const absl::Status status = budget->Acquire(Bytes(1001), {}).status();
      const Refusal refusal = *RefusalOf(status);
      for (const Refusal::Holder& holder : refusal.holders) {
        EXPECT_NE(holder.tag, "");
      }
    }
  });
  for (int i = 0; i < 32; ++i) {
    const Tag tag = *Tag::Named("new tag " + std::to_string(i));
    EXPECT_TRUE(budget->Acquire(Bytes(1), {.tag = tag}).ok());
  }
  done = true;
  refused.join();
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

// Many threads race for a budget that is mostly full. The sum is read after
// every step, and no refusal is false.
TEST_F(LocalBudgetTest, NeverOvershootsAndNeverRefusesWhatFits) {
  for (const bool gated : {false, true}) {
    constexpr int kThreads = 16;
    constexpr int kSteps = 5000;
    const Bytes limit(1000);
    CountingGate gate(limit);
    auto budget = Make(limit, gated ? &gate : nullptr);
    RefusalOracle oracle(limit);
    std::vector<RefusalOracle::History> histories(kThreads);
    std::atomic<int> overshoots{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(t);
        RefusalOracle::History& history = histories[t];
        struct Held {
          Grant grant;
          uint64_t from;
        };
        std::vector<Held> held;
        for (int i = 0; i < kSteps; ++i) {
          const Bytes size(random() % 150 + 1);
          const uint64_t called = oracle.Now();
          absl::StatusOr<Grant> grant = budget->Acquire(size, {});
          const uint64_t returned = oracle.Now();
          if (budget->granted() > limit) ++overshoots;
          if (grant.ok()) {
            held.push_back({*std::move(grant), called});
          } else {
            history.refused.push_back({called, returned, size});
          }
          while (!held.empty() && random() % 3 == 0) {
            const Bytes dropped = held.back().grant.size();
            const uint64_t from = held.back().from;
            held.back().grant.Release();
            history.held.push_back({from, oracle.Now(), dropped});
            held.pop_back();
          }
        }
        for (Held& h : held) {
          const Bytes dropped = h.grant.size();
          h.grant.Release();
          history.held.push_back({h.from, oracle.Now(), dropped});
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    size_t refused = 0;
    for (const auto& history : histories) {
      refused += history.refused.size();
      oracle.Merge(history);
    }
    EXPECT_EQ(overshoots, 0);
    EXPECT_GT(refused, 0u);
    EXPECT_EQ(oracle.CountFalseRefusals(), 0u);
    EXPECT_EQ(budget->granted(), Bytes(0));
    EXPECT_LE(budget->peak(), limit);
    EXPECT_EQ(gate.unsettled, 0u);
  }
}

}  // namespace
}  // namespace governor
