#ifndef GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: contexts, their settings, and which is current.
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
  CUresult DevicePrimaryCtxSetFlags(CUdevice device, unsigned int flags);
  CUresult DevicePrimaryCtxReset(CUdevice device);
  CUresult CtxCreate(CUcontext* context, CUctxCreateParams* params,
                     unsigned int flags, CUdevice device);
  CUresult CtxDestroy(CUcontext context);
  CUresult CtxGetFlags(unsigned int* flags);
  CUresult CtxGetApiVersion(CUcontext context, unsigned int* version);
  CUresult CtxSetLimit(CUlimit limit, size_t value);
  CUresult CtxGetLimit(size_t* value, CUlimit limit);
  CUresult CtxGetStreamPriorityRange(int* least, int* greatest);

 private:
  // Where a context comes to life and dies: its share of the device's memory,
  // and what goes with it.
  CUresult Begin(int device);
  void End(ContextId id);

  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_CONTEXT_CALLS_H_
