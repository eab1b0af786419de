#ifndef GOVERNOR_DRIVER_HOST_DRIVER_IPC_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_IPC_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: legacy interprocess communication. Memory of cuMemAlloc can be
// opened in other processes of the user that use a host driver. Events cannot:
// their handles are answered with CUDA_ERROR_NOT_SUPPORTED.
class IpcCalls {
 public:
  explicit IpcCalls(HostState& state) : state_(state) {}

  CUresult IpcGetMemHandle(CUipcMemHandle* handle, CUdeviceptr address);
  CUresult IpcOpenMemHandle(CUdeviceptr* address, CUipcMemHandle handle,
                            unsigned int flags);
  CUresult IpcCloseMemHandle(CUdeviceptr address);
  CUresult IpcGetEventHandle(CUipcEventHandle* handle, CUevent event);
  CUresult IpcOpenEventHandle(CUevent* event, CUipcEventHandle handle);

 private:
  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_IPC_CALLS_H_
