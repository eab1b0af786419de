#ifndef GOVERNOR_DRIVER_CHOICE_H_
#define GOVERNOR_DRIVER_CHOICE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_driver.h"

namespace governor {

enum class DriverChoice {
  kAuto,  // CUDA, where libcuda and a device answer
  kCuda,
  kHost,  // the CUDA driver API over host memory
};

// `auto`, `cuda` or `host`; INVALID_ARGUMENT for anything else.
absl::StatusOr<DriverChoice> ParseDriverChoice(absl::string_view text);

// The host driver's personality that `text` names, as ParsePersonality reads
// it, with this machine's memory.
absl::StatusOr<Personality> ParseHostDriver(absl::string_view text);

// A driver to work with. `host` owns the table's functions where it is not
// null, and lives as long as they are used.
struct OpenDriver {
  DriverApi api;
  std::shared_ptr<HostDriver> host;
};

// Where CUDA's functions come from: libcuda, but in tests of what it may do.
using CudaSource = std::function<absl::StatusOr<DriverApi>()>;
absl::StatusOr<DriverApi> LoadCuda();

// Opens the driver of `choice`. `host_driver` is the personality of the host
// driver, as ParseHostDriver reads it; "" is gb10.
// Governors of one process that ask for the same personality share one host
// driver, as they would share one CUDA driver.
//
// UNAVAILABLE: no CUDA driver or device answers, for whatever reason; the
//   message, DriverProblemOf and CudaResultOf say which.
// UNIMPLEMENTED: the CUDA driver is too old, or lacks a symbol.
// INVALID_ARGUMENT: `host_driver` is malformed.
absl::StatusOr<OpenDriver> Open(DriverChoice choice,
                                absl::string_view host_driver,
                                const CudaSource& cuda = &LoadCuda);

// The same, but where kAuto cannot use CUDA it goes on with the host driver and
// leaves in `*why_host` why: for commands that only look or plan.
absl::StatusOr<OpenDriver> OpenOrHost(DriverChoice choice,
                                      absl::string_view host_driver,
                                      std::string* why_host,
                                      const CudaSource& cuda = &LoadCuda);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_CHOICE_H_
