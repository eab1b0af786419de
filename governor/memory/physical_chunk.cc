#include "governor/memory/physical_chunk.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {

absl::StatusOr<PhysicalChunk> PhysicalChunk::Create(const Device& device,
                                                    Grant& grant) {
  GOVERNOR_RETURN_IF_ERROR(device.CheckProcess());
  if (grant.size().is_zero() ||
      !grant.size().IsMultipleOf(device.granularity())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a chunk is a multiple of the device's allocation granularity, ",
        ToString(device.granularity()), "; the grant is for ",
        grant.size().count(), " bytes"));
  }
  const CUmemAllocationProp properties = device.allocation_properties();
  CUmemGenericAllocationHandle handle = 0;
  const DriverAnswer answer = {
      device.api().MemCreate(&handle, grant.size().count(), &properties,
                             /*flags=*/0),
      "cuMemCreate"};
  if (!answer.ok()) return answer.ToStatus();
  grant.Settle();
  return PhysicalChunk(device, handle, std::move(grant));
}

PhysicalChunk::PhysicalChunk(const Device& device,
                             CUmemGenericAllocationHandle handle, Grant grant)
    : device_(&device), handle_(handle), grant_(std::move(grant)) {}

PhysicalChunk::PhysicalChunk(PhysicalChunk&& other) noexcept
    : device_(std::exchange(other.device_, nullptr)),
      handle_(std::exchange(other.handle_, 0)),
      grant_(std::move(other.grant_)) {}

PhysicalChunk& PhysicalChunk::operator=(PhysicalChunk&& other) noexcept {
  if (this != &other) {
    if (!Release().ok()) GiveUp();
    device_ = std::exchange(other.device_, nullptr);
    handle_ = std::exchange(other.handle_, 0);
    grant_ = std::move(other.grant_);
  }
  return *this;
}

PhysicalChunk::~PhysicalChunk() {
  if (!Release().ok()) GiveUp();
}

void PhysicalChunk::GiveUp() noexcept {
  device_ = nullptr;
  handle_ = 0;
  grant_.Forfeit();
}

DriverAnswer PhysicalChunk::Release() noexcept {
  if (device_ == nullptr || !device_->is_current_process()) return {};
  const DriverAnswer answer = {device_->api().MemRelease(handle_),
                               "cuMemRelease"};
  if (!answer.ok()) return answer;
  device_ = nullptr;
  handle_ = 0;
  grant_.Release();
  return answer;
}

}  // namespace governor
