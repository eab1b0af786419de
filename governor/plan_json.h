#ifndef GOVERNOR_PLAN_JSON_H_
#define GOVERNOR_PLAN_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "governor/model/model_shape.h"
#include "governor/policy/plan.h"
#include "governor/policy/plan_advice.h"

namespace governor {

// A plan with the keys of `governor plan --json`: stable names, bytes as
// integers, no unit in a value. `plan` and `advice` are of `model` and
// `request`. What is not known is left out: without a budget there is no
// `budget_bytes` and no `left_bytes`; without `engine_flags` no such key; of a
// device that nobody declared or asked neither `device_memory_bytes` nor
// `integrated`.
//
// An entry of per_rank adds up to budget_bytes, where there is one and it fits:
// all its sizes but block_bytes.
//
// Weights at the top are the whole model's; everything else at the top is one
// rank's of the stage that decides the number of blocks.
nlohmann::ordered_json ToJson(
    const Plan& plan, const PlanAdvice& advice, const ModelShape& model,
    const PlanRequest& request,
    const std::vector<std::string>& engine_flags = {});

}  // namespace governor

#endif  // GOVERNOR_PLAN_JSON_H_
