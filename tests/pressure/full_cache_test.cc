// A full page cache is not a full machine: with next to no free memory a large
// commit passes, the floor is held, and nothing is swapped in. How long it
// takes beside the same with free memory: see full_cache_benchmark.
#include <cstdio>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "gtest/gtest.h"
#include "tests/pressure/cache_file.h"
#include "tests/pressure/machine_counters.h"
#include "tests/pressure/machine_log.h"
#include "tests/pressure/tenant.h"

namespace governor {
namespace {

constexpr Bytes kLittle = MiB(300);

TEST(FullCacheTest, ACommitPassesWithNextToNoFreeMemory) {
  const Tenant::Plan plan = {.size = FullSizes() ? GiB(10) : GiB(1),
                             .os_reserve = GiB(3)};
  const Bytes available = Meminfo("MemAvailable");
  if (available < plan.size + plan.os_reserve + GiB(1)) {
    GTEST_SKIP() << "too little memory: " << available;
  }
  auto tenant = Tenant::Open(plan);
  ASSERT_TRUE(tenant.ok()) << tenant.status();
  // As much cache as takes all that is free: whoever else is here gives some
  // back meanwhile, so it is filled up again.
  const CacheFile file(LargeFileDirectory(), Meminfo("MemTotal"));
  for (int i = 0; i < 3 && Meminfo("MemFree") >= kLittle; ++i) {
    file.ReadUntil([] { return Meminfo("MemFree") < MiB(200); });
  }
  const Bytes free = Meminfo("MemFree");
  std::printf("%s of cache, %s free\n", ToString(Meminfo("Cached")).c_str(),
              ToString(free).c_str());
  ASSERT_LT(free, kLittle);

  MachineLog log(absl::Milliseconds(10), [] { return MiB(1); });
  const absl::Status filled = (*tenant)->Fill();
  log.Stop();
  const Bytes least = log.LeastAvailableWhileHeld();
  std::printf("%s committed, least available %s, swapped in %llu pages\n",
              ToString((*tenant)->held()).c_str(), ToString(least).c_str(),
              static_cast<unsigned long long>(log.pages_swapped_in()));
  EXPECT_TRUE(filled.ok()) << filled;
  EXPECT_EQ((*tenant)->held(), plan.size);
  EXPECT_GE(least, plan.os_reserve);
  EXPECT_EQ(log.pages_swapped_in(), 0u);
}

}  // namespace
}  // namespace governor
