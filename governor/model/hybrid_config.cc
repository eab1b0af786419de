#include "governor/model/hybrid_config.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/decoder_config.h"
#include "governor/model/deepseek_config.h"
#include "governor/model/gguf_name.h"
#include "governor/model/mamba_config.h"

namespace governor {
namespace {

constexpr Mamba2Names kMamba2Names = {
    .heads = "num_heads",
    .head_size = "head_dim",
    .state_size = "state_size",
    .groups = "n_groups",
    .conv_kernel = "conv_kernel",
    .expand = ConfigName("expand"),
};
// Nemotron-H's inner size need not be `expand` times the hidden size.
constexpr Mamba2Names kNemotronNames = {
    .heads = "mamba_num_heads",
    .head_size = "mamba_head_dim",
    .state_size = "ssm_state_size",
    .groups = "n_groups",
    .conv_kernel = "conv_kernel",
};
constexpr Mamba2Names kGraniteNames = {
    .heads = "mamba_n_heads",
    .head_size = "mamba_d_head",
    .state_size = "mamba_d_state",
    .groups = "mamba_n_groups",
    .conv_kernel = "mamba_d_conv",
    .inner_size = ConfigName("mamba_d_ssm"),
    .expand = ConfigName("mamba_expand"),
};

constexpr size_t kMaxDraftLetters = 16;

// One layer for each kind, with `attention` or `state`.
void FillLayers(const std::vector<LayerKind>& kinds, const KvSpec& attention,
                const KvSpec& state, std::vector<LayerShape>& layers) {
  layers.reserve(layers.size() + kinds.size());
  for (const LayerKind kind : kinds) {
    LayerShape layer;
    if (kind == LayerKind::kFull) layer.kv = {attention};
    if (kind == LayerKind::kRecurrent) layer.kv = {state};
    layers.push_back(layer);
  }
}

absl::StatusOr<DeltaNetState> DeltaNetOf(const ConfigFields& fields) {
  DeltaNetState state;
  GOVERNOR_ASSIGN_OR_RETURN(state.key_heads,
                            fields.Count("linear_num_key_heads"));
  GOVERNOR_ASSIGN_OR_RETURN(state.value_heads,
                            fields.Count("linear_num_value_heads"));
  GOVERNOR_ASSIGN_OR_RETURN(state.key_head_size,
                            fields.Count("linear_key_head_dim"));
  GOVERNOR_ASSIGN_OR_RETURN(state.value_head_size,
                            fields.Count("linear_value_head_dim"));
  GOVERNOR_ASSIGN_OR_RETURN(state.conv_kernel,
                            fields.Count("linear_conv_kernel_dim"));
  GOVERNOR_ASSIGN_OR_RETURN(state.dtype,
                            StateDtypeOf(fields, "mamba_ssm_dtype"));
  GOVERNOR_RETURN_IF_ERROR(CheckHeads(fields, "linear_num_value_heads",
                                      state.value_heads, "linear_num_key_heads",
                                      state.key_heads));
  return state;
}

// The letters of Nemotron-H. `name` is where they stand.
absl::StatusOr<std::vector<LayerKind>> LetterKinds(const ConfigFields& fields,
                                                   ConfigName name,
                                                   absl::string_view letters) {
  std::vector<LayerKind> kinds;
  for (const char letter : letters) {
    switch (letter) {
      case 'M':
        kinds.push_back(LayerKind::kRecurrent);
        break;
      case '*':
        kinds.push_back(LayerKind::kFull);
        break;
      case '-':
      case 'E':
        kinds.push_back(LayerKind::kNone);
        break;
      default:
        return absl::UnimplementedError(
            absl::StrCat(fields.Path(name), " has ", QuotedName({&letter, 1}),
                         " at ", kinds.size(), "; known are M, *, - and E"));
    }
  }
  return kinds;
}

absl::StatusOr<std::vector<LayerKind>> NemotronKinds(
    const ConfigFields& fields, const ConfigFamily& family) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<absl::string_view> letters,
                            fields.TextIfThere("hybrid_override_pattern"));
  if (!letters) {
    if (!fields.Has("layers_block_type")) {
      return fields.Missing("hybrid_override_pattern");
    }
    // Newer configs have names for letters, and may leave out their number.
    GOVERNOR_ASSIGN_OR_RETURN(const std::vector<absl::string_view> types,
                              fields.Texts("layers_block_type"));
    uint64_t count = types.size();
    if (fields.Has(family.names.layers)) {
      GOVERNOR_ASSIGN_OR_RETURN(count, LayerCount(fields, family));
    }
    return LayerTypes(
        fields, "layers_block_type", count,
        {LayerKind::kFull, LayerKind::kRecurrent, LayerKind::kNone});
  }
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  if (letters->size() != count) {
    return absl::InvalidArgumentError(absl::StrCat(
        fields.Path("hybrid_override_pattern"), " has ", letters->size(),
        " letters, but must have one for each of the ", count, " layers"));
  }
  return LetterKinds(fields, "hybrid_override_pattern", *letters);
}

