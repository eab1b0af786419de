#include "governor/driver/host_driver/managed_calls.h"

#include <cstring>

#include "governor/driver/host_driver/host_mapping.h"
#include "governor/driver/host_driver/machine_memory.h"
#include "governor/driver/host_driver/range_attribute.h"

namespace governor {

CUresult ManagedCalls::MemAllocManaged(CUdeviceptr* address, size_t size,
                                       unsigned int flags) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  if (address == nullptr ||
      (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (!state_.personality.Has(CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY)) {
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  if (CUresult result = state_.memory->AllocateRange(
          RangeKind::kManaged, context, size, address, flags)) {
    return result;
  }
  state_.advice.Forget(*address, size);
  return CUDA_SUCCESS;
}

CUresult ManagedCalls::CheckRange(CUdeviceptr address, uint64_t size) {
  uint64_t end = 0;
  if (address == 0 || size == 0 ||
      __builtin_add_overflow(address, size, &end)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(address);
  if (place && place->kind == RangeKind::kManaged) {
    // Documented: the end is rounded up to a page.
    return end <= place->mapping_start + place->mapping_size
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
  }
  if (place && place->kind != RangeKind::kRegistered) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  return state_.personality.Has(CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS) &&
                 HostMappingsOf(address, size)
             ? CUDA_SUCCESS
             : CUDA_ERROR_INVALID_VALUE;
}

CUresult ManagedCalls::CheckLocation(CUmemLocation& location,
                                     CUresult no_device) {
  switch (location.type) {
    case CU_MEM_LOCATION_TYPE_DEVICE:
      // Documented: the device accesses managed memory at the same time as the
      // CPU.
      return state_.IsDevice(location.id) &&
                     state_.personality.Has(
                         CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS)
                 ? CUDA_SUCCESS
                 : no_device;
    case CU_MEM_LOCATION_TYPE_HOST:
      location.id = 0;  // documented: ignored
      return CUDA_SUCCESS;
    case CU_MEM_LOCATION_TYPE_HOST_NUMA:
      return IsMemoryNode(location.id) ? CUDA_SUCCESS
                                       : CUDA_ERROR_INVALID_VALUE;
    case CU_MEM_LOCATION_TYPE_HOST_NUMA_CURRENT:
      location = {CU_MEM_LOCATION_TYPE_HOST_NUMA, CurrentMemoryNode()};
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult ManagedCalls::MemAdvise(CUdeviceptr address, size_t size,
                                 CUmem_advise advice, CUmemLocation location) {
  // Measured, both; a prefetch says INVALID_DEVICE.
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  constexpr CUresult kNoDevice = CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckRange(address, size)) return result;
  using Advice = ManagedAdvice::Advice;
  const auto change = [&](absl::FunctionRef<void(Advice&)> change) {
    state_.advice.Change(address, size, change);
    return CUDA_SUCCESS;
  };
  switch (advice) {
    case CU_MEM_ADVISE_SET_READ_MOSTLY:
      return change([](Advice& advice) { advice.read_mostly = true; });
    case CU_MEM_ADVISE_UNSET_READ_MOSTLY:
      return change([](Advice& advice) { advice.read_mostly = false; });
    case CU_MEM_ADVISE_SET_PREFERRED_LOCATION:
      if (CUresult result = CheckLocation(location, kNoDevice)) return result;
      return change([&](Advice& advice) { advice.preferred = location; });
    case CU_MEM_ADVISE_UNSET_PREFERRED_LOCATION:
      return change([](Advice& advice) { advice.preferred = {}; });
    case CU_MEM_ADVISE_SET_ACCESSED_BY:
    case CU_MEM_ADVISE_UNSET_ACCESSED_BY: {
      // Documented: no memory nodes.
      if (location.type != CU_MEM_LOCATION_TYPE_DEVICE &&
          location.type != CU_MEM_LOCATION_TYPE_HOST) {
        return CUDA_ERROR_INVALID_VALUE;
      }
      if (CUresult result = CheckLocation(location, kNoDevice)) return result;
      const uint32_t bit = uint32_t{1} << AccessIndex(location);
      return advice == CU_MEM_ADVISE_SET_ACCESSED_BY
                 ? change([=](Advice& advice) { advice.accessed_by |= bit; })
                 : change([=](Advice& advice) { advice.accessed_by &= ~bit; });
    }
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult ManagedCalls::MemPrefetchAsync(CUdeviceptr address, size_t size,
                                        CUmemLocation location,
                                        unsigned int flags, CUstream stream) {
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckRange(address, size)) return result;
  if (CUresult result = CheckLocation(location, CUDA_ERROR_INVALID_DEVICE)) {
    return result;
  }
  if (CUresult result = state_.streams.Enqueue(stream, CU_GRAPH_NODE_TYPE_EMPTY,
                                               [] { return CUDA_SUCCESS; })) {
    return result;
  }
  // Documented: what was asked for last, whether or not it has begun.
  state_.advice.Change(address, size, [&](ManagedAdvice::Advice& advice) {
    advice.last_prefetch = location;
  });
  return CUDA_SUCCESS;
}

CUresult ManagedCalls::MemRangeGetAttribute(void* data, size_t data_size,
                                            CUmem_range_attribute attribute,
                                            CUdeviceptr address, size_t size) {
  return MemRangeGetAttributes(&data, &data_size, &attribute, 1, address, size);
}

CUresult ManagedCalls::MemRangeGetAttributes(void** data, size_t* data_sizes,
                                             CUmem_range_attribute* attributes,
                                             size_t num_attributes,
                                             CUdeviceptr address, size_t size) {
  if (data == nullptr || data_sizes == nullptr || attributes == nullptr ||
      num_attributes == 0) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  for (size_t i = 0; i < num_attributes; ++i) {
    if (data[i] == nullptr || !IsRangeAttribute(attributes[i], data_sizes[i])) {
      return CUDA_ERROR_INVALID_VALUE;
    }
  }
  if (CUresult result = CheckRange(address, size)) return result;
  const ManagedAdvice::Advice common = state_.advice.Common(address, size);
  for (size_t i = 0; i < num_attributes; ++i) {
    WriteRangeAttribute(common, attributes[i], data[i], data_sizes[i]);
  }
  return CUDA_SUCCESS;
}

CUresult ManagedCalls::StreamAttachMemAsync(CUstream stream,
                                            CUdeviceptr address, size_t length,
                                            unsigned int flags) {
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  if (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST &&
      flags != CU_MEM_ATTACH_SINGLE) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Documented: the NULL stream is no single stream.
  if (flags == CU_MEM_ATTACH_SINGLE && Streams::IsDefault(stream)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(address);
  if (place && place->kind == RangeKind::kManaged) {
    // Documented: the allocation, whole.
    if (address != place->range_start ||
        (length != 0 && length != place->range_size)) {
      return CUDA_ERROR_INVALID_VALUE;
    }
  } else if (CUresult result = CheckRange(address, length)) {
    return result;
  }
  // Every device here may use the memory at the same time as the CPU, and so
  // there is nothing to attach.
  return state_.streams.EnqueueGraph(stream, [] { return CUDA_SUCCESS; });
}

}  // namespace governor
