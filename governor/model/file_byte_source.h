#ifndef GOVERNOR_MODEL_FILE_BYTE_SOURCE_H_
#define GOVERNOR_MODEL_FILE_BYTE_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "governor/base/bytes.h"
#include "governor/model/byte_source.h"

namespace governor {

// A regular file, read with pread(2). Never mapped: a file that shrinks while
// it is mapped kills the reader with SIGBUS; here it is an error.
// Thread-safe after Open.
class FileByteSource final : public ByteSource {
 public:
  // Opens `path` for reading, without ever blocking on a pipe or becoming the
  // owner of a terminal.
  // NOT_FOUND: nothing there. PERMISSION_DENIED: not readable.
  // INVALID_ARGUMENT: not a regular file (the message says what it is), empty,
  // or a path with a NUL. Each message holds the path.
  static absl::StatusOr<std::unique_ptr<FileByteSource>> Open(
      const std::string& path);

  ~FileByteSource() override;
  FileByteSource(const FileByteSource&) = delete;
  FileByteSource& operator=(const FileByteSource&) = delete;

  Bytes size() const override { return size_; }
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const override;

 private:
  FileByteSource(int descriptor, Bytes size)
      : descriptor_(descriptor), size_(size) {}

  const int descriptor_;
  const Bytes size_;
};

}  // namespace governor

#endif  // GOVERNOR_MODEL_FILE_BYTE_SOURCE_H_
