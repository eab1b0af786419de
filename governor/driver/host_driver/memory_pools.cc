#include "governor/driver/host_driver/memory_pools.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace governor {
namespace {

constexpr uint64_t kBlockAlignment = 512;  // measured on an H200

uint64_t RoundUp(uint64_t size, uint64_t step) {
  return (size + step - 1) / step * step;
}

template <typename T>
void Write(void* to, T value) {
  std::memcpy(to, &value, sizeof(value));
}

}  // namespace

MemoryPools::MemoryPools(const Personality& personality, DeviceMemory& memory)
    : personality_(personality), memory_(memory) {
  MutexLock lock(mutex_);
  for (int device = 0; device < personality.devices; ++device) {
    Pool& pool = Add({.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = device},
                     /*limit=*/UINT64_MAX);
    pool.is_default = true;
    current_.push_back(pool.handle);
  }
}

MemoryPools::~MemoryPools() = default;

CUmemoryPool MemoryPools::DefaultOf(int device) {
  MutexLock lock(mutex_);
  return pools_[device]->handle;
}

CUmemoryPool MemoryPools::CurrentOf(int device) {
  MutexLock lock(mutex_);
  return current_[device];
}

CUresult MemoryPools::SetCurrent(int device, CUmemoryPool pool) {
  MutexLock lock(mutex_);
  const Pool* const found = Find(pool);
  if (found == nullptr || found->location.type != CU_MEM_LOCATION_TYPE_DEVICE ||
      found->location.id != device) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  current_[device] = pool;
  return CUDA_SUCCESS;
}

CUresult MemoryPools::Create(const CUmemPoolProps& properties,
                             CUmemoryPool* pool) {
  MutexLock lock(mutex_);
  // Measured: a limit is rounded up to whole steps.
  const uint64_t limit =
      properties.maxSize == 0 ? UINT64_MAX : RoundUp(properties.maxSize, kStep);
  *pool = Add(properties.location, limit).handle;
  return CUDA_SUCCESS;
}

CUresult MemoryPools::Destroy(CUmemoryPool pool) {
  MutexLock lock(mutex_);
  Pool* const found = Find(pool);
  if (found == nullptr || found->is_default) return CUDA_ERROR_INVALID_VALUE;
  for (size_t device = 0; device < current_.size(); ++device) {
    if (current_[device] == pool) current_[device] = pools_[device]->handle;
  }
  found->destroyed = true;
  EndIfOver(*found);
  return CUDA_SUCCESS;
}

CUresult MemoryPools::TrimTo(CUmemoryPool pool, uint64_t keep) {
  MutexLock lock(mutex_);
  Pool* const found = Find(pool);
  if (found == nullptr) return CUDA_ERROR_INVALID_VALUE;
  Shrink(*found, keep);
  return CUDA_SUCCESS;
}

