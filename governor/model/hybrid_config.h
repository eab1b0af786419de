#ifndef GOVERNOR_MODEL_HYBRID_CONFIG_H_
#define GOVERNOR_MODEL_HYBRID_CONFIG_H_

#include "absl/status/statusor.h"
#include "governor/model/config_family.h"
#include "governor/model/kv_spec.h"

namespace governor {

// Families some or all of whose layers keep a state of constant size.

// Qwen3-Next and Qwen3.5: gated delta nets, and full attention by `layer_types`
// or every `full_attention_interval` layers.
absl::Status ReadDeltaNetLayers(const ConfigFields& fields,
                                const ConfigFamily& family, ModelShape& shape);

// Kimi Linear and Kimi K3: delta attention in the layers that
// `linear_attn_config.kda_layers` counts from one, latents in the others.
absl::Status ReadKimiLinearLayers(const ConfigFields& fields,
                                  const ConfigFamily& family,
                                  ModelShape& shape);

// Mamba and Falcon Mamba.
absl::Status ReadMamba1Layers(const ConfigFields& fields,
                              const ConfigFamily& family, ModelShape& shape);

// Mamba 2 and Codestral Mamba.
absl::Status ReadMamba2Layers(const ConfigFields& fields,
                              const ConfigFamily& family, ModelShape& shape);

// Jamba: Mamba 1, and attention every `attn_layer_period` layers.
absl::Status ReadJambaLayers(const ConfigFields& fields,
                             const ConfigFamily& family, ModelShape& shape);

// Nemotron-H: one letter of `hybrid_override_pattern` for each layer: `M` Mamba
// 2, `*` attention, `-` an MLP, `E` experts; the latter two keep nothing.
absl::Status ReadNemotronHLayers(const ConfigFields& fields,
                                 const ConfigFamily& family, ModelShape& shape);

// Granite 4 and Bamba: Mamba 2 or attention, by `layer_types` or
// `attn_layer_indices`.
absl::Status ReadGraniteHybridLayers(const ConfigFields& fields,
                                     const ConfigFamily& family,
                                     ModelShape& shape);

// Falcon-H1: attention and Mamba 2 beside each other in every layer.
absl::Status ReadFalconH1Layers(const ConfigFields& fields,
                                const ConfigFamily& family, ModelShape& shape);

}  // namespace governor

#endif  // GOVERNOR_MODEL_HYBRID_CONFIG_H_
