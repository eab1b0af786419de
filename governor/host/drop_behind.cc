#include "governor/host/drop_behind.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

absl::Status Failure(const char* what, int error) {
  const std::string text = absl::StrCat(what, ": ", strerror(error));
  return error == EIO || error == ENOSPC || error == EDQUOT
             ? absl::InternalError(text)
             : absl::UnavailableError(text);
}

// ESPIPE: neither a file nor a disk; EBADF is the caller's mistake and is told
// like the rest.
absl::Status WriteOut(int file, uint64_t begin, uint64_t end, unsigned flags) {
  if (::sync_file_range(file, static_cast<off_t>(begin),
                        static_cast<off_t>(end - begin), flags) == 0) {
    return absl::OkStatus();
  }
  return Failure("a file's pages cannot be written out", errno);
}

}  // namespace

absl::Status DropBehind::Advance(uint64_t position) {
  while (position >= started_ && position - started_ >= window_.count()) {
    const uint64_t begin = std::exchange(started_, started_ + window_.count());
    const absl::Status started =
        WriteOut(file_, begin, started_, SYNC_FILE_RANGE_WRITE);
    GOVERNOR_RETURN_IF_ERROR(Drop(std::exchange(dropped_, begin), begin));
    GOVERNOR_RETURN_IF_ERROR(started);
  }
  return absl::OkStatus();
}

absl::Status DropBehind::Finish(uint64_t end) {
  GOVERNOR_RETURN_IF_ERROR(Advance(end));
  const uint64_t begin = std::exchange(dropped_, end);
  started_ = end;
  return Drop(begin, end);
}

absl::Status DropBehind::Drop(uint64_t begin, uint64_t end) {
  if (begin >= end) return absl::OkStatus();
  GOVERNOR_RETURN_IF_ERROR(WriteOut(file_, begin, end,
                                    SYNC_FILE_RANGE_WAIT_BEFORE |
                                        SYNC_FILE_RANGE_WRITE |
                                        SYNC_FILE_RANGE_WAIT_AFTER));
  const int error =
      ::posix_fadvise(file_, static_cast<off_t>(begin),
                      static_cast<off_t>(end - begin), POSIX_FADV_DONTNEED);
  if (error != 0) {
    return Failure("a file's pages cannot be dropped", error);
  }
  return absl::OkStatus();
}

}  // namespace governor
