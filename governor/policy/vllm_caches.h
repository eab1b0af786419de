#ifndef GOVERNOR_POLICY_VLLM_CACHES_H_
#define GOVERNOR_POLICY_VLLM_CACHES_H_

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/model/kv_spec.h"
#include "governor/policy/kv_dtype.h"
#include "governor/policy/kv_layout.h"
#include "governor/policy/vllm_cache.h"
#include "governor/policy/vllm_traits.h"

namespace governor {

// What all caches of one layout have in common.
struct VllmCacheOptions {
  const KvLayoutRequest& request;
  const VllmTraits& traits;
  KvDtype dtype = KvDtype::kBf16;
  uint64_t block_tokens = 0;  // of attention
  uint64_t batched_tokens = 0;
};

// The caches of one KvSpec in vLLM, and what they hold without blocks.
struct VllmSpecCaches {
  absl::InlinedVector<VllmCache, 5> caches;
  Bytes token;     // of one more token, rounded up where states span several
  Bytes sequence;  // whatever the sequence's length
};

// Errors are those of LayOutKv.
absl::StatusOr<VllmSpecCaches> VllmCachesOf(const KvSpec& spec,
                                            const VllmCacheOptions& options);

}  // namespace governor

#endif  // GOVERNOR_POLICY_VLLM_CACHES_H_
