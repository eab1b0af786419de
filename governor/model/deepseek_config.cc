#include "governor/model/deepseek_config.h"

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/decoder_config.h"

namespace governor {

absl::StatusOr<LatentAttention> LatentOf(const ConfigFields& fields,
                                         const ConfigFamily& family) {
  LatentAttention latent;
  GOVERNOR_ASSIGN_OR_RETURN(latent.query_heads,
                            fields.Count(family.names.query_heads));
  GOVERNOR_ASSIGN_OR_RETURN(latent.rank, fields.Count("kv_lora_rank"));
  GOVERNOR_ASSIGN_OR_RETURN(latent.rope_size, fields.Count("qk_rope_head_dim"));
  return latent;
}

absl::Status ReadLatentLayers(const ConfigFields& fields,
                              const ConfigFamily& family, ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(LatentAttention latent, LatentOf(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> index_head_size,
                            fields.CountIfThere("index_head_dim"));
  GOVERNOR_ASSIGN_OR_RETURN(
      const uint64_t drafts,
      DraftLayerCount(fields, "num_nextn_predict_layers", 0));
  latent.sparse = index_head_size.has_value();
  LayerShape layer = {.kv = {latent}};
  if (index_head_size) {
    layer.kv.push_back(SparseIndexer{.head_size = *index_head_size});
  }
  shape.layers.assign(count, layer);
  AddDraftLayers(layer, drafts, shape);
  return absl::OkStatus();
}

absl::Status ReadCompressedLayers(const ConfigFields& fields,
                                  const ConfigFamily& family,
                                  ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(
      const uint64_t drafts,
      DraftLayerCount(fields, "num_nextn_predict_layers", 0));
  CompressedLatent latent;
  GOVERNOR_ASSIGN_OR_RETURN(latent.head_size, fields.Count("head_dim"));
  GOVERNOR_ASSIGN_OR_RETURN(latent.rope_size, fields.Count("qk_rope_head_dim"));
  GOVERNOR_ASSIGN_OR_RETURN(latent.window, fields.Count("sliding_window"));
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t index_head_size,
                            fields.Count("index_head_dim"));
  if (!fields.Has("compress_ratios")) return fields.Missing("compress_ratios");
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<uint64_t> ratios,
                            fields.Wholes("compress_ratios"));
  if (ratios.size() != count && ratios.size() != count + drafts) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields.Path("compress_ratios"), " has ", ratios.size(),
                     " elements, but must have one for each of the ", count,
                     " layers and ", drafts, " draft layers"));
  }
  for (uint64_t i = 0; i < count + drafts; ++i) {
    latent.compress_ratio = i < ratios.size() ? ratios[i] : 0;
    latent.index_head_size = latent.compress_ratio == 4 ? index_head_size : 0;
    std::vector<LayerShape>& layers =
        i < count ? shape.layers : shape.draft_layers;
    layers.push_back({.kv = {latent}});
  }
  return absl::OkStatus();
}

}  // namespace governor
