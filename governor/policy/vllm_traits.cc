#include "governor/policy/vllm_traits.h"

#include <string>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace governor {
namespace {

// Beyond what FlashAttention 2 and 3 take.
constexpr uint64_t kWideHead = 512;

// Files spell an architecture as `gpt_oss`, `gpt-oss` or `GptOssForCausalLM`.
std::string Squeezed(absl::string_view architecture) {
  std::string result;
  for (const char c : architecture) {
    if (absl::ascii_isalnum(c)) result.push_back(absl::ascii_tolower(c));
  }
  return result;
}

struct Look {
  VllmTraits& traits;

  void Heads(const AttentionHeads& heads) const {
    traits.attention = true;
    traits.wide_heads = traits.wide_heads || heads.head_size_k >= kWideHead;
  }
  void operator()(const FullAttention& spec) const { Heads(spec.heads); }
  void Windows(const AttentionHeads& heads) const {
    traits.windows = true;
    Heads(heads);
  }
  void operator()(const SlidingWindow& spec) const { Windows(spec.heads); }
  void operator()(const ChunkedAttention& spec) const { Windows(spec.heads); }
  void operator()(const CrossAttention& spec) const { Windows(spec.heads); }
  void operator()(const LatentAttention& spec) const {
    traits.attention = traits.latent = true;
    traits.sparse = traits.sparse || spec.sparse;
  }
  void operator()(const SparseIndexer& spec) const {
    traits.attention = true;
    if (spec.storage == SparseIndexer::Storage::kComputeDtype) {
      traits.plain_indexer = true;
    }
  }
  void operator()(const CompressedLatent&) const {
    traits.attention = traits.compressed = traits.windows = true;
  }
  void operator()(const Mamba1State&) const { traits.state = true; }
  void operator()(const Mamba2State&) const { traits.state = true; }
  void operator()(const DeltaNetState&) const { traits.state = true; }
  void operator()(const KimiDeltaState&) const { traits.state = true; }
};

}  // namespace

VllmTraits TraitsOf(const ModelShape& model) {
  VllmTraits traits;
  for (const LayerShape& layer : model.layers) {
    for (const KvSpec& spec : layer.kv) std::visit(Look{traits}, spec);
  }
  // vLLM serves float32 models in bfloat16.
  if (model.compute_dtype == "float16") traits.compute = KvDtype::kFp16;
  const std::string name = Squeezed(model.architecture);
  traits.sinks = absl::StartsWith(name, "gptoss");
  traits.glm = absl::StartsWith(name, "glm") && traits.sparse;
  traits.float32_state =
      absl::StartsWith(name, "nemotronh") || absl::StartsWith(name, "qwen35");
  traits.widened_window = absl::StartsWith(name, "cohere2");
  return traits;
}

}  // namespace governor
