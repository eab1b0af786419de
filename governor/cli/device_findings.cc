#include "governor/cli/device_findings.h"

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "governor/driver/nvml_loader.h"
#include "governor/snapshot_report.h"

namespace governor {
namespace {

using State = Finding::State;

absl::StatusOr<std::vector<NvmlDevice::Process>> ReadProcesses(
    const Device& device) {
  const absl::StatusOr<NvmlApi> api = LoadNvml();
  if (!api.ok()) return api.status();
  const auto nvml = NvmlDevice::Open(*api, device.uuid());
  if (!nvml.ok()) return nvml.status();
  return (*nvml)->ReadProcesses();
}

Finding NvmlFinding(const DeviceSeen& seen) {
  Finding found{.name = "NVML"};
  if (seen.is_host) {
    found.message = "not needed: the host driver keeps its own books";
  } else if (seen.nvml_problem.empty()) {
    found.message = absl::StrCat("tells what each of ", seen.processes.size(),
                                 " processes holds on the device");
  } else {
    found.state = State::kLack;
    found.message = seen.nvml_problem;
    found.cost =
        "unmanaged memory, and what other processes hold, is estimated";
    found.remedy =
        "install libnvidia-ml.so.1 of the same driver; in a container run with "
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility";
  }
  return found;
}

}  // namespace

void AskNvml(DeviceSeen& seen) {
  if (!seen.device || seen.is_host) return;
  auto processes = ReadProcesses(*seen.device);
  if (processes.ok()) {
    seen.processes = *std::move(processes);
  } else {
    seen.nvml_problem = std::string(processes.status().message());
  }
}

std::vector<Finding> DeviceFindings(const DeviceSeen& seen) {
  std::vector<Finding> findings;
  if (!seen.cuda_problem.empty()) {
    findings.push_back(
        {.state = State::kLack,
         .name = "CUDA driver",
         .message = seen.cuda_problem,
         .cost = seen.device
                     ? "plan, stat and the demo use the host driver instead; "
                       "Governor() needs driver=\"host\" to be asked for"
                     : "no command and no Governor() can use driver=\"cuda\"",
         .remedy = "install NVIDIA's driver, or in a container pass the GPU "
                   "on (--gpus all)"});
  }
  if (!seen.device) return findings;
  const Device& device = *seen.device;
  findings.push_back({.name = seen.is_host ? "host driver" : "CUDA driver",
                      .message = absl::StrFormat(
                          "API version %d.%d", device.driver_version() / 1000,
                          device.driver_version() % 1000 / 10)});
  findings.push_back({.name = "device 0", .message = device.name()});
  findings.push_back(
      {.name = "device memory",
       .message = absl::StrCat(
           ToString(device.total_memory()), ", ",
           WhoseMemory(device.takes_host_memory(), device.why_host_memory())),
       .bytes = device.total_memory()});
  if (seen.is_host && !device.takes_host_memory()) {
    absl::StrAppend(&findings.back().message,
                    "; but the host driver plays it in the machine's memory, "
                    "where the OS reserve is checked at each grant");
  }
  if (device.supports_virtual_memory()) {
    findings.push_back({.name = "virtual memory",
                        .message = absl::StrCat("blocks are multiples of ",
                                                ToString(device.granularity())),
                        .bytes = device.granularity()});
  } else {
    findings.push_back(
        {.state = State::kLack,
         .name = "virtual memory",
         .message = "the device or its driver cannot map memory by hand",
         .cost = "no region can be reserved: a budget cannot be held on this "
                 "device",
         .remedy = "a driver of CUDA 10.2 or later, and not WDDM or vGPU "
                   "without it"});
  }
  findings.push_back(NvmlFinding(seen));
  return findings;
}

}  // namespace governor
