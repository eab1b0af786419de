#include "governor/atomic_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

// Closes its descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }
  // As close(2), whose answer counts after a write.
  int Close() { return close(std::exchange(number_, -1)); }

 private:
  int number_;
};

absl::Status Failed(const char* call) {
  return absl::ErrnoToStatus(errno, call);
}

// Where the new bytes go: `path`, or what it links to.
absl::StatusOr<std::string> TargetOf(const std::string& path) {
  struct stat found;
  if (lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return path;
    return Failed("cannot look at the file");
  }
  if (S_ISLNK(found.st_mode)) {
    char* real = realpath(path.c_str(), nullptr);
    if (real == nullptr && errno == ENOENT) {
      return absl::FailedPreconditionError(
          "it is a symbolic link to nothing; remove the link, or make the file "
          "that it names");
    }
    if (real == nullptr) return Failed("cannot follow the symbolic link");
    const std::string target = real;
    free(real);
    if (stat(target.c_str(), &found) != 0) return Failed("cannot look at it");
    if (S_ISREG(found.st_mode)) return target;
  } else if (S_ISREG(found.st_mode)) {
    return path;
  }
  return absl::InvalidArgumentError("it is not a regular file");
}

absl::Status MakeFolders(const std::string& folder) {
  for (size_t end = 1; end <= folder.size(); ++end) {
    if (end < folder.size() && folder[end] != '/') continue;
    const std::string part = folder.substr(0, end);
    if (mkdir(part.c_str(), 0700) == 0 || errno == EEXIST) continue;
    // A folder that is there may be on a read-only file system.
    const int error = errno;
    if (access(part.c_str(), F_OK) == 0) continue;
    return absl::ErrnoToStatus(error, "cannot make its folder");
  }
  return absl::OkStatus();
}

absl::Status WriteAll(int descriptor, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return Failed("cannot write");
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// Makes `name`, which is `...XXXXXX`, a new file of these bytes that will be
// there after a crash.
absl::Status WriteNewFile(std::string& name, absl::string_view bytes) {
  Descriptor file(mkostemp(name.data(), O_CLOEXEC));
  if (file.number() < 0) return Failed("cannot make a file beside it");
  absl::Status status = WriteAll(file.number(), bytes);
  if (status.ok() && fsync(file.number()) != 0) status = Failed("cannot fsync");
  if (file.Close() != 0 && status.ok()) status = Failed("cannot close");
  if (!status.ok()) unlink(name.c_str());
  return status;
}

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(const std::string& path,
                                          Bytes limit) {
  if (path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("a path cannot hold a NUL");
  }
  const Descriptor file(
      open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.number() < 0) return Failed("cannot open");
  struct stat found;
  if (fstat(file.number(), &found) != 0) return Failed("cannot fstat");
  if (!S_ISREG(found.st_mode)) {
    return absl::InvalidArgumentError("it is not a regular file");
  }
  std::string bytes;
  char buffer[4096];
  while (true) {
    const ssize_t count = read(file.number(), buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("cannot read");
    if (count == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(count));
    // Not st_size: a file may grow while it is read.
    if (bytes.size() > limit.count()) {
      return absl::InvalidArgumentError(
          absl::StrCat("it has more than ", limit.count(), " bytes"));
    }
  }
}

absl::Status ReplaceFile(const std::string& path, absl::string_view bytes) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("a path is not empty and holds no NUL");
  }
  // Only where it is missing: links above the file stay as they are.
  const size_t given_slash = path.rfind('/');
  if (given_slash != std::string::npos && given_slash != 0) {
    GOVERNOR_RETURN_IF_ERROR(MakeFolders(path.substr(0, given_slash)));
  }
  GOVERNOR_ASSIGN_OR_RETURN(const std::string target, TargetOf(path));
  const size_t slash = target.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : target.substr(0, slash + 1);
  std::string temporary = absl::StrCat(target, ".XXXXXX");
  GOVERNOR_RETURN_IF_ERROR(WriteNewFile(temporary, bytes));
  if (rename(temporary.c_str(), target.c_str()) != 0) {
    const absl::Status status = Failed("cannot put the new file in its place");
    unlink(temporary.c_str());
    return status;
  }
  // The rename itself. Not every file system can; the file is whole anyway.
  const Descriptor above(
      open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (above.number() >= 0) (void)fsync(above.number());
  return absl::OkStatus();
}

}  // namespace governor
