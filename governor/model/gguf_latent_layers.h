#ifndef GOVERNOR_MODEL_GGUF_LATENT_LAYERS_H_
#define GOVERNOR_MODEL_GGUF_LATENT_LAYERS_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/model/gguf_architecture.h"
#include "governor/model/gguf_blocks.h"
#include "governor/model/gguf_fields.h"
#include "governor/model/kv_spec.h"

namespace governor {

// What each layer keeps with multi-head latent attention: a latent, and where
// the architecture has a sparse indexer also its keys. Drafting layers have no
// indexer. Layers that keep a state instead (head_count_kv 0) keep nothing
// here.
//
// nullopt: the file was converted without `attention.key_length_mla`, and
// llama.cpp then keeps K and V of every head (DeepSeek V2 files before May
// 2025).
// INVALID_ARGUMENT: a field missing, zero, or in disagreement with another;
// names both. UNIMPLEMENTED: a compression that is not known.
absl::StatusOr<std::optional<std::vector<std::vector<KvSpec>>>>
GgufLatentLayers(const GgufFields& fields, GgufMemory memory,
                 GgufBlocks blocks);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_LATENT_LAYERS_H_
