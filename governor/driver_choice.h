#ifndef GOVERNOR_DRIVER_CHOICE_H_
#define GOVERNOR_DRIVER_CHOICE_H_

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

// A driver to work with. `host` owns the table's functions where it is not
// null, and lives as long as they are used.
struct OpenDriver {
  DriverApi api;
  std::shared_ptr<HostDriver> host;
};

// Opens the driver of `choice`. `host_driver` is the personality of the host
// driver, as ParsePersonality reads it; "" is gb10 with this machine's memory.
// Governors of one process that ask for the same personality share one host
// driver, as they would share one CUDA driver.
//
// UNAVAILABLE, UNIMPLEMENTED: no CUDA driver, one too old, or no device; the
// message says which. INVALID_ARGUMENT: `host_driver` is malformed.
absl::StatusOr<OpenDriver> Open(DriverChoice choice,
                                absl::string_view host_driver);

// The same, but where kAuto finds no CUDA it goes on with the host driver and
// leaves in `*why_host` why: for commands that only look or plan.
absl::StatusOr<OpenDriver> OpenOrHost(DriverChoice choice,
                                      absl::string_view host_driver,
                                      std::string* why_host);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_CHOICE_H_
