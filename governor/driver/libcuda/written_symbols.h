#ifndef GOVERNOR_DRIVER_LIBCUDA_WRITTEN_SYMBOLS_H_
#define GOVERNOR_DRIVER_LIBCUDA_WRITTEN_SYMBOLS_H_

// Exported names that are functions of their own here, as
// X(exported_symbol, version). The version is that by which cuGetProcAddress
// finds it, as an H200 with driver 580.159.04 answered.
#define GOVERNOR_WRITTEN_SYMBOLS(X)           \
  X(cuCtxCreate, 2000)                        \
  X(cuCtxCreate_v2, 3020)                     \
  X(cuCtxCreate_v3, 11040)                    \
  X(cuCtxGetDevice_v2, 13000)                 \
  X(cuCtxSynchronize_v2, 13000)               \
  X(cuDeviceTotalMem, 2000)                   \
  X(cuDeviceComputeCapability, 2000)          \
  X(cuGetProcAddress, 11030)                  \
  X(cuGetExportTable, 3000)                   \
  X(cuMemAdvise, 8000)                        \
  X(cuMemPrefetchAsync, 8000)                 \
  X(cuMemPrefetchAsync_ptsz, 8000)            \
  X(cuStreamBeginCapture, 10000)              \
  X(cuStreamBeginCapture_ptsz, 10000)         \
  X(cuGraphInstantiate, 10000)                \
  X(cuGraphInstantiate_v2, 11000)             \
  X(cuGraphInstantiateWithParams, 12000)      \
  X(cuGraphInstantiateWithParams_ptsz, 12000) \
  X(cuStreamGetCtx_v2, 12050)                 \
  X(cuStreamGetCtx_v2_ptsz, 12050)            \
  X(cuStreamGetDevice, 12080)                 \
  X(cuStreamGetDevice_ptsz, 12080)            \
  X(cuStreamAddCallback, 5000)                \
  X(cuStreamAddCallback_ptsz, 7000)           \
  X(cuProfilerStart, 4000)                    \
  X(cuProfilerStop, 4000)

// Of CUDA 3.1 and before, with addresses and sizes of 32 bits. That H200
// answers CUDA_ERROR_INVALID_CONTEXT to each, because no context of today is of
// that kind, and so do we.
#define GOVERNOR_SHORT_ADDRESS_SYMBOLS(X) \
  X(cuArray3DCreate, 2000)                \
  X(cuArray3DGetDescriptor, 2000)         \
  X(cuArrayCreate, 2000)                  \
  X(cuArrayGetDescriptor, 2000)           \
  X(cuMemAlloc, 2000)                     \
  X(cuMemAllocHost, 2000)                 \
  X(cuMemAllocPitch, 2000)                \
  X(cuMemFree, 2000)                      \
  X(cuMemGetAddressRange, 2000)           \
  X(cuMemGetInfo, 2000)                   \
  X(cuMemHostGetDevicePointer, 2020)      \
  X(cuMemcpy2D, 2000)                     \
  X(cuMemcpy2DAsync, 2000)                \
  X(cuMemcpy2DUnaligned, 2000)            \
  X(cuMemcpy3D, 2000)                     \
  X(cuMemcpy3DAsync, 2000)                \
  X(cuMemcpyAtoA, 2000)                   \
  X(cuMemcpyAtoD, 2000)                   \
  X(cuMemcpyAtoH, 2000)                   \
  X(cuMemcpyAtoHAsync, 2000)              \
  X(cuMemcpyDtoA, 2000)                   \
  X(cuMemcpyDtoD, 2000)                   \
  X(cuMemcpyDtoDAsync, 3000)              \
  X(cuMemcpyDtoH, 2000)                   \
  X(cuMemcpyDtoHAsync, 2000)              \
  X(cuMemcpyHtoA, 2000)                   \
  X(cuMemcpyHtoAAsync, 2000)              \
  X(cuMemcpyHtoD, 2000)                   \
  X(cuMemcpyHtoDAsync, 2000)              \
  X(cuMemsetD16, 2000)                    \
  X(cuMemsetD2D16, 2000)                  \
  X(cuMemsetD2D32, 2000)                  \
  X(cuMemsetD2D8, 2000)                   \
  X(cuMemsetD32, 2000)                    \
  X(cuMemsetD8, 2000)

#endif  // GOVERNOR_DRIVER_LIBCUDA_WRITTEN_SYMBOLS_H_
