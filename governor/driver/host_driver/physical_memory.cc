#include "governor/driver/host_driver/physical_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "absl/status/status.h"

namespace governor {
namespace {

// The file is far longer than any device's memory, so that offsets do not run
// out by fragmentation while bytes are free. First-fit and best-fit need at
// most about log2(pieces) times the live bytes in practice; each zone here has
// twice 16 TiB, the largest memory of a Personality. Holes cost nothing.
constexpr uint64_t kZoneSize = uint64_t{1} << 45;

}  // namespace

absl::StatusOr<std::unique_ptr<PhysicalMemory>> PhysicalMemory::Create(
    Bytes capacity, PhysicalBooks& books) {
  const int file = memfd_create("governor-host-driver", MFD_CLOEXEC);
  if (file < 0) {
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM
               ? absl::ResourceExhaustedError(
                     "no file descriptor or memory for a host device")
               : absl::ErrnoToStatus(errno, "memfd_create for a host device");
  }
  if (ftruncate(file, 2 * kZoneSize) != 0) {
    const int error = errno;
    close(file);
    return absl::ErrnoToStatus(error, "ftruncate for a host device");
  }
  return std::unique_ptr<PhysicalMemory>(
      new PhysicalMemory(file, capacity, books));
}

PhysicalMemory::PhysicalMemory(int file, Bytes capacity, PhysicalBooks& books)
    : file_(file),
      capacity_(capacity),
      books_(books),
      chunks_(0, kZoneSize),
      linear_(kZoneSize, 2 * kZoneSize) {}

PhysicalMemory::~PhysicalMemory() { close(file_); }

std::optional<PhysicalRange> PhysicalMemory::Allocate(Zone zone, Bytes size) {
  MutexLock lock(mutex_);
  if (size > capacity_ - used_) return std::nullopt;
  const std::optional<uint64_t> offset = allocator(zone).Allocate(size.count());
  if (!offset) return std::nullopt;
  used_ += size;
  books_.Add(size);
  return PhysicalRange{*offset, size};
}

void PhysicalMemory::Free(Zone zone, PhysicalRange range) {
  // Without the lock: this is where the time goes. Nobody else knows the range.
  // The call can be interrupted by a signal; it fails in no other way here.
  while (fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                   range.offset, range.size.count()) != 0 &&
         errno == EINTR) {
  }
  MutexLock lock(mutex_);
  allocator(zone).Free(range.offset, range.size.count());
  used_ -= range.size;
  books_.Subtract(range.size);
}

bool PhysicalMemory::TakeForContext(Bytes size) {
  MutexLock lock(mutex_);
  if (size > capacity_ - used_) return false;
  used_ += size;
  return true;
}

void PhysicalMemory::ReturnFromContext(Bytes size) {
  MutexLock lock(mutex_);
  used_ -= size;
}

Bytes PhysicalMemory::free() const {
  MutexLock lock(mutex_);
  return capacity_ - used_;
}

}  // namespace governor
