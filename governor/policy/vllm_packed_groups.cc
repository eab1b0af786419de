#include "governor/policy/vllm_packed_groups.h"

#include <algorithm>

namespace governor {
namespace {

// Buckets of one type, and how often its pattern of pages repeats.
struct Type {
  std::vector<uint32_t> buckets;
  uint64_t repeats = 0;  // of the size that most caches have
  uint64_t sizes = 0;    // different pages
  bool balanced = true;  // as many caches of each size
};

std::vector<Type> TypesOf(absl::Span<const VllmBucket> buckets) {
  std::vector<Type> types;
  for (uint32_t i = 0; i < buckets.size(); ++i) {
    Type* home = nullptr;
    for (Type& type : types) {
      const VllmBucket& first = buckets[type.buckets.front()];
      if (AreOfOneType(first.cache, buckets[i].cache)) home = &type;
    }
    if (home == nullptr) home = &types.emplace_back();
    home->buckets.push_back(i);
  }
  for (Type& type : types) {
    // Caches by page size: buckets may share one.
    std::vector<std::pair<Bytes, uint64_t>> counts;
    for (const uint32_t i : type.buckets) {
      const Bytes page = buckets[i].cache.page;
      const auto same = std::find_if(
          counts.begin(), counts.end(),
          [page](const auto& entry) { return entry.first == page; });
      if (same == counts.end()) {
        counts.emplace_back(page, buckets[i].count);
      } else {
        same->second += buckets[i].count;
      }
    }
    type.sizes = counts.size();
    for (const auto& [page, count] : counts) {
      type.repeats = std::max(type.repeats, count);
      type.balanced = type.balanced && count == counts.front().second;
    }
  }
  return types;
}

// _approximate_gcd: the largest of those sizes, from `least` up, to multiples
// of which the repeats are rounded up with the least padding.
uint64_t RepeatsPerGroup(absl::Span<const Type> types, uint64_t least) {
  uint64_t most = 0;
  for (const Type& type : types) {
    if (type.balanced) most = std::max(most, type.repeats);
  }
  uint64_t best = least;
  uint64_t best_padding = ~uint64_t{0};
  for (uint64_t size = least; size <= most; ++size) {
    uint64_t padding = 0;
    for (const Type& type : types) {
      if (type.balanced) padding += (size - type.repeats % size) % size;
    }
    if (padding <= best_padding) {
      best = size;
      best_padding = padding;
    }
  }
  return best;
}

}  // namespace

bool AreOfOneType(const VllmCache& a, const VllmCache& b) {
  if (a.block_tokens != b.block_tokens) return false;
  if (KeepsEveryToken(a)) return KeepsEveryToken(b);
  switch (a.kind) {
    case VllmKind::kSliding:
    case VllmKind::kSlidingLatent:
      return (b.kind == VllmKind::kSliding ||
              b.kind == VllmKind::kSlidingLatent) &&
             a.reach == b.reach;
    case VllmKind::kState:
      return b.kind == a.kind && a.held_blocks == b.held_blocks &&
             a.page == b.page;
    default:
      return b.kind == a.kind && a.reach == b.reach;
  }
}

bool AreOfOneType(absl::Span<const VllmBucket> buckets) {
  for (const VllmBucket& bucket : buckets) {
    if (!AreOfOneType(buckets.front().cache, bucket.cache)) return false;
  }
  return true;
}

VllmShare ShareOf(absl::Span<const VllmBucket> buckets, uint32_t bucket,
                  uint64_t part, uint64_t parts, uint64_t stages) {
  const VllmBucket& from = buckets[bucket];
  VllmShare share;
  share.bucket = bucket;
  if (from.count > part) share.count = (from.count - part + parts - 1) / parts;
  if (stages == 1) {
    share.count_by_stage.push_back(share.count);
    return share;
  }
  share.count_by_stage.resize(stages);
  for (uint64_t i = part; i < from.count; i += parts) {
    ++share.count_by_stage[from.stages[i]];
  }
  return share;
}

std::vector<VllmGroup> PackVllmCaches(absl::Span<const VllmBucket> buckets,
                                      uint64_t stages) {
  const std::vector<Type> types = TypesOf(buckets);
  // Patterns of several sizes stay whole, so the longest is the least.
  uint64_t least = 0;
  for (const Type& type : types) {
    if (type.balanced && type.sizes > 1) least = std::max(least, type.repeats);
  }
  std::vector<VllmGroup> groups;
  if (least == 0) return groups;
  const uint64_t repeats = RepeatsPerGroup(types, least);
  for (const Type& type : types) {
    const uint64_t parts =
        type.balanced ? (type.repeats + repeats - 1) / repeats : 1;
    for (uint64_t part = 0; part < parts; ++part) {
      VllmGroup& group = groups.emplace_back();
      for (const uint32_t bucket : type.buckets) {
        group.shares.push_back(ShareOf(buckets, bucket, part, parts, stages));
      }
    }
  }
  return groups;
}

}  // namespace governor
