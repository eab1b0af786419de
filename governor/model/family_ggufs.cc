#include "governor/model/family_ggufs.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace governor {
namespace {

// A writer that puts the architecture in front of its keys.
class Family {
 public:
  Family(std::string architecture, uint32_t layers)
      : architecture_(std::move(architecture)) {
    writer_.SetString("general.architecture", architecture_);
    U32("block_count", layers);
    U32("context_length", 64);
    U32("embedding_length", 8);
    U32("vocab_size", 4);
    writer_.Add({"token_embd.weight", {8, 4}});
    for (uint32_t i = 0; i < layers; ++i) {
      writer_.Add({absl::StrCat("blk.", i, ".attn_norm.weight"), {8}});
    }
  }
  Family& U32(absl::string_view field, uint32_t value) {
    writer_.SetU32(absl::StrCat(architecture_, ".", field), value);
    return *this;
  }
  Family& U32s(absl::string_view field, const std::vector<uint32_t>& values) {
    writer_.SetU32s(absl::StrCat(architecture_, ".", field), values);
    return *this;
  }
  Family& Flags(absl::string_view field, const std::vector<bool>& flags) {
    writer_.SetFlags(absl::StrCat(architecture_, ".", field), flags);
    return *this;
  }
  Family& Heads() {
    return U32("attention.head_count", 4).U32("attention.head_count_kv", 2);
  }
  Family& Window(uint32_t tokens) {
    return U32("attention.sliding_window", tokens);
  }
  // A latent of 6 with 2 rotated; 4 heads of 4 and 3 in the original.
  Family& Latent() {
    return U32("attention.head_count", 4)
        .U32("attention.kv_lora_rank", 6)
        .U32("attention.key_length", 8)
        .U32("attention.value_length", 6)
        .U32("attention.key_length_mla", 4)
        .U32("attention.value_length_mla", 3)
        .U32("rope.dimension_count", 2);
  }
  Family& Mamba1() {
    return U32("ssm.conv_kernel", 4)
        .U32("ssm.inner_size", 16)
        .U32("ssm.state_size", 3)
        .U32("ssm.time_step_rank", 1);
  }
  Family& Mamba2() {
    return U32("ssm.conv_kernel", 4)
        .U32("ssm.inner_size", 16)
        .U32("ssm.state_size", 3)
        .U32("ssm.time_step_rank", 8)
        .U32("ssm.group_count", 2);
  }
  const std::string& architecture() const { return architecture_; }
  const GgufWriter& writer() const { return writer_; }

 private:
  std::string architecture_;
  GgufWriter writer_;
};

}  // namespace

std::map<std::string, GgufWriter> FamilyGgufs() {
  std::map<std::string, GgufWriter> families;
  const auto add = [&families](const Family& family) {
    families.emplace(family.architecture(), family.writer());
  };
  add(Family("llama", 2).Heads());
  add(Family("deci", 3)
          .U32s("attention.head_count", {4, 0, 4})
          .U32s("attention.head_count_kv", {2, 0, 1}));
  add(Family("gemma2", 4).Heads());
  add(Family("gemma3", 7).Heads().Window(16));
  add(Family("gemma3n", 22).Heads().Window(16));
  add(Family("gemma4", 4)
          .U32("attention.head_count", 4)
          .U32s("attention.head_count_kv", {2, 1, 2, 1})
          .Window(16)
          .Flags("attention.sliding_window_pattern", {true, false, true, false})
          .U32("attention.shared_kv_layers", 1)
          .U32("attention.key_length", 8)
          .U32("attention.value_length", 8)
          .U32("attention.key_length_swa", 4)
          .U32("attention.value_length_swa", 4));
  add(Family("gpt-oss", 4)
          .Heads()
          .Window(16)
          .U32("expert_count", 8)
          .U32("expert_used_count", 2));
  add(Family("llama4", 5).Heads());
  add(Family("cohere2moe", 5).Heads().Window(16));
  add(Family("exaone4", 2).Heads().Window(16));
  add(Family("glm4moe", 3).Heads().U32("nextn_predict_layers", 1));
  add(Family("deepseek2", 2).Latent().U32("attention.head_count_kv", 1));
  add(Family("deepseek32", 3)
          .Latent()
          .U32("attention.head_count_kv", 1)
          .U32("attention.indexer.key_length", 16)
          .U32("nextn_predict_layers", 1));
  add(Family("glm-dsa", 2)
          .Latent()
          .U32("attention.head_count_kv", 1)
          .U32("attention.indexer.key_length", 16)
          .U32s("attention.indexer.types", {1, 0}));
  add(Family("deepseek4", 3)
          .U32("attention.head_count", 4)
          .U32("attention.head_count_kv", 1)
          .U32("attention.key_length", 8)
          .U32("attention.value_length", 8)
          .U32("rope.dimension_count", 2)
          .Window(16)
          .U32("attention.indexer.key_length", 16)
          .U32s("attention.compress_ratios", {0, 4, 128}));
  add(Family("mamba", 2).U32("attention.head_count", 0).Mamba1());
  add(Family("mamba2", 2).U32("attention.head_count", 0).Mamba2());
  add(Family("jamba", 2)
          .U32("attention.head_count", 4)
          .U32s("attention.head_count_kv", {0, 2})
          .Mamba1());
  add(Family("granitehybrid", 2)
          .U32("attention.head_count", 4)
          .U32s("attention.head_count_kv", {0, 2})
          .Mamba2());
  add(Family("nemotron_h", 3)
          .U32("attention.head_count", 4)
          .U32s("attention.head_count_kv", {0, 0, 2})
          .U32s("feed_forward_length", {0, 32, 0})
          .Mamba2());
  add(Family("falcon-h1", 2).Heads().Mamba2());
  add(Family("qwen3next", 5).Heads().Mamba2());
  add(Family("kimi-linear", 2)
          .Latent()
          .U32s("attention.head_count_kv", {0, 1})
          .U32("ssm.conv_kernel", 4)
          .U32("kda.head_dim", 2));
  return families;
}

}  // namespace governor
