#ifndef GOVERNOR_MODEL_HOSTILE_CONFIG_H_
#define GOVERNOR_MODEL_HOSTILE_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace governor {

// A config.json that must be refused.
struct HostileConfig {
  std::string name;
  std::string text;
  // What the message must name.
  std::string named;
  absl::StatusCode code = absl::StatusCode::kInvalidArgument;
};

// One for each way to be wrong that we know. The largest has about 4 MiB.
std::vector<HostileConfig> HostileConfigs();

}  // namespace governor

#endif  // GOVERNOR_MODEL_HOSTILE_CONFIG_H_
