#ifndef GOVERNOR_PLAN_REPORT_H_
#define GOVERNOR_PLAN_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>

#include "governor/model/model_shape.h"
#include "governor/policy/plan.h"

namespace governor {

// A plan with the keys of `governor plan --json`: stable names, bytes as
// integers, no unit in a value. What is not known is left out: without a budget
// there is no `budget_bytes` and no `left_bytes`. Why a plan does not fit and
// what would help stands at the end of `notes`.
nlohmann::ordered_json ToJson(const Plan& plan, const ModelShape& model);

// The same for people: a table whose lines add up to the budget, a bar of it,
// what to do where it does not fit, and the notes.
std::string ToText(const Plan& plan, const ModelShape& model);

}  // namespace governor

#endif  // GOVERNOR_PLAN_REPORT_H_
