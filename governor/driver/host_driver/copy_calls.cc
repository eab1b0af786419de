#include "governor/driver/host_driver/copy_calls.h"

#include <algorithm>
#include <cstring>

namespace governor {
namespace {

CUdeviceptr Address(const void* pointer) {
  return reinterpret_cast<CUdeviceptr>(pointer);
}

template <typename T = void>
T* Pointer(CUdeviceptr address) {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(address));
}

}  // namespace

CUresult CopyCalls::Copy(CUdeviceptr to, Side to_side, CUdeviceptr from,
                         Side from_side, size_t size, Wait wait,
                         CUstream stream) {
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  if (size == 0) return CUDA_SUCCESS;
  using Use = DeviceMemory::Use;
  const auto work = [=, this] {
    return state_.memory->With(
        {to, size, Use::kWrite, to_side == Side::kAnywhere},
        {from, size, Use::kRead, from_side == Side::kAnywhere},
        // Ranges that overlap are undefined for CUDA; here they are not.
        [&] { std::memmove(Pointer(to), Pointer(from), size); });
  };
  return wait == Wait::kUntilDone
             ? state_.streams.Run(stream, work)
             : state_.streams.Enqueue(stream, CU_GRAPH_NODE_TYPE_MEMCPY, work);
}

template <typename T>
CUresult CopyCalls::Set(CUdeviceptr to, T value, size_t count,
                        CUstream stream) {
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  if (to % sizeof(T) != 0) return CUDA_ERROR_INVALID_VALUE;
  uint64_t size = 0;
  if (__builtin_mul_overflow(count, sizeof(T), &size)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (size == 0) return CUDA_SUCCESS;
  return state_.streams.Enqueue(stream, CU_GRAPH_NODE_TYPE_MEMSET, [=, this] {
    return state_.memory->With(
        {to, size, DeviceMemory::Use::kWrite, /*host_allowed=*/false},
        [&] { std::fill_n(Pointer<T>(to), count, value); });
  });
}

CUresult CopyCalls::Memcpy(CUdeviceptr to, CUdeviceptr from, size_t size) {
  return Copy(to, Side::kAnywhere, from, Side::kAnywhere, size,
              Wait::kUntilDone, nullptr);
}

CUresult CopyCalls::MemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t size,
                                CUstream stream) {
  return Copy(to, Side::kAnywhere, from, Side::kAnywhere, size, Wait::kNot,
              stream);
}

CUresult CopyCalls::MemcpyHtoD(CUdeviceptr to, const void* from, size_t size) {
  return Copy(to, Side::kDevice, Address(from), Side::kAnywhere, size,
              Wait::kUntilDone, nullptr);
}

CUresult CopyCalls::MemcpyHtoDAsync(CUdeviceptr to, const void* from,
                                    size_t size, CUstream stream) {
  return Copy(to, Side::kDevice, Address(from), Side::kAnywhere, size,
              Wait::kNot, stream);
}

CUresult CopyCalls::MemcpyDtoH(void* to, CUdeviceptr from, size_t size) {
  return Copy(Address(to), Side::kAnywhere, from, Side::kDevice, size,
              Wait::kUntilDone, nullptr);
}

CUresult CopyCalls::MemcpyDtoHAsync(void* to, CUdeviceptr from, size_t size,
                                    CUstream stream) {
  return Copy(Address(to), Side::kAnywhere, from, Side::kDevice, size,
              Wait::kNot, stream);
}

// As on hardware, the host does not wait for a copy within devices.
CUresult CopyCalls::MemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t size) {
  return MemcpyDtoDAsync(to, from, size, nullptr);
}

CUresult CopyCalls::MemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from,
                                    size_t size, CUstream stream) {
  return Copy(to, Side::kDevice, from, Side::kDevice, size, Wait::kNot, stream);
}

CUresult CopyCalls::MemsetD8(CUdeviceptr to, unsigned char value,
                             size_t count) {
  return Set(to, value, count, nullptr);
}

CUresult CopyCalls::MemsetD8Async(CUdeviceptr to, unsigned char value,
                                  size_t count, CUstream stream) {
  return Set(to, value, count, stream);
}

CUresult CopyCalls::MemsetD16(CUdeviceptr to, unsigned short value,  // NOLINT
                              size_t count) {
  return Set(to, value, count, nullptr);
}

CUresult CopyCalls::MemsetD16Async(CUdeviceptr to,
                                   unsigned short value,  // NOLINT
                                   size_t count, CUstream stream) {
  return Set(to, value, count, stream);
}

CUresult CopyCalls::MemsetD32(CUdeviceptr to, unsigned int value,
                              size_t count) {
  return Set(to, value, count, nullptr);
}

CUresult CopyCalls::MemsetD32Async(CUdeviceptr to, unsigned int value,
                                   size_t count, CUstream stream) {
  return Set(to, value, count, stream);
}

}  // namespace governor
