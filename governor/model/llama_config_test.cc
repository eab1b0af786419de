#include "governor/model/llama_config.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "governor/model/config_text.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr AttentionHeads kSmall = {4, 2, 16, 16};

std::vector<LayerShape> LayersOf(const ConfigText& config) {
  const absl::StatusOr<ModelShape> shape = ShapeOf(config);
  EXPECT_TRUE(shape.ok()) << config.Write() << ": " << shape.status();
  return shape.ok() ? shape->layers : std::vector<LayerShape>();
}

// F for full attention, S for sliding, C for chunked, and how many other.
std::string KindsOf(const ConfigText& config) {
  std::string kinds;
  for (const LayerShape& layer : LayersOf(config)) {
    for (const KvSpec& spec : layer.kv) {
      kinds += std::holds_alternative<FullAttention>(spec)      ? 'F'
               : std::holds_alternative<SlidingWindow>(spec)    ? 'S'
               : std::holds_alternative<ChunkedAttention>(spec) ? 'C'
                                                                : '?';
    }
  }
  return kinds;
}

TEST(LlamaConfigTest, HeadSizesDefaultToTheHiddenSizeOverTheHeads) {
  const std::vector<LayerShape> layers = LayersOf(SmallConfig("llama"));
  ASSERT_EQ(layers.size(), 4u);
  EXPECT_EQ(layers[3], (LayerShape{.kv = {FullAttention{kSmall}}}));
}

TEST(LlamaConfigTest, AnExplicitHeadSizeWins) {
  const auto layers = LayersOf(
      SmallConfig("llama", {{"head_dim", "8"}, {"hidden_size", "65"}}));
  EXPECT_EQ(std::get<FullAttention>(layers[0].kv[0]).heads,
            (AttentionHeads{4, 2, 8, 8}));
}

TEST(LlamaConfigTest, KvHeadsDefaultToQueryHeads) {
  const auto layers =
      LayersOf(SmallConfig("phi", {{"num_key_value_heads", "null"}}));
  EXPECT_EQ(std::get<FullAttention>(layers[0].kv[0]).heads.kv_heads, 4u);
}

TEST(LlamaConfigTest, AWindowHoldsInAllLayersOfMistral) {
  const auto layers =
      LayersOf(SmallConfig("mistral", {{"sliding_window", "128"}}));
  EXPECT_EQ(layers[0], (LayerShape{.kv = {SlidingWindow{kSmall, 128}}}));
  EXPECT_EQ(layers[3], layers[0]);
  EXPECT_EQ(KindsOf(SmallConfig("mistral", {{"sliding_window", "null"}})),
            "FFFF");
}

TEST(LlamaConfigTest, QwensWindowCountsOnlyWhereItIsUsed) {
  ConfigText config = SmallConfig("qwen2", {{"sliding_window", "128"}});
  EXPECT_EQ(KindsOf(config), "FFFF");
  config.Set("use_sliding_window", "false");
  EXPECT_EQ(KindsOf(config), "FFFF");
  config.Set("use_sliding_window", "true");
  EXPECT_EQ(KindsOf(config), "SSSS");
  config.Set("max_window_layers", "3");
  EXPECT_EQ(KindsOf(config), "FFFS");
  config.Set("max_window_layers", "70");
  EXPECT_EQ(KindsOf(config), "FFFF");
}

TEST(LlamaConfigTest, PatternsOfFullLayersComeFromTheFamilyOrTheFile) {
  ConfigText gemma2 = SmallConfig("gemma2", {{"sliding_window", "128"}});
  EXPECT_EQ(KindsOf(gemma2), "SFSF");
  ConfigText gemma3 = SmallConfig("gemma3_text", {{"num_hidden_layers", "7"}});
  EXPECT_EQ(KindsOf(gemma3), "SSSSSFS");
  gemma3.Set("sliding_window_pattern", "3");
  EXPECT_EQ(KindsOf(gemma3), "SSFSSFS");
  EXPECT_EQ(KindsOf(SmallConfig("cohere2", {{"sliding_window", "4096"}})),
            "SSSF");
}

TEST(LlamaConfigTest, LayerTypesOverrideThePattern) {
  ConfigText config =
      SmallConfig("gpt_oss", {{"layer_types",
                               R"(["full_attention", "sliding_attention",
                       "full_attention", "sliding_attention"])"}});
  EXPECT_EQ(KindsOf(config), "FSFS");
}

TEST(LlamaConfigTest, FamilyDefaultsAreNoted) {
  // As Gemma 3 4B was published.
  const auto shape = ShapeOf(std::string(
      R"({"model_type": "gemma3_text", "hidden_size": 2560,
          "num_hidden_layers": 34, "sliding_window": 1024})"));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->layers[0],
            (LayerShape{.kv = {SlidingWindow{{8, 4, 256, 256}, 1024}}}));
  std::string notes;
  for (const std::string& note : shape->notes) notes += note + "\n";
  for (const char* name :
       {"num_attention_heads", "num_key_value_heads", "head_dim"}) {
    EXPECT_NE(notes.find(name), std::string::npos) << notes;
  }
}

