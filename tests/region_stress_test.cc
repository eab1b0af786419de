// Many threads commit and decommit at random under one budget.

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "governor/base/clock.h"
#include "governor/budget/local_budget.h"
#include "governor/budget/refusal_oracle.h"
#include "governor/memory/elastic_region.h"
#include "governor/memory/test_device.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr int kThreads = 64;
constexpr Bytes kLimit = GiB(1);
constexpr Bytes kSmallBlock = MiB(2);
constexpr size_t kSmallPerThread = 16;
constexpr Bytes kLargeBlock = MiB(8);
constexpr size_t kLargePerThread = 2;

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

// Works on its own blocks of two regions of different block sizes, and takes
// leases, until the threads together have had kCommits commits granted.
class Worker {
 public:
  Worker(int seed, ElasticRegion& small, ElasticRegion& large, Budget& budget,
         RefusalOracle& oracle, std::atomic<uint64_t>& commits)
      : random_(seed),
        blocks_{Blocks(small, seed, kSmallPerThread),
                Blocks(large, seed, kLargePerThread)},
        budget_(budget),
        oracle_(oracle),
        commits_(commits) {}

  Report Run() {
    while (commits_.load() < kCommits && report_.unexpected.empty()) {
      switch (random_() % 8) {
        case 0:
          Lease();
          break;
        case 1:
          EndLease();
          break;
        case 2:
          CommitOrDecommit(blocks_[1]);
          break;
        default:
          CommitOrDecommit(blocks_[0]);
      }
    }
    while (!leases_.empty()) EndLease();
    for (Blocks& blocks : blocks_) {
      for (size_t i = 0; i < blocks.held_since.size(); ++i) {
        if (blocks.held_since[i] != 0) Decommit(blocks, i, 1);
      }
    }
    return std::move(report_);
  }

 private:
  // This thread's part of a region.
  struct Blocks {
    Blocks(ElasticRegion& region, int thread, size_t count)
        : region(region), first(thread * count), held_since(count) {}
    ElasticRegion& region;
    size_t first;
    std::vector<uint64_t> held_since;  // the commit's call; 0: not committed
  };
  struct HeldLease {
    Grant grant;
    uint64_t since;
  };

  // A run of blocks in the same state, chosen at random.
  void CommitOrDecommit(Blocks& blocks) {
    const std::vector<uint64_t>& held = blocks.held_since;
    const size_t begin = random_() % held.size();
    const size_t count = 1 + random_() % (held.size() - begin);
    size_t run = 1;
    while (run < count && (held[begin + run] == 0) == (held[begin] == 0)) {
      ++run;
    }
    // Committed blocks are kept a while, so that the budget fills up.
    if (held[begin] == 0) {
      Commit(blocks, begin, run);
    } else if (random_() % 3 == 0) {
      Decommit(blocks, begin, run);
    }
  }

  void Commit(Blocks& blocks, size_t begin, size_t count) {
    const uint64_t called = oracle_.Now();
    const absl::Status status =
        blocks.region.Commit(blocks.first + begin, count);
    if (Note(status, called, blocks.region.block_size() * count)) {
      for (size_t i = 0; i < count; ++i) {
        blocks.held_since[begin + i] = called;
      }
      ++report_.granted;
      commits_.fetch_add(1);
    }
  }

  void Decommit(Blocks& blocks, size_t begin, size_t count) {
    const absl::Status status = blocks.region.Decommit(
        blocks.first + begin, count, {.synchronize = false});
    if (!status.ok()) report_.unexpected = status.ToString();
    const uint64_t done = oracle_.Now();
    for (size_t i = begin; i < begin + count; ++i) {
      report_.history.held.push_back(
          {blocks.held_since[i], done, blocks.region.block_size()});
      blocks.held_since[i] = 0;
    }
  }

  void Lease() {
    const Bytes size(1 + random_() % MiB(16).count());
    // Some have a moment to wait.
    const absl::Time deadline = random_() % 4 == 0
                                    ? absl::Now() + absl::Microseconds(100)
                                    : absl::InfinitePast();
    const uint64_t called = oracle_.Now();
    absl::StatusOr<Grant> lease = budget_.Acquire(size, {.deadline = deadline});
    if (Note(lease.status(), called, size)) {
      leases_.push_back({*std::move(lease), called});
    }
  }

  void EndLease() {
    if (leases_.empty()) return;
    const Bytes size = leases_.back().grant.size();
    const uint64_t since = leases_.back().since;
    leases_.pop_back();
    report_.history.held.push_back({since, oracle_.Now(), size});
  }

  // True when granted; notes a refusal otherwise.
  bool Note(const absl::Status& status, uint64_t called, Bytes size) {
    const uint64_t returned = oracle_.Now();
    if (status.ok()) return true;
    const std::optional<Refusal> refusal = RefusalOf(status);
    if (!refusal) {
      report_.unexpected = status.ToString();
      return false;
    }
    if (refusal->limit != kLimit || refusal->limited_by != "budget") {
      ++report_.refused_without_limit;
    }
    report_.history.refused.push_back({called, returned, size});
    return false;
  }

  std::mt19937 random_;
  Blocks blocks_[2];
  std::vector<HeldLease> leases_;
  Budget& budget_;
  RefusalOracle& oracle_;
  std::atomic<uint64_t>& commits_;
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
  auto small = *ElasticRegion::Create(
      pool, {.size = kSmallBlock * (kThreads * kSmallPerThread),
             .block_size = kSmallBlock});
  auto large = *ElasticRegion::Create(
      pool, {.size = kLargeBlock * (kThreads * kLargePerThread),
             .block_size = kLargeBlock});
  RefusalOracle oracle(kLimit);
  std::atomic<uint64_t> commits{0};
  std::vector<Report> reports(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      reports[t] = Worker(t, *small, *large, *budget, oracle, commits).Run();
    });
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
  EXPECT_EQ(small->resident() + large->resident(), Bytes());
  EXPECT_EQ(budget->granted(), pool->cached());
  ASSERT_TRUE(small->Close().ok());
  ASSERT_TRUE(large->Close().ok());
  ASSERT_TRUE(pool->Close().ok());
  EXPECT_EQ(device.PhysicalBytes(), Bytes());
  EXPECT_EQ(budget->granted(), Bytes());
}

INSTANTIATE_TEST_SUITE_P(CacheBounds, RegionStressTest,
                         testing::Values(Bytes(), MiB(64)));

}  // namespace
}  // namespace governor
