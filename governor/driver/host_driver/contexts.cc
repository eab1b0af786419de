#include "governor/driver/host_driver/contexts.h"

#include <utility>

namespace governor {
namespace {

std::atomic<uint64_t> next_serial{1};

struct ThreadStack {
  uint64_t serial = 0;
  std::vector<CUcontext> contexts;
};

// A context's name: an address that is surely nobody else's. Never dereferenced
// as a CUctx_st.
template <typename Context>
CUcontext NameOf(const Context& context) {
  return reinterpret_cast<CUcontext>(const_cast<Context*>(&context));
}

}  // namespace

Contexts::Contexts(int slot) : slot_(slot), serial_(next_serial.fetch_add(1)) {
  for (int device = 0; device < kMaxHostDevices; ++device) {
    primaries_[device].id = device;
  }
}

CUresult Contexts::Retain(int device, absl::FunctionRef<CUresult()> begin) {
  MutexLock lock(change_);
  Context& primary = primaries_[device];
  if (!primary.alive.load()) {
    const CUresult result = begin();
    if (result != CUDA_SUCCESS) return result;
    primary.alive.store(true);
  }
  primary.references.fetch_add(1);
  return CUDA_SUCCESS;
}

CUresult Contexts::Release(int device, absl::FunctionRef<void()> end) {
  MutexLock lock(change_);
  Context& primary = primaries_[device];
  if (primary.references.load() == 0) return CUDA_ERROR_INVALID_CONTEXT;
  if (primary.references.fetch_sub(1) == 1 && primary.alive.load()) {
    MarkDead(primary);
    end();
  }
  return CUDA_SUCCESS;
}

void Contexts::Reset(int device, absl::FunctionRef<void()> end) {
  MutexLock lock(change_);
  Context& primary = primaries_[device];
  if (!primary.alive.load()) return;
  MarkDead(primary);
  end();
}

CUresult Contexts::Create(int device, unsigned int flags,
                          absl::FunctionRef<CUresult()> begin,
                          CUcontext* context) {
  MutexLock change(change_);
  const CUresult result = begin();
  if (result != CUDA_SUCCESS) return result;
  auto created = std::make_unique<Context>();
  created->settings.flags = flags;
  created->alive.store(true);
  *context = NameOf(*created);
  MutexLock lock(mutex_);
  const int serial = static_cast<int>(created_.size()) + 1;
  created->id = device + kMaxHostDevices * serial;
  created_.emplace(*context, std::move(created));
  return CUDA_SUCCESS;
}

CUresult Contexts::Destroy(CUcontext context,
                           absl::FunctionRef<void(ContextId)> end) {
  MutexLock lock(change_);
  Context* const found = Find(context);
  if (found == nullptr || found->id < kMaxHostDevices || !found->alive.load()) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  MarkDead(*found);
  end(found->id);
  return CUDA_SUCCESS;
}

void Contexts::SetPrimaryFlags(int device, unsigned int flags) {
  MutexLock lock(mutex_);
  primaries_[device].settings.flags = flags;
}

unsigned int Contexts::PrimaryFlags(int device) const {
  MutexLock lock(mutex_);
  return primaries_[device].settings.flags;
}

bool Contexts::IsActive(int device) const {
  return primaries_[device].alive.load();
}

uint64_t Contexts::references() const {
  uint64_t sum = 0;
  for (const Context& primary : primaries_) sum += primary.references.load();
  return sum;
}

uint64_t Contexts::created() const {
  MutexLock lock(mutex_);
  uint64_t alive = 0;
  for (const auto& [name, context] : created_) alive += context->alive.load();
  return alive;
}

CUcontext Contexts::ContextOf(ContextId id) const {
  if (id < kMaxHostDevices) return NameOf(primaries_[id]);
  MutexLock lock(mutex_);
  for (const auto& [name, context] : created_) {
    if (context->id == id) return name;
  }
  return nullptr;
}

std::optional<int> Contexts::DeviceOf(CUcontext context) const {
  const Context* const found = Find(context);
  if (found == nullptr) return std::nullopt;
  return DeviceOfContext(found->id);
}

CUresult Contexts::Check(CUcontext context, ContextId* id) const {
  const Context* const found = Find(context);
  if (found == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (!found->alive.load()) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  *id = found->id;
  return CUDA_SUCCESS;
}

CUresult Contexts::Visit(CUcontext context,
                         absl::FunctionRef<CUresult(Settings&)> visit) {
  Context* const found = Find(context);
  if (found == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  MutexLock lock(mutex_);
  if (!found->alive.load()) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  return visit(found->settings);
}

std::vector<CUcontext>& Contexts::Stack() {
  thread_local std::array<ThreadStack, kMaxSlots> stacks;
  ThreadStack& stack = stacks[slot_];
  // What a driver that had the slot before left here is void.
  if (stack.serial != serial_) stack = {.serial = serial_, .contexts = {}};
  return stack.contexts;
}

CUresult Contexts::Current(ContextId* id) {
  const std::vector<CUcontext>& stack = Stack();
  if (stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  return Check(stack.back(), id);
}

CUresult Contexts::CurrentDevice(int* device) {
  ContextId id = 0;
  if (CUresult result = Current(&id)) return result;
  *device = DeviceOfContext(id);
  return CUDA_SUCCESS;
}

CUresult Contexts::VisitCurrent(absl::FunctionRef<CUresult(Settings&)> visit) {
  const std::vector<CUcontext>& stack = Stack();
  if (stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  return Visit(stack.back(), visit);
}

Contexts::Context* Contexts::Find(CUcontext context) const {
  for (const Context& primary : primaries_) {
    if (NameOf(primary) == context) return const_cast<Context*>(&primary);
  }
  MutexLock lock(mutex_);
  const auto found = created_.find(context);
  return found == created_.end() ? nullptr : found->second.get();
}

void Contexts::MarkDead(Context& context) {
  MutexLock lock(mutex_);
  context.alive.store(false);
  const bool primary = context.id < kMaxHostDevices;
  context.settings = {
      .flags = primary ? context.settings.flags : 0, .limits = {}, .peers = {}};
  // Who could use its memory no longer can.
  for (Context& other : primaries_) other.settings.peers.erase(context.id);
  for (const auto& [name, other] : created_) {
    other->settings.peers.erase(context.id);
  }
}

}  // namespace governor
