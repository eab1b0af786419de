#include "governor/model/llama_config.h"

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "governor/base/status_macros.h"
#include "governor/model/decoder_config.h"
#include "governor/model/kv_spec.h"

namespace governor {

absl::Status ReadAttentionLayers(const ConfigFields& fields,
                                 const ConfigFamily& family,
                                 ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const AttentionHeads heads,
                            HeadsOf(fields, family, shape.notes));
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> window,
                            WindowOf(fields, family, shape.notes));
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<LayerKind> kinds,
                            WindowedLayers(fields, family, count, window));
  shape.layers.reserve(count);
  for (const LayerKind kind : kinds) {
    if (kind == LayerKind::kSliding) {
      shape.layers.push_back({.kv = {SlidingWindow{heads, *window}}});
    } else {
      shape.layers.push_back({.kv = {FullAttention{heads}}});
    }
  }
  if (!family.drafts) return absl::OkStatus();
  GOVERNOR_ASSIGN_OR_RETURN(
      const uint64_t drafts,
      DraftLayerCount(fields, "num_nextn_predict_layers", 0));
  AddDraftLayers(shape.layers.back(), drafts, shape);
  return absl::OkStatus();
}

absl::Status ReadChunkedLayers(const ConfigFields& fields,
                               const ConfigFamily& family, ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const AttentionHeads heads,
                            HeadsOf(fields, family, shape.notes));
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> chunk,
                            fields.CountIfThere("attention_chunk_size"));
  GOVERNOR_ASSIGN_OR_RETURN(
      std::vector<LayerKind> kinds,
      LayerTypes(fields, "layer_types", count,
                 {LayerKind::kFull, LayerKind::kChunked}));
  if (kinds.empty()) {
    GOVERNOR_ASSIGN_OR_RETURN(
        const std::optional<uint64_t> interval,
        fields.CountIfThere("no_rope_layer_interval", kMaxConfigLayers));
    // 1 for layers that do rotate. Published configs leave it empty where the
    // interval decides.
    GOVERNOR_ASSIGN_OR_RETURN(std::vector<uint64_t> rotates,
                              fields.Wholes("no_rope_layers"));
    if (!rotates.empty()) {
      GOVERNOR_ASSIGN_OR_RETURN(rotates,
                                WholePerLayer(fields, "no_rope_layers", count));
    }
    for (uint64_t i = 0; i < count; ++i) {
      const bool chunked = rotates.empty() ? (i + 1) % interval.value_or(4) != 0
                                           : rotates[i] > 0;
      kinds.push_back(chunked ? LayerKind::kChunked : LayerKind::kFull);
    }
  }
  shape.layers.reserve(count);
  for (const LayerKind kind : kinds) {
    if (kind == LayerKind::kChunked && chunk) {
      shape.layers.push_back({.kv = {ChunkedAttention{heads, *chunk}}});
    } else {
      shape.layers.push_back({.kv = {FullAttention{heads}}});
    }
  }
  return absl::OkStatus();
}

absl::Status ReadMiniMaxSparseLayers(const ConfigFields& fields,
                                     const ConfigFamily& family,
                                     ModelShape& shape) {
  GOVERNOR_RETURN_IF_ERROR(ReadAttentionLayers(fields, family, shape));
  const std::optional<ConfigFields> sparse =
      fields.Object("sparse_attention_config");
  if (!sparse) return fields.Missing("sparse_attention_config");
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<bool> use,
                            sparse->FlagIfThere("use_sparse_attention"));
  if (!use.value_or(true)) return absl::OkStatus();
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t head_size,
                            sparse->Count("sparse_index_dim"));
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::vector<uint64_t> is_sparse,
      WholePerLayer(*sparse, "sparse_attention_freq", shape.layers.size()));
  for (size_t i = 0; i < is_sparse.size(); ++i) {
    if (is_sparse[i] == 0) continue;
    shape.layers[i].kv.push_back(
        SparseIndexer{.head_size = head_size,
                      .storage = SparseIndexer::Storage::kComputeDtype});
  }
  return absl::OkStatus();
}

absl::Status ReadMimoLayers(const ConfigFields& fields,
                            const ConfigFamily& family, ModelShape& shape) {
  ConfigFamily sliding_family = family;
  sliding_family.names = {.query_heads = "swa_num_attention_heads",
                          .kv_heads = "swa_num_key_value_heads",
                          .head_size = "swa_head_dim"};
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::vector<uint64_t> slides,
      WholePerLayer(fields, "hybrid_layer_pattern", count));
  GOVERNOR_ASSIGN_OR_RETURN(AttentionHeads full,
                            HeadsOf(fields, family, shape.notes));
  GOVERNOR_ASSIGN_OR_RETURN(AttentionHeads sliding,
                            HeadsOf(fields, sliding_family, shape.notes));
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> full_v,
                            fields.CountIfThere("v_head_dim"));
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> sliding_v,
                            fields.CountIfThere("swa_v_head_dim"));
  full.head_size_v = full_v.value_or(full.head_size_k);
  sliding.head_size_v = sliding_v.value_or(sliding.head_size_k);
  GOVERNOR_ASSIGN_OR_RETURN(std::optional<uint64_t> window,
                            fields.CountIfThere("sliding_window_size"));
  if (!window) {
    GOVERNOR_ASSIGN_OR_RETURN(window, fields.Count("sliding_window"));
  }
  shape.layers.reserve(count);
  for (const uint64_t each : slides) {
    if (each != 0) {
      shape.layers.push_back({.kv = {SlidingWindow{sliding, *window}}});
    } else {
      shape.layers.push_back({.kv = {FullAttention{full}}});
    }
  }
  return absl::OkStatus();
}

}  // namespace governor
