#ifndef GOVERNOR_DRIVER_HOST_DRIVER_PITCHED_COPY_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_PITCHED_COPY_CALLS_H_

#include <functional>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: copies and sets of rows and boxes, to and from arrays, and
// between contexts. Each checks that it may touch every byte, and answers
// INVALID_VALUE before it touches the first otherwise.
class PitchedCopyCalls {
 public:
  explicit PitchedCopyCalls(HostState& state) : state_(state) {}

  CUresult Memcpy2D(const CUDA_MEMCPY2D* copy);
  CUresult Memcpy2DUnaligned(const CUDA_MEMCPY2D* copy);
  CUresult Memcpy2DAsync(const CUDA_MEMCPY2D* copy, CUstream stream);
  CUresult Memcpy3D(const CUDA_MEMCPY3D* copy);
  CUresult Memcpy3DAsync(const CUDA_MEMCPY3D* copy, CUstream stream);
  CUresult MemcpyPeer(CUdeviceptr to, CUcontext to_context, CUdeviceptr from,
                      CUcontext from_context, size_t size);
  CUresult MemcpyPeerAsync(CUdeviceptr to, CUcontext to_context,
                           CUdeviceptr from, CUcontext from_context,
                           size_t size, CUstream stream);
  CUresult MemcpyHtoA(CUarray to, size_t to_offset, const void* from,
                      size_t size);
  CUresult MemcpyAtoH(void* to, CUarray from, size_t from_offset, size_t size);
  CUresult MemcpyDtoA(CUarray to, size_t to_offset, CUdeviceptr from,
                      size_t size);
  CUresult MemcpyAtoD(CUdeviceptr to, CUarray from, size_t from_offset,
                      size_t size);
  CUresult MemcpyAtoA(CUarray to, size_t to_offset, CUarray from,
                      size_t from_offset, size_t size);
  CUresult MemsetD2D8(CUdeviceptr to, size_t pitch, unsigned char value,
                      size_t width, size_t height);
  CUresult MemsetD2D8Async(CUdeviceptr to, size_t pitch, unsigned char value,
                           size_t width, size_t height, CUstream stream);
  CUresult MemsetD2D16(CUdeviceptr to, size_t pitch,
                       unsigned short value,  // NOLINT
                       size_t width, size_t height);
  CUresult MemsetD2D16Async(CUdeviceptr to, size_t pitch,
                            unsigned short value,  // NOLINT
                            size_t width, size_t height, CUstream stream);
  CUresult MemsetD2D32(CUdeviceptr to, size_t pitch, unsigned int value,
                       size_t width, size_t height);
  CUresult MemsetD2D32Async(CUdeviceptr to, size_t pitch, unsigned int value,
                            size_t width, size_t height, CUstream stream);

 private:
  // Whether the caller waits until all is done.
  enum class Wait { kNo, kYes };

  CUresult Copy2D(const CUDA_MEMCPY2D* copy, CUstream stream, Wait wait);
  CUresult Copy3D(const CUDA_MEMCPY3D* copy, CUstream stream, Wait wait);
  CUresult CopyPeer(CUdeviceptr to, CUcontext to_context, CUdeviceptr from,
                    CUcontext from_context, size_t size, CUstream stream,
                    Wait wait);
  // Bytes of a row, to or from a one-dimensional array.
  CUresult CopyRow(CUDA_MEMCPY3D copy, size_t size);
  CUresult Set(const CUDA_MEMSET_NODE_PARAMS& set, CUstream stream, Wait wait);
  CUresult Submit(CUstream stream, CUgraphNodeType kind,
                  std::function<CUresult()> work, Wait wait);

  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_PITCHED_COPY_CALLS_H_
