#include "governor/policy/vllm_grouping.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::ElementsAre;

VllmCache Cache(VllmKind kind, uint64_t page, uint64_t block_tokens = 16,
                uint64_t reach = 0) {
  VllmCache cache;
  cache.kind = kind;
  cache.block_tokens = block_tokens;
  cache.page = cache.unpadded = Bytes(page);
  cache.reach = reach;
  return cache;
}

VllmBucket Bucket(VllmCache cache, uint64_t count) {
  VllmBucket bucket;
  bucket.cache = cache;
  bucket.count = count;
  return bucket;
}

// Caches of each group, bucket by bucket.
std::vector<std::vector<uint64_t>> CountsOf(
    const absl::StatusOr<std::vector<VllmGroup>>& groups) {
  std::vector<std::vector<uint64_t>> counts;
  EXPECT_TRUE(groups.ok()) << groups.status();
  if (!groups.ok()) return counts;
  for (const VllmGroup& group : *groups) {
    std::vector<uint64_t>& count = counts.emplace_back();
    for (const VllmShare& share : group.shares) count.push_back(share.count);
  }
  return counts;
}

TEST(VllmGroupingTest, EqualCachesAreOneGroup) {
  std::vector<VllmBucket> buckets = {Bucket(Cache(VllmKind::kFull, 64), 80)};
  EXPECT_THAT(CountsOf(GroupVllmCaches(buckets, {})),
              ElementsAre(ElementsAre(80)));
}

// Gemma 3 27B: 52 windows in 6 groups of at most 10.
TEST(VllmGroupingTest, TheSmallestKindSetsTheSizeOfGroups) {
  std::vector<VllmBucket> buckets = {
      Bucket(Cache(VllmKind::kSliding, 64, 16, 1024), 52),
      Bucket(Cache(VllmKind::kFull, 64), 10)};
  EXPECT_THAT(CountsOf(GroupVllmCaches(buckets, {})),
              ElementsAre(ElementsAre(9), ElementsAre(9), ElementsAre(9),
                          ElementsAre(9), ElementsAre(8), ElementsAre(8),
                          ElementsAre(10)));
}

// 12 and 13 (GPT-OSS with a draft) pad to 13; 15 of 10 is half as much again.
TEST(VllmGroupingTest, LikeKindsPadToTheLarger) {
  std::vector<VllmBucket> like = {
      Bucket(Cache(VllmKind::kSliding, 64, 16, 128), 12),
      Bucket(Cache(VllmKind::kFull, 64), 13)};
  EXPECT_THAT(CountsOf(GroupVllmCaches(like, {})),
              ElementsAre(ElementsAre(12), ElementsAre(13)));
  like[0].count = 10;
  like[1].count = 14;
  EXPECT_THAT(CountsOf(GroupVllmCaches(like, {})),
              ElementsAre(ElementsAre(10), ElementsAre(14)));
  like[1].count = 15;
  EXPECT_THAT(CountsOf(GroupVllmCaches(like, {})),
              ElementsAre(ElementsAre(10), ElementsAre(8), ElementsAre(7)));
}

// Gemma 4: the block of the smaller page is doubled.
TEST(VllmGroupingTest, SmallerPagesGetMoreTokens) {
  std::vector<VllmBucket> buckets = {
      Bucket(Cache(VllmKind::kSliding, 131072, 16, 1024), 25),
      Bucket(Cache(VllmKind::kFull, 65536), 5)};
  EXPECT_EQ(CountsOf(GroupVllmCaches(buckets, {})).size(), 6u);
  EXPECT_EQ(buckets[1].cache.block_tokens, 32u);
  EXPECT_EQ(buckets[1].cache.page, Bytes(131072));
  EXPECT_EQ(buckets[1].cache.unpadded, Bytes(131072));
}

TEST(VllmGroupingTest, PagesThatDoNotDivideArePadded) {
  std::vector<VllmBucket> buckets = {
      Bucket(Cache(VllmKind::kSliding, 100, 16, 1024), 2),
      Bucket(Cache(VllmKind::kFull, 60), 2),
      Bucket(Cache(VllmKind::kState, 50), 2)};
  EXPECT_EQ(CountsOf(GroupVllmCaches(buckets, {})).size(), 3u);
  EXPECT_EQ(buckets[1].cache.block_tokens, 16u);
  EXPECT_EQ(buckets[1].cache.page, Bytes(100));
  EXPECT_EQ(buckets[1].cache.unpadded, Bytes(60));
  // A state does not grow with its block, even where its page divides.
  EXPECT_EQ(buckets[2].cache.block_tokens, 16u);
  EXPECT_EQ(buckets[2].cache.page, Bytes(100));
}

// DeepSeek V3.2: latents and indexer keys need as many blocks.
TEST(VllmGroupingTest, FullAttentionOfSeveralSizesIsOneGroup) {
  std::vector<VllmBucket> buckets = {
      Bucket(Cache(VllmKind::kLatent, 41984, 64), 61),
      Bucket(Cache(VllmKind::kLatent, 8448, 64), 61)};
  EXPECT_THAT(CountsOf(GroupVllmCaches(buckets, {})),
              ElementsAre(ElementsAre(61, 61)));
  EXPECT_EQ(buckets[1].cache.page, Bytes(8448));
}

