#include "governor/driver/host_driver/linear_calls.h"

#include "governor/driver/host_driver/pointer_attribute.h"

namespace governor {

CUresult LinearCalls::MemGetInfo(size_t* free, size_t* total) {
  int device = 0;
  if (CUresult result = state_.contexts.CurrentDevice(&device)) return result;
  const std::optional<Bytes> planned = state_.faults.NextFree();
  if (free != nullptr) {
    *free = planned.value_or(state_.memory->FreeBytes(device)).count();
  }
  if (total != nullptr) *total = state_.personality.memory.count();
  return CUDA_SUCCESS;
}

CUresult LinearCalls::MemAlloc(CUdeviceptr* address, size_t size) {
  int device = 0;
  if (CUresult result = state_.contexts.CurrentDevice(&device)) return result;
  if (address == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return state_.memory->AllocateLinear(device, size, address);
}

CUresult LinearCalls::MemFree(CUdeviceptr address) {
  // Measured: needs no current context, but a current one must be alive.
  int device = 0;
  const CUresult context = state_.contexts.CurrentDevice(&device);
  if (context == CUDA_ERROR_CONTEXT_IS_DESTROYED) return context;
  if (address == 0) return CUDA_SUCCESS;
  return state_.memory->FreeLinear(address);
}

CUresult LinearCalls::MemGetAddressRange(CUdeviceptr* base, size_t* size,
                                         CUdeviceptr address) {
  int device = 0;
  if (CUresult result = state_.contexts.CurrentDevice(&device)) return result;
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(address);
  // Measured: of virtual memory management it knows single mappings, and only
  // those that the device may access.
  const bool known = place && (place->linear || place->accessible());
  if (!known) return CUDA_ERROR_NOT_FOUND;
  if (base != nullptr) {
    *base = place->linear ? place->range_start : place->mapping_start;
  }
  if (size != nullptr) {
    *size = place->linear ? place->range_size : place->mapping_size;
  }
  return CUDA_SUCCESS;
}

CUresult LinearCalls::PointerGetAttribute(void* data,
                                          CUpointer_attribute attribute,
                                          CUdeviceptr address) {
  if (data == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(address);
  if (!place || !place->mapped) return CUDA_ERROR_INVALID_VALUE;
  return WritePointerAttribute(*place, address, attribute, state_.contexts,
                               data);
}

CUresult LinearCalls::PointerGetAttributes(unsigned int count,
                                           CUpointer_attribute* attributes,
                                           void** data, CUdeviceptr address) {
  if (count == 0 || attributes == nullptr || data == nullptr) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(address);
  // All or nothing: first whether each may be asked for, then the answers.
  for (unsigned int i = 0; i < count; ++i) {
    if (data[i] == nullptr || !IsPointerAttribute(attributes[i])) {
      return CUDA_ERROR_INVALID_VALUE;
    }
  }
  for (unsigned int i = 0; i < count; ++i) {
    WritePointerAttributeOrNothing(place, address, attributes[i],
                                   state_.contexts, data[i]);
  }
  return CUDA_SUCCESS;
}

}  // namespace governor
