#include "governor/driver/host_driver/pitched_copy_calls.h"

#include <cstring>
#include <utility>

#include "governor/driver/host_driver/prepared_copies.h"

namespace governor {
namespace {

CUDA_MEMCPY3D OneSlice(const CUDA_MEMCPY2D& copy) {
  CUDA_MEMCPY3D slice = {};
  slice.srcXInBytes = copy.srcXInBytes;
  slice.srcY = copy.srcY;
  slice.srcMemoryType = copy.srcMemoryType;
  slice.srcHost = copy.srcHost;
  slice.srcDevice = copy.srcDevice;
  slice.srcArray = copy.srcArray;
  slice.srcPitch = copy.srcPitch;
  slice.dstXInBytes = copy.dstXInBytes;
  slice.dstY = copy.dstY;
  slice.dstMemoryType = copy.dstMemoryType;
  slice.dstHost = copy.dstHost;
  slice.dstDevice = copy.dstDevice;
  slice.dstArray = copy.dstArray;
  slice.dstPitch = copy.dstPitch;
  slice.WidthInBytes = copy.WidthInBytes;
  slice.Height = copy.Height;
  slice.Depth = 1;
  return slice;
}

CUDA_MEMCPY3D To(CUarray array, size_t offset) {
  CUDA_MEMCPY3D copy = {};
  copy.dstMemoryType = CU_MEMORYTYPE_ARRAY;
  copy.dstArray = array;
  copy.dstXInBytes = offset;
  return copy;
}

CUDA_MEMCPY3D From(CUDA_MEMCPY3D copy, CUarray array, size_t offset) {
  copy.srcMemoryType = CU_MEMORYTYPE_ARRAY;
  copy.srcArray = array;
  copy.srcXInBytes = offset;
  return copy;
}

template <typename T>
CUDA_MEMSET_NODE_PARAMS Rows(CUdeviceptr to, size_t pitch, T value,
                             size_t width, size_t height) {
  return {.dst = to,
          .pitch = pitch,
          .value = value,
          .elementSize = sizeof(T),
          .width = width,
          .height = height};
}

}  // namespace

CUresult PitchedCopyCalls::Memcpy2D(const CUDA_MEMCPY2D* copy) {
  return Copy2D(copy, nullptr, Wait::kYes);
}

CUresult PitchedCopyCalls::Memcpy2DUnaligned(const CUDA_MEMCPY2D* copy) {
  return Copy2D(copy, nullptr, Wait::kYes);
}

CUresult PitchedCopyCalls::Memcpy2DAsync(const CUDA_MEMCPY2D* copy,
                                         CUstream stream) {
  return Copy2D(copy, stream, Wait::kNo);
}

CUresult PitchedCopyCalls::Memcpy3D(const CUDA_MEMCPY3D* copy) {
  return Copy3D(copy, nullptr, Wait::kYes);
}

CUresult PitchedCopyCalls::Memcpy3DAsync(const CUDA_MEMCPY3D* copy,
                                         CUstream stream) {
  return Copy3D(copy, stream, Wait::kNo);
}

CUresult PitchedCopyCalls::MemcpyPeer(CUdeviceptr to, CUcontext to_context,
                                      CUdeviceptr from, CUcontext from_context,
                                      size_t size) {
  return CopyPeer(to, to_context, from, from_context, size, nullptr,
                  Wait::kYes);
}

CUresult PitchedCopyCalls::MemcpyPeerAsync(CUdeviceptr to, CUcontext to_context,
                                           CUdeviceptr from,
                                           CUcontext from_context, size_t size,
                                           CUstream stream) {
  return CopyPeer(to, to_context, from, from_context, size, stream, Wait::kNo);
}

CUresult PitchedCopyCalls::MemcpyHtoA(CUarray to, size_t to_offset,
                                      const void* from, size_t size) {
  CUDA_MEMCPY3D copy = To(to, to_offset);
  copy.srcMemoryType = CU_MEMORYTYPE_HOST;
  copy.srcHost = from;
  return CopyRow(copy, size);
}

CUresult PitchedCopyCalls::MemcpyAtoH(void* to, CUarray from,
                                      size_t from_offset, size_t size) {
  CUDA_MEMCPY3D copy = {};
  copy.dstMemoryType = CU_MEMORYTYPE_HOST;
  copy.dstHost = to;
  return CopyRow(From(copy, from, from_offset), size);
}

CUresult PitchedCopyCalls::MemcpyDtoA(CUarray to, size_t to_offset,
                                      CUdeviceptr from, size_t size) {
  CUDA_MEMCPY3D copy = To(to, to_offset);
  copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
  copy.srcDevice = from;
  return CopyRow(copy, size);
}

CUresult PitchedCopyCalls::MemcpyAtoD(CUdeviceptr to, CUarray from,
                                      size_t from_offset, size_t size) {
  CUDA_MEMCPY3D copy = {};
  copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
  copy.dstDevice = to;
  return CopyRow(From(copy, from, from_offset), size);
}

CUresult PitchedCopyCalls::MemcpyAtoA(CUarray to, size_t to_offset,
                                      CUarray from, size_t from_offset,
                                      size_t size) {
  return CopyRow(From(To(to, to_offset), from, from_offset), size);
}

CUresult PitchedCopyCalls::MemsetD2D8(CUdeviceptr to, size_t pitch,
                                      unsigned char value, size_t width,
                                      size_t height) {
  return Set(Rows(to, pitch, value, width, height), nullptr, Wait::kYes);
}

CUresult PitchedCopyCalls::MemsetD2D8Async(CUdeviceptr to, size_t pitch,
                                           unsigned char value, size_t width,
                                           size_t height, CUstream stream) {
  return Set(Rows(to, pitch, value, width, height), stream, Wait::kNo);
}

CUresult PitchedCopyCalls::MemsetD2D16(CUdeviceptr to, size_t pitch,
                                       unsigned short value,  // NOLINT
                                       size_t width, size_t height) {
  return Set(Rows(to, pitch, value, width, height), nullptr, Wait::kYes);
}

CUresult PitchedCopyCalls::MemsetD2D16Async(CUdeviceptr to, size_t pitch,
                                            unsigned short value,  // NOLINT
                                            size_t width, size_t height,
                                            CUstream stream) {
  return Set(Rows(to, pitch, value, width, height), stream, Wait::kNo);
}

CUresult PitchedCopyCalls::MemsetD2D32(CUdeviceptr to, size_t pitch,
                                       unsigned int value, size_t width,
                                       size_t height) {
  return Set(Rows(to, pitch, value, width, height), nullptr, Wait::kYes);
}

CUresult PitchedCopyCalls::MemsetD2D32Async(CUdeviceptr to, size_t pitch,
                                            unsigned int value, size_t width,
                                            size_t height, CUstream stream) {
  return Set(Rows(to, pitch, value, width, height), stream, Wait::kNo);
}

CUresult PitchedCopyCalls::Copy2D(const CUDA_MEMCPY2D* copy, CUstream stream,
                                  Wait wait) {
  if (copy == nullptr) return Copy3D(nullptr, stream, wait);
  const CUDA_MEMCPY3D slice = OneSlice(*copy);
  return Copy3D(&slice, stream, wait);
}

CUresult PitchedCopyCalls::Copy3D(const CUDA_MEMCPY3D* copy, CUstream stream,
                                  Wait wait) {
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  if (copy == nullptr) return CUDA_ERROR_INVALID_VALUE;
  std::function<CUresult()> work;
  if (CUresult result = PrepareCopy3D(state_, *copy, &work)) return result;
  return Submit(stream, CU_GRAPH_NODE_TYPE_MEMCPY, std::move(work), wait);
}

CUresult PitchedCopyCalls::CopyPeer(CUdeviceptr to, CUcontext to_context,
                                    CUdeviceptr from, CUcontext from_context,
                                    size_t size, CUstream stream, Wait wait) {
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  for (const CUcontext context : {to_context, from_context}) {
    ContextId id = 0;
    // Measured: none is as good as any.
    const CUresult result =
        context == nullptr ? CUDA_SUCCESS : state_.contexts.Check(context, &id);
    if (result != CUDA_SUCCESS) return result;
  }
  if (size == 0) return CUDA_SUCCESS;
  // Not by the contexts' memory: addresses are those of all devices together.
  const auto work = [&memory = *state_.memory, to, from, size] {
    using Use = DeviceMemory::Use;
    return memory.With({to, size, Use::kWrite, /*host_allowed=*/false},
                       {from, size, Use::kRead, /*host_allowed=*/false}, [&] {
                         std::memmove(reinterpret_cast<void*>(to),
                                      reinterpret_cast<void*>(from), size);
                       });
  };
  return Submit(stream, CU_GRAPH_NODE_TYPE_MEMCPY, work, wait);
}

CUresult PitchedCopyCalls::CopyRow(CUDA_MEMCPY3D copy, size_t size) {
  copy.WidthInBytes = size;
  copy.Height = 1;
  copy.Depth = 1;
  return Copy3D(&copy, nullptr, Wait::kYes);
}

CUresult PitchedCopyCalls::Set(const CUDA_MEMSET_NODE_PARAMS& set,
                               CUstream stream, Wait wait) {
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  std::function<CUresult()> work;
  if (CUresult result = PrepareMemset(state_, set, &work)) return result;
  return Submit(stream, CU_GRAPH_NODE_TYPE_MEMSET, std::move(work), wait);
}

CUresult PitchedCopyCalls::Submit(CUstream stream, CUgraphNodeType kind,
                                  std::function<CUresult()> work, Wait wait) {
  return wait == Wait::kYes
             ? state_.streams.Run(stream, std::move(work))
             : state_.streams.Enqueue(stream, kind, std::move(work));
}

}  // namespace governor
