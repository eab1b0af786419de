#ifndef GOVERNOR_BUDGET_MACHINE_RECORD_LAYOUT_H_
#define GOVERNOR_BUDGET_MACHINE_RECORD_LAYOUT_H_

#include <stdint.h>

#include <atomic>

// The words of the machine record's file, as every process of one user maps
// them. Freestanding: atomics only. Each word of a slot is written by the
// slot's owner alone, which is who holds the lock on the slot's bytes; a reader
// treats each value as hostile. All accesses are seq_cst.
namespace governor::machine_record {

using Word = std::atomic<uint64_t>;
static_assert(Word::is_always_lock_free && sizeof(Word) == 8);

inline constexpr uint64_t kMagic = 0x64726f6365727667;  // "gvrecord"
inline constexpr uint64_t kVersion = 2;
inline constexpr int kSlots = 256;
inline constexpr int kRefusals = 16;
inline constexpr int kNameWords = 4;
inline constexpr int kTagWords = 8;
inline constexpr int kLimitedByWords = 3;

// What was settled is counted in buckets of 2^kBucketShift ns (4.2 ms), which
// are used again after 2^kBucketBits of them (1.07 s).
inline constexpr int kBucketShift = 22;
inline constexpr int kBucketBits = 8;
inline constexpr int kBuckets = 1 << kBucketBits;
// A bucket's word: the lap in which it was used last, then bytes.
inline constexpr int kBucketBytesBits = 44;
inline constexpr uint64_t kBucketBytesMax =
    (uint64_t{1} << kBucketBytesBits) - 1;
inline constexpr int kAskedBits = 44;
inline constexpr uint64_t kAskedMax = (uint64_t{1} << kAskedBits) - 1;

// A refusal, under a sequence lock: `sequence` is odd while the owner writes,
// and differs after each write.
struct RefusalEntry {
  Word sequence;
  Word when;  // nanoseconds since 1970; 0: nothing is here
  Word asked;
  Word granted;
  Word limit;
  Word headroom;
  Word limited_by[kLimitedByWords];
  Word tag[kTagWords];
};

struct alignas(64) Slot {
  // What every sum reads, in one cache line. `generation` is odd while a tenant
  // holds the slot, and grows with each: odd and unlocked is a dead one.
  Word generation;
  Word in_flight;
  Word newest;  // the moment of the newest settle, in nanoseconds
  // What a thread of the owner asks for now, not granted, and perhaps never: a
  // number that grows with each request, then bytes, 0 between requests.
  Word asking;

  // What others see.
  alignas(64) Word budget;
  Word granted;
  Word unmanaged;
  Word debt;
  Word priority_and_device;  // 32 bits each
  Word pid;
  Word name[kNameWords];
  Word refusals_written;

  alignas(64) RefusalEntry refusals[kRefusals];
  // By bucket number modulo kBuckets.
  alignas(64) Word settled[kBuckets];
};

struct alignas(64) Header {
  Word magic;  // written last
  Word version;
  Word constants;
  Word used;  // slots at or above this one are empty
};

struct Image {
  Header header;
  Slot slots[kSlots];
};

// All words but the generation.
inline void Clear(Slot& slot) {
  slot.in_flight.store(0);
  slot.newest.store(0);
  slot.asking.store(0);
  for (Word& word : slot.settled) word.store(0);
  slot.budget.store(0);
  slot.granted.store(0);
  slot.unmanaged.store(0);
  slot.debt.store(0);
  slot.priority_and_device.store(0);
  slot.pid.store(0);
  for (Word& word : slot.name) word.store(0);
  slot.refusals_written.store(0);
  for (RefusalEntry& entry : slot.refusals) {
    // Goes on from what the last owner left, who may have died at any point: a
    // reader in the middle of it must see a change.
    const uint64_t writing = entry.sequence.load() | 1;
    entry.sequence.store(writing);
    entry.when.store(0);
    entry.sequence.store(writing + 1);
  }
}

// Differs between builds that cannot read each other's file.
constexpr uint64_t ConstantsChecksum() {
  constexpr uint64_t kConstants[] = {
      kSlots,     kRefusals,    kBucketShift,    kBucketBits,
      kNameWords, kTagWords,    kLimitedByWords, kBucketBytesBits,
      kAskedBits, sizeof(Slot), sizeof(Image),   sizeof(RefusalEntry),
  };
  uint64_t sum = 14695981039346656037u;
  for (const uint64_t constant : kConstants) {
    sum = (sum ^ constant) * 1099511628211u;
  }
  return sum;
}

}  // namespace governor::machine_record

#endif  // GOVERNOR_BUDGET_MACHINE_RECORD_LAYOUT_H_
