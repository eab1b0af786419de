#ifndef GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_ID_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_ID_H_

#include "governor/driver/host_driver/personality.h"

namespace governor {

// Names a context of a HostDriver: what belongs to one carries this. The
// primary context of a device has the device's number. One that cuCtxCreate
// made has a number that is never used twice, and still tells its device.
using ContextId = int;

constexpr int DeviceOfContext(ContextId id) { return id % kMaxHostDevices; }

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_ID_H_
