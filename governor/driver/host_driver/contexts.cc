#include "governor/driver/host_driver/contexts.h"

namespace governor {
namespace {

std::atomic<uint64_t> next_serial{1};

struct ThreadStack {
  uint64_t serial = 0;
  std::vector<CUcontext> contexts;
};

}  // namespace

Contexts::Contexts(int slot) : slot_(slot), serial_(next_serial.fetch_add(1)) {}

CUresult Contexts::Retain(int device, absl::FunctionRef<CUresult()> begin) {
  MutexLock lock(mutex_);
  std::atomic<uint64_t>& references = primaries_[device].references;
  if (references.load() == 0) {
    const CUresult result = begin();
    if (result != CUDA_SUCCESS) return result;
  }
  references.fetch_add(1);
  return CUDA_SUCCESS;
}

CUresult Contexts::Release(int device, absl::FunctionRef<void()> end) {
  MutexLock lock(mutex_);
  std::atomic<uint64_t>& references = primaries_[device].references;
  if (references.load() == 0) return CUDA_ERROR_INVALID_CONTEXT;
  if (references.fetch_sub(1) == 1) end();
  return CUDA_SUCCESS;
}

bool Contexts::IsActive(int device) const {
  return primaries_[device].references.load() > 0;
}

uint64_t Contexts::references() const {
  uint64_t sum = 0;
  for (const Primary& primary : primaries_) sum += primary.references.load();
  return sum;
}

CUcontext Contexts::ContextOf(int device) const {
  // An address that is surely nobody else's. Never dereferenced as a CUctx_st.
  return reinterpret_cast<CUcontext>(const_cast<Primary*>(&primaries_[device]));
}

std::optional<int> Contexts::DeviceOf(CUcontext context) const {
  for (int device = 0; device < kMaxHostDevices; ++device) {
    if (ContextOf(device) == context) return device;
  }
  return std::nullopt;
}

std::vector<CUcontext>& Contexts::Stack() {
  thread_local std::array<ThreadStack, kMaxSlots> stacks;
  ThreadStack& stack = stacks[slot_];
  // What a driver that had the slot before left here is void.
  if (stack.serial != serial_) stack = {.serial = serial_, .contexts = {}};
  return stack.contexts;
}

CUresult Contexts::CurrentDevice(int* device) {
  const std::vector<CUcontext>& stack = Stack();
  if (stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  const std::optional<int> found = DeviceOf(stack.back());
  if (!found) return CUDA_ERROR_INVALID_CONTEXT;
  if (!IsActive(*found)) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  *device = *found;
  return CUDA_SUCCESS;
}

}  // namespace governor
