#ifndef GOVERNOR_POLICY_LAYER_KV_H_
#define GOVERNOR_POLICY_LAYER_KV_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_dtype.h"

namespace governor {

// What one layer keeps of each token, K and V together.
// Full attention: kv_heads * (head_size_k + head_size_v) elements, which is the
// page of vLLM's FullAttentionSpec divided by its tokens.
// INVALID_ARGUMENT: a size of zero, heads that the dtype's blocks do not divide
// (llama.cpp refuses those, too), or more than 2^64 - 1 bytes.
absl::StatusOr<Bytes> KvPerToken(const LayerShape& layer, KvDtype dtype);

// The same for each layer of `layers`; errors name the layer.
absl::StatusOr<std::vector<Bytes>> KvPerTokenByLayer(
    absl::Span<const LayerShape> layers, KvDtype dtype);

}  // namespace governor

#endif  // GOVERNOR_POLICY_LAYER_KV_H_
