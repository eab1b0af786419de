#include "governor/memory/address_range.h"

#include <utility>

#include "governor/base/status_macros.h"

namespace governor {

absl::StatusOr<AddressRange> AddressRange::Reserve(const Device& device,
                                                   Bytes size,
                                                   Bytes alignment) {
  GOVERNOR_RETURN_IF_ERROR(device.CheckProcess());
  CUdeviceptr address = 0;
  const DriverAnswer answer = {
      device.api().MemAddressReserve(&address, size.count(), alignment.count(),
                                     /*addr=*/0, /*flags=*/0),
      "cuMemAddressReserve"};
  if (!answer.ok()) return answer.ToStatus();
  return AddressRange(device, address, size);
}

AddressRange::AddressRange(AddressRange&& other) noexcept
    : device_(std::exchange(other.device_, nullptr)),
      address_(std::exchange(other.address_, 0)),
      size_(std::exchange(other.size_, Bytes())) {}

AddressRange& AddressRange::operator=(AddressRange&& other) noexcept {
  if (this != &other) {
    Free().IgnoreError();
    device_ = std::exchange(other.device_, nullptr);
    address_ = std::exchange(other.address_, 0);
    size_ = std::exchange(other.size_, Bytes());
  }
  return *this;
}

AddressRange::~AddressRange() { Free().IgnoreError(); }

DriverAnswer AddressRange::Free() noexcept {
  if (device_ == nullptr || !device_->is_current_process()) return {};
  const DriverAnswer answer = {
      device_->api().MemAddressFree(address_, size_.count()),
      "cuMemAddressFree"};
  if (!answer.ok()) return answer;
  device_ = nullptr;
  address_ = 0;
  size_ = Bytes();
  return answer;
}

DriverAnswer AddressRange::MakeAccessible(Bytes offset,
                                          Bytes size) const noexcept {
  CUmemAccessDesc access = {};
  access.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  access.location.id = device_->handle();
  access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  return {device_->api().MemSetAccess(address_ + offset.count(), size.count(),
                                      &access, /*count=*/1),
          "cuMemSetAccess"};
}

}  // namespace governor
