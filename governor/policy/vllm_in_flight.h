#ifndef GOVERNOR_POLICY_VLLM_IN_FLIGHT_H_
#define GOVERNOR_POLICY_VLLM_IN_FLIGHT_H_

#include <cstdint>

#include "governor/policy/kv_layout.h"

namespace governor {

// Tokens of one step: --max-num-batched-tokens of `vllm serve` by default. It
// depends on the device's memory; here the machine usual for the capability is
// taken, and a note says so.
uint64_t VllmBatchedTokens(const KvLayoutRequest& request);

// Steps in flight together: async scheduling, which is vLLM's default on CUDA,
// prepares one more than there are stages.
uint64_t VllmStepsInFlight(const KvLayoutRequest& request);

}  // namespace governor

#endif  // GOVERNOR_POLICY_VLLM_IN_FLIGHT_H_
