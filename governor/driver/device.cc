#include "governor/driver/device.h"

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/driver/cuda_status.h"

namespace governor {
namespace {

absl::StatusOr<int> Attribute(const DriverApi& api, CUdevice device,
                              CUdevice_attribute attribute) {
  int value = 0;
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(api.DeviceGetAttribute(&value, attribute, device),
                 "cuDeviceGetAttribute"));
  return value;
}

}  // namespace

absl::StatusOr<Device> Device::Open(const DriverApi& api, int ordinal) {
  Device device(api);
  device.ordinal_ = ordinal;
  GOVERNOR_RETURN_IF_ERROR(CudaStatus(api.Init(0), "cuInit"));
  GOVERNOR_RETURN_IF_ERROR(CudaStatus(
      api.DriverGetVersion(&device.driver_version_), "cuDriverGetVersion"));
  int count = 0;
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(api.DeviceGetCount(&count), "cuDeviceGetCount"));
  if (count == 0) {
    return absl::UnavailableError(
        "the CUDA driver sees no device; check nvidia-smi and "
        "CUDA_VISIBLE_DEVICES");
  }
  if (ordinal < 0 || ordinal >= count) {
    return absl::InvalidArgumentError(
        absl::StrCat("no such device: ", ordinal, "; the driver sees ", count,
                     ", numbered 0 to ", count - 1));
  }
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(api.DeviceGet(&device.handle_, ordinal), "cuDeviceGet"));
  char name[256] = {};
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(api.DeviceGetName(name, sizeof(name) - 1, device.handle_),
                 "cuDeviceGetName"));
  device.name_ = name;
  CUuuid uuid = {};
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(api.DeviceGetUuid(&uuid, device.handle_), "cuDeviceGetUuid"));
  static_assert(sizeof(uuid.bytes) == sizeof(device.uuid_));
  std::memcpy(device.uuid_.data(), uuid.bytes, sizeof(uuid.bytes));
  GOVERNOR_ASSIGN_OR_RETURN(
      device.capability_major_,
      Attribute(api, device.handle_,
                CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR));
  GOVERNOR_ASSIGN_OR_RETURN(
      device.capability_minor_,
      Attribute(api, device.handle_,
                CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));
  size_t total = 0;
  GOVERNOR_RETURN_IF_ERROR(CudaStatus(
      api.DeviceTotalMem(&total, device.handle_), "cuDeviceTotalMem"));
  device.total_memory_ = Bytes(total);
  GOVERNOR_ASSIGN_OR_RETURN(
      const int integrated,
      Attribute(api, device.handle_, CU_DEVICE_ATTRIBUTE_INTEGRATED));
  device.is_integrated_ = integrated != 0;
  GOVERNOR_ASSIGN_OR_RETURN(
      const int virtual_memory,
      Attribute(api, device.handle_,
                CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED));
  if (virtual_memory != 0) {
    GOVERNOR_RETURN_IF_ERROR(device.ReadGranularity());
  }
  return device;
}

absl::Status Device::ReadGranularity() {
  const CUmemAllocationProp properties = allocation_properties();
  size_t granularity = 0;
  GOVERNOR_RETURN_IF_ERROR(CudaStatus(
      api_.MemGetAllocationGranularity(&granularity, &properties,
                                       CU_MEM_ALLOC_GRANULARITY_MINIMUM),
      "cuMemGetAllocationGranularity"));
  if (granularity == 0 || (granularity & (granularity - 1)) != 0) {
    return absl::InternalError(
        absl::StrCat("the driver's allocation granularity is no power of two: ",
                     granularity));
  }
  granularity_ = Bytes(granularity);
  return absl::OkStatus();
}

absl::StatusOr<Device> Device::WithPinnedHostMemory(Bytes total) const {
  if (is_integrated_) {
    return absl::UnimplementedError(absl::StrCat(
        "this device's memory is the host's already, and a budget of it is the "
        "plain one; leave pinned_host out: ",
        name_));
  }
  const absl::StatusOr<int> can_map = Attribute(
      api_, handle_,
      CU_DEVICE_ATTRIBUTE_HOST_NUMA_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED);
  if (!supports_virtual_memory() || !can_map.ok() || *can_map == 0) {
    return absl::UnimplementedError(absl::StrCat(
        "the device or its driver cannot map pinned memory of the host by hand "
        "(needs CUDA 12.2): ",
        name_));
  }
  Device device = *this;
  device.pins_host_ = true;
  device.total_memory_ = total;
  // The node that the device is next to; -1 where there is only one.
  const absl::StatusOr<int> node =
      Attribute(api_, handle_, CU_DEVICE_ATTRIBUTE_HOST_NUMA_ID);
  device.host_node_ = node.ok() && *node > 0 ? *node : 0;
  GOVERNOR_RETURN_IF_ERROR(device.ReadGranularity());
  return device;
}

const char* Device::why_host_memory() const {
  if (is_integrated_) return "the device has no memory of its own";
  if (pins_host_) return "the budget is of pinned memory of the host";
  return "the device has memory of its own";
}

CUmemAllocationProp Device::allocation_properties() const {
  CUmemAllocationProp properties = {};
  properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location.type =
      pins_host_ ? CU_MEM_LOCATION_TYPE_HOST_NUMA : CU_MEM_LOCATION_TYPE_DEVICE;
  properties.location.id = pins_host_ ? host_node_ : handle_;
  return properties;
}

absl::Status Device::CheckProcess() const {
  if (is_current_process()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "used in a forked child: CUDA does not survive a fork, and the memory "
      "belongs to the parent; open a governor of its own in the child, or "
      "start the child with spawn");
}

}  // namespace governor
