#ifndef GOVERNOR_CLI_DRIVER_OPTION_H_
#define GOVERNOR_CLI_DRIVER_OPTION_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "governor/driver_choice.h"
#include "governor/options.h"

namespace governor {

// `--driver auto|cuda|host` of one command, over GOVERNOR_DRIVER and
// GOVERNOR_HOST_DRIVER.
class DriverOption {
 public:
  // Both outlive the parsing.
  void AddTo(CLI::App& command);

  // What stands below this command. Where no CUDA driver answers and none was
  // asked for, it goes on with the host driver and says so on stderr.
  struct Choice {
    DriverChoice driver;
    std::string host_driver;
    OpenDriver open;
    std::string why_host;  // empty where CUDA answered or `host` was asked for
  };
  absl::StatusOr<Choice> Open() const;

 private:
  std::optional<std::string> text_;
};

// Prints a status for people on stderr; returns the exit code that fits it.
int Report(const absl::Status& status);

}  // namespace governor

#endif  // GOVERNOR_CLI_DRIVER_OPTION_H_
