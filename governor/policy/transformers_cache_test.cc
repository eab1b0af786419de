#include "governor/policy/transformers_cache.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr AttentionHeads kHeads = {
    .query_heads = 16, .kv_heads = 8, .head_size_k = 64, .head_size_v = 64};
constexpr uint64_t kToken = 8 * (64 + 64) * 2;

ModelShape ModelOf(std::vector<std::vector<KvSpec>> layers) {
  ModelShape model;
  for (auto& kv : layers) model.layers.push_back({.kv = std::move(kv)});
  return model;
}

TEST(TransformersCacheTest, AStaticWindowIsWholeAndADynamicOneLacksAToken) {
  const ModelShape model = ModelOf({{SlidingWindow{kHeads, 100}}});
  const auto bytes = [&](TransformersCache cache, uint64_t tokens) {
    return *TransformersCacheBytes(model, cache, tokens, 1);
  };
  EXPECT_EQ(bytes(TransformersCache::kStatic, 500), Bytes(100 * kToken));
  EXPECT_EQ(bytes(TransformersCache::kStatic, 50), Bytes(50 * kToken));
  EXPECT_EQ(bytes(TransformersCache::kDynamic, 500), Bytes(99 * kToken));
  EXPECT_EQ(bytes(TransformersCache::kDynamic, 99), Bytes(99 * kToken));
  EXPECT_EQ(bytes(TransformersCache::kDynamic, 98), Bytes(98 * kToken));
}

TEST(TransformersCacheTest, SequencesOfABatchAreAlike) {
  const ModelShape model =
      ModelOf({{FullAttention{kHeads}}, {}, {FullAttention{kHeads}}});
  EXPECT_EQ(*TransformersCacheBytes(model, TransformersCache::kStatic, 10, 3),
            Bytes(3 * 2 * 10 * kToken));
}

TEST(TransformersCacheTest, FollowsTheComputeDtype) {
  ModelShape model = ModelOf({{FullAttention{kHeads}}});
  model.compute_dtype = "float32";
  EXPECT_EQ(*TransformersCacheBytes(model, TransformersCache::kStatic, 10, 1),
            Bytes(2 * 10 * kToken));
  model.compute_dtype = "float8_e4m3fn";
  EXPECT_EQ(TransformersCacheBytes(model, TransformersCache::kStatic, 10, 1)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(TransformersCacheTest, AStateKeepsAllColumnsOfItsConvolution) {
  const ModelShape model = ModelOf(
      {{Mamba1State{.inner_size = 32, .state_size = 16, .conv_kernel = 4}}});
  EXPECT_EQ(*TransformersCacheBytes(model, TransformersCache::kDynamic, 10, 1),
            Bytes(32 * 4 * 2 + 32 * 16 * 4));
}

TEST(TransformersCacheTest, RefusesWhatItCannotCount) {
  const ModelShape model = ModelOf({{FullAttention{kHeads}}});
  const auto code = [](const ModelShape& shape, uint64_t tokens,
                       uint64_t batch) {
    return TransformersCacheBytes(shape, TransformersCache::kStatic, tokens,
                                  batch)
        .status()
        .code();
  };
  EXPECT_EQ(code(model, 0, 1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(model, 1, 0), absl::StatusCode::kInvalidArgument);
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(code(model, kMost, 1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(model, 1, kMost), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(ModelOf({{SlidingWindow{kHeads, 0}}}), 1, 1),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      code(ModelOf({{Mamba1State{
               .inner_size = 32, .state_size = 16, .conv_kernel = kMost}}}),
           1, 1),
      absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(ModelOf({{CrossAttention{kHeads, 1500}}}), 1, 1),
            absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace governor
