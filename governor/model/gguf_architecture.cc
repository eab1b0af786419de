#include "governor/model/gguf_architecture.h"

namespace governor {
namespace {

using Memory = GgufMemory;
using Size = GgufWindows::Size;

constexpr GgufWindows Required(uint64_t period, bool full_first = false) {
  return {.size = Size::kRequired, .period = period, .full_first = full_first};
}

constexpr GgufWindows Optional(uint64_t period, bool full_first = false) {
  return {.size = Size::kOptional, .period = period, .full_first = full_first};
}

// Sorted by kind, then by name. Left out on purpose: encoders and diffusion
// models, which keep nothing; RWKV, LFM2 and MiniMax-01, whose states are none
// of kv_spec.h; and what llama.cpp computes in ways of its own (plamo, plm,
// hrm_text, graniteswitch, glm5-next, minimax-m3, qwen4exp, dots3note, hy_v4).
constexpr GgufArchitecture kArchitectures[] = {
    {"llama4",
     Memory::kHeads,
     {.size = Size::kFixed, .tokens = 8192, .period = 4, .chunked = true}},
    {"gemma2",
     Memory::kHeads,
     {.size = Size::kDefault, .tokens = 4096, .period = 2}},
    {"gemma3", Memory::kHeads, Optional(6)},
    {"gemma3n", Memory::kHeads, Required(5), GgufSharing::kAfter20},
    {"gemma4", Memory::kHeads, Required(0), GgufSharing::kDeclared},
    {"gpt-oss", Memory::kHeads, Required(2)},
    {"cohere2", Memory::kHeads, Required(4)},
    {"cohere2moe", Memory::kHeads, Required(4, /*full_first=*/true)},
    {"olmo2", Memory::kHeads, Optional(4)},
    {"exaone4",
     Memory::kHeads,
     {.size = Size::kDefault,
      .tokens = 4096,
      .period = 4,
      .only_with_layers = 64}},
    {"exaone-moe", Memory::kHeads, Required(4)},
    {"afmoe", Memory::kHeads, Optional(4)},
    {"granite_swa", Memory::kHeads, Required(0)},
    {"laguna", Memory::kHeads, Optional(4, /*full_first=*/true)},
    {"mellum", Memory::kHeads, Optional(4)},
    {"mimo2", Memory::kHeads, Required(0)},
    {"plamo3", Memory::kHeads, Optional(8)},
    {"step35", Memory::kHeads, Required(0)},

    {"deepseek2", Memory::kLatent},
    {"mistral4", Memory::kLatent},
    {"deepseek32", Memory::kSparseLatent},
    {"glm-dsa", Memory::kSparseLatent},
    {"deepseek4", Memory::kCompressedLatent},

    {"mamba", Memory::kMamba1},
    {"mamba2", Memory::kMamba2},
    {"falcon-h1", Memory::kHeadsAndMamba2},
    {"jamba", Memory::kHeadsOrMamba1},
    {"granitehybrid", Memory::kHeadsOrMamba2},
    {"nemotron_h", Memory::kHeadsOrMamba2OrNothing},
    {"nemotron_h_moe", Memory::kHeadsOrMamba2OrNothing},
    {"qwen3next", Memory::kHeadsOrDeltaNet},
    {"qwen35", Memory::kHeadsOrDeltaNet},
    {"qwen35moe", Memory::kHeadsOrDeltaNet},
    {"bailingmoe3", Memory::kLatentOrKimiDelta},
    {"kimi-linear", Memory::kLatentOrKimiDelta},
    {"kimi-k3", Memory::kLatentOrKimiDelta},

    {"deci", Memory::kHeadsOrNothing},

    {"apertus"},
    {"arcee"},
    {"arctic"},
    {"baichuan"},
    {"bailingmoe"},
    {"bailingmoe2"},
    {"bitnet"},
    {"bloom"},
    {"chameleon"},
    {"chatglm"},
    {"codeshell"},
    {"cogvlm"},
    {"command-r"},
    {"dbrx"},
    {"deepseek"},
    {"deepseek2-ocr"},
    {"dots1"},
    {"ernie4_5"},
    {"ernie4_5-moe"},
    {"exaone"},
    {"falcon"},
    {"gemma"},
    {"glm4"},
    {"glm4moe"},
    {"gpt2"},
    {"gptneox"},
    {"granite"},
    {"granitemoe"},
    {"grok"},
    {"grovemoe"},
    {"hunyuan-dense"},
    {"hunyuan-moe"},
    {"hunyuan_vl"},
    {"hy_v3"},
    {"internlm2"},
    {"jais"},
    {"jais2"},
    {"llama"},
    {"maincoder"},
    {"minicpm"},
    {"minicpm3"},
    {"minimax-m2"},
    {"mistral3"},
    {"mpt"},
    {"nemotron"},
    {"olmo"},
    {"olmoe"},
    {"openelm"},
    {"orion"},
    {"paddleocr"},
    {"pangu-embedded"},
    {"phi2"},
    {"phi3"},
    {"phimoe"},
    {"qwen"},
    {"qwen2"},
    {"qwen2moe"},
    {"qwen2vl"},
    {"qwen3"},
    {"qwen3moe"},
    {"qwen3vl"},
    {"qwen3vlmoe"},
    {"refact"},
    {"seed_oss"},
    {"smollm3"},
    {"stablelm"},
    {"starcoder"},
    {"starcoder2"},
    {"xverse"},
};

}  // namespace

absl::Span<const GgufArchitecture> GgufArchitectures() {
  return kArchitectures;
}

const GgufArchitecture* FindGgufArchitecture(absl::string_view name) {
  for (const GgufArchitecture& architecture : kArchitectures) {
    if (architecture.name == name) return &architecture;
  }
  return nullptr;
}

}  // namespace governor
