#ifndef GOVERNOR_MODEL_CONFIG_NAMES_H_
#define GOVERNOR_MODEL_CONFIG_NAMES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "absl/strings/string_view.h"

namespace governor {

// The fields of a config.json that anyone here reads, sorted. All others are
// skipped while reading, whatever they hold.
inline constexpr absl::string_view kConfigNames[] = {
    "_name_or_path",
    "architectures",
    "attention_chunk_size",
    "attention_k_eq_v",
    "attn_layer_indices",
    "attn_layer_offset",
    "attn_layer_period",
    "block_configs",
    "compress_ratios",
    "conv_kernel",
    "d_model",
    "decoder_attention_heads",
    "decoder_layers",
    "dtype",
    "expand",
    "full_attention_interval",
    "global_head_dim",
    "head_dim",
    "hidden_size",
    "hybrid_layer_pattern",
    "hybrid_override_pattern",
    "index_head_dim",
    "intermediate_size",
    "kda_layers",
    "kv_cache_quant_algo",
    "kv_cache_scheme",
    "kv_channels",
    "kv_lora_rank",
    "language_config",
    "layer_types",
    "layers_block_type",
    "linear_attn_config",
    "linear_conv_kernel_dim",
    "linear_key_head_dim",
    "linear_num_key_heads",
    "linear_num_value_heads",
    "linear_value_head_dim",
    "llm_config",
    "mamba_d_conv",
    "mamba_d_head",
    "mamba_d_ssm",
    "mamba_d_state",
    "mamba_expand",
    "mamba_head_dim",
    "mamba_n_groups",
    "mamba_n_heads",
    "mamba_num_heads",
    "mamba_ssm_cache_dtype",
    "mamba_ssm_dtype",
    "max_position_embeddings",
    "max_sequence_length",
    "max_source_positions",
    "max_target_positions",
    "max_window_layers",
    "model_max_length",
    "model_type",
    "moe_k",
    "moe_num_experts",
    "moe_topk",
    "mtp_hybrid_override_pattern",
    "mtp_num_hidden_layers",
    "multi_query",
    "multi_query_group_num",
    "n_embd",
    "n_groups",
    "n_head",
    "n_layer",
    "n_positions",
    "n_routed_experts",
    "new_decoder_architecture",
    "no_rope_layer_interval",
    "no_rope_layers",
    "num_attention_heads",
    "num_experts",
    "num_experts_per_tok",
    "num_experts_per_token",
    "num_global_key_value_heads",
    "num_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "num_kv_heads",
    "num_kv_shared_layers",
    "num_layers",
    "num_local_experts",
    "num_nextn_predict_layers",
    "padded_vocab_size",
    "qk_rope_head_dim",
    "quant_method",
    "quantization_config",
    "seq_length",
    "short_conv_kernel_size",
    "sliding_window",
    "sliding_window_pattern",
    "sliding_window_size",
    "sparse_attention_config",
    "sparse_attention_freq",
    "sparse_index_dim",
    "ssm_state_size",
    "state_size",
    "swa_head_dim",
    "swa_num_attention_heads",
    "swa_num_key_value_heads",
    "swa_v_head_dim",
    "text_config",
    "thinker_config",
    "tie_word_embeddings",
    "top_k_experts",
    "torch_dtype",
    "use_sliding_window",
    "use_sparse_attention",
    "v_head_dim",
    "vocab_size",
};
static_assert(std::is_sorted(std::begin(kConfigNames), std::end(kConfigNames)));

// The place of `name` in kConfigNames; -1: not there.
constexpr int ConfigNameIndex(absl::string_view name) {
  const auto* found =
      std::lower_bound(std::begin(kConfigNames), std::end(kConfigNames), name);
  if (found == std::end(kConfigNames) || *found != name) return -1;
  return static_cast<int>(found - std::begin(kConfigNames));
}

// One of kConfigNames. A literal that is none of them does not compile, so that
// no field can be asked for that reading skips.
class ConfigName {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): so that literals can be passed
  consteval ConfigName(const char* name)
      : index_(static_cast<uint16_t>(Checked(ConfigNameIndex(name)))) {}

  constexpr uint16_t index() const { return index_; }
  constexpr absl::string_view text() const { return kConfigNames[index_]; }

 private:
  static consteval int Checked(int index) {
    return index >= 0 ? index : throw "no such name in kConfigNames";
  }

  uint16_t index_;
};

}  // namespace governor

#endif  // GOVERNOR_MODEL_CONFIG_NAMES_H_
