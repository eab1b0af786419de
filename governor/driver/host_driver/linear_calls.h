#ifndef GOVERNOR_DRIVER_HOST_DRIVER_LINEAR_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_LINEAR_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: linear memory, the figure of free memory, and what is known
// about a pointer.
class LinearCalls {
 public:
  explicit LinearCalls(HostState& state) : state_(state) {}

  CUresult MemGetInfo(size_t* free, size_t* total);
  CUresult MemAlloc(CUdeviceptr* address, size_t size);
  CUresult MemFree(CUdeviceptr address);
  CUresult MemGetAddressRange(CUdeviceptr* base, size_t* size,
                              CUdeviceptr address);
  CUresult PointerGetAttribute(void* data, CUpointer_attribute attribute,
                               CUdeviceptr address);
  CUresult PointerGetAttributes(unsigned int count,
                                CUpointer_attribute* attributes, void** data,
                                CUdeviceptr address);
  CUresult MemAllocPitch(CUdeviceptr* address, size_t* pitch, size_t width,
                         size_t height, unsigned int element);
  CUresult PointerSetAttribute(const void* value, CUpointer_attribute attribute,
                               CUdeviceptr address);

 private:
  // What cuMemGetInfo tells.
  Bytes FreeBytes(int device) const;

  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_LINEAR_CALLS_H_
