#include "governor/memory/mapping.h"

#include <utility>

#include "governor/base/status_macros.h"
#include "governor/driver/cuda_status.h"

namespace governor {

absl::Status Mapping::Map(const AddressRange& range, Bytes offset,
                          PhysicalChunk& chunk, Mapping& mapping) {
  const CUdeviceptr address = range.address() + offset.count();
  GOVERNOR_RETURN_IF_ERROR(CudaStatus(
      range.device().api().MemMap(address, chunk.size().count(),
                                  /*offset=*/0, chunk.handle(), /*flags=*/0),
      "cuMemMap"));
  mapping.device_ = &range.device();
  mapping.address_ = address;
  mapping.chunk_ = std::move(chunk);
  return absl::OkStatus();
}

Mapping::Mapping(Mapping&& other) noexcept
    : device_(std::exchange(other.device_, nullptr)),
      address_(std::exchange(other.address_, 0)),
      chunk_(std::move(other.chunk_)) {}

Mapping::~Mapping() {
  if (is_empty() || !device_->is_current_process()) return;
  PhysicalChunk chunk;
  if (Unmap(chunk).ok()) return;
  // A handle released now would be freed only at an unmap that never comes.
  chunk_.GiveUp();
}

absl::Status Mapping::Unmap(PhysicalChunk& chunk) {
  GOVERNOR_RETURN_IF_ERROR(CudaStatus(
      device_->api().MemUnmap(address_, chunk_.size().count()), "cuMemUnmap"));
  device_ = nullptr;
  address_ = 0;
  chunk = std::move(chunk_);
  return absl::OkStatus();
}

}  // namespace governor
