#include "governor/model/gemma_config.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "governor/model/config_text.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

const char kTypes[] =
    R"(["sliding_attention", "full_attention", "sliding_attention",
        "full_attention"])";

TEST(GemmaConfigTest, LayersThatShareKeepNothing) {
  const auto shape =
      ShapeOf(SmallConfig("gemma3n_text", {{"layer_types", kTypes},
                                           {"num_kv_shared_layers", "2"}}));
  ASSERT_TRUE(shape.ok()) << shape.status();
  ASSERT_EQ(shape->layers.size(), 4u);
  EXPECT_EQ(shape->layers[0].kv[0],
            KvSpec(SlidingWindow{{4, 2, 256, 256}, 512}));
  EXPECT_EQ(shape->layers[1].kv[0], KvSpec(FullAttention{{4, 2, 256, 256}}));
  EXPECT_TRUE(shape->layers[2].kv.empty());
  EXPECT_TRUE(shape->layers[3].kv.empty());
}

TEST(GemmaConfigTest, FullLayersOfGemma4HaveHeadsOfTheirOwn) {
  ConfigText config =
      SmallConfig("gemma4_text", {{"layer_types", kTypes},
                                  {"sliding_window", "128"},
                                  {"global_head_dim", "512"},
                                  {"num_global_key_value_heads", "1"}});
  auto shape = ShapeOf(config);
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->layers[0].kv[0],
            KvSpec(SlidingWindow{{4, 2, 256, 256}, 128}));
  EXPECT_EQ(shape->layers[1].kv[0], KvSpec(FullAttention{{4, 1, 512, 512}}));
  shape = ShapeOf(config.Set("attention_k_eq_v", "false"));
  EXPECT_EQ(shape->layers[1].kv[0], KvSpec(FullAttention{{4, 2, 512, 512}}));
}

TEST(GemmaConfigTest, WhatCannotBeIsRefused) {
  ExpectRefused(SmallConfig("gemma3n_text", {{"num_kv_shared_layers", "4"}}),
                {"num_kv_shared_layers is 4", "below the 4 layers"});
  ExpectRefused(
      SmallConfig("gemma4_text", {{"sliding_window", "128"},
                                  {"num_global_key_value_heads", "3"}}),
      {"num_attention_heads is 4", "num_global_key_value_heads, 3"});
}

// As Gemma 3's published configs are.
TEST(GemmaConfigTest, AContextThatIsNotGivenIsTheFamilys) {
  const struct {
    const char* model_type;
    uint64_t context;
  } kCases[] = {{"gemma", 8192},
                {"gemma2", 8192},
                {"gemma3_text", 131072},
                {"gemma3n_text", 32768},
                {"gemma4_text", 131072}};
  for (const auto& c : kCases) {
    ConfigText config = SmallConfig(c.model_type, {{"sliding_window", "128"}});
    EXPECT_EQ(ShapeOf(config)->context_length, 256u);
    const auto shape = ShapeOf(config.Remove("max_position_embeddings"));
    ASSERT_TRUE(shape.ok()) << shape.status();
    EXPECT_EQ(shape->context_length, c.context) << c.model_type;
    EXPECT_EQ(
        std::count(shape->notes.begin(), shape->notes.end(),
                   absl::StrCat("max_position_embeddings is absent; ",
                                c.context, " is taken, the family's default")),
        1);
  }
}

}  // namespace
}  // namespace governor
