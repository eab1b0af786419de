// AT-11: a loop that reads its weights again and again, on a machine whose
// memory another program takes, with a real swap file. Without governor the
// weights go to swap and the loop stands still; with it a cache gives way.
//
// The machine is a cgroup with a limit (see SmallMachine). Memory of the cache
// and of the other program is locked, as a GPU driver's pages are: only the
// host's own pages can be swapped.
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/host/host_sampler.h"
#include "governor/host/process_pages.h"
#include "governor/host/swapped_range.h"
#include "governor/policy/pressure.h"
#include "gtest/gtest.h"
#include "tests/pressure/hog_process.h"
#include "tests/pressure/hot_loop.h"
#include "tests/pressure/machine_counters.h"
#include "tests/pressure/memory_cgroup.h"
#include "tests/pressure/small_machine.h"
#include "tests/pressure/swap_file.h"
#include "tests/pressure/tenant.h"

namespace governor {
namespace {

constexpr absl::Duration kSample = absl::Milliseconds(50);
// Of them, until pressure is critical when hot pages come from swap: one
// second, as far as the machine lets the sampler run.
constexpr size_t kAlarm = 20;
// That many pages from swap are no chance: 1 MiB of small ones.
constexpr uint64_t kHotPages = 256;

// What is seen at one moment.
struct Sample {
  absl::Duration at;
  absl::Duration waited;  // for a processor
  double tokens;
  uint64_t swapped_in;
  Bytes cache;
  PressureLevel pressure;
  std::string reason;
};

class SwapCliffTest : public testing::Test {
 protected:
  void SetUp() override {
    weights_ = FullSizes() ? GiB(1) : MiB(512);
    cache_ = weights_;
    floor_ = MiB(128);
    // The other program takes as much as the cache has. Without it there is
    // room for all but that; with both, for less than half of the hot pages.
    limit_ = weights_ + cache_ + floor_ + MiB(64);
    auto swap = SwapFile::Create(LargeFileDirectory(), weights_ + MiB(512));
    if (!swap.ok()) GTEST_SKIP() << swap.status().message();
    swap_ = *std::move(swap);
    auto cgroup = MemoryCgroup::Join();
    if (!cgroup.ok()) GTEST_SKIP() << cgroup.status().message();
    cgroup_ = *std::move(cgroup);
    ASSERT_TRUE(cgroup_->SetLimit(limit_));
    machine_ =
        std::make_unique<SmallMachine>(*cgroup_, limit_, LargeFileDirectory());
    sampler_ = HostSampler::Open("/", clock_).value();
    loop_ =
        std::make_unique<HotLoop>(weights_, Bytes(weights_.count() / 10 * 3));
  }

  void TearDown() override {
    loop_.reset();
    machine_.reset();
    if (cgroup_ != nullptr) cgroup_->ClearLimit();
  }

  // Watches until `is_over`; `cache` says what the cache holds.
  template <typename Cache>
  void WatchUntil(const std::function<bool()>& is_over, const Cache& cache) {
    while (!is_over()) {
      const PressureVerdict verdict =
          judge_.Observe(sampler_->Take(SampleDepth::kVmstat));
      samples_.push_back({.at = MonotonicNow(),
                          .waited = loop_->waited_for_processor(),
                          .tokens = loop_->tokens(),
                          .swapped_in = Vmstat("pswpin"),
                          .cache = cache(),
                          .pressure = verdict.level,
                          .reason = verdict.reason});
      absl::SleepFor(kSample);
    }
  }

  template <typename Cache>
  void Watch(absl::Duration time, const Cache& cache) {
    const absl::Duration end = MonotonicNow() + time;
    WatchUntil([end] { return MonotonicNow() >= end; }, cache);
  }

  // Tokens a second between two samples. Time in which the loop only wanted a
  // processor is left out, so that another program's load proves nothing.
  double Rate(size_t first, size_t last) const {
    const Sample& from = samples_[first];
    const Sample& to = samples_[last];
    return (to.tokens - from.tokens) /
           absl::ToDoubleSeconds((to.at - from.at) - (to.waited - from.waited));
  }

  PressureLevel WorstPressure() const {
    PressureLevel worst = PressureLevel::kNone;
    for (const Sample& sample : samples_) {
      worst = std::max(worst, sample.pressure);
    }
    return worst;
  }

  // The run that both are: the loop alone, then another program that takes as
  // much as the cache has.
  struct Outcome {
    double unpressed;  // tokens a second
    double pressed;
    uint64_t pages_swapped_in;
  };
  template <typename Cache>
  Outcome Run(const std::string& name, const Cache& cache) {
    const absl::Duration calm = absl::Seconds(FullSizes() ? 3 : 2);
    const absl::Duration pressed = absl::Seconds(FullSizes() ? 10 : 5);
    loop_->Start();
    Watch(calm, cache);
    const size_t begin = samples_.size() - 1;
    HogProcess hog(HogPath(), {.step = MiB(32),
                               .interval = absl::Milliseconds(50),
                               .most = cache_,
                               .is_locked = true});
    std::atomic<bool> has_grown = false;
    std::thread growing([&] {
      hog.WaitUntilDone();
      has_grown = true;
    });
    WatchUntil([&] { return has_grown.load(); }, cache);
    growing.join();
    Watch(absl::Seconds(1), cache);
    const size_t grown = samples_.size() - 1;
    Watch(pressed, cache);
    const size_t end = samples_.size() - 1;
    loop_->Stop();
    const Outcome outcome = {
        .unpressed = Rate(0, begin),
        .pressed = Rate(grown, end),
        .pages_swapped_in = samples_[end].swapped_in - samples_[0].swapped_in};
    std::printf(
        "%s: %.2f tokens/s alone, %.2f pressed (%.1f %%), %llu pages swapped "
        "in, pressure %s (%s)\n",
        name.c_str(), outcome.unpressed, outcome.pressed,
        outcome.pressed / outcome.unpressed * 100,
        static_cast<unsigned long long>(outcome.pages_swapped_in),
        ToString(WorstPressure()), FirstReason().c_str());
    Write(name);
    return outcome;
  }

