#ifndef GOVERNOR_CLI_DRIVER_OPTION_H_
#define GOVERNOR_CLI_DRIVER_OPTION_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "governor/options.h"

namespace governor {

// `--driver auto|cuda|host` of one command, over GOVERNOR_DRIVER and
// GOVERNOR_HOST_DRIVER.
class DriverOption {
 public:
  // Both outlive the parsing.
  void AddTo(CLI::App& command);

  // `options` with what the command line says of the driver, and the
  // environment for what neither says. Opens nothing. INVALID_ARGUMENT, naming
  // option or variable: one that does not parse, used or not.
  absl::StatusOr<GovernorOptions> Read(GovernorOptions options = {}) const;

 private:
  std::optional<std::string> text_;
};

// Says on stderr that the host driver stands in, and why; nothing where
// `why_host`, as OpenOrHost leaves it, is empty.
void SayWhyHost(const std::string& why_host);

// Names the option in what its value's parser says.
absl::Status InOption(const char* name, const absl::Status& status);

// Prints a status for people on stderr; returns the exit code that fits it.
int Report(const absl::Status& status);

}  // namespace governor

#endif  // GOVERNOR_CLI_DRIVER_OPTION_H_
