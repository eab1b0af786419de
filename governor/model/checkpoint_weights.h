#ifndef GOVERNOR_MODEL_CHECKPOINT_WEIGHTS_H_
#define GOVERNOR_MODEL_CHECKPOINT_WEIGHTS_H_

#include "absl/status/status.h"
#include "governor/model/checkpoint.h"
#include "governor/model/model_shape.h"

namespace governor {

// Adds what `checkpoint` holds to `shape`, which says what config.json does:
// all weights with their parts, parameters and has_weights. Bytes are those of
// the headers, always. Where the two disagree the tensors are believed, because
// they are what is loaded:
//
//   draft layers (`mtp`) that the config does not declare are added, without a
//   KV cache, with a note; those without tensors are left out (quantized copies
//   often lack them), with a note where the config declares them
//
// A checkpoint without shards leaves has_weights false and all weights zero,
// and adds a note where draft layers are assumed.
//
// INVALID_ARGUMENT, with `shape` then unspecified: a layer of the config
// without any tensor, tensors of layers beyond those of the config, more than
// 2^64 - 1 bytes or parameters. Names the tensor and both numbers.
absl::Status AddWeights(const Checkpoint& checkpoint, ModelShape& shape);

}  // namespace governor

#endif  // GOVERNOR_MODEL_CHECKPOINT_WEIGHTS_H_
