#ifndef GOVERNOR_POLICY_TRANSFORMERS_CACHE_H_
#define GOVERNOR_POLICY_TRANSFORMERS_CACHE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"

namespace governor {

// The cache classes of Hugging Face transformers, for those who run it without
// an engine.
enum class TransformersCache {
  // StaticCache(max_cache_len): allocated whole at the first forward.
  kStatic,
  // DynamicCache: holds what was computed, and grows by concatenation, which
  // for a moment needs the old and the new tensors of a layer.
  kDynamic,
};

// Bytes of the tensors in the cache of `batch` sequences: those of
// max_cache_len `tokens` (kStatic), or those after `tokens` tokens (kDynamic).
//   full: tokens, K and V of kv_heads heads; latents as rank and rope_size.
//   sliding and chunked: min(window, tokens); dynamic: min(window - 1, tokens).
//   states: conv_kernel columns (engines keep one less) in the model's compute
//     dtype, and a recurrent state in float32.
// On one device: transformers splits by its own tensor-parallel plans, which
// are not planned here. Checked against transformers 5.19.0; states in a
// StaticCache are not.
// INVALID_ARGUMENT: zero tokens or batch, a compute dtype other than bfloat16,
// float16 and float32, sizes of zero, more than 2^64 - 1 bytes. UNIMPLEMENTED:
// indexers, compressed latents, cross attention.
absl::StatusOr<Bytes> TransformersCacheBytes(const ModelShape& model,
                                             TransformersCache cache,
                                             uint64_t tokens, uint64_t batch);

}  // namespace governor

#endif  // GOVERNOR_POLICY_TRANSFORMERS_CACHE_H_
