#ifndef GOVERNOR_POLICY_VLLM_LAYOUT_H_
#define GOVERNOR_POLICY_VLLM_LAYOUT_H_

#include "absl/status/statusor.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_layout.h"

namespace governor {

// The KV cache as vLLM 0.32 lays it out; LayOutKv says what is refused. What it
// cannot know is assumed, and `notes` say so: a device's memory (which decides
// the tokens in flight), a CPU's instructions, an image encoder (which chooses
// other kernels for Gemma 3 and 4). Weights with a KV scheme of their own, LoRA
// and context parallelism are not covered.
absl::StatusOr<KvLayout> VllmLayout(const ModelShape& model,
                                    const KvLayoutRequest& request);

}  // namespace governor

#endif  // GOVERNOR_POLICY_VLLM_LAYOUT_H_
