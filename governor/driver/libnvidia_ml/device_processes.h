#ifndef GOVERNOR_DRIVER_LIBNVIDIA_ML_DEVICE_PROCESSES_H_
#define GOVERNOR_DRIVER_LIBNVIDIA_ML_DEVICE_PROCESSES_H_

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "governor/driver/libcuda/device_books.h"

namespace governor {

struct DeviceProcess {
  pid_t pid;
  uint64_t held_bytes;  // not zero
};

// Who holds memory of a device of `machine`, and how much, by the books that
// processes on libcuda.so.1 publish. Those whose /proc/PID/fd this process may
// not read are left out. In the order of /proc. Costs a look at every open file
// of every such process.
std::vector<DeviceProcess> DeviceProcesses(const HostMachine& machine,
                                           int device);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_LIBNVIDIA_ML_DEVICE_PROCESSES_H_