TEST(LlamaConfigTest, FamiliesCallTheirFieldsByNamesOfTheirOwn) {
  const auto gpt2 = ShapeOf(std::string(
      R"({"model_type": "gpt2", "n_layer": 3, "n_head": 4, "n_embd": 64,
          "n_positions": 1024, "vocab_size": 9})"));
  ASSERT_TRUE(gpt2.ok()) << gpt2.status();
  EXPECT_EQ(gpt2->layers.size(), 3u);
  EXPECT_EQ(std::get<FullAttention>(gpt2->layers[0].kv[0]).heads,
            (AttentionHeads{4, 4, 16, 16}));
  EXPECT_EQ(gpt2->embedding_length, 64u);
  EXPECT_EQ(gpt2->context_length, 1024u);
  const auto glm = ShapeOf(std::string(
      R"({"model_type": "chatglm", "num_layers": 3, "num_attention_heads": 4,
          "hidden_size": 64, "multi_query_group_num": 2, "kv_channels": 8,
          "seq_length": 77, "padded_vocab_size": 9})"));
  ASSERT_TRUE(glm.ok()) << glm.status();
  EXPECT_EQ(std::get<FullAttention>(glm->layers[0].kv[0]).heads,
            (AttentionHeads{4, 2, 8, 8}));
  EXPECT_EQ(glm->context_length, 77u);
  EXPECT_EQ(glm->vocabulary_size, 9u);
}

TEST(LlamaConfigTest, FalconHasOneKvHeadOrAsManyAsItSays) {
  const auto kv_heads = [](const ConfigText& config) {
    return std::get<FullAttention>(LayersOf(config)[0].kv[0]).heads.kv_heads;
  };
  ConfigText falcon = SmallConfig("falcon", {{"num_kv_heads", "2"}});
  EXPECT_EQ(kv_heads(falcon), 1u);
  EXPECT_EQ(kv_heads(falcon.Set("multi_query", "false")), 4u);
  EXPECT_EQ(kv_heads(falcon.Set("new_decoder_architecture", "true")), 2u);
}

TEST(LlamaConfigTest, DraftLayersAreApart) {
  const auto shape =
      ShapeOf(SmallConfig("glm4_moe", {{"num_nextn_predict_layers", "2"}}));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->layers.size(), 4u);
  EXPECT_EQ(shape->draft_layers.size(), 2u);
  EXPECT_EQ(shape->draft_layers[1], shape->layers[3]);
  ExpectRefused(SmallConfig("glm4_moe", {{"num_nextn_predict_layers", "65"}}),
                {"num_nextn_predict_layers is 65", "64"});
}

TEST(LlamaConfigTest, Llama4ChunksAllButEveryFourthLayer) {
  ConfigText config =
      SmallConfig("llama4_text", {{"attention_chunk_size", "8192"}});
  EXPECT_EQ(KindsOf(config), "CCCF");
  EXPECT_EQ(std::get<ChunkedAttention>(LayersOf(config)[0].kv[0]).chunk, 8192u);
  EXPECT_EQ(KindsOf(config.Set("no_rope_layer_interval", "2")), "CFCF");
  EXPECT_EQ(KindsOf(config.Set("no_rope_layers", "[]")), "CFCF");
  EXPECT_EQ(KindsOf(config.Set("no_rope_layers", "[0, 1, 1, 1]")), "FCCC");
  EXPECT_EQ(KindsOf(config.Set("attention_chunk_size", "null")), "FFFF");
  ExpectRefused(config.Set("no_rope_layers", "[0, 1]"), {"no_rope_layers"});
}

TEST(LlamaConfigTest, MiniMaxKeepsIndexKeysInSparseLayersOnly) {
  const std::string sparse =
      R"({"sparse_index_dim": 128, "sparse_attention_freq": [0, 1, 1, 1]})";
  const auto layers = LayersOf(
      SmallConfig("minimax_m3_text", {{"sparse_attention_config", sparse}}));
  EXPECT_EQ(layers[0].kv.size(), 1u);
  EXPECT_EQ(layers[1].kv[1],
            KvSpec(SparseIndexer{128, SparseIndexer::Storage::kComputeDtype}));
  ExpectRefused(SmallConfig("minimax_m3_text"), {"sparse_attention_config"});
  ExpectRefused(
      SmallConfig("minimax_m3_text", {{"sparse_attention_config",
                                       R"({"sparse_index_dim": 128})"}}),
      {"sparse_attention_config.sparse_attention_freq"});
}

TEST(LlamaConfigTest, MimosWindowedLayersHaveHeadsOfTheirOwn) {
  const auto layers = LayersOf(
      SmallConfig("mimo_v2_flash", {{"head_dim", "24"},
                                    {"v_head_dim", "16"},
                                    {"swa_num_attention_heads", "4"},
                                    {"swa_num_key_value_heads", "4"},
                                    {"swa_head_dim", "12"},
                                    {"swa_v_head_dim", "8"},
                                    {"sliding_window_size", "128"},
                                    {"hybrid_layer_pattern", "[0, 1, 1, 0]"}}));
  EXPECT_EQ(layers[0].kv[0], KvSpec(FullAttention{{4, 2, 24, 16}}));
  EXPECT_EQ(layers[1].kv[0], KvSpec(SlidingWindow{{4, 4, 12, 8}, 128}));
  EXPECT_EQ(layers[3], layers[0]);
}

TEST(LlamaConfigTest, MistralsWindowIsInDoubtWhereItIsNotMentioned) {
  const auto doubts = [](const ConfigText& config) {
    const auto shape = ShapeOf(config);
    EXPECT_TRUE(shape.ok()) << shape.status();
    EXPECT_EQ(KindsOf(config), "FFFF");
    return std::count_if(shape->notes.begin(), shape->notes.end(),
                         [](const std::string& note) {
                           return note ==
                                  "config.json does not mention "
                                  "sliding_window; none is planned; "
                                  "transformers assumes 4096 there";
                         });
  };
  ConfigText config = SmallConfig("mistral");
  config.Set("max_position_embeddings", "4097");
  EXPECT_EQ(doubts(config), 1);
  EXPECT_EQ(doubts(config.Set("max_position_embeddings", "4096")), 0);
  EXPECT_EQ(doubts(config.Remove("max_position_embeddings")), 1);
  EXPECT_EQ(doubts(config.Set("sliding_window", "null")), 0);
}

}  // namespace
}  // namespace governor