  // How many samples after hot pages came from swap pressure was critical.
  std::optional<size_t> SamplesToCritical() const {
    std::optional<size_t> hot;
    for (size_t i = 0; i < samples_.size(); ++i) {
      const Sample& sample = samples_[i];
      if (!hot && sample.swapped_in - samples_[0].swapped_in >= kHotPages) {
        hot = i;
      }
      if (sample.pressure != PressureLevel::kCritical) continue;
      if (!hot) return 0;
      std::printf("critical %.2f s after hot pages came from swap\n",
                  absl::ToDoubleSeconds(sample.at - samples_[*hot].at));
      return i - *hot;
    }
    return std::nullopt;
  }

  std::string FirstReason() const {
    for (const Sample& sample : samples_) {
      if (!sample.reason.empty()) return sample.reason;
    }
    return "";
  }

  // For the picture, where $GOVERNOR_SERIES names a directory.
  void Write(const std::string& name) const {
    const char* const directory = std::getenv("GOVERNOR_SERIES");
    if (directory == nullptr) return;
    std::ofstream file(std::string(directory) + "/" + name + ".json");
    file << "{\"name\": \"" << name
         << "\", \"columns\": [\"seconds\", \"tokens\", \"pages_swapped_in\", "
            "\"cache_bytes\", \"pressure\", \"waited_seconds\"], \"series\": [";
    const char* separator = "";
    for (const Sample& sample : samples_) {
      file << separator << "\n["
           << absl::ToDoubleSeconds(sample.at - samples_[0].at) << ", "
           << sample.tokens << ", "
           << sample.swapped_in - samples_[0].swapped_in << ", "
           << sample.cache.count() << ", \"" << ToString(sample.pressure)
           << "\", " << absl::ToDoubleSeconds(sample.waited) << "]";
      separator = ",";
    }
    file << "]}\n";
  }

  Bytes weights_, cache_, floor_, limit_;
  RealClock clock_;
  std::unique_ptr<SwapFile> swap_;
  std::unique_ptr<MemoryCgroup> cgroup_;
  std::unique_ptr<SmallMachine> machine_;
  std::unique_ptr<HostSampler> sampler_;
  std::unique_ptr<HotLoop> loop_;
  PressureJudge judge_;
  std::vector<Sample> samples_;
};

TEST_F(SwapCliffTest, AT11ColdPagesInSwapAreNoPressure) {
  const std::unique_ptr<ProcessPages> pages = KernelPages();
  const auto cold = SwappedRange::Create({.address = loop_->cold_address(),
                                          .size = loop_->cold_size()},
                                         *pages)
                        .value();
  loop_->PushOutCold();
  cgroup_->Empty();
  const Bytes swapped = cold->SwappedBytes().value();
  std::printf("%s in swap and cold\n", ToString(swapped).c_str());
  ASSERT_EQ(swapped, loop_->cold_size());
  loop_->Start();
  // Empty pushed hot pages out as well: those come back first.
  const auto no_cache = [] { return Bytes(); };
  while (loop_->tokens() < 2) absl::SleepFor(kSample);
  judge_ = PressureJudge();
  Watch(absl::Seconds(3), no_cache);
  EXPECT_EQ(WorstPressure(), PressureLevel::kNone) << FirstReason();
  EXPECT_GT(loop_->tokens(), 3);
  EXPECT_EQ(cold->SwappedBytes().value(), swapped);
}

// The control.
TEST_F(SwapCliffTest, AT11WithoutGovernorTheHotSetGoesToSwap) {
  void* const cache = ::mmap(nullptr, cache_.count(), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_EQ(::mlock(cache, cache_.count()), 0);
  const Outcome outcome = Run("swap_cliff_plain", [this] { return cache_; });
  ::munmap(cache, cache_.count());
  EXPECT_LE(outcome.pressed * 10, outcome.unpressed);
  const auto alarm = SamplesToCritical();
  ASSERT_TRUE(alarm.has_value());
  EXPECT_LE(*alarm, kAlarm);
}

TEST_F(SwapCliffTest, AT11WithGovernorTheCacheGoesInstead) {
  auto tenant = Tenant::Open({.size = cache_,
                              .os_reserve = floor_,
                              .block = MiB(32),
                              .is_locked = true,
                              .host_root = machine_->root()});
  ASSERT_TRUE(tenant.ok()) << tenant.status();
  const absl::Status filled = (*tenant)->Fill();
  ASSERT_TRUE(filled.ok()) << filled;
  ASSERT_TRUE((*tenant)->Serve().ok());
  const Outcome outcome =
      Run("swap_cliff_governed", [&] { return (*tenant)->held(); });
  EXPECT_GE(outcome.pressed, outcome.unpressed * 0.8);
  EXPECT_EQ(outcome.pages_swapped_in, 0u);
}

}  // namespace
}  // namespace governor
