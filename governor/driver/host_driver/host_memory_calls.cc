#include "governor/driver/host_driver/host_memory_calls.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "absl/base/attributes.h"
#include "governor/driver/host_driver/host_mapping.h"
#include "governor/driver/host_driver/register_rules.h"

namespace governor {
namespace {

CUdeviceptr Address(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

void* Pointer(CUdeviceptr address) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(address));
}

// Whoever else writes there loses nothing. The first and the last page hold
// memory that is not the caller's, which may be freed memory: no sanitizer has
// a say in it.
ABSL_ATTRIBUTE_NO_SANITIZE_ADDRESS ABSL_ATTRIBUTE_NO_SANITIZE_THREAD void
TouchPages(CUdeviceptr begin, CUdeviceptr end, uint64_t page) {
  for (CUdeviceptr at = begin; at < end; at += page) {
    __atomic_fetch_or(static_cast<uint8_t*>(Pointer(at)), 0, __ATOMIC_RELAXED);
  }
}

// Makes the pages of the range be there, and the process's own if `write`.
CUresult Populate(CUdeviceptr address, uint64_t size, bool write) {
  const uint64_t page = sysconf(_SC_PAGESIZE);
  const CUdeviceptr begin = address / page * page;
  const CUdeviceptr end = (address + size + page - 1) / page * page;
  const int advice = write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
  while (madvise(Pointer(begin), end - begin, advice) != 0) {
    if (errno == EINTR || errno == EAGAIN) continue;
    // A system before Linux 5.14 does not know the advice.
    if (errno == EINVAL) break;
    return errno == ENOMEM ? CUDA_ERROR_OUT_OF_MEMORY
                           : CUDA_ERROR_INVALID_VALUE;
  }
  // Nor does an emulated one, which does nothing and says it did.
  if (write) TouchPages(begin, end, page);
  return CUDA_SUCCESS;
}

}  // namespace

CUresult HostMemoryCalls::MemAllocHost(void** pointer, size_t size) {
  return MemHostAlloc(pointer, size, /*flags=*/0);
}

CUresult HostMemoryCalls::MemHostAlloc(void** pointer, size_t size,
                                       unsigned int flags) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  constexpr unsigned int kKnown = CU_MEMHOSTALLOC_PORTABLE |
                                  CU_MEMHOSTALLOC_DEVICEMAP |
                                  CU_MEMHOSTALLOC_WRITECOMBINED;
  if (pointer == nullptr || (flags & ~kKnown) != 0) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Measured: to ask for nothing is no error.
  if (size == 0) {
    *pointer = nullptr;
    return CUDA_SUCCESS;
  }
  CUdeviceptr address = 0;
  if (CUresult result = state_.memory->AllocateRange(
          RangeKind::kPinned, context, size, &address, flags)) {
    return result;
  }
  *pointer = Pointer(address);
  return CUDA_SUCCESS;
}

CUresult HostMemoryCalls::MemFreeHost(void* pointer) {
  if (pointer == nullptr) return CUDA_SUCCESS;  // measured
  if (CUresult result = WaitForUsers(RangeKind::kPinned, pointer)) {
    return result;
  }
  return state_.memory->FreeRange(RangeKind::kPinned, Address(pointer));
}

CUresult HostMemoryCalls::WaitForUsers(RangeKind kind, const void* pointer) {
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(Address(pointer));
  if (!place || place->kind != kind || place->range_start != Address(pointer)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  state_.streams.WaitForAllContexts();
  return CUDA_SUCCESS;
}

CUresult HostMemoryCalls::MemHostGetDevicePointer(CUdeviceptr* address,
                                                  void* pointer,
                                                  unsigned int flags) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  if (address == nullptr || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(Address(pointer));
  if (!place || (place->kind != RangeKind::kPinned &&
                 place->kind != RangeKind::kRegistered)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Of all personalities, devices use the host's own addresses.
  *address = Address(pointer);
  return CUDA_SUCCESS;
}

CUresult HostMemoryCalls::MemHostGetFlags(unsigned int* flags, void* pointer) {
  if (flags == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(Address(pointer));
  if (!place || (place->kind != RangeKind::kPinned &&
                 place->kind != RangeKind::kRegistered)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Measured: mapped, whether asked for or not; not what is read-only.
  *flags = (place->flags &
            (CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_WRITECOMBINED)) |
           CU_MEMHOSTALLOC_DEVICEMAP;
  return CUDA_SUCCESS;
}

CUresult HostMemoryCalls::MemHostRegister(void* pointer, size_t size,
                                          unsigned int flags) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  constexpr unsigned int kKnown =
      CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP |
      CU_MEMHOSTREGISTER_IOMEMORY | CU_MEMHOSTREGISTER_READ_ONLY;
  const CUdeviceptr address = Address(pointer);
  uint64_t end = 0;
  if (pointer == nullptr || size == 0 || (flags & ~kKnown) != 0 ||
      __builtin_add_overflow(address, size, &end)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const bool read_only = flags & CU_MEMHOSTREGISTER_READ_ONLY;
  // Measured, of plain memory. Another device's I/O memory there is not.
  if (flags & CU_MEMHOSTREGISTER_IOMEMORY) return CUDA_ERROR_INVALID_VALUE;
  // Documented.
  if (read_only && !state_.personality.Has(
                       CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED)) {
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  const HostRegistrations::Registration registration = {
      .address = address, .size = size, .flags = flags, .owner = context};
  if (CUresult result = state_.memory->CheckRegistration(registration)) {
    return result;
  }
  if (CUresult result = LockPages(address, size, read_only)) return result;
  return state_.memory->Register(registration);
}

CUresult HostMemoryCalls::LockPages(CUdeviceptr address, uint64_t size,
                                    bool read_only) {
  const std::optional<std::vector<HostMapping>> mappings =
      HostMappingsOf(address, size);
  if (!mappings) return CUDA_ERROR_INVALID_VALUE;
  // First whether, then the pages: a refusal leaves them as they were.
  for (const HostMapping& mapping : *mappings) {
    switch (RegisterOutcomeOf(state_.personality, mapping, read_only)) {
      case RegisterOutcome::kRefuses:
        return CUDA_ERROR_INVALID_VALUE;
      case RegisterOutcome::kHangs:
        state_.hung_calls.Hang();
        return CUDA_ERROR_UNKNOWN;
      default:
        break;
    }
  }
  for (const HostMapping& mapping : *mappings) {
    const bool own = RegisterOutcomeOf(state_.personality, mapping,
                                       read_only) == RegisterOutcome::kCopies ||
                     (mapping.writable && !mapping.file && !read_only);
    const CUdeviceptr begin = std::max<uint64_t>(address, mapping.begin);
    const CUdeviceptr end = std::min<uint64_t>(address + size, mapping.end);
    if (CUresult result = Populate(begin, end - begin, own)) return result;
  }
  return CUDA_SUCCESS;
}

CUresult HostMemoryCalls::MemHostUnregister(void* pointer) {
  if (pointer == nullptr) return CUDA_ERROR_INVALID_VALUE;
  // What is not registered there says Unregister.
  static_cast<void>(WaitForUsers(RangeKind::kRegistered, pointer));
  return state_.memory->Unregister(Address(pointer));
}

}  // namespace governor
