#include "tests/pressure/swap_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace governor {
namespace {

absl::Status Unavailable(const char* what, const std::string& path) {
  const int error = errno;
  ::unlink(path.c_str());
  return absl::UnavailableError(
      absl::StrCat("no swap file: ", what, ": ", strerror(error), ": ", path));
}

// What mkswap(8) writes: version and last page at 1024, a magic word at the end
// of the first page. Both numbers are in the machine's byte order.
std::vector<char> Header(uint64_t size, size_t page) {
  std::vector<char> header(page);
  const uint32_t numbers[2] = {1, static_cast<uint32_t>(size / page - 1)};
  memcpy(header.data() + 1024, numbers, sizeof(numbers));
  memcpy(header.data() + page - 10, "SWAPSPACE2", 10);
  return header;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SwapFile>> SwapFile::Create(
    const std::string& directory, Bytes size) {
  const std::string path = absl::StrCat(directory, "/swap.", ::getpid());
  const int file =
      ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Unavailable("cannot be made", path);
  // Written, not only allocated: swapon refuses files with holes.
  std::vector<char> block(size_t{8} << 20, 'x');
  uint64_t written = 0;
  while (written < size.count()) {
    const ssize_t got = ::write(file, block.data(), block.size());
    if (got <= 0) break;
    written += static_cast<uint64_t>(got);
  }
  const std::vector<char> header =
      Header(size.count(), static_cast<size_t>(::sysconf(_SC_PAGESIZE)));
  const bool ready = written >= size.count() &&
                     ::pwrite(file, header.data(), header.size(), 0) ==
                         static_cast<ssize_t>(header.size()) &&
                     ::fsync(file) == 0;
  // Not page cache that the test would have to push out first.
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  ::close(file);
  if (!ready) return Unavailable("cannot be written", path);
  if (::swapon(path.c_str(), 0) != 0) {
    return Unavailable("swapon is refused", path);
  }
  return std::unique_ptr<SwapFile>(new SwapFile(path));
}

SwapFile::~SwapFile() {
  ::swapoff(path_.c_str());
  ::unlink(path_.c_str());
}

}  // namespace governor
