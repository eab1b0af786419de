#ifndef GOVERNOR_POLICY_SHORTFALL_H_
#define GOVERNOR_POLICY_SHORTFALL_H_

#include "governor/model/model_shape.h"
#include "governor/policy/plan.h"

namespace governor {

// Why `plan`, which PlanNumbers made of `model` and `request`, does not fit,
// and what would help. Every change that is offered was planned again, alone,
// and fits. Arithmetic on values, as PlanKv.
Shortfall ShortfallOf(const Plan& plan, const ModelShape& model,
                      const PlanRequest& request);

}  // namespace governor

#endif  // GOVERNOR_POLICY_SHORTFALL_H_
