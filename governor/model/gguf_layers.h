#ifndef GOVERNOR_MODEL_GGUF_LAYERS_H_
#define GOVERNOR_MODEL_GGUF_LAYERS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "governor/model/gguf.h"
#include "governor/model/gguf_architecture.h"
#include "governor/model/gguf_fields.h"
#include "governor/model/model_shape.h"

namespace governor {

struct GgufLayers {
  std::vector<LayerShape> layers;
  std::vector<LayerShape> draft_layers;
};

// What every layer remembers; without weights.
//
// Declared and real must agree: every tensor `blk.N.` belongs to a declared
// layer, every layer but drafting ones has one, and where a tensor is there
// whose size follows from what the layer remembers (K, V, latents, a state's
// convolution), it has that size.
// INVALID_ARGUMENT: a field missing, zero, of the wrong type or length, or in
// disagreement with another or with the tensors; names both.
// UNIMPLEMENTED: as GgufLatentLayers.
absl::StatusOr<GgufLayers> ReadGgufLayers(const Gguf& gguf,
                                          const GgufFields& fields,
                                          const GgufArchitecture& architecture);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_LAYERS_H_
