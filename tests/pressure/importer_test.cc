// AT-36: files are imported beside a loop that uses 70 % of the memory. As
// governor does it the loop is not slowed; by a program that knows of nobody
// its pages go to swap, or the cache turns over.
//
// The machine is a cgroup with a limit (see MemoryCgroup).
#include "tests/pressure/importer.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/host/host_sampler.h"
#include "governor/policy/pressure.h"
#include "gtest/gtest.h"
#include "tests/pressure/hot_loop.h"
#include "tests/pressure/machine_counters.h"
#include "tests/pressure/memory_cgroup.h"
#include "tests/pressure/swap_file.h"

namespace governor {
namespace {

constexpr absl::Duration kSample = absl::Milliseconds(50);

class ImporterTest : public testing::Test {
 protected:
  struct Outcome {
    double slowed = 0;    // fraction, 0 to 1
    double refaults = 0;  // file pages that came back, bytes a second
    uint64_t pages_swapped_in = 0;
    Bytes imported;
  };

  void SetUp() override {
    weights_ = FullSizes() ? GiB(2) : MiB(512);
    auto swap = SwapFile::Create(LargeFileDirectory(), weights_ + MiB(256));
    if (!swap.ok()) GTEST_SKIP() << swap.status().message();
    swap_ = *std::move(swap);
    auto cgroup = MemoryCgroup::Join();
    if (!cgroup.ok()) GTEST_SKIP() << cgroup.status().message();
    cgroup_ = *std::move(cgroup);
    ASSERT_TRUE(cgroup_->SetLimit(Bytes(weights_.count() / 7 * 10)));
    sampler_ = HostSampler::Open("/", clock_).value();
    loop_ = std::make_unique<HotLoop>(weights_, Bytes());
    loop_->Start();
  }

  void TearDown() override {
    loop_.reset();
    if (cgroup_ != nullptr) cgroup_->ClearLimit();
  }

  // Tokens a second, judging pressure meanwhile. Time in which the loop only
  // wanted a processor is left out.
  double RateFor(absl::Duration time) {
    const absl::Duration begin = MonotonicNow();
    const absl::Duration waited = loop_->waited_for_processor();
    const double tokens = loop_->tokens();
    while (MonotonicNow() < begin + time) {
      pressure_ = judge_.Observe(sampler_->Take(SampleDepth::kVmstat)).level;
      absl::SleepFor(kSample);
    }
    return (loop_->tokens() - tokens) /
           absl::ToDoubleSeconds(MonotonicNow() - begin -
                                 (loop_->waited_for_processor() - waited));
  }

  // First what comes back while it goes on; then with the importer and without
  // it in turn, so that what else changes on the machine changes both.
  Outcome Run(const char* name, bool is_governed) {
    const int rounds = FullSizes() ? 10 : 3;
    const absl::Duration time = absl::Seconds(FullSizes() ? 4 : 1);
    Importer importer({.directory = LargeFileDirectory(),
                       // More than the loop leaves.
                       .size = weights_,
                       .is_governed = is_governed,
                       .pressure = [this] { return pressure_.load(); }});
    const uint64_t swapped_in = Vmstat("pswpin");
    importer.Start();
    // Until the cache is full.
    RateFor(absl::Seconds(1) * FDivBytes(weights_, MiB(256)));
    const uint64_t refaulted = Vmstat("workingset_refault_file");
    const absl::Duration begin = MonotonicNow();
    const Bytes imported = importer.done();
    RateFor(5 * time);
    const double took = absl::ToDoubleSeconds(MonotonicNow() - begin);
    Outcome result = {
        .refaults =
            static_cast<double>(Vmstat("workingset_refault_file") - refaulted) *
            static_cast<double>(KiB(4).count()) / took,
        .imported = importer.done() - imported};
    importer.Stop();

    std::vector<double> alone, with, slowed;
    alone.push_back(RateFor(time));
    for (int round = 0; round < rounds; ++round) {
      importer.Start();
      with.push_back(RateFor(time));
      importer.Stop();
      alone.push_back(RateFor(time));
      slowed.push_back(1 - 2 * with.back() /
                               (alone[alone.size() - 2] + alone.back()));
    }
    result.pages_swapped_in = Vmstat("pswpin") - swapped_in;
    result.slowed = Median(slowed);
    std::printf(
        "%s: median of %d: %.2f tokens/s alone, %.2f with an importer of %.0f "
        "MB/s: slowed %.1f %% (%.1f to %.1f), refaults %.0f MB/s, %llu pages "
        "swapped in\n",
        name, rounds, Median(alone), Median(with),
        static_cast<double>(result.imported.count()) / took / 1e6,
        result.slowed * 100,
        *std::min_element(slowed.begin(), slowed.end()) * 100,
        *std::max_element(slowed.begin(), slowed.end()) * 100,
        result.refaults / 1e6,
        static_cast<unsigned long long>(result.pages_swapped_in));
    return result;
  }

  static double Median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half]
                                  : (values[half - 1] + values[half]) / 2;
  }

  static double FDivBytes(Bytes a, Bytes b) {
    return static_cast<double>(a.count()) / static_cast<double>(b.count());
  }

  Bytes weights_;
  RealClock clock_;
  std::unique_ptr<SwapFile> swap_;
  std::unique_ptr<MemoryCgroup> cgroup_;
  std::unique_ptr<HostSampler> sampler_;
  std::unique_ptr<HotLoop> loop_;
  PressureJudge judge_;
  std::atomic<PressureLevel> pressure_{PressureLevel::kNone};
};

TEST_F(ImporterTest, AT36AGovernedImportLeavesTheLoopAlone) {
  const Outcome outcome = Run("governed", true);
  EXPECT_EQ(outcome.pages_swapped_in, 0u);
  EXPECT_LT(outcome.refaults, 5e6);
  EXPECT_GT(outcome.imported, Bytes());
  // Of a short run among others' load the rate says little.
  if (FullSizes()) {
    EXPECT_LT(outcome.slowed, 0.05);
  }
}

// The control.
TEST_F(ImporterTest, AT36APlainImportSlowsItOrTurnsTheCacheOver) {
  const Outcome outcome = Run("plain", false);
  EXPECT_TRUE(outcome.slowed > 0.3 || outcome.refaults > 50e6)
      << outcome.slowed << " " << outcome.refaults;
}

}  // namespace
}  // namespace governor
