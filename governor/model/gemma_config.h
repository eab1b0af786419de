#ifndef GOVERNOR_MODEL_GEMMA_CONFIG_H_
#define GOVERNOR_MODEL_GEMMA_CONFIG_H_

#include "governor/model/config_family.h"

namespace governor {

// Gemma 3n and Gemma 4: sliding and full layers, of which the last
// `num_kv_shared_layers` keep nothing and read what earlier layers keep. Full
// layers of Gemma 4 have heads of their own (`global_head_dim`,
// `num_global_key_value_heads`).
absl::Status ReadGemmaLayers(const ConfigFields& fields,
                             const ConfigFamily& family, ModelShape& shape);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GEMMA_CONFIG_H_
