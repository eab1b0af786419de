#ifndef GOVERNOR_POLICY_VLLM_BLOCK_SIZE_H_
#define GOVERNOR_POLICY_VLLM_BLOCK_SIZE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/policy/engine.h"
#include "governor/policy/kv_dtype.h"
#include "governor/policy/kv_layout.h"
#include "governor/policy/vllm_traits.h"

namespace governor {

// Tokens of a block before hybrid models are aligned: the request's, or what
// the kernels prefer. INVALID_ARGUMENT: a size that no kernel takes.
absl::StatusOr<uint64_t> VllmBlockTokens(const VllmTraits& traits,
                                         const KvLayoutRequest& request,
                                         KvDtype dtype,
                                         std::vector<std::string>& notes);

// Tokens that blocks of a model with linear states are multiples of; `block`
// is VllmBlockTokens'.
uint64_t VllmHybridAlignment(const VllmTraits& traits, Platform platform,
                             uint64_t block);

}  // namespace governor

#endif  // GOVERNOR_POLICY_VLLM_BLOCK_SIZE_H_
