#include "governor/model/byte_cursor.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

constexpr uint64_t kBufferSize = KiB(64).count();

}  // namespace

ByteCursor::ByteCursor(const ByteSource& source, Bytes header_limit)
    : source_(source),
      end_(std::min(source.size(), header_limit).count()),
      buffer_(std::min(end_, kBufferSize)) {}

absl::Status ByteCursor::Require(uint64_t length,
                                 absl::string_view what) const {
  if (length <= remaining()) return absl::OkStatus();
  const bool at_limit = end_ < source_.size().count();
  return absl::InvalidArgumentError(
      absl::StrCat(at_limit ? "the header passes the limit for headers, "
                            : "the file ends too early, at its size of ",
                   end_, " bytes: offset ", offset_, " needs ", length,
                   " bytes for ", what, ", and ", remaining(), " are left"));
}

absl::Status ByteCursor::Take(char* out, uint64_t length) {
  uint64_t done = 0;
  while (done < length) {
    const uint64_t at = offset_ + done;
    if (at < buffer_start_ || at >= buffer_start_ + buffered_) {
      const uint64_t count = std::min<uint64_t>(buffer_.size(), end_ - at);
      buffered_ = 0;
      GOVERNOR_RETURN_IF_ERROR(
          source_.ReadAt(at, absl::MakeSpan(buffer_.data(), count)));
      buffer_start_ = at;
      buffered_ = count;
    }
    const uint64_t skip = at - buffer_start_;
    const uint64_t count = std::min(buffered_ - skip, length - done);
    std::memcpy(out + done, buffer_.data() + skip, count);
    done += count;
  }
  offset_ += length;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ByteCursor::ReadUnsigned(uint64_t width,
                                                  absl::string_view what) {
  GOVERNOR_RETURN_IF_ERROR(Require(width, what));
  std::array<char, 8> bytes;
  GOVERNOR_RETURN_IF_ERROR(Take(bytes.data(), width));
  uint64_t value = 0;
  for (uint64_t i = width; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

absl::StatusOr<uint32_t> ByteCursor::ReadU32(absl::string_view what) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t value, ReadUnsigned(4, what));
  return static_cast<uint32_t>(value);
}

absl::StatusOr<uint64_t> ByteCursor::ReadU64(absl::string_view what) {
  return ReadUnsigned(8, what);
}

absl::StatusOr<std::string> ByteCursor::ReadBytes(uint64_t length,
                                                  absl::string_view what) {
  GOVERNOR_RETURN_IF_ERROR(Require(length, what));
  std::string bytes(length, '\0');
  GOVERNOR_RETURN_IF_ERROR(Take(bytes.data(), length));
  return bytes;
}

absl::Status ByteCursor::Skip(uint64_t length, absl::string_view what) {
  GOVERNOR_RETURN_IF_ERROR(Require(length, what));
  offset_ += length;
  return absl::OkStatus();
}

}  // namespace governor
