#include "governor/kv_spec_json.h"

#include <variant>

namespace governor {
namespace {

using Json = nlohmann::ordered_json;

Json WithHeads(const char* kind, const AttentionHeads& heads) {
  return {{"kind", kind},
          {"query_heads", heads.query_heads},
          {"kv_heads", heads.kv_heads},
          {"head_size_k", heads.head_size_k},
          {"head_size_v", heads.head_size_v}};
}

Json With(Json json, const char* key, uint64_t value) {
  json[key] = value;
  return json;
}

Json WithDtype(Json json, StateDtype dtype) {
  switch (dtype) {
    case StateDtype::kUnsaid:
      break;
    case StateDtype::kFloat32:
      json["dtype"] = "float32";
      break;
    case StateDtype::kBfloat16:
      json["dtype"] = "bfloat16";
      break;
    case StateDtype::kFloat16:
      json["dtype"] = "float16";
      break;
  }
  return json;
}

struct SpecToJson {
  Json operator()(const FullAttention& spec) const {
    return WithHeads("full", spec.heads);
  }
  Json operator()(const SlidingWindow& spec) const {
    return With(WithHeads("sliding", spec.heads), "window", spec.window);
  }
  Json operator()(const ChunkedAttention& spec) const {
    return With(WithHeads("chunked", spec.heads), "chunk", spec.chunk);
  }
  Json operator()(const CrossAttention& spec) const {
    return With(WithHeads("cross", spec.heads), "source_tokens",
                spec.source_tokens);
  }
  Json operator()(const LatentAttention& spec) const {
    return {{"kind", "latent"},
            {"query_heads", spec.query_heads},
            {"rank", spec.rank},
            {"rope_size", spec.rope_size},
            {"sparse", spec.sparse}};
  }
  Json operator()(const SparseIndexer& spec) const {
    return {{"kind", "indexer"},
            {"head_size", spec.head_size},
            {"storage", spec.storage == SparseIndexer::Storage::kFp8WithScales
                            ? "fp8_with_scales"
                            : "compute_dtype"}};
  }
  Json operator()(const CompressedLatent& spec) const {
    return {{"kind", "compressed_latent"},
            {"head_size", spec.head_size},
            {"rope_size", spec.rope_size},
            {"window", spec.window},
            {"compress_ratio", spec.compress_ratio},
            {"index_head_size", spec.index_head_size}};
  }
  Json operator()(const Mamba1State& spec) const {
    return WithDtype({{"kind", "mamba1"},
                      {"inner_size", spec.inner_size},
                      {"state_size", spec.state_size},
                      {"conv_kernel", spec.conv_kernel}},
                     spec.dtype);
  }
  Json operator()(const Mamba2State& spec) const {
    return WithDtype({{"kind", "mamba2"},
                      {"heads", spec.heads},
                      {"head_size", spec.head_size},
                      {"state_size", spec.state_size},
                      {"groups", spec.groups},
                      {"conv_kernel", spec.conv_kernel}},
                     spec.dtype);
  }
  Json operator()(const DeltaNetState& spec) const {
    return WithDtype({{"kind", "delta_net"},
                      {"key_heads", spec.key_heads},
                      {"value_heads", spec.value_heads},
                      {"key_head_size", spec.key_head_size},
                      {"value_head_size", spec.value_head_size},
                      {"conv_kernel", spec.conv_kernel}},
                     spec.dtype);
  }
  Json operator()(const KimiDeltaState& spec) const {
    return WithDtype({{"kind", "kimi_delta"},
                      {"heads", spec.heads},
                      {"head_size", spec.head_size},
                      {"conv_kernel", spec.conv_kernel}},
                     spec.dtype);
  }
};

}  // namespace

Json ToJson(const KvSpec& spec) { return std::visit(SpecToJson(), spec); }

}  // namespace governor
