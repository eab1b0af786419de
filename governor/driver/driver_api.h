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
// These are the rows that every driver must have. Each is in the driver API
// since CUDA 11.0 or earlier, but for cuDeviceGetUuid_v2 (11.4).
// symbol_versions.h has the version of each.
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

// Rows that an older driver may lack, or that only some users need; their field
// is null where the driver has no such symbol, and LoadDriver does not mind.
#define GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(X)                             \
  X(GetProcAddress, cuGetProcAddress_v2)                                \
  /* contexts and devices */                                            \
  X(DeviceGetPCIBusId, cuDeviceGetPCIBusId)                             \
  X(DeviceGetByPCIBusId, cuDeviceGetByPCIBusId)                         \
  X(DeviceGetLuid, cuDeviceGetLuid)                                     \
  X(DevicePrimaryCtxSetFlags, cuDevicePrimaryCtxSetFlags_v2)            \
  X(DevicePrimaryCtxReset, cuDevicePrimaryCtxReset_v2)                  \
  X(CtxCreate, cuCtxCreate_v4)                                          \
  X(CtxDestroy, cuCtxDestroy_v2)                                        \
  X(CtxGetFlags, cuCtxGetFlags)                                         \
  X(CtxGetApiVersion, cuCtxGetApiVersion)                               \
  X(CtxSetLimit, cuCtxSetLimit)                                         \
  X(CtxGetLimit, cuCtxGetLimit)                                         \
  X(CtxGetStreamPriorityRange, cuCtxGetStreamPriorityRange)             \
  X(DeviceCanAccessPeer, cuDeviceCanAccessPeer)                         \
  X(DeviceGetP2PAttribute, cuDeviceGetP2PAttribute)                     \
  X(CtxEnablePeerAccess, cuCtxEnablePeerAccess)                         \
  X(CtxDisablePeerAccess, cuCtxDisablePeerAccess)                       \
  /* virtual memory management */                                       \
  X(MemExportToShareableHandle, cuMemExportToShareableHandle)           \
  X(MemImportFromShareableHandle, cuMemImportFromShareableHandle)       \
  /* linear */                                                          \
  X(MemAllocPitch, cuMemAllocPitch_v2)                                  \
  X(PointerSetAttribute, cuPointerSetAttribute)                         \
  /* pools */                                                           \
  X(MemAllocAsync, cuMemAllocAsync)                                     \
  X(MemFreeAsync, cuMemFreeAsync)                                       \
  X(MemAllocFromPoolAsync, cuMemAllocFromPoolAsync)                     \
  X(DeviceGetDefaultMemPool, cuDeviceGetDefaultMemPool)                 \
  X(DeviceGetMemPool, cuDeviceGetMemPool)                               \
  X(DeviceSetMemPool, cuDeviceSetMemPool)                               \
  X(MemPoolCreate, cuMemPoolCreate)                                     \
  X(MemPoolDestroy, cuMemPoolDestroy)                                   \
  X(MemPoolTrimTo, cuMemPoolTrimTo)                                     \
  X(MemPoolSetAttribute, cuMemPoolSetAttribute)                         \
  X(MemPoolGetAttribute, cuMemPoolGetAttribute)                         \
  X(MemPoolSetAccess, cuMemPoolSetAccess)                               \
  X(MemPoolGetAccess, cuMemPoolGetAccess)                               \
  /* managed */                                                         \
  X(MemAllocManaged, cuMemAllocManaged)                                 \
  X(MemAdvise, cuMemAdvise_v2)                                          \
  X(MemPrefetchAsync, cuMemPrefetchAsync_v2)                            \
  X(MemRangeGetAttribute, cuMemRangeGetAttribute)                       \
  X(MemRangeGetAttributes, cuMemRangeGetAttributes)                     \
  X(StreamAttachMemAsync, cuStreamAttachMemAsync)                       \
  /* host memory */                                                     \
  X(MemAllocHost, cuMemAllocHost_v2)                                    \
  X(MemFreeHost, cuMemFreeHost)                                         \
  X(MemHostAlloc, cuMemHostAlloc)                                       \
  X(MemHostGetDevicePointer, cuMemHostGetDevicePointer_v2)              \
  X(MemHostGetFlags, cuMemHostGetFlags)                                 \
  X(MemHostRegister, cuMemHostRegister_v2)                              \
  X(MemHostUnregister, cuMemHostUnregister)                             \
  /* arrays */                                                          \
  X(ArrayCreate, cuArrayCreate_v2)                                      \
  X(ArrayGetDescriptor, cuArrayGetDescriptor_v2)                        \
  X(Array3DCreate, cuArray3DCreate_v2)                                  \
  X(Array3DGetDescriptor, cuArray3DGetDescriptor_v2)                    \
  X(ArrayGetMemoryRequirements, cuArrayGetMemoryRequirements)           \
  X(ArrayDestroy, cuArrayDestroy)                                       \
  X(MipmappedArrayCreate, cuMipmappedArrayCreate)                       \
  X(MipmappedArrayGetLevel, cuMipmappedArrayGetLevel)                   \
  X(MipmappedArrayGetMemoryRequirements,                                \
    cuMipmappedArrayGetMemoryRequirements)                              \
  X(MipmappedArrayDestroy, cuMipmappedArrayDestroy)                     \
  /* copies in two and three dimensions, between devices */             \
  X(Memcpy2D, cuMemcpy2D_v2)                                            \
  X(Memcpy2DUnaligned, cuMemcpy2DUnaligned_v2)                          \
  X(Memcpy2DAsync, cuMemcpy2DAsync_v2)                                  \
  X(Memcpy3D, cuMemcpy3D_v2)                                            \
  X(Memcpy3DAsync, cuMemcpy3DAsync_v2)                                  \
  X(MemcpyPeer, cuMemcpyPeer)                                           \
  X(MemcpyPeerAsync, cuMemcpyPeerAsync)                                 \
  X(MemcpyHtoA, cuMemcpyHtoA_v2)                                        \
  X(MemcpyAtoH, cuMemcpyAtoH_v2)                                        \
  X(MemcpyDtoA, cuMemcpyDtoA_v2)                                        \
  X(MemcpyAtoD, cuMemcpyAtoD_v2)                                        \
  X(MemcpyAtoA, cuMemcpyAtoA_v2)                                        \
  X(MemsetD2D8, cuMemsetD2D8_v2)                                        \
  X(MemsetD2D8Async, cuMemsetD2D8Async)                                 \
  X(MemsetD2D16, cuMemsetD2D16_v2)                                      \
  X(MemsetD2D16Async, cuMemsetD2D16Async)                               \
  X(MemsetD2D32, cuMemsetD2D32_v2)                                      \
  X(MemsetD2D32Async, cuMemsetD2D32Async)                               \
  /* streams and events */                                              \
  X(StreamCreateWithPriority, cuStreamCreateWithPriority)               \
  X(StreamGetPriority, cuStreamGetPriority)                             \
  X(StreamGetFlags, cuStreamGetFlags)                                   \
  X(StreamGetCtx, cuStreamGetCtx)                                       \
  X(LaunchHostFunc, cuLaunchHostFunc)                                   \
  X(EventRecordWithFlags, cuEventRecordWithFlags)                       \
  X(EventElapsedTime, cuEventElapsedTime_v2)                            \
  /* capture */                                                         \
  X(StreamBeginCapture, cuStreamBeginCapture_v2)                        \
  X(StreamEndCapture, cuStreamEndCapture)                               \
  X(StreamIsCapturing, cuStreamIsCapturing)                             \
  X(ThreadExchangeStreamCaptureMode, cuThreadExchangeStreamCaptureMode) \
  /* graphs */                                                          \
  X(GraphCreate, cuGraphCreate)                                         \
  X(GraphDestroy, cuGraphDestroy)                                       \
  X(GraphAddEmptyNode, cuGraphAddEmptyNode)                             \
  X(GraphAddMemcpyNode, cuGraphAddMemcpyNode)                           \
  X(GraphAddMemsetNode, cuGraphAddMemsetNode)                           \
  X(GraphAddHostNode, cuGraphAddHostNode)                               \
  X(GraphAddMemAllocNode, cuGraphAddMemAllocNode)                       \
  X(GraphMemAllocNodeGetParams, cuGraphMemAllocNodeGetParams)           \
  X(GraphAddMemFreeNode, cuGraphAddMemFreeNode)                         \
  X(GraphMemFreeNodeGetParams, cuGraphMemFreeNodeGetParams)             \
  X(GraphNodeGetType, cuGraphNodeGetType)                               \
  X(GraphGetNodes, cuGraphGetNodes)                                     \
  X(GraphInstantiate, cuGraphInstantiateWithFlags)                      \
  X(GraphUpload, cuGraphUpload)                                         \
  X(GraphLaunch, cuGraphLaunch)                                         \
  X(GraphExecDestroy, cuGraphExecDestroy)                               \
  X(DeviceGraphMemTrim, cuDeviceGraphMemTrim)                           \
  X(DeviceGetGraphMemAttribute, cuDeviceGetGraphMemAttribute)           \
  X(DeviceSetGraphMemAttribute, cuDeviceSetGraphMemAttribute)           \
  /* legacy interprocess communication */                               \
  X(IpcGetMemHandle, cuIpcGetMemHandle)                                 \
  X(IpcOpenMemHandle, cuIpcOpenMemHandle_v2)                            \
  X(IpcCloseMemHandle, cuIpcCloseMemHandle)                             \
  X(IpcGetEventHandle, cuIpcGetEventHandle)                             \
  X(IpcOpenEventHandle, cuIpcOpenEventHandle)

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
