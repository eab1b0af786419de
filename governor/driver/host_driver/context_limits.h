#ifndef GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_LIMITS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_LIMITS_H_

#include <cstddef>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {

// What cuCtxSetLimit and cuCtxGetLimit know of each limit. They hold nothing:
// no memory of the device is taken for a heap, a stack or a queue.
//
// INVALID_VALUE: no such limit. UNSUPPORTED_LIMIT: not of this device, or only
// of contexts for graphics (CIG).

// A context's limit before it is set.
CUresult DefaultLimit(const Personality& personality, CUlimit limit,
                      size_t* value);
// Turns what the caller wants into what the context has then. INVALID_VALUE,
// too: more than there can be.
CUresult AdjustLimit(const Personality& personality, CUlimit limit,
                     size_t* value);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_LIMITS_H_
