// Many threads commit and decommit at random under one budget.

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "governor/base/clock.h"
#include "governor/budget/local_budget.h"
#include "governor/budget/refusal_oracle.h"
#include "governor/memory/elastic_region.h"
#include "governor/memory/test_device.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr int kThreads = 64;
constexpr size_t kBlocksPerThread = 16;
constexpr Bytes kLimit = GiB(1);
constexpr Bytes kBlock = MiB(2);

// ThreadSanitizer slows each step by an order of magnitude, and finds races
// long before the last of them.
#if defined(__SANITIZE_THREAD__)
constexpr uint64_t kCommits = 10'000;
#else
constexpr uint64_t kCommits = 100'000;
#endif

// What one thread did and saw.
struct Report {
  RefusalOracle::History history;
  uint64_t granted = 0;
  uint64_t refused_without_limit = 0;
  std::string unexpected;
};

// Works on its own blocks of the region until the threads together have had
// kCommits commits granted.
class Worker {
 public:
  Worker(int seed, ElasticRegion& region, RefusalOracle& oracle,
         std::atomic<uint64_t>& commits)
      : random_(seed),
        first_(seed * kBlocksPerThread),
        region_(region),
        oracle_(oracle),
        commits_(commits) {}

  Report Run() {
    while (commits_.load() < kCommits && report_.unexpected.empty()) {
      const size_t begin = random_() % kBlocksPerThread;
      const size_t count = 1 + random_() % (kBlocksPerThread - begin);
      // As many as are in the same state as the first.
      size_t run = 1;
      while (run < count && IsHeld(begin + run) == IsHeld(begin)) ++run;
      // Committed blocks are kept a while, so that the budget fills up.
      if (!IsHeld(begin)) {
        Commit(begin, run);
      } else if (random_() % 3 == 0) {
        Decommit(begin, run);
      }
    }
    for (size_t i = 0; i < kBlocksPerThread; ++i) {
      if (IsHeld(i)) Decommit(i, 1);
    }
    return std::move(report_);
  }

 private:
  bool IsHeld(size_t block) const { return held_since_[block] != 0; }

  void Commit(size_t begin, size_t count) {
    const uint64_t called = oracle_.Now();
    const absl::Status status = region_.Commit(first_ + begin, count);
    const uint64_t returned = oracle_.Now();
    if (status.ok()) {
      for (size_t i = 0; i < count; ++i) held_since_[begin + i] = called;
      ++report_.granted;
      commits_.fetch_add(1);
      return;
    }
    const std::optional<Refusal> refusal = RefusalOf(status);
    if (!refusal) {
      report_.unexpected = status.ToString();
      return;
    }
    if (refusal->limit != kLimit || refusal->limited_by != "budget") {
      ++report_.refused_without_limit;
    }
    report_.history.refused.push_back({called, returned, kBlock * count});
  }

  void Decommit(size_t begin, size_t count) {
    const absl::Status status =
        region_.Decommit(first_ + begin, count, {.synchronize = false});
    if (!status.ok()) report_.unexpected = status.ToString();
    const uint64_t done = oracle_.Now();
    for (size_t i = begin; i < begin + count; ++i) {
      report_.history.held.push_back({held_since_[i], done, kBlock});
      held_since_[i] = 0;
    }
  }

  std::mt19937 random_;
  const size_t first_;
  ElasticRegion& region_;
  RefusalOracle& oracle_;
  std::atomic<uint64_t>& commits_;
  uint64_t held_since_[kBlocksPerThread] = {};
  Report report_;
};

class RegionStressTest : public testing::TestWithParam<Bytes> {};

TEST_P(RegionStressTest, StaysWithinTheBudgetAndRefusesNothingThatFits) {
  TestDevice device("gb10,memory=4GiB");
  RealClock clock;
  std::shared_ptr<LocalBudget> budget =
      *LocalBudget::Create({.limit = kLimit, .clock = &clock});
  auto pool =
      ChunkPool::Create(device.context(), budget, {.max_cached = GetParam()});
  auto region = *ElasticRegion::Create(
      pool,
      {.size = kBlock * (kThreads * kBlocksPerThread), .block_size = kBlock});
  RefusalOracle oracle(kLimit);
  std::atomic<uint64_t> commits{0};
  std::vector<Report> reports(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back(
        [&, t] { reports[t] = Worker(t, *region, oracle, commits).Run(); });
  }
  for (std::thread& thread : threads) thread.join();

  uint64_t granted = 0, refused = 0, refused_without_limit = 0;
  for (const Report& report : reports) {
    EXPECT_EQ(report.unexpected, "");
    granted += report.granted;
    refused += report.history.refused.size();
    refused_without_limit += report.refused_without_limit;
    oracle.Merge(report.history);
  }
  RecordProperty("granted", static_cast<int>(granted));
  RecordProperty("refused", static_cast<int>(refused));
  std::cout << granted << " commits granted, " << refused << " refused, peak "
            << ToString(budget->peak()) << " of " << ToString(kLimit) << "\n";
  EXPECT_GE(granted, kCommits);
  EXPECT_GE(refused * 100, granted + refused);  // at least 1 %
  EXPECT_EQ(refused_without_limit, 0u);
  EXPECT_EQ(oracle.CountFalseRefusals(), 0u);
  EXPECT_LE(budget->peak(), kLimit);
  if (device.host() != nullptr) {
    EXPECT_LE(device.host()->physical_high_water(), kLimit);
  }
  EXPECT_EQ(region->resident(), Bytes());
  EXPECT_EQ(budget->granted(), pool->cached());
  ASSERT_TRUE(region->Close().ok());
  ASSERT_TRUE(pool->Close().ok());
  EXPECT_EQ(device.PhysicalBytes(), Bytes());
  EXPECT_EQ(budget->granted(), Bytes());
}

INSTANTIATE_TEST_SUITE_P(CacheBounds, RegionStressTest,
                         testing::Values(Bytes(), MiB(64)));

}  // namespace
}  // namespace governor
