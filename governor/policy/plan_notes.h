#ifndef GOVERNOR_POLICY_PLAN_NOTES_H_
#define GOVERNOR_POLICY_PLAN_NOTES_H_

#include <string>
#include <vector>

#include "governor/model/model_shape.h"
#include "governor/policy/plan.h"

namespace governor {

// What `plan`, complete but for its notes, assumes beyond what was asked: each
// default that was taken and each rounding that took bytes. One sentence each.
std::vector<std::string> NotesOf(const Plan& plan, const PlanRequest& request,
                                 const ModelShape& model);

}  // namespace governor

#endif  // GOVERNOR_POLICY_PLAN_NOTES_H_
