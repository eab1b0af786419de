#ifndef GOVERNOR_MODEL_GGUF_SHAPE_H_
#define GOVERNOR_MODEL_GGUF_SHAPE_H_

#include "absl/status/statusor.h"
#include "governor/model/gguf.h"
#include "governor/model/model_shape.h"

namespace governor {

struct GgufOptions {
  // Reads an architecture that is not known as if it were Llama's: full
  // attention in every layer, with a note that says so.
  bool assume_gqa = false;
};

// The shape of the model that the header describes, with layers as llama.cpp
// would keep them: its name for an architecture decides. `weights` is from the
// tensors; layers that only draft (`nextn_predict_layers`) are `draft_layers`.
// The compute dtype is float16, llama.cpp's for the cache.
//
// Time and memory grow with the number of tensors and layers.
// INVALID_ARGUMENT: the file holds no whole model, or its metadata and its
// tensors disagree; names the field and the value.
// UNIMPLEMENTED: an architecture that is not known, or one part of a model that
// is split over several files; names the field, the value and the remedy.
absl::StatusOr<ModelShape> ShapeOfGguf(const Gguf& gguf,
                                       const GgufOptions& options = {});

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_SHAPE_H_
