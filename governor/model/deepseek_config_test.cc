#include "governor/model/deepseek_config.h"

#include "governor/model/config_text.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

ConfigText Latent(const std::string& model_type) {
  return SmallConfig(model_type, {{"num_key_value_heads", "4"},
                                  {"kv_lora_rank", "512"},
                                  {"qk_rope_head_dim", "64"}});
}

ConfigText Compressed() {
  return SmallConfig("deepseek_v4", {{"num_key_value_heads", "1"},
                                     {"head_dim", "512"},
                                     {"qk_rope_head_dim", "64"},
                                     {"sliding_window", "128"},
                                     {"index_head_dim", "128"},
                                     {"num_nextn_predict_layers", "1"},
                                     {"compress_ratios", "[0, 4, 128, 4, 0]"}});
}

TEST(DeepseekConfigTest, EveryLayerKeepsALatent) {
  const auto shape =
      ShapeOf(Latent("deepseek_v3").Set("num_nextn_predict_layers", "1"));
  ASSERT_TRUE(shape.ok()) << shape.status();
  const LayerShape layer = {.kv = {LatentAttention{4, 512, 64, false}}};
  EXPECT_EQ(shape->layers, std::vector<LayerShape>(4, layer));
  EXPECT_EQ(shape->draft_layers, std::vector<LayerShape>(1, layer));
}

TEST(DeepseekConfigTest, AnIndexerIsKeptBesides) {
  const auto shape =
      ShapeOf(Latent("deepseek_v32").Set("index_head_dim", "128"));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->layers[3],
            (LayerShape{.kv = {LatentAttention{4, 512, 64, true},
                               SparseIndexer{128}}}));
}

TEST(DeepseekConfigTest, ALatentWithoutItsSizesIsRefused) {
  ExpectRefused(Latent("kimi_k2").Remove("kv_lora_rank"),
                {"kv_lora_rank is missing"});
  ExpectRefused(Latent("kimi_k2").Set("qk_rope_head_dim", "0"),
                {"qk_rope_head_dim is 0"});
}

TEST(DeepseekConfigTest, CompressionDiffersByLayerAndReachesDraftLayers) {
  const auto shape = ShapeOf(Compressed());
  ASSERT_TRUE(shape.ok()) << shape.status();
  const auto latent = [](uint64_t ratio, uint64_t index) {
    return KvSpec(CompressedLatent{512, 64, 128, ratio, index});
  };
  ASSERT_EQ(shape->layers.size(), 4u);
  EXPECT_EQ(shape->layers[0].kv[0], latent(0, 0));
  EXPECT_EQ(shape->layers[1].kv[0], latent(4, 128));
  EXPECT_EQ(shape->layers[2].kv[0], latent(128, 0));
  ASSERT_EQ(shape->draft_layers.size(), 1u);
  EXPECT_EQ(shape->draft_layers[0].kv[0], latent(0, 0));
}

TEST(DeepseekConfigTest, CompressionThatFitsNoLayerIsRefused) {
  ExpectRefused(Compressed().Set("compress_ratios", "[0, 4]"),
                {"compress_ratios has 2", "4 layers"});
  ExpectRefused(Compressed().Remove("compress_ratios"), {"compress_ratios"});
  ExpectRefused(Compressed().Set("compress_ratios", "[0, 4, -1, 4, 0]"),
                {"compress_ratios[2] is -1"});
}

}  // namespace
}  // namespace governor
