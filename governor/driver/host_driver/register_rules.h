#ifndef GOVERNOR_DRIVER_HOST_DRIVER_REGISTER_RULES_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_REGISTER_RULES_H_

#include "governor/driver/host_driver/host_mapping.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {

// What cuMemHostRegister does with a mapping, on a device that can do what was
// asked at all. `read_only`: CU_MEMHOSTREGISTER_READ_ONLY was given.
RegisterOutcome RegisterOutcomeOf(const Personality& personality,
                                  const HostMapping& mapping, bool read_only);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_REGISTER_RULES_H_
