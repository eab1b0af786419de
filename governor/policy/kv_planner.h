#ifndef GOVERNOR_POLICY_KV_PLANNER_H_
#define GOVERNOR_POLICY_KV_PLANNER_H_

#include "absl/status/statusor.h"
#include "governor/model/model_shape.h"
#include "governor/policy/plan.h"

namespace governor {

// What fits of `model` into what `request` allows. Arithmetic on its arguments
// and nothing else: no file, no clock, never the moment's free memory. The same
// arguments give the same plan on every machine.
//
// On every stage, weights are rounded up to the granularity. What then remains
// of the budget after activations, graphs, adapters and allowance is rounded
// down to it, what every sequence needs besides its blocks is taken off, and
// the rest is divided by the bytes of one block: that many blocks fit, and not
// one more. The stage with the fewest decides. With `kv_memory`, num_blocks is
// kv_memory / block bytes as in vLLM's --kv-cache-memory-bytes, and the budget,
// if there is one, must hold them.
//
// A plan that does not fit is a value, not an error: `fits` is false, and
// `shortfall` says why; AdviceOn says what would.
// INVALID_ARGUMENT: neither budget nor kv_memory; zero where a count or size
// must not be; more than 2^20 block_tokens, 2^32 max_model_len, 2^24 max_seqs,
// 4096 ranks, 2^60 bytes of weights; a budget for a model without weights;
// what LayOutKv refuses; sums above 2^64 - 1 bytes. Names the value and the
// limit. UNIMPLEMENTED: as LayOutKv.
absl::StatusOr<Plan> PlanKv(const ModelShape& model,
                            const PlanRequest& request);

}  // namespace governor

#endif  // GOVERNOR_POLICY_KV_PLANNER_H_
