#include "governor/driver/host_driver/register_rules.h"

#include "governor/driver/driver_api.h"

namespace governor {

RegisterOutcome RegisterOutcomeOf(const Personality& personality,
                                  const HostMapping& mapping, bool read_only) {
  if (!mapping.readable) return RegisterOutcome::kRefuses;
  // Documented: nothing is page-locked there. Reported: a shared mapping of a
  // file is taken. Chosen: so is a private one, which stays as it is.
  if (personality.Has(
          CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES)) {
    return RegisterOutcome::kSucceeds;
  }
  if (!mapping.file) {
    // Measured for anonymous memory; NCCL registers shared memory. Documented:
    // what the CPU may not write needs the flag.
    return mapping.writable || read_only ? RegisterOutcome::kSucceeds
                                         : RegisterOutcome::kRefuses;
  }
  // Measured, all four kinds of mapping with and without the flag.
  if (mapping.shared) {
    return read_only ? RegisterOutcome::kSucceeds : RegisterOutcome::kRefuses;
  }
  if (read_only) return personality.register_private_read_only;
  return mapping.writable ? RegisterOutcome::kCopies
                          : RegisterOutcome::kRefuses;
}

}  // namespace governor
