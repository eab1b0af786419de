#ifndef GOVERNOR_DRIVER_DRIVER_API_H_
#define GOVERNOR_DRIVER_DRIVER_API_H_

// The only header of the library that includes <cuda.h>.
#include <cuda.h>

namespace governor {

// The one list of CUDA driver symbols, as X(Field, exported_symbol).
//
// The exported name is spelled out, because <cuda.h> renames many functions by
// macro: `cuMemGetInfo` written here would load the first version of the symbol
// while its type followed the macro to the second.
//
// Every row is in the driver API since CUDA 11.0 or earlier, but for
// cuDeviceGetUuid_v2 (11.4), and for cuGetProcAddress_v2 (12.0), which has a
// list of its own. symbol_versions.h has the version of each.
#define GOVERNOR_DRIVER_SYMBOLS(X)                              \
  /* start, versions, errors */                                 \
  X(Init, cuInit)                                               \
  X(DriverGetVersion, cuDriverGetVersion)                       \
  X(GetErrorName, cuGetErrorName)                               \
  X(GetErrorString, cuGetErrorString)                           \
  /* devices */                                                 \
  X(DeviceGet, cuDeviceGet)                                     \
  X(DeviceGetCount, cuDeviceGetCount)                           \
  X(DeviceGetName, cuDeviceGetName)                             \
  X(DeviceGetUuid, cuDeviceGetUuid_v2)                          \
  X(DeviceTotalMem, cuDeviceTotalMem_v2)                        \
  X(DeviceGetAttribute, cuDeviceGetAttribute)                   \
  /* contexts */                                                \
  X(DevicePrimaryCtxRetain, cuDevicePrimaryCtxRetain)           \
  X(DevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2)      \
  X(DevicePrimaryCtxGetState, cuDevicePrimaryCtxGetState)       \
  X(CtxPushCurrent, cuCtxPushCurrent_v2)                        \
  X(CtxPopCurrent, cuCtxPopCurrent_v2)                          \
  X(CtxSetCurrent, cuCtxSetCurrent)                             \
  X(CtxGetCurrent, cuCtxGetCurrent)                             \
  X(CtxGetDevice, cuCtxGetDevice)                               \
  X(CtxSynchronize, cuCtxSynchronize)                           \
  /* virtual memory management */                               \
  X(MemGetAllocationGranularity, cuMemGetAllocationGranularity) \
  X(MemAddressReserve, cuMemAddressReserve)                     \
  X(MemAddressFree, cuMemAddressFree)                           \
  X(MemCreate, cuMemCreate)                                     \
  X(MemRelease, cuMemRelease)                                   \
  X(MemMap, cuMemMap)                                           \
  X(MemUnmap, cuMemUnmap)                                       \
  X(MemSetAccess, cuMemSetAccess)                               \
  X(MemGetAccess, cuMemGetAccess)                               \
  X(MemGetAllocationPropertiesFromHandle,                       \
    cuMemGetAllocationPropertiesFromHandle)                     \
  X(MemRetainAllocationHandle, cuMemRetainAllocationHandle)     \
  /* linear memory */                                           \
  X(MemGetInfo, cuMemGetInfo_v2)                                \
  X(MemAlloc, cuMemAlloc_v2)                                    \
  X(MemFree, cuMemFree_v2)                                      \
  X(MemGetAddressRange, cuMemGetAddressRange_v2)                \
  X(PointerGetAttribute, cuPointerGetAttribute)                 \
  X(PointerGetAttributes, cuPointerGetAttributes)               \
  /* copies and sets */                                         \
  X(Memcpy, cuMemcpy)                                           \
  X(MemcpyAsync, cuMemcpyAsync)                                 \
  X(MemcpyHtoD, cuMemcpyHtoD_v2)                                \
  X(MemcpyHtoDAsync, cuMemcpyHtoDAsync_v2)                      \
  X(MemcpyDtoH, cuMemcpyDtoH_v2)                                \
  X(MemcpyDtoHAsync, cuMemcpyDtoHAsync_v2)                      \
  X(MemcpyDtoD, cuMemcpyDtoD_v2)                                \
  X(MemcpyDtoDAsync, cuMemcpyDtoDAsync_v2)                      \
  X(MemsetD8, cuMemsetD8_v2)                                    \
  X(MemsetD8Async, cuMemsetD8Async)                             \
  X(MemsetD16, cuMemsetD16_v2)                                  \
  X(MemsetD16Async, cuMemsetD16Async)                           \
  X(MemsetD32, cuMemsetD32_v2)                                  \
  X(MemsetD32Async, cuMemsetD32Async)                           \
  /* streams and events */                                      \
  X(StreamCreate, cuStreamCreate)                               \
  X(StreamDestroy, cuStreamDestroy_v2)                          \
  X(StreamSynchronize, cuStreamSynchronize)                     \
  X(StreamQuery, cuStreamQuery)                                 \
  X(StreamWaitEvent, cuStreamWaitEvent)                         \
  X(EventCreate, cuEventCreate)                                 \
  X(EventDestroy, cuEventDestroy_v2)                            \
  X(EventRecord, cuEventRecord)                                 \
  X(EventQuery, cuEventQuery)                                   \
  X(EventSynchronize, cuEventSynchronize)

// Rows that an older driver may lack; their field is null then.
#define GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(X) \
  X(GetProcAddress, cuGetProcAddress_v2)

// The CUDA driver as a value: one function pointer per symbol, with CUDA's own
// signatures. Filled by LoadDriver from libcuda.so.1, or by HostDriver. It owns
// nothing, and a copy is as good as the original. Nothing in the library calls
// the driver except through one of these, passed to a constructor.
//
// Thread-safe as CUDA's own functions are.
struct DriverApi {
#define GOVERNOR_FIELD(field, symbol) decltype(&::symbol) field = nullptr;
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_FIELD)
  GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_FIELD)
#undef GOVERNOR_FIELD
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_DRIVER_API_H_
