#ifndef GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: primary contexts, and which context is current.
class ContextCalls {
 public:
  explicit ContextCalls(HostState& state) : state_(state) {}

  CUresult DevicePrimaryCtxRetain(CUcontext* context, CUdevice device);
  CUresult DevicePrimaryCtxRelease(CUdevice device);
  CUresult DevicePrimaryCtxGetState(CUdevice device, unsigned int* flags,
                                    int* active);
  CUresult CtxPushCurrent(CUcontext context);
  CUresult CtxPopCurrent(CUcontext* context);
  CUresult CtxSetCurrent(CUcontext context);
  CUresult CtxGetCurrent(CUcontext* context);
  CUresult CtxGetDevice(CUdevice* device);
  CUresult CtxSynchronize();

 private:
  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_CALLS_H_
