#ifndef GOVERNOR_DRIVER_HOST_DRIVER_HOST_MAPPING_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_HOST_MAPPING_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace governor {

// A mapping of this process, as far as page-locking asks about it.
struct HostMapping {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool readable = false;
  bool writable = false;
  bool shared = false;
  // Of a file whose written pages the system tracks. Shared memory (memfd,
  // /dev/shm, shared anonymous memory) is not such, and counts as anonymous.
  bool file = false;

  friend bool operator==(const HostMapping&, const HostMapping&) = default;
};

// A line of /proc/PID/maps. nullopt: it is none.
std::optional<HostMapping> ParseHostMapping(absl::string_view line);

// The mappings that the range touches, in order. nullopt: it is not mapped
// without gaps.
std::optional<std::vector<HostMapping>> HostMappingsOf(uint64_t address,
                                                       uint64_t size);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_HOST_MAPPING_H_
