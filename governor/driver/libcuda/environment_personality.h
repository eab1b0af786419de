#ifndef GOVERNOR_DRIVER_LIBCUDA_ENVIRONMENT_PERSONALITY_H_
#define GOVERNOR_DRIVER_LIBCUDA_ENVIRONMENT_PERSONALITY_H_

#include "absl/status/statusor.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {

// The machine that GOVERNOR_HOST_DRIVER names; `gb10` with this machine's
// memory where the variable is empty or not set, and in setuid and setgid
// programs. INVALID_ARGUMENT, UNIMPLEMENTED: as ParsePersonality says, with the
// variable's name.
absl::StatusOr<Personality> EnvironmentPersonality();

}  // namespace governor

#endif  // GOVERNOR_DRIVER_LIBCUDA_ENVIRONMENT_PERSONALITY_H_
