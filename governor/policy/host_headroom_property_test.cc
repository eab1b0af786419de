#include <algorithm>
#include <cstdint>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"
#include "governor/policy/host_headroom.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr Bytes kMost = Bytes(~uint64_t{0});

constexpr Bytes kFloor = GiB(8);

Bytes SpareOf(const HostSnapshot& now) {
  return HostSpareOf(now, kFloor, Bytes()).spare;
}

// Numbers of any size, the largest and the smallest more often than not.
class AnyMachine {
 public:
  Bytes AnyBytes() {
    switch (random_() % 4) {
      case 0:
        return Bytes(random_());
      case 1:
        return Bytes(~uint64_t{0} - random_() % 3);
      case 2:
        return Bytes(random_() % 3);
      default:
        return MiB(random_() % (256 << 10));
    }
  }

  HostSnapshot AnySnapshot() {
    HostSnapshot now;
    now.meminfo.emplace();
    HostSnapshot::Meminfo& meminfo = *now.meminfo;
    for (Bytes* field :
         {&meminfo.total, &meminfo.free, &meminfo.available, &meminfo.buffers,
          &meminfo.cached, &meminfo.active_file, &meminfo.inactive_file,
          &meminfo.dirty, &meminfo.writeback, &meminfo.cma_free,
          &meminfo.swap_total, &meminfo.swap_free}) {
      *field = AnyBytes();
    }
    if (random_() % 2 == 0) {
      now.cgroup = HostSnapshot::Cgroup();
      now.cgroup->limit = AnyBytes();
      now.cgroup->used = AnyBytes();
      now.cgroup->inactive_file = AnyBytes();
    }
    return now;
  }

 private:
  std::mt19937_64 random_{20261121};
};

constexpr int kCases = 20000;

TEST(HostSparePropertyTest, NeverMoreThanAvailableAndNothingWraps) {
  AnyMachine any;
  for (int i = 0; i < kCases; ++i) {
    const HostSnapshot now = any.AnySnapshot();
    const Bytes floor = any.AnyBytes();
    const HostSpare spare = HostSpareOf(now, floor, any.AnyBytes());
    ASSERT_LE(spare.spare, now.meminfo->available) << "case " << i;
    ASSERT_LE(spare.spare, now.meminfo->total) << "case " << i;
    ASSERT_LE(spare.shortfall, floor) << "case " << i;
    ASSERT_TRUE(spare.spare.is_zero() || spare.shortfall.is_zero());
    if (now.cgroup) {
      ASSERT_LE(spare.spare, now.cgroup->limit) << "case " << i;
    }
  }
}

TEST(HostSparePropertyTest, GrowsWithMemAvailableAndShrinksWithTheFloor) {
  AnyMachine any;
  for (int i = 0; i < kCases; ++i) {
    HostSnapshot now = any.AnySnapshot();
    const Bytes floor = any.AnyBytes();
    const Bytes movable = any.AnyBytes();
    const HostSpare spare = HostSpareOf(now, floor, movable);
    const Bytes higher = std::max(floor, any.AnyBytes());
    ASSERT_LE(HostSpareOf(now, higher, movable).spare, spare.spare);
    ASSERT_GE(HostSpareOf(now, higher, movable).shortfall, spare.shortfall);
    now.meminfo->available = std::max(now.meminfo->available, any.AnyBytes());
    ASSERT_GE(HostSpareOf(now, floor, movable).spare, spare.spare);
    ASSERT_LE(HostSpareOf(now, floor, movable).shortfall, spare.shortfall);
  }
}

