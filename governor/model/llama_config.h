#ifndef GOVERNOR_MODEL_LLAMA_CONFIG_H_
#define GOVERNOR_MODEL_LLAMA_CONFIG_H_

#include "governor/model/config_family.h"

namespace governor {

// Decoders whose layers all have the same heads, full or with a sliding window
// (Llama, Mistral, Qwen, Gemma 1 to 3, GPT-OSS and most others).
absl::Status ReadAttentionLayers(const ConfigFields& fields,
                                 const ConfigFamily& family, ModelShape& shape);

// Llama 4: attention within chunks, and every fourth layer, or those without
// rotary embedding, full.
absl::Status ReadChunkedLayers(const ConfigFields& fields,
                               const ConfigFamily& family, ModelShape& shape);

// MiniMax M3: full attention; layers of `sparse_attention_freq` 1 keep the keys
// of a block indexer besides, in the dtype that the model computes in.
absl::Status ReadMiniMaxSparseLayers(const ConfigFields& fields,
                                     const ConfigFamily& family,
                                     ModelShape& shape);

// MiMo V2: windowed layers have heads of their own (`swa_*`), and V is narrower
// than K.
absl::Status ReadMimoLayers(const ConfigFields& fields,
                            const ConfigFamily& family, ModelShape& shape);

}  // namespace governor

#endif  // GOVERNOR_MODEL_LLAMA_CONFIG_H_
