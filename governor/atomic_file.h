#ifndef GOVERNOR_ATOMIC_FILE_H_
#define GOVERNOR_ATOMIC_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"

namespace governor {

// The bytes of the regular file at `path`, at most `limit` of them. Follows
// symbolic links; never blocks on a pipe.
// INVALID_ARGUMENT: not a regular file, or more than `limit`, which the message
// names. Errors of open(2) and read(2); they do not hold the path.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, Bytes limit);

// Puts a file of these bytes, 0600, in the place of the one at `path`, in one
// step: whoever opens it finds the old or the new one, whole, after a crash
// too. Makes the folders above it that are not there, 0700. Where `path` is a
// symbolic link, replaces what it names.
// FAILED_PRECONDITION: the link names nothing. Errors of the file system; they
// do not hold the path, and leave the old file and no other.
absl::Status ReplaceFile(const std::string& path, absl::string_view bytes);

}  // namespace governor

#endif  // GOVERNOR_ATOMIC_FILE_H_
