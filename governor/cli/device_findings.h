#ifndef GOVERNOR_CLI_DEVICE_FINDINGS_H_
#define GOVERNOR_CLI_DEVICE_FINDINGS_H_

#include <optional>
#include <string>
#include <vector>

#include "governor/driver/device.h"
#include "governor/driver/nvml_device.h"
#include "governor/policy/finding.h"

namespace governor {

// What `doctor` found of the device. Of a CUDA that was asked for and cannot be
// used there is no device, only the problem.
struct DeviceSeen {
  std::optional<Device> device = std::nullopt;
  bool is_host = false;           // the host driver's
  std::string cuda_problem = "";  // empty where CUDA answered, or was not asked
  // NVML, of a device that is not the host driver's: who holds what, or why it
  // does not tell.
  std::vector<NvmlDevice::Process> processes = {};
  std::string nvml_problem = "";
};

// Asks NVML for `seen.device`; fills the last two.
void AskNvml(DeviceSeen& seen);

std::vector<Finding> DeviceFindings(const DeviceSeen& seen);

}  // namespace governor

#endif  // GOVERNOR_CLI_DEVICE_FINDINGS_H_
