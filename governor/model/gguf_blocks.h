#ifndef GOVERNOR_MODEL_GGUF_BLOCKS_H_
#define GOVERNOR_MODEL_GGUF_BLOCKS_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/model/gguf.h"
#include "governor/model/gguf_fields.h"

namespace governor {

// How many layers (`blk.N.`) a file declares.
struct GgufBlocks {
  uint64_t all = 0;
  // Without the `nextn_predict_layers` at the end, which draft tokens;
  // llama.cpp counts them in `block_count` too.
  uint64_t trunk = 0;
};

// INVALID_ARGUMENT: no layers, no layer but drafting ones, or more layers than
// tensors (so that nothing larger than the header justifies is allocated).
absl::StatusOr<GgufBlocks> ReadGgufBlocks(const Gguf& gguf,
                                          const GgufFields& fields);

// The layer and the rest of a tensor's name `blk.N.rest`.
struct GgufBlockName {
  uint64_t layer = 0;
  absl::string_view rest;
};

// nullopt: a tensor outside the layers, such as `output.weight`.
std::optional<GgufBlockName> ParseGgufBlockName(absl::string_view name);

// The status of a file that contradicts itself.
absl::Status GgufDisagrees(absl::string_view reason);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_BLOCKS_H_
