#ifndef GOVERNOR_MODEL_GGUF_STATE_LAYERS_H_
#define GOVERNOR_MODEL_GGUF_STATE_LAYERS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "governor/model/gguf_architecture.h"
#include "governor/model/gguf_blocks.h"
#include "governor/model/gguf_fields.h"
#include "governor/model/kv_spec.h"

namespace governor {

// The state that a layer of such an architecture keeps where it keeps one; all
// layers of a file have the same. Dimensions as in llama.cpp's n_embd_r and
// n_embd_s (src/llama-hparams.cpp); it stores them as float32, the file says
// nothing about that.
// INVALID_ARGUMENT: one of the `ssm.` or `kda.` fields is missing, zero, or no
// multiple of the heads; also where `memory` knows no states.
absl::StatusOr<KvSpec> ReadGgufState(const GgufFields& fields,
                                     GgufMemory memory);

// Which layers keep that state; never a drafting one. Empty: none.
// INVALID_ARGUMENT: a field that decides it is missing, of the wrong length or
// out of range.
absl::StatusOr<std::vector<bool>> GgufStateLayers(const GgufFields& fields,
                                                  GgufMemory memory,
                                                  GgufBlocks blocks);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_STATE_LAYERS_H_
