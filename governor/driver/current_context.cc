#include "governor/driver/current_context.h"

#include <utility>

#include "absl/status/status.h"
#include "governor/base/status_macros.h"
#include "governor/driver/cuda_status.h"

namespace governor {

absl::StatusOr<CurrentContext> CurrentContext::Enter(const Device& device,
                                                     CUcontext context) {
  GOVERNOR_RETURN_IF_ERROR(device.CheckProcess());
  if (context == nullptr) {
    return absl::FailedPreconditionError("the device's context was released");
  }
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(device.api().CtxPushCurrent(context), "cuCtxPushCurrent"));
  return CurrentContext(device);
}

CurrentContext::CurrentContext(CurrentContext&& other) noexcept
    : device_(std::exchange(other.device_, nullptr)) {}

CurrentContext::~CurrentContext() {
  if (device_ == nullptr || !device_->is_current_process()) return;
  // Tried twice, because a context left behind would be the embedder's next
  // one. A driver that fails both times reports it at every later call too.
  CUcontext popped = nullptr;
  if (device_->api().CtxPopCurrent(&popped) != CUDA_SUCCESS) {
    device_->api().CtxPopCurrent(&popped);
  }
}

}  // namespace governor
