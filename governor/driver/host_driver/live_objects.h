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
  uint64_t managed_allocations = 0;
  uint64_t pinned_allocations = 0;    // of cuMemAllocHost and cuMemHostAlloc
  uint64_t registrations = 0;         // of cuMemHostRegister
  uint64_t imported_allocations = 0;  // of cuIpcOpenMemHandle
  uint64_t arrays = 0;
  uint64_t mipmapped_arrays = 0;
  uint64_t pools = 0;  // of cuMemPoolCreate, until their last block is freed
  uint64_t pool_blocks = 0;
  uint64_t graphs = 0;
  uint64_t graph_executables = 0;
  uint64_t streams = 0;
  uint64_t events = 0;
  uint64_t primary_context_refs = 0;
  uint64_t contexts = 0;  // of cuCtxCreate

  friend bool operator==(const LiveObjects&, const LiveObjects&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const LiveObjects& live) {
  return out << "{handles " << live.handles << ", reservations "
             << live.reservations << ", mappings " << live.mappings
             << ", linear allocations " << live.linear_allocations
             << ", managed allocations " << live.managed_allocations
             << ", pinned allocations " << live.pinned_allocations
             << ", registrations " << live.registrations
             << ", imported allocations " << live.imported_allocations
             << ", arrays " << live.arrays << ", mipmapped arrays "
             << live.mipmapped_arrays << ", pools " << live.pools
             << ", pool blocks " << live.pool_blocks << ", graphs "
             << live.graphs << ", graph executables " << live.graph_executables
             << ", streams " << live.streams << ", events " << live.events
             << ", primary context refs " << live.primary_context_refs
             << ", contexts " << live.contexts << "}";
}

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_LIVE_OBJECTS_H_