TEST(VllmGroupingTest, PromotedWindowsJoinFullAttention) {
  std::vector<VllmBucket> buckets = {
      Bucket(Cache(VllmKind::kSliding, 131072, 16, 1024), 25),
      Bucket(Cache(VllmKind::kFull, 65536), 5)};
  EXPECT_THAT(CountsOf(GroupVllmCaches(buckets, {.promote_local = true})),
              ElementsAre(ElementsAre(25, 5)));
  EXPECT_EQ(buckets[0].cache.kind, VllmKind::kFull);
}

TEST(VllmGroupingTest, WindowsAloneAreNotPromoted) {
  std::vector<VllmBucket> buckets = {
      Bucket(Cache(VllmKind::kSliding, 64, 16, 4096), 32)};
  EXPECT_THAT(CountsOf(GroupVllmCaches(buckets, {.promote_local = true})),
              ElementsAre(ElementsAre(32)));
  EXPECT_EQ(buckets[0].cache.kind, VllmKind::kSliding);
}

// vLLM: "must have the same window size".
TEST(VllmGroupingTest, WindowsThatDifferCannotBePromoted) {
  std::vector<VllmBucket> buckets = {
      Bucket(Cache(VllmKind::kSliding, 64, 16, 512), 3),
      Bucket(Cache(VllmKind::kSliding, 64, 16, 1024), 3),
      Bucket(Cache(VllmKind::kFull, 64), 3)};
  EXPECT_EQ(GroupVllmCaches(buckets, {.promote_local = true}).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(GroupVllmCaches(buckets, {}).ok());
}

TEST(VllmGroupingTest, StatesCannotBePromoted) {
  std::vector<VllmBucket> buckets = {Bucket(Cache(VllmKind::kFull, 64), 4),
                                     Bucket(Cache(VllmKind::kState, 64), 12)};
  EXPECT_EQ(GroupVllmCaches(buckets, {.promote_local = true}).status().code(),
            absl::StatusCode::kUnimplemented);
}

// vLLM falls back to full attention where a latent's page would need padding.
TEST(VllmGroupingTest, LatentsAreNeverPadded) {
  std::vector<VllmBucket> buckets = {
      Bucket(Cache(VllmKind::kLatent, 100), 4),
      Bucket(Cache(VllmKind::kSliding, 130, 16, 512), 4)};
  EXPECT_THAT(CountsOf(GroupVllmCaches(buckets, {})),
              ElementsAre(ElementsAre(4, 4)));
  EXPECT_EQ(buckets[1].cache.kind, VllmKind::kFull);
  std::vector<VllmBucket> chunks = {
      Bucket(Cache(VllmKind::kLatent, 100), 4),
      Bucket(Cache(VllmKind::kChunked, 130, 16, 512), 4)};
  EXPECT_EQ(GroupVllmCaches(chunks, {}).status().code(),
            absl::StatusCode::kUnimplemented);
}

// Each group gets layers from all over the model, so stages get like shares.
TEST(VllmGroupingTest, CachesAreDealtOutInTurn) {
  VllmBucket windows = Bucket(Cache(VllmKind::kSliding, 64, 16, 128), 4);
  windows.stages = {0, 0, 1, 1};
  VllmBucket full = Bucket(Cache(VllmKind::kFull, 64), 2);
  full.stages = {0, 1};
  std::vector<VllmBucket> buckets = {windows, full};
  const auto groups = GroupVllmCaches(buckets, {.stages = 2});
  ASSERT_TRUE(groups.ok()) << groups.status();
  ASSERT_EQ(groups->size(), 3u);
  for (const VllmGroup& group : *groups) {
    EXPECT_THAT(group.shares[0].count_by_stage, ElementsAre(1, 1));
  }
}

// DeepSeek V4 Flash: vLLM makes groups of 22, 21, 62, 42 and 20.
TEST(VllmGroupingTest, PackedPagesKeepTheirPattern) {
  const auto window = [](uint64_t page, uint64_t block, uint64_t reach) {
    return Cache(VllmKind::kSlidingLatent, page, block, reach);
  };
  std::vector<VllmBucket> buckets = {
      Bucket(window(37440, 64, 128), 43),
      Bucket(Cache(VllmKind::kLatent, 8640, 256), 21),
      Bucket(window(8640, 4, 8), 21),
      Bucket(Cache(VllmKind::kLatent, 37440, 256), 21),
      Bucket(window(32832, 4, 8), 21),
      Bucket(Cache(VllmKind::kLatent, 1728, 256), 20),
      Bucket(window(32832, 8, 128), 20)};
  EXPECT_THAT(
      CountsOf(GroupVllmCaches(buckets, {.packed = true})),
      ElementsAre(ElementsAre(22), ElementsAre(21), ElementsAre(21, 21, 20),
                  ElementsAre(21, 21), ElementsAre(20)));
}

TEST(VllmGroupingTest, HostileNumbersOfGroupsAreRefused) {
  VllmBucket many = Bucket(Cache(VllmKind::kSliding, 64, 16, 128), 1 << 20);
  many.stages.resize(many.count);
  VllmBucket one = Bucket(Cache(VllmKind::kFull, 64), 1);
  one.stages.resize(1);
  std::vector<VllmBucket> buckets = {many, one};
  EXPECT_EQ(GroupVllmCaches(buckets, {.stages = 4096}).status().code(),
            absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace governor
