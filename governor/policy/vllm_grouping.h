#ifndef GOVERNOR_POLICY_VLLM_GROUPING_H_
#define GOVERNOR_POLICY_VLLM_GROUPING_H_

#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "governor/policy/vllm_cache.h"

namespace governor {

// How vLLM 0.32 puts caches into groups whose blocks come from one pool
// (v1/core/kv_cache_utils.py, get_kv_cache_groups). Knows nothing of models or
// devices.

// All equal caches of a model, in the order of its layers.
struct VllmBucket {
  VllmCache cache;
  uint64_t count = 0;
  // The pipeline stage of each; empty where there is one stage only.
  std::vector<uint32_t> stages;
};

// Caches of one bucket that are in a group.
struct VllmShare {
  uint32_t bucket = 0;
  uint64_t count = 0;
  absl::InlinedVector<uint64_t, 1> count_by_stage;
};

struct VllmGroup {
  absl::InlinedVector<VllmShare, 2> shares;
};

struct VllmGroupingOptions {
  uint64_t stages = 1;
  // --disable-hybrid-kv-cache-manager: windows and chunks are kept as if they
  // were full attention.
  bool promote_local = false;
  // Blocks lie side by side in memory with pages of several sizes in each
  // (DeepSeek V4), so pages need not be equal.
  bool packed = false;
};

// Changes the blocks and pages of `buckets` so that one block of each group
// takes the same bytes, but for caches that a group lacks, and returns the
// groups: at least one, none empty. `buckets` is not empty and has no equal
// caches.
// UNIMPLEMENTED: pages that vLLM cannot make equal, or kinds that cannot be
// promoted; vLLM does not start such a model either.
absl::StatusOr<std::vector<VllmGroup>> GroupVllmCaches(
    std::vector<VllmBucket>& buckets, const VllmGroupingOptions& options);

}  // namespace governor

#endif  // GOVERNOR_POLICY_VLLM_GROUPING_H_
