#ifndef GOVERNOR_DRIVER_NVML_DEVICE_H_
#define GOVERNOR_DRIVER_NVML_DEVICE_H_

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/base/process_epoch.h"
#include "governor/driver/nvml_api.h"

namespace governor {

// One device as NVML sees it: with what every process holds on it. Takes none
// of its memory and needs no context. Thread-safe. In a forked child every call
// is FAILED_PRECONDITION and the destructor does nothing.
class NvmlDevice {
 public:
  struct Process {
    pid_t pid = 0;  // in the PID namespace of whoever NVML counts for
    std::optional<Bytes> used;  // absent: NVML does not tell
  };

  // Initialises NVML, and finds the device with CUDA's UUID.
  // NOT_FOUND: NVML knows no such device. UNAVAILABLE: its driver is not
  // loaded. Else the error, by NvmlStatus.
  static absl::StatusOr<std::shared_ptr<const NvmlDevice>> Open(
      const NvmlApi& api, const std::array<uint8_t, 16>& uuid);

  // Shuts NVML down, once for the one initialisation.
  ~NvmlDevice();
  NvmlDevice(const NvmlDevice&) = delete;
  NvmlDevice& operator=(const NvmlDevice&) = delete;

  // What is in use of the whole device, what the card keeps for itself
  // included. UNIMPLEMENTED: a device without memory of its own.
  absl::StatusOr<Bytes> ReadUsed() const;

  // Who has a compute context on the device. In a container it may be empty, or
  // show numbers of the host's processes.
  absl::StatusOr<std::vector<Process>> ReadProcesses() const;

 private:
  explicit NvmlDevice(const NvmlApi& api) : api_(api) {}

  absl::Status CheckProcess() const;

  const NvmlApi api_;
  const ProcessEpoch process_;
  NvmlHandle handle_ = nullptr;
};

// "GPU-9c5ea7e1-…", as NVML and nvidia-smi write a UUID.
std::string NvmlUuid(const std::array<uint8_t, 16>& uuid);

// What an nvmlReturn_t means; OK for NVML_SUCCESS.
absl::Status NvmlStatus(const NvmlApi& api, int result,
                        absl::string_view function);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_NVML_DEVICE_H_
