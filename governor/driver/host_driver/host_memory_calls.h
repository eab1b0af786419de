#ifndef GOVERNOR_DRIVER_HOST_DRIVER_HOST_MEMORY_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_HOST_MEMORY_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: page-locked host memory. What the driver allocates is shared
// memory of the process; what it is told to lock stays what it was, with its
// pages made to be there.
class HostMemoryCalls {
 public:
  explicit HostMemoryCalls(HostState& state) : state_(state) {}

  CUresult MemAllocHost(void** pointer, size_t size);
  CUresult MemFreeHost(void* pointer);
  CUresult MemHostAlloc(void** pointer, size_t size, unsigned int flags);
  CUresult MemHostGetDevicePointer(CUdeviceptr* address, void* pointer,
                                   unsigned int flags);
  CUresult MemHostGetFlags(unsigned int* flags, void* pointer);
  CUresult MemHostRegister(void* pointer, size_t size, unsigned int flags);
  CUresult MemHostUnregister(void* pointer);

 private:
  // Waits for the work that was asked for before memory goes. INVALID_VALUE: no
  // memory of this kind begins there.
  CUresult WaitForUsers(RangeKind kind, const void* pointer);
  // What page-locking does to plain host memory, and whether it can.
  CUresult LockPages(CUdeviceptr address, uint64_t size, bool read_only);

  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_HOST_MEMORY_CALLS_H_
