#include "governor/model/hybrid_config.h"

#include <string>

#include "absl/status/status.h"
#include "governor/model/config_text.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

// A for attention or a latent, R for a recurrent state, - for nothing; layers
// with both have AR.
std::string KindsOf(const std::vector<LayerShape>& layers) {
  std::string kinds;
  for (const LayerShape& layer : layers) {
    if (layer.kv.empty()) kinds += '-';
    for (const KvSpec& spec : layer.kv) {
      const bool attends = std::holds_alternative<FullAttention>(spec) ||
                           std::holds_alternative<LatentAttention>(spec);
      kinds += attends ? 'A' : 'R';
    }
  }
  return kinds;
}

std::string KindsOf(const ConfigText& config) {
  const auto shape = ShapeOf(config);
  EXPECT_TRUE(shape.ok()) << config.Write() << ": " << shape.status();
  return shape.ok() ? KindsOf(shape->layers) : "";
}

ConfigText DeltaNet(const std::string& model_type) {
  return SmallConfig(model_type, {{"linear_num_key_heads", "2"},
                                  {"linear_num_value_heads", "4"},
                                  {"linear_key_head_dim", "8"},
                                  {"linear_value_head_dim", "16"},
                                  {"linear_conv_kernel_dim", "4"}});
}

ConfigText Kimi() {
  return SmallConfig("kimi_linear", {{"kv_lora_rank", "512"},
                                     {"qk_rope_head_dim", "64"},
                                     {"linear_attn_config",
                                      R"({"num_heads": 4, "head_dim": 16,
                           "short_conv_kernel_size": 4,
                           "kda_layers": [1, 2, 4]})"}});
}

ConfigText NemotronH() {
  return SmallConfig("nemotron_h", {{"mamba_num_heads", "8"},
                                    {"mamba_head_dim", "16"},
                                    {"ssm_state_size", "32"},
                                    {"n_groups", "2"},
                                    {"conv_kernel", "4"},
                                    {"hybrid_override_pattern", "\"M-*E\""}});
}

ConfigText Granite(const std::string& model_type) {
  return SmallConfig(model_type, {{"mamba_n_heads", "8"},
                                  {"mamba_d_head", "16"},
                                  {"mamba_d_state", "32"},
                                  {"mamba_d_conv", "4"},
                                  {"mamba_expand", "2"},
                                  {"mamba_n_groups", "1"}});
}

TEST(HybridConfigTest, DeltaNetsAlternateWithFullAttention) {
  EXPECT_EQ(KindsOf(DeltaNet("qwen3_next")), "RRRA");
  EXPECT_EQ(KindsOf(DeltaNet("qwen3_next").Set("full_attention_interval", "2")),
            "RARA");
  EXPECT_EQ(
      KindsOf(DeltaNet("qwen3_5_text").Set("layer_types", R"(["full_attention",
                             "linear_attention", "linear_attention",
                             "linear_attention"])")),
      "ARRR");
}

TEST(HybridConfigTest, DeltaNetsSayWhatTheirStateIs) {
  auto shape = ShapeOf(DeltaNet("qwen3_next"));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->layers[0].kv[0],
            KvSpec(DeltaNetState{2, 4, 8, 16, 4, StateDtype::kUnsaid}));
  shape = ShapeOf(DeltaNet("qwen3_5_text"));
  EXPECT_EQ(std::get<DeltaNetState>(shape->layers[0].kv[0]).dtype,
            StateDtype::kFloat32);
  shape =
      ShapeOf(DeltaNet("qwen3_5_text").Set("mamba_ssm_dtype", "\"bfloat16\""));
  EXPECT_EQ(std::get<DeltaNetState>(shape->layers[0].kv[0]).dtype,
            StateDtype::kBfloat16);
  ExpectRefused(DeltaNet("qwen3_next").Set("mamba_ssm_dtype", "\"fp8\""),
                {"mamba_ssm_dtype is 'fp8'"});
  ExpectRefused(DeltaNet("qwen3_next").Set("linear_num_key_heads", "3"),
                {"linear_num_value_heads is 4", "linear_num_key_heads, 3"});
}

