#ifndef GOVERNOR_SNAPSHOT_KEYS_H_
#define GOVERNOR_SNAPSHOT_KEYS_H_

#include "governor/base/bytes.h"
#include "governor/snapshot.h"

namespace governor {

// A number of bytes in a snapshot: its key, and what it is called in a table.
struct SnapshotPart {
  const char* key;
  const char* label;
  Bytes Snapshot::*bytes;
};

// The parts of the device's memory, in the order in which they are shown.
inline constexpr SnapshotPart kSnapshotParts[] = {
    {"governed_bytes", "governed here", &Snapshot::governed},
    {"unmanaged_bytes", "unmanaged, this process", &Snapshot::unmanaged},
    {"other_processes_bytes", "other processes", &Snapshot::other_processes},
    {"os_bytes", "operating system", &Snapshot::os},
    {"evictable_bytes", "evictable page cache", &Snapshot::evictable},
    {"free_bytes", "free", &Snapshot::free},
};

// The same of the budget.
inline constexpr SnapshotPart kSnapshotBudgetParts[] = {
    {"budget_bytes", "budget", &Snapshot::budget},
    {"granted_bytes", "granted", &Snapshot::granted},
    {"peak_granted_bytes", "peak granted", &Snapshot::peak_granted},
    {"cached_bytes", "of it cached", &Snapshot::cached},
    {"allowance_bytes", "allowance", &Snapshot::allowance},
    {"debt_bytes", "debt", &Snapshot::debt},
    {"headroom_bytes", "headroom", &Snapshot::headroom},
    {"floor_bytes", "OS reserve", &Snapshot::floor},
};

// Calls `visit(key, value)` for each key of `governor stat --json`, in order.
// A value is what Snapshot has: int, Bytes, a string, or a vector of strings or
// of Refusal::Holder.
template <typename Visit>
void ForEachKey(const Snapshot& snapshot, Visit visit) {
  visit("device", snapshot.device);
  visit("device_name", snapshot.device_name);
  visit("driver", snapshot.driver);
  visit("total_bytes", snapshot.total);
  for (const SnapshotPart& part : kSnapshotParts) {
    visit(part.key, snapshot.*part.bytes);
  }
  visit("estimated", snapshot.estimated);
  for (const SnapshotPart& part : kSnapshotBudgetParts) {
    visit(part.key, snapshot.*part.bytes);
  }
  visit("limited_by", snapshot.limited_by);
  visit("holders", snapshot.holders);
}

}  // namespace governor

#endif  // GOVERNOR_SNAPSHOT_KEYS_H_
