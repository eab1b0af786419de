#ifndef GOVERNOR_MODEL_GGUF_LAYER_CHECKS_H_
#define GOVERNOR_MODEL_GGUF_LAYER_CHECKS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "governor/model/gguf.h"
#include "governor/model/gguf_blocks.h"
#include "governor/model/gguf_fields.h"
#include "governor/model/kv_spec.h"

namespace governor {

// Whether the file's tensors are those of `layers`, one entry for each of
// blocks.all; the rules are at ReadGgufLayers. Compares K, V, fused QKV, the
// projection to a latent, an indexer's keys and a state's convolution.
// INVALID_ARGUMENT: names the tensor, its size and what was expected.
absl::Status CheckGgufLayers(const Gguf& gguf, const GgufFields& fields,
                             GgufBlocks blocks,
                             absl::Span<const std::vector<KvSpec>> layers);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_LAYER_CHECKS_H_
