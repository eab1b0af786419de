#ifndef GOVERNOR_SPARE_READING_H_
#define GOVERNOR_SPARE_READING_H_

#include <atomic>
#include <cstdint>

#include "governor/base/bytes.h"

namespace governor {

// The last reading of what the machine can spare, for threads that grant: two
// words that belong together, read without a lock and without waiting for more
// than the few instructions of one Store.
class SpareReading {
 public:
  struct Value {
    Bytes spare;
    // When the reading began, in ns on the machine's monotonic clock. Before
    // the first reading: so long ago that none is.
    int64_t taken_ns = INT64_MIN / 2;
  };

  Value Load() const {
    while (true) {
      const uint64_t before = sequence_.load(std::memory_order_acquire);
      // Acquire: whoever finds a new word here finds below that it was written.
      const Value value{Bytes(spare_.load(std::memory_order_acquire)),
                        taken_ns_.load(std::memory_order_acquire)};
      const uint64_t after = sequence_.load(std::memory_order_relaxed);
      if (before == after && before % 2 == 0) return value;
    }
  }

  // One thread at a time.
  void Store(const Value& value) {
    const uint64_t sequence = sequence_.load(std::memory_order_relaxed);
    sequence_.store(sequence + 1, std::memory_order_relaxed);
    spare_.store(value.spare.count(), std::memory_order_release);
    taken_ns_.store(value.taken_ns, std::memory_order_release);
    sequence_.store(sequence + 2, std::memory_order_release);
  }

 private:
  std::atomic<uint64_t> sequence_{0};
  std::atomic<uint64_t> spare_{0};
  std::atomic<int64_t> taken_ns_{INT64_MIN / 2};
};

}  // namespace governor

#endif  // GOVERNOR_SPARE_READING_H_
