#include "governor/driver/nvml_device.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

// A list that names more than this is not believed.
constexpr unsigned int kMostProcesses = 1 << 16;

absl::StatusCode CodeOf(int result) {
  switch (result) {
    case kNvmlSuccess:
      return absl::StatusCode::kOk;
    case kNvmlInvalidArgument:
      return absl::StatusCode::kInvalidArgument;
    case kNvmlNotSupported:
    case kNvmlFunctionNotFound:
      return absl::StatusCode::kUnimplemented;
    case kNvmlNoPermission:
      return absl::StatusCode::kPermissionDenied;
    case kNvmlNotFound:
      return absl::StatusCode::kNotFound;
    case kNvmlDriverNotLoaded:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

std::string UuidText(absl::string_view kind,
                     const std::array<uint8_t, 16>& uuid) {
  const std::string hex = absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(uuid.data()), uuid.size()));
  return absl::StrCat(kind, hex.substr(0, 8), "-", hex.substr(8, 4), "-",
                      hex.substr(12, 4), "-", hex.substr(16, 4), "-",
                      hex.substr(20));
}

}  // namespace

std::string NvmlUuid(const std::array<uint8_t, 16>& uuid) {
  return UuidText("GPU-", uuid);
}

absl::Status NvmlStatus(const NvmlApi& api, int result,
                        absl::string_view function) {
  if (result == kNvmlSuccess) return absl::OkStatus();
  const char* const text = api.ErrorString(result);
  return absl::Status(CodeOf(result),
                      absl::StrCat(function, ": ", text == nullptr ? "" : text,
                                   " (nvmlReturn_t ", result, ")"));
}

absl::StatusOr<std::shared_ptr<const NvmlDevice>> NvmlDevice::Open(
    const NvmlApi& api, const std::array<uint8_t, 16>& uuid) {
  // Before there is something whose end would shut NVML down.
  GOVERNOR_RETURN_IF_ERROR(NvmlStatus(api, api.Init(), "nvmlInit_v2"));
  const std::shared_ptr<NvmlDevice> device(new NvmlDevice(api));
  int result =
      api.DeviceGetHandleByUUID(NvmlUuid(uuid).c_str(), &device->handle_);
  if (result != kNvmlSuccess) {
    // A part of a card (MIG) has the UUID that CUDA tells of it.
    const int as_part = api.DeviceGetHandleByUUID(
        UuidText("MIG-", uuid).c_str(), &device->handle_);
    if (as_part == kNvmlSuccess) result = as_part;
  }
  GOVERNOR_RETURN_IF_ERROR(
      NvmlStatus(api, result, "nvmlDeviceGetHandleByUUID"));
  return device;
}

NvmlDevice::~NvmlDevice() {
  if (process_.is_current()) api_.Shutdown();
}

absl::Status NvmlDevice::CheckProcess() const {
  if (process_.is_current()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "NVML used in a forked child: it was opened by the parent; open a "
      "governor of its own in the child");
}

absl::StatusOr<Bytes> NvmlDevice::ReadUsed() const {
  GOVERNOR_RETURN_IF_ERROR(CheckProcess());
  NvmlMemory memory = {};
  GOVERNOR_RETURN_IF_ERROR(
      NvmlStatus(api_, api_.DeviceGetMemoryInfo(handle_, &memory),
                 "nvmlDeviceGetMemoryInfo"));
  return Bytes(memory.used);
}

absl::StatusOr<std::vector<NvmlDevice::Process>> NvmlDevice::ReadProcesses()
    const {
  GOVERNOR_RETURN_IF_ERROR(CheckProcess());
  std::vector<NvmlProcess> listed(16);
  int result = kNvmlSuccess;
  unsigned int count = 0;
  do {
    count = static_cast<unsigned int>(listed.size());
    result =
        api_.DeviceGetComputeRunningProcesses(handle_, &count, listed.data());
    if (result != kNvmlInsufficientSize || count > kMostProcesses) break;
    // Others may start meanwhile.
    listed.resize(std::max<size_t>(count, listed.size()) * 2);
  } while (listed.size() <= kMostProcesses);
  GOVERNOR_RETURN_IF_ERROR(
      NvmlStatus(api_, result, "nvmlDeviceGetComputeRunningProcesses"));
  if (count > listed.size()) {
    return absl::InternalError(absl::StrCat(
        "nvmlDeviceGetComputeRunningProcesses: it says that it wrote ", count,
        " processes, into room for ", listed.size()));
  }
  std::vector<Process> processes;
  for (unsigned int i = 0; i < count; ++i) {
    Process process;
    process.pid = static_cast<pid_t>(listed[i].pid);
    if (listed[i].used_gpu_memory != kNvmlNotAvailable) {
      process.used = Bytes(listed[i].used_gpu_memory);
    }
    processes.push_back(process);
  }
  return processes;
}

}  // namespace governor