TEST(HybridConfigTest, QwenHasOneDraftLayerUnlessItSaysOtherwise) {
  EXPECT_EQ(ShapeOf(DeltaNet("qwen3_next"))->draft_layers,
            ShapeOf(DeltaNet("qwen3_5_text"))->draft_layers);
  EXPECT_EQ(KindsOf(ShapeOf(DeltaNet("qwen3_next"))->draft_layers), "A");
  EXPECT_EQ(ShapeOf(DeltaNet("qwen3_5_text").Set("mtp_num_hidden_layers", "0"))
                ->draft_layers.size(),
            0u);
}

TEST(HybridConfigTest, KimisDeltaLayersAreCountedFromOne) {
  EXPECT_EQ(KindsOf(Kimi()), "RRAR");
  const auto shape = ShapeOf(Kimi());
  EXPECT_EQ(shape->layers[0].kv[0], KvSpec(KimiDeltaState{4, 16, 4}));
  EXPECT_EQ(shape->layers[2].kv[0], KvSpec(LatentAttention{4, 512, 64}));
  for (const char* number : {"0", "5"}) {
    ExpectRefused(Kimi().Set("linear_attn_config",
                             std::string(R"({"num_heads": 4, "head_dim": 16,
                        "short_conv_kernel_size": 4, "kda_layers": [)") +
                                 number + "]}"),
                  {"linear_attn_config.kda_layers", number});
  }
  ExpectRefused(Kimi().Remove("linear_attn_config"), {"linear_attn_config"});
}

TEST(HybridConfigTest, PureMambaKeepsNothingThatGrows) {
  auto shape = ShapeOf(ConfigText({{"model_type", "\"mamba\""},
                                   {"num_hidden_layers", "2"},
                                   {"hidden_size", "64"},
                                   {"expand", "2"},
                                   {"state_size", "16"},
                                   {"conv_kernel", "4"}}));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->layers[1].kv[0], KvSpec(Mamba1State{128, 16, 4}));
  EXPECT_EQ(shape->context_length, 0u);
  ConfigText mamba2({{"model_type", "\"mamba2\""},
                     {"num_hidden_layers", "2"},
                     {"hidden_size", "64"},
                     {"expand", "2"},
                     {"num_heads", "8"},
                     {"head_dim", "16"},
                     {"n_groups", "1"},
                     {"state_size", "32"},
                     {"conv_kernel", "4"}});
  shape = ShapeOf(mamba2);
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->layers[1].kv[0], KvSpec(Mamba2State{8, 16, 32, 1, 4}));
  ExpectRefused(mamba2.Set("num_heads", "9"),
                {"num_heads is 9", "head_dim 16", "128"});
}

// Falcon Mamba 7B says both, and means the first.
TEST(HybridConfigTest, AnInnerSizeWinsOverExpand) {
  const auto shape = ShapeOf(ConfigText({{"model_type", "\"falcon_mamba\""},
                                         {"num_hidden_layers", "2"},
                                         {"hidden_size", "64"},
                                         {"intermediate_size", "128"},
                                         {"expand", "16"},
                                         {"state_size", "16"},
                                         {"conv_kernel", "4"}}));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->layers[1].kv[0], KvSpec(Mamba1State{128, 16, 4}));
}

TEST(HybridConfigTest, JambaAttendsOnceInAPeriod) {
  ConfigText jamba = SmallConfig("jamba", {{"mamba_d_state", "16"},
                                           {"mamba_d_conv", "4"},
                                           {"mamba_expand", "2"},
                                           {"intermediate_size", "999"},
                                           {"attn_layer_period", "3"},
                                           {"attn_layer_offset", "1"}});
  EXPECT_EQ(KindsOf(jamba), "RARR");
  EXPECT_EQ(ShapeOf(jamba)->layers[0].kv[0], KvSpec(Mamba1State{128, 16, 4}));
  ExpectRefused(jamba.Set("attn_layer_offset", "3"),
                {"attn_layer_offset is 3", "0 to 2"});
  ExpectRefused(jamba.Set("mamba_expand", "4294967296"), {"mamba_expand"});
}

