#ifndef GOVERNOR_TESTS_PRESSURE_CACHE_FILE_H_
#define GOVERNOR_TESTS_PRESSURE_CACHE_FILE_H_

#include <functional>
#include <string>

#include "governor/base/bytes.h"

namespace governor {

// A file whose pages fill the page cache, clean. Removed at the end, and its
// pages with it. Ends the program where it cannot be made.
class CacheFile {
 public:
  // The file is one hole, whose pages are as good and cost no disk.
  CacheFile(const std::string& directory, Bytes size);
  ~CacheFile();
  CacheFile(const CacheFile&) = delete;
  CacheFile& operator=(const CacheFile&) = delete;

  // Reads from its begin until `is_enough` or the end; a second call reads
  // again what is no longer there. In small pages: the kernel makes room for
  // large ones long before all memory is taken.
  void ReadUntil(const std::function<bool()>& is_enough) const;

 private:
  const std::string path_;
  const Bytes size_;
  int file_ = -1;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_PRESSURE_CACHE_FILE_H_
