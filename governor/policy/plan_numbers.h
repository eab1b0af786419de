#ifndef GOVERNOR_POLICY_PLAN_NUMBERS_H_
#define GOVERNOR_POLICY_PLAN_NUMBERS_H_

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"
#include "governor/policy/plan.h"

namespace governor {

// The arithmetic of PlanKv, with its errors: a plan complete but for
// `shortfall` and `notes`.
absl::StatusOr<Plan> PlanNumbers(const ModelShape& model,
                                 const PlanRequest& request);

// What the budget of `plan`, which has one, leaves for the KV cache, in whole
// granules; zero where the fixed parts alone exceed it.
Bytes KvSpace(const Plan& plan, Bytes granularity);

}  // namespace governor

#endif  // GOVERNOR_POLICY_PLAN_NUMBERS_H_
