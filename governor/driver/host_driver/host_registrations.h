#ifndef GOVERNOR_DRIVER_HOST_DRIVER_HOST_REGISTRATIONS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_HOST_REGISTRATIONS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/context_id.h"

namespace governor {

// Plain host memory that cuMemHostRegister page-locked: a table of ranges that
// do not overlap. Knows nothing of what is at the addresses. Not thread-safe.
class HostRegistrations {
 public:
  struct Registration {
    CUdeviceptr address = 0;
    uint64_t size = 0;
    unsigned int flags = 0;  // of cuMemHostRegister
    ContextId owner = 0;
    bool sync_memops = false;
    uint64_t id = 0;
    bool read_only() const { return flags & CU_MEMHOSTREGISTER_READ_ONLY; }
  };

  // It touches no other; see Overlaps.
  void Add(const Registration& registration);
  // nullopt: none begins there.
  std::optional<Registration> Remove(CUdeviceptr address);

  bool Overlaps(CUdeviceptr address, uint64_t size) const;
  // The one that holds `address`; nullopt if none.
  std::optional<Registration> Find(CUdeviceptr address) const;
  // The same, to be changed; nullptr if none.
  Registration* FindMutable(CUdeviceptr address);
  std::vector<CUdeviceptr> OwnedBy(ContextId owner) const;
  uint64_t count() const { return by_address_.size(); }

 private:
  std::map<CUdeviceptr, Registration> by_address_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_HOST_REGISTRATIONS_H_
