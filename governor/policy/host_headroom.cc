#include "governor/policy/host_headroom.h"

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace governor {
namespace {

// Stalls and direct reclaim are an obstacle only while less than this many
// floors are left: far above the floor they come from a cgroup's limit or from
// one burst, and making room would throw away cache that nobody is short of.
// (Decided in design.md: vetoes at any distance refuse a machine whose memory
// is full of clean cache.)
constexpr uint64_t kNearFloors = 2;

// Of others' time standing still, what counts: 10 ms in 100 ms, and never less
// than 10 ms. (Polled each 10 ms, a real stall shows in PSI's total within
// 21 ms and reads 33 % to 55 %; page cache that is 1.4 % short, 4 % to 9 %.
// Measured on the build machine.)
constexpr absl::Duration kStallCounts = absl::Milliseconds(10);
constexpr int64_t kStallPart = 10;  // one tenth of the time between

// An earlier reading that is older says nothing of "right now".
constexpr absl::Duration kBeforeIsStale = absl::Seconds(1);

// MemAvailable without what it counts and no driver can have. More available
// than there is in all is not believed.
Bytes Usable(const HostSnapshot::Meminfo& meminfo, Bytes movable_free) {
  Bytes usable = std::min(meminfo.available, meminfo.total);
  for (Bytes part :
       {meminfo.dirty, meminfo.writeback, meminfo.cma_free, movable_free}) {
    usable = SaturatingSubtract(usable, part);
  }
  return usable;
}

Bytes RoomIn(const HostSnapshot::Cgroup& cgroup) {
  return SaturatingSubtract(
      cgroup.limit, SaturatingSubtract(cgroup.used, cgroup.inactive_file));
}

// A counter that went backwards was reset: it says nothing.
bool Grew(uint64_t before, uint64_t now) { return now > before; }

bool OthersReclaim(const HostSnapshot& before, const HostSnapshot& now,
                   absl::Duration own_stall) {
  const absl::Duration between = now.taken_at - before.taken_at;
  if (between <= absl::ZeroDuration() || between > kBeforeIsStale) return false;
  if (before.stall && now.stall) {
    const absl::Duration others = now.stall->some - before.stall->some -
                                  std::max(own_stall, absl::ZeroDuration());
    if (others >= std::max(kStallCounts, between / kStallPart)) return true;
  }
  // These cannot be told apart by who caused them. So they count only while
  // this process did not itself stand still.
  return own_stall <= absl::ZeroDuration() && before.vmstat && now.vmstat &&
         (Grew(before.vmstat->reclaim_stalls, now.vmstat->reclaim_stalls) ||
          Grew(before.vmstat->scanned_direct, now.vmstat->scanned_direct));
}

}  // namespace

HostSpare HostSpareOf(const HostSnapshot& now, Bytes floor,
                      Bytes movable_free) {
  if (!now.meminfo) return {Bytes(), Bytes(), "host_unknown"};
  const Bytes usable = Usable(*now.meminfo, movable_free);
  HostSpare spare = {SaturatingSubtract(usable, floor),
                     SaturatingSubtract(floor, usable), "os_reserve"};
  if (now.cgroup && RoomIn(*now.cgroup) < spare.spare) {
    spare.spare = RoomIn(*now.cgroup);
    spare.limited_by = "cgroup";
  }
  return spare;
}

Obstacle ObstacleTo(Bytes step, Bytes floor, const HostSnapshot& now,
                    const HostSnapshot* before, absl::Duration own_stall) {
  if (now.contiguity && now.contiguity->huge_free < step) {
    return Obstacle::kContiguity;
  }
  if (before == nullptr || !now.meminfo) return Obstacle::kNone;
  const Bytes near =
      CheckedMultiply(floor, kNearFloors).value_or(Bytes(~uint64_t{0}));
  const Bytes movable = now.zones ? now.zones->movable_free : Bytes();
  if (Usable(*now.meminfo, movable) >= near) return Obstacle::kNone;
  return OthersReclaim(*before, now, own_stall) ? Obstacle::kReclaim
                                                : Obstacle::kNone;
}

}  // namespace governor
