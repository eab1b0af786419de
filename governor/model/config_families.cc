#include "governor/model/config_families.h"

#include <algorithm>
#include <iterator>

#include "governor/model/deepseek_config.h"
#include "governor/model/encoder_decoder_config.h"
#include "governor/model/gemma_config.h"
#include "governor/model/hybrid_config.h"
#include "governor/model/llama_config.h"

namespace governor {
namespace {

constexpr DecoderNames kGptNames = {
    .layers = "n_layer", .hidden = "n_embd", .query_heads = "n_head"};
constexpr DecoderNames kFalconNames = {.kv_heads = "num_kv_heads"};
constexpr DecoderNames kChatGlmNames = {.layers = "num_layers",
                                        .kv_heads = "multi_query_group_num",
                                        .head_size = "kv_channels"};
constexpr DecoderNames kBartNames = {.layers = "decoder_layers",
                                     .hidden = "d_model",
                                     .query_heads = "decoder_attention_heads"};

constexpr absl::string_view kBlockConfigs =
    "each of its layers has heads of its own (block_configs), which are not "
    "read yet";
constexpr absl::string_view kCrossLayers =
    "its cross_attention_layers over image tokens are not planned yet";

constexpr ConfigFamily kFamilies[] = {
    {.model_type = "apertus", .read = ReadAttentionLayers},
    {.model_type = "arcee", .read = ReadAttentionLayers},
    {.model_type = "bailing_moe", .read = ReadAttentionLayers},
    {.model_type = "bailing_moe_v2",
     .read = ReadAttentionLayers,
     .drafts = true},
    {.model_type = "bamba", .read = ReadGraniteHybridLayers},
    {.model_type = "bart",
     .read = ReadEncoderDecoderLayers,
     .names = kBartNames},
    {.model_type = "chatglm",
     .read = ReadAttentionLayers,
     .names = kChatGlmNames},
    {.model_type = "cohere", .read = ReadAttentionLayers},
    {.model_type = "cohere2", .read = ReadAttentionLayers, .full_every = 4},
    {.model_type = "deepseek", .read = ReadAttentionLayers},
    {.model_type = "deepseek_v2", .read = ReadLatentLayers},
    {.model_type = "deepseek_v3", .read = ReadLatentLayers},
    {.model_type = "deepseek_v32", .read = ReadLatentLayers},
    {.model_type = "deepseek_v4", .read = ReadCompressedLayers},
    {.model_type = "dots1",
     .read = ReadAttentionLayers,
     .window_on_request = true},
    {.model_type = "ernie4_5", .read = ReadAttentionLayers},
    {.model_type = "ernie4_5_moe", .read = ReadAttentionLayers, .drafts = true},
    {.model_type = "exaone4", .read = ReadAttentionLayers, .full_every = 4},
    {.model_type = "falcon",
     .read = ReadAttentionLayers,
     .names = kFalconNames,
     .multi_query = true},
    {.model_type = "falcon_h1", .read = ReadFalconH1Layers},
    {.model_type = "falcon_mamba", .read = ReadMamba1Layers},
    {.model_type = "gemma", .read = ReadAttentionLayers, .head_size = 256},
    {.model_type = "gemma2",
     .read = ReadAttentionLayers,
     .head_size = 256,
     .window = 4096,
     .full_every = 2},
    {.model_type = "gemma3_text",
     .read = ReadAttentionLayers,
     .query_heads = 8,
     .kv_heads = 4,
     .head_size = 256,
     .window = 4096,
     .full_every = 6},
    {.model_type = "gemma3n_text",
     .read = ReadGemmaLayers,
     .query_heads = 8,
     .kv_heads = 2,
     .head_size = 256,
     .window = 512,
     .full_every = 5},
    {.model_type = "gemma4_text", .read = ReadGemmaLayers, .head_size = 256},
    {.model_type = "glm", .read = ReadAttentionLayers, .head_size = 128},
    {.model_type = "glm4", .read = ReadAttentionLayers, .head_size = 128},
    {.model_type = "glm4_moe", .read = ReadAttentionLayers, .drafts = true},
    {.model_type = "glm4_moe_lite", .read = ReadLatentLayers},
    {.model_type = "glm4v_moe_text", .read = ReadAttentionLayers},
    {.model_type = "glm4v_text", .read = ReadAttentionLayers},
    {.model_type = "glm_moe_dsa", .read = ReadLatentLayers},
    {.model_type = "gpt2", .read = ReadAttentionLayers, .names = kGptNames},
    {.model_type = "gpt_bigcode",
     .read = ReadAttentionLayers,
     .names = kGptNames,
     .multi_query = true},
    {.model_type = "gpt_neox", .read = ReadAttentionLayers},
    {.model_type = "gpt_oss",
     .read = ReadAttentionLayers,
     .head_size = 64,
     .window = 128,
     .full_every = 2},
    {.model_type = "gptj", .read = ReadAttentionLayers, .names = kGptNames},
    {.model_type = "granite", .read = ReadAttentionLayers},
    {.model_type = "granitemoe", .read = ReadAttentionLayers},
    {.model_type = "granitemoehybrid", .read = ReadGraniteHybridLayers},
    {.model_type = "granitemoeshared", .read = ReadAttentionLayers},
    {.model_type = "helium", .read = ReadAttentionLayers, .head_size = 128},
    {.model_type = "hunyuan_v1_dense", .read = ReadAttentionLayers},
    {.model_type = "internlm2", .read = ReadAttentionLayers},
    {.model_type = "internlm3", .read = ReadAttentionLayers},
    {.model_type = "jamba", .read = ReadJambaLayers},
    {.model_type = "kimi_k2", .read = ReadLatentLayers},
    {.model_type = "kimi_linear", .read = ReadKimiLinearLayers},
    {.model_type = "llama", .read = ReadAttentionLayers},
    {.model_type = "llama4_text", .read = ReadChunkedLayers, .head_size = 128},
    {.model_type = "mamba", .read = ReadMamba1Layers},
    {.model_type = "mamba2", .read = ReadMamba2Layers},
    {.model_type = "mbart",
     .read = ReadEncoderDecoderLayers,
     .names = kBartNames},
    {.model_type = "mimo",
     .read = ReadAttentionLayers,
     .window_on_request = true,
     .drafts = true},
    {.model_type = "mimo_v2_flash", .read = ReadMimoLayers},
    {.model_type = "minicpm", .read = ReadAttentionLayers},
    {.model_type = "minimax_m2", .read = ReadAttentionLayers},
    {.model_type = "minimax_m3", .read = ReadMiniMaxSparseLayers},
    {.model_type = "minimax_m3_text", .read = ReadMiniMaxSparseLayers},
    {.model_type = "minimax_m3_vl", .read = ReadMiniMaxSparseLayers},
    {.model_type = "ministral3", .read = ReadAttentionLayers},
    {.model_type = "mistral",
     .read = ReadAttentionLayers,
     .query_heads = 32,
     .kv_heads = 8},
    {.model_type = "mixtral", .read = ReadAttentionLayers},
    {.model_type = "mllama", .refusal = kCrossLayers},
    {.model_type = "mllama_text_model", .refusal = kCrossLayers},
    {.model_type = "nemotron", .read = ReadAttentionLayers},
    {.model_type = "nemotron-nas", .refusal = kBlockConfigs},
    {.model_type = "nemotron_h", .read = ReadNemotronHLayers, .head_size = 128},
    {.model_type = "olmo", .read = ReadAttentionLayers},
    {.model_type = "olmo2", .read = ReadAttentionLayers},
    {.model_type = "olmo3", .read = ReadAttentionLayers, .full_every = 4},
    {.model_type = "olmoe", .read = ReadAttentionLayers},
    {.model_type = "opt", .read = ReadAttentionLayers},
    {.model_type = "phi", .read = ReadAttentionLayers},
    {.model_type = "phi3", .read = ReadAttentionLayers},
    {.model_type = "phimoe", .read = ReadAttentionLayers},
    {.model_type = "qwen2",
     .read = ReadAttentionLayers,
     .window_on_request = true},
    {.model_type = "qwen2_5_vl_text",
     .read = ReadAttentionLayers,
     .window_on_request = true},
    {.model_type = "qwen2_moe",
     .read = ReadAttentionLayers,
     .window_on_request = true},
    {.model_type = "qwen2_vl_text",
     .read = ReadAttentionLayers,
     .window_on_request = true},
    {.model_type = "qwen3",
     .read = ReadAttentionLayers,
     .head_size = 128,
     .window_on_request = true},
    {.model_type = "qwen3_5_moe_text",
     .read = ReadDeltaNetLayers,
     .head_size = 256,
     .full_every = 4,
     .float32_state = true},
    {.model_type = "qwen3_5_text",
     .read = ReadDeltaNetLayers,
     .head_size = 256,
     .full_every = 4,
     .float32_state = true},
    {.model_type = "qwen3_moe",
     .read = ReadAttentionLayers,
     .window_on_request = true},
    {.model_type = "qwen3_next",
     .read = ReadDeltaNetLayers,
     .head_size = 256,
     .full_every = 4},
    {.model_type = "qwen3_vl_moe_text",
     .read = ReadAttentionLayers,
     .window_on_request = true},
    {.model_type = "qwen3_vl_text",
     .read = ReadAttentionLayers,
     .head_size = 128,
     .window_on_request = true},
    {.model_type = "seed_oss", .read = ReadAttentionLayers, .head_size = 128},
    {.model_type = "smollm3",
     .read = ReadAttentionLayers,
     .window_on_request = true},
    {.model_type = "stablelm", .read = ReadAttentionLayers},
    {.model_type = "starcoder2", .read = ReadAttentionLayers},
    {.model_type = "whisper",
     .read = ReadEncoderDecoderLayers,
     .names = kBartNames},
};
static_assert(std::is_sorted(std::begin(kFamilies), std::end(kFamilies),
                             [](const ConfigFamily& a, const ConfigFamily& b) {
                               return a.model_type < b.model_type;
                             }));

}  // namespace

absl::Span<const ConfigFamily> ConfigFamilies() { return kFamilies; }

const ConfigFamily* FindConfigFamily(absl::string_view model_type) {
  const auto* found = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                   [model_type](const ConfigFamily& family) {
                                     return family.model_type == model_type;
                                   });
  return found == std::end(kFamilies) ? nullptr : found;
}

}  // namespace governor
