#include "governor/policy/vllm_traits.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

ModelShape Model(const char* architecture, KvSpec spec) {
  ModelShape model;
  model.architecture = architecture;
  model.layers.resize(2);
  model.layers[1].kv = {std::move(spec)};
  return model;
}

// Files of both formats spell an architecture their own way.
TEST(VllmTraitsTest, ArchitecturesAreKnownHoweverTheyAreSpelled) {
  for (const char* name : {"gpt-oss", "gpt_oss", "GptOssForCausalLM"}) {
    EXPECT_TRUE(TraitsOf(Model(name, FullAttention())).sinks) << name;
  }
  EXPECT_FALSE(TraitsOf(Model("gptneox", FullAttention())).sinks);
  for (const char* name : {"Qwen3_5ForConditionalGeneration", "qwen3_5_moe",
                           "NemotronHForCausalLM", "nemotron_h"}) {
    EXPECT_TRUE(TraitsOf(Model(name, DeltaNetState())).float32_state) << name;
  }
  EXPECT_FALSE(TraitsOf(Model("qwen3_next", DeltaNetState())).float32_state);
  EXPECT_TRUE(TraitsOf(Model("cohere2", SlidingWindow())).widened_window);
  EXPECT_FALSE(TraitsOf(Model("cohere", FullAttention())).widened_window);
}

TEST(VllmTraitsTest, LayersSayWhatTheyKeep) {
  const VllmTraits states = TraitsOf(Model("", Mamba1State()));
  EXPECT_TRUE(states.state);
  EXPECT_FALSE(states.attention);
  const VllmTraits window = TraitsOf(Model("", SlidingWindow()));
  EXPECT_TRUE(window.attention);
  EXPECT_TRUE(window.windows);
  EXPECT_FALSE(TraitsOf(Model("", FullAttention())).windows);
  const VllmTraits sparse =
      TraitsOf(Model("", LatentAttention{.sparse = true}));
  EXPECT_TRUE(sparse.latent);
  EXPECT_TRUE(sparse.sparse);
  EXPECT_FALSE(sparse.glm);
  EXPECT_TRUE(
      TraitsOf(Model("glm_moe_dsa", LatentAttention{.sparse = true})).glm);
  FullAttention wide;
  wide.heads.head_size_k = 512;
  EXPECT_TRUE(TraitsOf(Model("", wide)).wide_heads);
}

// vLLM serves float32 in bfloat16.
TEST(VllmTraitsTest, ModelsAreServedInTwoBytes) {
  ModelShape model = Model("", FullAttention());
  model.compute_dtype = "float32";
  EXPECT_EQ(TraitsOf(model).compute, KvDtype::kBf16);
  model.compute_dtype = "float16";
  EXPECT_EQ(TraitsOf(model).compute, KvDtype::kFp16);
}

}  // namespace
}  // namespace governor
