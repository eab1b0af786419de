#include "governor/driver/primary_context.h"

#include <utility>

#include "governor/base/status_macros.h"
#include "governor/driver/cuda_status.h"
#include "governor/driver/current_context.h"

namespace governor {

absl::StatusOr<std::shared_ptr<PrimaryContext>> PrimaryContext::Retain(
    Device device) {
  GOVERNOR_RETURN_IF_ERROR(device.CheckProcess());
  CUcontext context = nullptr;
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(device.api().DevicePrimaryCtxRetain(&context, device.handle()),
                 "cuDevicePrimaryCtxRetain"));
  return std::shared_ptr<PrimaryContext>(
      new PrimaryContext(std::move(device), context));
}

PrimaryContext::~PrimaryContext() {
  // Tried twice: nobody is left to hear the driver's answer and call again.
  if (!Release().ok()) Release().IgnoreError();
}

absl::Status PrimaryContext::Release() {
  if (context_ == nullptr || !device_.is_current_process()) {
    return absl::OkStatus();
  }
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(device_.api().DevicePrimaryCtxRelease(device_.handle()),
                 "cuDevicePrimaryCtxRelease"));
  context_ = nullptr;
  return absl::OkStatus();
}

absl::Status PrimaryContext::Synchronize() const {
  GOVERNOR_ASSIGN_OR_RETURN(const CurrentContext current,
                            CurrentContext::Enter(device_, context_));
  return CudaStatus(device_.api().CtxSynchronize(), "cuCtxSynchronize");
}

absl::StatusOr<PrimaryContext::Memory> PrimaryContext::ReadMemory() const {
  GOVERNOR_ASSIGN_OR_RETURN(const CurrentContext current,
                            CurrentContext::Enter(device_, context_));
  size_t free = 0;
  size_t total = 0;
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(device_.api().MemGetInfo(&free, &total), "cuMemGetInfo"));
  return Memory{Bytes(free), Bytes(total)};
}

}  // namespace governor
