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

// What the plan was made of, as the user gave it.
struct PlanPaths {
  std::string model;
  std::optional<std::string> draft = std::nullopt;
  std::vector<std::string> adapters = {};
};

// The flags for `plan`, which is of `request`, on the models and adapters at
// `paths`. `device` is what is known of the device; a fraction of one that
// nobody has asked is left out, with a note. No flags, but a note, for a plan
// that does not fit, for one that the engine's options cannot express, and for
// paths that cannot be printed as they are.
PlanFlags PlanFlagsOf(const Plan& plan, const PlanRequest& request,
                      const PlanPaths& paths,
                      const std::optional<DeviceMemorySize>& device);

}  // namespace governor

#endif  // GOVERNOR_PLAN_FLAGS_H_
