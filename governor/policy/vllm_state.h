#ifndef GOVERNOR_POLICY_VLLM_STATE_H_
#define GOVERNOR_POLICY_VLLM_STATE_H_

#include <cstdint>

#include "governor/model/kv_spec.h"
#include "governor/policy/kv_layout.h"
#include "governor/policy/vllm_traits.h"

namespace governor {

// States that prefix caching keeps besides those of running sequences, as a
// kernel can export them within one prefill.
bool VllmExportsState(const KvSpec& state, const KvLayoutRequest& request);

// Bytes of an element of the recurrent part of `state`.
uint64_t VllmStateElementBytes(const KvSpec& state, const VllmTraits& traits,
                               const KvLayoutRequest& request);

}  // namespace governor

#endif  // GOVERNOR_POLICY_VLLM_STATE_H_
