#ifndef GOVERNOR_POLICY_VLLM_TRAITS_H_
#define GOVERNOR_POLICY_VLLM_TRAITS_H_

#include "governor/model/model_shape.h"
#include "governor/policy/kv_dtype.h"

namespace governor {

// What of a model chooses the kernels.
struct VllmTraits {
  bool attention = false;       // any layer that is not a linear state
  bool latent = false;          // multi-head latent attention
  bool sparse = false;          // … whose tokens a sparse indexer chooses
  bool compressed = false;      // DeepSeek V4
  bool plain_indexer = false;   // MiniMax M3: an indexer in the model's dtype
  bool state = false;           // any linear state
  bool windows = false;         // tokens kept for a while: windows, chunks, an
                                // encoder's output
  bool sinks = false;           // GPT-OSS
  bool glm = false;             // GLM with a sparse indexer
  bool float32_state = false;   // Nemotron-H and Qwen3.5 by default
  bool widened_window = false;  // Cohere 2
  bool wide_heads = false;      // of 512 elements: Gemma 4's global layers
  KvDtype compute = KvDtype::kBf16;
};

// One look at each layer of the model, those that draft left out.
VllmTraits TraitsOf(const ModelShape& model);

}  // namespace governor

#endif  // GOVERNOR_POLICY_VLLM_TRAITS_H_
