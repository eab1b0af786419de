#ifndef GOVERNOR_SNAPSHOT_H_
#define GOVERNOR_SNAPSHOT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/budget/refusal.h"
#include "governor/policy/host_memory_parts.h"

namespace governor {

// One reading of a device and of a governor's budget on it. A plain value. Its
// first six parts add up to `total`, always; those that are not measured are
// named in `estimated`. docs/metrics.md has each with its formula.
struct Snapshot {
  // A process whose governor joined the machine record.
  struct Tenant {
    std::string name;
    int64_t pid = 0;
    Bytes granted;
    int weight = 1;  // of shared budgets: all alike until there are any
    int priority = 0;
    Bytes unmanaged;
    Bytes rss;
    Bytes in_flight;
  };

  std::string device_name;
  int device = 0;
  std::string driver;  // "cuda" or "host"

  Bytes total;
  Bytes governed;
  Bytes unmanaged;
  Bytes other_processes;
  Bytes os;
  Bytes evictable;
  Bytes free;
  Bytes residual;     // of `os`: what no counter of the machine has
  Bytes driver_pool;  // of `os`: released, and still with the driver
  std::vector<std::string> estimated;

  Bytes budget;
  Bytes granted;
  Bytes peak_granted;
  Bytes cached;
  Bytes allowance;
  Bytes debt;
  Bytes headroom;
  Bytes floor;
  Bytes in_flight;              // of all governors: granted, and not memory yet
  Bytes shortfall;              // how far the machine is below the floor
  std::string pressure;         // "none", "some", "critical"
  std::string pressure_reason;  // the rate that decided; empty: none
  std::string limited_by;       // what headroom ends at
  std::vector<Refusal::Holder> holders;  // of `granted`, the largest first
  std::vector<Tenant> tenants;

  // The machine, by its kernel's counters, on every kind of device.
  std::optional<HostMemoryParts> host;
  // What of the machine could not be read, in words.
  std::vector<std::string> host_faults;
};

}  // namespace governor

#endif  // GOVERNOR_SNAPSHOT_H_
