#include "governor/memory/mapping.h"

#include <utility>

namespace governor {

DriverAnswer Mapping::Map(const AddressRange& range, Bytes offset,
                          PhysicalChunk& chunk, Mapping& mapping) noexcept {
  const CUdeviceptr address = range.address() + offset.count();
  const DriverAnswer answer = {
      range.device().api().MemMap(address, chunk.size().count(),
                                  /*offset=*/0, chunk.handle(), /*flags=*/0),
      "cuMemMap"};
  if (!answer.ok()) return answer;
  mapping.device_ = &range.device();
  mapping.address_ = address;
  mapping.chunk_ = std::move(chunk);
  return answer;
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

DriverAnswer Mapping::Unmap(PhysicalChunk& chunk) noexcept {
  const DriverAnswer answer = {
      device_->api().MemUnmap(address_, chunk_.size().count()), "cuMemUnmap"};
  if (!answer.ok()) return answer;
  device_ = nullptr;
  address_ = 0;
  chunk = std::move(chunk_);
  return answer;
}

}  // namespace governor
