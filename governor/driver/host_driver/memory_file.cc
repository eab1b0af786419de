#include "governor/driver/host_driver/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

namespace governor {
namespace {

// Above what programs with few files use, if the limit allows; else above the
// standard streams.
constexpr int kHigh = 512;
constexpr int kFirst = 3;

// All memfds of a system are on one device.
std::atomic<dev_t> memfd_device{0};

}  // namespace

int NewMemoryFile(const std::string& name) {
  const int low = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (low < 0) return -1;
  struct stat status = {};
  if (fstat(low, &status) == 0) memfd_device = status.st_dev;
  for (const int floor : {kHigh, kFirst}) {
    const int high = fcntl(low, F_DUPFD_CLOEXEC, floor);
    if (high >= 0) {
      close(low);
      return high;
    }
  }
  if (low >= kFirst) return low;
  const int error = errno;
  close(low);
  errno = error;
  return -1;
}

uint64_t InodeOf(int file) {
  struct stat status = {};
  return fstat(file, &status) == 0 ? status.st_ino : 0;
}

bool IsStillMemoryFile(int file, uint64_t inode) {
  struct stat status = {};
  return fstat(file, &status) == 0 && status.st_ino == inode &&
         status.st_dev == memfd_device;
}

uint64_t ResidentBytesOf(int file, uint64_t inode) {
  struct stat status = {};
  if (fstat(file, &status) != 0 || status.st_ino != inode ||
      status.st_dev != memfd_device) {
    return 0;
  }
  return static_cast<uint64_t>(status.st_blocks) * 512;  // POSIX's unit
}

void CloseMemoryFile(int file, uint64_t inode) {
  if (IsStillMemoryFile(file, inode)) close(file);
}

}  // namespace governor
