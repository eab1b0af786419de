#include "governor/policy/vllm_grouping.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"
#include "governor/policy/vllm_packed_groups.h"

namespace governor {
namespace {

// Groups times stages. More are no model's, and would take gigabytes.
constexpr uint64_t kMaxShares = uint64_t{1} << 20;

bool HasKind(absl::Span<const VllmBucket> buckets, VllmKind kind) {
  for (const VllmBucket& bucket : buckets) {
    if (bucket.cache.kind == kind) return true;
  }
  return false;
}

VllmGroup OneGroup(const std::vector<VllmBucket>& buckets, uint64_t stages) {
  VllmGroup group;
  for (uint32_t i = 0; i < buckets.size(); ++i) {
    group.shares.push_back(ShareOf(buckets, i, 0, 1, stages));
  }
  return group;
}

// FullAttentionSpec.merge_window_sizes: promoted windows must be one and the
// same, but beside latents, which are not merged with them.
absl::Status CheckOneReach(absl::Span<const VllmBucket> buckets) {
  if (HasKind(buckets, VllmKind::kLatent)) return absl::OkStatus();
  for (const VllmKind kind : {VllmKind::kSliding, VllmKind::kChunked}) {
    std::optional<uint64_t> reach;
    for (const VllmBucket& bucket : buckets) {
      if (bucket.cache.kind != kind) continue;
      if (reach.value_or(bucket.cache.reach) != bucket.cache.reach) {
        return absl::UnimplementedError(absl::StrCat(
            "vLLM does not start with its hybrid KV cache manager off where "
            "windows differ, as ",
            *reach, " and ", bucket.cache.reach, " do; leave it on"));
      }
      reach = bucket.cache.reach;
    }
  }
  return absl::OkStatus();
}

// _promote_local_kv_cache_specs: the block is that of full attention, where all
// of it agree on one.
absl::Status PromoteLocal(std::vector<VllmBucket>& buckets) {
  if (AreOfOneType(buckets)) return absl::OkStatus();
  std::optional<uint64_t> block;
  bool one_block = true;
  for (const VllmBucket& bucket : buckets) {
    if (!KeepsEveryToken(bucket.cache)) continue;
    one_block = one_block && block.value_or(bucket.cache.block_tokens) ==
                                 bucket.cache.block_tokens;
    block = bucket.cache.block_tokens;
  }
  if (block) {
    GOVERNOR_RETURN_IF_ERROR(CheckOneReach(buckets));
    for (VllmBucket& bucket : buckets) {
      VllmCache& cache = bucket.cache;
      if (cache.kind == VllmKind::kSlidingLatent) {
        cache.kind = VllmKind::kLatent;
      } else if (cache.kind == VllmKind::kSliding ||
                 cache.kind == VllmKind::kChunked) {
        cache.kind = VllmKind::kFull;
      } else {
        continue;
      }
      cache.reach = 0;
      if (one_block && cache.block_tokens != *block) {
        const std::optional<Bytes> page =
            (CheckedCount(cache.unpadded.count() / cache.block_tokens) * *block)
                .bytes();
        if (!page) {
          return absl::InvalidArgumentError("a page passes 2^64 - 1 bytes");
        }
        cache.page = cache.unpadded = *page;
        cache.block_tokens = *block;
      }
    }
  }
  if (AreOfOneType(buckets)) return absl::OkStatus();
  return absl::UnimplementedError(
      "vLLM cannot keep these kinds of layers as if they were full attention; "
      "leave its hybrid KV cache manager on");
}

// unify_kv_cache_spec_page_size. False: a latent's page would need padding,
// which vLLM has no kernel for; nothing was changed.
absl::StatusOr<bool> MakePagesEqual(std::vector<VllmBucket>& buckets) {
  Bytes largest;
  for (const VllmBucket& bucket : buckets) {
    largest = std::max(largest, bucket.cache.page);
  }
  for (const VllmBucket& bucket : buckets) {
    if (IsLatent(bucket.cache) && !largest.IsMultipleOf(bucket.cache.page)) {
      return false;
    }
  }
  for (VllmBucket& bucket : buckets) {
    VllmCache& cache = bucket.cache;
    if (cache.page == largest) continue;
    if (cache.kind != VllmKind::kState && largest.IsMultipleOf(cache.page)) {
      const uint64_t ratio = largest / cache.page;
      const std::optional<uint64_t> block =
          (CheckedCount(cache.block_tokens) * ratio).value();
      if (!block) {
        return absl::InvalidArgumentError("a block passes 2^64 - 1 tokens");
      }
      cache.block_tokens = *block;
      cache.unpadded = cache.unpadded * ratio;
    }
    cache.page = largest;
  }
  return true;
}

// _get_kv_cache_groups_uniform_page_size: as many caches in each group as the
// smallest bucket has, or the largest where that is not half as much again.
// Caches are dealt out in turn, so that stages of a pipeline get like shares.
absl::StatusOr<std::vector<VllmGroup>> DealOut(
    const std::vector<VllmBucket>& buckets, uint64_t stages) {
  uint64_t smallest = buckets.front().count;
  uint64_t largest = smallest;
  for (const VllmBucket& bucket : buckets) {
    smallest = std::min(smallest, bucket.count);
    largest = std::max(largest, bucket.count);
  }
  const uint64_t size = 2 * largest < 3 * smallest ? largest : smallest;
  std::vector<VllmGroup> groups;
  for (uint32_t i = 0; i < buckets.size(); ++i) {
    const uint64_t parts = (buckets[i].count + size - 1) / size;
    if (parts > kMaxShares / stages) {
      return absl::UnimplementedError(
          absl::StrCat(parts, " groups of caches on ", stages,
                       " stages are not planned; use fewer stages"));
    }
    for (uint64_t part = 0; part < parts; ++part) {
      groups.emplace_back().shares.push_back(
          ShareOf(buckets, i, part, parts, stages));
    }
  }
  return groups;
}

}  // namespace

absl::StatusOr<std::vector<VllmGroup>> GroupVllmCaches(
    std::vector<VllmBucket>& buckets, const VllmGroupingOptions& options) {
  if (options.promote_local) {
    GOVERNOR_RETURN_IF_ERROR(PromoteLocal(buckets));
  }
  std::vector<VllmGroup> groups;
  if (AreOfOneType(buckets)) {
    groups.push_back(OneGroup(buckets, options.stages));
    return groups;
  }
  if (options.packed) {
    groups = PackVllmCaches(buckets, options.stages);
    if (!groups.empty()) return groups;
    return absl::UnimplementedError(
        "only packed layouts with a layer that has several caches of one "
        "window (DeepSeek V4's ratio of 4) are known");
  }
  GOVERNOR_ASSIGN_OR_RETURN(const bool equal, MakePagesEqual(buckets));
  if (equal) return DealOut(buckets, options.stages);
  // _try_get_full_allocation_fallback_groups.
  if (HasKind(buckets, VllmKind::kSliding) &&
      !HasKind(buckets, VllmKind::kSlidingLatent) &&
      !HasKind(buckets, VllmKind::kChunked)) {
    GOVERNOR_RETURN_IF_ERROR(PromoteLocal(buckets));
    groups.push_back(OneGroup(buckets, options.stages));
    return groups;
  }
  return absl::UnimplementedError(
      "vLLM has no block size at which the pages of this model's latents and "
      "of its other caches are equal");
}

}  // namespace governor
