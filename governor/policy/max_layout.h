#ifndef GOVERNOR_POLICY_MAX_LAYOUT_H_
#define GOVERNOR_POLICY_MAX_LAYOUT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_layout.h"

namespace governor {

// Tokens of a page of MAX's cache where nobody says (from memory).
inline constexpr uint64_t kMaxBlockTokens = 128;

// MAX's cache as vLLM would lay it out with blocks of MAX's size. How MAX
// groups layers that differ was not studied; a note says so. Errors are those
// of VllmLayout, also for blocks of 128 where vLLM's kernels want others.
absl::StatusOr<KvLayout> MaxLayout(const ModelShape& model,
                                   const KvLayoutRequest& request);

}  // namespace governor

#endif  // GOVERNOR_POLICY_MAX_LAYOUT_H_
