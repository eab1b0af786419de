#include "governor/driver/nvml_loader.h"

#include <dlfcn.h>

#include <initializer_list>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

// Puts the first of these symbols that is there into `*function`.
template <typename Function>
absl::Status Find(void* library, const std::string& name,
                  std::initializer_list<const char*> symbols,
                  Function* function) {
  for (const char* symbol : symbols) {
    *function = reinterpret_cast<Function>(dlsym(library, symbol));
    if (*function != nullptr) return absl::OkStatus();
  }
  return absl::UnimplementedError(absl::StrCat(
      "NVML lacks a symbol that governor needs; install a newer NVIDIA driver: "
      "symbol ",
      *symbols.begin(), ", library ", name));
}

}  // namespace

absl::StatusOr<NvmlApi> LoadNvml(const LoadNvmlOptions& options) {
  const std::string& name = options.library;
  // Never closed: the functions must outlive every copy of the table.
  void* const library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const reason = dlerror();
    return absl::UnavailableError(absl::StrCat(
        "NVML cannot be opened; it comes with the NVIDIA driver: ",
        reason == nullptr ? "no reason given" : reason, ", library ", name));
  }
  NvmlApi api;
  GOVERNOR_RETURN_IF_ERROR(Find(library, name, {"nvmlInit_v2"}, &api.Init));
  GOVERNOR_RETURN_IF_ERROR(
      Find(library, name, {"nvmlShutdown"}, &api.Shutdown));
  GOVERNOR_RETURN_IF_ERROR(
      Find(library, name, {"nvmlErrorString"}, &api.ErrorString));
  GOVERNOR_RETURN_IF_ERROR(Find(library, name, {"nvmlDeviceGetHandleByUUID"},
                                &api.DeviceGetHandleByUUID));
  GOVERNOR_RETURN_IF_ERROR(Find(library, name, {"nvmlDeviceGetMemoryInfo"},
                                &api.DeviceGetMemoryInfo));
  GOVERNOR_RETURN_IF_ERROR(Find(library, name,
                                {"nvmlDeviceGetComputeRunningProcesses_v3",
                                 "nvmlDeviceGetComputeRunningProcesses_v2"},
                                &api.DeviceGetComputeRunningProcesses));
  return api;
}

}  // namespace governor
