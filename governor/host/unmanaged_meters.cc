#include "governor/host/unmanaged_meters.h"

#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/driver/cuda_status.h"

namespace governor {
namespace {

// What a driver takes of the device for itself when a process comes, in no
// process's figure: 5.6 MiB by NVML and 8.8 MiB by cuMemGetInfo on an H200 with
// driver 580.159.04, whatever the process did then.
constexpr Bytes kDriverOwn = MiB(16);

// The counters of meminfo are kept per CPU, and lag by up to 125 pages of each:
// 10 MiB with 20 CPUs. Rounded up.
constexpr Bytes kMachineSwing = MiB(16);

// What was summed of figures that somebody else wrote.
Bytes SaturatingAdd(Bytes a, Bytes b) {
  return CheckedAdd(a, b).value_or(Bytes(~uint64_t{0}));
}

absl::StatusOr<bool> IsContextActive(const Device& device) {
  unsigned int flags = 0;
  int active = 0;
  GOVERNOR_RETURN_IF_ERROR(CudaStatus(
      device.api().DevicePrimaryCtxGetState(device.handle(), &flags, &active),
      "cuDevicePrimaryCtxGetState"));
  return active != 0;
}

}  // namespace

absl::StatusOr<UnmanagedReading> BooksMeter::Read(Bytes governed) const {
  const Device& device = context_->device();
  GOVERNOR_RETURN_IF_ERROR(device.CheckProcess());
  UnmanagedReading reading{.unmanaged = {},
                           .uncertainty = {},
                           .means = "books",
                           .other_processes = {}};
  Bytes held;
  if (device.is_integrated()) {
    GOVERNOR_ASSIGN_OR_RETURN(const bool active, IsContextActive(device));
    held = driver_.physical_bytes() + driver_.pinned_bytes() +
           driver_.managed_bytes();
    if (active) held += driver_.personality().context;
  } else {
    // The books have all devices together, and what is on the host; the device
    // has one's own, and nobody but this process uses it.
    GOVERNOR_ASSIGN_OR_RETURN(const PrimaryContext::Memory memory,
                              context_->ReadMemory());
    held = SaturatingSubtract(memory.total, memory.free);
    reading.other_processes = Bytes();
  }
  reading.unmanaged = SaturatingSubtract(held, governed);
  return reading;
}

absl::StatusOr<UnmanagedReading> NvmlMeter::Read(Bytes governed) const {
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<NvmlDevice::Process> processes,
                            nvml_->ReadProcesses());
  const pid_t own = getpid();
  std::optional<Bytes> held;
  std::optional<Bytes> others = Bytes();
  for (const NvmlDevice::Process& process : processes) {
    if (process.pid == own) {
      held = process.used;
    } else if (process.used && others) {
      others = SaturatingAdd(*others, *process.used);
    } else {
      others = std::nullopt;
    }
  }
  if (!held) {
    return absl::UnavailableError(absl::StrCat(
        "NVML tells no memory of this process, as in a container without the "
        "host's PID namespace: process ",
        own, " among ", processes.size()));
  }
  if (*held < governed) {
    return absl::UnavailableError(absl::StrCat(
        "NVML's figure for this process is less than governor holds; it may be "
        "another's of the same number: process ",
        own, ", ", ToString(*held), " of ", ToString(governed)));
  }
  return UnmanagedReading{.unmanaged = *held - governed,
                          .uncertainty = {},
                          .means = "nvml",
                          .other_processes = others};
}

absl::StatusOr<Bytes> DeviceDeltaMeter::ReadUsed() const {
  if (nvml_figure_) return nvml_->ReadUsed();
  GOVERNOR_ASSIGN_OR_RETURN(const PrimaryContext::Memory memory,
                            context_->ReadMemory());
  return SaturatingSubtract(memory.total, memory.free);
}

absl::StatusOr<UnmanagedReading> DeviceDeltaMeter::Read(Bytes governed) const {
  GOVERNOR_RETURN_IF_ERROR(context_->device().CheckProcess());
  GOVERNOR_ASSIGN_OR_RETURN(const Bytes used, ReadUsed());
  UnmanagedReading reading{
      .unmanaged = SaturatingSubtract(used, SaturatingAdd(others_, governed)),
      .uncertainty = {},
      .means = "delta",
      .other_processes = {}};
  reading.uncertainty = reading.unmanaged;
  if (!was_alone_ || nvml_ == nullptr) return reading;
  const absl::StatusOr<std::vector<NvmlDevice::Process>> processes =
      nvml_->ReadProcesses();
  if (processes.ok() && processes->size() == 1) {
    reading.uncertainty = std::min(reading.unmanaged, kDriverOwn);
    reading.other_processes = Bytes();
  }
  return reading;
}

absl::StatusOr<UnmanagedReading> MachineDeltaMeter::Read(Bytes governed) const {
  GOVERNOR_RETURN_IF_ERROR(device_.CheckProcess());
  const std::optional<Bytes> held = driver_held_();
  if (!held) {
    return absl::UnavailableError(
        "the machine does not tell what its drivers hold: /proc/meminfo or "
        "/proc/zoneinfo cannot be read");
  }
  const Bytes unmanaged =
      SaturatingSubtract(*held, SaturatingAdd(before_, governed));
  return UnmanagedReading{
      .unmanaged = unmanaged,
      .uncertainty = SaturatingAdd(unmanaged, kMachineSwing),
      .means = "delta",
      .other_processes = {}};
}

absl::StatusOr<UnmanagedReading> FirstWorkingMeter::Read(Bytes governed) const {
  GOVERNOR_RETURN_IF_ERROR(device_.CheckProcess());
  std::string reasons = why_not_others_;
  for (const auto& meter : meters_) {
    absl::StatusOr<UnmanagedReading> reading = meter->Read(governed);
    if (reading.ok()) return reading;
    absl::StrAppend(&reasons, reasons.empty() ? "" : "; ",
                    reading.status().message());
  }
  return absl::UnavailableError(
      absl::StrCat("unmanaged memory cannot be measured here: ", reasons));
}

}  // namespace governor
