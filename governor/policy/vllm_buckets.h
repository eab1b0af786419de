#ifndef GOVERNOR_POLICY_VLLM_BUCKETS_H_
#define GOVERNOR_POLICY_VLLM_BUCKETS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"
#include "governor/policy/vllm_caches.h"
#include "governor/policy/vllm_grouping.h"

namespace governor {

// All caches of a model on one rank, equal ones together, before vLLM groups
// them; and what each layer holds without blocks or padding.
struct VllmModelCaches {
  std::vector<VllmBucket> buckets;  // at least one
  // Layers that draft follow, where the request loads them.
  std::vector<Bytes> token_by_layer;
  std::vector<Bytes> sequence_by_layer;
};

// Where attention and linear states are in one model, the block of attention
// grows until its page holds a state, and states are padded to that page
// (platforms/interface.py, _align_hybrid_block_size); options.block_tokens is
// the block before that. Errors are those of LayOutKv.
absl::StatusOr<VllmModelCaches> VllmCachesOfModel(
    const ModelShape& model, absl::Span<const uint64_t> layers_by_stage,
    VllmCacheOptions options, std::vector<std::string>& notes);

}  // namespace governor

#endif  // GOVERNOR_POLICY_VLLM_BUCKETS_H_
