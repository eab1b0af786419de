#include "governor/driver/host_driver/device_calls.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "governor/driver/cuda_result_names.h"
#include "governor/driver/symbol_versions.h"

namespace governor {
namespace {

// The last CUdevice_attribute of CUDA 13.0. By number, so that an older header
// does not make fewer of them valid.
constexpr int kLastAttribute = 147;

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
  const auto matches = [&](const char* row) {
    return BaseNameOf(row) == absl::string_view(symbol);
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
  const auto& attributes = state_.personality.attributes;
  const auto found = attributes.find(number);
  *value = found == attributes.end() ? 0 : found->second;
  return CUDA_SUCCESS;
}

}  // namespace governor
