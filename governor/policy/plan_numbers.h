#ifndef GOVERNOR_POLICY_PLAN_NUMBERS_H_
#define GOVERNOR_POLICY_PLAN_NUMBERS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"
#include "governor/policy/plan.h"

namespace governor {

// PlanKv without words: no notes, no shortfall. For those who plan many times
// to compare. Errors as PlanKv.
absl::StatusOr<Plan> PlanNumbers(const ModelShape& model,
                                 const PlanRequest& request);

// What the budget leaves a stage for its KV cache, in whole granules. There
// must be a budget.
Bytes KvSpace(const Plan& plan, const StagePlan& stage, Bytes granularity);

// What `blocks` blocks and the required sequences hold on a stage. nullopt:
// above 2^64 - 1 bytes.
std::optional<Bytes> KvSize(const Plan& plan, const StagePlan& stage,
                            uint64_t blocks);

}  // namespace governor

#endif  // GOVERNOR_POLICY_PLAN_NUMBERS_H_
