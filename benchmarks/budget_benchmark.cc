// What a grant costs: one pair of Acquire and drop on a local budget.

#include <atomic>
#include <memory>
#include <optional>

#include "benchmark/benchmark.h"
#include "governor/base/clock.h"
#include "governor/budget/local_budget.h"

namespace governor {
namespace {

LocalBudget& SharedByAllThreads() {
  static RealClock clock;
  static LocalBudget& budget =
      *LocalBudget::Create({.limit = GiB(64), .clock = &clock})->release();
  return budget;
}

void BM_GrantAndRelease(benchmark::State& state) {
  LocalBudget& budget = SharedByAllThreads();
  for (auto _ : state) {
    absl::StatusOr<Grant> grant = budget.Acquire(MiB(2), {});
    benchmark::DoNotOptimize(grant);
  }
}
BENCHMARK(BM_GrantAndRelease)->ThreadRange(1, 4)->UseRealTime();

// The same when the caller names its bytes.
void BM_GrantAndReleaseTagged(benchmark::State& state) {
  LocalBudget& budget = SharedByAllThreads();
  const AcquireOptions options = {.tag = *Tag::Named("kv")};
  for (auto _ : state) {
    absl::StatusOr<Grant> grant = budget.Acquire(MiB(2), options);
    benchmark::DoNotOptimize(grant);
  }
}
BENCHMARK(BM_GrantAndReleaseTagged);

// A gate that costs next to nothing: what the way through one adds.
class OpenGate final : public Gate {
 public:
  std::optional<Refusal> Admit(Bytes size) override {
    in_flight_.fetch_add(size.count(), std::memory_order_relaxed);
    return std::nullopt;
  }
  void Withdraw(Bytes size) override { Return(size, false); }
  void Settle(Bytes) override {}
  void Return(Bytes size, bool) override {
    in_flight_.fetch_sub(size.count(), std::memory_order_relaxed);
  }
  std::optional<Refusal> PrepareStep(Bytes, absl::Time) override {
    return std::nullopt;
  }
  Bytes headroom() const override { return GiB(64); }

 private:
  std::atomic<uint64_t> in_flight_{0};
};

void BM_GrantAndReleaseThroughAGate(benchmark::State& state) {
  static RealClock clock;
  static OpenGate gate;
  static LocalBudget& budget =
      *LocalBudget::Create({.limit = GiB(64), .clock = &clock, .gate = &gate})
           ->release();
  for (auto _ : state) {
    absl::StatusOr<Grant> grant = budget.Acquire(MiB(2), {});
    benchmark::DoNotOptimize(grant);
  }
}
BENCHMARK(BM_GrantAndReleaseThroughAGate)->ThreadRange(1, 4)->UseRealTime();

void BM_Refusal(benchmark::State& state) {
  LocalBudget& budget = SharedByAllThreads();
  const Grant most = *budget.Acquire(GiB(64), {});
  for (auto _ : state) {
    absl::StatusOr<Grant> grant = budget.Acquire(MiB(2), {});
    benchmark::DoNotOptimize(grant);
  }
}
BENCHMARK(BM_Refusal);

}  // namespace
}  // namespace governor
