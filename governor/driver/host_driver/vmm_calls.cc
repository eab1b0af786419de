#include "governor/driver/host_driver/vmm_calls.h"

#include <limits.h>

#include <cstring>

#include "governor/driver/host_driver/machine_memory.h"

namespace governor {

CUresult VmmCalls::CheckSupported() const {
  return state_.personality.Has(
             CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED)
             ? CUDA_SUCCESS
             : CUDA_ERROR_NOT_SUPPORTED;
}

bool VmmCalls::HasHost() const {
  return state_.personality.Has(
      CU_DEVICE_ATTRIBUTE_HOST_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED);
}

bool VmmCalls::HasHostNuma() const {
  return state_.personality.Has(
      CU_DEVICE_ATTRIBUTE_HOST_NUMA_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED);
}

CUresult VmmCalls::CheckProperties(const CUmemAllocationProp* prop) const {
  if (prop == nullptr || prop->type != CU_MEM_ALLOCATION_TYPE_PINNED ||
      prop->win32HandleMetaData != nullptr ||
      prop->allocFlags.compressionType > CU_MEM_ALLOCATION_COMP_GENERIC) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  for (const unsigned char reserved : prop->allocFlags.reserved) {
    if (reserved != 0) return CUDA_ERROR_INVALID_VALUE;
  }
  switch (static_cast<int>(prop->requestedHandleTypes)) {
    case CU_MEM_HANDLE_TYPE_NONE:
    case CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR:
      break;
    case CU_MEM_HANDLE_TYPE_FABRIC:
      return CUDA_ERROR_NOT_PERMITTED;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
  switch (prop->location.type) {
    case CU_MEM_LOCATION_TYPE_DEVICE:
      return state_.IsDevice(prop->location.id) ? CUDA_SUCCESS
                                                : CUDA_ERROR_INVALID_DEVICE;
    case CU_MEM_LOCATION_TYPE_HOST:
      if (!HasHost()) return CUDA_ERROR_NOT_SUPPORTED;
      // Documented: it cannot be exported. Its `id` is ignored.
      return prop->requestedHandleTypes == CU_MEM_HANDLE_TYPE_NONE
                 ? CUDA_SUCCESS
                 : CUDA_ERROR_INVALID_VALUE;
    case CU_MEM_LOCATION_TYPE_HOST_NUMA:
      if (!HasHostNuma()) return CUDA_ERROR_NOT_SUPPORTED;
      return IsMemoryNode(prop->location.id) ? CUDA_SUCCESS
                                             : CUDA_ERROR_INVALID_VALUE;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult VmmCalls::CheckAccess(const CUmemAccessDesc& desc) const {
  if (desc.flags != CU_MEM_ACCESS_FLAGS_PROT_NONE &&
      desc.flags != CU_MEM_ACCESS_FLAGS_PROT_READ &&
      desc.flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  switch (desc.location.type) {
    case CU_MEM_LOCATION_TYPE_DEVICE:
      return state_.IsDevice(desc.location.id) ? CUDA_SUCCESS
                                               : CUDA_ERROR_INVALID_VALUE;
    case CU_MEM_LOCATION_TYPE_HOST:
      return HasHost() ? CUDA_SUCCESS : CUDA_ERROR_NOT_SUPPORTED;
    case CU_MEM_LOCATION_TYPE_HOST_NUMA:
      return HasHostNuma() ? CUDA_SUCCESS : CUDA_ERROR_NOT_SUPPORTED;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult VmmCalls::MemGetAllocationGranularity(
    size_t* granularity, const CUmemAllocationProp* prop,
    CUmemAllocationGranularity_flags option) {
  // Measured: of `prop` no more is looked at here.
  if (granularity == nullptr || prop == nullptr ||
      (option != CU_MEM_ALLOC_GRANULARITY_MINIMUM &&
       option != CU_MEM_ALLOC_GRANULARITY_RECOMMENDED)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (CUresult result = CheckSupported()) return result;
  *granularity = state_.personality.granularity.count();
  return CUDA_SUCCESS;
}

CUresult VmmCalls::MemAddressReserve(CUdeviceptr* address, size_t size,
                                     size_t alignment, CUdeviceptr hint,
                                     unsigned long long flags) {  // NOLINT
  if (address == nullptr || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckSupported()) return result;
  return state_.memory->Reserve(size, alignment, hint, address);
}

CUresult VmmCalls::MemAddressFree(CUdeviceptr address, size_t size) {
  if (CUresult result = CheckSupported()) return result;
  return state_.memory->FreeReservation(address, size);
}

CUresult VmmCalls::MemCreate(CUmemGenericAllocationHandle* handle, size_t size,
                             const CUmemAllocationProp* prop,
                             unsigned long long flags) {  // NOLINT
  if (handle == nullptr || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckSupported()) return result;
  if (CUresult result = CheckProperties(prop)) return result;
  return state_.memory->CreateChunk(Bytes(size), *prop, handle);
}

CUresult VmmCalls::MemRelease(CUmemGenericAllocationHandle handle) {
  if (CUresult result = CheckSupported()) return result;
  return state_.memory->ReleaseChunk(handle);
}

CUresult VmmCalls::MemMap(CUdeviceptr address, size_t size, size_t offset,
                          CUmemGenericAllocationHandle handle,
                          unsigned long long flags) {  // NOLINT
  if (CUresult result = CheckSupported()) return result;
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  return state_.memory->Map(address, size, offset, handle);
}

CUresult VmmCalls::MemUnmap(CUdeviceptr address, size_t size) {
  if (CUresult result = CheckSupported()) return result;
  return state_.memory->Unmap(address, size);
}

CUresult VmmCalls::MemSetAccess(CUdeviceptr address, size_t size,
                                const CUmemAccessDesc* desc, size_t count) {
  if (CUresult result = CheckSupported()) return result;
  if (desc == nullptr || count == 0) return CUDA_ERROR_INVALID_VALUE;
  for (size_t i = 0; i < count; ++i) {
    if (CUresult result = CheckAccess(desc[i])) return result;
  }
  return state_.memory->SetAccess(address, size, desc, count);
}

CUresult VmmCalls::MemGetAccess(unsigned long long* flags,  // NOLINT
                                const CUmemLocation* location,
                                CUdeviceptr address) {
  if (flags == nullptr || location == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckSupported()) return result;
  switch (location->type) {
    case CU_MEM_LOCATION_TYPE_DEVICE:
      if (!state_.IsDevice(location->id)) return CUDA_ERROR_INVALID_DEVICE;
      return state_.memory->GetAccess(address, *location, flags);
    case CU_MEM_LOCATION_TYPE_HOST:
    case CU_MEM_LOCATION_TYPE_HOST_NUMA:
      return state_.memory->GetAccess(address, *location, flags);
    default:
      return CUDA_ERROR_INVALID_DEVICE;
  }
}

CUresult VmmCalls::MemGetAllocationPropertiesFromHandle(
    CUmemAllocationProp* prop, CUmemGenericAllocationHandle handle) {
  if (prop == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckSupported()) return result;
  return state_.memory->PropertiesOf(handle, prop);
}

CUresult VmmCalls::MemRetainAllocationHandle(
    CUmemGenericAllocationHandle* handle, void* address) {
  if (handle == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckSupported()) return result;
  return state_.memory->RetainChunkAt(reinterpret_cast<CUdeviceptr>(address),
                                      handle);
}

CUresult VmmCalls::CheckHandleType(CUmemAllocationHandleType type) const {
  switch (static_cast<int>(type)) {
    case CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR:
      return CUDA_SUCCESS;
    case CU_MEM_HANDLE_TYPE_FABRIC:
      return CUDA_ERROR_NOT_PERMITTED;
    case CU_MEM_HANDLE_TYPE_WIN32:
    case CU_MEM_HANDLE_TYPE_WIN32_KMT:
      return CUDA_ERROR_NOT_SUPPORTED;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult VmmCalls::MemExportToShareableHandle(
    void* shareable, CUmemGenericAllocationHandle handle,
    CUmemAllocationHandleType type, unsigned long long flags) {  // NOLINT
  if (shareable == nullptr || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckSupported()) return result;
  // Measured: not a type that the chunk was not created with, whichever it is.
  if (type != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  int file = -1;
  if (CUresult result = state_.memory->ExportChunk(handle, &file)) {
    return result;
  }
  std::memcpy(shareable, &file, sizeof(file));
  return CUDA_SUCCESS;
}

CUresult VmmCalls::MemImportFromShareableHandle(
    CUmemGenericAllocationHandle* handle, void* shareable,
    CUmemAllocationHandleType type) {
  if (handle == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckSupported()) return result;
  if (CUresult result = CheckHandleType(type)) return result;
  const auto file = reinterpret_cast<intptr_t>(shareable);
  if (file < 0 || file > INT_MAX) return CUDA_ERROR_UNKNOWN;  // measured
  return state_.memory->ImportChunk(static_cast<int>(file), handle);
}

}  // namespace governor
