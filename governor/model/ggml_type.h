#ifndef GOVERNOR_MODEL_GGML_TYPE_H_
#define GOVERNOR_MODEL_GGML_TYPE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace governor {

// How ggml stores a tensor's elements: in blocks along the first dimension,
// scales included. Sizes are those of ggml's `block_*` structs (ggml-common.h)
// with QK_K = 256, as in gguf-py's GGML_QUANT_SIZES.
struct GgmlType {
  uint32_t id = 0;
  absl::string_view name;
  uint64_t block_elements = 0;
  uint64_t block_bytes = 0;
};

// Every type that a file may hold today, by rising id.
absl::Span<const GgmlType> GgmlTypes();

// The type with that id; the pointer is good for ever.
// UNIMPLEMENTED: an id that ggml once used and took back (named), or one that
// is newer than this table (named with the largest known).
absl::StatusOr<const GgmlType*> FindGgmlType(uint32_t id);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGML_TYPE_H_
