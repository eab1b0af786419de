#include "governor/model/decoder_config.h"

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_name.h"

namespace governor {
namespace {

constexpr uint64_t kMaxDraftLayers = 64;

// As transformers spells them.
constexpr struct {
  absl::string_view name;
  LayerKind kind;
} kLayerTypes[] = {
    {"full_attention", LayerKind::kFull},
    {"attention", LayerKind::kFull},
    {"sliding_attention", LayerKind::kSliding},
    {"chunked_attention", LayerKind::kChunked},
    {"linear_attention", LayerKind::kRecurrent},
    {"mamba", LayerKind::kRecurrent},
    {"mlp", LayerKind::kNone},
    {"moe", LayerKind::kNone},
};

absl::Status CheckLength(const ConfigFields& fields, ConfigName name,
                         uint64_t length, uint64_t layers) {
  if (length == layers) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      fields.Path(name), " has ", length,
      " elements, but must have one for each of the ", layers, " layers"));
}

// The field, or the family's default with a note; nullopt: neither.
absl::StatusOr<std::optional<uint64_t>> CountOrDefault(
    const ConfigFields& fields, ConfigName name, uint64_t otherwise,
    std::vector<std::string>& notes) {
  GOVERNOR_ASSIGN_OR_RETURN(std::optional<uint64_t> count,
                            fields.CountIfThere(name));
  if (!count && otherwise > 0) {
    notes.push_back(absl::StrCat(fields.Path(name), " is absent; ", otherwise,
                                 " is taken, the family's default"));
    count = otherwise;
  }
  return count;
}

absl::StatusOr<uint64_t> HeadSize(const ConfigFields& fields,
                                  const ConfigFamily& family,
                                  uint64_t query_heads,
                                  std::vector<std::string>& notes) {
  const DecoderNames& names = family.names;
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::optional<uint64_t> head_size,
      CountOrDefault(fields, names.head_size, family.head_size, notes));
  if (head_size) return *head_size;
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t hidden, fields.Count(names.hidden));
  if (hidden % query_heads == 0) return hidden / query_heads;
  return absl::InvalidArgumentError(absl::StrCat(
      fields.Path(names.hidden), " ", hidden, " is no multiple of the ",
      query_heads, " ", names.query_heads.text(), ", and there is no ",
      fields.Path(names.head_size), "; add it"));
}

// nullopt: the field `kv_heads` decides.
absl::StatusOr<std::optional<uint64_t>> MultiQueryHeads(
    const ConfigFields& fields, uint64_t query_heads) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<bool> grouped,
                            fields.FlagIfThere("new_decoder_architecture"));
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<bool> one,
                            fields.FlagIfThere("multi_query"));
  if (grouped.value_or(false)) return std::optional<uint64_t>();
  return std::optional<uint64_t>(one.value_or(true) ? 1 : query_heads);
}

}  // namespace

absl::StatusOr<uint64_t> LayerCount(const ConfigFields& fields,
                                    const ConfigFamily& family) {
  return fields.Count(family.names.layers, kMaxConfigLayers);
}

absl::Status CheckHeads(const ConfigFields& fields, ConfigName query_name,
                        uint64_t query_heads, ConfigName kv_name,
                        uint64_t kv_heads) {
  if (query_heads % kv_heads == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      fields.Path(query_name), " is ", query_heads,
      ", but must be a multiple of ", fields.Path(kv_name), ", ", kv_heads));
}

absl::StatusOr<AttentionHeads> HeadsOf(const ConfigFields& fields,
                                       const ConfigFamily& family,
                                       std::vector<std::string>& notes) {
  const DecoderNames& names = family.names;
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::optional<uint64_t> query_heads,
      CountOrDefault(fields, names.query_heads, family.query_heads, notes));
  if (!query_heads) return fields.Missing(names.query_heads);
  std::optional<uint64_t> kv_heads;
  if (family.multi_query) {
    GOVERNOR_ASSIGN_OR_RETURN(kv_heads, MultiQueryHeads(fields, *query_heads));
  }
  if (!kv_heads) {
    GOVERNOR_ASSIGN_OR_RETURN(kv_heads, CountOrDefault(fields, names.kv_heads,
                                                       family.kv_heads, notes));
  }
  AttentionHeads heads = {.query_heads = *query_heads,
                          .kv_heads = kv_heads.value_or(*query_heads)};
  GOVERNOR_RETURN_IF_ERROR(CheckHeads(fields, names.query_heads,
                                      heads.query_heads, names.kv_heads,
                                      heads.kv_heads));
  GOVERNOR_ASSIGN_OR_RETURN(heads.head_size_k,
                            HeadSize(fields, family, heads.query_heads, notes));
  heads.head_size_v = heads.head_size_k;
  return heads;
}

