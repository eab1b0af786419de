#ifndef GOVERNOR_BUDGET_MACHINE_RECORD_WORDS_H_
#define GOVERNOR_BUDGET_MACHINE_RECORD_WORDS_H_

#include <stdint.h>

#include <algorithm>

#include "absl/time/time.h"
#include "governor/budget/machine_record_layout.h"

// Arithmetic on the record's words, each of which may hold anything.
namespace governor::machine_record {

inline uint64_t SaturatingAdd(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

// Whoever wrote to the word besides us, it neither wraps nor becomes huge.
inline void Add(Word& word, uint64_t size) {
  uint64_t old = word.load();
  while (!word.compare_exchange_weak(old, SaturatingAdd(old, size))) {
  }
}
inline void Subtract(Word& word, uint64_t size) {
  uint64_t old = word.load();
  while (!word.compare_exchange_weak(old, old > size ? old - size : 0)) {
  }
}

// In nanoseconds on the machine's monotonic clock.
inline uint64_t MomentOf(absl::Duration moment) {
  // ToInt64Nanoseconds saturates, infinite durations included.
  return static_cast<uint64_t>(
      std::max<int64_t>(0, absl::ToInt64Nanoseconds(moment)));
}
inline uint64_t BucketOf(uint64_t moment) { return moment >> kBucketShift; }

// The part of a bucket's word above the bytes. It comes again after 13 days;
// what a tenant settled then and nothing since would count for one bucket.
inline uint64_t LapOf(uint64_t bucket) {
  return bucket >> kBucketBits << kBucketBytesBits;
}
inline uint64_t LapIn(uint64_t word) { return word & ~kBucketBytesMax; }
inline uint64_t BytesIn(uint64_t word) { return word & kBucketBytesMax; }

// What `slot` settled at or after `reading`, or in the bucket of that moment:
// nothing if it settled nothing since.
inline uint64_t SettledSince(const Slot& slot, uint64_t reading) {
  const uint64_t moment = slot.newest.load();
  if (moment < reading) return 0;
  const uint64_t newest = BucketOf(moment);
  const uint64_t buckets =
      std::min<uint64_t>(newest - BucketOf(reading), kBuckets - 1) + 1;
  uint64_t sum = 0;
  for (uint64_t i = 0; i < buckets; ++i) {
    const uint64_t bucket = newest - i;
    const uint64_t word = slot.settled[bucket % kBuckets].load();
    if (LapIn(word) != LapOf(bucket)) continue;
    const uint64_t bytes = BytesIn(word);
    sum = SaturatingAdd(sum, bytes == kBucketBytesMax ? UINT64_MAX : bytes);
  }
  return sum;
}

// What `slot` has on its way to memory; see MachineRecord::Settle for the
// order.
inline uint64_t OnItsWay(const Slot& slot, uint64_t reading) {
  const uint64_t in_flight = slot.in_flight.load();
  return SaturatingAdd(in_flight, SettledSince(slot, reading));
}

}  // namespace governor::machine_record

#endif  // GOVERNOR_BUDGET_MACHINE_RECORD_WORDS_H_
