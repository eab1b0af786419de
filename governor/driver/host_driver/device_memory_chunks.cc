// The part of DeviceMemory that is for virtual memory management.

#include <fcntl.h>

#include <algorithm>
#include <vector>

#include "governor/driver/host_driver/chunk_file.h"
#include "governor/driver/host_driver/device_memory.h"
#include "governor/driver/host_driver/memory_file.h"

namespace governor {
namespace {

// Documented: the host by its memory node only where the memory is of such.
// Chosen: the host only where the memory is the host's.
bool MayAccess(const CUmemLocation& who, const CUmemLocation& memory) {
  return who.type == CU_MEM_LOCATION_TYPE_HOST_NUMA
             ? memory.type == CU_MEM_LOCATION_TYPE_HOST_NUMA
             : who.type != CU_MEM_LOCATION_TYPE_HOST || IsHost(memory);
}

}  // namespace

PhysicalMemory& DeviceMemory::MemoryAt(const CUmemLocation& location) const {
  return location.type == CU_MEM_LOCATION_TYPE_DEVICE ? *devices_[location.id]
                                                      : *host_;
}

CUresult DeviceMemory::CreateChunk(Bytes size,
                                   const CUmemAllocationProp& properties,
                                   CUmemGenericAllocationHandle* handle) {
  if (size.is_zero() || !size.IsMultipleOf(Bytes(granularity_))) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  PhysicalMemory& memory = MemoryAt(properties.location);
  Chunk chunk = {.properties = properties, .memory = &memory, .references = 1};
  // Measured: the host is its first memory node.
  if (properties.location.type == CU_MEM_LOCATION_TYPE_HOST) {
    chunk.properties.location = {CU_MEM_LOCATION_TYPE_HOST_NUMA, 0};
  }
  if (properties.location.type == CU_MEM_LOCATION_TYPE_DEVICE) {
    chunk.device = properties.location.id;
  }
  if (properties.requestedHandleTypes &
      CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR) {
    const std::optional<int> file =
        memory.AllocateFile(ChunkFileName(properties), size);
    if (!file) return CUDA_ERROR_OUT_OF_MEMORY;
    chunk.file = *file;
    chunk.own_file = true;
    chunk.inode = InodeOf(*file);
    chunk.range.size = size;
  } else {
    const std::optional<PhysicalRange> range =
        memory.Allocate(PhysicalMemory::Zone::kChunks, size);
    if (!range) return CUDA_ERROR_OUT_OF_MEMORY;
    chunk.file = memory.file();
    chunk.range = *range;
  }
  MutexLock lock(mutex_);
  *handle = next_id_++;
  if (chunk.own_file) by_inode_.emplace(chunk.inode, *handle);
  chunks_.emplace(*handle, chunk);
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::ExportChunk(CUmemGenericAllocationHandle chunk,
                                   int* file) {
  MutexLock lock(mutex_);
  const Chunks::iterator found = FindNamed(chunk);
  // Measured: what was imported is not exported again.
  if (found == chunks_.end() || !found->second.own_file ||
      imports_.contains(chunk)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (!IsIntact(found->second)) return CUDA_ERROR_OPERATING_SYSTEM;
  const int copy = fcntl(found->second.file, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return CUDA_ERROR_OPERATING_SYSTEM;
  *file = copy;
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::ImportChunk(int file,
                                   CUmemGenericAllocationHandle* handle) {
  const std::optional<ChunkFile> found = ReadChunkFile(file);
  if (!found) return CUDA_ERROR_UNKNOWN;  // measured
  const CUmemLocation& location = found->properties.location;
  const bool on_device = location.type == CU_MEM_LOCATION_TYPE_DEVICE;
  if (on_device && static_cast<size_t>(location.id) >= devices_.size()) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  MutexLock lock(mutex_);
  const auto known = by_inode_.find(found->inode);
  if (known != by_inode_.end()) {
    ++chunks_.find(known->second)->second.imports;
    *handle = next_id_++;
    imports_.emplace(*handle, known->second);
    return CUDA_SUCCESS;
  }
  const int copy = fcntl(file, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return CUDA_ERROR_OPERATING_SYSTEM;
  imported_books_.Add(Bytes(found->size));
  const CUmemGenericAllocationHandle chunk = next_id_++;
  *handle = next_id_++;
  imports_.emplace(*handle, chunk);
  by_inode_.emplace(found->inode, chunk);
  chunks_.emplace(chunk, Chunk{.properties = found->properties,
                               .file = copy,
                               .own_file = true,
                               .inode = found->inode,
                               .range = {0, Bytes(found->size)},
                               .device = on_device ? location.id : 0,
                               .imports = 1});
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::ReleaseChunk(CUmemGenericAllocationHandle chunk) {
  std::vector<Chunk> dead;
  {
    MutexLock lock(mutex_);
    const Chunks::iterator found = FindNamed(chunk);
    if (found == chunks_.end()) return CUDA_ERROR_INVALID_VALUE;
    if (imports_.erase(chunk) == 1) {
      --found->second.imports;
    } else {
      --found->second.references;
    }
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
  if (table_.FindReservation(address)->second.kind != RangeKind::kReservation) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const Chunks::iterator found = chunks_.find(mapping->second.chunk);
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
  // Measured: imported memory has none.
  if (imports_.contains(chunk)) {
    properties->requestedHandleTypes = CU_MEM_HANDLE_TYPE_NONE;
  }
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
  if (found == table_.reservations().end() ||
      found->second.kind != RangeKind::kReservation ||
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
      reservation->second.kind != RangeKind::kReservation) {
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
  if (!IsIntact(found->second)) return CUDA_ERROR_OPERATING_SYSTEM;
  if (!table_.Map(address, found->second.file, found->second.range.offset,
                  {.size = size, .chunk = found->first})) {
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
        reservation->second.kind != RangeKind::kReservation ||
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
  const MappingTable::Iterator first = table_.WholeMappings(address, size);
  if (first == table_.end() ||
      table_.FindReservation(address)->second.kind != RangeKind::kReservation) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  for (MappingTable::Iterator i = first;
       i != table_.end() && i->first - address < size; ++i) {
    const CUmemLocation& location =
        chunks_.find(i->second.chunk)->second.properties.location;
    for (size_t j = 0; j < count; ++j) {
      if (!MayAccess(desc[j].location, location)) {
        return CUDA_ERROR_NOT_SUPPORTED;  // measured
      }
    }
  }
  return table_.SetAccess(address, size, desc, count)
             ? CUDA_SUCCESS
             : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult DeviceMemory::GetAccess(CUdeviceptr address,
                                 const CUmemLocation& location,
                                 unsigned long long* flags) {  // NOLINT
  MutexLock lock(mutex_);
  const MappingTable::Iterator mapping = table_.Find(address);
  if (mapping == table_.end()) return CUDA_ERROR_INVALID_VALUE;
  // An allocation is accessible, but not by flags.
  const bool reserved =
      table_.FindReservation(address)->second.kind == RangeKind::kReservation;
  *flags = reserved ? mapping->second.access[AccessIndex(location)] : 0;
  return CUDA_SUCCESS;
}

bool DeviceMemory::IsWholeBlocks(uint64_t address, uint64_t size) const {
  return size != 0 && size % granularity_ == 0 && address % granularity_ == 0;
}

DeviceMemory::Chunks::iterator DeviceMemory::FindNamed(
    CUmemGenericAllocationHandle chunk) {
  const auto import = imports_.find(chunk);
  if (import != imports_.end()) return chunks_.find(import->second);
  const Chunks::iterator found = chunks_.find(chunk);
  return found == chunks_.end() || found->second.references == 0 ? chunks_.end()
                                                                 : found;
}

}  // namespace governor
