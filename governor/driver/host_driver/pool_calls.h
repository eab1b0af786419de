#ifndef GOVERNOR_DRIVER_HOST_DRIVER_POOL_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_POOL_CALLS_H_

#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: memory pools and stream-ordered allocation. No pool is shared
// with other processes.
class PoolCalls {
 public:
  explicit PoolCalls(HostState& state) : state_(state) {}

  CUresult MemAllocAsync(CUdeviceptr* address, size_t size, CUstream stream);
  CUresult MemFreeAsync(CUdeviceptr address, CUstream stream);
  CUresult MemAllocFromPoolAsync(CUdeviceptr* address, size_t size,
                                 CUmemoryPool pool, CUstream stream);
  CUresult DeviceGetDefaultMemPool(CUmemoryPool* pool, CUdevice device);
  CUresult DeviceGetMemPool(CUmemoryPool* pool, CUdevice device);
  CUresult DeviceSetMemPool(CUdevice device, CUmemoryPool pool);
  CUresult MemPoolCreate(CUmemoryPool* pool, const CUmemPoolProps* properties);
  CUresult MemPoolDestroy(CUmemoryPool pool);
  CUresult MemPoolTrimTo(CUmemoryPool pool, size_t keep);
  CUresult MemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute,
                               void* value);
  CUresult MemPoolGetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute,
                               void* value);
  CUresult MemPoolSetAccess(CUmemoryPool pool, const CUmemAccessDesc* desc,
                            size_t count);
  CUresult MemPoolGetAccess(CUmemAccess_flags* flags, CUmemoryPool pool,
                            CUmemLocation* location);

 private:
  CUresult CheckSupported() const;
  CUresult CheckLocation(const CUmemLocation& location) const;
  CUresult Allocate(CUdeviceptr* address, size_t size, CUmemoryPool pool,
                    CUstream stream);

  HostState& state_;
  // Between a block's change of hands and its place in the stream's order.
  Mutex order_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_POOL_CALLS_H_
