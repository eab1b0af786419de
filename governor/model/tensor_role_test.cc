#include "governor/model/tensor_role.h"

#include <string>

#include "gtest/gtest.h"

namespace governor {
namespace {

using Part = TensorRole::Part;

constexpr uint64_t kLayers = 61;

TensorRole RoleOf(absl::string_view name) {
  return RoleOfTensor(name, kLayers);
}

TEST(TensorRoleTest, LayersOfEveryFamily) {
  for (const std::string name :
       {"model.layers.7.self_attn.q_proj.weight",
        "model.language_model.layers.7.mlp.up_proj.weight_packed",
        "language_model.model.layers.7.self_attn.v_proj.qweight",
        "transformer.h.7.attn.c_attn.weight", "h.7.attn.c_attn.weight",
        "gpt_neox.layers.7.attention.query_key_value.weight",
        "backbone.layers.7.mixer.in_proj.weight",
        "model.decoder.layers.7.encoder_attn.k_proj.weight",
        "decoder.block.7.layer.0.SelfAttention.q.weight",
        "transformer.blocks.7.ffn.up_proj.weight",
        "transformer.encoder.layers.7.mlp.dense_h_to_4h.weight",
        "layers.7.attn.wq_b.weight"}) {
    const TensorRole role = RoleOf(name);
    EXPECT_EQ(role.part, Part::kLayer) << name;
    EXPECT_EQ(role.layer, 7u) << name;
    EXPECT_FALSE(role.is_replicated) << name;
    EXPECT_FALSE(role.is_expert) << name;
  }
}

TEST(TensorRoleTest, LayersBeyondTheLastAreDrafts) {
  EXPECT_EQ(RoleOf("model.layers.60.mlp.up_proj.weight").part, Part::kLayer);
  const TensorRole first = RoleOf("model.layers.61.embed_tokens.weight");
  EXPECT_EQ(first.part, Part::kDraft);
  EXPECT_EQ(first.layer, 0u);
  EXPECT_FALSE(first.is_named_draft);
  EXPECT_EQ(RoleOf("model.layers.63.shared_head.head.weight").layer, 2u);
}

TEST(TensorRoleTest, NamedDrafts) {
  for (const std::string name :
       {"mtp.fc.weight", "mtp.layers.0.self_attn.q_proj.weight",
        "mtp.norm.weight", "mtp.0.attn.wq_b.weight",
        "model.mtp_layers.0.mlp.up_proj.weight",
        "model.mtp.layers.0.mlp.up_proj.weight"}) {
    const TensorRole role = RoleOf(name);
    EXPECT_EQ(role.part, Part::kDraft) << name;
    EXPECT_EQ(role.layer, 0u) << name;
    EXPECT_TRUE(role.is_named_draft) << name;
  }
  EXPECT_EQ(RoleOf("mtp.layers.2.mlp.up_proj.weight").layer, 2u);
}

TEST(TensorRoleTest, OuterParts) {
  for (const std::string name :
       {"model.embed_tokens.weight", "transformer.wte.weight",
        "model.language_model.embed_tokens.weight", "embed.weight",
        "backbone.embeddings.weight", "gpt_neox.embed_in.weight",
        "model.embed_tokens_per_layer.weight", "shared.weight"}) {
    EXPECT_EQ(RoleOf(name).part, Part::kEmbedding) << name;
  }
  for (const std::string name :
       {"lm_head.weight", "lm_head.qweight", "output.weight", "head.weight",
        "language_model.lm_head.weight_scale", "embed_out.weight"}) {
    EXPECT_EQ(RoleOf(name).part, Part::kHead) << name;
  }
  for (const std::string name :
       {"model.norm.weight", "transformer.ln_f.bias", "norm.weight",
        "model.visual.blocks.3.attn.qkv.weight", "",
        "vision_tower.vision_model.encoder.layers.3.mlp.fc1.weight",
        "vision_model.embeddings.patch_embedding.weight",
        "model.encoder.layers.3.self_attn.k_proj.weight",
        "encoder.block.3.layer.0.SelfAttention.q.weight",
        "audio_tower.layers.3.fc1.weight", "multi_modal_projector.linear.bias",
        "talker.model.layers.3.mlp.up_proj.weight", "model.layers.norm.weight",
        "model.layers.1234567890.x"}) {
    EXPECT_EQ(RoleOf(name).part, Part::kOther) << name;
  }
}

TEST(TensorRoleTest, ExpertsAreThoseOfWhichATokenUsesSome) {
  for (const std::string name :
       {"model.layers.3.mlp.experts.17.down_proj.weight",
        "model.layers.3.mlp.experts.gate_up_proj_blocks",
        "model.layers.3.block_sparse_moe.experts.7.w2.weight",
        "layers.3.ffn.experts.7.w1.scale",
        "model.layers.3.block_sparse_moe.input_linear.weight",
        "model.layers.61.mlp.experts.17.down_proj.weight"}) {
    EXPECT_TRUE(RoleOf(name).is_expert) << name;
    EXPECT_FALSE(RoleOf(name).is_replicated) << name;
  }
  for (const std::string name :
       {"model.layers.3.mlp.shared_experts.down_proj.weight",
        "model.layers.3.mlp.shared_expert.down_proj.weight",
        "model.layers.3.mlp.gate.weight",
        "model.layers.3.mlp.up_proj.weight"}) {
    EXPECT_FALSE(RoleOf(name).is_expert) << name;
  }
}

TEST(TensorRoleTest, WhatEveryRankHoldsWhole) {
  for (const std::string name :
       {"model.layers.3.input_layernorm.weight",
        "model.layers.3.self_attn.q_norm.weight", "transformer.h.3.ln_1.bias",
        "model.layers.3.mlp.gate.weight",
        "model.layers.3.mlp.gate.e_score_correction_bias",
        "model.layers.3.self_attn.kv_a_proj_with_mqa.weight",
        "model.layers.3.self_attn.indexer.wk.weight",
        "model.layers.3.self_attn.o_proj.bias", "layers.3.hc_attn_fn",
        "model.layers.61.eh_proj.weight"}) {
    EXPECT_TRUE(RoleOf(name).is_replicated) << name;
  }
  for (const std::string name : {"model.layers.3.mlp.gate_proj.weight",
                                 "model.layers.3.self_attn.kv_b_proj.weight",
                                 "model.layers.3.self_attn.q_proj.bias",
                                 "model.layers.3.self_attn.o_proj.weight",
                                 "model.layers.3.self_attn.sinks"}) {
    EXPECT_FALSE(RoleOf(name).is_replicated) << name;
  }
}

}  // namespace
}  // namespace governor
