#include "tests/pressure/cache_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace governor {

CacheFile::CacheFile(const std::string& directory, Bytes size)
    : path_(directory + "/cache_file." + std::to_string(::getpid())),
      size_(size),
      file_(
          ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
  if (file_ < 0 || ::ftruncate(file_, static_cast<off_t>(size.count())) != 0 ||
      ::posix_fadvise(file_, 0, 0, POSIX_FADV_RANDOM) != 0) {
    std::perror(path_.c_str());
    ::unlink(path_.c_str());
    std::abort();
  }
}

CacheFile::~CacheFile() {
  ::close(file_);
  ::unlink(path_.c_str());
}

void CacheFile::ReadUntil(const std::function<bool()>& is_enough) const {
  std::vector<char> block(MiB(8).count());
  for (Bytes at; at < size_ && !is_enough(); at += MiB(8)) {
    if (::pread(file_, block.data(), block.size(),
                static_cast<off_t>(at.count())) < 0) {
      std::abort();
    }
  }
}

}  // namespace governor
