#ifndef GOVERNOR_MODEL_GGUF_TENSORS_H_
#define GOVERNOR_MODEL_GGUF_TENSORS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "governor/base/bytes.h"
#include "governor/model/byte_cursor.h"
#include "governor/model/ggml_type.h"

namespace governor {

// One tensor of a GGUF file: what it is and where its bytes are. Not the bytes.
struct GgufTensor {
  static constexpr uint32_t kMaxDimensions = 4;

  std::string name;                // valid UTF-8, not empty, no NUL
  const GgmlType* type = nullptr;  // never null once read
  uint32_t dimension_count = 0;    // at least 1
  // The first is the one whose elements lie side by side; the unused are 1.
  std::array<uint64_t, kMaxDimensions> dimensions = {1, 1, 1, 1};
  uint64_t elements = 0;
  uint64_t offset = 0;  // of its first byte, from the start of the file
  Bytes size;
};

// Reads `count` tensor infos. Offsets are still as the file has them, from the
// start of the data section.
// INVALID_ARGUMENT: more infos than the bytes left can hold, a name, dimension,
// or product of dimensions that is not allowed. UNIMPLEMENTED: a ggml type that
// is not in the table. Each names the tensor, the value and the limit.
absl::StatusOr<std::vector<GgufTensor>> ReadGgufTensors(ByteCursor& cursor,
                                                        uint64_t count);

// Turns offsets into file offsets by adding `data_start`.
// INVALID_ARGUMENT, with the tensors then unspecified: an offset that is not a
// multiple of `alignment`, a tensor that reaches beyond `file_size`, two that
// overlap, two of one name.
absl::Status PlaceGgufTensors(absl::Span<GgufTensor> tensors,
                              uint64_t data_start, uint64_t alignment,
                              Bytes file_size);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_TENSORS_H_
