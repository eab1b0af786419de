#ifndef GOVERNOR_POLICY_HOST_HEADROOM_H_
#define GOVERNOR_POLICY_HOST_HEADROOM_H_

#include <string>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"

namespace governor {

// What a machine can still give to memory that cannot be swapped out or moved,
// by one reading. Arithmetic on values.
struct HostSpare {
  // Above the floor. Zero where the reading does not say.
  Bytes spare;
  // How far below the floor the machine is already; zero unless `spare` is.
  Bytes shortfall;
  // What it ends at: "os_reserve", "cgroup", or "host_unknown" where the
  // reading lacks what is needed, and nothing is to be granted.
  std::string limited_by;
};

// MemAvailable - Dirty - Writeback - free CMA - free ZONE_MOVABLE - floor, and
// no more than the tightest cgroup leaves (limit - used + inactive file; its
// file pages that go at need are not lost). Swap is never capacity, and the
// page cache is no loss: MemAvailable has it. Where both end at the same, the
// floor is named; what a cgroup lacks is no `shortfall`. `movable_free` is of
// the last full reading, since the shallow ones have no zones.
HostSpare HostSpareOf(const HostSnapshot& now, Bytes floor, Bytes movable_free);

// *Whether* is HostSpareOf's; this is *how*: what stands in the way of
// committing `step` bytes right now, though the machine can spare them. Never a
// reason to refuse by itself: to make room first.
enum class Obstacle {
  kNone,
  // Less contiguous memory (2 MiB pieces) than the step.
  kContiguity,
  // Others' allocations reclaim directly, or stand still for memory, within
  // twice the floor.
  kReclaim,
};
// `now` is a full reading; `before` an earlier one of at least kVmstat, up to
// some 100 ms old (after a second it counts no more), or null. `own_stall` is
// how long this process's own steps stood still between the two: not counted;
// where it is not zero, PSI alone is judged, for vmstat does not say whose
// reclaim it was. What is absent is not judged: no contiguity, or neither PSI
// nor vmstat in both, is no obstacle.
Obstacle ObstacleTo(Bytes step, Bytes floor, const HostSnapshot& now,
                    const HostSnapshot* before, absl::Duration own_stall);

}  // namespace governor

#endif  // GOVERNOR_POLICY_HOST_HEADROOM_H_
