// What a reading of this machine's memory costs at each depth, beside the part
// that is the kernel's: the preads alone.
#include <fcntl.h>
#include <unistd.h>

#include "benchmark/benchmark.h"
#include "governor/base/clock.h"
#include "governor/host/fast_sample.h"
#include "governor/host/host_sampler.h"

namespace governor {
namespace {

void BM_Take(benchmark::State& state, SampleDepth depth) {
  const RealClock clock;
  const auto sampler = HostSampler::Open("/", clock).value();
  for (auto step : state) {
    benchmark::DoNotOptimize(sampler->Take(depth));
  }
}
BENCHMARK_CAPTURE(BM_Take, fast, SampleDepth::kFast);
BENCHMARK_CAPTURE(BM_Take, vmstat, SampleDepth::kVmstat);
BENCHMARK_CAPTURE(BM_Take, full, SampleDepth::kFull);

void BM_TakeFastSample(benchmark::State& state) {
  const int meminfo = ::open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
  const int pressure = ::open("/proc/pressure/memory", O_RDONLY | O_CLOEXEC);
  for (auto step : state) {
    benchmark::DoNotOptimize(TakeFastSample(meminfo, pressure));
  }
  ::close(meminfo);
  ::close(pressure);
}
BENCHMARK(BM_TakeFastSample);

// One pread, which for the longer ones is not the whole text.
void BM_Pread(benchmark::State& state, const char* path) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  char text[16384];
  for (auto step : state) {
    benchmark::DoNotOptimize(ReadAt(file, text, sizeof(text), 0));
  }
  ::close(file);
}
BENCHMARK_CAPTURE(BM_Pread, meminfo, "/proc/meminfo");
BENCHMARK_CAPTURE(BM_Pread, pressure, "/proc/pressure/memory");
BENCHMARK_CAPTURE(BM_Pread, vmstat, "/proc/vmstat");
BENCHMARK_CAPTURE(BM_Pread, buddyinfo, "/proc/buddyinfo");
BENCHMARK_CAPTURE(BM_Pread, zoneinfo, "/proc/zoneinfo");
BENCHMARK_CAPTURE(BM_Pread, swaps, "/proc/swaps");

}  // namespace
}  // namespace governor
