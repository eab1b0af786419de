#ifndef GOVERNOR_MODEL_CHECKPOINT_AGREEMENT_H_
#define GOVERNOR_MODEL_CHECKPOINT_AGREEMENT_H_

#include "absl/status/status.h"
#include "governor/model/checkpoint.h"
#include "governor/model/model_shape.h"

namespace governor {

// Holds the sizes that config.json gives against the shapes of the tensors.
// Looks at matrices of real numbers alone, and at layers that keep one thing:
//
//   k_proj, v_proj     rows = KV heads x head size
//   kv_a_proj_with_mqa rows = rank + rotated part of the latent
//   the embedding      rows = vocabulary; more rows are padding, with a note,
//                      and vocabulary_size stays that of the config
//
// INVALID_ARGUMENT: they differ otherwise. No plan can be right then: the KV
// cache follows the config, and the engine would not load the weights. Names
// the tensor and both numbers.
absl::Status CheckAgreement(const Checkpoint& checkpoint, ModelShape& shape);

}  // namespace governor

#endif  // GOVERNOR_MODEL_CHECKPOINT_AGREEMENT_H_