absl::StatusOr<std::vector<LayerKind>> LayerTypes(
    const ConfigFields& fields, ConfigName name, uint64_t layers,
    std::initializer_list<LayerKind> known) {
  std::vector<LayerKind> kinds;
  if (!fields.Has(name)) return kinds;
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<absl::string_view> types,
                            fields.Texts(name));
  GOVERNOR_RETURN_IF_ERROR(CheckLength(fields, name, types.size(), layers));
  for (const absl::string_view type : types) {
    const auto* found = absl::c_find_if(
        kLayerTypes, [type](const auto& each) { return each.name == type; });
    if (found != std::end(kLayerTypes) &&
        absl::c_linear_search(known, found->kind)) {
      kinds.push_back(found->kind);
      continue;
    }
    std::string names;
    for (const auto& each : kLayerTypes) {
      if (!absl::c_linear_search(known, each.kind)) continue;
      absl::StrAppend(&names, names.empty() ? "" : ", ", each.name);
    }
    return absl::UnimplementedError(absl::StrCat(
        fields.Path(name), "[", kinds.size(), "] is ", QuotedName(type),
        ", which is not known in this family; known are ", names));
  }
  return kinds;
}

absl::StatusOr<std::vector<uint64_t>> WholePerLayer(const ConfigFields& fields,
                                                    ConfigName name,
                                                    uint64_t layers) {
  if (!fields.Has(name)) return fields.Missing(name);
  GOVERNOR_ASSIGN_OR_RETURN(std::vector<uint64_t> numbers, fields.Wholes(name));
  GOVERNOR_RETURN_IF_ERROR(CheckLength(fields, name, numbers.size(), layers));
  return numbers;
}

absl::StatusOr<std::optional<uint64_t>> WindowOf(
    const ConfigFields& fields, const ConfigFamily& family,
    std::vector<std::string>& notes) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<bool> use,
                            fields.FlagIfThere("use_sliding_window"));
  if (!use.value_or(!family.window_on_request))
    return std::optional<uint64_t>();
  return CountOrDefault(fields, "sliding_window", family.window, notes);
}

absl::StatusOr<std::vector<LayerKind>> WindowedLayers(
    const ConfigFields& fields, const ConfigFamily& family, uint64_t layers,
    const std::optional<uint64_t>& window) {
  GOVERNOR_ASSIGN_OR_RETURN(
      std::vector<LayerKind> kinds,
      LayerTypes(fields, "layer_types", layers,
                 {LayerKind::kFull, LayerKind::kSliding}));
  if (!window) {
    const bool slides = absl::c_linear_search(kinds, LayerKind::kSliding);
    if (slides && !family.window_on_request) {
      return fields.Missing("sliding_window");
    }
    return std::vector<LayerKind>(layers, LayerKind::kFull);
  }
  if (!kinds.empty()) return kinds;

  GOVERNOR_ASSIGN_OR_RETURN(
      const std::optional<uint64_t> pattern,
      fields.CountIfThere("sliding_window_pattern", kMaxConfigLayers));
  const uint64_t full_every = pattern.value_or(family.full_every);
  // The first layers of some families are full whatever the window.
  uint64_t first = 0;
  if (family.window_on_request) {
    GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> full,
                              fields.WholeIfThere("max_window_layers"));
    first = full.value_or(0);
  }
  for (uint64_t i = 0; i < layers; ++i) {
    const bool full =
        i < first || (full_every > 0 && (i + 1) % full_every == 0);
    kinds.push_back(full ? LayerKind::kFull : LayerKind::kSliding);
  }
  return kinds;
}

absl::StatusOr<uint64_t> DraftLayerCount(const ConfigFields& fields,
                                         ConfigName name, uint64_t otherwise) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> count,
                            fields.WholeIfThere(name, kMaxDraftLayers));
  return count.value_or(otherwise);
}

void AddDraftLayers(const LayerShape& layer, uint64_t count,
                    ModelShape& shape) {
  shape.draft_layers.insert(shape.draft_layers.end(), count, layer);
}

}  // namespace governor
