#ifndef GOVERNOR_DRIVER_HOST_DRIVER_VMM_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_VMM_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: virtual memory management. They check arguments; DeviceMemory
// does the rest. A device without it answers CUDA_ERROR_NOT_SUPPORTED to all.
class VmmCalls {
 public:
  explicit VmmCalls(HostState& state) : state_(state) {}

  CUresult MemGetAllocationGranularity(size_t* granularity,
                                       const CUmemAllocationProp* prop,
                                       CUmemAllocationGranularity_flags option);
  CUresult MemAddressReserve(CUdeviceptr* address, size_t size,
                             size_t alignment, CUdeviceptr hint,
                             unsigned long long flags);  // NOLINT
  CUresult MemAddressFree(CUdeviceptr address, size_t size);
  CUresult MemCreate(CUmemGenericAllocationHandle* handle, size_t size,
                     const CUmemAllocationProp* prop,
                     unsigned long long flags);  // NOLINT
  CUresult MemRelease(CUmemGenericAllocationHandle handle);
  CUresult MemMap(CUdeviceptr address, size_t size, size_t offset,
                  CUmemGenericAllocationHandle handle,
                  unsigned long long flags);  // NOLINT
  CUresult MemUnmap(CUdeviceptr address, size_t size);
  CUresult MemSetAccess(CUdeviceptr address, size_t size,
                        const CUmemAccessDesc* desc, size_t count);
  CUresult MemGetAccess(unsigned long long* flags,  // NOLINT
                        const CUmemLocation* location, CUdeviceptr address);
  CUresult MemGetAllocationPropertiesFromHandle(
      CUmemAllocationProp* prop, CUmemGenericAllocationHandle handle);
  CUresult MemRetainAllocationHandle(CUmemGenericAllocationHandle* handle,
                                     void* address);
  CUresult MemExportToShareableHandle(void* shareable,
                                      CUmemGenericAllocationHandle handle,
                                      CUmemAllocationHandleType type,
                                      unsigned long long flags);  // NOLINT
  CUresult MemImportFromShareableHandle(CUmemGenericAllocationHandle* handle,
                                        void* shareable,
                                        CUmemAllocationHandleType type);

 private:
  // CUDA_SUCCESS when the devices have virtual memory management.
  CUresult CheckSupported() const;
  CUresult CheckProperties(const CUmemAllocationProp* prop) const;
  CUresult CheckHandleType(CUmemAllocationHandleType type) const;
  // Whether memory may be located on the host, or on a memory node of it.
  bool HasHost() const;
  bool HasHostNuma() const;
  CUresult CheckAccess(const CUmemAccessDesc& desc) const;

  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_VMM_CALLS_H_
