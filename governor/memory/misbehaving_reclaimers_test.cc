// Whatever a reclaimer does to a commit, asked by the commit itself or by
// whoever serves it: the driver holds what the region says, and the budget is
// whole. See governor/budget/misbehaving_reclaimers_test.cc for the other
// calls.

#include <atomic>
#include <memory>
#include <thread>

#include "governor/budget/misbehaving_reclaimer.h"
#include "governor/memory/elastic_region.h"
#include "governor/memory/test_device.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using absl::StatusCode;

class MisbehavingReclaimersTest : public testing::TestWithParam<int> {
 protected:
  Misbehaviour misbehaviour() const {
    return static_cast<Misbehaviour>(GetParam());
  }
  bool throws() const {
    return misbehaviour() == Misbehaviour::kThrowsException ||
           misbehaviour() == Misbehaviour::kThrowsInt;
  }

  std::unique_ptr<ElasticRegion> MakeRegion(MisbehavingWorld& world) {
    const auto pool =
        ChunkPool::Create(device_.context(), world.shared_budget(), {});
    return *ElasticRegion::Create(pool, {.size = MiB(64)});
  }

  // What 30 of the 100 units are after a commit of as many.
  void CheckCommitted(const ElasticRegion& region, bool committed) {
    EXPECT_EQ(device_.PhysicalBytes(), committed ? MiB(60) : Bytes());
    EXPECT_EQ(region.resident(), device_.PhysicalBytes());
  }

  TestDevice device_;
};

TEST_P(MisbehavingReclaimersTest, AskedByTheCommitItself) {
  MisbehavingWorld world(misbehaviour(), ReclaimerOptions::Kind::kCallback,
                         MiB(2));
  {
    auto region = MakeRegion(world);
    bool threw = false;
    absl::Status status;
    try {
      status = region->Commit(0, 30, {.deadline = world.Soon()});
    } catch (...) {
      threw = true;
    }
    world.EndIfChild(status.code() == StatusCode::kFailedPrecondition);
    EXPECT_EQ(threw, throws());
    if (misbehaviour() == Misbehaviour::kBlocks) {
      EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
    } else if (!threw) {
      EXPECT_TRUE(status.ok()) << status;
    }
    CheckCommitted(*region, !threw && status.ok());
  }
  EXPECT_GE(world.calls(), 1);
  world.CheckUnharmed();
}

// What a reclaimer throws goes to nobody then, and one that blocks holds up
// nobody past the deadline.
TEST_P(MisbehavingReclaimersTest, AskedByWhoeverServesACommit) {
  MisbehavingWorld world(misbehaviour(), ReclaimerOptions::Kind::kCallback,
                         MiB(2));
  world.RequestIsElsewhere();
  {
    auto region = MakeRegion(world);
    std::atomic<bool> woken{false};
    const auto server =
        world.budget().RegisterServer([&woken] { woken = true; });
    absl::Status status;
    std::thread commit([&] {
      status = region->Commit(0, 30, {.deadline = world.Soon()});
      world.RequestReturned();
    });
    while (!woken) std::this_thread::yield();
    world.budget().ServeRequests();
    world.EndIfChild(true);
    commit.join();
    EXPECT_EQ(world.budget().reclaim_faults().threw, throws() ? 1u : 0u);
    if (misbehaviour() == Misbehaviour::kBlocks) {
      EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
    } else {
      EXPECT_TRUE(status.ok()) << status;
    }
    CheckCommitted(*region, status.ok());
  }
  EXPECT_GE(world.calls(), 1);
  world.CheckUnharmed();
}

// But the last one: it ends the process, and what is left then is the budget's
// business.
static_assert(static_cast<int>(Misbehaviour::kExits) == kNumMisbehaviours - 1);

INSTANTIATE_TEST_SUITE_P(AllThatReturn, MisbehavingReclaimersTest,
                         testing::Range(0, kNumMisbehaviours - 1),
                         [](const testing::TestParamInfo<int>& info) {
                           return NameOf(static_cast<Misbehaviour>(info.param));
                         });

}  // namespace
}  // namespace governor
