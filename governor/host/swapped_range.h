#ifndef GOVERNOR_HOST_SWAPPED_RANGE_H_
#define GOVERNOR_HOST_SWAPPED_RANGE_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/host/process_pages.h"

namespace governor {

// Addresses of this process that their owner wants in memory.
struct MemoryRange {
  uintptr_t address = 0;
  Bytes size;
  // The memory file behind a shared mapping, and where in it `address` is;
  // nullopt for private memory. Shared memory without it is never seen in swap.
  std::optional<int> file = std::nullopt;
  uint64_t file_offset = 0;
};

// Such a range, and how much of it is in swap. Owns none of the memory and
// locks none of it: what was brought back may leave again. The owner may unmap
// it at any moment, which is an error here and nothing worse. Whole pages only:
// those that the range begins or ends within belong to it.
//
// Thread-safe but for BringBack, which one thread at a time may call.
class SwappedRange {
 public:
  // INVALID_ARGUMENT: no bytes, or beyond the end of addresses, or a file that
  // cannot be looked at. `pages` outlives it.
  static absl::StatusOr<std::unique_ptr<SwappedRange>> Create(
      const MemoryRange& range, ProcessPages& pages);

  ~SwappedRange();
  SwappedRange(const SwappedRange&) = delete;
  SwappedRange& operator=(const SwappedRange&) = delete;

  // Bytes of it in swap now. FAILED_PRECONDITION: some of it is not mapped.
  // Looks at every page: see KernelPages for what that costs.
  absl::StatusOr<Bytes> SwappedBytes() const;

  struct Progress {
    Bytes brought_back;
    Bytes looked_at;
    // The end of the range was reached; the next call begins again.
    bool at_end = false;
  };

  // Brings swapped pages back, at most `most` bytes and no part of a page,
  // looking at no more than `look_at` bytes of addresses (rounded up to 2 MiB
  // or the range's end), from where the last call left off. Waits for the disk.
  // Errors as ProcessPages; some may be back then, and the next call begins at
  // the range's begin.
  absl::StatusOr<Progress> BringBack(Bytes most, Bytes look_at);

  // The same for the whole range at once, at most `most` bytes.
  absl::StatusOr<Bytes> BringBack(Bytes most);

  Bytes size() const { return Bytes(end_ - begin_); }

 private:
  SwappedRange(uintptr_t begin, uintptr_t end, int file, uint64_t file_offset,
               ProcessPages& pages);

  const uintptr_t begin_;
  const uintptr_t end_;
  const int file_;  // our own; -1: private memory
  const uint64_t file_offset_;
  ProcessPages& pages_;
  uintptr_t next_;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_SWAPPED_RANGE_H_
