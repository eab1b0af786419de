// Whatever a reclaimer does, at whichever call it is asked: nobody is granted
// what is not there, nobody who has a deadline hangs past it, and the budget is
// whole afterwards.

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include "governor/budget/misbehaving_reclaimer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using Kind = ReclaimerOptions::Kind;
using Cost = ReclaimerOptions::Cost;

bool Throws(Misbehaviour misbehaviour) {
  return misbehaviour == Misbehaviour::kThrowsException ||
         misbehaviour == Misbehaviour::kThrowsInt;
}

// One that exits does so in a process of its own.
void RunIn(Misbehaviour misbehaviour, const ReclaimerOptions& options,
           const std::function<void(MisbehavingWorld&)>& run) {
  if (misbehaviour == Misbehaviour::kExits) {
    ExpectExit([&] {
      MisbehavingWorld world(misbehaviour, options);
      world.EndRegistrationsAtExit();
      run(world);
    });
    return;
  }
  MisbehavingWorld world(misbehaviour, options);
  run(world);
  EXPECT_GE(world.calls(), 1);
  world.CheckUnharmed();
}

// What a request of 30 by the thread that runs the reclaimer itself gets.
void Ask(MisbehavingWorld& world, Misbehaviour misbehaviour,
         absl::Time deadline) {
  std::optional<absl::StatusOr<Grant>> granted;
  bool threw = false;
  try {
    granted.emplace(
        world.budget().Acquire(world.Units(30), {.deadline = deadline}));
  } catch (...) {
    threw = true;
  }
  world.EndIfChild(granted && granted->status().code() ==
                                  absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(threw, Throws(misbehaviour));
  if (threw) {
    EXPECT_EQ(world.budget().reclaim_faults().threw, 1u);
    EXPECT_EQ(world.budget().granted(), world.Units(100));
    return;
  }
  if (misbehaviour == Misbehaviour::kBlocks &&
      deadline != absl::InfinitePast()) {
    // Nobody else was asked in time.
    EXPECT_EQ(granted->status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(world.budget().reclaim_faults().late, 1u);
    return;
  }
  ASSERT_TRUE(granted->ok()) << granted->status();
  EXPECT_EQ(world.budget().reclaim_faults().overstated,
            misbehaviour == Misbehaviour::kOverstates ? 1u : 0u);
}

class MisbehavingReclaimersTest : public testing::TestWithParam<int> {
 protected:
  Misbehaviour misbehaviour() const {
    return static_cast<Misbehaviour>(GetParam());
  }
};

TEST_P(MisbehavingReclaimersTest, AskedByTheRequestItself) {
  RunIn(misbehaviour(), {.kind = Kind::kCallback},
        [&](MisbehavingWorld& world) {
          Ask(world, misbehaviour(), world.Soon());
        });
}

TEST_P(MisbehavingReclaimersTest, AskedAsACache) {
  RunIn(misbehaviour(), {.kind = Kind::kCache}, [&](MisbehavingWorld& world) {
    Ask(world, misbehaviour(), absl::InfinitePast());
    // It says for ever that it gave.
    if (misbehaviour() != Misbehaviour::kOverstates) return;
    EXPECT_FALSE(world.budget().Acquire(world.Units(100), {}).ok());
  });
}

TEST_P(MisbehavingReclaimersTest, AskedByWhoeverServes) {
  RunIn(misbehaviour(), {.kind = Kind::kCallback},
        [&](MisbehavingWorld& world) {
          world.RequestIsElsewhere();
          std::atomic<bool> woken{false};
          const auto server =
              world.budget().RegisterServer([&woken] { woken = true; });
          absl::Status status;
          std::thread request([&] {
            const absl::StatusOr<Grant> granted = world.budget().Acquire(
                world.Units(30), {.deadline = world.Soon()});
            status = granted.status();
            world.RequestReturned();
          });
          while (!woken) std::this_thread::yield();
          world.budget().ServeRequests();
          world.EndIfChild(true);
          request.join();
          EXPECT_EQ(world.budget().reclaim_faults().threw,
                    Throws(misbehaviour()) ? 1u : 0u);
          if (misbehaviour() == Misbehaviour::kBlocks) {
            EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
          } else {
            EXPECT_TRUE(status.ok()) << status;
          }
        });
}

TEST_P(MisbehavingReclaimersTest, AskedToShrink) {
  for (const Kind kind : {Kind::kCallback, Kind::kCache}) {
    RunIn(misbehaviour(), {.kind = kind}, [&](MisbehavingWorld& world) {
      const Bytes before = world.budget().granted();
      const Bytes smaller =
          world.budget().Shrink(world.Units(30), world.Soon());
      world.EndIfChild(smaller.is_zero());
      EXPECT_EQ(smaller, before - world.budget().granted());
      EXPECT_EQ(world.budget().reclaim_faults().threw,
                Throws(misbehaviour()) ? 1u : 0u);
      if (misbehaviour() == Misbehaviour::kBlocks && kind == Kind::kCallback) {
        EXPECT_EQ(smaller, Bytes());
      } else {
        EXPECT_GE(smaller, world.Units(30));
      }
    });
  }
}

// As under some pressure, when those alone are asked who give cheaply.
TEST_P(MisbehavingReclaimersTest, AskedToShrinkBecauseItGivesCheaply) {
  const ReclaimerOptions cheap = {.kind = Kind::kCallback,
                                  .cost = Cost::kCheap};
  RunIn(misbehaviour(), cheap, [&](MisbehavingWorld& world) {
    const Bytes smaller =
        world.budget().Shrink(world.Units(30), world.Soon(), Cost::kCheap);
    world.EndIfChild(smaller.is_zero());
    EXPECT_EQ(smaller, world.Units(100) - world.budget().granted());
    if (misbehaviour() == Misbehaviour::kBlocks) {
      EXPECT_EQ(smaller, Bytes());
    } else {
      EXPECT_GE(smaller, world.Units(30));
    }
  });
}

TEST_P(MisbehavingReclaimersTest, NotAskedToShrinkWhereItGivesDearly) {
  MisbehavingWorld world(misbehaviour(), Kind::kCallback);
  EXPECT_EQ(world.budget().Shrink(world.Units(30), world.Soon(), Cost::kCheap),
            Bytes());
  EXPECT_EQ(world.calls(), 0);
  world.CheckUnharmed();
}

TEST_P(MisbehavingReclaimersTest, NotAskedByTryAcquire) {
  MisbehavingWorld world(misbehaviour(), Kind::kCallback);
  EXPECT_EQ(world.budget().TryAcquire(world.Units(30), Tag()).size(), Bytes());
  EXPECT_EQ(world.calls(), 0);
  world.CheckUnharmed();
}

// A cache that takes what is free and returns it gives nothing.
TEST(MisbehavingCacheTest, TakingAndReturningForEverEndsToo) {
  RealClock clock;
  const auto budget =
      LocalBudget::Create({.limit = Bytes(100), .clock = &clock}).value();
  const Grant held = budget->TryAcquire(Bytes(60), Tag());
  class Cache final : public Reclaimer {
   public:
    explicit Cache(Budget& budget) : budget_(budget) {}
    Bytes Reclaim(Bytes wanted, absl::Time) override {
      EXPECT_EQ(budget_.TryAcquire(Bytes(40), Tag()).size(), Bytes(40));
      return wanted;
    }

   private:
    Budget& budget_;
  } cache(*budget);
  const auto registration =
      budget->Register(cache, {ReclaimerOptions::Kind::kCache, 0});
  EXPECT_FALSE(budget->Acquire(Bytes(50), {}).ok());
  EXPECT_EQ(budget->granted(), Bytes(60));
}

INSTANTIATE_TEST_SUITE_P(All, MisbehavingReclaimersTest,
                         testing::Range(0, kNumMisbehaviours),
                         [](const testing::TestParamInfo<int>& info) {
                           return NameOf(static_cast<Misbehaviour>(info.param));
                         });

}  // namespace
}  // namespace governor
