#include "governor/unmanaged_account.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "governor/base/clock.h"
#include "governor/budget/local_budget.h"
#include "gtest/gtest.h"

namespace {
// While true, this thread has no memory.
thread_local bool memory_is_gone = false;
}  // namespace

[[gnu::noinline]] void* operator new(size_t size) {
  void* const memory = memory_is_gone ? nullptr : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace governor {
namespace {

// What is in flight by the gate's count, and the most that it ever was.
class CountingGate final : public Gate {
 public:
  std::optional<Refusal> Admit(Bytes size) override {
    in_flight_ += size;
    return std::nullopt;
  }
  void Withdraw(Bytes size) override { in_flight_ -= size; }
  void Settle(Bytes size) override { in_flight_ -= size; }
  void Return(Bytes size, bool settled) override {
    if (!settled) in_flight_ -= size;
  }
  std::optional<Refusal> PrepareStep(Bytes, absl::Time) override {
    return std::nullopt;
  }
  Bytes headroom() const override { return GiB(1000); }

  Bytes in_flight() const { return in_flight_; }

 private:
  Bytes in_flight_;
};

class UnmanagedAccountTest : public testing::Test {
 protected:
  void Open(Bytes limit, Bytes allowance, Gate* gate = nullptr) {
    absl::StatusOr<std::unique_ptr<LocalBudget>> budget =
        LocalBudget::Create({.limit = limit, .clock = &clock_, .gate = gate});
    ASSERT_TRUE(budget.ok()) << budget.status();
    budget_ = *std::move(budget);
    absl::StatusOr<std::shared_ptr<UnmanagedAccount>> account =
        UnmanagedAccount::Open(budget_, {.allowance = allowance});
    ASSERT_TRUE(account.ok()) << account.status();
    account_ = *std::move(account);
  }

  std::unique_ptr<Transient> Begin(Bytes size,
                                   absl::string_view name = "capture") {
    absl::StatusOr<std::unique_ptr<Transient>> transient =
        account_->Begin(name, size, {});
    EXPECT_TRUE(transient.ok()) << transient.status();
    return transient.ok() ? *std::move(transient) : nullptr;
  }

  RealClock clock_;
  std::shared_ptr<LocalBudget> budget_;
  std::shared_ptr<UnmanagedAccount> account_;
};

TEST_F(UnmanagedAccountTest, GrantsTheAllowanceAtOnce) {
  Open(GiB(8), GiB(1));
  EXPECT_EQ(budget_->granted(Tag::Allowance()), GiB(1));
  EXPECT_EQ(account_->allowance(), GiB(1));
  EXPECT_EQ(account_->unspent(), GiB(1));
  EXPECT_EQ(account_->debt(), Bytes());
}

TEST_F(UnmanagedAccountTest, AnAllowanceThatDoesNotFitIsRefused) {
  Open(GiB(1), Bytes());
  const auto account = UnmanagedAccount::Open(budget_, {.allowance = GiB(2)});
  EXPECT_EQ(account.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(budget_->granted(), Bytes());
}

// 777 MiB of plain cuMemAlloc with the allowance used up.
TEST_F(UnmanagedAccountTest, WhatPassesTheAllowanceIsDebtUntilItIsFreed) {
  Open(GiB(4), GiB(1));
  account_->Observe(GiB(1));
  EXPECT_EQ(account_->debt(), Bytes());
  EXPECT_EQ(account_->unspent(), Bytes());

  account_->Observe(GiB(1) + MiB(777));
  EXPECT_EQ(account_->debt(), MiB(777));
  EXPECT_EQ(budget_->granted(Tag::Debt()), MiB(777));
  EXPECT_EQ(budget_->granted(), GiB(1) + MiB(777));
  EXPECT_EQ(account_->unmanaged(), GiB(1) + MiB(777));

  account_->Observe(GiB(1));
  EXPECT_EQ(account_->debt(), Bytes());
  EXPECT_EQ(budget_->granted(), GiB(1));
}

TEST_F(UnmanagedAccountTest, DebtOfAFullBudgetStopsGrantsUntilItIsGone) {
  Open(GiB(4), GiB(1));
  Grant all = budget_->TryAcquire(GiB(3), Tag());
  account_->Observe(GiB(1) + MiB(777));
  EXPECT_EQ(budget_->granted(), GiB(4) + MiB(777));
  all.Split(MiB(777)).Release();
  EXPECT_EQ(budget_->TryAcquire(Bytes(1), Tag()).size(), Bytes());
  account_->Observe(GiB(1));
  EXPECT_EQ(budget_->TryAcquire(MiB(777), Tag()).size(), MiB(777));
}

TEST_F(UnmanagedAccountTest, ATransientStandsInForDebt) {
  Open(GiB(8), GiB(1));
  account_->Observe(GiB(1));
  const std::unique_ptr<Transient> transient = Begin(GiB(2));
  EXPECT_EQ(account_->unspent(), GiB(2));
  account_->Observe(GiB(3));
  EXPECT_EQ(account_->debt(), Bytes());
  EXPECT_EQ(account_->unspent(), Bytes());
  EXPECT_EQ(budget_->granted(), GiB(3));
  account_->Observe(GiB(3) + MiB(5));
  EXPECT_EQ(account_->debt(), MiB(5));
}

TEST_F(UnmanagedAccountTest, WhatAPhaseLeavesBehindIsDebt) {
  Open(GiB(8), GiB(1));
  account_->Observe(MiB(900));
  std::unique_ptr<Transient> transient = Begin(GiB(2));
  account_->Observe(GiB(2));
  transient.reset();
  EXPECT_EQ(account_->debt(), GiB(1));
  EXPECT_EQ(budget_->granted(), GiB(2));
  EXPECT_EQ(budget_->granted(Tag::Debt()), GiB(1));
  account_->Observe(MiB(900));
  EXPECT_EQ(budget_->granted(), GiB(1));
}

TEST_F(UnmanagedAccountTest, PeaksAreOfThePhaseAloneAndOfTheHighest) {
  Open(GiB(16), GiB(1));
  account_->Observe(MiB(700));
  {
    const std::unique_ptr<Transient> first = Begin(GiB(2));
    account_->Observe(MiB(1900));
    account_->Observe(MiB(800));
    EXPECT_EQ(first->peak(), MiB(1200));
    EXPECT_EQ(first->name(), "capture");
    EXPECT_EQ(first->size(), GiB(2));
  }
  const std::unique_ptr<Transient> second = Begin(GiB(3));
  account_->Observe(MiB(900));
  EXPECT_EQ(second->peak(), MiB(100));
  const auto peaks = account_->peaks();
  ASSERT_EQ(peaks.size(), 1u);
  EXPECT_EQ(peaks[0].name, "capture");
  EXPECT_EQ(peaks[0].declared, GiB(3));
  EXPECT_EQ(peaks[0].measured, MiB(1200));
}

TEST_F(UnmanagedAccountTest, PhasesThatOverlapAreEachSaidToHaveGrownByAll) {
  Open(GiB(16), Bytes());
  const std::unique_ptr<Transient> outer = Begin(GiB(2), "outer");
  account_->Observe(GiB(1));
  const std::unique_ptr<Transient> inner = Begin(GiB(2), "inner");
  account_->Observe(GiB(2));
  EXPECT_EQ(outer->peak(), GiB(2));
  EXPECT_EQ(inner->peak(), GiB(1));
}

TEST_F(UnmanagedAccountTest, ATransientThatDoesNotFitLeavesNothingBehind) {
  Open(GiB(2), GiB(1));
  EXPECT_EQ(account_->Begin("capture", GiB(2), {}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(account_->Begin("debt", GiB(1), {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(account_->Begin("capture", Bytes(), {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(budget_->granted(), GiB(1));
  EXPECT_EQ(account_->unspent(), GiB(1));
  EXPECT_TRUE(account_->peaks().empty());
}

// The gate has nothing of it in flight: unspent() tells what is promised.
TEST_F(UnmanagedAccountTest, WhatIsPromisedIsSettledAndUnspent) {
  CountingGate gate;
  Open(GiB(8), GiB(1), &gate);
  EXPECT_EQ(gate.in_flight(), Bytes());
  std::unique_ptr<Transient> transient = Begin(GiB(2));
  EXPECT_EQ(gate.in_flight(), Bytes());
  EXPECT_EQ(account_->unspent(), GiB(3));
  account_->Observe(GiB(4));
  EXPECT_EQ(account_->unspent(), Bytes());
  EXPECT_EQ(gate.in_flight(), Bytes());
  transient.reset();
  account_->Close();
  EXPECT_EQ(gate.in_flight(), Bytes());
  EXPECT_EQ(account_->unspent(), Bytes());
  // The budget has the gate's address until its end.
  account_.reset();
  budget_.reset();
}

TEST_F(UnmanagedAccountTest, CloseDropsAllButTransients) {
  Open(GiB(8), GiB(1));
  account_->Observe(GiB(3));
  std::unique_ptr<Transient> transient = Begin(GiB(1));
  account_->Observe(GiB(3));
  EXPECT_EQ(budget_->granted(), GiB(3));
  account_->Close();
  EXPECT_EQ(budget_->granted(), GiB(1));
  EXPECT_EQ(account_->debt(), Bytes());
  account_->Observe(GiB(5));
  EXPECT_EQ(budget_->granted(), GiB(1));
  transient.reset();
  EXPECT_EQ(budget_->granted(), Bytes());
}

TEST_F(UnmanagedAccountTest, ForfeitLeavesTheChargesBehind) {
  Open(GiB(8), GiB(1));
  account_->Observe(GiB(3));
  account_->Forfeit();
  EXPECT_EQ(budget_->granted(), GiB(3));
  account_.reset();
  EXPECT_EQ(budget_->granted(), GiB(3));
}

TEST_F(UnmanagedAccountTest, ATransientOutlivesTheAccountsOtherUsers) {
  Open(GiB(8), GiB(1));
  std::unique_ptr<Transient> transient = Begin(GiB(1));
  account_.reset();
  EXPECT_EQ(budget_->granted(), GiB(2));
  transient.reset();
  EXPECT_EQ(budget_->granted(), Bytes());
}

TEST_F(UnmanagedAccountTest, AbsurdMeasurementsDoNotOverflow) {
  Open(GiB(8), GiB(1));
  const Grant held = budget_->TryAcquire(GiB(2), Tag());
  account_->Observe(Bytes(~uint64_t{0}));
  EXPECT_GT(account_->debt(), GiB(1) * 1024);
  EXPECT_EQ(account_->debt(), budget_->granted(Tag::Debt()));
  EXPECT_GT(budget_->granted(), GiB(8));
  account_->Observe(Bytes());
  EXPECT_EQ(budget_->granted(), GiB(3));
}

TEST_F(UnmanagedAccountTest, ObservingNeedsNoMemory) {
  Open(GiB(8), GiB(1));
  std::unique_ptr<Transient> transient = Begin(GiB(1));
  memory_is_gone = true;
  account_->Observe(GiB(5));
  account_->Observe(GiB(2) + MiB(1));
  transient.reset();
  account_->Close();
  memory_is_gone = false;
  EXPECT_EQ(account_->peaks()[0].measured, GiB(5));
  EXPECT_EQ(budget_->granted(), Bytes());
}

TEST_F(UnmanagedAccountTest, AForkedChildChangesNothing) {
  Open(GiB(8), GiB(1));
  std::unique_ptr<Transient> transient = Begin(GiB(1));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    account_->Observe(GiB(5));
    const bool same = account_->debt() == Bytes() &&
                      account_->unmanaged() == Bytes() &&
                      account_->Begin("other", GiB(1), {}).status().code() ==
                          absl::StatusCode::kFailedPrecondition;
    transient.reset();
    account_->Close();
    account_.reset();
    _exit(same && budget_->granted() == GiB(2) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

// Any order of events, against sums made anew each time.
TEST_F(UnmanagedAccountTest, AgreesWithASimpleModel) {
  std::mt19937_64 random(20261121);
  const auto below = [&](uint64_t n) { return random() % n; };
  for (int round = 0; round < 50; ++round) {
    const Bytes allowance = MiB(below(2048));
    Open(GiB(8), allowance);
    std::vector<std::unique_ptr<Transient>> open;
    std::vector<Bytes> bases, peaks;
    Bytes unmanaged;
    for (int step = 0; step < 200; ++step) {
      const uint64_t what = below(4);
      if (what <= 1) {
        unmanaged = MiB(below(6 * 1024));
        account_->Observe(unmanaged);
        for (size_t i = 0; i < open.size(); ++i) {
          peaks[i] =
              std::max(peaks[i], SaturatingSubtract(unmanaged, bases[i]));
        }
      } else if (what == 2) {
        const Bytes size = MiB(1 + below(3 * 1024));
        const bool fits = budget_->granted() + size <= GiB(8);
        auto transient = account_->Begin("phase", size, {});
        ASSERT_EQ(transient.ok(), fits) << transient.status();
        if (fits) {
          open.push_back(*std::move(transient));
          bases.push_back(unmanaged);
          peaks.push_back(Bytes());
        }
      } else if (!open.empty()) {
        const size_t ended = below(open.size());
        open.erase(open.begin() + ended);
        bases.erase(bases.begin() + ended);
        peaks.erase(peaks.begin() + ended);
      }
      Bytes promised = allowance;
      for (const auto& transient : open) promised += transient->size();
      const Bytes debt = SaturatingSubtract(unmanaged, promised);
      ASSERT_EQ(account_->debt(), debt);
      ASSERT_EQ(budget_->granted(Tag::Debt()), debt);
      ASSERT_EQ(budget_->granted(), promised + debt);
      ASSERT_EQ(account_->unspent(), SaturatingSubtract(promised, unmanaged));
      for (size_t i = 0; i < open.size(); ++i) {
        ASSERT_EQ(open[i]->peak(), peaks[i]);
      }
    }
    open.clear();
    account_->Close();
    ASSERT_EQ(budget_->granted(), Bytes());
  }
}

// Bytes that exist stay charged while a phase that held them ends.
TEST_F(UnmanagedAccountTest, NoInstantLacksWhatExists) {
  Open(GiB(8), GiB(1));
  account_->Observe(GiB(3));
  std::atomic<bool> done{false};
  std::atomic<uint64_t> least{~uint64_t{0}};
  std::thread watcher([&] {
    while (!done.load()) {
      const uint64_t now = budget_->granted().count();
      if (now < least.load()) least.store(now);
    }
  });
  for (int i = 0; i < 20000; ++i) {
    std::unique_ptr<Transient> transient = Begin(GiB(2));
    transient.reset();
  }
  done.store(true);
  watcher.join();
  EXPECT_GE(Bytes(least.load()), GiB(3));
}

TEST_F(UnmanagedAccountTest, ThreadsAgreeInTheEnd) {
  Open(GiB(64), GiB(1));
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 2000; ++i) {
        auto transient = account_->Begin("phase", MiB(1 + i % 64), {});
        ASSERT_TRUE(transient.ok()) << transient.status();
        account_->Observe(MiB((i * 37 + thread * 911) % 4096));
        EXPECT_LE((*transient)->peak(), MiB(4096));
        EXPECT_LE(account_->unspent(), GiB(2));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  account_->Observe(GiB(2));
  EXPECT_EQ(account_->debt(), GiB(1));
  EXPECT_EQ(budget_->granted(), GiB(2));
  ASSERT_EQ(account_->peaks().size(), 1u);
}

}  // namespace
}  // namespace governor
