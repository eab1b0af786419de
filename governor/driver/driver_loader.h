#ifndef GOVERNOR_DRIVER_DRIVER_LOADER_H_
#define GOVERNOR_DRIVER_DRIVER_LOADER_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "governor/driver/driver_api.h"

namespace governor {

// The oldest CUDA driver that has every row of GOVERNOR_DRIVER_SYMBOLS, as
// cuDriverGetVersion counts: 1000 * major + 10 * minor. It is 11.4 for the sake
// of cuDeviceGetUuid_v2.
inline constexpr int kNeededDriverVersion = 11040;

struct LoadDriverOptions {
  // A file name that dlopen searches for, or a path.
  std::string library = "libcuda.so.1";
};

// Opens the CUDA driver and fills a DriverApi from it. Does not call cuInit, so
// it starts no driver thread, makes no context, and says nothing about whether
// there is a device. The library stays loaded until the process ends, so that
// a DriverApi may be copied freely.
//
// Each exported name is looked up by dlsym, and by cuGetProcAddress_v2 where
// dlsym has none. Thread-safe. The first call costs what dlopen costs.
//
// Failures, told apart by DriverProblemOf:
//   UNAVAILABLE    kNoLibrary: dlopen failed; the message has its reason
//   UNIMPLEMENTED  kTooOld: the message has the version found and needed
//   UNIMPLEMENTED  kSymbolMissing: the message has the symbol's name
//   and what CudaStatus makes of a cuDriverGetVersion that fails, without a
//   DriverProblem.
absl::StatusOr<DriverApi> LoadDriver(const LoadDriverOptions& options = {});

enum class DriverProblem { kNoLibrary, kTooOld, kSymbolMissing };

// Why LoadDriver failed; nullopt for any other status.
std::optional<DriverProblem> DriverProblemOf(const absl::Status& status);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_DRIVER_LOADER_H_
