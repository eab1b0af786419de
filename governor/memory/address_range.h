#ifndef GOVERNOR_MEMORY_ADDRESS_RANGE_H_
#define GOVERNOR_MEMORY_ADDRESS_RANGE_H_

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/driver/device.h"
#include "governor/memory/driver_answer.h"

namespace governor {

// A reserved range of device addresses. It holds no memory: touching it where
// nothing is mapped is a fault. Move-only; an object is for one thread at a
// time, but different parts of a range may be mapped by different threads.
// In a forked child it is void.
class AddressRange {
 public:
  // Holds nothing.
  AddressRange() = default;

  // Reserves `size`, aligned to `alignment`, a power of two (both multiples of
  // the granularity; `device` outlives the range). Or the driver's error.
  static absl::StatusOr<AddressRange> Reserve(const Device& device, Bytes size,
                                              Bytes alignment);

  AddressRange(AddressRange&& other) noexcept;
  AddressRange& operator=(AddressRange&& other) noexcept;
  // Frees the range; if the driver refuses, the addresses stay taken.
  ~AddressRange();

  // Frees the range; holds nothing afterwards. Nothing is mapped in it. On an
  // error the range is still reserved: try again. Needs no memory of the host.
  DriverAnswer Free() noexcept;

  bool is_empty() const { return device_ == nullptr; }
  CUdeviceptr address() const { return address_; }
  Bytes size() const { return size_; }
  const Device& device() const { return *device_; }

  // Lets the device read and write `size` bytes from `offset`, all of them
  // mapped. Costs the driver about the same for each handle it covers, whether
  // in one call or many.
  DriverAnswer MakeAccessible(Bytes offset, Bytes size) const noexcept;

 private:
  AddressRange(const Device& device, CUdeviceptr address, Bytes size)
      : device_(&device), address_(address), size_(size) {}

  const Device* device_ = nullptr;
  CUdeviceptr address_ = 0;
  Bytes size_;
};

}  // namespace governor

#endif  // GOVERNOR_MEMORY_ADDRESS_RANGE_H_
