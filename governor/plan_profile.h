#ifndef GOVERNOR_PLAN_PROFILE_H_
#define GOVERNOR_PLAN_PROFILE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"
#include "governor/policy/plan.h"

namespace governor {

// What somebody found out of one model in one engine on one device and driver,
// and stored under a name; we have only their word for it. Not found by what it
// is of: only by its name. A plain value; the texts are for people, and to
// compare with a plan's.
struct PlanProfile {
  std::string name;
  std::string model = {};   // as ProfileModel spells it
  std::string engine = {};  // as options spell it
  std::string device = {};
  std::string driver = {};
  Bytes activations = {};                      // peak of a forward pass
  Bytes allowance = {};                        // peak of what is not governed
  std::optional<Bytes> graphs = std::nullopt;  // captured CUDA graphs
  std::string stored = {};                     // when, for example a date
  std::string note = {};

  friend bool operator==(const PlanProfile&, const PlanProfile&) = default;
};

// A model as profiles name it: `llama/SmolLM2 135M`; without a name the
// architecture alone.
std::string ProfileModel(const ModelShape& model);

// INVALID_ARGUMENT, naming value and limit: a name that is not 1 to 64 of
// A-Z a-z 0-9 . _ -, or another text above 1024 bytes.
absl::Status CheckProfile(const PlanProfile& profile);

// Fills in what `request` leaves open, which the profile holds, and says in
// `request` whose name to show. Returns notes for the plan: what the profile is
// of, what of it was not used because it was given, and where `model` or the
// engine are others than the profile's.
std::vector<std::string> ApplyProfile(const PlanProfile& profile,
                                      const ModelShape& model,
                                      PlanRequest& request);

}  // namespace governor

#endif  // GOVERNOR_PLAN_PROFILE_H_
