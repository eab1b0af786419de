// How long a large commit takes when the page cache has all memory, beside the
// same when as much is free. Takes the machine's memory: see tests/pressure for
// what must hold.
//
// full_cache_benchmark [SIZE [ROUNDS]]     full_cache_benchmark 10GiB 3
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/host/plough.h"
#include "tests/pressure/cache_file.h"
#include "tests/pressure/machine_counters.h"
#include "tests/pressure/machine_log.h"
#include "tests/pressure/tenant.h"

namespace governor {
namespace {

constexpr Bytes kReserve = GiB(3);
constexpr Bytes kLittle = MiB(300);

// On a virtual machine free memory may not be the machine's before it is
// touched, which costs a hundred times as much as what is measured here. The
// cache's pages were touched; so is this.
void Touch(Bytes size) {
  const RealClock clock;
  Plough(size, clock, absl::InfiniteFuture());
}

void Fill(const CacheFile& file) {
  for (int i = 0; i < 3 && Meminfo("MemFree") >= kLittle; ++i) {
    file.ReadUntil([] { return Meminfo("MemFree") < MiB(200); });
  }
}

double Commit(const char* what, Bytes size) {
  auto tenant = Tenant::Open({.size = size, .os_reserve = kReserve});
  if (!tenant.ok()) {
    std::fprintf(stderr, "%s\n", tenant.status().ToString().c_str());
    std::exit(1);
  }
  const Bytes free = Meminfo("MemFree");
  const Bytes cached = Meminfo("Cached");
  MachineLog log(absl::Milliseconds(10), [] { return MiB(1); });
  const absl::Duration begin = MonotonicNow();
  const absl::Status filled = (*tenant)->Fill();
  const double took = absl::ToDoubleSeconds(MonotonicNow() - begin);
  log.Stop();
  std::printf(
      "%s: %s free, %s cached: %.2f s, least available %s, swapped in %llu "
      "pages; %s\n",
      what, ToString(free).c_str(), ToString(cached).c_str(), took,
      ToString(log.LeastAvailableWhileHeld()).c_str(),
      static_cast<unsigned long long>(log.pages_swapped_in()),
      filled.ToString().c_str());
  std::fflush(stdout);
  return took;
}

void Print(const char* what, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  std::printf("%-12s median %.2f (%.2f to %.2f)\n", what,
              values[values.size() / 2], values.front(), values.back());
}

int Run(Bytes size, int rounds) {
  std::vector<double> with_free, with_cache, times;
  for (int i = 0; i < rounds; ++i) {
    Touch(size + GiB(1));
    with_free.push_back(Commit("empty cache", size));
    const CacheFile file(LargeFileDirectory(), Meminfo("MemTotal"));
    Fill(file);
    with_cache.push_back(Commit("full cache", size));
    times.push_back(with_cache.back() / with_free.back());
  }
  Print("empty, s", with_free);
  Print("full, s", with_cache);
  Print("full/empty", times);
  return 0;
}

}  // namespace
}  // namespace governor

int main(int argc, char** argv) {
  const auto size = governor::ParseBytes(argc > 1 ? argv[1] : "10GiB");
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 3;
  if (!size.ok() || rounds < 1) {
    std::fprintf(stderr, "full_cache_benchmark [SIZE [ROUNDS]]\n");
    return 2;
  }
  return governor::Run(*size, rounds);
}
