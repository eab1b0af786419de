#ifndef GOVERNOR_MODEL_GGUF_ATTENTION_LAYERS_H_
#define GOVERNOR_MODEL_GGUF_ATTENTION_LAYERS_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/model/gguf_architecture.h"
#include "governor/model/gguf_blocks.h"
#include "governor/model/gguf_fields.h"
#include "governor/model/kv_spec.h"

namespace governor {

// The K and V heads of every layer, drafting ones included: full, in a window
// or in chunks. nullopt: the layer has no KV heads, or reads what an earlier
// one keeps.
//
// Head sizes default to embedding_length divided by the first head_count, and
// head_count_kv to head_count, as in llama.cpp; head counts may be one number
// or one for each layer. Zero KV heads are for architectures where some layers
// have none.
// INVALID_ARGUMENT: a field missing, zero, of the wrong type or length, or in
// disagreement with another; names both.
absl::StatusOr<std::vector<std::optional<KvSpec>>> GgufAttentionLayers(
    const GgufFields& fields, const GgufArchitecture& architecture,
    GgufBlocks blocks);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_ATTENTION_LAYERS_H_
