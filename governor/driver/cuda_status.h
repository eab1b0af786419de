#ifndef GOVERNOR_DRIVER_CUDA_STATUS_H_
#define GOVERNOR_DRIVER_CUDA_STATUS_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "governor/driver/driver_api.h"

namespace governor {

// The only mapping from CUresult to absl::Status. `call` names the driver
// function that answered, for the message. The CUresult itself travels in a
// payload. Thread-safe; makes no driver call.
//
// OK                   CUDA_SUCCESS
// RESOURCE_EXHAUSTED   short of memory or of another resource; the driver
//                      changed nothing, asking again later may work
// INVALID_ARGUMENT     the call was wrong: a value, a device, a handle
// UNAVAILABLE          no device, or not one that can be used now
// UNIMPLEMENTED        this device or driver cannot do it
// FAILED_PRECONDITION  wrong order of calls, not permitted, or a sticky error:
//                      see IsStickyError
// INTERNAL             anything else, numbers unknown to us included
absl::Status CudaStatus(CUresult result, absl::string_view call);

// The CUresult of a status made by CudaStatus; nullopt for any other status.
std::optional<CUresult> CudaResultOf(const absl::Status& status);

// True for the errors after which the context is lost and every later call of
// the process answers the same: only a new process helps.
bool IsStickyError(CUresult result);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_CUDA_STATUS_H_
