#include "governor/model/gguf_state_layers.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "governor/model/family_kv.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

const LatentAttention kLatent = {.query_heads = 4, .rank = 6, .rope_size = 2};

TEST(GgufStateLayersTest, DeepSeek2KeepsLatentsIfConvertedForThem) {
  EXPECT_EQ(KvOf(Family("deepseek2")), Repeat({{kLatent}}, 2));
  GgufWriter old = Family("deepseek2");
  for (const std::string field : {"head_count_kv", "key_length", "value_length",
                                  "key_length_mla", "value_length_mla"}) {
    old.Remove("deepseek2.attention." + field);
  }
  old.SetU32("deepseek2.attention.key_length", 4)
      .SetU32("deepseek2.attention.value_length", 3);
  const Kv heads = {FullAttention{
      {.query_heads = 4, .kv_heads = 4, .head_size_k = 4, .head_size_v = 3}}};
  EXPECT_EQ(KvOf(old), Repeat({heads}, 2));
}

TEST(GgufStateLayersTest, LatentsThatCannotBeAreRefused) {
  ExpectRefused(With("deepseek2", "attention.kv_lora_rank", 0),
                "deepseek2.attention.kv_lora_rank is 0");
  ExpectRefused(With("deepseek2", "attention.kv_lora_rank", 8),
                "key_length 8 must be above", "kv_lora_rank 8");
  ExpectRefused(With("deepseek2", "rope.dimension_count", 3),
                "rope.dimension_count is 3", "is 2");
  ExpectRefused(With("deepseek2", "attention.value_length_mla", 0),
                "key_length_mla is 4", "value_length_mla is 0");
  ExpectRefused(With("deepseek2", "attention.head_count_kv", 4),
                "head_count_kv is 4");
  ExpectRefused(Without("deepseek2", "attention.key_length"),
                "deepseek2.attention.key_length is missing");
}

TEST(GgufStateLayersTest, ASparseIndexerKeepsKeysInTheTrunkOnly) {
  LatentAttention sparse = kLatent;
  sparse.sparse = true;
  const SparseIndexer indexer = {
      .head_size = 16, .storage = SparseIndexer::Storage::kComputeDtype};
  const absl::StatusOr<ModelShape> shape = ShapeOf(Family("deepseek32"));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(KvOf(shape->layers), Repeat({{sparse, indexer}}, 2));
  EXPECT_EQ(KvOf(shape->draft_layers), Repeat({{kLatent}}, 1));
  // The second layer uses what the first one's indexer chose.
  EXPECT_EQ(KvOf(Family("glm-dsa")),
            (std::vector<Kv>{{sparse, indexer}, {sparse}}));
  EXPECT_EQ(KvOf(Without("glm-dsa", "attention.indexer.types")),
            Repeat({{sparse, indexer}}, 2));
  ExpectRefused(Without("glm-dsa", "attention.indexer.types")
                    .Remove("glm-dsa.context_length")
                    .SetU32("glm-dsa.context_length", 1 << 20),
                "glm-dsa.attention.indexer.types is missing");
  ExpectRefused(With("deepseek32", "attention.indexer.key_length", 0),
                "indexer.key_length is 0");
}

TEST(GgufStateLayersTest, DeepSeek4CompressesByLayer) {
  CompressedLatent latent = {.head_size = 8, .rope_size = 2, .window = 16};
  std::vector<Kv> expected = {{latent}};
  latent.compress_ratio = 4;
  latent.index_head_size = 16;
  expected.push_back({latent});
  latent.compress_ratio = 128;
  latent.index_head_size = 0;
  expected.push_back({latent});
  EXPECT_EQ(KvOf(Family("deepseek4")), expected);

  const std::string key = "deepseek4.attention.compress_ratios";
  ExpectRefused(Family("deepseek4").Remove(key), key, "3 layers, but is none");
  ExpectRefused(Family("deepseek4").Remove(key).SetU32s(key, {0, 4}), key,
                "has 2");
  ExpectRefused(Family("deepseek4").Remove(key).SetU32s(key, {0, 4, 8}),
                key + "[2] is 8", "", absl::StatusCode::kUnimplemented);
  ExpectRefused(With("deepseek4", "attention.sliding_window", 0),
                "sliding_window is 0");
}

