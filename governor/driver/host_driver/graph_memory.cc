#include "governor/driver/host_driver/graph_memory.h"

#include <algorithm>

namespace governor {
namespace {

constexpr uint64_t kStep = uint64_t{32} << 20;  // measured on an H200

}  // namespace

GraphMemory::GraphMemory(const Personality& personality, DeviceMemory& memory)
    : memory_(memory), books_(personality.devices) {}

CUresult GraphMemory::Reserve(int device, uint64_t size, CUdeviceptr* address) {
  const uint64_t span = (size + kStep - 1) / kStep * kStep;
  if (size == 0 || span < size) return CUDA_ERROR_INVALID_VALUE;
  MutexLock lock(mutex_);
  if (CUresult result = memory_.ReservePool(span, address)) return result;
  ranges_[*address] = {.device = device, .size = size};
  return CUDA_SUCCESS;
}

void GraphMemory::Hold(CUdeviceptr address) {
  MutexLock lock(mutex_);
  ++ranges_.at(address).holders;
}

void GraphMemory::Drop(CUdeviceptr address) {
  MutexLock lock(mutex_);
  const auto range = ranges_.find(address);
  --range->second.holders;
  EndIfOver(range);
}

CUresult GraphMemory::Back(CUdeviceptr address) {
  MutexLock lock(mutex_);
  Range& range = ranges_.at(address);
  if (range.backed > 0) return CUDA_SUCCESS;
  const uint64_t span = (range.size + kStep - 1) / kStep * kStep;
  const CUmemAccessDesc own = {
      .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = range.device},
      .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
  if (CUresult result =
          memory_.BackPool(address, span, own.location, &own, 1)) {
    return result;
  }
  range.backed = span;
  Books& books = books_[range.device];
  books.reserved += span;
  books.reserved_high = std::max(books.reserved_high, books.reserved);
  books.used_high = std::max(books.used_high, books.reserved);
  return CUDA_SUCCESS;
}

void GraphMemory::Use(CUdeviceptr address) {
  MutexLock lock(mutex_);
  ++ranges_.at(address).users;
}

void GraphMemory::Unuse(CUdeviceptr address) {
  MutexLock lock(mutex_);
  const auto range = ranges_.find(address);
  --range->second.users;
  EndIfOver(range);
}

CUresult GraphMemory::Claim(CUdeviceptr address) {
  MutexLock lock(mutex_);
  Range& range = ranges_.at(address);
  if (range.claimed) return CUDA_ERROR_INVALID_VALUE;
  range.claimed = true;
  return CUDA_SUCCESS;
}

void GraphMemory::Begin(CUdeviceptr address) {
  uint64_t size = 0;
  {
    MutexLock lock(mutex_);
    Range& range = ranges_.at(address);
    range.begun = true;
    size = range.size;
  }
  memory_.AddBlock(address, size, memory_.NextId());
}

void GraphMemory::End(CUdeviceptr address) {
  memory_.RemoveBlock(address);
  MutexLock lock(mutex_);
  const auto range = ranges_.find(address);
  if (range == ranges_.end()) return;
  range->second.begun = false;
  EndIfOver(range);
}

CUresult GraphMemory::Free(CUdeviceptr address) {
  MutexLock lock(mutex_);
  const auto range = ranges_.find(address);
  if (range == ranges_.end() || !range->second.claimed) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  range->second.claimed = false;
  return CUDA_SUCCESS;
}

void GraphMemory::Trim(int device) {
  MutexLock lock(mutex_);
  for (auto next = ranges_.begin(); next != ranges_.end();) {
    const auto range = next++;
    Range& one = range->second;
    if (one.device != device || !one.idle()) continue;
    if (one.backed > 0 && memory_.UnbackPool(range->first, one.backed)) {
      books_[device].reserved -= one.backed;
      one.backed = 0;
    }
    EndIfOver(range);
  }
}

CUresult GraphMemory::GetAttribute(int device, CUgraphMem_attribute attribute,
                                   cuuint64_t* value) {
  MutexLock lock(mutex_);
  const Books& books = books_[device];
  switch (attribute) {
    case CU_GRAPH_MEM_ATTR_USED_MEM_CURRENT:
    case CU_GRAPH_MEM_ATTR_RESERVED_MEM_CURRENT:
      *value = books.reserved;
      return CUDA_SUCCESS;
    case CU_GRAPH_MEM_ATTR_USED_MEM_HIGH:
      *value = books.used_high;
      return CUDA_SUCCESS;
    case CU_GRAPH_MEM_ATTR_RESERVED_MEM_HIGH:
      *value = books.reserved_high;
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult GraphMemory::SetAttribute(int device, CUgraphMem_attribute attribute,
                                   cuuint64_t value) {
  MutexLock lock(mutex_);
  Books& books = books_[device];
  if (value != 0) return CUDA_ERROR_INVALID_VALUE;
  switch (attribute) {
    case CU_GRAPH_MEM_ATTR_USED_MEM_HIGH:
      books.used_high = books.reserved;
      return CUDA_SUCCESS;
    case CU_GRAPH_MEM_ATTR_RESERVED_MEM_HIGH:
      books.reserved_high = books.reserved;
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

void GraphMemory::EndIfOver(std::map<CUdeviceptr, Range>::iterator range) {
  const Range& one = range->second;
  if (one.holders > 0 || !one.idle() || one.backed > 0) return;
  memory_.ReleasePool(range->first);
  ranges_.erase(range);
}

}  // namespace governor
