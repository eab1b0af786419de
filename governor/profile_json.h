#ifndef GOVERNOR_PROFILE_JSON_H_
#define GOVERNOR_PROFILE_JSON_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/plan_profile.h"

namespace governor {

// The text of a file of profiles: JSON, indented, with a last end of line.
//
//   {"version": 1,
//    "profiles": [{"name": "llama-8b-vllm", "model": "llama/Llama 3.1 8B",
//                  "engine": "vllm", "device": "NVIDIA GB10",
//                  "driver": "CUDA 13.0", "activation_bytes": 1610612736,
//                  "allowance_bytes": 2147483648, "graph_bytes": 536870912,
//                  "stored": "2026-11-21", "note": ""}]}
std::string WriteProfiles(const std::vector<PlanProfile>& profiles);

// Reads it back. `graph_bytes`, `stored` and `note` may be absent, as may
// `device` and `driver`; everything else must be there, and nothing else may.
// INVALID_ARGUMENT, naming the profile and the key: no JSON of this form, a key
// that is not known or is there twice, a size that is no whole number of bytes
// below 2^64, two profiles of one name, another version; a value that
// CheckProfile refuses.
absl::StatusOr<std::vector<PlanProfile>> ParseProfiles(absl::string_view text);

}  // namespace governor

#endif  // GOVERNOR_PROFILE_JSON_H_
