#include "governor/driver/host_driver/device_memory.h"

#include <unistd.h>

#include <algorithm>

#include "governor/base/status_macros.h"

namespace governor {

absl::StatusOr<std::unique_ptr<DeviceMemory>> DeviceMemory::Create(
    const Personality& personality) {
  std::unique_ptr<DeviceMemory> memory(
      new DeviceMemory(personality.granularity, personality.context));
  for (int i = 0; i < personality.devices; ++i) {
    GOVERNOR_ASSIGN_OR_RETURN(
        std::unique_ptr<PhysicalMemory> device,
        PhysicalMemory::Create(personality.memory, memory->books_));
    memory->devices_.push_back(std::move(device));
  }
  return memory;
}

DeviceMemory::DeviceMemory(Bytes granularity, Bytes context)
    : granularity_(granularity.count()), context_(context) {}

CUresult DeviceMemory::CreateChunk(Bytes size,
                                   const CUmemAllocationProp& properties,
                                   CUmemGenericAllocationHandle* chunk) {
  if (size.is_zero() || !size.IsMultipleOf(Bytes(granularity_))) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const int device = properties.location.id;
  const std::optional<PhysicalRange> range =
      devices_[device]->Allocate(PhysicalMemory::Zone::kChunks, size);
  if (!range) return CUDA_ERROR_OUT_OF_MEMORY;
  MutexLock lock(mutex_);
  *chunk = next_id_++;
  chunks_.emplace(*chunk, Chunk{.properties = properties,
                                .range = *range,
                                .device = device,
                                .references = 1});
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::ReleaseChunk(CUmemGenericAllocationHandle chunk) {
  std::vector<Chunk> dead;
  {
    MutexLock lock(mutex_);
    const Chunks::iterator found = FindNamed(chunk);
    if (found == chunks_.end()) return CUDA_ERROR_INVALID_VALUE;
    --found->second.references;
    TakeIfDead(found, dead);
  }
  Bury(dead);
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::RetainChunkAt(CUdeviceptr address,
                                     CUmemGenericAllocationHandle* chunk) {
  MutexLock lock(mutex_);
  const MappingTable::Iterator mapping = table_.Find(address);
  if (mapping == table_.end()) return CUDA_ERROR_INVALID_VALUE;
  const Chunks::iterator found = chunks_.find(mapping->second.chunk);
  if (found->second.zone != PhysicalMemory::Zone::kChunks) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  ++found->second.references;
  *chunk = found->first;
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::PropertiesOf(CUmemGenericAllocationHandle chunk,
                                    CUmemAllocationProp* properties) {
  MutexLock lock(mutex_);
  const Chunks::iterator found = FindNamed(chunk);
  if (found == chunks_.end()) return CUDA_ERROR_INVALID_VALUE;
  *properties = found->second.properties;
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::Reserve(uint64_t size, uint64_t alignment,
                               CUdeviceptr hint, CUdeviceptr* base) {
  if (size == 0 || size % granularity_ != 0) return CUDA_ERROR_INVALID_VALUE;
  if ((alignment & (alignment - 1)) != 0 || hint % granularity_ != 0) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  MutexLock lock(mutex_);
  const std::optional<CUdeviceptr> got =
      table_.Reserve({.size = size, .asked = size, .id = next_id_++},
                     std::max(alignment, granularity_), hint);
  if (!got) return CUDA_ERROR_OUT_OF_MEMORY;
  *base = *got;
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::FreeReservation(CUdeviceptr base, uint64_t size) {
  MutexLock lock(mutex_);
  const auto found = table_.reservations().find(base);
  if (found == table_.reservations().end() || found->second.linear ||
      found->second.size != size || table_.AnyMapped(base, size)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  table_.Unreserve(base);
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::Map(CUdeviceptr address, uint64_t size, uint64_t offset,
                           CUmemGenericAllocationHandle chunk) {
  MutexLock lock(mutex_);
  const Chunks::iterator found = FindNamed(chunk);
  const auto reservation = table_.FindReservation(address);
  if (size == 0 || found == chunks_.end() ||
      reservation == table_.reservations().end() ||
      reservation->second.linear) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (offset != 0 || found->second.range.size != Bytes(size)) {
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  if (address % granularity_ != 0 ||
      size > reservation->second.size - (address - reservation->first) ||
      table_.AnyMapped(address, size)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (!table_.Map(address, devices_[found->second.device]->file(),
                  found->second.range.offset, {.size = size, .chunk = chunk})) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  ++found->second.mappings;
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::Unmap(CUdeviceptr address, uint64_t size) {
  std::vector<Chunk> dead;
  {
    MutexLock lock(mutex_);
    while (IsPinned(address, size)) unpinned_.Wait(mutex_);
    const auto reservation = table_.FindReservation(address);
    if (size == 0 || reservation == table_.reservations().end() ||
        reservation->second.linear ||
        size > reservation->second.size - (address - reservation->first) ||
        table_.CutsMapping(address, size)) {
      return CUDA_ERROR_INVALID_VALUE;
    }
    std::vector<CUmemGenericAllocationHandle> unmapped;
    for (auto mapping = table_.mappings().lower_bound(address);
         mapping != table_.end() && mapping->first - address < size;
         ++mapping) {
      unmapped.push_back(mapping->second.chunk);
    }
    // Measured: to unmap what is not mapped is no error.
    if (unmapped.empty()) return CUDA_SUCCESS;
    if (!table_.Unmap(address, size)) return CUDA_ERROR_OUT_OF_MEMORY;
    for (const CUmemGenericAllocationHandle chunk : unmapped) {
      const Chunks::iterator found = chunks_.find(chunk);
      --found->second.mappings;
      TakeIfDead(found, dead);
    }
  }
  Bury(dead);
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::SetAccess(CUdeviceptr address, uint64_t size,
                                 const CUmemAccessDesc* desc, size_t count) {
  if (!IsWholeBlocks(address, size)) return CUDA_ERROR_INVALID_VALUE;
  MutexLock lock(mutex_);
  while (IsPinned(address, size)) unpinned_.Wait(mutex_);
  if (table_.WholeMappings(address, size) == table_.end() ||
      table_.FindReservation(address)->second.linear) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  return table_.SetAccess(address, size, desc, count)
             ? CUDA_SUCCESS
             : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult DeviceMemory::GetAccess(CUdeviceptr address, std::optional<int> device,
                                 unsigned long long* flags) {  // NOLINT
  MutexLock lock(mutex_);
  const MappingTable::Iterator mapping = table_.Find(address);
  if (mapping == table_.end()) return CUDA_ERROR_INVALID_VALUE;
  // cuMemAlloc's memory is accessible, but not by flags.
  const bool linear = table_.FindReservation(address)->second.linear;
  *flags = device && !linear ? mapping->second.access[*device] : 0;
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::AllocateLinear(int device, uint64_t size,
                                      CUdeviceptr* address) {
  if (size == 0) return CUDA_ERROR_INVALID_VALUE;
  const Bytes page(static_cast<uint64_t>(sysconf(_SC_PAGESIZE)));
  const std::optional<Bytes> pages = AlignUp(Bytes(size), page);
  if (!pages) return CUDA_ERROR_OUT_OF_MEMORY;
  constexpr PhysicalMemory::Zone kZone = PhysicalMemory::Zone::kLinear;
  PhysicalMemory& physical = *devices_[device];
  const std::optional<PhysicalRange> range = physical.Allocate(kZone, *pages);
  if (!range) return CUDA_ERROR_OUT_OF_MEMORY;
  {
    MutexLock lock(mutex_);
    const uint64_t id = next_id_++;
    const std::optional<CUdeviceptr> base = table_.Reserve(
        {.size = pages->count(), .asked = size, .linear = true, .id = id},
        page.count(), /*hint=*/0);
    if (base) {
      MappingTable::Mapping mapping = {.size = pages->count(), .chunk = id};
      const CUmemAccessDesc access = {
          .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = device},
          .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
      const bool mapped =
          table_.Map(*base, physical.file(), range->offset, mapping);
      if (mapped && table_.SetAccess(*base, pages->count(), &access, 1)) {
        chunks_.emplace(id, Chunk{.properties = {},
                                  .range = *range,
                                  .zone = kZone,
                                  .device = device,
                                  .mappings = 1});
        *address = *base;
        return CUDA_SUCCESS;
      }
      if (mapped) table_.mappings().erase(*base);
      table_.Unreserve(*base);
    }
  }
  physical.Free(kZone, *range);
  return CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult DeviceMemory::FreeLinear(CUdeviceptr address) {
  std::vector<Chunk> dead;
  {
    MutexLock lock(mutex_);
    while (true) {
      const auto found = table_.reservations().find(address);
      if (found == table_.reservations().end() || !found->second.linear) {
        return CUDA_ERROR_INVALID_VALUE;
      }
      if (!IsPinned(address, found->second.size)) break;
      unpinned_.Wait(mutex_);  // in which another thread may free it
    }
    UnmapLinear(address, dead);
  }
  Bury(dead);
  return CUDA_SUCCESS;
}

void DeviceMemory::FreeAllLinear(int device) {
  std::vector<CUdeviceptr> bases;
  {
    MutexLock lock(mutex_);
    for (const auto& [base, reservation] : table_.reservations()) {
      if (!reservation.linear) continue;
      const auto chunk = chunks_.find(reservation.id);
      if (chunk->second.device == device) bases.push_back(base);
    }
  }
  for (const CUdeviceptr base : bases) FreeLinear(base);
}

std::optional<DeviceMemory::Place> DeviceMemory::Describe(CUdeviceptr address) {
  MutexLock lock(mutex_);
  const auto reservation = table_.FindReservation(address);
  if (reservation == table_.reservations().end() ||
      address - reservation->first >= reservation->second.asked) {
    return std::nullopt;
  }
  Place place = {.range_start = reservation->first,
                 .range_size = reservation->second.asked,
                 .linear = reservation->second.linear,
                 .range_id = reservation->second.id};
  const MappingTable::Iterator mapping = table_.Find(address);
  if (mapping == table_.end()) return place;
  const Chunk& chunk = chunks_.find(mapping->second.chunk)->second;
  place.mapped = true;
  place.mapping_start = mapping->first;
  place.mapping_size = mapping->second.size;
  place.chunk_id = mapping->second.chunk;
  place.device = chunk.device;
  place.handle_types = chunk.properties.requestedHandleTypes;
  place.access = mapping->second.access;
  return place;
}

bool DeviceMemory::Place::accessible() const {
  return std::any_of(access.begin(), access.end(), [](uint8_t flags) {
    return flags != CU_MEM_ACCESS_FLAGS_PROT_NONE;
  });
}

bool DeviceMemory::TakeForContext(int device) {
  return devices_[device]->TakeForContext(context_);
}

void DeviceMemory::ReturnFromContext(int device) {
  devices_[device]->ReturnFromContext(context_);
}

Bytes DeviceMemory::FreeBytes(int device) const {
  return devices_[device]->free();
}

void DeviceMemory::CountLive(LiveObjects& live) {
  MutexLock lock(mutex_);
  for (const auto& [base, reservation] : table_.reservations()) {
    ++(reservation.linear ? live.linear_allocations : live.reservations);
  }
  live.handles = chunks_.size() - live.linear_allocations;
  live.mappings = table_.mappings().size() - live.linear_allocations;
}

DeviceMemory::Pin::Pin(DeviceMemory& memory, const Range& a, const Range& b)
    : memory_(memory) {
  MutexLock lock(memory.mutex_);
  ok_ = memory.Usable(a) && memory.Usable(b);
  if (!ok_) return;
  a_ = memory.pins_.insert(memory.pins_.end(), a);
  b_ = memory.pins_.insert(memory.pins_.end(), b);
}

DeviceMemory::Pin::~Pin() {
  if (!ok_) return;
  MutexLock lock(memory_.mutex_);
  memory_.pins_.erase(a_);
  memory_.pins_.erase(b_);
  memory_.unpinned_.NotifyAll();
}

bool DeviceMemory::IsWholeBlocks(uint64_t address, uint64_t size) const {
  return size != 0 && size % granularity_ == 0 && address % granularity_ == 0;
}

bool DeviceMemory::Usable(const Range& range) {
  uint64_t end = 0;
  if (__builtin_add_overflow(range.address, range.size, &end)) return false;
  const auto next = table_.reservations().upper_bound(range.address);
  const auto holder = table_.FindReservation(range.address);
  if (holder == table_.reservations().end()) {
    return range.host_allowed && range.address != 0 &&
           (next == table_.reservations().end() || next->first >= end);
  }
  if (holder->second.linear) {
    return end - holder->first <= holder->second.asked;
  }
  return table_.Accessible(range.address, range.size, range.use == Use::kWrite);
}

bool DeviceMemory::IsPinned(CUdeviceptr address, uint64_t size) {
  for (const Range& pin : pins_) {
    if (pin.address - address < size || address - pin.address < pin.size) {
      return true;
    }
  }
  return false;
}

DeviceMemory::Chunks::iterator DeviceMemory::FindNamed(
    CUmemGenericAllocationHandle chunk) {
  const Chunks::iterator found = chunks_.find(chunk);
  return found == chunks_.end() || found->second.references == 0 ? chunks_.end()
                                                                 : found;
}

void DeviceMemory::TakeIfDead(Chunks::iterator chunk,
                              std::vector<Chunk>& dead) {
  if (chunk->second.references > 0 || chunk->second.mappings > 0) return;
  dead.push_back(chunk->second);
  chunks_.erase(chunk);
}

void DeviceMemory::Bury(const std::vector<Chunk>& dead) {
  for (const Chunk& chunk : dead) {
    devices_[chunk.device]->Free(chunk.zone, chunk.range);
  }
}

void DeviceMemory::UnmapLinear(CUdeviceptr base, std::vector<Chunk>& dead) {
  const MappingTable::Iterator mapping = table_.mappings().find(base);
  const Chunks::iterator chunk = chunks_.find(mapping->second.chunk);
  chunk->second.mappings = 0;
  table_.mappings().erase(mapping);
  table_.Unreserve(base);
  TakeIfDead(chunk, dead);
}

}  // namespace governor
