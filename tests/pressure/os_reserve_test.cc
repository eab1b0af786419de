// AT-22: while another program grows, a governed tenant gives its memory back
// before the machine falls below what the operating system keeps; the same
// tenant without a governor does not.
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "gtest/gtest.h"
#include "tests/pressure/hog_process.h"
#include "tests/pressure/machine_counters.h"
#include "tests/pressure/machine_log.h"
#include "tests/pressure/tenant.h"

namespace governor {
namespace {

constexpr Bytes kStep = MiB(256);
constexpr absl::Duration kInterval = absl::Milliseconds(100);
constexpr absl::Duration kLogged = absl::Milliseconds(10);
// How long a governor that does not answer is waited for.
constexpr absl::Duration kAnswer = absl::Seconds(1);
// One step of the hog and one reaction.
constexpr Bytes kSlack = MiB(512);

// On a machine where 17 GiB and more are available: a reserve of 6 GiB and a
// tenant of 10 GiB. Else, and for the quick form, as little as shows the same:
// the reserve is then as much as the machine has beyond that.
struct Sizes {
  Bytes reserve;
  Bytes tenant;
  Bytes hog;
};

Sizes Choose() {
  const Bytes available = AlignDown(Meminfo("MemAvailable"), kStep);
  Sizes sizes = {.reserve = GiB(6), .tenant = GiB(10), .hog = {}};
  if (!FullSizes() || available < sizes.reserve + sizes.tenant + GiB(1)) {
    sizes.tenant = GiB(2);
    sizes.reserve = SaturatingSubtract(available, sizes.tenant + GiB(1));
  }
  // Until the tenant has nothing, and a GiB more.
  sizes.hog = SaturatingSubtract(available, sizes.reserve) + GiB(1);
  std::printf("available %s, reserve %s, tenant %s, hog %s\n",
              ToString(available).c_str(), ToString(sizes.reserve).c_str(),
              ToString(sizes.tenant).c_str(), ToString(sizes.hog).c_str());
  return sizes;
}

void Print(const MachineLog& log, const Sizes& sizes) {
  const Bytes least = log.LeastAvailableWhileHeld();
  std::printf(
      "least available %s (%s below the reserve), swapped in %llu pages, "
      "PSI full %.2f %%\n",
      ToString(least).c_str(),
      ToString(SaturatingSubtract(sizes.reserve, least)).c_str(),
      static_cast<unsigned long long>(log.pages_swapped_in()),
      log.full_stall_fraction() * 100);
}

TEST(OsReserveTest, AT22AGovernedTenantLeavesTheSystemItsMemory) {
  const Sizes sizes = Choose();
  auto tenant =
      Tenant::Open({.size = sizes.tenant, .os_reserve = sizes.reserve});
  ASSERT_TRUE(tenant.ok()) << tenant.status();
  const absl::Status filled = (*tenant)->Fill();
  ASSERT_TRUE(filled.ok()) << filled;
  ASSERT_TRUE((*tenant)->Serve().ok());

  MachineLog log(kLogged, [&] { return (*tenant)->held(); });
  {
    HogProcess hog(HogPath(), {kStep, kInterval, sizes.hog});
    hog.WaitUntilDone();
    // The answer to its last step.
    const absl::Duration done = MonotonicNow();
    while (!(*tenant)->held().is_zero() && MonotonicNow() < done + kAnswer) {
      std::this_thread::yield();
    }
  }
  log.Stop();
  log.Write("os_reserve_governed", sizes.reserve);
  Print(log, sizes);
  const auto below = log.FirstBelow(sizes.reserve);
  if (below.has_value() &&
      (*tenant)->gave_back_first_at() >= *below - kLogged) {
    // The log looks every 10 ms, the governor when it is near.
    std::printf(
        "first block back %.1f ms after the log saw the reserve touched\n",
        absl::ToDoubleMilliseconds((*tenant)->gave_back_first_at() - *below));
  } else {
    std::printf("the log never saw the reserve touched first\n");
  }
  // Nothing is left to give, so all of it was asked for in time.
  EXPECT_EQ((*tenant)->held(), Bytes());
  EXPECT_GE(log.LeastAvailableWhileHeld() + kSlack, sizes.reserve);
  EXPECT_EQ(log.pages_swapped_in(), 0u);
  EXPECT_LE(log.full_stall_fraction(), 0.01);
}

// The control: without a governor the reserve is broken.
TEST(OsReserveTest, AT22APlainTenantBreaksIt) {
  const Sizes sizes = Choose();
  void* const memory =
      ::mmap(nullptr, sizes.tenant.count(), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ::madvise(memory, sizes.tenant.count(), MADV_HUGEPAGE);
  std::memset(memory, 1, sizes.tenant.count());

  MachineLog log(kLogged, [&] { return sizes.tenant; });
  {
    HogProcess hog(HogPath(), {kStep, kInterval, sizes.hog});
    hog.WaitUntilDone();
  }
  log.Stop();
  ::munmap(memory, sizes.tenant.count());
  log.Write("os_reserve_plain", sizes.reserve);
  Print(log, sizes);
  EXPECT_LT(log.LeastAvailableWhileHeld() + kSlack, sizes.reserve);
}

}  // namespace
}  // namespace governor
