#ifndef GOVERNOR_DEVICE_PARTS_H_
#define GOVERNOR_DEVICE_PARTS_H_

#include <optional>

#include "governor/base/bytes.h"
#include "governor/host/unmanaged_memory.h"
#include "governor/policy/host_memory_parts.h"
#include "governor/snapshot.h"

namespace governor {

// What is known of a device's memory at one moment.
struct DeviceReading {
  Bytes total = Bytes();  // as the driver says
  Bytes free = Bytes();   // as the driver says
  Bytes governed = Bytes();
  // Of `governed`, what is no page of the machine yet.
  Bytes untouched = Bytes();
  // Of `unmanaged`, what is counted and has no pages at all: the context of a
  // host driver.
  Bytes pretended = Bytes();
  // The driver is the host driver: its pages are memory files of this process.
  bool is_host_driver = false;
  std::optional<UnmanagedReading> unmanaged = std::nullopt;
  // Of the machine, where the device's memory is the machine's.
  std::optional<HostMemoryParts> machine = std::nullopt;
  // It is, and the machine does not say what it has.
  bool machine_is_unknown = false;
  Bytes driver_pool = Bytes();
  bool knows_driver_pool = false;
};

// Fills in the device's parts, which add up to its total, and names in
// `estimated` those that are not measured: of a machine that does not say what
// it has all but `governed`, and of one whose counters a container masks what
// they would tell. Arithmetic: readings of different
// moments are cut so that the sum holds; what is known best is cut last.
void FillDeviceParts(const DeviceReading& reading, Snapshot& snapshot);

}  // namespace governor

#endif  // GOVERNOR_DEVICE_PARTS_H_
