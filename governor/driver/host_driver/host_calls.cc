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
  return std::nullopt;
}

}  // namespace governor