// A full page cache is not a full machine, and swap is never capacity.
TEST(HostSparePropertyTest, SwapCacheAndMemFreeChangeNothing) {
  AnyMachine any;
  for (int i = 0; i < kCases; ++i) {
    HostSnapshot now = any.AnySnapshot();
    const Bytes floor = any.AnyBytes();
    const Bytes movable = any.AnyBytes();
    const HostSpare before = HostSpareOf(now, floor, movable);
    now.meminfo->swap_total = kMost;
    now.meminfo->swap_free = any.AnyBytes();
    now.meminfo->cached = any.AnyBytes();
    now.meminfo->buffers = any.AnyBytes();
    now.meminfo->active_file = any.AnyBytes();
    now.meminfo->inactive_file = any.AnyBytes();
    now.meminfo->free = any.AnyBytes();
    const HostSpare after = HostSpareOf(now, floor, movable);
    ASSERT_EQ(after.spare, before.spare) << "case " << i;
    ASSERT_EQ(after.shortfall, before.shortfall) << "case " << i;
    ASSERT_EQ(after.limited_by, before.limited_by) << "case " << i;
  }
}

// testdata/swap_grows_and_drains.meminfo, made by the .py beside it.
std::vector<HostSnapshot> TenMinutes() {
  std::ifstream file("governor/policy/testdata/swap_grows_and_drains.meminfo");
  std::vector<HostSnapshot> readings;
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line,
            "second MemTotal MemFree MemAvailable Buffers Cached Dirty "
            "Writeback SwapTotal SwapFree");
  uint64_t second, total, free, available, buffers, cached, dirty, writeback,
      swap_total, swap_free;
  while (file >> second >> total >> free >> available >> buffers >> cached >>
         dirty >> writeback >> swap_total >> swap_free) {
    HostSnapshot now;
    now.taken_at = absl::Seconds(second);
    now.meminfo.emplace();
    now.meminfo->total = KiB(total);
    now.meminfo->free = KiB(free);
    now.meminfo->available = KiB(available);
    now.meminfo->buffers = KiB(buffers);
    now.meminfo->cached = KiB(cached);
    now.meminfo->dirty = KiB(dirty);
    now.meminfo->writeback = KiB(writeback);
    now.meminfo->swap_total = KiB(swap_total);
    now.meminfo->swap_free = KiB(swap_free);
    readings.push_back(now);
  }
  return readings;
}

Bytes CountingSwap(const HostSnapshot& now) {
  return SaturatingSubtract(now.meminfo->available + now.meminfo->swap_free,
                            kFloor);
}

TEST(HostSpareReplayTest, AT03SwapComingAndGoingIsNoCapacity) {
  const std::vector<HostSnapshot> readings = TenMinutes();
  ASSERT_EQ(readings.size(), 301u);
  ASSERT_EQ(readings.back().taken_at, absl::Minutes(10));
  Bytes most_swap;
  int swap_rose = 0;
  int rule_with_swap_rose = 0;
  for (size_t i = 1; i < readings.size(); ++i) {
    const HostSnapshot& before = readings[i - 1];
    const HostSnapshot& now = readings[i];
    ASSERT_EQ(now.meminfo->total, before.meminfo->total);
    most_swap = std::max(most_swap, now.meminfo->swap_total);
    // The same reading on a machine without swap.
    HostSnapshot without = now;
    without.meminfo->swap_total = without.meminfo->swap_free = Bytes();
    ASSERT_EQ(SpareOf(now), SpareOf(without)) << now.taken_at;
    if (now.meminfo->swap_free <= before.meminfo->swap_free) continue;
    // Nothing but the page cache, and what of it is dirty, moved meanwhile.
    if (now.meminfo->available > before.meminfo->available) continue;
    ++swap_rose;
    if (CountingSwap(now) > CountingSwap(before)) ++rule_with_swap_rose;
    const Bytes cleaned =
        SaturatingSubtract(before.meminfo->dirty + before.meminfo->writeback,
                           now.meminfo->dirty + now.meminfo->writeback);
    ASSERT_LE(SpareOf(now), SpareOf(before) + cleaned) << now.taken_at;
  }
  EXPECT_EQ(most_swap, GiB(16));
  EXPECT_TRUE(readings.front().meminfo->swap_total.is_zero());
  EXPECT_TRUE(readings.back().meminfo->swap_total.is_zero());
  // The trace tells the two rules apart.
  EXPECT_GE(swap_rose, 70);
  EXPECT_EQ(rule_with_swap_rose, swap_rose);
}

}  // namespace
}  // namespace governor
