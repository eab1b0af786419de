#ifndef GOVERNOR_DRIVER_NVML_LOADER_H_
#define GOVERNOR_DRIVER_NVML_LOADER_H_

#include <string>

#include "absl/status/statusor.h"
#include "governor/driver/nvml_api.h"

namespace governor {

struct LoadNvmlOptions {
  // A file name that dlopen searches for, or a path.
  std::string library = "libnvidia-ml.so.1";
};

// Opens NVML and fills an NvmlApi from it; calls nothing in it. The library
// stays loaded until the process ends. Thread-safe. The first call costs what
// dlopen costs.
//
// UNAVAILABLE: dlopen failed; the message has its reason. UNIMPLEMENTED: a
// symbol is missing, which the message names.
absl::StatusOr<NvmlApi> LoadNvml(const LoadNvmlOptions& options = {});

}  // namespace governor

#endif  // GOVERNOR_DRIVER_NVML_LOADER_H_
