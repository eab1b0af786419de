#ifndef GOVERNOR_DRIVER_HOST_DRIVER_OFFSET_ALLOCATOR_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_OFFSET_ALLOCATOR_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace governor {

// Hands out ranges of [begin, end), arithmetic only. Takes the smallest free
// range that fits, the lowest of these: allocations in a row lie in a row, and
// a hole is filled before new ground is broken. O(log n). Not thread-safe.
class OffsetAllocator {
 public:
  OffsetAllocator(uint64_t begin, uint64_t end);

  // nullopt when no free range is `size` (not zero) long.
  std::optional<uint64_t> Allocate(uint64_t size);

  // Takes back what Allocate gave for this size.
  void Free(uint64_t offset, uint64_t size);

 private:
  using Range = std::map<uint64_t, uint64_t>::iterator;

  void Insert(uint64_t offset, uint64_t size);
  void Erase(Range range);

  std::map<uint64_t, uint64_t> size_by_offset_;
  std::set<std::pair<uint64_t, uint64_t>> by_size_;  // (size, offset)
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_OFFSET_ALLOCATOR_H_
