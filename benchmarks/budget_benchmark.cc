// What a grant costs: one pair of Acquire and drop on a local budget.

#include <memory>

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
