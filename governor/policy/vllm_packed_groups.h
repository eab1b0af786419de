#ifndef GOVERNOR_POLICY_VLLM_PACKED_GROUPS_H_
#define GOVERNOR_POLICY_VLLM_PACKED_GROUPS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "governor/policy/vllm_grouping.h"

namespace governor {

// Parts of GroupVllmCaches that stand alone.

// All caches need the same number of blocks, whatever their pages
// (UniformTypeKVCacheSpecs.is_uniform_type).
bool AreOfOneType(const VllmCache& a, const VllmCache& b);
bool AreOfOneType(absl::Span<const VllmBucket> buckets);

// Every `parts`-th cache of a bucket, from number `part` on.
VllmShare ShareOf(absl::Span<const VllmBucket> buckets, uint32_t bucket,
                  uint64_t part, uint64_t parts, uint64_t stages);

// Groups whose blocks hold pages of several sizes side by side
// (_get_packed_kv_cache_groups). Caches of one type with as many pages of each
// size repeat a pattern; groups get like numbers of repeats, chosen for the
// least padding. Empty: no caches repeat a pattern, which vLLM splits by
// another rule.
std::vector<VllmGroup> PackVllmCaches(absl::Span<const VllmBucket> buckets,
                                      uint64_t stages);

}  // namespace governor

#endif  // GOVERNOR_POLICY_VLLM_PACKED_GROUPS_H_
