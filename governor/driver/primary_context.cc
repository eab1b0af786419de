#include "governor/driver/primary_context.h"

#include <utility>

#include "governor/base/status_macros.h"
#include "governor/driver/cuda_status.h"
#include "governor/driver/current_context.h"

namespace governor {

absl::StatusOr<std::shared_ptr<PrimaryContext>> PrimaryContext::Retain(
    Device device) {
  GOVERNOR_RETURN_IF_ERROR(device.CheckProcess());
  // Made first, so that what the driver retains has an owner at once.
  const std::shared_ptr<PrimaryContext> context(
      new PrimaryContext(std::move(device)));
  const Device& retained = context->device_;
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(retained.api().DevicePrimaryCtxRetain(&context->context_,
                                                       retained.handle()),
                 "cuDevicePrimaryCtxRetain"));
  return context;
}

PrimaryContext::~PrimaryContext() {
  if (context_ == nullptr || !device_.is_current_process()) return;
  // Tried twice: nobody is left to hear the driver's answer and call again. Not
  // by Release: there may be no memory for a status.
  if (device_.api().DevicePrimaryCtxRelease(device_.handle()) != CUDA_SUCCESS) {
    device_.api().DevicePrimaryCtxRelease(device_.handle());
  }
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
