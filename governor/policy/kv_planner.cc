#include "governor/policy/kv_planner.h"

#include "governor/base/status_macros.h"
#include "governor/policy/plan_notes.h"
#include "governor/policy/plan_numbers.h"
#include "governor/policy/shortfall.h"

namespace governor {

absl::StatusOr<Plan> PlanKv(const ModelShape& model,
                            const PlanRequest& request) {
  GOVERNOR_ASSIGN_OR_RETURN(Plan plan, PlanNumbers(model, request));
  if (!plan.fits) plan.shortfall = ShortfallOf(plan, request);
  plan.notes = NotesOf(plan, request, model);
  return plan;
}

}  // namespace governor
