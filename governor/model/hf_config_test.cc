#include "governor/model/hf_config.h"

#include <set>
#include <string>

#include "absl/status/status.h"
#include "governor/model/config_families.h"
#include "governor/model/config_text.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

std::string NotesOf(const ConfigText& config) {
  const auto shape = ShapeOf(config);
  EXPECT_TRUE(shape.ok()) << config.Write() << ": " << shape.status();
  std::string notes;
  if (!shape.ok()) return notes;
  for (const std::string& note : shape->notes) notes += note + "\n";
  return notes;
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(HfConfigTest, TheShapeHasWhatTheConfigSays) {
  const auto shape = ShapeOf(SmallConfig(
      "mixtral", {{"num_local_experts", "8"}, {"num_experts_per_tok", "2"}}));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->architecture, "SmallForCausalLM");
  EXPECT_EQ(shape->embedding_length, 64u);
  EXPECT_EQ(shape->context_length, 256u);
  EXPECT_EQ(shape->vocabulary_size, 32u);
  EXPECT_EQ(shape->compute_dtype, "bfloat16");
  EXPECT_EQ(shape->experts, 8u);
  EXPECT_EQ(shape->experts_per_token, 2u);
  EXPECT_FALSE(shape->has_weights);
  EXPECT_TRUE(shape->weights.is_zero());
  EXPECT_TRUE(shape->notes.empty());
}

TEST(HfConfigTest, NamesAreTakenAndPathsAreNot) {
  EXPECT_EQ(
      ShapeOf(SmallConfig("llama", {{"_name_or_path", "\"org/model\""}}))->name,
      "org/model");
  EXPECT_EQ(
      ShapeOf(SmallConfig("llama", {{"_name_or_path", "\"/home/me/it\""}}))
          ->name,
      "");
}

TEST(HfConfigTest, TheDtypeIsWhatTheFileSays) {
  const auto dtype = [](const ConfigText& config) {
    return ShapeOf(config)->compute_dtype;
  };
  ConfigText config = SmallConfig("llama", {{"torch_dtype", "\"float32\""}});
  EXPECT_EQ(dtype(config), "float32");
  EXPECT_EQ(dtype(config.Set("dtype", "\"float16\"")), "float16");
  config.Remove("dtype").Remove("torch_dtype");
  EXPECT_EQ(dtype(config), "bfloat16");
  EXPECT_TRUE(Has(NotesOf(config), "no dtype"));
}

TEST(HfConfigTest, TheLanguageModelOfSeveralTowersIsFound) {
  const std::string text =
      R"({"model_type": "mistral", "num_hidden_layers": 3, "head_dim": 8,
          "num_key_value_heads": 8, "vocab_size": 5})";
  for (const char* under : {"text_config", "language_config", "llm_config"}) {
    const ConfigText config({{"model_type", "\"pixtral\""},
                             {"architectures", "[\"Pixtral\"]"},
                             {"dtype", "\"float16\""},
                             {"max_position_embeddings", "99"},
                             {"vision_config", "{\"num_hidden_layers\": 9}"},
                             {under, text}});
    const auto shape = ShapeOf(config);
    ASSERT_TRUE(shape.ok()) << under << ": " << shape.status();
    EXPECT_EQ(shape->architecture, "Pixtral");
    EXPECT_EQ(shape->layers.size(), 3u);
    EXPECT_EQ(shape->vocabulary_size, 5u);
    EXPECT_EQ(shape->context_length, 99u);
    EXPECT_EQ(shape->compute_dtype, "float16");
    EXPECT_TRUE(Has(NotesOf(config), "towers"));
  }
  const ConfigText omni(
      {{"model_type", "\"omni\""},
       {"thinker_config", "{\"text_config\": " + text + "}"}});
  EXPECT_EQ(ShapeOf(omni)->layers.size(), 3u);
}

TEST(HfConfigTest, AModelsTypeStandsForThatOfItsText) {
  const auto flat = ShapeOf(SmallConfig("qwen2_vl"));
  ASSERT_TRUE(flat.ok()) << flat.status();
  EXPECT_EQ(flat->layers.size(), 4u);
}

TEST(HfConfigTest, AnUnknownFamilyIsNamedWithWhatToDo) {
  ExpectRefused(SmallConfig("zamba9"),
                {"model_type is 'zamba9'", "SmallForCausalLM", "--assume-gqa",
                 std::to_string(ConfigFamilies().size())},
                absl::StatusCode::kUnimplemented);
  ExpectRefused(ConfigText().Set("text_config", "{\"model_type\": \"zamba9\"}"),
                {"text_config.model_type is 'zamba9'"},
                absl::StatusCode::kUnimplemented);
}

TEST(HfConfigTest, AnUnknownFamilyCanBeAssumedToBeFullAttention) {
  for (const ConfigText& config :
       {SmallConfig("zamba9"), SmallConfig("x").Remove("model_type")}) {
    const auto shape = ShapeOf(config, {.assume_gqa = true});
    ASSERT_TRUE(shape.ok()) << shape.status();
    EXPECT_EQ(shape->layers, ShapeOf(SmallConfig("llama"))->layers);
    EXPECT_TRUE(Has(shape->notes[0], "assumed"));
  }
  // A family that is known is read as it is.
  const ConfigText gemma = SmallConfig("gemma2", {{"sliding_window", "128"}});
  EXPECT_EQ(ShapeOf(gemma, {.assume_gqa = true})->layers,
            ShapeOf(gemma)->layers);
}

TEST(HfConfigTest, FamiliesThatAreNotPlannedSayWhy) {
  ExpectRefused(SmallConfig("mllama"), {"model_type", "cross_attention_layers"},
                absl::StatusCode::kUnimplemented);
  ExpectRefused(SmallConfig("nemotron-nas"), {"model_type", "block_configs"},
                absl::StatusCode::kUnimplemented);
}

TEST(HfConfigTest, AQuantisedCacheThatTheCheckpointAsksForIsNoted) {
  EXPECT_TRUE(
      Has(NotesOf(SmallConfig("llama", {{"quantization_config",
                                         R"({"quant_method": "modelopt",
                                         "kv_cache_quant_algo": "FP8"})"}})),
          "quantization_config.kv_cache_quant_algo is 'FP8' ('modelopt')"));
  EXPECT_TRUE(Has(
      NotesOf(SmallConfig("llama", {{"quantization_config",
                                     R"({"quant_method": "compressed-tensors",
                                  "kv_cache_scheme": {"num_bits": 8}})"}})),
      "quantization_config.kv_cache_scheme is an object"));
  EXPECT_EQ(NotesOf(SmallConfig("llama", {{"quantization_config",
                                           R"({"quant_method": "fp8",
                                         "kv_cache_scheme": null})"}})),
            "");
}

TEST(HfConfigTest, SaysWhetherTheHeadIsTied) {
  EXPECT_FALSE(ShapeOf(SmallConfig("llama"))->head_is_tied);
  EXPECT_TRUE(ShapeOf(SmallConfig("llama", {{"tie_word_embeddings", "true"}}))
                  ->head_is_tied);
}

TEST(HfConfigTest, EveryFamilyIsReadOrSaysWhyNot) {
  std::set<absl::string_view> types;
  for (const ConfigFamily& family : ConfigFamilies()) {
    EXPECT_TRUE(types.insert(family.model_type).second) << family.model_type;
    EXPECT_NE(family.read == nullptr, family.refusal.empty())
        << family.model_type;
  }
}

}  // namespace
}  // namespace governor
