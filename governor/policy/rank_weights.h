#ifndef GOVERNOR_POLICY_RANK_WEIGHTS_H_
#define GOVERNOR_POLICY_RANK_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"

namespace governor {

// Bytes of the weights that are loaded: all in the files, but the layers that
// draft tokens only where they are `drafting`.
Bytes LoadedWeights(const ModelShape& model, bool drafting);

// The loaded weights that one rank holds, for each pipeline stage.
//
// Tensor parallelism splits what a layer has over its ranks, each part rounded
// up to whole bytes, except what ModelShape calls replicated; what makes K and
// V is split over as many ranks as there are KV heads. A pipeline puts layers
// where `layers_by_stage` says, the embedding on the first stage, the head on
// the last; a head tied to the embedding is there a second time. Draft layers
// go with the last. What the files hold in no known place stays on the first.
std::vector<Bytes> WeightsByStage(const ModelShape& model, bool drafting,
                                  uint64_t tensor_parallel,
                                  absl::Span<const uint64_t> layers_by_stage);

// Bytes that one rank must read to decode one token at batch 1: all loaded
// weights but those of experts that the token does not use, of towers, and but
// an embedding of which one row is read. On a pipeline, of all stages together.
Bytes WeightsReadPerToken(const ModelShape& model, uint64_t tensor_parallel);

}  // namespace governor

#endif  // GOVERNOR_POLICY_RANK_WEIGHTS_H_
