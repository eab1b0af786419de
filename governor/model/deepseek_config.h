#ifndef GOVERNOR_MODEL_DEEPSEEK_CONFIG_H_
#define GOVERNOR_MODEL_DEEPSEEK_CONFIG_H_

#include "absl/status/statusor.h"
#include "governor/model/config_family.h"
#include "governor/model/kv_spec.h"

namespace governor {

// The latent that `fields` describes. Not sparse.
absl::StatusOr<LatentAttention> LatentOf(const ConfigFields& fields,
                                         const ConfigFamily& family);

// DeepSeek V2 to V3.2, Kimi K2, GLM 5: a latent in every layer, and with
// `index_head_dim` the keys of an indexer. Draft layers are like the others.
absl::Status ReadLatentLayers(const ConfigFields& fields,
                              const ConfigFamily& family, ModelShape& shape);

// DeepSeek V4: `compress_ratios` has one for each layer; those of draft layers
// follow.
absl::Status ReadCompressedLayers(const ConfigFields& fields,
                                  const ConfigFamily& family,
                                  ModelShape& shape);

}  // namespace governor

#endif  // GOVERNOR_MODEL_DEEPSEEK_CONFIG_H_
