#include "tests/fuzz/hf_config_corpus.h"

#include "governor/model/config_text.h"
#include "governor/model/hostile_config.h"

namespace governor {
namespace {

constexpr size_t kMaxFile = 4096;

const char kAlternating[] =
    R"(["sliding_attention", "full_attention", "sliding_attention",
 "full_attention"])";

std::map<std::string, std::string> Attention() {
  return {
      {"valid_llama", SmallConfig("llama").Write()},
      {"valid_quantized_cache",
       SmallConfig("llama", {{"quantization_config",
                              R"({"quant_method": "modelopt",
 "kv_cache_quant_algo": "FP8", "kv_cache_scheme": {"num_bits": 8}})"}})
           .Write()},
      {"valid_mistral",
       SmallConfig("mistral", {{"sliding_window", "128"}}).Write()},
      {"valid_qwen2", SmallConfig("qwen2", {{"sliding_window", "128"},
                                            {"use_sliding_window", "true"},
                                            {"max_window_layers", "2"}})
                          .Write()},
      {"valid_gemma3",
       SmallConfig("gemma3_text", {{"sliding_window_pattern", "2"}}).Write()},
      {"valid_gemma4",
       SmallConfig("gemma4_text", {{"layer_types", kAlternating},
                                   {"sliding_window", "128"},
                                   {"global_head_dim", "32"},
                                   {"num_global_key_value_heads", "1"},
                                   {"num_kv_shared_layers", "1"}})
           .Write()},
      {"valid_gpt2",
       R"({"model_type": "gpt2", "n_layer": 2, "n_head": 4, "n_embd": 64})"},
      {"valid_falcon",
       SmallConfig("falcon", {{"multi_query", "true"}}).Write()},
      {"valid_llama4",
       SmallConfig("llama4_text", {{"attention_chunk_size", "64"},
                                   {"no_rope_layers", "[1, 1, 1, 0]"}})
           .Write()},
      {"valid_minimax_m3",
       SmallConfig("minimax_m3_text", {{"sparse_attention_config",
                                        R"({"sparse_index_dim": 128,
 "sparse_attention_freq": [0, 1, 1, 1]})"}})
           .Write()},
      {"valid_mimo_v2",
       SmallConfig("mimo_v2_flash", {{"v_head_dim", "8"},
                                     {"swa_num_attention_heads", "4"},
                                     {"swa_num_key_value_heads", "4"},
                                     {"swa_head_dim", "12"},
                                     {"sliding_window_size", "128"},
                                     {"hybrid_layer_pattern", "[0, 1, 1, 0]"}})
           .Write()},
      {"valid_deepseek_v32",
       SmallConfig("deepseek_v32", {{"kv_lora_rank", "64"},
                                    {"qk_rope_head_dim", "16"},
                                    {"index_head_dim", "128"},
                                    {"num_nextn_predict_layers", "1"}})
           .Write()},
      {"valid_deepseek_v4",
       SmallConfig("deepseek_v4", {{"head_dim", "512"},
                                   {"qk_rope_head_dim", "64"},
                                   {"sliding_window", "128"},
                                   {"index_head_dim", "128"},
                                   {"compress_ratios", "[0, 4, 128, 4]"}})
           .Write()},
      {"valid_whisper",
       R"({"model_type": "whisper", "d_model": 64, "decoder_layers": 2,
 "decoder_attention_heads": 4, "max_source_positions": 15,
 "max_target_positions": 4})"},
      {"valid_towers",
       R"({"model_type": "pixtral", "vision_config": {"hidden_size": 7},
 "text_config": {"model_type": "mistral", "num_hidden_layers": 2,
 "head_dim": 8}})"},
  };
}

std::map<std::string, std::string> Hybrids() {
  return {
      {"valid_qwen3_5",
       SmallConfig("qwen3_5_text", {{"linear_num_key_heads", "2"},
                                    {"linear_num_value_heads", "4"},
                                    {"linear_key_head_dim", "8"},
                                    {"linear_value_head_dim", "16"},
                                    {"linear_conv_kernel_dim", "4"},
                                    {"mamba_ssm_dtype", "\"float32\""}})
           .Write()},
      {"valid_kimi_linear",
       SmallConfig("kimi_linear", {{"kv_lora_rank", "64"},
                                   {"qk_rope_head_dim", "16"},
                                   {"linear_attn_config",
                                    R"({"num_heads": 4, "head_dim": 16,
 "short_conv_kernel_size": 4, "kda_layers": [1, 2, 4]})"}})
           .Write()},
      {"valid_mamba",
       R"({"model_type": "mamba", "num_hidden_layers": 2, "hidden_size": 64,
 "expand": 2, "state_size": 16, "conv_kernel": 4})"},
      {"valid_mamba2",
       R"({"model_type": "mamba2", "num_hidden_layers": 2, "hidden_size": 64,
 "expand": 2, "num_heads": 8, "head_dim": 16, "n_groups": 2, "state_size": 32,
 "conv_kernel": 4})"},
      {"valid_jamba", SmallConfig("jamba", {{"mamba_d_state", "16"},
                                            {"mamba_d_conv", "4"},
                                            {"mamba_expand", "2"},
                                            {"attn_layer_period", "3"},
                                            {"attn_layer_offset", "1"}})
                          .Write()},
      {"valid_nemotron_h",
       SmallConfig("nemotron_h", {{"mamba_num_heads", "8"},
                                  {"mamba_head_dim", "16"},
                                  {"ssm_state_size", "32"},
                                  {"n_groups", "2"},
                                  {"conv_kernel", "4"},
                                  {"hybrid_override_pattern", "\"M-*E\""},
                                  {"num_nextn_predict_layers", "1"},
                                  {"mtp_hybrid_override_pattern", "\"*E\""}})
           .Write()},
      {"valid_bamba", SmallConfig("bamba", {{"mamba_n_heads", "8"},
                                            {"mamba_d_head", "\"auto\""},
                                            {"mamba_d_state", "32"},
                                            {"mamba_d_conv", "4"},
                                            {"mamba_expand", "2"},
                                            {"mamba_n_groups", "1"},
                                            {"attn_layer_indices", "[1]"}})
                          .Write()},
      {"bamba_groups", SmallConfig("bamba", {{"mamba_n_heads", "8"},
                                             {"mamba_d_head", "\"auto\""},
                                             {"mamba_d_state", "32"},
                                             {"mamba_d_conv", "4"},
                                             {"mamba_expand", "2"},
                                             {"mamba_n_groups", "9"},
                                             {"attn_layer_indices", "[1]"}})
                           .Write()},
      {"valid_falcon_h1", SmallConfig("falcon_h1", {{"mamba_n_heads", "8"},
                                                    {"mamba_d_head", "16"},
                                                    {"mamba_d_state", "32"},
                                                    {"mamba_d_conv", "4"},
                                                    {"mamba_d_ssm", "128"},
                                                    {"mamba_n_groups", "1"}})
                              .Write()},
  };
}

}  // namespace

std::map<std::string, std::string> HfConfigCorpus() {
  std::map<std::string, std::string> files = Attention();
  files.merge(Hybrids());
  for (const HostileConfig& hostile : HostileConfigs()) {
    if (hostile.text.size() <= kMaxFile) {
      files.emplace(hostile.name, hostile.text);
    }
  }
  return files;
}

}  // namespace governor
