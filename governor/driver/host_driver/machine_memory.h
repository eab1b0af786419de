#ifndef GOVERNOR_DRIVER_HOST_DRIVER_MACHINE_MEMORY_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_MACHINE_MEMORY_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"

namespace governor {

// MemFree of a text like /proc/meminfo. nullopt: it has none.
std::optional<Bytes> ParseMemFree(absl::string_view meminfo);

// This machine's MemFree now. nullopt: /proc/meminfo cannot be read.
std::optional<Bytes> MachineMemFree();

// Whether this machine has a memory node of this number. 0 always is one.
bool IsMemoryNode(int node);

// The memory node of the CPU that the caller runs on.
int CurrentMemoryNode();

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_MACHINE_MEMORY_H_
