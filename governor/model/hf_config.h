#ifndef GOVERNOR_MODEL_HF_CONFIG_H_
#define GOVERNOR_MODEL_HF_CONFIG_H_

#include "absl/status/statusor.h"
#include "governor/model/byte_source.h"
#include "governor/model/model_shape.h"

namespace governor {

struct ConfigOptions {
  // A family that is not known is read as if all its layers were full
  // attention with Llama's field names.
  bool assume_gqa = false;
};

// The shape that a Hugging Face config.json describes, without weights. What
// an engine makes of it (dtypes it converts, windows it rounds) is not its
// matter. Families are told apart by `model_type`, that of `text_config` (or
// `language_config`, `llm_config`) where there is one: towers for images and
// sound keep nothing. ConfigFamilies() lists those that are known; what each
// calls its fields is what transformers' configuration classes call them.
//
// Fields that a file leaves out take the family's default, with a note;
// context_length and vocabulary_size are zero where there is none.
// INVALID_ARGUMENT: as ReadConfig; a field missing, of the wrong type, out of
// range or in disagreement with another. UNIMPLEMENTED: a family, or a part of
// one, that is not known. Both name the field with its path, what it holds and
// what would do. Reads the source once; memory follows the fields and the
// number of layers.
absl::StatusOr<ModelShape> ShapeOfConfig(const ByteSource& config,
                                         const ConfigOptions& options);

}  // namespace governor

#endif  // GOVERNOR_MODEL_HF_CONFIG_H_
