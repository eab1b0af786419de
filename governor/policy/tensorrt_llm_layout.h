#ifndef GOVERNOR_POLICY_TENSORRT_LLM_LAYOUT_H_
#define GOVERNOR_POLICY_TENSORRT_LLM_LAYOUT_H_

#include "absl/status/statusor.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_layout.h"

namespace governor {

// The KV cache as TensorRT-LLM's PyTorch backend lays it out.
//  - Blocks of kv_cache_config.tokens_per_block tokens, 32 by default, a power
//    of two.
//  - Bytes of a token: K and V of kv_heads / tp heads, at least one; latents
//    once, whole on each rank; an indexer's key 132 bytes.
//  - Windows are kept as long as the sequence, which is what happens while
//    max_attention_window is not set. Setting it needs less than planned here.
//  - States: one of each kind for each of max_batch_size sequences, outside the
//    pool; float32 unless the model says (kv_cache_config.mamba_ssm_cache_dtype
//    can halve it), the convolution in 2 bytes.
//  - A pipeline's first stages take the layers that are left over.
//  - int8 is its TensorRT backend's (engines built with an int8 KV cache).
// From the documentation of 1.3.0rc27 (KvCacheConfig): the default of 32. From
// memory, without a version: all else. Nothing here is checked against a start
// of TensorRT-LLM.
// INVALID_ARGUMENT, UNIMPLEMENTED: as LayOutKv says.
absl::StatusOr<KvLayout> TensorRtLlmLayout(const ModelShape& model,
                                           const KvLayoutRequest& request);

}  // namespace governor

#endif  // GOVERNOR_POLICY_TENSORRT_LLM_LAYOUT_H_
