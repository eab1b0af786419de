#ifndef GOVERNOR_MODEL_BYTE_CURSOR_H_
#define GOVERNOR_MODEL_BYTE_CURSOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/model/byte_source.h"

namespace governor {

// Reads little-endian values from the start of a ByteSource onwards, and knows
// where it is. It reads nothing beyond the smaller of the source's size and the
// header limit, and says so before it allocates anything: a length in a file
// never becomes an allocation unless that many bytes are really there.
//
// Every read: INVALID_ARGUMENT when fewer bytes are left, naming the offset,
// the bytes needed and left, and `what`; the cursor then stays where it was.
// Not thread-safe. Holds one buffer of at most 64 KiB.
class ByteCursor {
 public:
  // `source` must outlive this.
  ByteCursor(const ByteSource& source, Bytes header_limit);

  // The offset of the next byte, from the start of the source.
  uint64_t offset() const { return offset_; }

  // What can still be read.
  uint64_t remaining() const { return end_ - offset_; }

  absl::StatusOr<uint32_t> ReadU32(absl::string_view what);
  absl::StatusOr<uint64_t> ReadU64(absl::string_view what);

  // An unsigned integer of `width` bytes (1, 2, 4 or 8).
  absl::StatusOr<uint64_t> ReadUnsigned(uint64_t width, absl::string_view what);

  // `length` bytes as they are.
  absl::StatusOr<std::string> ReadBytes(uint64_t length,
                                        absl::string_view what);

  // Passes over `length` bytes without reading them.
  absl::Status Skip(uint64_t length, absl::string_view what);

 private:
  absl::Status Require(uint64_t length, absl::string_view what) const;
  // Copies [offset_, offset_ + length), which Require has passed.
  absl::Status Take(char* out, uint64_t length);

  const ByteSource& source_;
  const uint64_t end_;
  uint64_t offset_ = 0;
  // The bytes [buffer_start_, buffer_start_ + buffered_) of the source.
  std::vector<char> buffer_;
  uint64_t buffer_start_ = 0;
  uint64_t buffered_ = 0;
};

}  // namespace governor

#endif  // GOVERNOR_MODEL_BYTE_CURSOR_H_