CUresult MemoryPools::SetAttribute(CUmemoryPool pool,
                                   CUmemPool_attribute attribute,
                                   const void* value) {
  MutexLock lock(mutex_);
  Pool* const found = Find(pool);
  if (found == nullptr) return CUDA_ERROR_INVALID_VALUE;
  cuuint64_t wide = 0;
  switch (attribute) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
      std::memcpy(&found->reuse[attribute - 1], value, sizeof(int));
      return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
      std::memcpy(&found->threshold, value, sizeof(wide));
      return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
    case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
      std::memcpy(&wide, value, sizeof(wide));
      if (wide != 0) return CUDA_ERROR_INVALID_VALUE;
      if (attribute == CU_MEMPOOL_ATTR_USED_MEM_HIGH) {
        found->used_high = found->used;
      } else {
        found->reserved_high = found->reserved;
      }
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult MemoryPools::GetAttribute(CUmemoryPool pool,
                                   CUmemPool_attribute attribute, void* value) {
  MutexLock lock(mutex_);
  const Pool* const found = Find(pool);
  if (found == nullptr) return CUDA_ERROR_INVALID_VALUE;
  switch (attribute) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
      Write(value, found->reuse[attribute - 1]);
      return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
      Write(value, cuuint64_t{found->threshold});
      return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT:
      Write(value, cuuint64_t{found->reserved});
      return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
      Write(value, cuuint64_t{found->reserved_high});
      return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_USED_MEM_CURRENT:
      Write(value, cuuint64_t{found->used});
      return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
      Write(value, cuuint64_t{found->used_high});
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult MemoryPools::SetAccess(CUmemoryPool pool, const CUmemAccessDesc* desc,
                                size_t count) {
  MutexLock lock(mutex_);
  Pool* const found = Find(pool);
  if (found == nullptr) return CUDA_ERROR_INVALID_VALUE;
  for (size_t i = 0; i < count; ++i) {
    const CUmemAccessDesc& one = desc[i];
    if (one.location.type != CU_MEM_LOCATION_TYPE_DEVICE) {
      return CUDA_ERROR_INVALID_VALUE;
    }
    // Measured, in this order: all or nothing, and a device keeps its own.
    if (one.flags == CU_MEM_ACCESS_FLAGS_PROT_READ) {
      return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (one.flags != CU_MEM_ACCESS_FLAGS_PROT_NONE &&
        one.flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE) {
      return CUDA_ERROR_INVALID_VALUE;
    }
    const bool own = found->location.type == CU_MEM_LOCATION_TYPE_DEVICE &&
                     found->location.id == one.location.id;
    if (one.location.id < 0 || one.location.id >= personality_.devices ||
        (own && one.flags == CU_MEM_ACCESS_FLAGS_PROT_NONE)) {
      return CUDA_ERROR_INVALID_DEVICE;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    const auto same = std::find_if(
        found->access.begin(), found->access.end(),
        [&](const CUmemAccessDesc& known) {
          return known.location.type == CU_MEM_LOCATION_TYPE_DEVICE &&
                 known.location.id == desc[i].location.id;
        });
    if (same == found->access.end()) {
      found->access.push_back(desc[i]);
    } else {
      *same = desc[i];
    }
  }
  for (const auto& [step, blocks] : found->steps) {
    memory_.SetPoolAccess(found->base + step * kStep, kStep, desc, count);
  }
  return CUDA_SUCCESS;
}

CUresult MemoryPools::GetAccess(CUmemoryPool pool, int device,
                                CUmemAccess_flags* flags) {
  MutexLock lock(mutex_);
  const Pool* const found = Find(pool);
  if (found == nullptr || device < 0 || device >= personality_.devices) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  *flags = CU_MEM_ACCESS_FLAGS_PROT_NONE;
  for (const CUmemAccessDesc& known : found->access) {
    if (known.location.type == CU_MEM_LOCATION_TYPE_DEVICE &&
        known.location.id == device) {
      *flags = known.flags;
    }
  }
  return CUDA_SUCCESS;
}

CUresult MemoryPools::Allocate(CUmemoryPool pool, uint64_t size,
                               const void* lane, Allocated* block) {
  MutexLock lock(mutex_);
  Pool* const found = Find(pool);
  if (found == nullptr) return CUDA_ERROR_INVALID_VALUE;
  // Measured: to ask for nothing is no error.
  if (size == 0) {
    *block = {};
    return CUDA_SUCCESS;
  }
  if (size > found->span) return CUDA_ERROR_OUT_OF_MEMORY;
  const uint64_t rounded = RoundUp(size, kBlockAlignment);
  // The smallest that this lane is freeing, before any new memory.
  auto best = blocks_.end();
  for (const CUdeviceptr freeing : freeing_) {
    const auto block = blocks_.find(freeing);
    if (block->second.pool == found && block->second.freed_on == lane &&
        block->second.rounded >= rounded &&
        (best == blocks_.end() ||
         block->second.rounded < best->second.rounded)) {
      best = block;
    }
  }
  if (best != blocks_.end()) {
    *block = {best->first, size, next_generation_++};
    freeing_.erase(best->first);
    best->second.size = size;
    best->second.freed_on = nullptr;
    best->second.generation = block->generation;
  } else {
    const std::optional<uint64_t> offset = Take(*found, rounded);
    if (!offset) return CUDA_ERROR_OUT_OF_MEMORY;
    *block = {found->base + *offset, size, next_generation_++};
    CountBlock(*found, *offset, rounded, 1);
    ++found->blocks;
    blocks_[block->address] = {.pool = found,
                               .size = size,
                               .rounded = rounded,
                               .generation = block->generation};
  }
  found->used += size;
  found->used_high = std::max(found->used_high, found->used);
  return CUDA_SUCCESS;
}

void MemoryPools::Begin(const Allocated& block) {
  MutexLock lock(mutex_);
  const auto found = blocks_.find(block.address);
  if (found == blocks_.end() || found->second.generation != block.generation) {
    return;
  }
  memory_.AddBlock(block.address, block.size, memory_.NextId());
}

CUresult MemoryPools::Free(CUdeviceptr address, const void* lane,
                           uint64_t* generation) {
  MutexLock lock(mutex_);
  const auto found = blocks_.find(address);
  if (found == blocks_.end() || found->second.freed_on != nullptr) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  found->second.freed_on = lane;
  freeing_.insert(address);
  found->second.pool->used -= found->second.size;
  *generation = found->second.generation;
  return CUDA_SUCCESS;
}

void MemoryPools::End(CUdeviceptr address, uint64_t generation) {
  memory_.RemoveBlock(address);
  MutexLock lock(mutex_);
  const auto found = blocks_.find(address);
  // Another block of the same lane has the place.
  if (found == blocks_.end() || found->second.generation != generation) return;
  Pool& pool = *found->second.pool;
  const uint64_t offset = address - pool.base;
  CountBlock(pool, offset, found->second.rounded, -1);
  pool.space.Free(offset, found->second.rounded);
  --pool.blocks;
  freeing_.erase(address);
  blocks_.erase(found);
  EndIfOver(pool);
}

void MemoryPools::Unfree(CUdeviceptr address) {
  MutexLock lock(mutex_);
  const auto found = blocks_.find(address);
  found->second.freed_on = nullptr;
  found->second.pool->used += found->second.size;
  freeing_.erase(address);
}

CUresult MemoryPools::LocationOf(CUmemoryPool pool, CUmemLocation* location) {
  MutexLock lock(mutex_);
  const Pool* const found = Find(pool);
  if (found == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *location = found->location;
  return CUDA_SUCCESS;
}

CUmemoryPool MemoryPools::PoolOf(CUdeviceptr address) {
  MutexLock lock(mutex_);
  auto next = blocks_.upper_bound(address);
  if (next == blocks_.begin()) return nullptr;
  const auto& [start, block] = *std::prev(next);
  return address - start < block.size && !block.pool->destroyed
             ? block.pool->handle
             : nullptr;
}

void MemoryPools::ReleaseUnused() {
  MutexLock lock(mutex_);
  for (const std::unique_ptr<Pool>& pool : pools_) {
    Shrink(*pool, pool->threshold);
  }
}

void MemoryPools::CountLive(LiveObjects& live) {
  MutexLock lock(mutex_);
  live.pools = pools_.size() - personality_.devices;
  live.pool_blocks = blocks_.size();
}

MemoryPools::Pool* MemoryPools::Find(CUmemoryPool pool) {
  for (const std::unique_ptr<Pool>& known : pools_) {
    if (known->handle == pool) return known->destroyed ? nullptr : known.get();
  }
  return nullptr;
}

MemoryPools::Pool& MemoryPools::Add(const CUmemLocation& location,
                                    uint64_t limit) {
  // Twice the memory there is: so much is never broken up so badly that no
  // block of a free size is left. Addresses cost nothing.
  pools_.push_back(std::make_unique<Pool>(
      RoundUp(2 * personality_.memory.count(), kStep) + kStep));
  Pool& pool = *pools_.back();
  pool.handle = reinterpret_cast<CUmemoryPool>(next_handle_);
  next_handle_ += 16;
  pool.location = location;
  pool.limit = limit;
  pool.access = {
      {.location = location, .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE}};
  if (location.type != CU_MEM_LOCATION_TYPE_DEVICE) {
    for (int device = 0; device < personality_.devices; ++device) {
      pool.access.push_back(
          {.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = device},
           .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE});
    }
  }
  return pool;
}

std::optional<uint64_t> MemoryPools::Take(Pool& pool, uint64_t rounded) {
  if (pool.base == 0 &&
      memory_.ReservePool(pool.span, &pool.base) != CUDA_SUCCESS) {
    return std::nullopt;
  }
  const std::optional<uint64_t> offset = pool.space.Allocate(rounded);
  if (!offset) return std::nullopt;
  if (Back(pool, *offset, rounded)) return offset;
  // Once more without what lies idle in this pool.
  Shrink(pool, 0);
  if (Back(pool, *offset, rounded)) return offset;
  pool.space.Free(*offset, rounded);
  return std::nullopt;
}

bool MemoryPools::Back(Pool& pool, uint64_t offset, uint64_t rounded) {
  const uint64_t last = (offset + rounded - 1) / kStep;
  std::vector<uint64_t> added;
  for (uint64_t step = offset / kStep; step <= last; ++step) {
    if (pool.steps.contains(step)) continue;
    if (pool.reserved + kStep > pool.limit ||
        memory_.BackPool(pool.base + step * kStep, kStep, pool.location,
                         pool.access.data(),
                         pool.access.size()) != CUDA_SUCCESS) {
      for (const uint64_t back : added) {
        // What the system does not take back stays, idle.
        if (!memory_.UnbackPool(pool.base + back * kStep, kStep)) continue;
        pool.steps.erase(back);
        pool.reserved -= kStep;
        --pool.idle_steps;
      }
      return false;
    }
    pool.steps[step] = 0;
    ++pool.idle_steps;
    pool.reserved += kStep;
    added.push_back(step);
  }
  pool.reserved_high = std::max(pool.reserved_high, pool.reserved);
  return true;
}

void MemoryPools::CountBlock(Pool& pool, uint64_t offset, uint64_t rounded,
                             int change) {
  const uint64_t last = (offset + rounded - 1) / kStep;
  for (uint64_t step = offset / kStep; step <= last; ++step) {
    int& blocks = pool.steps[step];
    pool.idle_steps -= blocks == 0;
    blocks += change;
    pool.idle_steps += blocks == 0;
  }
}

void MemoryPools::Shrink(Pool& pool, uint64_t keep) {
  for (auto step = pool.steps.end(); step != pool.steps.begin() &&
                                     pool.reserved > keep &&
                                     pool.idle_steps > 0;) {
    --step;
    if (step->second > 0 ||
        !memory_.UnbackPool(pool.base + step->first * kStep, kStep)) {
      continue;
    }
    --pool.idle_steps;
    pool.reserved -= kStep;
    step = pool.steps.erase(step);
  }
}

void MemoryPools::EndIfOver(Pool& pool) {
  if (!pool.destroyed || pool.blocks > 0) return;
  if (pool.base != 0) memory_.ReleasePool(pool.base);
  pools_.erase(std::find_if(pools_.begin(), pools_.end(),
                            [&](const std::unique_ptr<Pool>& known) {
                              return known.get() == &pool;
                            }));
}

}  // namespace governor
