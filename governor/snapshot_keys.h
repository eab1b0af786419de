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

// Parts of these parts.
inline constexpr SnapshotPart kSnapshotSubparts[] = {
    {"residual_bytes", "of it in no counter", &Snapshot::residual},
    {"driver_pool_bytes", "of it in driver pools", &Snapshot::driver_pool},
};

// A number of bytes of the host.
struct HostPart {
  const char* key;
  const char* label;
  Bytes HostMemoryParts::*bytes;
};

// The parts of the host's memory, which add up to its total.
inline constexpr HostPart kHostParts[] = {
    {"free_bytes", "free", &HostMemoryParts::free},
    {"per_cpu_free_bytes", "free, in CPUs' lists",
     &HostMemoryParts::per_cpu_free},
    {"evictable_bytes", "evictable page cache", &HostMemoryParts::evictable},
    {"dirty_bytes", "page cache to be written", &HostMemoryParts::dirty},
    {"anonymous_bytes", "anonymous", &HostMemoryParts::anonymous},
    {"shared_memory_bytes", "memory files, shared",
     &HostMemoryParts::shared_memory},
    {"mlocked_bytes", "mlocked", &HostMemoryParts::mlocked},
    {"hugetlb_bytes", "huge page pools", &HostMemoryParts::hugetlb},
    {"slab_bytes", "slab", &HostMemoryParts::slab},
    {"kernel_bytes", "kernel", &HostMemoryParts::kernel},
    {"residual_bytes", "in no counter", &HostMemoryParts::residual},
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
    {"in_flight_bytes", "in flight, everyone", &Snapshot::in_flight},
    {"shortfall_bytes", "machine below OS reserve", &Snapshot::shortfall},
};

// Each calls `visit(key, value)` for each key of one object in `governor stat
// --json`, in order. A value is a number, Bytes, a string, a vector of these,
// or an object or optional object with a ForEachKey of its own.
template <typename Visit>
void ForEachKey(const Refusal::Holder& holder, Visit visit) {
  visit("tag", holder.tag);
  visit("granted_bytes", holder.granted);
}

template <typename Visit>
void ForEachKey(const Snapshot::Tenant& tenant, Visit visit) {
  visit("name", tenant.name);
  visit("pid", tenant.pid);
  visit("granted_bytes", tenant.granted);
  visit("weight", tenant.weight);
  visit("priority", tenant.priority);
  visit("unmanaged_bytes", tenant.unmanaged);
  visit("rss_bytes", tenant.rss);
  visit("in_flight_bytes", tenant.in_flight);
}

template <typename Visit>
void ForEachKey(const HostMemoryParts& host, Visit visit) {
  visit("total_bytes", host.total);
  for (const HostPart& part : kHostParts) visit(part.key, host.*part.bytes);
}

template <typename Visit>
void ForEachKey(const Snapshot& snapshot, Visit visit) {
  visit("device", snapshot.device);
  visit("device_name", snapshot.device_name);
  visit("driver", snapshot.driver);
  visit("total_bytes", snapshot.total);
  for (const SnapshotPart& part : kSnapshotParts) {
    visit(part.key, snapshot.*part.bytes);
  }
  for (const SnapshotPart& part : kSnapshotSubparts) {
    visit(part.key, snapshot.*part.bytes);
  }
  visit("estimated", snapshot.estimated);
  for (const SnapshotPart& part : kSnapshotBudgetParts) {
    visit(part.key, snapshot.*part.bytes);
  }
  visit("pressure", snapshot.pressure);
  visit("pressure_reason", snapshot.pressure_reason);
  visit("limited_by", snapshot.limited_by);
  visit("holders", snapshot.holders);
  visit("tenants", snapshot.tenants);
  visit("host", snapshot.host);
  visit("host_faults", snapshot.host_faults);
}

}  // namespace governor

#endif  // GOVERNOR_SNAPSHOT_KEYS_H_
