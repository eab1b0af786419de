#include "governor/driver/host_driver/host_calls.h"

namespace governor {
namespace {

// What reads constants only, and so answers even in a forked child.
bool IsConstant(DriverCall call) {
  return call == DriverCall::kDriverGetVersion ||
         call == DriverCall::kGetErrorName ||
         call == DriverCall::kGetErrorString;
}

bool NeedsInit(DriverCall call) {
  return call != DriverCall::kInit && call != DriverCall::kGetProcAddress &&
         !IsConstant(call);
}

// What a stream capture does not allow meanwhile, as measured on an H200: what
// may wait for the device. The calls of virtual memory management are not among
// these. Calls on streams and events see to it themselves.
bool IsUnsafeInCapture(DriverCall call) {
  switch (call) {
    case DriverCall::kMemAlloc:
    case DriverCall::kMemAllocPitch:
    case DriverCall::kMemFree:
    case DriverCall::kMemAllocHost:
    case DriverCall::kMemFreeHost:
    case DriverCall::kMemHostAlloc:
    case DriverCall::kMemHostRegister:
    case DriverCall::kMemHostUnregister:
    case DriverCall::kMemAllocManaged:
    case DriverCall::kArrayCreate:
    case DriverCall::kArray3DCreate:
    case DriverCall::kArrayDestroy:
    case DriverCall::kMipmappedArrayCreate:
    case DriverCall::kMipmappedArrayDestroy:
    case DriverCall::kMemPoolCreate:
    case DriverCall::kMemPoolDestroy:
    case DriverCall::kMemPoolTrimTo:
    case DriverCall::kMemPoolGetAttribute:
    case DriverCall::kMemPoolSetAttribute:
    case DriverCall::kMemPoolSetAccess:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<CUresult> HostCalls::Enter(DriverCall call) {
  // Before anything that takes a lock: another thread of the parent may have
  // held it.
  if (!state_.epoch.is_current()) {
    if (IsConstant(call)) return std::nullopt;
    return CUDA_ERROR_NOT_INITIALIZED;
  }
  state_.calls[static_cast<int>(call)].fetch_add(1, std::memory_order_relaxed);
  if (std::optional<CUresult> fault = state_.faults.OnCall(call)) return fault;
  if (NeedsInit(call) && !state_.initialized.load()) {
    return CUDA_ERROR_NOT_INITIALIZED;
  }
  if (IsUnsafeInCapture(call)) {
    if (CUresult result = state_.streams.CheckUnsafe()) return result;
  }
  return std::nullopt;
}

}  // namespace governor
