#ifndef GOVERNOR_DRIVER_HOST_DRIVER_IPC_MEMORY_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_IPC_MEMORY_H_

#include <cstdint>
#include <optional>

#include "governor/driver/driver_api.h"

namespace governor {

// What a CUipcMemHandle of a HostDriver holds: where another process finds a
// linear allocation. The exporter keeps a file descriptor for each, whose
// file is named after `serial`, as long as the allocation lives: by it a stale
// handle is noticed. A plain value.
struct IpcMemory {
  uint64_t magic = 0;
  uint64_t serial = 0;  // of no other memory on this machine
  uint64_t offset = 0;  // in the device's memfd
  uint64_t size = 0;    // as asked for
  int32_t process = 0;
  int32_t device = 0;
  int32_t memory_file = 0;  // file descriptors of the process
  int32_t export_file = 0;
};
static_assert(sizeof(IpcMemory) <= CU_IPC_HANDLE_SIZE);

// A file descriptor that says that the memory of this serial lives; -1: the
// system gives none.
int NewExportFile(uint64_t serial);

// A number for IpcMemory::serial, at random.
uint64_t NewSerial();

// The exporter's memfd, for the caller to close. nullopt: the process or the
// memory is gone, or this process may not look at it.
std::optional<int> OpenMemoryOf(const IpcMemory& memory);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_IPC_MEMORY_H_
