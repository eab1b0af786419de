// Governors of several processes at one machine's floor.

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>

#include "governor/base/clock.h"
#include "governor/budget/local_budget.h"
#include "governor/budget/machine_record_peer.h"
#include "governor/floor_gate.h"
#include "governor/host/host_tree.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr Bytes kFloor = GiB(2);

// What one process has: its record, its gate and its budget.
class Tenant {
 public:
  Tenant(const std::string& root, const std::string& record)
      : sampler_(HostSampler::Open(root, clock_).value()),
        record_(MachineRecord::Join(record, "tenant").value()),
        gate_({.floor = kFloor,
               .sampler = sampler_.get(),
               .record = record_.get(),
               .clock = &clock_}),
        budget_(LocalBudget::Create(
                    {.limit = GiB(16), .clock = &clock_, .gate = &gate_})
                    .value()) {}

  // Of what is there at this moment.
  Grant Ask(Bytes size) {
    absl::StatusOr<Grant> grant = budget_->Acquire(size, {});
    return grant.ok() ? *std::move(grant) : Grant();
  }
  // The same, asked once.
  Grant AskOnce(Bytes size) { return budget_->TryAcquire(size, Tag()); }

 private:
  RealClock clock_;
  const std::unique_ptr<HostSampler> sampler_;
  const std::unique_ptr<MachineRecord> record_;
  FloorGate gate_;
  const std::unique_ptr<LocalBudget> budget_;
};

class FloorGateProcessTest : public ::testing::Test {
 protected:
  // 100 MiB above the floor.
  FloorGateProcessTest() : tree_(scratch_ / "tree", Figures()) {}

  static HostFigures Figures() {
    HostFigures figures;
    figures.available = kFloor + MiB(100);
    return figures;
  }
  std::unique_ptr<Tenant> Open() {
    return std::make_unique<Tenant>(tree_.root(), scratch_ / "record");
  }

  ScratchFolder scratch_;
  HostTree tree_;
};

// 31 are in flight, so that 70 never fit and 40 always do. Whoever asks for 40
// is not refused for what another process asks for in vain.
TEST_F(FloorGateProcessTest, WhatFitsIsNotRefusedForWhatDoesNot) {
  for (const bool mine_is_first : {true, false}) {
    SharedWithPeers<std::atomic<bool>> holds, may_join, may_end;
    SharedWithPeers<std::atomic<int>> asked;
    // Before this process joins: a child has none of it.
    Peer holder([&] {
      const auto tenant = Open();
      const Grant grant = tenant->Ask(MiB(31));
      if (grant.size() != MiB(31)) ::abort();
      holds->store(true);
      for (;;) ::pause();
      return 0;
    });
    Await([&] { return holds->load(); });
    may_join->store(!mine_is_first);
    Peer other([&] {
      Await([&] { return may_join->load(); });
      const auto tenant = Open();
      while (!may_end->load()) {
        if (!tenant->Ask(MiB(70)).size().is_zero()) return 1;
        asked->fetch_add(1);
      }
      return 0;
    });
    std::unique_ptr<Tenant> mine;
    if (mine_is_first) mine = Open();
    may_join->store(true);
    Await([&] { return asked->load() > 0; });
    if (mine == nullptr) mine = Open();
    int refused = 0;
    for (int i = 0; i < 1000 || asked->load() < 1000; ++i) {
      refused += mine->Ask(MiB(40)).size().is_zero() ? 1 : 0;
    }
    EXPECT_EQ(refused, 0);
    may_end->store(true);
    EXPECT_EQ(other.Wait(), 0);
  }
}

// 40 and 70 of 100 at the same time: one of them, and only one.
TEST_F(FloorGateProcessTest, OfTwoThatDoNotFitTogetherOneIsGranted) {
  constexpr int kRounds = 2000;
  struct Round {
    std::array<std::atomic<int>, 2> arrived = {};
    std::array<std::atomic<bool>, 2> took = {};
  };
  SharedWithPeers<Round> round;
  const auto play = [&](int me) {
    const auto tenant = Open();
    const auto meet = [&](int n) {
      round->arrived[me].store(n);
      Await([&] { return round->arrived[1 - me].load() >= n; });
    };
    int wrong = 0;
    for (int i = 0; i < kRounds; ++i) {
      meet(3 * i + 1);
      Grant grant = tenant->Ask(me == 0 ? MiB(40) : MiB(70));
      round->took[me].store(!grant.size().is_zero());
      meet(3 * i + 2);
      wrong += round->took[0].load() == round->took[1].load() ? 1 : 0;
      grant.Release();
      meet(3 * i + 3);
    }
    return wrong;
  };
  Peer other([&] { return play(1) == 0 ? 0 : 1; });
  EXPECT_EQ(play(0), 0);
  EXPECT_EQ(other.Wait(), 0);
}

TEST_F(FloorGateProcessTest, WhoDiedWithAClaimIsInNobodysWay) {
  SharedWithPeers<std::atomic<bool>> holds;
  Peer holder([&] {
    const auto tenant = Open();
    const Grant grant = tenant->Ask(MiB(60));
    holds->store(grant.size() == MiB(60));
    for (;;) ::pause();
    return 0;
  });
  Await([&] { return holds->load(); });
  const auto mine = Open();
  EXPECT_EQ(mine->AskOnce(MiB(50)).size(), Bytes());
  EXPECT_EQ(mine->AskOnce(MiB(40)).size(), MiB(40));
  holder.Kill();
  EXPECT_EQ(mine->AskOnce(MiB(100)).size(), MiB(100));
}

}  // namespace
}  // namespace governor
