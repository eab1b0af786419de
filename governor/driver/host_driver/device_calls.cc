#include "governor/driver/host_driver/device_calls.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "governor/driver/cuda_result_names.h"
#include "governor/driver/host_driver/pci_address.h"
#include "governor/driver/symbol_versions.h"

namespace governor {
namespace {

// The last CUdevice_attribute of CUDA 13.0. By number, so that an older header
// does not make fewer of them valid.
constexpr int kLastAttribute = 147;

// Chosen: each device on a bus of its own, from bus 1, as the attributes say.
PciAddress PciAddressOf(int device) { return {.bus = device + 1}; }

}  // namespace

CUresult DeviceCalls::Init(unsigned int flags) {
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  state_.initialized.store(true);
  return CUDA_SUCCESS;
}

CUresult DeviceCalls::DriverGetVersion(int* version) {
  if (version == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *version = state_.personality.driver_version;
  return CUDA_SUCCESS;
}

CUresult DeviceCalls::GetErrorName(CUresult error, const char** name) {
  if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<CudaResultName> known = NameOfCudaResult(error);
  *name = known ? known->name : nullptr;
  return known ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult DeviceCalls::GetErrorString(CUresult error, const char** text) {
  if (text == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<CudaResultName> known = NameOfCudaResult(error);
  *text = known ? known->description : nullptr;
  return known ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult DeviceCalls::GetProcAddress(const char* symbol, void** function,
                                     int version, cuuint64_t flags,
                                     CUdriverProcAddressQueryResult* found) {
  constexpr cuuint64_t kKnownFlags =
      CU_GET_PROC_ADDRESS_LEGACY_STREAM |
      CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM;
  if (symbol == nullptr || function == nullptr || (flags & ~kKnownFlags) != 0 ||
      version > state_.personality.driver_version) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Measured: what is not found is a success too, and null.
  const auto answer = [&](void* address, CUdriverProcAddressQueryResult why) {
    *function = address;
    if (found != nullptr) *found = why;
    return CUDA_SUCCESS;
  };
  const absl::string_view name = symbol;
  const auto matches = [name](absl::string_view row) {
    // What has no number of a variant is also known by its own name.
    const bool own_name = !absl::StrContains(row, "_v");
    return BaseNameOf(row) == name || (own_name && row == name);
  };
#define GOVERNOR_FIND(field, row)                                             \
  if (matches(#row)) {                                                        \
    return IntroducedIn(#row) <= version                                      \
               ? answer(reinterpret_cast<void*>(state_.api.field),            \
                        CU_GET_PROC_ADDRESS_SUCCESS)                          \
               : answer(nullptr, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT); \
  }
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_FIND)
  GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_FIND)
#undef GOVERNOR_FIND
  return answer(nullptr, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
}

CUresult DeviceCalls::DeviceGet(CUdevice* device, int ordinal) {
  if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(ordinal)) return CUDA_ERROR_INVALID_DEVICE;
  *device = ordinal;
  return CUDA_SUCCESS;
}

CUresult DeviceCalls::DeviceGetCount(int* count) {
  if (count == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *count = state_.personality.devices;
  return CUDA_SUCCESS;
}

CUresult DeviceCalls::DeviceGetName(char* name, int size, CUdevice device) {
  if (name == nullptr || size <= 0) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  const std::string& full = state_.personality.device_name;
  const size_t length = std::min<size_t>(full.size(), size - 1);
  std::memcpy(name, full.data(), length);
  name[length] = '\0';
  return CUDA_SUCCESS;
}

CUresult DeviceCalls::DeviceGetUuid(CUuuid* uuid, CUdevice device) {
  if (uuid == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  // The same in every process, as a device's is, and readable in a dump.
  const std::string text =
      absl::StrCat("governor", state_.personality.name, "-", device);
  std::memset(uuid->bytes, 0, sizeof(uuid->bytes));
  std::memcpy(uuid->bytes, text.data(),
              std::min(text.size(), sizeof(uuid->bytes)));
  return CUDA_SUCCESS;
}

CUresult DeviceCalls::DeviceTotalMem(size_t* bytes, CUdevice device) {
  if (bytes == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  *bytes = state_.personality.memory.count();
  return CUDA_SUCCESS;
}

CUresult DeviceCalls::DeviceGetAttribute(int* value,
                                         CUdevice_attribute attribute,
                                         CUdevice device) {
  if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  const int number = static_cast<int>(attribute);
  if (number < 1 || number > kLastAttribute) return CUDA_ERROR_INVALID_VALUE;
  if (number == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID) {
    *value = PciAddressOf(device).bus;
    return CUDA_SUCCESS;
  }
  const auto& attributes = state_.personality.attributes;
  const auto found = attributes.find(number);
  *value = found == attributes.end() ? 0 : found->second;
  return CUDA_SUCCESS;
}

CUresult DeviceCalls::DeviceGetPCIBusId(char* bus_id, int length,
                                        CUdevice device) {
  if (bus_id == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  const std::string text = FormatPciAddress(PciAddressOf(device));
  // Chosen: nothing rather than a part of it.
  if (length < static_cast<int>(text.size()) + 1) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  std::memcpy(bus_id, text.c_str(), text.size() + 1);
  return CUDA_SUCCESS;
}

CUresult DeviceCalls::DeviceGetByPCIBusId(CUdevice* device,
                                          const char* bus_id) {
  if (device == nullptr || bus_id == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<PciAddress> address = ParsePciAddress(bus_id);
  if (!address) return CUDA_ERROR_INVALID_VALUE;
  for (int i = 0; i < state_.personality.devices; ++i) {
    if (PciAddressOf(i) == *address) {
      *device = i;
      return CUDA_SUCCESS;
    }
  }
  return CUDA_ERROR_INVALID_DEVICE;
}

CUresult DeviceCalls::DeviceGetLuid(char* luid, unsigned int* node_mask,
                                    CUdevice device) {
  if (luid == nullptr || node_mask == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  return CUDA_ERROR_NOT_SUPPORTED;  // there are none but on Windows
}

}  // namespace governor