absl::StatusOr<std::vector<LayerKind>> GraniteKinds(const ConfigFields& fields,
                                                    uint64_t count) {
  GOVERNOR_ASSIGN_OR_RETURN(
      std::vector<LayerKind> kinds,
      LayerTypes(fields, "layer_types", count,
                 {LayerKind::kFull, LayerKind::kRecurrent}));
  if (!kinds.empty()) return kinds;
  if (!fields.Has("attn_layer_indices")) return fields.Missing("layer_types");
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<uint64_t> attention,
                            fields.Wholes("attn_layer_indices"));
  kinds.assign(count, LayerKind::kRecurrent);
  for (const uint64_t index : attention) {
    if (index >= count) {
      return absl::InvalidArgumentError(
          absl::StrCat(fields.Path("attn_layer_indices"), " has ", index,
                       ", but there are only ", count, " layers"));
    }
    kinds[index] = LayerKind::kFull;
  }
  return kinds;
}

}  // namespace

absl::Status ReadDeltaNetLayers(const ConfigFields& fields,
                                const ConfigFamily& family, ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const AttentionHeads heads,
                            HeadsOf(fields, family, shape.notes));
  GOVERNOR_ASSIGN_OR_RETURN(DeltaNetState state, DeltaNetOf(fields));
  if (state.dtype == StateDtype::kUnsaid && family.float32_state) {
    state.dtype = StateDtype::kFloat32;
  }
  GOVERNOR_ASSIGN_OR_RETURN(
      std::vector<LayerKind> kinds,
      LayerTypes(fields, "layer_types", count,
                 {LayerKind::kFull, LayerKind::kRecurrent}));
  if (kinds.empty()) {
    GOVERNOR_ASSIGN_OR_RETURN(
        const std::optional<uint64_t> interval,
        fields.CountIfThere("full_attention_interval", kMaxConfigLayers));
    for (uint64_t i = 0; i < count; ++i) {
      kinds.push_back((i + 1) % interval.value_or(family.full_every) == 0
                          ? LayerKind::kFull
                          : LayerKind::kRecurrent);
    }
  }
  FillLayers(kinds, FullAttention{heads}, state, shape.layers);
  // Published checkpoints hold one; not all configs say so.
  const bool says = fields.Has("mtp_num_hidden_layers");
  const ConfigName name = says ? ConfigName("mtp_num_hidden_layers")
                               : ConfigName("num_nextn_predict_layers");
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t drafts,
                            DraftLayerCount(fields, name, 1));
  shape.draft_layers_are_assumed = !fields.Has(name);
  AddDraftLayers({.kv = {FullAttention{heads}}}, drafts, shape);
  return absl::OkStatus();
}

absl::Status ReadKimiLinearLayers(const ConfigFields& fields,
                                  const ConfigFamily& family,
                                  ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const LatentAttention latent,
                            LatentOf(fields, family));
  const std::optional<ConfigFields> linear =
      fields.Object("linear_attn_config");
  if (!linear) return fields.Missing("linear_attn_config");
  KimiDeltaState state;
  GOVERNOR_ASSIGN_OR_RETURN(state.heads, linear->Count("num_heads"));
  GOVERNOR_ASSIGN_OR_RETURN(state.head_size, linear->Count("head_dim"));
  GOVERNOR_ASSIGN_OR_RETURN(state.conv_kernel,
                            linear->Count("short_conv_kernel_size"));
  if (!linear->Has("kda_layers")) return linear->Missing("kda_layers");
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers,
                            linear->Wholes("kda_layers"));
  std::vector<LayerKind> kinds(count, LayerKind::kFull);
  for (const uint64_t number : numbers) {
    if (number < 1 || number > count) {
      return absl::InvalidArgumentError(
          absl::StrCat(linear->Path("kda_layers"), " has ", number,
                       ", but layers are numbered from 1 to ", count));
    }
    kinds[number - 1] = LayerKind::kRecurrent;
  }
  FillLayers(kinds, latent, state, shape.layers);
  GOVERNOR_ASSIGN_OR_RETURN(
      const uint64_t drafts,
      DraftLayerCount(fields, "num_nextn_predict_layers", 0));
  AddDraftLayers({.kv = {latent}}, drafts, shape);
  return absl::OkStatus();
}

