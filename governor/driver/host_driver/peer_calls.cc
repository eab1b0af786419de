#include "governor/driver/host_driver/peer_calls.h"

namespace governor {

CUresult PeerCalls::DeviceCanAccessPeer(int* can_access, CUdevice device,
                                        CUdevice peer) {
  if (can_access == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device) || !state_.IsDevice(peer)) {
    return CUDA_ERROR_INVALID_DEVICE;
  }
  *can_access = CanAccess(device, peer) ? 1 : 0;
  return CUDA_SUCCESS;
}

CUresult PeerCalls::DeviceGetP2PAttribute(int* value,
                                          CUdevice_P2PAttribute attribute,
                                          CUdevice device, CUdevice peer) {
  if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device) || !state_.IsDevice(peer) || device == peer) {
    return CUDA_ERROR_INVALID_DEVICE;
  }
  // By number, so that an older header does not make fewer of them valid.
  switch (static_cast<int>(attribute)) {
    case 1:  // performance rank: chosen, all links are alike
    case 5:  // only some atomic operations: chosen
      *value = 0;
      return CUDA_SUCCESS;
    case 2:  // access
    case 4:  // access to arrays: chosen, as to other memory
      *value = CanAccess(device, peer) ? 1 : 0;
      return CUDA_SUCCESS;
    case 3:  // all atomic operations: chosen, h200 has NVLink
      *value = CanAccess(device, peer) && state_.personality.name == "h200";
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult PeerCalls::CtxEnablePeerAccess(CUcontext peer, unsigned int flags) {
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  ContextId own = 0, other = 0;
  if (CUresult result = CheckBoth(peer, &own, &other)) return result;
  if (!CanAccess(DeviceOfContext(own), DeviceOfContext(other))) {
    return CUDA_ERROR_PEER_ACCESS_UNSUPPORTED;
  }
  return state_.contexts.VisitCurrent([other](Contexts::Settings& settings) {
    return settings.peers.insert(other).second
               ? CUDA_SUCCESS
               : CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
  });
}

CUresult PeerCalls::CtxDisablePeerAccess(CUcontext peer) {
  ContextId own = 0, other = 0;
  if (CUresult result = CheckBoth(peer, &own, &other)) return result;
  return state_.contexts.VisitCurrent([other](Contexts::Settings& settings) {
    return settings.peers.erase(other) == 1
               ? CUDA_SUCCESS
               : CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
  });
}

bool PeerCalls::CanAccess(int device, int peer) const {
  const auto& attributes = state_.personality.attributes;
  const auto integrated = attributes.find(CU_DEVICE_ATTRIBUTE_INTEGRATED);
  // Chosen: discrete devices of a machine reach each other, others do not.
  return device != peer &&
         (integrated == attributes.end() || integrated->second == 0);
}

CUresult PeerCalls::CheckBoth(CUcontext peer, ContextId* own,
                              ContextId* other) {
  if (CUresult result = state_.contexts.Current(own)) return result;
  // Documented: a peer that is not valid is an invalid context.
  return state_.contexts.Check(peer, other) == CUDA_SUCCESS
             ? CUDA_SUCCESS
             : CUDA_ERROR_INVALID_CONTEXT;
}

}  // namespace governor
