#include "governor/model/gemma_config.h"

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/decoder_config.h"
#include "governor/model/kv_spec.h"

namespace governor {
namespace {

absl::StatusOr<AttentionHeads> GlobalHeads(const ConfigFields& fields,
                                           AttentionHeads heads) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> head_size,
                            fields.CountIfThere("global_head_dim"));
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> kv_heads,
                            fields.CountIfThere("num_global_key_value_heads"));
  // Full layers have fewer KV heads only where their V is their K.
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<bool> k_is_v,
                            fields.FlagIfThere("attention_k_eq_v"));
  heads.head_size_k = head_size.value_or(heads.head_size_k);
  heads.head_size_v = heads.head_size_k;
  if (kv_heads && k_is_v.value_or(true)) {
    heads.kv_heads = *kv_heads;
    GOVERNOR_RETURN_IF_ERROR(
        CheckHeads(fields, "num_attention_heads", heads.query_heads,
                   "num_global_key_value_heads", heads.kv_heads));
  }
  return heads;
}

}  // namespace

absl::Status ReadGemmaLayers(const ConfigFields& fields,
                             const ConfigFamily& family, ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const AttentionHeads heads,
                            HeadsOf(fields, family, shape.notes));
  GOVERNOR_ASSIGN_OR_RETURN(const AttentionHeads global,
                            GlobalHeads(fields, heads));
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> window,
                            WindowOf(fields, family, shape.notes));
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<LayerKind> kinds,
                            WindowedLayers(fields, family, count, window));
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> shared,
                            fields.WholeIfThere("num_kv_shared_layers"));
  if (shared.value_or(0) >= count) {
    return fields.Wrong(
        "num_kv_shared_layers",
        absl::StrCat("must be below the ", count,
                     " layers, of which some must keep what others share"));
  }
  shape.layers.resize(count);
  for (uint64_t i = 0; i < count - shared.value_or(0); ++i) {
    if (kinds[i] == LayerKind::kSliding) {
      shape.layers[i].kv = {SlidingWindow{heads, *window}};
    } else {
      shape.layers[i].kv = {FullAttention{global}};
    }
  }
  return absl::OkStatus();
}

}  // namespace governor
