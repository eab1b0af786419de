// The part of DeviceMemory that is for pools: ranges that get memory piece by
// piece and give it out as blocks.

#include <vector>

#include "governor/driver/host_driver/device_memory.h"

namespace governor {
namespace {

constexpr uint64_t kPoolAlignment = uint64_t{2} << 20;

}  // namespace

CUresult DeviceMemory::ReservePool(uint64_t size, CUdeviceptr* address) {
  MutexLock lock(mutex_);
  const std::optional<CUdeviceptr> base = table_.Reserve(
      {.size = size, .asked = size, .kind = RangeKind::kPool, .id = next_id_++},
      kPoolAlignment, /*hint=*/0);
  if (!base) return CUDA_ERROR_OUT_OF_MEMORY;
  *address = *base;
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::BackPool(CUdeviceptr address, uint64_t size,
                                const CUmemLocation& location,
                                const CUmemAccessDesc* desc, size_t count) {
  constexpr PhysicalMemory::Zone kZone = PhysicalMemory::Zone::kLinear;
  PhysicalMemory& physical = MemoryAt(location);
  if (!physical.IsIntact()) return CUDA_ERROR_OPERATING_SYSTEM;
  const std::optional<PhysicalRange> range =
      physical.Allocate(kZone, Bytes(size));
  if (!range) return CUDA_ERROR_OUT_OF_MEMORY;
  {
    MutexLock lock(mutex_);
    const uint64_t id = next_id_++;
    if (table_.Map(address, physical.file(), range->offset,
                   {.size = size, .chunk = id})) {
      if (table_.SetAccess(address, size, desc, count)) {
        const bool host = location.type != CU_MEM_LOCATION_TYPE_DEVICE;
        chunks_.emplace(id, Chunk{.memory = &physical,
                                  .zone = kZone,
                                  .file = physical.file(),
                                  .range = *range,
                                  .device = host ? 0 : location.id,
                                  .mappings = 1});
        return CUDA_SUCCESS;
      }
      table_.Unmap(address, size);
    }
  }
  physical.Free(kZone, *range);
  return CUDA_ERROR_OUT_OF_MEMORY;
}

void DeviceMemory::SetPoolAccess(CUdeviceptr address, uint64_t size,
                                 const CUmemAccessDesc* desc, size_t count) {
  MutexLock lock(mutex_);
  while (IsPinned(address, size)) unpinned_.Wait(mutex_);
  table_.SetAccess(address, size, desc, count);
}

bool DeviceMemory::UnbackPool(CUdeviceptr address, uint64_t size) {
  std::vector<Chunk> dead;
  {
    MutexLock lock(mutex_);
    const MappingTable::Iterator mapping = table_.Find(address);
    if (mapping == table_.end()) return true;
    const Chunks::iterator chunk = chunks_.find(mapping->second.chunk);
    // When the system refuses, the memory stays, and so does its count.
    if (!table_.Unmap(address, size)) return false;
    chunk->second.mappings = 0;
    TakeIfDead(chunk, dead);
  }
  Bury(dead);
  return true;
}

void DeviceMemory::ReleasePool(CUdeviceptr address) {
  std::vector<std::pair<CUdeviceptr, uint64_t>> backed;
  {
    MutexLock lock(mutex_);
    const auto range = table_.reservations().find(address);
    for (auto mapping = table_.mappings().lower_bound(address);
         mapping != table_.end() &&
         mapping->first - address < range->second.size;
         ++mapping) {
      backed.emplace_back(mapping->first, mapping->second.size);
    }
  }
  for (const auto& [start, size] : backed) UnbackPool(start, size);
  MutexLock lock(mutex_);
  const auto range = table_.reservations().find(address);
  if (!table_.AnyMapped(address, range->second.size)) table_.Unreserve(address);
}

}  // namespace governor
