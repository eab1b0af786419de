#ifndef GOVERNOR_DRIVER_HOST_DRIVER_ARRAY_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_ARRAY_CALLS_H_

#include <cstdint>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: arrays and mipmapped arrays.
class ArrayCalls {
 public:
  explicit ArrayCalls(HostState& state) : state_(state) {}

  CUresult ArrayCreate(CUarray* handle,
                       const CUDA_ARRAY_DESCRIPTOR* descriptor);
  CUresult ArrayGetDescriptor(CUDA_ARRAY_DESCRIPTOR* descriptor, CUarray array);
  CUresult Array3DCreate(CUarray* handle,
                         const CUDA_ARRAY3D_DESCRIPTOR* descriptor);
  CUresult Array3DGetDescriptor(CUDA_ARRAY3D_DESCRIPTOR* descriptor,
                                CUarray array);
  CUresult ArrayGetMemoryRequirements(
      CUDA_ARRAY_MEMORY_REQUIREMENTS* requirements, CUarray array,
      CUdevice device);
  CUresult ArrayDestroy(CUarray array);
  CUresult MipmappedArrayCreate(CUmipmappedArray* handle,
                                const CUDA_ARRAY3D_DESCRIPTOR* descriptor,
                                unsigned int levels);
  CUresult MipmappedArrayGetLevel(CUarray* array, CUmipmappedArray mipmap,
                                  unsigned int level);
  CUresult MipmappedArrayGetMemoryRequirements(
      CUDA_ARRAY_MEMORY_REQUIREMENTS* requirements, CUmipmappedArray mipmap,
      CUdevice device);
  CUresult MipmappedArrayDestroy(CUmipmappedArray mipmap);

 private:
  // The answer about memory that is mapped later. INVALID_VALUE: it is not.
  CUresult Require(const CUDA_ARRAY3D_DESCRIPTOR& descriptor, uint64_t size,
                   CUDA_ARRAY_MEMORY_REQUIREMENTS* requirements);
  // Chosen, as measured of cuMemFree: what is to be destroyed needs no current
  // context, but a current one must be alive.
  CUresult CheckAlive();

  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_ARRAY_CALLS_H_
