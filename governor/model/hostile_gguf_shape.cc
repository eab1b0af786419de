#include "governor/model/hostile_gguf_shape.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/model/family_ggufs.h"
#include "governor/model/gguf_writer.h"

namespace governor {
namespace {

constexpr absl::StatusCode kBad = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kUnknown = absl::StatusCode::kUnimplemented;

// One field of a right model replaced by a number.
struct Number {
  std::string name;
  std::string architecture;
  std::string field;
  uint32_t value;
  absl::StatusCode code;
  std::string message;
};

// One field replaced by an array.
struct Numbers {
  std::string name;
  std::string architecture;
  std::string field;
  std::vector<uint32_t> values;
  absl::StatusCode code;
  std::string message;
};

std::vector<Number> NumberCases() {
  return {
      {"shape_window_0", "gpt-oss", "attention.sliding_window", 0, kBad,
       "sliding_window is 0"},
      {"shape_pattern_0", "gemma3", "attention.sliding_window_pattern", 0, kBad,
       "sliding_window_pattern is 0"},
      {"shape_pattern_above_layers", "gemma3",
       "attention.sliding_window_pattern", 8, kBad,
       "sliding_window_pattern is 8"},
      {"shape_shared_all", "gemma4", "attention.shared_kv_layers", 4, kBad,
       "shared_kv_layers is 4"},
      {"shape_conv_kernel_0", "mamba", "ssm.conv_kernel", 0, kBad,
       "ssm.conv_kernel is 0"},
      {"shape_state_size_0", "mamba2", "ssm.state_size", 0, kBad,
       "ssm.state_size is 0"},
      {"shape_state_heads_uneven", "mamba2", "ssm.time_step_rank", 7, kBad,
       "ssm.time_step_rank 7"},
      {"shape_kv_lora_rank_0", "deepseek2", "attention.kv_lora_rank", 0, kBad,
       "kv_lora_rank is 0"},
      {"shape_kv_lora_rank_of_key", "deepseek2", "attention.kv_lora_rank", 8,
       kBad, "must be above"},
      {"shape_kv_lora_rank_max", "deepseek2", "attention.kv_lora_rank",
       UINT32_MAX, kBad, "kv_lora_rank 4294967295"},
      {"shape_mla_half", "deepseek2", "attention.key_length_mla", 0, kBad,
       "key_length_mla is 0"},
      {"shape_indexer_0", "deepseek32", "attention.indexer.key_length", 0, kBad,
       "indexer.key_length is 0"},
      {"shape_kda_head_0", "kimi-linear", "kda.head_dim", 0, kBad,
       "kda.head_dim is 0"},
      {"shape_drafts_all", "glm4moe", "nextn_predict_layers", 3, kBad,
       "nextn_predict_layers is 3"},
      {"shape_drafts_max", "glm4moe", "nextn_predict_layers", UINT32_MAX, kBad,
       "nextn_predict_layers is 4294967295"},
      {"shape_layers_max", "mamba", "block_count", UINT32_MAX, kBad,
       "block_count is 4294967295"},
      {"shape_interval_0", "qwen3next", "full_attention_interval", 0, kBad,
       "full_attention_interval is 0"},
      {"shape_experts_used_0", "gpt-oss", "expert_used_count", 0, kBad,
       "expert_used_count is 0"},
      {"shape_experts_used_max", "gpt-oss", "expert_used_count", UINT32_MAX,
       kBad, "expert_used_count is 4294967295"},
      {"shape_ratio_no_array", "deepseek4", "attention.compress_ratios", 4,
       kBad, "compress_ratios must be an array"},
  };
}

std::vector<Numbers> ArrayCases() {
  return {
      {"shape_heads_too_few",
       "jamba",
       "attention.head_count_kv",
       {0},
       kBad,
       "array of 1 uint32"},
      {"shape_heads_too_many",
       "jamba",
       "attention.head_count_kv",
       {0, 2, 0},
       kBad,
       "array of 3 uint32"},
      {"shape_heads_none",
       "jamba",
       "attention.head_count_kv",
       {},
       kBad,
       "array of 0 uint32"},
      {"shape_pattern_short",
       "gemma4",
       "attention.sliding_window_pattern",
       {1, 0},
       kBad,
       "array of 2 uint32"},
      {"shape_pattern_no_flag",
       "gemma4",
       "attention.sliding_window_pattern",
       {1, 0, 2, 0},
       kBad,
       "sliding_window_pattern[2] is 2"},
      {"shape_feed_forward_short",
       "nemotron_h",
       "feed_forward_length",
       {0, 32},
       kBad,
       "array of 2 uint32"},
      {"shape_recurrent_long",
       "qwen3next",
       "attention.recurrent_layers",
       {1, 1, 1, 0, 1, 1},
       kBad,
       "array of 6 uint32"},
      {"shape_indexer_types_long",
       "glm-dsa",
       "attention.indexer.types",
       {1, 0, 1},
       kBad,
       "array of 3 uint32"},
      {"shape_ratio_unknown",
       "deepseek4",
       "attention.compress_ratios",
       {0, 4, 5},
       kUnknown,
       "compress_ratios[2] is 5"},
      {"shape_experts_used_short",
       "gpt-oss",
       "expert_used_count",
       {2, 2},
       kBad,
       "array of 2 uint32"},
  };
}

}  // namespace

std::vector<HostileGguf> HostileGgufShapes() {
  std::vector<HostileGguf> cases;
  std::map<std::string, GgufWriter> families = FamilyGgufs();
  for (const Number& c : NumberCases()) {
    const std::string key = absl::StrCat(c.architecture, ".", c.field);
    GgufWriter writer = families.at(c.architecture);
    cases.push_back({c.name, writer.Remove(key).SetU32(key, c.value).Write(),
                     c.code, c.message});
  }
  for (const Numbers& c : ArrayCases()) {
    const std::string key = absl::StrCat(c.architecture, ".", c.field);
    GgufWriter writer = families.at(c.architecture);
    cases.push_back({c.name, writer.Remove(key).SetU32s(key, c.values).Write(),
                     c.code, c.message});
  }
  GgufWriter part = families.at("llama");
  cases.push_back({"shape_split_part", part.SetU32("split.count", 3).Write(),
                   kUnknown, "split.count is 3"});
  part = families.at("llama");
  cases.push_back({"shape_split_count_text",
                   part.SetString("split.count", "3").Write(), kUnknown,
                   "split.count is '3'"});
  return cases;
}

}  // namespace governor
