#ifndef GOVERNOR_DRIVER_HOST_DRIVER_PHYSICAL_BOOKS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_PHYSICAL_BOOKS_H_

#include <atomic>
#include <cstdint>

#include "governor/base/bytes.h"

namespace governor {

// How many bytes of one sort are out, and the most that ever were. Thread-safe,
// lock-free.
class PhysicalBooks {
 public:
  Bytes now() const { return Bytes(now_.load()); }
  Bytes high_water() const { return Bytes(high_water_.load()); }

  void Add(Bytes size) {
    const uint64_t sum = now_.fetch_add(size.count()) + size.count();
    uint64_t highest = high_water_.load();
    while (sum > highest && !high_water_.compare_exchange_weak(highest, sum)) {
    }
  }
  void Subtract(Bytes size) { now_.fetch_sub(size.count()); }

 private:
  std::atomic<uint64_t> now_{0};
  std::atomic<uint64_t> high_water_{0};
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_PHYSICAL_BOOKS_H_
