#ifndef GOVERNOR_DRIVER_HOST_DRIVER_MANAGED_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_MANAGED_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: managed memory. It is host memory that every device and the
// CPU may use at any time. Advice and prefetches are checked and remembered,
// and move nothing.
class ManagedCalls {
 public:
  explicit ManagedCalls(HostState& state) : state_(state) {}

  CUresult MemAllocManaged(CUdeviceptr* address, size_t size,
                           unsigned int flags);
  CUresult MemAdvise(CUdeviceptr address, size_t size, CUmem_advise advice,
                     CUmemLocation location);
  CUresult MemPrefetchAsync(CUdeviceptr address, size_t size,
                            CUmemLocation location, unsigned int flags,
                            CUstream stream);
  CUresult MemRangeGetAttribute(void* data, size_t data_size,
                                CUmem_range_attribute attribute,
                                CUdeviceptr address, size_t size);
  CUresult MemRangeGetAttributes(void** data, size_t* data_sizes,
                                 CUmem_range_attribute* attributes,
                                 size_t num_attributes, CUdeviceptr address,
                                 size_t size);
  CUresult StreamAttachMemAsync(CUstream stream, CUdeviceptr address,
                                size_t length, unsigned int flags);

 private:
  // INVALID_VALUE: not memory that may be advised about.
  CUresult CheckRange(CUdeviceptr address, uint64_t size);
  // Fills in the node where the location names the nearest one.
  CUresult CheckLocation(CUmemLocation& location, CUresult no_device);

  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_MANAGED_CALLS_H_