TEST(HybridConfigTest, NemotronsLettersSayWhatALayerIs) {
  EXPECT_EQ(KindsOf(NemotronH()), "R-A-");
  EXPECT_EQ(ShapeOf(NemotronH())->layers[0].kv[0],
            KvSpec(Mamba2State{8, 16, 32, 2, 4}));
  EXPECT_EQ(KindsOf(NemotronH()
                        .Remove("hybrid_override_pattern")
                        .Remove("num_hidden_layers")
                        .Set("layers_block_type",
                             R"(["mamba", "moe", "attention", "mlp"])")),
            "R-A-");
  const auto float32 =
      ShapeOf(NemotronH().Set("mamba_ssm_cache_dtype", "\"float32\""));
  EXPECT_EQ(std::get<Mamba2State>(float32->layers[0].kv[0]).dtype,
            StateDtype::kFloat32);
  const auto drafts =
      ShapeOf(NemotronH()
                  .Set("num_nextn_predict_layers", "1")
                  .Set("mtp_hybrid_override_pattern", "\"*E\""));
  EXPECT_EQ(KindsOf(drafts->draft_layers), "A-");
}

TEST(HybridConfigTest, LettersThatFitNoLayerAreRefused) {
  ExpectRefused(NemotronH().Set("hybrid_override_pattern", "\"M-*\""),
                {"hybrid_override_pattern has 3", "4 layers"});
  ExpectRefused(NemotronH().Set("hybrid_override_pattern", "\"M-*X\""),
                {"hybrid_override_pattern", "'X'", "at 3"},
                absl::StatusCode::kUnimplemented);
  ExpectRefused(NemotronH().Remove("hybrid_override_pattern"),
                {"hybrid_override_pattern is missing"});
  ExpectRefused(NemotronH()
                    .Remove("hybrid_override_pattern")
                    .Remove("num_hidden_layers")
                    .Set("layers_block_type", "[]"),
                {"layers_block_type"});
}

TEST(HybridConfigTest, GraniteListsItsLayersOrThoseThatAttend) {
  ConfigText granite = Granite("granitemoehybrid");
  granite.Set("layer_types", R"(["mamba", "attention", "mamba", "mamba"])");
  EXPECT_EQ(KindsOf(granite), "RARR");
  EXPECT_EQ(KindsOf(Granite("bamba")
                        .Set("attn_layer_indices", "[0, 3]")
                        .Set("mamba_d_head", "\"auto\"")),
            "ARRA");
  EXPECT_EQ(KindsOf(SmallConfig("granitemoehybrid",
                                {{"layer_types", R"(["attention", "attention",
                                      "attention", "attention"])"}})),
            "AAAA");
  ExpectRefused(Granite("bamba").Set("attn_layer_indices", "[4]"),
                {"attn_layer_indices has 4", "4 layers"});
  ExpectRefused(Granite("granitemoehybrid"), {"layer_types is missing"});
  // Found by the fuzzer.
  ExpectRefused(Granite("bamba")
                    .Set("attn_layer_indices", "[0]")
                    .Set("mamba_n_groups", "3")
                    .Set("mamba_d_head", "\"auto\""),
                {"must be a multiple of", "mamba_n_groups", "3"});
}

TEST(HybridConfigTest, FalconH1KeepsBothInEveryLayer) {
  EXPECT_EQ(KindsOf(Granite("falcon_h1").Set("mamba_d_ssm", "128")),
            "ARARARAR");
  ExpectRefused(Granite("falcon_h1").Set("mamba_d_ssm", "129"),
                {"mamba_n_heads is 8", "mamba_d_head 16", "129"});
}

}  // namespace
}  // namespace governor
