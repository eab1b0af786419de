#ifndef GOVERNOR_POLICY_VLLM_CACHE_H_
#define GOVERNOR_POLICY_VLLM_CACHE_H_

#include <cstdint>

#include "governor/base/bytes.h"

namespace governor {

// Kinds of caches that vLLM's block manager tells apart
// (v1/kv_cache_interface.py). A latent is an attention of its own in that its
// pages cannot be padded.
enum class VllmKind {
  kFull,
  kLatent,
  kSliding,
  kSlidingLatent,
  kChunked,
  kCross,
  kState
};

// One cache, before it is in a group: what vLLM calls a KVCacheSpec. Equal
// caches may share a group. A plain value.
struct VllmCache {
  VllmKind kind = VllmKind::kFull;
  uint64_t block_tokens = 0;
  Bytes page = Bytes();      // padding included
  Bytes unpadded = Bytes();  // page
  uint64_t reach = 0;        // tokens of the window or the chunk
  uint64_t held_blocks =
      0;  // kState, kCross: of a sequence, whatever its length
  // What else must agree for two caches to be equal: heads and their sizes, or
  // tokens of one stored state.
  uint64_t heads = 0;
  uint64_t size_k = 0;
  uint64_t size_v = 0;
  uint64_t tokens_per_state = 1;

  friend bool operator==(const VllmCache&, const VllmCache&) = default;
};

inline bool IsLatent(const VllmCache& cache) {
  return cache.kind == VllmKind::kLatent ||
         cache.kind == VllmKind::kSlidingLatent;
}

inline bool KeepsEveryToken(const VllmCache& cache) {
  return cache.kind == VllmKind::kFull || cache.kind == VllmKind::kLatent;
}

}  // namespace governor

#endif  // GOVERNOR_POLICY_VLLM_CACHE_H_
