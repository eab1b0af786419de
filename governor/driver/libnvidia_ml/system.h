#ifndef GOVERNOR_DRIVER_LIBNVIDIA_ML_SYSTEM_H_
#define GOVERNOR_DRIVER_LIBNVIDIA_ML_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/driver/host_driver/host_driver.h"
#include "governor/driver/libcuda/device_books.h"
#include "governor/driver/libnvidia_ml/device_processes.h"

namespace governor {

// The machine as NVML shows it. What a device is, a HostDriver of its own
// answers, so that NVML and CUDA say the same; who uses it, the books of other
// processes say. Thread-safe.
class NvmlSystem {
 public:
  // The machine of the environment. INVALID_ARGUMENT, UNIMPLEMENTED,
  // RESOURCE_EXHAUSTED: as EnvironmentPersonality and HostDriver::Create say.
  static absl::StatusOr<std::unique_ptr<NvmlSystem>> Create();

  int devices() const { return host_->personality().devices; }
  int cuda_version() const { return host_->personality().driver_version; }
  // "580.159.04"
  std::string driver_version() const;
  // "13.580.159.04"
  std::string nvml_version() const;

  std::string name() const { return host_->personality().device_name; }
  // "GPU-…", of the bytes of cuDeviceGetUuid.
  std::string Uuid(int device) const;
  // nullopt: no device is there.
  std::optional<int> DeviceAt(const std::string& bus_id) const;
  int Attribute(CUdevice_attribute attribute, int device) const;

  // nullopt: an integrated device has no memory of its own to tell of.
  struct Memory {
    uint64_t total;
    uint64_t reserved;
    uint64_t free;
    uint64_t used;  // by processes
  };
  std::optional<Memory> MemoryOf(int device) const;

  std::vector<DeviceProcess> Processes(int device) const {
    return DeviceProcesses(machine_, device);
  }

 private:
  explicit NvmlSystem(std::unique_ptr<HostDriver> host);

  const std::unique_ptr<HostDriver> host_;
  const HostMachine machine_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_LIBNVIDIA_ML_SYSTEM_H_
