#ifndef GOVERNOR_DRIVER_HOST_DRIVER_PEER_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_PEER_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: peer access between devices.
class PeerCalls {
 public:
  explicit PeerCalls(HostState& state) : state_(state) {}

  CUresult DeviceCanAccessPeer(int* can_access, CUdevice device, CUdevice peer);
  CUresult DeviceGetP2PAttribute(int* value, CUdevice_P2PAttribute attribute,
                                 CUdevice device, CUdevice peer);
  CUresult CtxEnablePeerAccess(CUcontext peer, unsigned int flags);
  CUresult CtxDisablePeerAccess(CUcontext peer);

 private:
  bool CanAccess(int device, int peer) const;
  // The current context and `peer`, both alive.
  CUresult CheckBoth(CUcontext peer, ContextId* own, ContextId* other);

  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_PEER_CALLS_H_
