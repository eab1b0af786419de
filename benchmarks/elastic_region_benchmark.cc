// What a region adds to the driver's own calls when 64 GiB of addresses get
// memory, for blocks of 2 MiB, 32 MiB and 1 GiB.
//
// Each round measures three ways beside each other, in an order that rotates,
// so that what drifts on the machine drifts for all of them:
//   bare, one access    create and map each block, then allow access once
//   bare, each access   create, map and allow access block by block
//   commit              ElasticRegion::Commit
// and prints medians, their spread, and the ratio of commit to the faster of
// the bare ways: of medians, of minima, and the median of the ratios within
// each round, which what drifts from round to round does not touch.
//
// GOVERNOR_TEST_DRIVER=cuda: on the machine's GPU, where time counts. Else on
// the host driver, where the count of driver calls does.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "governor/base/clock.h"
#include "governor/budget/local_budget.h"
#include "governor/memory/elastic_region.h"
#include "governor/memory/test_device.h"

namespace governor {
namespace {

constexpr Bytes kSpan = GiB(64);
// More where a round is short.
int RoundsFor(Bytes block) { return block < MiB(32) ? 15 : 25; }

void Must(CUresult result) {
  if (result == CUDA_SUCCESS) return;
  std::cerr << "driver error " << result << "\n";
  std::abort();
}

void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << "\n";
  std::abort();
}

// One way to give all blocks of a span memory, and to take it away again.
class Way {
 public:
  virtual ~Way() = default;
  virtual const char* name() const = 0;
  virtual void Commit() = 0;
  virtual void Decommit() = 0;
};

class BareCalls final : public Way {
 public:
  BareCalls(TestDevice& device, Bytes block, bool access_per_block)
      : api_(device.api()),
        properties_(device.context()->device().allocation_properties()),
        block_(block),
        access_per_block_(access_per_block),
        handles_(kSpan / block) {
    Must(api_.MemAddressReserve(&base_, kSpan.count(), 0, 0, 0));
  }
  ~BareCalls() override { Must(api_.MemAddressFree(base_, kSpan.count())); }

  const char* name() const override {
    return access_per_block_ ? "bare, each access" : "bare, one access";
  }

  void Commit() override {
    CUmemAccessDesc access = {};
    access.location = properties_.location;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    for (size_t i = 0; i < handles_.size(); ++i) {
      Must(api_.MemCreate(&handles_[i], block_.count(), &properties_, 0));
      Must(api_.MemMap(At(i), block_.count(), 0, handles_[i], 0));
      if (access_per_block_) {
        Must(api_.MemSetAccess(At(i), block_.count(), &access, 1));
      }
    }
    if (!access_per_block_) {
      Must(api_.MemSetAccess(base_, kSpan.count(), &access, 1));
    }
  }

  void Decommit() override {
    for (size_t i = 0; i < handles_.size(); ++i) {
      Must(api_.MemUnmap(At(i), block_.count()));
      Must(api_.MemRelease(handles_[i]));
    }
  }

 private:
  CUdeviceptr At(size_t i) const { return base_ + i * block_.count(); }

  const DriverApi& api_;
  const CUmemAllocationProp properties_;
  const Bytes block_;
  const bool access_per_block_;
  std::vector<CUmemGenericAllocationHandle> handles_;
  CUdeviceptr base_ = 0;
};

class RegionCommit final : public Way {
 public:
  RegionCommit(TestDevice& device, Bytes block)
      : budget_(*LocalBudget::Create({.limit = kSpan, .clock = &clock_})),
        // Nothing is reused: every commit creates, as the bare calls do.
        pool_(ChunkPool::Create(device.context(), budget_, {.max_cached = {}})),
        region_(*ElasticRegion::Create(pool_,
                                       {.size = kSpan, .block_size = block})) {}

  const char* name() const override { return "commit"; }
  void Commit() override { Must(region_->Commit(0, region_->num_blocks())); }
  void Decommit() override {
    Must(region_->Decommit(0, region_->num_blocks()));
  }

 private:
  RealClock clock_;
  std::shared_ptr<LocalBudget> budget_;
  std::shared_ptr<ChunkPool> pool_;
  std::unique_ptr<ElasticRegion> region_;
};

struct Figures {
  std::vector<double> milliseconds;
  double driver_calls_per_block = 0;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Figures MeasureOnce(TestDevice& device, Way& way, size_t blocks) {
  HostDriver* host = device.host();
  Figures figures;
  const uint64_t calls = host == nullptr ? 0 : host->total_calls();
  const auto start = std::chrono::steady_clock::now();
  way.Commit();
  const std::chrono::duration<double, std::milli> time =
      std::chrono::steady_clock::now() - start;
  figures.milliseconds = {time.count()};
  if (host != nullptr) {
    figures.driver_calls_per_block =
        static_cast<double>(host->total_calls() - calls) /
        static_cast<double>(blocks);
  }
  way.Decommit();
  // A GPU clears released memory in its own time, and a create that follows at
  // once would wait for that: not what is compared here.
  if (host == nullptr) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  return figures;
}

void Compare(TestDevice& device, Bytes block) {
  std::array<std::unique_ptr<Way>, 3> ways = {
      std::make_unique<BareCalls>(device, block, false),
      std::make_unique<BareCalls>(device, block, true),
      std::make_unique<RegionCommit>(device, block)};
  std::array<Figures, 3> figures;
  const size_t blocks = kSpan / block;
  // The first round warms up and is not counted.
  for (int round = 0; round <= RoundsFor(block); ++round) {
    for (size_t i = 0; i < ways.size(); ++i) {
      const size_t which = (i + round) % ways.size();
      const Figures once = MeasureOnce(device, *ways[which], blocks);
      if (round == 0) continue;
      figures[which].milliseconds.push_back(once.milliseconds[0]);
      figures[which].driver_calls_per_block = once.driver_calls_per_block;
    }
  }
  for (size_t i = 0; i < ways.size(); ++i) {
    const std::vector<double>& times = figures[i].milliseconds;
    std::printf("%-8s %-18s median %9.2f ms  min %9.2f  max %9.2f",
                ToString(block).c_str(), ways[i]->name(), Median(times),
                *std::min_element(times.begin(), times.end()),
                *std::max_element(times.begin(), times.end()));
    if (device.host() != nullptr) {
      std::printf("  driver calls per block %.4f",
                  figures[i].driver_calls_per_block);
    }
    std::printf("\n");
  }
  const double bare = std::min(Median(figures[0].milliseconds),
                               Median(figures[1].milliseconds));
  const auto fastest = [&](int way) {
    const std::vector<double>& times = figures[way].milliseconds;
    return *std::min_element(times.begin(), times.end());
  };
  std::vector<double> within;
  for (int round = 0; round < RoundsFor(block); ++round) {
    within.push_back(figures[2].milliseconds[round] /
                     std::min(figures[0].milliseconds[round],
                              figures[1].milliseconds[round]));
  }
  std::printf(
      "%-8s commit / faster bare = %.3f of medians, %.3f of minima, %.3f "
      "median within rounds, %d rounds\n",
      ToString(block).c_str(), Median(figures[2].milliseconds) / bare,
      fastest(2) / std::min(fastest(0), fastest(1)), Median(within),
      RoundsFor(block));
}

}  // namespace
}  // namespace governor

int main() {
  governor::TestDevice device("gb10,memory=128GiB");
  std::printf("64 GiB committed on %s\n",
              device.context()->device().name().c_str());
  for (governor::Bytes block :
       {governor::MiB(2), governor::MiB(32), governor::GiB(1)}) {
    governor::Compare(device, block);
  }
}
