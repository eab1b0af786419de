// Threads that race for one budget.
#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "governor/budget/local_budget_fixture.h"
#include "governor/budget/refusal_oracle.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

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

// Many threads race for a budget that is mostly full. The sum is read after
// every step, and no refusal is false.
TEST_F(LocalBudgetTest, NeverOvershootsAndNeverRefusesWhatFits) {
  // None, one that has as much as the limit, and one that has a little more:
  // requests that it admits and the limit then refuses are in nobody's way.
  for (const int more : {-1, 0, 60}) {
    constexpr int kThreads = 16;
    constexpr int kSteps = 5000;
    const Bytes limit(1000);
    CountingGate gate(limit + Bytes(std::max(more, 0)));
    gate.lets_others_run = more > 0;
    auto budget = Make(limit, more >= 0 ? &gate : nullptr);
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
