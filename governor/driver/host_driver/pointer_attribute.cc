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

// Whether what it holds dies with a context.
bool HasContext(RangeKind kind) {
  return kind != RangeKind::kReservation && kind != RangeKind::kPool;
}

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
                               CUpointer_attribute attribute, HostState& state,
                               void* data) {
  switch (static_cast<int>(attribute)) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
      // A mapping belongs to no context, nor does a pool.
      return Write(data, HasContext(place.kind)
                             ? state.contexts.ContextOf(place.owner)
                             : CUcontext{nullptr});
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
      // Known of the real driver: managed memory is device memory here.
      return Write(data, static_cast<unsigned int>(place.on_host
                                                       ? CU_MEMORYTYPE_HOST
                                                       : CU_MEMORYTYPE_DEVICE));
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
      if (!place.accessible()) return CUDA_ERROR_INVALID_VALUE;
      return Write(data, address);
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
      if (!place.on_host && place.kind != RangeKind::kManaged) {
        return CUDA_ERROR_INVALID_VALUE;
      }
      return Write(data, address);
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
      return Write(data, place.sync_memops ? 1 : 0);
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
      return Write(data, place.kind == RangeKind::kManaged ? 1 : 0);
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
      return Write(data, place.kind == RangeKind::kLinear ? 1 : 0);
    case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
    case kIsHwDecompressCapable:
      // Host memory that no other device reads directly.
      return Write(data, 0);
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
      return Write(data, static_cast<uint64_t>(place.handle_types));
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS: {
      int device = 0;
      if (CUresult result = state.contexts.CurrentDevice(&device))
        return result;
      return Write(data, static_cast<int>(place.access[device]));
    }
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
      return Write(
          data, state.pool_of ? state.pool_of(place) : CUmemoryPool{nullptr});
    case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
      return Write(data, static_cast<size_t>(place.mapping_size));
    case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
      return Write(data, place.mapping_start);
    case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
      return Write(data, place.chunk_id);
    default:
      // Tokens: there are none here.
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
    CUpointer_attribute attribute, HostState& state, void* data) {
  if (place && place->mapped &&
      WritePointerAttribute(*place, address, attribute, state, data) ==
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
  } else if (attribute == CU_POINTER_ATTRIBUTE_RANGE_SIZE) {
    // Measured: left as it was where nothing is known.
    if (place) Write(data, static_cast<size_t>(place->range_size));
  } else {
    std::memset(data, 0, IsFourBytes(attribute) ? 4 : 8);
  }
}

}  // namespace governor
