#ifndef GOVERNOR_PLAN_FLAGS_H_
#define GOVERNOR_PLAN_FLAGS_H_

#include <optional>
#include <string>
#include <vector>

#include "governor/plan_request.h"
#include "governor/policy/plan.h"

namespace governor {

// How to start the plan's engine as planned.
struct PlanFlags {
  std::vector<std::string> lines;  // for a shell, ready to paste; may be none
  std::vector<std::string>
      notes;  // what they cannot say, or why there are none
};

// The flags for `plan`, which is of `request`, on `model`, a path or a name as
// the user gave it. `device` is what is known of the device; a fraction of one
// that nobody has asked is left out, with a note. No flags, but a note, for a
// plan that does not fit and for one that the engine's options cannot express.
PlanFlags PlanFlagsOf(const Plan& plan, const PlanRequest& request,
                      const std::string& model,
                      const std::optional<DeviceMemorySize>& device);

}  // namespace governor

#endif  // GOVERNOR_PLAN_FLAGS_H_
