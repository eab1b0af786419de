#ifndef GOVERNOR_POLICY_SGLANG_LAYOUT_H_
#define GOVERNOR_POLICY_SGLANG_LAYOUT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_layout.h"

namespace governor {

// SGLang's own defaults, which a plan follows and its flags repeat.
// --swa-full-tokens-ratio 0.8: tokens of the pool of windows for each token of
// the pool of full attention.
inline constexpr uint64_t kSglangWindowNumerator = 4;
inline constexpr uint64_t kSglangWindowDenominator = 5;
// Group kinds that --disable-hybrid-swa-memory depends on.
inline constexpr char kSglangSharedWindows[] = "full and its share of windows";
inline constexpr char kSglangWholeWindows[] = "full, windows kept whole";
// Slots of states for each running request (--max-mamba-cache-size): three, and
// two to track with the radix cache; without it one.
inline constexpr uint64_t kSglangStateSlots = 5;

// The KV cache as SGLang 0.5.23 lays it out.
//  - A pool of tokens in pages of --page-size, 1 unless the attention kernels
//    want more: 64 for sparse latents and for compute capability 10.x, 128
//    there where K and V heads differ.
//  - Bytes of a token: all layers, max(1, kv_heads / tp) heads; latents whole
//  on
//    each rank, sparse ones in fp8 as 656-byte records; an indexer's key 132
//    bytes.
//  - Windows: for models that SGLang knows as hybrid (gpt-oss, Llama 4, Gemma
//  4,
//    MiMo-V2, Step 3.5, Laguna, Mellum) a second pool with 0.8 of the tokens;
//    others (Gemma 2 and 3, Cohere 2, Mistral) are kept whole. A block holds
//    its share of both pools, rounded up to a byte. A window that is not
//    shorter than max_model_len saves nothing; then, too, windows are kept
//    whole (--disable-hybrid-swa-memory). Sequences shorter than the window can
//    need more of the second pool than it has.
//  - States: float32 unless the model says, convolution in 2 bytes; for each
//    sequence kSglangStateSlots of them (one without prefix caching), and the
//    pool's padding slot, spread over max_seqs.
//  - One page more than its tokens: reserved_blocks.
// Read in the wheel of 0.5.23: model_executor/pool_configurator.py,
// mem_cache/kv_cache_configurator.py, arg_groups/{overrides,
// model_override_base}.py, configs/{model_config,mamba_utils}.py,
// distributed/utils.py. From memory: pages of 64 for sparse latents. Not run:
// nothing here is checked against an SGLang start. Not covered: drafts, context
// parallelism, unified memory, attention data parallelism.
// INVALID_ARGUMENT, UNIMPLEMENTED: as LayOutKv says.
absl::StatusOr<KvLayout> SglangLayout(const ModelShape& model,
                                      const KvLayoutRequest& request);

// Whether SGLang keeps a second pool for the windows of `model`.
bool SglangKeepsWindows(const ModelShape& model);

}  // namespace governor

#endif  // GOVERNOR_POLICY_SGLANG_LAYOUT_H_
