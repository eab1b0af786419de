#include "governor/host/unmanaged_memory.h"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/driver/nvml_loader.h"
#include "governor/host/unmanaged_meters.h"

namespace governor {
namespace {

// More than any context takes: 528 MiB on an H200.
constexpr Bytes kMostOfAContext = GiB(1);

absl::StatusOr<std::shared_ptr<const NvmlDevice>> OpenNvml(
    const Device& device, const std::string& library) {
  GOVERNOR_ASSIGN_OR_RETURN(const NvmlApi api, LoadNvml({.library = library}));
  return NvmlDevice::Open(api, device.uuid());
}

std::unique_ptr<UnmanagedMeter> MakeDeviceDelta(
    const std::shared_ptr<const PrimaryContext>& context,
    const UnmanagedBaseline& baseline, std::string& why_not) {
  if (baseline.device_used && !baseline.had_context) {
    return std::make_unique<DeviceDeltaMeter>(
        context, baseline.nvml,
        /*nvml_figure=*/true, *baseline.device_used, baseline.processes == 0);
  }
  const absl::StatusOr<PrimaryContext::Memory> first = context->ReadMemory();
  if (!first.ok()) {
    absl::StrAppend(&why_not, why_not.empty() ? "" : "; ",
                    first.status().message());
    return nullptr;
  }
  const Bytes used = SaturatingSubtract(first->total, first->free);
  // The one that was there is this one. An empty list would hide us, too.
  const bool was_alone = baseline.had_context && baseline.processes == 1;
  return std::make_unique<DeviceDeltaMeter>(
      context, baseline.nvml, /*nvml_figure=*/false,
      was_alone ? Bytes() : SaturatingSubtract(used, kMostOfAContext),
      was_alone);
}

}  // namespace

void ReadBaselineByNvml(UnmanagedBaseline& baseline) {
  const NvmlDevice& nvml = *baseline.nvml;
  if (const absl::StatusOr<Bytes> used = nvml.ReadUsed(); used.ok()) {
    baseline.device_used = *used;
  }
  const absl::StatusOr<std::vector<NvmlDevice::Process>> processes =
      nvml.ReadProcesses();
  if (!processes.ok()) return;
  baseline.processes = processes->size();
  baseline.number_is_taken =
      !baseline.had_context &&
      std::any_of(processes->begin(), processes->end(),
                  [](const auto& process) { return process.pid == getpid(); });
}

std::optional<Bytes> DriverHeldMemory(const HostSnapshot& snapshot) {
  if (!snapshot.meminfo || !snapshot.zones) return std::nullopt;
  return SaturatingSubtract(snapshot.meminfo->unaccounted,
                            snapshot.zones->per_cpu);
}

UnmanagedBaseline TakeUnmanagedBaseline(const Device& device,
                                        UnmanagedMeterOptions options) {
  UnmanagedBaseline baseline;
  baseline.options = std::move(options);
  if (baseline.options.host_driver != nullptr) return baseline;
  unsigned int flags = 0;
  int active = 0;
  const CUresult result =
      device.api().DevicePrimaryCtxGetState(device.handle(), &flags, &active);
  baseline.had_context = result != CUDA_SUCCESS || active != 0;
  if (!baseline.options.nvml_library.empty()) {
    absl::StatusOr<std::shared_ptr<const NvmlDevice>> nvml =
        OpenNvml(device, baseline.options.nvml_library);
    if (nvml.ok()) {
      baseline.nvml = *std::move(nvml);
      ReadBaselineByNvml(baseline);
    } else {
      baseline.why_no_nvml = std::string(nvml.status().message());
    }
  }
  if (device.is_integrated() && baseline.options.driver_held != nullptr) {
    baseline.driver_held = baseline.options.driver_held();
  }
  return baseline;
}

std::unique_ptr<UnmanagedMeter> MakeUnmanagedMeter(
    std::shared_ptr<const PrimaryContext> context, UnmanagedBaseline baseline) {
  if (baseline.options.host_driver != nullptr) {
    return std::make_unique<BooksMeter>(std::move(context),
                                        *baseline.options.host_driver);
  }
  const Device& device = context->device();
  std::vector<std::unique_ptr<UnmanagedMeter>> meters;
  std::string why_not = baseline.why_no_nvml;
  if (baseline.nvml != nullptr && !baseline.number_is_taken) {
    meters.push_back(std::make_unique<NvmlMeter>(baseline.nvml));
  }
  if (!device.is_integrated()) {
    if (auto meter = MakeDeviceDelta(context, baseline, why_not)) {
      meters.push_back(std::move(meter));
    }
  } else if (baseline.driver_held) {
    meters.push_back(std::make_unique<MachineDeltaMeter>(
        device, baseline.options.driver_held, *baseline.driver_held));
  }
  return std::make_unique<FirstWorkingMeter>(device, std::move(meters),
                                             std::move(why_not));
}

}  // namespace governor
