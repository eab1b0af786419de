#include "governor/driver/host_driver/linear_calls.h"

#include <algorithm>
#include <cstring>

#include "governor/driver/host_driver/machine_memory.h"
#include "governor/driver/host_driver/pointer_attribute.h"

namespace governor {

CUresult LinearCalls::MemGetInfo(size_t* free, size_t* total) {
  int device = 0;
  if (CUresult result = state_.contexts.CurrentDevice(&device)) return result;
  const std::optional<Bytes> planned = state_.faults.NextFree();
  if (free != nullptr) *free = planned.value_or(FreeBytes(device)).count();
  if (total != nullptr) *total = state_.personality.memory.count();
  return CUDA_SUCCESS;
}

Bytes LinearCalls::FreeBytes(int device) const {
  const Bytes free = state_.memory->FreeBytes(device);
  if (!state_.personality.free_is_mem_free) return free;
  const std::optional<Bytes> machine = MachineMemFree();
  return machine ? std::min(free, *machine) : free;
}

CUresult LinearCalls::MemAlloc(CUdeviceptr* address, size_t size) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  if (address == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return state_.memory->AllocateLinear(context, size, address);
}

CUresult LinearCalls::MemFree(CUdeviceptr address) {
  // Measured: needs no current context, but a current one must be alive.
  int device = 0;
  const CUresult context = state_.contexts.CurrentDevice(&device);
  if (context == CUDA_ERROR_CONTEXT_IS_DESTROYED) return context;
  if (address == 0) return CUDA_SUCCESS;
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(address);
  if (place && (place->kind == RangeKind::kLinear ||
                place->kind == RangeKind::kManaged)) {
    if (place->range_start != address) return CUDA_ERROR_INVALID_VALUE;
    // Known of the real driver: work that was asked for before uses it still.
    // Measured: of this context alone.
    state_.streams.WaitForContext(place->owner);
    return state_.memory->FreeRange(place->kind, address);
  }
  return state_.free_pool_block ? state_.free_pool_block(address)
                                : CUDA_ERROR_INVALID_VALUE;
}

CUresult LinearCalls::MemGetAddressRange(CUdeviceptr* base, size_t* size,
                                         CUdeviceptr address) {
  int device = 0;
  if (CUresult result = state_.contexts.CurrentDevice(&device)) return result;
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(address);
  // Measured: of virtual memory management it knows single mappings, and only
  // those that the device may access.
  const bool known = place && (place->allocated() || place->accessible());
  if (!known) return CUDA_ERROR_NOT_FOUND;
  if (base != nullptr) {
    *base = place->allocated() ? place->range_start : place->mapping_start;
  }
  if (size != nullptr) {
    *size = place->allocated() ? place->range_size : place->mapping_size;
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
  return WritePointerAttribute(*place, address, attribute, state_, data);
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
    WritePointerAttributeOrNothing(place, address, attributes[i], state_,
                                   data[i]);
  }
  return CUDA_SUCCESS;
}

CUresult LinearCalls::MemAllocPitch(CUdeviceptr* address, size_t* pitch,
                                    size_t width, size_t height,
                                    unsigned int element) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  if (address == nullptr || pitch == nullptr || width == 0 || height == 0 ||
      (element != 4 && element != 8 && element != 16)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Known of devices since long: rows begin at multiples of 512.
  const std::optional<Bytes> row = AlignUp(Bytes(width), Bytes(512));
  const std::optional<Bytes> size =
      row ? CheckedMultiply(*row, height) : std::nullopt;
  if (!size) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result =
          state_.memory->AllocateLinear(context, size->count(), address)) {
    return result;
  }
  *pitch = row->count();
  return CUDA_SUCCESS;
}

CUresult LinearCalls::PointerSetAttribute(const void* value,
                                          CUpointer_attribute attribute,
                                          CUdeviceptr address) {
  if (value == nullptr || attribute != CU_POINTER_ATTRIBUTE_SYNC_MEMOPS) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(address);
  if (!place || !place->mapped) return CUDA_ERROR_INVALID_VALUE;
  // Measured: not of virtual memory management.
  if (!place->allocated()) return CUDA_ERROR_NOT_SUPPORTED;
  unsigned int on = 0;
  std::memcpy(&on, value, sizeof(on));
  return state_.memory->SetSyncMemops(address, on != 0);
}

}  // namespace governor
