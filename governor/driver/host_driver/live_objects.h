#ifndef GOVERNOR_DRIVER_HOST_DRIVER_LIVE_OBJECTS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_LIVE_OBJECTS_H_

#include <cstdint>
#include <ostream>

namespace governor {

// What a HostDriver holds for its callers. All zero when nobody leaked.
struct LiveObjects {
  uint64_t handles = 0;  // physical allocations: until released and unmapped
  uint64_t reservations = 0;
  uint64_t mappings = 0;
  uint64_t linear_allocations = 0;  // of cuMemAlloc
  uint64_t streams = 0;
  uint64_t events = 0;
  uint64_t primary_context_refs = 0;

  friend bool operator==(const LiveObjects&, const LiveObjects&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const LiveObjects& live) {
  return out << "{handles " << live.handles << ", reservations "
             << live.reservations << ", mappings " << live.mappings
             << ", linear allocations " << live.linear_allocations
             << ", streams " << live.streams << ", events " << live.events
             << ", primary context refs " << live.primary_context_refs << "}";
}

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_LIVE_OBJECTS_H_
