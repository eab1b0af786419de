#ifndef GOVERNOR_DRIVER_HOST_DRIVER_PHYSICAL_MEMORY_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_PHYSICAL_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/base/mutex.h"
#include "governor/driver/host_driver/offset_allocator.h"
#include "governor/driver/host_driver/physical_books.h"

namespace governor {

// A piece of physical memory: bytes of its memfd.
struct PhysicalRange {
  uint64_t offset = 0;
  Bytes size;
};

// The physical memory of one device, or what the host gives for one purpose:
// one sparse memfd, whatever the number of allocations, so that it costs one
// file descriptor. Never more than its capacity is out, contexts included.
// Thread-safe; its lock is a leaf.
class PhysicalMemory {
 public:
  // VMM chunks and linear allocations come from ends of the file that never
  // meet, so that small ones do not part the rows of large ones.
  enum class Zone { kChunks, kLinear };

  // `books` outlives the result, and so does `pool`, from whose capacity all
  // that is given out here is taken too: that of an integrated device, whose
  // memory is the host's. RESOURCE_EXHAUSTED, INTERNAL: what the system says
  // about the memfd.
  static absl::StatusOr<std::unique_ptr<PhysicalMemory>> Create(
      Bytes capacity, PhysicalBooks& books, PhysicalMemory* pool = nullptr);
  ~PhysicalMemory();

  PhysicalMemory(const PhysicalMemory&) = delete;
  PhysicalMemory& operator=(const PhysicalMemory&) = delete;

  // `size` is a whole number of pages, not zero. The range reads as zero.
  // nullopt: less than `size` is free. O(log n).
  std::optional<PhysicalRange> Allocate(Zone zone, Bytes size);

  // Gives the pages back to the system, then the range, then its bytes: at no
  // time do fewer bytes count than exist. No mapping of the range is left.
  void Free(Zone zone, PhysicalRange range);

  // The same with a memfd of its own, from its beginning, which can be handed
  // to another process. nullopt, too: the system gives no file descriptor.
  std::optional<int> AllocateFile(const std::string& name, Bytes size);
  // Closes it. Its pages go when nobody else has them.
  void FreeFile(int file, uint64_t inode, Bytes size);

  // From now on Free keeps the pages of plain ranges, which are then neither
  // free nor in the books, for later allocations of the same size, until these
  // or others need the room, or Shrink.
  void KeepReleased();
  // From now on pages exist as soon as they are given out, rather than when
  // they are first touched, and nothing is given out for which the system has
  // no pages.
  void PopulateAtOnce();
  // Bytes that are pages of the host now, kept ones included, whoever touched
  // them. One system call, and one for each file of AllocateFile. Takes no lock
  // while there is none of these.
  Bytes resident() const;
  // Gives back all that is kept.
  void Shrink();
  Bytes kept() const;

  // Counted here, but without pages, and not in the books: what a context
  // takes, and what is taken from this pool elsewhere. False, and nothing
  // taken: less than `size` is free.
  bool Take(Bytes size);
  void Return(Bytes size);

  int file() const { return file_; }
  // False: the program closed file(), and may use its number for another.
  bool IsIntact() const;
  Bytes capacity() const { return capacity_; }
  Bytes free() const;

 private:
  PhysicalMemory(int file, Bytes capacity, PhysicalBooks& books,
                 PhysicalMemory* pool);

  struct Kept {
    Zone zone;
    PhysicalRange range;
  };

  // Gives the pages back to the system. Without the lock: here the time goes.
  void Clear(const PhysicalRange& range) ABSL_LOCKS_EXCLUDED(mutex_);
  // Where PopulateAtOnce was called: makes the pages exist. False, and none
  // were added: the system has too few.
  bool Populate(int file, const PhysicalRange& range)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // A kept range of this size, cleared.
  std::optional<PhysicalRange> TakeKept(Zone zone, Bytes size);
  OffsetAllocator& allocator(Zone zone) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return zone == Zone::kChunks ? chunks_ : linear_;
  }

  const int file_;
  const uint64_t inode_;
  const Bytes capacity_;
  PhysicalBooks& books_;
  PhysicalMemory* const pool_;

  std::atomic<bool> populates_{false};
  std::atomic<size_t> num_files_{0};  // entries of files_

  mutable Mutex mutex_;
  // Those of AllocateFile, with their inodes.
  std::vector<std::pair<int, uint64_t>> files_ ABSL_GUARDED_BY(mutex_);
  Bytes used_ ABSL_GUARDED_BY(mutex_);
  bool keeps_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Kept> kept_ ABSL_GUARDED_BY(mutex_);
  Bytes kept_bytes_ ABSL_GUARDED_BY(mutex_);
  OffsetAllocator chunks_ ABSL_GUARDED_BY(mutex_);
  OffsetAllocator linear_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_PHYSICAL_MEMORY_H_
