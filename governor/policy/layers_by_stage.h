#ifndef GOVERNOR_POLICY_LAYERS_BY_STAGE_H_
#define GOVERNOR_POLICY_LAYERS_BY_STAGE_H_

#include <cstdint>
#include <vector>

namespace governor {

// How vLLM spreads layers over the stages of a pipeline
// (vllm/distributed/utils.py, get_pp_indices): like shares, and what is left
// over one by one to the stages before the last, from the end. `stages` is not
// zero and not above `layers`.
std::vector<uint64_t> LayersByStage(uint64_t layers, uint64_t stages);

}  // namespace governor

#endif  // GOVERNOR_POLICY_LAYERS_BY_STAGE_H_
