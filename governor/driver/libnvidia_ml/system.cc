#include "governor/driver/libnvidia_ml/system.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/driver/libcuda/environment_personality.h"

namespace governor {
namespace {

// What a card keeps of its memory before CUDA sees any.
uint64_t ReservedBytes(const Personality& personality) {
  // Measured: NVML's total is that much more than cuMemGetInfo's.
  if (personality.name == "h200") return 644939776;
  // Nobody measured the others.
  return 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NvmlSystem>> NvmlSystem::Create() {
  GOVERNOR_ASSIGN_OR_RETURN(const Personality personality,
                            EnvironmentPersonality());
  GOVERNOR_ASSIGN_OR_RETURN(std::unique_ptr<HostDriver> host,
                            HostDriver::Create(personality));
  host->api().Init(0);
  return std::unique_ptr<NvmlSystem>(new NvmlSystem(std::move(host)));
}

NvmlSystem::NvmlSystem(std::unique_ptr<HostDriver> host)
    : host_(std::move(host)), machine_(host_->personality()) {}

std::string NvmlSystem::driver_version() const {
  // Measured for CUDA 13.0. For CUDA 11.4, of `old`, the first that had it.
  return cuda_version() >= 13000 ? "580.159.04" : "470.42.01";
}

std::string NvmlSystem::nvml_version() const {
  return absl::StrCat(cuda_version() / 1000, ".", driver_version());
}

std::string NvmlSystem::Uuid(int device) const {
  CUuuid uuid = {};
  host_->api().DeviceGetUuid(&uuid, device);
  const std::string digits =
      absl::BytesToHexString(absl::string_view(uuid.bytes, sizeof(uuid.bytes)));
  const absl::string_view all = digits;
  return absl::StrCat("GPU-", all.substr(0, 8), "-", all.substr(8, 4), "-",
                      all.substr(12, 4), "-", all.substr(16, 4), "-",
                      all.substr(20));
}

std::optional<int> NvmlSystem::DeviceAt(const std::string& bus_id) const {
  CUdevice device = 0;
  if (host_->api().DeviceGetByPCIBusId(&device, bus_id.c_str()) !=
      CUDA_SUCCESS) {
    return std::nullopt;
  }
  return device;
}

int NvmlSystem::Attribute(CUdevice_attribute attribute, int device) const {
  int value = 0;
  host_->api().DeviceGetAttribute(&value, attribute, device);
  return value;
}

std::optional<NvmlSystem::Memory> NvmlSystem::MemoryOf(int device) const {
  if (Attribute(CU_DEVICE_ATTRIBUTE_INTEGRATED, device) != 0) {
    return std::nullopt;
  }
  const uint64_t memory = host_->personality().memory.count();
  const uint64_t reserved = ReservedBytes(host_->personality());
  uint64_t used = 0;
  for (const DeviceProcess& process : Processes(device)) {
    used += process.held_bytes;
  }
  // Each process has a host driver of its own, and together they may hold more
  // than the machine that they share would have.
  used = std::min(used, memory);
  return Memory{.total = memory + reserved,
                .reserved = reserved,
                .free = memory - used,
                .used = used};
}

}  // namespace governor
