#ifndef GOVERNOR_MODEL_READ_MODEL_H_
#define GOVERNOR_MODEL_READ_MODEL_H_

#include <string>

#include "absl/status/statusor.h"
#include "governor/model/gguf_shape.h"
#include "governor/model/model_shape.h"

namespace governor {

struct ReadModelOptions {
  // See ConfigOptions and GgufOptions.
  bool assume_gqa = false;
};

// The shape of the model at `path`, from headers alone: a folder from Hugging
// Face, one .safetensors file with its config.json beside it, or a GGUF file.
// Files of other names are known by their first bytes, as those in caches have
// hashes for names.
//
// The errors of ReadCheckpointShape, or of ReadWholeGguf and ShapeOfGguf, each
// with the path.
absl::StatusOr<ModelShape> ReadModelShape(const std::string& path,
                                          const ReadModelOptions& options = {});

}  // namespace governor

#endif  // GOVERNOR_MODEL_READ_MODEL_H_
