#ifndef GOVERNOR_DRIVER_HOST_DRIVER_COPY_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_COPY_CALLS_H_

#include <cstdint>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: copies and sets. Each checks that it may touch every byte, and
// answers INVALID_VALUE before it touches the first otherwise. A pointer to
// plain host memory is the caller's word, as for the real driver.
class CopyCalls {
 public:
  explicit CopyCalls(HostState& state) : state_(state) {}

  CUresult Memcpy(CUdeviceptr to, CUdeviceptr from, size_t size);
  CUresult MemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t size,
                       CUstream stream);
  CUresult MemcpyHtoD(CUdeviceptr to, const void* from, size_t size);
  CUresult MemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t size,
                           CUstream stream);
  CUresult MemcpyDtoH(void* to, CUdeviceptr from, size_t size);
  CUresult MemcpyDtoHAsync(void* to, CUdeviceptr from, size_t size,
                           CUstream stream);
  CUresult MemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t size);
  CUresult MemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t size,
                           CUstream stream);
  CUresult MemsetD8(CUdeviceptr to, unsigned char value, size_t count);
  CUresult MemsetD8Async(CUdeviceptr to, unsigned char value, size_t count,
                         CUstream stream);
  CUresult MemsetD16(CUdeviceptr to, unsigned short value,  // NOLINT
                     size_t count);
  CUresult MemsetD16Async(CUdeviceptr to, unsigned short value,  // NOLINT
                          size_t count, CUstream stream);
  CUresult MemsetD32(CUdeviceptr to, unsigned int value, size_t count);
  CUresult MemsetD32Async(CUdeviceptr to, unsigned int value, size_t count,
                          CUstream stream);

 private:
  // Where a side of a copy may lie.
  enum class Side { kDevice, kAnywhere };

  enum class Wait { kNot, kUntilDone };

  CUresult Copy(CUdeviceptr to, Side to_side, CUdeviceptr from, Side from_side,
                size_t size, Wait wait, CUstream stream);
  template <typename T>
  CUresult Set(CUdeviceptr to, T value, size_t count, CUstream stream);

  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_COPY_CALLS_H_
