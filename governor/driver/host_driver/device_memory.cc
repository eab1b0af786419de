#include "governor/driver/host_driver/device_memory.h"

#include <unistd.h>

#include <algorithm>

#include "governor/base/status_macros.h"
#include "governor/driver/host_driver/memory_file.h"

namespace governor {
namespace {

// More managed memory than there is memory is legal. This much can be counted.
constexpr Bytes kManagedCapacity = GiB(16 << 10);

constexpr CUmemLocation kHostLocation = {CU_MEM_LOCATION_TYPE_HOST, 0};

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceMemory>> DeviceMemory::Create(
    const Personality& personality) {
  std::unique_ptr<DeviceMemory> memory(new DeviceMemory(personality));
  for (int i = 0; i < personality.devices; ++i) {
    GOVERNOR_ASSIGN_OR_RETURN(
        std::unique_ptr<PhysicalMemory> device,
        PhysicalMemory::Create(personality.memory, memory->books_));
    if (personality.keeps_released) device->KeepReleased();
    if (personality.populates_at_once) device->PopulateAtOnce();
    memory->devices_.push_back(std::move(device));
  }
  PhysicalMemory* const pool = personality.Has(CU_DEVICE_ATTRIBUTE_INTEGRATED)
                                   ? memory->devices_[0].get()
                                   : nullptr;
  const Bytes host = personality.host_memory;
  GOVERNOR_ASSIGN_OR_RETURN(memory->host_,
                            PhysicalMemory::Create(host, memory->books_, pool));
  if (personality.populates_at_once) memory->host_->PopulateAtOnce();
  GOVERNOR_ASSIGN_OR_RETURN(
      memory->pinned_,
      PhysicalMemory::Create(host, memory->pinned_books_, pool));
  GOVERNOR_ASSIGN_OR_RETURN(
      memory->managed_,
      PhysicalMemory::Create(kManagedCapacity, memory->managed_books_));
  return memory;
}

DeviceMemory::DeviceMemory(const Personality& personality)
    : granularity_(personality.granularity.count()),
      page_(sysconf(_SC_PAGESIZE)),
      context_(personality.context) {}

DeviceMemory::~DeviceMemory() {
  for (const auto& [handle, chunk] : chunks_) {
    if (chunk.own_file) CloseMemoryFile(chunk.file, chunk.inode);
    if (chunk.export_file >= 0) {
      CloseMemoryFile(chunk.export_file, chunk.export_inode);
    }
  }
}

PhysicalMemory& DeviceMemory::MemoryFor(RangeKind kind, ContextId owner) const {
  return kind == RangeKind::kPinned    ? *pinned_
         : kind == RangeKind::kManaged ? *managed_
                                       : *devices_[DeviceOfContext(owner)];
}

CUresult DeviceMemory::AllocateRange(RangeKind kind, ContextId owner,
                                     uint64_t size, CUdeviceptr* address,
                                     unsigned int flags) {
  if (size == 0) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<Bytes> pages = AlignUp(Bytes(size), Bytes(page_));
  if (!pages) return CUDA_ERROR_OUT_OF_MEMORY;
  PhysicalMemory& memory = MemoryFor(kind, owner);
  if (!memory.IsIntact()) return CUDA_ERROR_OPERATING_SYSTEM;
  Chunk chunk = {.memory = &memory,
                 .zone = PhysicalMemory::Zone::kLinear,
                 .file = memory.file(),
                 .device = DeviceOfContext(owner),
                 .owner = owner};
  const std::optional<PhysicalRange> range =
      memory.Allocate(chunk.zone, *pages);
  if (!range) return CUDA_ERROR_OUT_OF_MEMORY;
  chunk.range = *range;
  {
    MutexLock lock(mutex_);
    if (MapRange({.asked = size, .kind = kind, .flags = flags}, page_, chunk,
                 address) == CUDA_SUCCESS) {
      return CUDA_SUCCESS;
    }
  }
  Bury({chunk});
  return CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult DeviceMemory::MapRange(const MappingTable::Reservation& range,
                                uint64_t alignment, const Chunk& chunk,
                                CUdeviceptr* address) {
  const uint64_t size = chunk.range.size.count();
  MappingTable::Reservation reservation = range;
  reservation.size = size;
  reservation.id = next_id_++;
  // Measured: of managed memory alone, until somebody sets it.
  reservation.sync_memops = range.kind == RangeKind::kManaged;
  const std::optional<CUdeviceptr> base =
      table_.Reserve(reservation, alignment, /*hint=*/0);
  if (!base) return CUDA_ERROR_OUT_OF_MEMORY;
  // Host memory is every device's and the host's, a device's is its own.
  const bool host =
      range.kind == RangeKind::kPinned || range.kind == RangeKind::kManaged;
  std::vector<CUmemAccessDesc> access;
  for (int device = 0; device < static_cast<int>(devices_.size()); ++device) {
    if (!host && device != chunk.device) continue;
    access.push_back({{CU_MEM_LOCATION_TYPE_DEVICE, device},
                      CU_MEM_ACCESS_FLAGS_PROT_READWRITE});
  }
  if (host) {
    access.push_back({kHostLocation, CU_MEM_ACCESS_FLAGS_PROT_READWRITE});
  }
  const bool mapped = table_.Map(*base, chunk.file, chunk.range.offset,
                                 {.size = size, .chunk = reservation.id});
  if (mapped && table_.SetAccess(*base, size, access.data(), access.size())) {
    chunks_.emplace(reservation.id, chunk).first->second.mappings = 1;
    *address = *base;
    return CUDA_SUCCESS;
  }
  if (mapped) table_.mappings().erase(*base);
  table_.Unreserve(*base);
  return CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult DeviceMemory::FreeRange(RangeKind kind, CUdeviceptr address) {
  std::vector<Chunk> dead;
  {
    MutexLock lock(mutex_);
    while (true) {
      const auto found = table_.reservations().find(address);
      if (found == table_.reservations().end() || found->second.kind != kind ||
          kind == RangeKind::kReservation) {
        return CUDA_ERROR_INVALID_VALUE;
      }
      if (!IsPinned(address, found->second.size)) break;
      unpinned_.Wait(mutex_);  // in which another thread may free it
    }
    UnmapRange(address, dead);
  }
  Bury(dead);
  return CUDA_SUCCESS;
}

void DeviceMemory::FreeAllLinear(ContextId owner) {
  std::vector<std::pair<RangeKind, CUdeviceptr>> ranges;
  std::vector<CUdeviceptr> registered;
  {
    MutexLock lock(mutex_);
    for (const auto& [base, reservation] : table_.reservations()) {
      const RangeKind kind = reservation.kind;
      if (kind == RangeKind::kReservation || kind == RangeKind::kPool) continue;
      if (chunks_.find(reservation.id)->second.owner == owner) {
        ranges.emplace_back(kind, base);
      }
    }
    registered = registered_.OwnedBy(owner);
  }
  for (const auto& [kind, base] : ranges) FreeRange(kind, base);
  for (const CUdeviceptr address : registered) Unregister(address);
}

void DeviceMemory::AddBlock(CUdeviceptr address, uint64_t size, uint64_t id) {
  MutexLock lock(mutex_);
  blocks_.emplace(address, Block{size, id});
}

void DeviceMemory::RemoveBlock(CUdeviceptr address) {
  MutexLock lock(mutex_);
  while (true) {
    const auto block = blocks_.find(address);
    if (block == blocks_.end()) return;
    if (!IsPinned(address, block->second.size)) {
      blocks_.erase(block);
      return;
    }
    unpinned_.Wait(mutex_);  // in which another thread may remove it
  }
}

uint64_t DeviceMemory::NextId() {
  MutexLock lock(mutex_);
  return next_id_++;
}

std::optional<DeviceMemory::Place> DeviceMemory::Describe(CUdeviceptr address) {
  MutexLock lock(mutex_);
  const auto reservation = table_.FindReservation(address);
  if (reservation == table_.reservations().end()) {
    return DescribeRegistered(address);
  }
  if (address - reservation->first >= reservation->second.asked) {
    return std::nullopt;
  }
  Place place = {.range_start = reservation->first,
                 .range_size = reservation->second.asked,
                 .kind = reservation->second.kind,
                 .range_id = reservation->second.id,
                 .flags = reservation->second.flags,
                 .sync_memops = reservation->second.sync_memops};
  if (place.kind == RangeKind::kPool) {
    const auto block = FindBlock(address);
    if (block == blocks_.end()) return std::nullopt;
    place.pool_start = place.range_start;
    place.range_start = block->first;
    place.range_size = block->second.size;
    place.range_id = block->second.id;
  }
  const MappingTable::Iterator mapping = table_.Find(address);
  if (mapping == table_.end()) return place;
  const Chunk& chunk = chunks_.find(mapping->second.chunk)->second;
  place.mapped = true;
  place.mapping_start = mapping->first;
  place.mapping_size = mapping->second.size;
  place.chunk_id = mapping->second.chunk;
  place.device = chunk.device;
  place.owner = chunk.owner;
  place.on_host = chunk.memory == host_.get() ||
                  chunk.memory == pinned_.get() ||
                  IsHost(chunk.properties.location);
  place.handle_types = chunk.properties.requestedHandleTypes;
  place.access = mapping->second.access;
  return place;
}

CUresult DeviceMemory::SetSyncMemops(CUdeviceptr address, bool on) {
  MutexLock lock(mutex_);
  const auto reservation = table_.FindReservation(address);
  if (reservation != table_.reservations().end()) {
    reservation->second.sync_memops = on;
    return CUDA_SUCCESS;
  }
  HostRegistrations::Registration* const registered =
      registered_.FindMutable(address);
  if (registered == nullptr) return CUDA_ERROR_INVALID_VALUE;
  registered->sync_memops = on;
  return CUDA_SUCCESS;
}

bool DeviceMemory::Place::accessible() const {
  return std::any_of(access.begin(), access.end() - 1, [](uint8_t flags) {
    return flags != CU_MEM_ACCESS_FLAGS_PROT_NONE;
  });
}

void DeviceMemory::Shrink() {
  for (const auto& device : devices_) device->Shrink();
}

Bytes DeviceMemory::resident() const {
  Bytes sum = host_->resident();
  for (const auto& device : devices_) sum += device->resident();
  return sum;
}

Bytes DeviceMemory::kept() const {
  Bytes sum;
  for (const auto& device : devices_) sum += device->kept();
  return sum;
}

bool DeviceMemory::TakeForContext(int device) {
  return devices_[device]->Take(context_);
}

void DeviceMemory::ReturnFromContext(int device) {
  devices_[device]->Return(context_);
}

Bytes DeviceMemory::FreeBytes(int device) const {
  return devices_[device]->free();
}

void DeviceMemory::CountLive(LiveObjects& live) {
  MutexLock lock(mutex_);
  for (const auto& [base, reservation] : table_.reservations()) {
    const RangeKind kind = reservation.kind;
    live.reservations += kind == RangeKind::kReservation;
    live.linear_allocations += kind == RangeKind::kLinear;
    live.managed_allocations += kind == RangeKind::kManaged;
    live.pinned_allocations += kind == RangeKind::kPinned;
    live.imported_allocations += kind == RangeKind::kImported;
  }
  for (const auto& [id, chunk] : chunks_) {
    if (!chunk.is_handle()) continue;
    ++live.handles;
    live.mappings += chunk.mappings;
  }
  live.registrations = registered_.count();
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

bool DeviceMemory::Usable(const Range& range) {
  uint64_t end = 0;
  if (__builtin_add_overflow(range.address, range.size, &end)) return false;
  const auto next = table_.reservations().upper_bound(range.address);
  const auto holder = table_.FindReservation(range.address);
  if (holder == table_.reservations().end()) {
    const auto registered = registered_.Find(range.address);
    if (registered && registered->read_only() && range.use == Use::kWrite) {
      return false;
    }
    // Registered memory is a device's too.
    const bool known =
        registered && end - registered->address <= registered->size;
    return (known || range.host_allowed) && range.address != 0 &&
           (next == table_.reservations().end() || next->first >= end);
  }
  switch (holder->second.kind) {
    case RangeKind::kReservation:
      return table_.Accessible(range.address, range.size,
                               range.use == Use::kWrite);
    case RangeKind::kPool: {
      const auto block = FindBlock(range.address);
      return block != blocks_.end() &&
             end - block->first <= block->second.size &&
             table_.Accessible(range.address, range.size,
                               range.use == Use::kWrite);
    }
    default:
      return end - holder->first <= holder->second.asked;
  }
}

std::map<CUdeviceptr, DeviceMemory::Block>::iterator DeviceMemory::FindBlock(
    CUdeviceptr address) {
  const auto after = blocks_.upper_bound(address);
  if (after == blocks_.begin()) return blocks_.end();
  const auto block = std::prev(after);
  return address - block->first < block->second.size ? block : blocks_.end();
}

bool DeviceMemory::IsPinned(CUdeviceptr address, uint64_t size) {
  for (const Range& pin : pins_) {
    if (pin.address - address < size || address - pin.address < pin.size) {
      return true;
    }
  }
  return false;
}

void DeviceMemory::TakeIfDead(Chunks::iterator chunk,
                              std::vector<Chunk>& dead) {
  if (chunk->second.references > 0 || chunk->second.imports > 0 ||
      chunk->second.mappings > 0) {
    return;
  }
  dead.push_back(chunk->second);
  by_inode_.erase(chunk->second.inode);
  chunks_.erase(chunk);
}

bool DeviceMemory::IsIntact(const Chunk& chunk) {
  return chunk.own_file ? IsStillMemoryFile(chunk.file, chunk.inode)
                        : chunk.memory->IsIntact();
}

void DeviceMemory::Bury(const std::vector<Chunk>& dead) {
  for (const Chunk& chunk : dead) {
    if (chunk.export_file >= 0) {
      CloseMemoryFile(chunk.export_file, chunk.export_inode);
    }
    if (chunk.memory == nullptr) {
      CloseMemoryFile(chunk.file, chunk.inode);
      imported_books_.Subtract(chunk.range.size);
    } else if (chunk.own_file) {
      chunk.memory->FreeFile(chunk.file, chunk.inode, chunk.range.size);
    } else {
      chunk.memory->Free(chunk.zone, chunk.range);
    }
  }
}

void DeviceMemory::UnmapRange(CUdeviceptr base, std::vector<Chunk>& dead) {
  const MappingTable::Iterator mapping = table_.mappings().find(base);
  const Chunks::iterator chunk = chunks_.find(mapping->second.chunk);
  chunk->second.mappings = 0;
  table_.mappings().erase(mapping);
  table_.Unreserve(base);
  TakeIfDead(chunk, dead);
  const auto opened = FindOpened(base);
  if (opened != opened_.end()) opened_.erase(opened);
}

}  // namespace governor
