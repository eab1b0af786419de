#include "governor/memory/address_range.h"

#include <utility>

#include "governor/base/status_macros.h"
#include "governor/driver/cuda_status.h"

namespace governor {

absl::StatusOr<AddressRange> AddressRange::Reserve(const Device& device,
                                                   Bytes size,
                                                   Bytes alignment) {
  GOVERNOR_RETURN_IF_ERROR(device.CheckProcess());
  CUdeviceptr address = 0;
  GOVERNOR_RETURN_IF_ERROR(CudaStatus(
      device.api().MemAddressReserve(&address, size.count(), alignment.count(),
                                     /*addr=*/0, /*flags=*/0),
      "cuMemAddressReserve"));
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

absl::Status AddressRange::Free() {
  if (device_ == nullptr || !device_->is_current_process()) {
    return absl::OkStatus();
  }
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(device_->api().MemAddressFree(address_, size_.count()),
                 "cuMemAddressFree"));
  device_ = nullptr;
  address_ = 0;
  size_ = Bytes();
  return absl::OkStatus();
}

absl::Status AddressRange::MakeAccessible(Bytes offset, Bytes size) const {
  CUmemAccessDesc access = {};
  access.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  access.location.id = device_->handle();
  access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  return CudaStatus(
      device_->api().MemSetAccess(address_ + offset.count(), size.count(),
                                  &access, /*count=*/1),
      "cuMemSetAccess");
}

}  // namespace governor
