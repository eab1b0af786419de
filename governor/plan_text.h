#ifndef GOVERNOR_PLAN_TEXT_H_
#define GOVERNOR_PLAN_TEXT_H_

#include <string>
#include <vector>

#include "governor/model/model_shape.h"
#include "governor/policy/plan.h"
#include "governor/policy/plan_advice.h"

namespace governor {

// A plan for people: the model, a table whose lines add up to the budget with a
// bar of it, the KV cache, each rank where there are several, then the verdict,
// the limits, what to change first, `engine_flags`, and the notes. `plan` and
// `advice` are of `model` and `request`. Nothing in it moves a cursor, whatever
// the model's files hold.
std::string ToText(const Plan& plan, const PlanAdvice& advice,
                   const ModelShape& model, const PlanRequest& request,
                   const std::vector<std::string>& engine_flags = {});

}  // namespace governor

#endif  // GOVERNOR_PLAN_TEXT_H_
