#ifndef GOVERNOR_POLICY_VLLM_KV_DTYPE_H_
#define GOVERNOR_POLICY_VLLM_KV_DTYPE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/policy/kv_dtype.h"
#include "governor/policy/kv_layout.h"
#include "governor/policy/vllm_traits.h"

namespace governor {

// The request's dtype, or what `auto` comes down to; a note says why where that
// is not the model's own dtype.
// UNIMPLEMENTED: a dtype that vLLM does not have or does not run on the device,
// or a kind of attention that it does not run there.
absl::StatusOr<KvDtype> VllmKvDtype(const VllmTraits& traits,
                                    const KvLayoutRequest& request,
                                    std::vector<std::string>& notes);

}  // namespace governor

#endif  // GOVERNOR_POLICY_VLLM_KV_DTYPE_H_
