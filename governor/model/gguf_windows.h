#ifndef GOVERNOR_MODEL_GGUF_WINDOWS_H_
#define GOVERNOR_MODEL_GGUF_WINDOWS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/model/gguf_architecture.h"
#include "governor/model/gguf_blocks.h"
#include "governor/model/gguf_fields.h"

namespace governor {

// Which layers of one file see `tokens` tokens only. No windows: both empty.
struct GgufWindowLayers {
  uint64_t tokens = 0;
  std::vector<bool> windowed;  // one for each layer

  bool at(uint64_t layer) const {
    return layer < windowed.size() && windowed[layer];
  }
};

// INVALID_ARGUMENT: `attention.sliding_window` is missing or zero where the
// architecture needs it, or `attention.sliding_window_pattern` is missing,
// neither a period nor flags, or of the wrong length.
absl::StatusOr<GgufWindowLayers> ReadGgufWindows(const GgufFields& fields,
                                                 const GgufWindows& windows,
                                                 GgufBlocks blocks);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_WINDOWS_H_
