#ifndef GOVERNOR_POLICY_LLAMA_CPP_CACHES_H_
#define GOVERNOR_POLICY_LLAMA_CPP_CACHES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_dtype.h"

namespace governor {

// What llama.cpp's caches depend on, besides the model. The defaults are those
// of llama-server with an explicit --parallel; the library's own differ in
// `swa_full`, which is true there.
struct LlamaCppOptions {
  KvDtype type_k = KvDtype::kFp16;  // --cache-type-k
  KvDtype type_v = KvDtype::kFp16;  // --cache-type-v
  uint64_t n_seq_max = 1;           // --parallel; at least 1
  // One stream of cells for all sequences, or one stream for each.
  bool kv_unified = false;  // --kv-unified
  // Windows are kept as long as the context.
  bool swa_full = false;  // --swa-full
  uint64_t n_ubatch = 512;
  bool flash_attention = true;  // off: a quantized V is refused
};

// Bytes of one cell (a token, or for states a sequence) in one layer.
struct LlamaCppLayer {
  Bytes full;    // K and V of attention to all tokens
  Bytes window;  // K and V of sliding and chunked attention
  Bytes state;   // convolution and recurrent state
};

// What a context allocates at its start, and never resizes.
struct LlamaCppCaches {
  uint64_t cells_per_stream = 0;         // of the full cache
  uint64_t window_cells_per_stream = 0;  // zero: no window is kept
  uint64_t streams = 0;
  Bytes full;    // all layers, all streams
  Bytes window;  // the same
  Bytes state;   // all layers, one cell for each sequence
  std::vector<LlamaCppLayer> layers;
};

// llama.cpp pads contexts and windows to this many cells.
inline constexpr uint64_t kLlamaCppCells = 256;

// The caches of a context of `n_ctx` tokens, all sequences together
// (--ctx-size).
//   full: pad(n_ctx) cells, or pad(n_ctx / n_seq_max) for each stream; K and V
//     of kv_heads heads; latents (MLA) have a K of rank + rope_size elements
//     and no V; indexers one key of type_k. ggml's blocks must divide a head.
//   window: pad(min(n_ctx of a stream, window * (unified ? n_seq_max : 1) +
//     n_ubatch)) cells; all with swa_full. A model in which every layer slides
//     is kept whole: llama.cpp has no such model whose window it uses
//     (Mistral 7B v0.1 and Phi-3 run as full attention).
//   state: float32 whatever the types; (conv_kernel - 1) columns and the
//     recurrent state, one cell for each sequence.
// Read in src/llama-kv-cache-iswa.cpp (commit 02c28f53) and
// llama-kv-cache-dsa.cpp (035aa95b); all but indexers is checked against what
// llama-cpp-python 0.3.36 logs. That windows of models without full layers are
// not used is from memory.
// Arithmetic on values; O(layers). INVALID_ARGUMENT: zero n_ctx, sequences or
// n_ubatch, a dtype that is not ggml's, heads that its blocks do not divide, a
// quantized V without flash attention, sums above 2^64 - 1 bytes.
// UNIMPLEMENTED: layers that llama.cpp keeps in other caches (compressed
// latents) or does not run (cross attention).
absl::StatusOr<LlamaCppCaches> LlamaCppCachesOf(const ModelShape& model,
                                                uint64_t n_ctx,
                                                const LlamaCppOptions& options);

// How --cache-type-k spells `dtype`. nullopt: llama.cpp does not know it.
std::optional<absl::string_view> LlamaCppTypeName(KvDtype dtype);

}  // namespace governor

#endif  // GOVERNOR_POLICY_LLAMA_CPP_CACHES_H_
