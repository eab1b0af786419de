#include "governor/driver/host_driver/offset_allocator.h"

#include <iterator>

namespace governor {

OffsetAllocator::OffsetAllocator(uint64_t begin, uint64_t end) {
  Insert(begin, end - begin);
}

std::optional<uint64_t> OffsetAllocator::Allocate(uint64_t size) {
  const auto fit = by_size_.lower_bound({size, 0});
  if (fit == by_size_.end()) return std::nullopt;
  const auto [found_size, offset] = *fit;
  Erase(size_by_offset_.find(offset));
  if (found_size > size) Insert(offset + size, found_size - size);
  return offset;
}

void OffsetAllocator::Free(uint64_t offset, uint64_t size) {
  const Range next = size_by_offset_.lower_bound(offset);
  if (next != size_by_offset_.begin()) {
    const Range previous = std::prev(next);
    if (previous->first + previous->second == offset) {
      offset = previous->first;
      size += previous->second;
      Erase(previous);
    }
  }
  if (next != size_by_offset_.end() && offset + size == next->first) {
    size += next->second;
    Erase(next);
  }
  Insert(offset, size);
}

void OffsetAllocator::Insert(uint64_t offset, uint64_t size) {
  size_by_offset_.emplace(offset, size);
  by_size_.emplace(size, offset);
}

void OffsetAllocator::Erase(Range range) {
  by_size_.erase({range->second, range->first});
  size_by_offset_.erase(range);
}

}  // namespace governor
