#ifndef GOVERNOR_MODEL_BYTE_SOURCE_H_
#define GOVERNOR_MODEL_BYTE_SOURCE_H_

#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "governor/base/bytes.h"

namespace governor {

// The bytes of one model file, wherever they are: parsers see this and never a
// path. Not a stream: it has a size, and any part can be read.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Fixed when the source was opened.
  virtual Bytes size() const = 0;

  // Fills `out` with the bytes from `offset`; both lie within size().
  // INVALID_ARGUMENT: the file has become shorter than it was. Other codes: the
  // system could not read it. `out` is then unspecified.
  virtual absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const = 0;
};

// Bytes that someone else holds, and holds longer than this lives.
class MemoryByteSource final : public ByteSource {
 public:
  explicit MemoryByteSource(absl::string_view bytes) : bytes_(bytes) {}

  Bytes size() const override { return Bytes(bytes_.size()); }

  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const override {
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return absl::OkStatus();
  }

 private:
  absl::string_view bytes_;
};

}  // namespace governor

#endif  // GOVERNOR_MODEL_BYTE_SOURCE_H_