const Mamba1State kMamba1 = {
    .inner_size = 16, .state_size = 3, .conv_kernel = 4};
const Mamba2State kMamba2 = {
    .heads = 8, .head_size = 2, .state_size = 3, .groups = 2, .conv_kernel = 4};

TEST(GgufStateLayersTest, MambaKeepsAStateInEveryLayer) {
  EXPECT_EQ(KvOf(Family("mamba")), Repeat({{kMamba1}}, 2));
  EXPECT_EQ(KvOf(Family("mamba2")), Repeat({{kMamba2}}, 2));
}

TEST(GgufStateLayersTest, HybridsKeepAStateWhereThereAreNoKvHeads) {
  EXPECT_EQ(KvOf(Family("jamba")), (std::vector<Kv>{{kMamba1}, kFull}));
  EXPECT_EQ(KvOf(Family("granitehybrid")), (std::vector<Kv>{{kMamba2}, kFull}));
  EXPECT_EQ(KvOf(Family("nemotron_h")),
            (std::vector<Kv>{{kMamba2}, kNothing, kFull}));
  EXPECT_EQ(KvOf(Family("falcon-h1")),
            Repeat({{FullAttention{kHeads}, kMamba2}}, 2));
  ExpectRefused(Without("jamba", "attention.head_count_kv"),
                "jamba.attention.head_count_kv is missing");
  ExpectRefused(Family("jamba")
                    .Remove("jamba.attention.head_count_kv")
                    .SetU32s("jamba.attention.head_count_kv", {0, 2, 0}),
                "array of 3 uint32", "block_count is 2");
  ExpectRefused(Family("nemotron_h")
                    .Remove("nemotron_h.feed_forward_length")
                    .SetU32s("nemotron_h.feed_forward_length", {0}),
                "feed_forward_length is an array of 1");
}

TEST(GgufStateLayersTest, StatesOfNoSizeAreRefused) {
  for (const std::string field :
       {"ssm.conv_kernel", "ssm.inner_size", "ssm.state_size",
        "ssm.group_count", "ssm.time_step_rank"}) {
    ExpectRefused(With("mamba2", field, 0), "mamba2." + field + " is 0");
    ExpectRefused(Without("mamba2", field), "mamba2." + field + " is missing");
  }
  ExpectRefused(With("mamba2", "ssm.time_step_rank", 5),
                "ssm.inner_size 16 must be a multiple", "time_step_rank 5");
  ExpectRefused(With("kimi-linear", "kda.head_dim", 0), "kda.head_dim is 0");
}

TEST(GgufStateLayersTest, Qwen3NextHasOneFullLayerInFourOrAsListed) {
  const Kv state = {DeltaNetState{.key_heads = 2,
                                  .value_heads = 8,
                                  .key_head_size = 3,
                                  .value_head_size = 2,
                                  .conv_kernel = 4}};
  EXPECT_EQ(KvOf(Family("qwen3next")), Repeat({state, state, state, kFull}, 5));
  EXPECT_EQ(
      KvOf(Family("qwen3next").SetU32("qwen3next.full_attention_interval", 2)),
      Repeat({state, kFull}, 5));
  EXPECT_EQ(KvOf(Family("qwen3next")
                     .SetFlags("qwen3next.attention.recurrent_layers",
                               {false, true, true, false, true})),
            (std::vector<Kv>{kFull, state, state, kFull, state}));
  ExpectRefused(
      Family("qwen3next").SetU32("qwen3next.full_attention_interval", 0),
      "full_attention_interval is 0");
}

TEST(GgufStateLayersTest, KimiLinearHasLatentsWhereItHasNoState) {
  const Kv state = {
      KimiDeltaState{.heads = 4, .head_size = 2, .conv_kernel = 4}};
  EXPECT_EQ(KvOf(Family("kimi-linear")), (std::vector<Kv>{state, {kLatent}}));
}

}  // namespace
}  // namespace governor
