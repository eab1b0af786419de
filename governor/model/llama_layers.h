#ifndef GOVERNOR_MODEL_LLAMA_LAYERS_H_
#define GOVERNOR_MODEL_LLAMA_LAYERS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "governor/model/gguf.h"
#include "governor/model/model_shape.h"

namespace governor {

// The values of `general.architecture` that LlamaLayers reads: decoders whose
// every layer is full attention and whose GGUF keys are Llama's (Mistral and
// Mixtral files say `llama`).
absl::Span<const absl::string_view> LlamaArchitectures();

// The layers of such a file. Head sizes default to embedding_length divided by
// head_count, and head_count_kv to head_count, as in llama.cpp; head counts may
// be one number or one for each layer.
//
// Declared and real must agree: every tensor `blk.N.` belongs to a declared
// layer, every layer has one, and where `blk.N.attn_k.weight` or
// `attn_v.weight` is there, its rows are kv_heads times the head size.
// INVALID_ARGUMENT: a field missing, zero, of the wrong type, or in
// disagreement with another or with the tensors; names both.
//
// UNIMPLEMENTED: a sliding window.
absl::StatusOr<std::vector<LayerShape>> LlamaLayers(const Gguf& gguf);

}  // namespace governor

#endif  // GOVERNOR_MODEL_LLAMA_LAYERS_H_
