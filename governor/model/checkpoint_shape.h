#ifndef GOVERNOR_MODEL_CHECKPOINT_SHAPE_H_
#define GOVERNOR_MODEL_CHECKPOINT_SHAPE_H_

#include <string>

#include "absl/status/statusor.h"
#include "governor/model/checkpoint.h"
#include "governor/model/hf_config.h"
#include "governor/model/model_shape.h"

namespace governor {

// The shape of the Hugging Face model in the folder, or the .safetensors file,
// at `path`: what config.json says, with the weights that the headers of the
// tensors give. Reads config.json, the index and the headers, each byte once,
// and nothing else.
//
// The errors of ReadCheckpoint, ShapeOfConfig, AddWeights and CheckAgreement,
// each with the path. INVALID_ARGUMENT also: there is no config.json, or it is
// above 4 MiB.
absl::StatusOr<ModelShape> ReadCheckpointShape(
    const std::string& path, const ConfigOptions& options,
    const OpenSource& open = OpenFileSource);

}  // namespace governor

#endif  // GOVERNOR_MODEL_CHECKPOINT_SHAPE_H_
