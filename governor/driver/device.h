#ifndef GOVERNOR_DRIVER_DEVICE_H_
#define GOVERNOR_DRIVER_DEVICE_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/base/process_epoch.h"
#include "governor/driver/driver_api.h"

namespace governor {

// What one CUDA device is: read once, without creating a context and without
// taking any of its memory. A plain value; it holds a copy of the DriverApi.
class Device {
 public:
  // Initializes the driver if nobody has.
  // UNAVAILABLE: the driver sees no device. INVALID_ARGUMENT: it sees fewer
  // than `ordinal` + 1. Else the driver's own error.
  static absl::StatusOr<Device> Open(const DriverApi& api, int ordinal);

  const DriverApi& api() const { return api_; }
  int ordinal() const { return ordinal_; }
  CUdevice handle() const { return handle_; }
  const std::string& name() const { return name_; }
  const std::array<uint8_t, 16>& uuid() const { return uuid_; }
  // The driver's version, 1000 * major + 10 * minor.
  int driver_version() const { return driver_version_; }

  // The compute capability: 12 and 1 of a GB10.
  int capability_major() const { return capability_major_; }
  int capability_minor() const { return capability_minor_; }

  Bytes total_memory() const { return total_memory_; }
  // True where the device has no memory of its own: it takes the machine's.
  bool is_integrated() const { return is_integrated_; }
  // The same device, whose memory is the host's, pinned where the device can
  // reach it: `total` of it. UNIMPLEMENTED: an integrated device, whose memory
  // is that already, or a driver that cannot. Or the driver's error.
  absl::StatusOr<Device> WithPinnedHostMemory(Bytes total) const;
  // Whether what is allocated here is memory of the host, and so what a floor
  // of the host's memory governs; and why, in words.
  bool takes_host_memory() const { return is_integrated_ || pins_host_; }
  const char* why_host_memory() const;
  // False on devices and drivers that cannot map physical memory by hand.
  bool supports_virtual_memory() const { return !granularity_.is_zero(); }
  // The unit of physical memory: each chunk is a multiple. Zero without VMM.
  Bytes granularity() const { return granularity_; }

  // How this library asks for physical memory on this device.
  CUmemAllocationProp allocation_properties() const;

  // FAILED_PRECONDITION in a forked child, where no driver call may be made.
  absl::Status CheckProcess() const;
  bool is_current_process() const { return process_.is_current(); }

 private:
  explicit Device(const DriverApi& api) : api_(api) {}

  absl::Status ReadGranularity();

  DriverApi api_;
  ProcessEpoch process_;
  int ordinal_ = 0;
  CUdevice handle_ = 0;
  std::string name_;
  std::array<uint8_t, 16> uuid_{};
  int driver_version_ = 0;
  int capability_major_ = 0;
  int capability_minor_ = 0;
  Bytes total_memory_;
  bool is_integrated_ = false;
  bool pins_host_ = false;
  int host_node_ = 0;  // of pins_host_
  Bytes granularity_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_DEVICE_H_
