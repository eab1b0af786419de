#ifndef GOVERNOR_HOST_RESIDENT_SET_H_
#define GOVERNOR_HOST_RESIDENT_SET_H_

#include <cstdint>
#include <optional>
#include <string>

#include "governor/base/bytes.h"

namespace governor {

// What a process holds of the host's memory now, by proc/PID/statm under
// `root`; pages that it shares with others count in full. nullopt: no such
// process here, or nothing that can be read.
std::optional<Bytes> ResidentSetOf(int64_t pid, const std::string& root);

}  // namespace governor

#endif  // GOVERNOR_HOST_RESIDENT_SET_H_
