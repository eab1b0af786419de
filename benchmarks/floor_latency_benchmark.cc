// How soon memory comes back when another program takes it, and what it costs
// to watch: from the first page below the reserve to the first block given
// back; 2 GiB that are lacking already, from the governor's start until the
// kernel counts none; and the processor time of a governor that has nothing to
// do. Takes 6 GiB of real memory; see tests/pressure for what must hold.
//
// floor_latency_benchmark [ROUNDS [IDLE]]     floor_latency_benchmark 10 60s
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/host/plough.h"
#include "tests/pressure/machine_counters.h"
#include "tests/pressure/tenant.h"

namespace governor {
namespace {

constexpr Bytes kTenant = GiB(3);
constexpr Bytes kDistance = MiB(512);  // to the reserve, at the begin
constexpr Bytes kShortfall = GiB(2);
constexpr Bytes kPiece = MiB(4);
constexpr absl::Duration kPatience = absl::Seconds(10);

// What a floor counts as available: not what is still to be written.
Bytes Counted() {
  return SaturatingSubtract(Meminfo("MemAvailable"),
                            Meminfo("Dirty") + Meminfo("Writeback"));
}

// Memory that another program takes, as far as the machine can tell.
class Hog {
 public:
  explicit Hog(Bytes most)
      : most_(most),
        memory_(static_cast<char*>(
            ::mmap(nullptr, most.count(), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    ::madvise(memory_, most.count(), MADV_HUGEPAGE);
  }
  ~Hog() { ::munmap(memory_, most_.count()); }
  Hog(const Hog&) = delete;
  Hog& operator=(const Hog&) = delete;

  // False: it has all that it may.
  bool TakePiece() {
    if (taken_ + kPiece > most_) return false;
    std::memset(memory_ + taken_.count(), 1, kPiece.count());
    taken_ += kPiece;
    return true;
  }

 private:
  const Bytes most_;
  char* const memory_;
  Bytes taken_;
};

// A full tenant, `distance` above its reserve, that answers nobody yet. On a
// virtual machine free memory may not be the machine's before it is touched,
// which costs a hundred times as much as what is measured here: so it is.
std::unique_ptr<Tenant> FullTenant(Bytes size, Bytes distance) {
  const Bytes available = AlignDown(Counted(), MiB(64));
  if (available < size + distance + GiB(4)) {
    std::fprintf(stderr, "too little memory\n");
    std::exit(1);
  }
  auto tenant =
      Tenant::Open({.size = size, .os_reserve = available - size - distance});
  if (!tenant.ok() || !(*tenant)->Fill().ok()) {
    std::fprintf(stderr, "no tenant\n");
    std::exit(1);
  }
  const RealClock clock;
  Plough(kDistance + kShortfall, clock, absl::InfiniteFuture());
  return *std::move(tenant);
}

// From the first page below the reserve to the first block back.
absl::Duration MeasureFirst() {
  const auto tenant = FullTenant(kTenant, kDistance);
  const Bytes reserve = tenant->governor().os_reserve();
  Hog hog(kDistance + kShortfall);
  if (!tenant->Serve().ok()) std::exit(1);
  // Until its thread sleeps as long as it would.
  absl::SleepFor(absl::Milliseconds(100));
  while (Counted() >= reserve && hog.TakePiece()) {
  }
  const absl::Duration below = MonotonicNow();
  while (tenant->held() == kTenant && MonotonicNow() < below + kPatience) {
    hog.TakePiece();
  }
  return std::max(tenant->gave_back_first_at() - below, absl::ZeroDuration());
}

// From the start of a governor that finds 2 GiB lacking until none are.
absl::Duration MeasureAll() {
  const auto tenant = FullTenant(kTenant, kDistance);
  const Bytes reserve = tenant->governor().os_reserve();
  Hog hog(kTenant + kDistance + GiB(1));
  // What the kernel counts lags behind what was touched.
  while (Counted() + kShortfall > reserve && hog.TakePiece()) {
    while (Counted() + kShortfall > reserve && hog.TakePiece()) {
    }
    absl::SleepFor(absl::Milliseconds(100));
  }
  const absl::Duration begin = MonotonicNow();
  if (!tenant->Serve().ok()) std::exit(1);
  while (Counted() < reserve) {
    if (MonotonicNow() > begin + kPatience) {
      std::fprintf(stderr, "not given back: %s below the reserve, %s held\n",
                   ToString(reserve - Counted()).c_str(),
                   ToString(tenant->held()).c_str());
      std::exit(1);
    }
    absl::SleepFor(absl::Microseconds(200));
  }
  return MonotonicNow() - begin;
}

absl::Duration ProcessorTime() {
  timespec time = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

void MeasureIdle(const char* what, Bytes distance, absl::Duration time) {
  const auto tenant = FullTenant(MiB(64), distance);
  if (!tenant->Serve().ok()) std::exit(1);
  const absl::Duration before = ProcessorTime();
  absl::SleepFor(time);
  std::printf("%-52s %.4f %% of a core, over %s; asked %d times\n", what,
              absl::FDivDuration(ProcessorTime() - before, time) * 100,
              absl::FormatDuration(time).c_str(), tenant->times_asked());
  std::fflush(stdout);
}

void Print(const char* what, std::vector<absl::Duration> times) {
  std::sort(times.begin(), times.end());
  std::printf("%-52s median %.1f ms (%.1f to %.1f)\n", what,
              absl::ToDoubleMilliseconds(times[times.size() / 2]),
              absl::ToDoubleMilliseconds(times.front()),
              absl::ToDoubleMilliseconds(times.back()));
  std::fflush(stdout);
}

int Run(int rounds, absl::Duration idle) {
  std::vector<absl::Duration> first, all;
  for (int i = 0; i < rounds; ++i) {
    first.push_back(MeasureFirst());
    all.push_back(MeasureAll());
  }
  std::printf("%d rounds\n", rounds);
  Print("first page below the reserve to first block back", first);
  Print("2 GiB lacking to none", all);
  MeasureIdle("an idle governor, 8 GiB above its reserve", GiB(8), idle);
  MeasureIdle("an idle governor, 512 MiB above", MiB(512), idle);
  return 0;
}

}  // namespace
}  // namespace governor

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 10;
  absl::Duration idle = absl::Seconds(60);
  if (rounds < 1 || (argc > 2 && !absl::ParseDuration(argv[2], &idle))) {
    std::fprintf(stderr, "floor_latency_benchmark [ROUNDS [IDLE]]\n");
    return 2;
  }
  return governor::Run(rounds, idle);
}
