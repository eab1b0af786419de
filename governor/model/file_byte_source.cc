#include "governor/model/file_byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace governor {
namespace {

std::string Quoted(absl::string_view path) {
  return absl::StrCat("'", absl::Utf8SafeCHexEscape(path), "'");
}

absl::string_view KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a directory";
    case S_IFIFO:
      return "a pipe";
    case S_IFCHR:
      return "a character device";
    case S_IFBLK:
      return "a block device";
    case S_IFSOCK:
      return "a socket";
    default:
      return "of an unknown kind";
  }
}

absl::Status NotRegular(const std::string& path, mode_t mode) {
  return absl::InvalidArgumentError(
      absl::StrCat("a model must be a regular file: ", Quoted(path), " is ",
                   KindOf(mode), "; give the path of the model file itself"));
}

absl::Status CannotOpen(const std::string& path, int error) {
  // open(2) does not open sockets and devices without a driver.
  struct stat found;
  if (error == ENXIO && stat(path.c_str(), &found) == 0) {
    return NotRegular(path, found.st_mode);
  }
  const std::string what =
      absl::StrCat("cannot open model file ", Quoted(path));
  // A file where a directory should be is as absent as any other.
  if (error == ENOTDIR) return absl::NotFoundError(what + ": Not a directory");
  return absl::ErrnoToStatus(error, what);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileByteSource>> FileByteSource::Open(
    const std::string& path) {
  if (path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("a path cannot hold a NUL: ", Quoted(path)));
  }
  int descriptor;
  do {
    descriptor =
        open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return CannotOpen(path, errno);

  struct stat found;
  if (fstat(descriptor, &found) != 0) {
    const int error = errno;
    close(descriptor);
    return absl::ErrnoToStatus(error, absl::StrCat("fstat ", Quoted(path)));
  }
  // From here on the object closes the descriptor.
  std::unique_ptr<FileByteSource> source(new FileByteSource(
      descriptor, Bytes(static_cast<uint64_t>(found.st_size))));
  if (!S_ISREG(found.st_mode)) return NotRegular(path, found.st_mode);
  if (found.st_size == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "model file ", Quoted(path), " is empty; was its download cut short?"));
  }
  return source;
}

FileByteSource::~FileByteSource() { close(descriptor_); }

absl::Status FileByteSource::ReadAt(uint64_t offset,
                                    absl::Span<char> out) const {
  while (!out.empty()) {
    const ssize_t count =
        pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, "pread of a model file");
    if (count == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("the file became shorter while it was read: it had ",
                       size_.count(), " bytes and now ends at offset ", offset,
                       "; is it still being written?"));
    }
    offset += static_cast<uint64_t>(count);
    out.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

}  // namespace governor
