#include "governor/driver/host_driver/physical_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/driver/host_driver/memory_file.h"

namespace governor {
namespace {

// The file is far longer than any device's memory, so that offsets do not run
// out by fragmentation while bytes are free. First-fit and best-fit need at
// most about log2(pieces) times the live bytes in practice; each zone here has
// twice 16 TiB, the largest memory of a Personality. Holes cost nothing.
constexpr uint64_t kZoneSize = uint64_t{1} << 45;

// What one call populates: a signal makes it begin again.
constexpr uint64_t kPopulateStep = uint64_t{16} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<PhysicalMemory>> PhysicalMemory::Create(
    Bytes capacity, PhysicalBooks& books, PhysicalMemory* pool) {
  // Past this limit the system ends the process, without a word.
  rlimit limit = {};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < 2 * kZoneSize) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "a host device is a sparse file, longer than the limit on the size of "
        "files; raise it (ulimit -f unlimited): needed ",
        ToString(Bytes(2 * kZoneSize)), ", limit ",
        ToString(Bytes(limit.rlim_cur))));
  }
  const int file = NewMemoryFile("governor-host-driver");
  if (file < 0) {
    const int error = errno;
    getrlimit(RLIMIT_NOFILE, &limit);
    return error == EMFILE || error == ENFILE || error == ENOMEM
               ? absl::ResourceExhaustedError(absl::StrCat(
                     "no file descriptor or memory for a host device; raise "
                     "the limit (ulimit -n) or close files: limit ",
                     limit.rlim_cur))
               : absl::ErrnoToStatus(error, "memfd_create for a host device");
  }
  if (ftruncate(file, 2 * kZoneSize) != 0) {
    const int error = errno;
    close(file);
    return absl::ErrnoToStatus(error, "ftruncate for a host device");
  }
  return std::unique_ptr<PhysicalMemory>(
      new PhysicalMemory(file, capacity, books, pool));
}

PhysicalMemory::PhysicalMemory(int file, Bytes capacity, PhysicalBooks& books,
                               PhysicalMemory* pool)
    : file_(file),
      inode_(InodeOf(file)),
      capacity_(capacity),
      books_(books),
      pool_(pool),
      chunks_(0, kZoneSize),
      linear_(kZoneSize, 2 * kZoneSize) {}

PhysicalMemory::~PhysicalMemory() { CloseMemoryFile(file_, inode_); }

bool PhysicalMemory::IsIntact() const {
  return IsStillMemoryFile(file_, inode_);
}

std::optional<PhysicalRange> PhysicalMemory::Allocate(Zone zone, Bytes size) {
  std::optional<PhysicalRange> range = TakeKept(zone, size);
  if (!range) {
    if (!Take(size)) return std::nullopt;
    std::optional<uint64_t> offset;
    {
      MutexLock lock(mutex_);
      offset = allocator(zone).Allocate(size.count());
    }
    if (!offset) {
      Return(size);
      return std::nullopt;
    }
    range = PhysicalRange{*offset, size};
  }
  if (!Populate(file_, *range)) {
    {
      MutexLock lock(mutex_);
      allocator(zone).Free(range->offset, size.count());
    }
    Return(size);
    return std::nullopt;
  }
  books_.Add(size);
  return range;
}

void PhysicalMemory::Free(Zone zone, PhysicalRange range) {
  {
    MutexLock lock(mutex_);
    if (keeps_) {
      kept_.push_back({zone, range});
      kept_bytes_ += range.size;
      used_ -= range.size;
      books_.Subtract(range.size);
      return;
    }
  }
  Clear(range);
  {
    MutexLock lock(mutex_);
    allocator(zone).Free(range.offset, range.size.count());
  }
  books_.Subtract(range.size);
  Return(range.size);
}

void PhysicalMemory::PopulateAtOnce() { populates_ = true; }

