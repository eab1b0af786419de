#include "governor/driver/host_driver/context_limits.h"

#include <algorithm>

namespace governor {
namespace {

// The last CUlimit of CUDA 13.0. By number, so that an older header does not
// make fewer of them valid.
constexpr int kLastLimit = 9;

// Documented: of local memory for each thread.
constexpr size_t kMaxStack = 512 << 10;
// Documented: the maximum launch depth.
constexpr size_t kMaxSyncDepth = 24;
// Documented: a granularity of 0 to 128 bytes. Measured: more is refused.
constexpr size_t kMaxL2Fetch = 128;
// Measured: a stack is rounded up to this.
constexpr size_t kStackStep = 16;

int Attribute(const Personality& personality, CUdevice_attribute attribute) {
  const auto found = personality.attributes.find(attribute);
  return found == personality.attributes.end() ? 0 : found->second;
}

int Capability(const Personality& personality) {
  return 10 * Attribute(personality,
                        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) +
         Attribute(personality, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
}

size_t MaxPersistingL2(const Personality& personality) {
  return Attribute(personality,
                   CU_DEVICE_ATTRIBUTE_MAX_PERSISTING_L2_CACHE_SIZE);
}

}  // namespace

CUresult DefaultLimit(const Personality& personality, CUlimit limit,
                      size_t* value) {
  // Chosen, where nothing else is said: figures that CUDA's documentation and
  // users' reports agree on.
  switch (static_cast<int>(limit)) {
    case CU_LIMIT_STACK_SIZE:
      *value = 1 << 10;
      return CUDA_SUCCESS;
    case CU_LIMIT_PRINTF_FIFO_SIZE:
      *value = 1 << 20;
      return CUDA_SUCCESS;
    case CU_LIMIT_MALLOC_HEAP_SIZE:
      *value = 8 << 20;
      return CUDA_SUCCESS;
    case CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH:
      // Documented: not from compute capability 9.0 on.
      if (Capability(personality) >= 90) return CUDA_ERROR_UNSUPPORTED_LIMIT;
      *value = 2;  // documented
      return CUDA_SUCCESS;
    case CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT:
      // Documented: from compute capability 3.5 on.
      if (Capability(personality) < 35) return CUDA_ERROR_UNSUPPORTED_LIMIT;
      *value = 2048;  // documented
      return CUDA_SUCCESS;
    case CU_LIMIT_MAX_L2_FETCH_GRANULARITY:
      *value = 64;
      return CUDA_SUCCESS;
    case CU_LIMIT_PERSISTING_L2_CACHE_SIZE:
      if (MaxPersistingL2(personality) == 0) {
        return CUDA_ERROR_UNSUPPORTED_LIMIT;
      }
      *value = 0;
      return CUDA_SUCCESS;
    default:
      return static_cast<int>(limit) >= 0 &&
                     static_cast<int>(limit) <= kLastLimit
                 ? CUDA_ERROR_UNSUPPORTED_LIMIT
                 : CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult AdjustLimit(const Personality& personality, CUlimit limit,
                     size_t* value) {
  size_t ignored = 0;
  if (CUresult result = DefaultLimit(personality, limit, &ignored)) {
    return result;
  }
  switch (static_cast<int>(limit)) {
    case CU_LIMIT_STACK_SIZE:
      if (*value > kMaxStack) return CUDA_ERROR_INVALID_VALUE;
      *value = (*value + kStackStep - 1) / kStackStep * kStackStep;
      return CUDA_SUCCESS;
    case CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH:
      return *value > kMaxSyncDepth ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
    case CU_LIMIT_MAX_L2_FETCH_GRANULARITY:
      return *value > kMaxL2Fetch ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
    case CU_LIMIT_PERSISTING_L2_CACHE_SIZE:
      // Documented: a hint, clamped.
      *value = std::min(*value, MaxPersistingL2(personality));
      return CUDA_SUCCESS;
    default:
      return *value > personality.memory.count() ? CUDA_ERROR_OUT_OF_MEMORY
                                                 : CUDA_SUCCESS;
  }
}

}  // namespace governor
