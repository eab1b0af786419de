#ifndef GOVERNOR_POLICY_LLAMA_CPP_LAYOUT_H_
#define GOVERNOR_POLICY_LLAMA_CPP_LAYOUT_H_

#include "absl/status/statusor.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_layout.h"
#include "governor/policy/llama_cpp_caches.h"

namespace governor {

// The options of a llama-server that serves `request`: one stream of cells for
// each of max_seqs sequences (an explicit --parallel), windows kept short
// (--swa-full only where hybrid_manager is false), n_ubatch = in_flight_tokens
// or 512, flash attention on, f16. Checks nothing.
LlamaCppOptions LlamaCppOptionsOf(const KvLayoutRequest& request);

// llama.cpp's caches as a pool. llama.cpp has no pages: each sequence has
// max_model_len cells, padded to 256, from its start. So a block is 256 cells
// of all full layers; windows and recurrent states are constant bytes of each
// sequence. A model with states alone: one block is the state of a sequence.
// A pipeline is --split-mode layer with an equal --tensor-split: layer i of n
// is on device floor(i * stages / (n + 1)), the output counting as a layer
// (from memory of llama-model.cpp).
// INVALID_ARGUMENT as LlamaCppCachesOf, and: block_tokens other than 256, more
// stages than layers. UNIMPLEMENTED: as there; tensor_parallel above 1 (split
// modes row and tensor are not planned), drafts, states that are not float32,
// a stage without attention to all tokens where others have it.
absl::StatusOr<KvLayout> LlamaCppLayout(const ModelShape& model,
                                        const KvLayoutRequest& request);

}  // namespace governor

#endif  // GOVERNOR_POLICY_LLAMA_CPP_LAYOUT_H_
