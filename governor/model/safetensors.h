#ifndef GOVERNOR_MODEL_SAFETENSORS_H_
#define GOVERNOR_MODEL_SAFETENSORS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/model/byte_source.h"
#include "governor/model/safetensors_dtype.h"
#include "governor/model/safetensors_entries.h"

namespace governor {

// One tensor of a safetensors file. Not its bytes.
struct SafetensorsTensor {
  absl::string_view name;  // in the Safetensors that it came from
  const SafetensorsDtype* dtype = nullptr;
  uint32_t dimension_count = 0;  // 0: a scalar, of one element
  // The last is the one whose elements lie side by side; the unused are 1.
  std::array<uint64_t, SafetensorsEntries::kMaxDimensions> dimensions = {
      1, 1, 1, 1, 1, 1, 1, 1};
  uint64_t elements = 0;  // as the dtype counts them: packed ones are packed
  uint64_t offset = 0;    // of its first byte, from the start of the file
  Bytes size;
};

// The header of one safetensors file, checked: the tensors fill the rest of the
// file without a gap and without overlap, and no two have one name. A plain
// value; about 24 bytes, its name and its shape for each tensor.
class Safetensors {
 public:
  // The 8 bytes of the length, and the header.
  Bytes header_size() const { return header_size_; }
  // The bytes of all tensors.
  Bytes data_size() const { return data_size_; }

  // Tensors, in the order of their names.
  size_t tensor_count() const { return entries_.size(); }
  SafetensorsTensor tensor(size_t index) const;
  absl::string_view name(size_t index) const;
  std::optional<SafetensorsTensor> Find(absl::string_view name) const;

 private:
  friend absl::StatusOr<Safetensors> ParseSafetensors(const ByteSource&);

  Bytes header_size_;
  Bytes data_size_;
  std::vector<SafetensorsEntry> entries_;
  std::string text_;
};

// Reads the header of a safetensors file: exactly its 8 + N bytes. Memory: at
// most 64 KiB and twice the header, whatever it says.
//
// Stricter than the format's text, and like its Rust library: tensors lie side
// by side from the start of the data to the end of the file (a hole or bytes
// left over are errors, as a cut download has them), a tensor with a dimension
// of zero has no bytes, and one without dimensions has one element. Stricter
// than the library: no fields but dtype, shape and data_offsets, no name twice,
// names of 1 to 65,535 bytes without NUL, 8 dimensions, 2^20 tensors.
//
// INVALID_ARGUMENT: not safetensors (says what it seems to be), damaged, or
// beyond a limit: names the tensor, the value and the limit. UNIMPLEMENTED: a
// dtype that is not in the table. The source's own errors.
absl::StatusOr<Safetensors> ParseSafetensors(const ByteSource& source);

}  // namespace governor

#endif  // GOVERNOR_MODEL_SAFETENSORS_H_
