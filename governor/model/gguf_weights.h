#ifndef GOVERNOR_MODEL_GGUF_WEIGHTS_H_
#define GOVERNOR_MODEL_GGUF_WEIGHTS_H_

#include "absl/status/status.h"
#include "governor/model/gguf.h"
#include "governor/model/model_shape.h"

namespace governor {

// Adds every tensor to the layer that it belongs to, to what is outside the
// layers, and to the totals: parameters, weights by dtype, experts. `shape` has
// its layers already, and CheckGgufLayers passed.
//
// By llama.cpp's tensor names (src/llama-arch.cpp). Whole on every rank of a
// tensor-parallel group: what has one row (norms, biases, scales), routers, the
// first projections of latent attention, sparse indexers, and outside the
// layers all but embeddings and the head. Experts and their biases are neither.
// INVALID_ARGUMENT, with `shape` then unspecified: 2^64 elements or more.
absl::Status AddGgufWeights(const Gguf& gguf, ModelShape& shape);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_WEIGHTS_H_
