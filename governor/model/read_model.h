#ifndef GOVERNOR_MODEL_READ_MODEL_H_
#define GOVERNOR_MODEL_READ_MODEL_H_

#include <string>

#include "absl/status/statusor.h"
#include "governor/model/gguf.h"
#include "governor/model/model_shape.h"

namespace governor {

// The shape of the model in the file at `path`: today a GGUF file of an
// architecture that LlamaArchitectures() lists. Reads headers alone.
// The errors of ReadGguf and of ShapeOfGguf, each with the path.
absl::StatusOr<ModelShape> ReadModelShape(const std::string& path);

// INVALID_ARGUMENT: the file holds no whole model, or its metadata and its
// tensors disagree; names the field and the value.
// UNIMPLEMENTED: an architecture that is not known yet, or one part of a model
// that is split over several files; names the field, the value and what is
// supported.
absl::StatusOr<ModelShape> ShapeOfGguf(const Gguf& gguf);

}  // namespace governor

#endif  // GOVERNOR_MODEL_READ_MODEL_H_
