#include "governor/driver/host_driver/pointer_attribute.h"

#include <cstring>

namespace governor {
namespace {

template <typename T>
CUresult Write(void* data, T value) {
  std::memcpy(data, &value, sizeof(value));
  return CUDA_SUCCESS;
}

// CU_POINTER_ATTRIBUTE_IS_HW_DECOMPRESS_CAPABLE, which older headers lack.
constexpr int kIsHwDecompressCapable = 21;

bool IsFourBytes(CUpointer_attribute attribute) {
  switch (static_cast<int>(attribute)) {
    case kIsHwDecompressCapable:
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
    case CU_POINTER_ATTRIBUTE_MAPPED:
    case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
      return true;
    default:
      return false;
  }
}

}  // namespace

CUresult WritePointerAttribute(const DeviceMemory::Place& place,
                               CUdeviceptr address,
                               CUpointer_attribute attribute,
                               Contexts& contexts, void* data) {
  switch (static_cast<int>(attribute)) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
      // A mapping belongs to no context.
      return Write(data, place.linear ? contexts.ContextOf(place.device)
                                      : CUcontext{nullptr});
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
      return Write(data, static_cast<unsigned int>(CU_MEMORYTYPE_DEVICE));
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
      if (!place.accessible()) return CUDA_ERROR_INVALID_VALUE;
      return Write(data, address);
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
      return Write(data, 1);
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
      return Write(data, place.range_id);
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
      return Write(data, place.device);
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
      return Write(data, place.range_start);
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
      return Write(data, static_cast<size_t>(place.range_size));
    case CU_POINTER_ATTRIBUTE_MAPPED:
      return Write(data, 1);
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
    case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
    case kIsHwDecompressCapable:
      // Not there yet, and host memory that no other device reads directly.
      return Write(data, 0);
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
      return Write(data, static_cast<uint64_t>(place.handle_types));
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS: {
      int device = 0;
      if (CUresult result = contexts.CurrentDevice(&device)) return result;
      return Write(data, static_cast<int>(place.access[device]));
    }
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
      return Write(data, CUmemoryPool{nullptr});
    case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
      return Write(data, static_cast<size_t>(place.mapping_size));
    case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
      return Write(data, place.mapping_start);
    case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
      return Write(data, place.chunk_id);
    default:
      // Host pointers and tokens: there are none here.
      return CUDA_ERROR_INVALID_VALUE;
  }
}

bool IsPointerAttribute(CUpointer_attribute attribute) {
  return attribute >= CU_POINTER_ATTRIBUTE_CONTEXT &&
         static_cast<int>(attribute) <= kIsHwDecompressCapable &&
         attribute != CU_POINTER_ATTRIBUTE_P2P_TOKENS;
}

void WritePointerAttributeOrNothing(
    const std::optional<DeviceMemory::Place>& place, CUdeviceptr address,
    CUpointer_attribute attribute, Contexts& contexts, void* data) {
  if (place && place->mapped &&
      WritePointerAttribute(*place, address, attribute, contexts, data) ==
          CUDA_SUCCESS) {
    return;
  }
  const bool mapped = place && place->mapped;
  if (attribute == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL) {
    Write(data, CU_DEVICE_INVALID);
  } else if (attribute == CU_POINTER_ATTRIBUTE_HOST_POINTER && !mapped) {
    Write(data, address);
  } else if (attribute == CU_POINTER_ATTRIBUTE_RANGE_START_ADDR && place) {
    Write(data, place->range_start);
  } else if (attribute == CU_POINTER_ATTRIBUTE_RANGE_SIZE && place) {
    Write(data, static_cast<size_t>(place->range_size));
  } else {
    std::memset(data, 0, IsFourBytes(attribute) ? 4 : 8);
  }
}

}  // namespace governor
