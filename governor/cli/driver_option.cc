#include "governor/cli/driver_option.h"

#include <iostream>

#include "governor/base/status_macros.h"
#include "governor/cli/command.h"

namespace governor {

void DriverOption::AddTo(CLI::App& command) {
  command
      .add_option("--driver", text_,
                  "auto, cuda or host (default: GOVERNOR_DRIVER, else auto)")
      ->type_name("NAME");
}

absl::StatusOr<DriverOption::Choice> DriverOption::Open() const {
  GovernorOptions options;
  if (text_) {
    GOVERNOR_ASSIGN_OR_RETURN(options.driver, ParseDriverChoice(*text_));
  }
  GOVERNOR_ASSIGN_OR_RETURN(options,
                            WithEnvironment(options, &ReadProcessEnvironment));
  Choice choice{options.driver.value_or(DriverChoice::kAuto),
                options.host_driver.value_or(""),
                {},
                {}};
  GOVERNOR_ASSIGN_OR_RETURN(
      choice.open,
      OpenOrHost(choice.driver, choice.host_driver, &choice.why_host));
  if (!choice.why_host.empty()) {
    choice.driver = DriverChoice::kHost;
    std::cerr << "governor: " << choice.why_host
              << "; going on with the host driver\n";
  }
  return choice;
}

int Report(const absl::Status& status) {
  if (status.ok()) return kDone;
  std::cerr << "governor: " << std::string(status.message()) << "\n";
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kWrongUsage;
    case absl::StatusCode::kResourceExhausted:
      return kDoesNotFit;
    default:
      return kFailed;
  }
}

}  // namespace governor
