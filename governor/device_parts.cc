#include "governor/device_parts.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

namespace governor {
namespace {

Bytes Take(Bytes size, Bytes* left) {
  const Bytes taken = std::min(size, *left);
  *left = *left - taken;
  return taken;
}

// Names in `estimated`, once, what the machine's counters do not tell.
void Estimate(std::initializer_list<const char*> keys, Snapshot& snapshot) {
  std::vector<std::string>& estimated = snapshot.estimated;
  for (const char* const key : keys) {
    if (std::find(estimated.begin(), estimated.end(), key) == estimated.end()) {
      estimated.push_back(key);
    }
  }
}

}  // namespace

void FillDeviceParts(const DeviceReading& reading, Snapshot& snapshot) {
  snapshot.total = reading.total;
  snapshot.estimated.clear();
  Bytes left = reading.total;
  snapshot.governed = Take(reading.governed, &left);
  if (reading.unmanaged) {
    snapshot.unmanaged = Take(reading.unmanaged->unmanaged, &left);
    if (!reading.unmanaged->uncertainty.is_zero()) {
      snapshot.estimated.push_back("unmanaged_bytes");
    }
  } else {
    snapshot.estimated.push_back("unmanaged_bytes");
  }
  const Bytes others = reading.unmanaged && reading.unmanaged->other_processes
                           ? *reading.unmanaged->other_processes
                           : Bytes();
  // Nobody but this process uses its host driver.
  const bool knows_others =
      reading.is_host_driver ||
      (reading.unmanaged && reading.unmanaged->other_processes);
  snapshot.driver_pool = reading.driver_pool;
  if (!reading.knows_driver_pool) {
    snapshot.estimated.push_back("driver_pool_bytes");
  }

  if (!reading.machine) {
    // A device's own memory: nothing of it is the operating system's.
    snapshot.free = Take(reading.free, &left);
    snapshot.other_processes = Take(knows_others ? others : left, &left);
    if (!knows_others) snapshot.estimated.push_back("other_processes_bytes");
    snapshot.os = left;  // the driver's own, and what was read a moment apart
    snapshot.residual = SaturatingSubtract(left, reading.driver_pool);
    // What others have of it no driver knows.
    if (reading.machine_is_unknown) {
      Estimate({"other_processes_bytes", "os_bytes", "evictable_bytes",
                "free_bytes", "residual_bytes"},
               snapshot);
    }
    return;
  }

  const HostMemoryParts& machine = *reading.machine;
  // What is granted and not touched is promised, though the kernel calls it
  // free still.
  snapshot.free =
      Take(SaturatingSubtract(machine.free + machine.per_cpu_free,
                              reading.untouched + reading.pretended),
           &left);
  snapshot.evictable = Take(machine.evictable, &left);
  // The host driver's pages are in the kernel's count of memory files.
  const Bytes ours = SaturatingSubtract(reading.governed, reading.untouched);
  const Bytes shared = reading.is_host_driver
                           ? SaturatingSubtract(machine.shared_memory, ours)
                           : machine.shared_memory;
  snapshot.other_processes = Take(
      machine.anonymous + shared + machine.mlocked + machine.hugetlb + others,
      &left);
  snapshot.os = left;
  const Bytes drivers = reading.is_host_driver
                            ? Bytes()
                            : snapshot.governed + snapshot.unmanaged + others;
  snapshot.residual = std::min(
      left,
      SaturatingSubtract(machine.residual, drivers + reading.driver_pool));
  // Each machine has some of both, this very process's. Where there is none the
  // line is masked, and what it would tell is in the rest.
  if (machine.anonymous.is_zero()) {
    Estimate({"other_processes_bytes", "os_bytes", "residual_bytes"}, snapshot);
  }
  if (machine.evictable.is_zero()) {
    Estimate({"evictable_bytes", "os_bytes", "residual_bytes"}, snapshot);
  }
}

}  // namespace governor
