// The part of DeviceMemory that is for legacy interprocess communication.

#include <unistd.h>

#include <algorithm>

#include "governor/driver/host_driver/device_memory.h"
#include "governor/driver/host_driver/memory_file.h"

namespace governor {

CUresult DeviceMemory::ExportLinear(CUdeviceptr address, IpcMemory* memory) {
  MutexLock lock(mutex_);
  const auto range = table_.FindReservation(address);
  if (range == table_.reservations().end() ||
      range->second.kind != RangeKind::kLinear ||
      address - range->first >= range->second.asked) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  Chunk& chunk = chunks_.find(range->second.id)->second;
  if (chunk.export_file < 0) {
    chunk.serial = NewSerial();
    chunk.export_file = NewExportFile(chunk.serial);
    if (chunk.export_file < 0) return CUDA_ERROR_OUT_OF_MEMORY;
    chunk.export_inode = InodeOf(chunk.export_file);
  }
  *memory = {.serial = chunk.serial,
             .offset = chunk.range.offset,
             .size = range->second.asked,
             .process = getpid(),
             .device = chunk.device,
             .memory_file = chunk.file,
             .export_file = chunk.export_file};
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::OpenLinear(const IpcMemory& memory, ContextId owner,
                                  CUdeviceptr* address) {
  if (static_cast<size_t>(memory.device) >= devices_.size()) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const std::optional<Bytes> pages = AlignUp(Bytes(memory.size), Bytes(page_));
  if (!pages || pages->is_zero()) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<int> file = OpenMemoryOf(memory);
  if (!file) return CUDA_ERROR_INVALID_VALUE;
  MutexLock lock(mutex_);
  const auto opened = opened_.find(memory.serial);
  if (opened != opened_.end()) {
    close(*file);
    ++opened->second.count;
    *address = opened->second.address;
    return CUDA_SUCCESS;
  }
  const Chunk chunk = {.file = *file,
                       .own_file = true,
                       .inode = InodeOf(*file),
                       .range = {memory.offset, *pages},
                       .device = memory.device,
                       .owner = owner};
  if (MapRange({.asked = memory.size, .kind = RangeKind::kImported}, page_,
               chunk, address) != CUDA_SUCCESS) {
    close(*file);
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  imported_books_.Add(*pages);
  opened_.emplace(memory.serial, Opened{*address, 1});
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::CloseLinear(CUdeviceptr address) {
  {
    MutexLock lock(mutex_);
    const auto opened = FindOpened(address);
    if (opened == opened_.end()) return CUDA_ERROR_INVALID_VALUE;
    if (--opened->second.count > 0) return CUDA_SUCCESS;
    // From here on, who opens it gets a range of his own.
    opened_.erase(opened);
  }
  return FreeRange(RangeKind::kImported, address);
}

std::map<uint64_t, DeviceMemory::Opened>::iterator DeviceMemory::FindOpened(
    CUdeviceptr address) {
  return std::find_if(opened_.begin(), opened_.end(), [&](const auto& opened) {
    return opened.second.address == address;
  });
}

}  // namespace governor
