#ifndef GOVERNOR_DRIVER_HOST_DRIVER_MACHINE_MEMORY_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_MACHINE_MEMORY_H_

#include <optional>

#include "governor/base/bytes.h"

namespace governor {

// This machine's MemFree or MemAvailable now. nullopt: /proc/meminfo cannot be
// read.
std::optional<Bytes> MachineMemFree();
std::optional<Bytes> MachineMemAvailable();

// Whether this machine has a memory node of this number. 0 always is one.
bool IsMemoryNode(int node);

// The memory node of the CPU that the caller runs on.
int CurrentMemoryNode();

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_MACHINE_MEMORY_H_