absl::Status ReadMamba1Layers(const ConfigFields& fields,
                              const ConfigFamily& family, ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const Mamba1State state,
                            Mamba1Of(fields, ConfigName("intermediate_size"),
                                     "expand", "state_size", "conv_kernel"));
  shape.layers.assign(count, {.kv = {state}});
  return absl::OkStatus();
}

absl::Status ReadMamba2Layers(const ConfigFields& fields,
                              const ConfigFamily& family, ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const Mamba2State state,
                            Mamba2Of(fields, kMamba2Names));
  shape.layers.assign(count, {.kv = {state}});
  return absl::OkStatus();
}

absl::Status ReadJambaLayers(const ConfigFields& fields,
                             const ConfigFamily& family, ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const AttentionHeads heads,
                            HeadsOf(fields, family, shape.notes));
  GOVERNOR_ASSIGN_OR_RETURN(const Mamba1State state,
                            Mamba1Of(fields, std::nullopt, "mamba_expand",
                                     "mamba_d_state", "mamba_d_conv"));
  GOVERNOR_ASSIGN_OR_RETURN(
      const uint64_t period,
      fields.Count("attn_layer_period", kMaxConfigLayers));
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::optional<uint64_t> offset,
      fields.WholeIfThere("attn_layer_offset", period - 1));
  if (!offset) return fields.Missing("attn_layer_offset");
  std::vector<LayerKind> kinds(count, LayerKind::kRecurrent);
  for (uint64_t i = *offset; i < count; i += period) {
    kinds[i] = LayerKind::kFull;
  }
  FillLayers(kinds, FullAttention{heads}, state, shape.layers);
  return absl::OkStatus();
}

absl::Status ReadNemotronHLayers(const ConfigFields& fields,
                                 const ConfigFamily& family,
                                 ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<LayerKind> kinds,
                            NemotronKinds(fields, family));
  if (kinds.empty()) {
    return fields.Wrong("layers_block_type", "must name at least one layer");
  }
  GOVERNOR_ASSIGN_OR_RETURN(const AttentionHeads heads,
                            HeadsOf(fields, family, shape.notes));
  GOVERNOR_ASSIGN_OR_RETURN(Mamba2State state,
                            Mamba2Of(fields, kNemotronNames));
  GOVERNOR_ASSIGN_OR_RETURN(state.dtype,
                            StateDtypeOf(fields, "mamba_ssm_cache_dtype"));
  FillLayers(kinds, FullAttention{heads}, state, shape.layers);

  GOVERNOR_ASSIGN_OR_RETURN(
      const uint64_t drafts,
      DraftLayerCount(fields, "num_nextn_predict_layers", 0));
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<absl::string_view> letters,
                            fields.TextIfThere("mtp_hybrid_override_pattern"));
  if (drafts == 0 || !letters) return absl::OkStatus();
  if (letters->empty() || letters->size() > kMaxDraftLetters) {
    return fields.Wrong(
        "mtp_hybrid_override_pattern",
        absl::StrCat("must have 1 to ", kMaxDraftLetters, " letters"));
  }
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::vector<LayerKind> draft_kinds,
      LetterKinds(fields, "mtp_hybrid_override_pattern", *letters));
  for (uint64_t i = 0; i < drafts; ++i) {
    FillLayers(draft_kinds, FullAttention{heads}, state, shape.draft_layers);
  }
  return absl::OkStatus();
}

absl::Status ReadGraniteHybridLayers(const ConfigFields& fields,
                                     const ConfigFamily& family,
                                     ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<LayerKind> kinds,
                            GraniteKinds(fields, count));
  GOVERNOR_ASSIGN_OR_RETURN(const AttentionHeads heads,
                            HeadsOf(fields, family, shape.notes));
  // Granite 4 also has models without any state, and those without its sizes.
  Mamba2State state;
  if (absl::c_linear_search(kinds, LayerKind::kRecurrent)) {
    GOVERNOR_ASSIGN_OR_RETURN(state, Mamba2Of(fields, kGraniteNames));
  }
  FillLayers(kinds, FullAttention{heads}, state, shape.layers);
  return absl::OkStatus();
}

absl::Status ReadFalconH1Layers(const ConfigFields& fields,
                                const ConfigFamily& family, ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const AttentionHeads heads,
                            HeadsOf(fields, family, shape.notes));
  GOVERNOR_ASSIGN_OR_RETURN(const Mamba2State state,
                            Mamba2Of(fields, kGraniteNames));
  shape.layers.assign(count, {.kv = {FullAttention{heads}, state}});
  return absl::OkStatus();
}

}  // namespace governor