bool PhysicalMemory::Populate(int file, const PhysicalRange& range) {
  if (!populates_) return true;
  if (file == file_ && !IsIntact()) return false;
  const uint64_t end = range.offset + range.size.count();
  for (uint64_t at = range.offset; at < end;) {
    const uint64_t step = std::min(kPopulateStep, end - at);
    if (fallocate(file, FALLOC_FL_KEEP_SIZE, at, step) == 0) {
      at += step;
    } else if (errno != EINTR) {
      if (file == file_) Clear(range);
      return false;
    }
  }
  return true;
}

Bytes PhysicalMemory::resident() const {
  uint64_t sum = ResidentBytesOf(file_, inode_);
  if (num_files_ == 0) return Bytes(sum);
  MutexLock lock(mutex_);
  for (const auto& [file, inode] : files_) sum += ResidentBytesOf(file, inode);
  return Bytes(sum);
}

void PhysicalMemory::Clear(const PhysicalRange& range) {
  if (!IsIntact()) return;  // not our file to make holes in
  // Nobody else knows the range. The call can be interrupted by a signal; it
  // fails in no other way here.
  while (fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                   range.offset, range.size.count()) != 0 &&
         errno == EINTR) {
  }
}

void PhysicalMemory::KeepReleased() {
  MutexLock lock(mutex_);
  keeps_ = true;
}

std::optional<PhysicalRange> PhysicalMemory::TakeKept(Zone zone, Bytes size) {
  std::optional<PhysicalRange> range;
  {
    MutexLock lock(mutex_);
    const auto same =
        std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) {
          return kept.zone == zone && kept.range.size == size;
        });
    if (same == kept_.end()) return std::nullopt;
    range = same->range;
    kept_.erase(same);
    kept_bytes_ -= size;
    used_ += size;
  }
  Clear(*range);
  return range;
}

void PhysicalMemory::Shrink() {
  std::vector<Kept> kept;
  {
    MutexLock lock(mutex_);
    kept.swap(kept_);
  }
  for (const Kept& one : kept) {
    Clear(one.range);
    MutexLock lock(mutex_);
    allocator(one.zone).Free(one.range.offset, one.range.size.count());
    kept_bytes_ -= one.range.size;
  }
}

Bytes PhysicalMemory::kept() const {
  MutexLock lock(mutex_);
  return kept_bytes_;
}

std::optional<int> PhysicalMemory::AllocateFile(const std::string& name,
                                                Bytes size) {
  if (!Take(size)) return std::nullopt;
  const int file = NewMemoryFile(name);
  if (file >= 0 && ftruncate(file, size.count()) == 0 &&
      Populate(file, {0, size})) {
    {
      MutexLock lock(mutex_);
      files_.emplace_back(file, InodeOf(file));
      num_files_ = files_.size();
    }
    books_.Add(size);
    return file;
  }
  if (file >= 0) close(file);
  Return(size);
  return std::nullopt;
}

void PhysicalMemory::FreeFile(int file, uint64_t inode, Bytes size) {
  {
    MutexLock lock(mutex_);
    const auto known =
        std::find(files_.begin(), files_.end(), std::pair(file, inode));
    if (known != files_.end()) files_.erase(known);
    num_files_ = files_.size();
  }
  CloseMemoryFile(file, inode);
  books_.Subtract(size);
  Return(size);
}

bool PhysicalMemory::Take(Bytes size) {
  if (pool_ != nullptr && !pool_->Take(size)) return false;
  // What is kept makes room for what is needed.
  if (size > free()) Shrink();
  {
    MutexLock lock(mutex_);
    if (size <= capacity_ - used_ - kept_bytes_) {
      used_ += size;
      return true;
    }
  }
  if (pool_ != nullptr) pool_->Return(size);
  return false;
}

void PhysicalMemory::Return(Bytes size) {
  {
    MutexLock lock(mutex_);
    used_ -= size;
  }
  if (pool_ != nullptr) pool_->Return(size);
}

Bytes PhysicalMemory::free() const {
  MutexLock lock(mutex_);
  return capacity_ - used_ - kept_bytes_;
}

}  // namespace governor
