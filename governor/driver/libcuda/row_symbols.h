#ifndef GOVERNOR_DRIVER_LIBCUDA_ROW_SYMBOLS_H_
#define GOVERNOR_DRIVER_LIBCUDA_ROW_SYMBOLS_H_

// Exported names that are another name of a row of driver_api.h, as
// X(Field, exported_symbol, version). The version is that by which
// cuGetProcAddress finds it, as an H200 with driver 580.159.04 answered.

// The twins for programs compiled with per-thread default streams: a null
// stream means the calling thread's own.
#define GOVERNOR_OWN_STREAM_SYMBOLS(X)                          \
  X(Memcpy, cuMemcpy_ptds, 7000)                                \
  X(MemcpyAsync, cuMemcpyAsync_ptsz, 7000)                      \
  X(MemcpyHtoD, cuMemcpyHtoD_v2_ptds, 7000)                     \
  X(MemcpyHtoDAsync, cuMemcpyHtoDAsync_v2_ptsz, 7000)           \
  X(MemcpyDtoH, cuMemcpyDtoH_v2_ptds, 7000)                     \
  X(MemcpyDtoHAsync, cuMemcpyDtoHAsync_v2_ptsz, 7000)           \
  X(MemcpyDtoD, cuMemcpyDtoD_v2_ptds, 7000)                     \
  X(MemcpyDtoDAsync, cuMemcpyDtoDAsync_v2_ptsz, 7000)           \
  X(MemsetD8, cuMemsetD8_v2_ptds, 7000)                         \
  X(MemsetD8Async, cuMemsetD8Async_ptsz, 7000)                  \
  X(MemsetD16, cuMemsetD16_v2_ptds, 7000)                       \
  X(MemsetD16Async, cuMemsetD16Async_ptsz, 7000)                \
  X(MemsetD32, cuMemsetD32_v2_ptds, 7000)                       \
  X(MemsetD32Async, cuMemsetD32Async_ptsz, 7000)                \
  X(StreamSynchronize, cuStreamSynchronize_ptsz, 7000)          \
  X(StreamQuery, cuStreamQuery_ptsz, 7000)                      \
  X(StreamWaitEvent, cuStreamWaitEvent_ptsz, 7000)              \
  X(EventRecord, cuEventRecord_ptsz, 7000)                      \
  X(MemAllocAsync, cuMemAllocAsync_ptsz, 11020)                 \
  X(MemFreeAsync, cuMemFreeAsync_ptsz, 11020)                   \
  X(MemAllocFromPoolAsync, cuMemAllocFromPoolAsync_ptsz, 11020) \
  X(MemPrefetchAsync, cuMemPrefetchAsync_v2_ptsz, 12020)        \
  X(StreamAttachMemAsync, cuStreamAttachMemAsync_ptsz, 7000)    \
  X(Memcpy2D, cuMemcpy2D_v2_ptds, 7000)                         \
  X(Memcpy2DUnaligned, cuMemcpy2DUnaligned_v2_ptds, 7000)       \
  X(Memcpy2DAsync, cuMemcpy2DAsync_v2_ptsz, 7000)               \
  X(Memcpy3D, cuMemcpy3D_v2_ptds, 7000)                         \
  X(Memcpy3DAsync, cuMemcpy3DAsync_v2_ptsz, 7000)               \
  X(MemcpyPeer, cuMemcpyPeer_ptds, 7000)                        \
  X(MemcpyPeerAsync, cuMemcpyPeerAsync_ptsz, 7000)              \
  X(MemcpyHtoA, cuMemcpyHtoA_v2_ptds, 7000)                     \
  X(MemcpyAtoH, cuMemcpyAtoH_v2_ptds, 7000)                     \
  X(MemcpyDtoA, cuMemcpyDtoA_v2_ptds, 7000)                     \
  X(MemcpyAtoD, cuMemcpyAtoD_v2_ptds, 7000)                     \
  X(MemcpyAtoA, cuMemcpyAtoA_v2_ptds, 7000)                     \
  X(MemsetD2D8, cuMemsetD2D8_v2_ptds, 7000)                     \
  X(MemsetD2D8Async, cuMemsetD2D8Async_ptsz, 7000)              \
  X(MemsetD2D16, cuMemsetD2D16_v2_ptds, 7000)                   \
  X(MemsetD2D16Async, cuMemsetD2D16Async_ptsz, 7000)            \
  X(MemsetD2D32, cuMemsetD2D32_v2_ptds, 7000)                   \
  X(MemsetD2D32Async, cuMemsetD2D32Async_ptsz, 7000)            \
  X(StreamGetPriority, cuStreamGetPriority_ptsz, 7000)          \
  X(StreamGetFlags, cuStreamGetFlags_ptsz, 7000)                \
  X(StreamGetCtx, cuStreamGetCtx_ptsz, 9020)                    \
  X(LaunchHostFunc, cuLaunchHostFunc_ptsz, 10000)               \
  X(EventRecordWithFlags, cuEventRecordWithFlags_ptsz, 11010)   \
  X(StreamBeginCapture, cuStreamBeginCapture_v2_ptsz, 10010)    \
  X(StreamEndCapture, cuStreamEndCapture_ptsz, 10000)           \
  X(StreamIsCapturing, cuStreamIsCapturing_ptsz, 10000)         \
  X(GraphUpload, cuGraphUpload_ptsz, 11010)                     \
  X(GraphLaunch, cuGraphLaunch_ptsz, 10000)

// Older names of the same function.
#define GOVERNOR_OLDER_SYMBOLS(X)                               \
  X(CtxDestroy, cuCtxDestroy, 2000)                             \
  X(CtxPopCurrent, cuCtxPopCurrent, 2000)                       \
  X(CtxPushCurrent, cuCtxPushCurrent, 2000)                     \
  X(StreamDestroy, cuStreamDestroy, 2000)                       \
  X(EventDestroy, cuEventDestroy, 2000)                         \
  X(EventElapsedTime, cuEventElapsedTime, 2000)                 \
  X(DevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease, 7000)   \
  X(DevicePrimaryCtxReset, cuDevicePrimaryCtxReset, 7000)       \
  X(DevicePrimaryCtxSetFlags, cuDevicePrimaryCtxSetFlags, 7000) \
  X(DeviceGetUuid, cuDeviceGetUuid, 9020)                       \
  X(IpcOpenMemHandle, cuIpcOpenMemHandle, 4010)                 \
  X(MemHostRegister, cuMemHostRegister, 4000)

#endif  // GOVERNOR_DRIVER_LIBCUDA_ROW_SYMBOLS_H_
