#ifndef GOVERNOR_DRIVER_HOST_DRIVER_MEMORY_FILE_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_MEMORY_FILE_H_

#include <cstdint>
#include <string>

namespace governor {

// Memory files of the host driver, in programs that know nothing of them: a
// program may close all descriptors and open files of its own under the same
// numbers. So their numbers are high, never those of standard streams, and
// before each use one is asked whether it still is what it was.

// A memfd, as memfd_create gives it, closed by exec. -1: errno says why.
int NewMemoryFile(const std::string& name);

// The inode of an open file; 0: it is not open.
uint64_t InodeOf(int file);

// Whether `file` is a memory file still, the one with this inode.
bool IsStillMemoryFile(int file, uint64_t inode);

// Bytes of it that are pages now; 0: it is not that file any more.
uint64_t ResidentBytesOf(int file, uint64_t inode);

// Closes it, if it is.
void CloseMemoryFile(int file, uint64_t inode);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_MEMORY_FILE_H_
